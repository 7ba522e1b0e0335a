/*
 * lookup.h - answers of slow oracles (name service, user database), kept for a while.
 *
 * names.c and groups.c ask through one of these. An answer is immutable and shared by reference;
 * no lock is held while the oracle is asked, which is done by threads of its own (resolver.h).
 * Where a good answer is too old, it is asked for again, and for as long again the old one will do.
 * Bounded: LOOKUP_SETS * LOOKUP_WAYS answers a cache.
 */
#ifndef EXPORTS_LOOKUP_H
#define EXPORTS_LOOKUP_H

#include "base/list.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOKUP_SETS      256
#define LOOKUP_WAYS      4
#define LOOKUP_FOUND_SEC 30 /* a good answer is believed so long */
#define LOOKUP_OLD_SEC   30 /* and for so long again, while a newer one is fetched */
#define LOOKUP_NONE_SEC  5  /* and a bad one */

enum lookup_kind {
    LOOKUP_FOUND,
    LOOKUP_NONE,   /* there is no such thing */
    LOOKUP_FAILED, /* the oracle could not say: an older good answer stays in force */
};

/* The first member of an answer, which is one malloc'ed block. */
struct lookup_answer {
    _Atomic uint32_t refs; /* 1 as it comes from the oracle */
    enum lookup_kind kind;
};

struct lookup_entry {
    void *key; /* NULL: free */
    size_t key_len;
    struct lookup_answer *answer;
    int64_t until; /* second of the monotonic clock */
};

struct lookup_cache {
    /* The oracle: NULL where memory is out. Called without the lock. */
    struct lookup_answer *(*ask)(const void *key, size_t len);
    int old_sec; /* how long an answer that is too old will do while a newer one is fetched */
    pthread_mutex_t lock; /* guards the entries */
    struct lookup_entry entries[LOOKUP_SETS][LOOKUP_WAYS];
    /* resolver.c's, by its lock: */
    struct list questions;
    unsigned asked, threads, waiters;
};
#define LOOKUP_CACHE_INIT(oracle, old)                                       \
    {                                                                        \
        .ask = (oracle), .old_sec = (old), .lock = PTHREAD_MUTEX_INITIALIZER \
    }

/* The answer for a key, to *answer with a reference (NULL: no memory). Where there is none it is
 * asked for: this waits so many ms for it, and says that it sleeps. VFS_EJUKEBOX: not known yet. */
int lookup_get(struct lookup_cache *cache, const void *key, size_t len, int wait,
               struct lookup_answer **answer);
/* Asks the oracle here and now, and keeps what is in force from then on. For resolver.c. */
struct lookup_answer *lookup_ask(struct lookup_cache *cache, const void *key, size_t len);
/* One more reference; NULL is accepted. */
struct lookup_answer *lookup_ref(struct lookup_answer *answer);
/* Gives a reference back; NULL is accepted. */
void lookup_put(struct lookup_answer *answer);
/* Forgets everything. */
void lookup_clear(struct lookup_cache *cache);

#endif
