/*
 * run.h - between main.c, which reads the command line, and what runs the bodies: run.c (a process
 * for each), caps.c (what the target can do), server.c (a loopnfsd for the wire). The bodies know
 * nothing of it.
 */
#ifndef TESTS_CONFORMANCE_RUN_H
#define TESTS_CONFORMANCE_RUN_H

#include "tests/conformance/conformance.h"

struct run {
    struct target target;
    bool scratch;     /* the source is a new directory, removed afterwards */
    uint32_t without; /* enum cap: what is not to be used */
    bool has_declared;
    uint32_t declared;    /* what the target is said to have: anything else is a failure */
    const char *pattern;  /* of names of bodies: fnmatch(3); NULL: all */
    const char *topic;    /* only the bodies of this source, "listing"; NULL: all */
    const char *limits;   /* patterns, with commas between: these bodies can't pass here */
    bool limits_hold;     /* one that passes all the same is a failure */
    bool one_server;      /* bodies share a server, but for those that start it anew */
    bool skip_is_failure; /* what was declared may not be skipped after all */
};

const struct body *body_first(void);
/* With which fail_at() ends the process. */
extern int fail_status;

/* --- caps.c --- */

/* "files,links": false, and *unknown is set, where a word is none. */
bool caps_parse(const char *words, uint32_t *caps, const char **unknown);
/* "files links", in a buffer of its own until the next call. */
const char *caps_text(uint32_t caps);
/* What the mounted target can do; it may try. */
uint32_t caps_find(const struct target *target);

/* --- run.c --- */

/* The name of `here` in the root. */
const char *here_name_of(void);
/* This process is that user from now on. */
void become(uid_t uid);

/* Runs the bodies and prints TAP; the exit status of the program. */
int run_bodies(const struct run *run);

/* --- server.c --- */

/* Opens the program of target->server, while the process may still reach it. */
void server_open(const struct target *target);
/* Starts target->server on the file system: *port it listens at, *path is what can be mounted. */
void server_begin(const struct target *target, uint16_t *port, const char **path);
/* Kills it, calls `between` where it isn't NULL, and starts it again with the same state at the
 * same port. */
void server_again(const struct target *target, void (*between)(void));
void server_end(void);
/* In a process that was forked since: the server is not its to end. */
void server_forget(void);

/* Removes a directory and all in it. */
void tree_remove(const char *path);

#endif
