/*
 * ttl_cache.h - answers of slow sources (name service, user database), kept for a while.
 *
 * names.c and groups.c ask through one of these. An answer is immutable and shared by reference;
 * no lock is held while the source is asked, which is done by threads of its own (resolver.h).
 * Where a good answer is too old, it is asked for again, and for as long again the old one will do.
 * Bounded: TTL_SETS * TTL_WAYS answers a cache.
 */
#ifndef EXPORTS_TTL_CACHE_H
#define EXPORTS_TTL_CACHE_H

#include "base/list.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TTL_SETS      256
#define TTL_WAYS      4
#define TTL_FOUND_SEC 30 /* a good answer is believed so long */
#define TTL_OLD_SEC   30 /* and for so long again, while a newer one is fetched */
#define TTL_NONE_SEC  5  /* and a bad one */

enum ttl_kind {
    TTL_FOUND,
    TTL_NONE,   /* there is no such thing */
    TTL_FAILED, /* the source could not say: an older good answer stays in force */
};

/* The first member of an answer, which is one malloc'ed block. */
struct ttl_answer {
    _Atomic uint32_t refs; /* 1 as it comes from the source */
    enum ttl_kind kind;
};

struct ttl_entry {
    void *key; /* NULL: free */
    size_t key_len;
    struct ttl_answer *answer;
    int64_t until; /* second of the monotonic clock */
};

struct ttl_cache {
    /* The source: NULL where memory is out. Called without the lock. */
    struct ttl_answer *(*ask)(const void *key, size_t len);
    int old_sec; /* how long an answer that is too old will do while a newer one is fetched */
    pthread_mutex_t lock; /* guards the entries */
    struct ttl_entry entries[TTL_SETS][TTL_WAYS];
    /* resolver.c's, by its lock: */
    struct list questions;
    unsigned asked, threads, waiters;
};
#define TTL_CACHE_INIT(source, old)                                          \
    {                                                                        \
        .ask = (source), .old_sec = (old), .lock = PTHREAD_MUTEX_INITIALIZER \
    }

/* The answer for a key, to *answer with a reference (NULL: no memory). Where there is none it is
 * asked for: this waits so many ms for it, and says that it sleeps. VFS_EJUKEBOX: not known yet. */
int ttl_cache_get(struct ttl_cache *cache, const void *key, size_t len, int wait,
                  struct ttl_answer **answer);
/* Asks the source here and now, and keeps what is in force from then on. For resolver.c. */
struct ttl_answer *ttl_cache_ask(struct ttl_cache *cache, const void *key, size_t len);
/* One more reference; NULL is accepted. */
struct ttl_answer *ttl_cache_ref(struct ttl_answer *answer);
/* Gives a reference back; NULL is accepted. */
void ttl_cache_put(struct ttl_answer *answer);
/* Forgets everything. */
void ttl_cache_clear(struct ttl_cache *cache);

#endif
