/*
 * fds.h - how the process' file descriptors are shared out, and what happens when they are short.
 *
 * The limit (RLIMIT_NOFILE) is shared out once, at the start. Some descriptors are for the server
 * itself and for calls in progress. Of the rest, half are for connections and half for the cache of
 * open files. Code that gets EMFILE in spite of this calls fds_are_short(). The owners of caches
 * then give up descriptors: net/loop.c ends idle connections, vfs/vnode_table.c closes files.
 */
#ifndef BASE_FDS_H
#define BASE_FDS_H

#include <stdatomic.h>
#include <stdint.h>

struct fds_shares {
    uint32_t connections, cache;
};
/* Computes the shares from the current limit. */
void fds_share(struct fds_shares *shares);

/* How often descriptors were short since the start. */
extern _Atomic uint32_t fds_shortages;
static inline void fds_are_short(void)
{
    fds_shortages++;
}

#endif
