/*
 * limit.h - what the files of the yardstick share.
 *
 * limit answers nfsbench's calls with only the system calls that nobody could leave out, and
 * without a check of anything. It is no server: it trusts every byte, knows one caller, and forgets
 * everything at its end. limit.c receives and sends, limit_calls.c answers, limit_files.c
 * knows directories and open files. One thread.
 */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include "bench/wire.h"
#include <sys/stat.h>

#define LIMIT_DATA_MAX (1u << 20)
#define LIMIT_CALL_MAX (LIMIT_DATA_MAX + 4096)
#define LIMIT_NAME_MAX 56u

/* limit_calls.c: answers the call in `message` (behind its record mark) into `out`, which has
 * LIMIT_CALL_MAX bytes of room. Returns the reply's length. */
size_t limit_answer(const uint8_t *message, size_t len, uint8_t *out);
/* Set: READ is answered from a mapping of the file, without a system call or attributes, as a file
 * system that has its data in memory might. */
extern bool limit_from_memory;

/* limit_files.c: handles are either a directory's number, or the number of the directory and the
 * name in it. Functions that return int: a descriptor, or -errno. */
void files_begin(const char *root);
/* The descriptor of a directory or file: opened the first time, kept then. */
int files_open(const struct wire_fh *fh);
void files_handle(const struct wire_fh *directory, const char *name, size_t len,
                  struct wire_fh *out);
void files_forget(const struct wire_fh *directory, const char *name, size_t len);
/* A directory that was made, or found: with a number of its own. */
int files_directory(const struct wire_fh *parent, const char *name, struct wire_fh *out);
/* A descriptor to read a directory with, and where it stands. */
struct listing {
    int fd;
    uint64_t at;
};
struct listing *files_listing(const struct wire_fh *fh);
int files_stat(int fd, const char *name, struct statx *out);

#endif
