/*
 * resolver.h - slow questions (host names, the user database) asked by threads of their own.
 *
 * A question that the answers at hand (ttl_cache.h) do not settle goes to a pool: a few threads for
 * each kind of question, so that addresses of strangers, of which there can be any number, hold up
 * neither the names in the exports nor the groups of users. A question is asked once at a time,
 * however many calls wait for it. They wait in a few threads and for a few seconds; all others, and
 * whoever comes when the queue is full, are told to come again (VFS_EJUKEBOX) at once.
 *
 * How to use it: export_ask() (exports.h) for the rights of a client, which asks numeric rules
 * first and waits for a name only where those do not settle it; groups_get() for groups. An source
 * of your own is a struct ttl_cache with an `ask`, and ttl_cache_get() or ttl_cache_peek().
 */
#ifndef EXPORTS_RESOLVER_H
#define EXPORTS_RESOLVER_H

#include "exports/ttl_cache.h"

/* Threads for each kind of question, and questions that may wait for one. */
#define RESOLVER_THREADS 4
#define RESOLVER_QUEUE   64
/* Calls that may wait for answers of one kind, and for how many ms. */
#define RESOLVER_WAITERS 16
#define RESOLVER_WAIT    3000

/*
 * Has the pool ask `cache` for a key, or joins who has. Waits for the answer so many ms, and says
 * that it sleeps. 0: it is in *answer, with a reference (NULL: no memory). VFS_EJUKEBOX: not known
 * yet, for what reason ever; where the queue had room, it will be.
 */
int resolver_ask(struct ttl_cache *cache, const void *key, size_t len, int wait,
                 struct ttl_answer **answer);

#endif
