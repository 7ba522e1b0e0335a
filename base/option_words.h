/*
 * option_words.h - a command line is looked through before getopt_long(3) or argp(3) reads it.
 *
 * Both take abbreviations (`--port` was `--portmap` once) and empty values (a variable that is not
 * set). Used by cmd/loopnfsd/options.c (loopnfsd), lib/serve.c (a
 * program with the library) and cmd/loopnfs/main.c (the tool).
 */
#ifndef BASE_OPTION_WORDS_H
#define BASE_OPTION_WORDS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * That each option is given by its whole name, with a value that is not empty where it has one and
 * without where it has none, that no other argument is empty, and that no option is given two
 * values, except for those whose val `repeats` says true of. `rows` ends with a NULL name; a row's
 * val is its letter where it has one. `expected` says for a row's val what its value is to be. With
 * in_order, what follows the first argument that is no option is not looked at. 0, or EINVAL with
 * one line in `message`.
 */
int option_words_check(int argc, char **argv, const struct option *rows,
                       const char *(*expected)(int val), bool (*repeats)(int val), bool in_order,
                       char *message, size_t size);

#endif
