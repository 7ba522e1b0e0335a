/*
 * resolver.h - slow questions (host names, the user database) asked by threads of their own.
 *
 * A question that the answers at hand (ttl_cache.h) do not settle goes to a pool. Each kind of
 * question has a few threads, so that addresses of strangers, of which there can be any number,
 * hold up neither the names in the exports nor the groups of users. Any number of calls that wait
 * for one question have it asked once. Only RESOLVER_WAITERS calls of a kind wait, and only for a
 * few seconds. All others, and calls that come when the queue is full, get VFS_EJUKEBOX at once:
 * the client must come again.
 *
 * How to use it: export_ask() (exports.h) finds a client's rights; it asks numeric rules first and
 * waits for a name only where those do not settle it. groups_get() finds groups. A new source is a
 * struct ttl_cache with an `ask`, asked by ttl_cache_get().
 */
#ifndef EXPORTS_RESOLVER_H
#define EXPORTS_RESOLVER_H

#include "exports/ttl_cache.h"

/* Threads for each kind of question, and questions of that kind that may wait for a thread. */
#define RESOLVER_THREADS 4
#define RESOLVER_QUEUE   64
/* Calls that may wait for answers of one kind, and for how many ms. */
#define RESOLVER_WAITERS 16
#define RESOLVER_WAIT    3000

/*
 * Has the pool ask `cache` for a key, or joins a call that has asked for it already. Waits at most
 * `wait` milliseconds, after sleep_announce(). 0: *answer is the answer, with a reference (NULL: no
 * memory). VFS_EJUKEBOX: there is no answer yet; if the queue had room, there will be.
 */
int resolver_ask(struct ttl_cache *cache, const void *key, size_t len, int wait,
                 struct ttl_answer **answer);

#endif
