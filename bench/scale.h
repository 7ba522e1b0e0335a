/*
 * scale.h - what the files of nfsscale share.
 *
 * nfsscale measures how the cost of a call grows with what a server has to do with: entries of a
 * directory, files, handles it once gave out, connections. scale.c has the options and what all
 * measurements need; each scale_*.c has one kind of them. The calls are those of the load generator
 * (works.c, load.c, prepare.c). bench/scale runs it, and judges.
 *
 * What is measured goes to standard output, a line a round: a key, the rate (1/s) and the server's
 * CPU time (us), both for one call or one entry.
 */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

#include "bench/nfsbench.h"

#define SCALE_DEPTH 32

struct scale {
    struct target target;
    uint16_t mount_port;
    unsigned rounds;
    double seconds;   /* of a round that has no end of its own */
    const char *path; /* of the export, or of the directory */
    const char *file; /* where the handles are kept; or NULL */
    bool plus_only;   /* the server knows no READDIR */
};

/* All that is known of the files of a directory, by number. */
struct memory {
    struct known *known;
    uint32_t files;
};

/* --- scale.c: 0, or an errno after a message --- */

/* Runs `run` on one connection with so many calls in flight; a wrong reply is an error. */
int scale_run(const struct scale *scale, struct run *run, uint32_t depth, double seconds,
              const char *what, struct outcome *outcome);
/* Makes a directory of ours in the export, with a small directory, and one of so many entries. */
int scale_site(const struct scale *scale, const char *name, uint32_t entries, struct site *site);
/* Says what was measured; `per`: how many calls or entries that were. */
void scale_report(const char *key, const struct outcome *outcome, uint64_t per);
int memory_create(struct memory *memory, uint32_t files);
void memory_destroy(struct memory *memory);
int memory_save(const struct memory *memory, const char *file);
int memory_load(struct memory *memory, const char *file);
/* Lists site->list once, READDIRPLUS, and notes all of it. */
int memory_learn(const struct scale *scale, struct site *site, struct memory *memory,
                 struct outcome *outcome);
/* The numbers below `count`, in random order. */
uint32_t *scale_order(uint32_t count, uint64_t seed);
double scale_now(void);

/* --- the measurements: arguments after HOST:PATH --- */

/* Makes directories of so many entries each; lists them, looks up in them and in a small one. */
int scale_dirs(const struct scale *scale, int argc, char **argv);
/* Lists a directory that has so many entries and keeps their handles. */
int scale_learn(const struct scale *scale, int argc, char **argv);
/* GETATTR of all handles that are kept, in random order; and of the first so many of them. */
int scale_touch(const struct scale *scale, int argc, char **argv);
/* Starts a server again and again, until it answers and knows its handles. */
int scale_start(const struct scale *scale, int argc, char **argv);
/* GETATTR on one connection, with and without so many idle ones besides. */
int scale_idle(const struct scale *scale, int argc, char **argv);

#endif
