/*
 * lookup.h - answers of slow oracles (name service, user database), kept for a while.
 *
 * names.c and groups.c ask through one of these. An answer is immutable and shared by reference;
 * no lock is held while the oracle is asked. Where an answer is too old, one thread asks again
 * and the others go on with the old one. Bounded: LOOKUP_SETS * LOOKUP_WAYS answers a cache.
 */
#ifndef EXPORTS_LOOKUP_H
#define EXPORTS_LOOKUP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOKUP_SETS      256
#define LOOKUP_WAYS      4
#define LOOKUP_FOUND_SEC 60 /* a good answer is believed so long */
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
    bool asking;   /* a thread is fetching a newer answer */
};

struct lookup_cache {
    /* The oracle: NULL where memory is out. Called without the lock. */
    struct lookup_answer *(*ask)(const void *key, size_t len);
    pthread_mutex_t lock; /* guards the entries */
    struct lookup_entry entries[LOOKUP_SETS][LOOKUP_WAYS];
};
#define LOOKUP_CACHE_INIT(oracle)                          \
    {                                                      \
        .ask = (oracle), .lock = PTHREAD_MUTEX_INITIALIZER \
    }

/* The answer for a key, with a reference; asks (and announces that it sleeps) where it has none.
 * NULL: no memory. */
struct lookup_answer *lookup_get(struct lookup_cache *cache, const void *key, size_t len);
/* Gives a reference back; NULL is accepted. */
void lookup_put(struct lookup_answer *answer);
/* Forgets everything. */
void lookup_clear(struct lookup_cache *cache);

#endif
