/*
 * world.h - the whole server in the test's own process: exports of hostfs, the three programs, and
 * rpc_dispatch() called with messages; used by dispatch.c and by libFuzzer's target.
 *
 * Beside the exports lies a tree that nobody may touch (the canary). Everything is on a small tmpfs
 * without devices where that may be mounted, so that a message can neither fill the disk nor open a
 * device; elsewhere in a directory of /tmp. One world a process.
 */
#ifndef TESTS_FUZZ_WORLD_H
#define TESTS_FUZZ_WORLD_H

#include "tests/fuzz/generate.h"

struct world {
    bool table_handles; /* set before world_begin() */
    char base[64];
    char export_dir[80], squash_dir[80], readonly_dir[80], outside_dir[80], state_dir[80];
    const char *paths[8]; /* what can be asked of MNT; NULL ends them */
    uint8_t *reply;       /* exactly the room that net/ promises */
    struct handles handles;
    uint64_t canary;
    uint64_t calls, done; /* calls made; those that ended with status 0 */
};

void world_begin(struct world *world);
/* Ends the server: no node, descriptor or reply of it is left. */
void world_finish(struct world *world);
/* The exports' trees as they were at first; handles of their roots are fetched again. */
void world_restore(struct world *world);
/* One message, from a client and over a transport that `random` chooses. NULL, or what is wrong
 * with the reply, or with the state of the server after it. */
const char *world_call(struct world *world, struct random *random, const struct bytes *message);
/* Whether something outside of the exports is not what it was: NULL, or what is said then. */
const char *world_check_canary(struct world *world);
/* Prints a message as the words of a C array. */
void world_print(const struct bytes *message);

/* Of this process: open descriptors, bytes from malloc. */
int world_open_fds(void);
size_t world_heap(void);

#endif
