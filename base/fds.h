/*
 * fds.h - the process' descriptors: who gets how many, and what happens when they are short.
 *
 * The limit (RLIMIT_NOFILE) is shared out once, at the start: some are the server's own and its
 * calls', of the rest half are for connections and half for the cache of files. Whoever meets
 * EMFILE all the same says so; the others then give up what they can do without (net/loop.c ends
 * connections that are idle, vfs/vnode_table.c closes files).
 */
#ifndef BASE_FDS_H
#define BASE_FDS_H

#include <stdatomic.h>
#include <stdint.h>

struct fds_shares {
    uint32_t connections, cache;
};
/* Of the limit as it is now. */
void fds_share(struct fds_shares *shares);

/* How often they were short. */
extern _Atomic uint32_t fds_shortages;
static inline void fds_are_short(void)
{
    fds_shortages++;
}

#endif
