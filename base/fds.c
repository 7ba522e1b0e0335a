/*
 * fds.c - see fds.h.
 */
#include "base/fds.h"
#include <sys/resource.h>

/* Descriptors for the server itself: standard streams, sockets, epoll sets, state, watchers,
 * directories of exports, and those that calls open for a short time. */
#define OWN_FDS 64
/* One in CALLS_PART of all descriptors is for calls that sleep and keep theirs open. */
#define CALLS_PART 12
/* More open files than this make no file system faster. */
#define CACHE_MAX 65536

_Atomic uint32_t fds_shortages;

void fds_share(struct fds_shares *shares)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > UINT32_MAX / 2)
        limit.rlim_cur = 1 << 20;
    uint32_t all = (uint32_t)limit.rlim_cur;
    uint32_t own = OWN_FDS + all / CALLS_PART;
    if (own > all / 2)
        own = all / 2;
    shares->connections = (all - own) / 2;
    shares->cache = shares->connections < CACHE_MAX ? shares->connections : CACHE_MAX;
}
