/*
 * ttl_cache.h - answers of slow sources (name service, user database), kept for a while.
 *
 * names.c and groups.c each ask through such a cache. An answer does not change and is shared by
 * reference. No lock is held while the source is asked, which threads of its own do (resolver.h).
 * When a good answer is too old, it is asked for again, and the old one is used for another old_sec
 * seconds meanwhile. A cache has at most TTL_SETS * TTL_WAYS answers.
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
#define TTL_FOUND_SEC 30 /* a good answer is used for this time */
#define TTL_OLD_SEC   30 /* and for this time after that, while a newer one is fetched */
#define TTL_NONE_SEC  5  /* a bad answer is used for this time */

enum ttl_kind {
    TTL_FOUND,
    TTL_NONE,   /* there is no such thing */
    TTL_FAILED, /* the source could not say: an older good answer stays in force */
};

/* The first member of an answer. An answer is one malloc'ed block. */
struct ttl_answer {
    _Atomic uint32_t refs; /* 1 when the source returns it */
    enum ttl_kind kind;
};

struct ttl_entry {
    void *key; /* NULL: free */
    size_t key_len;
    struct ttl_answer *answer;
    int64_t until; /* second of the monotonic clock */
};

struct ttl_cache {
    /* Asks the source; NULL: no memory. Called without the lock. */
    struct ttl_answer *(*ask)(const void *key, size_t len);
    int old_sec;          /* s; how long an old answer is used meanwhile */
    pthread_mutex_t lock; /* guards the entries */
    struct ttl_entry entries[TTL_SETS][TTL_WAYS];
    /* owned by resolver.c and guarded by its lock: */
    struct list questions;
    unsigned asked, threads, waiters;
};
#define TTL_CACHE_INIT(source, old)                                          \
    {                                                                        \
        .ask = (source), .old_sec = (old), .lock = PTHREAD_MUTEX_INITIALIZER \
    }

/* Finds the answer for a key; *answer has a reference (NULL: no memory). Where there is none the
 * source is asked, and the call waits at most `wait` milliseconds, after sleep_announce().
 * VFS_EJUKEBOX: the source has not answered yet. */
int ttl_cache_get(struct ttl_cache *cache, const void *key, size_t len, int wait,
                  struct ttl_answer **answer);
/* Asks the source on this thread, and returns the answer that is in force from then on, with a
 * reference. For resolver.c. */
struct ttl_answer *ttl_cache_ask(struct ttl_cache *cache, const void *key, size_t len);
/* Takes one more reference; NULL is accepted. */
struct ttl_answer *ttl_cache_ref(struct ttl_answer *answer);
/* Gives a reference back; NULL is accepted. */
void ttl_cache_put(struct ttl_answer *answer);
/* Forgets everything. */
void ttl_cache_clear(struct ttl_cache *cache);

#endif
