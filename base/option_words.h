/*
 * option_words.h - checks a command line before getopt_long(3) or argp(3) reads it.
 *
 * Both accept abbreviations (`--port` meant `--portmap` once) and empty values (from a shell
 * variable that is not set). Used by cmd/loopnfsd/options.c (loopnfsd), lib/serve.c (a program with
 * the library) and cmd/loopnfs/main.c (the tool).
 */
#ifndef BASE_OPTION_WORDS_H
#define BASE_OPTION_WORDS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Checks that each option is given by its whole name, has a value that is not empty where it takes
 * one and no value where it takes none, that no other argument is empty, and that no option is
 * given two different values unless repeats(val) says that it may be.
 *
 * `rows` ends with a NULL name; a row's val is its letter where it has one. expected(val) describes
 * the value that the option takes, for the message. With in_order, arguments after the first one
 * that is no option are not checked. Returns 0, or EINVAL with one line in `message`, of at most
 * `size` bytes.
 */
int option_words_check(int argc, char **argv, const struct option *rows,
                       const char *(*expected)(int val), bool (*repeats)(int val), bool in_order,
                       char *message, size_t size);

#endif
