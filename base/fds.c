/*
 * fds.c - see fds.h.
 */
#include "base/fds.h"
#include <sys/resource.h>

/* The server's own: standard streams, sockets, epoll sets, state, watchers, directories of exports,
 * and what calls open for a while. */
#define OWN_FDS 64
/* Calls that sleep keep theirs: this part of all. */
#define CALLS_PART 12
/* A file system has no use for more. */
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
