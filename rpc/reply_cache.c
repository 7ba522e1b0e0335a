/*
 * reply_cache.c - see reply_cache.h; called by dispatch.c.
 *
 * Each shard has a hash table, a lock, and its entries in the order of their use: the oldest
 * finished one makes room. An entry that is still running is never dropped: its call holds it.
 * Entries are slots of one array, whose pages are first touched when they are first needed; a
 * reply lies in its entry but for the few long ones. So a call allocates nothing.
 *
 * The checksum covers the length of the arguments, and all of them when they are short: a call
 * without payload. Of the others, WRITEs, it covers the beginning: file, offset, count and some
 * of the data. Beside address, xid and procedure that tells calls apart; summing up a megabyte
 * would cost more than writing it, and a kilobyte half as much.
 */
#include "rpc/reply_cache.h"
#include "base/hash.h"
#include "base/list.h"
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHARDS 16
/* Arguments are summed up whole to so many bytes; of longer ones so many. */
#define CHECKED_WHOLE 1024
#define CHECKED_HEAD  256
/* Most replies fit: CREATE's has 280 bytes with the longest handle, and no attributes of before. */
#define INLINE_MAX 288
/* A finished call is remembered for so long after its last repetition: longer than clients wait
 * before they ask again, shorter than it takes one to come around to the same xid. */
#define AGE_MAX_S 180
/* Replies longer than this are not kept: those of procedures that change things are short. */
#define REPLY_MAX 2048

struct key {
    uint8_t address[16];
    uint32_t scope;
    uint32_t xid, program, version, procedure;
    uint32_t zero; /* keys are compared as bytes: no hole may be left */
    uint64_t checksum;
};

struct reply_cache_entry {
    struct reply_cache_entry *hash_next; /* guarded by the shard's lock, as all of it */
    struct list age;                     /* shard->ages; shard->unused while it is free */
    uint64_t hash;                       /* of the key: never changed while the call runs */
    struct key key;
    bool running;
    uint32_t len; /* of the reply, once finished */
    time_t since; /* CLOCK_MONOTONIC: when it was finished, or last repeated */
    uint8_t *big; /* the reply, where it does not fit below */
    uint8_t small[INLINE_MAX];
};

struct shard {
    pthread_mutex_t lock;
    struct reply_cache_entry **buckets; /* guarded by lock, as the rest */
    struct list ages;                   /* the oldest first */
    struct reply_cache_entry *slots;    /* cache.count_max of them */
    uint32_t touched;                   /* those from here on were never used */
    struct list unused;                 /* those before it that are free; the last freed first */
    uint32_t count;
    size_t bytes;
    uint64_t hits, dropped_running;
} __attribute__((aligned(64)));

static struct {
    struct shard shards[SHARDS];
    uint32_t buckets; /* of a shard, a power of 2 */
    uint32_t count_max;
    size_t bytes_max;
    uint64_t seed;
} cache;

static void key_make(const struct rpc_call *call, struct key *key)
{
    size_t len;
    const uint8_t *address = address_bytes(call->peer, &len);
    size_t checked = call->args.len <= CHECKED_WHOLE ? call->args.len : CHECKED_HEAD;

    memset(key, 0, sizeof(*key));
    memcpy(key->address, address, len);
    if (call->peer->any.sa_family == AF_INET6)
        key->scope = call->peer->in6.sin6_scope_id;
    key->xid = call->xid;
    key->program = call->program;
    key->version = call->version;
    key->procedure = call->procedure;
    key->checksum = hash_bytes(call->args.data, checked, cache.seed ^ call->args.len);
}

static uint64_t key_hash(const struct key *key)
{
    return hash_bytes(key, sizeof(*key), cache.seed);
}

static struct shard *shard_of(uint64_t hash)
{
    return &cache.shards[(hash >> 56) % SHARDS];
}

static struct reply_cache_entry **bucket_of(struct shard *shard, uint64_t hash)
{
    return &shard->buckets[hash & (cache.buckets - 1)];
}

/* --- with the shard's lock held --- */

static struct reply_cache_entry *entry_find(struct shard *shard, const struct key *key,
                                            uint64_t hash)
{
    struct reply_cache_entry *entry = *bucket_of(shard, hash);

    while (entry != NULL && (entry->hash != hash || memcmp(&entry->key, key, sizeof(*key)) != 0))
        entry = entry->hash_next;
    return entry;
}

static void entry_free(struct shard *shard, struct reply_cache_entry *entry)
{
    struct reply_cache_entry **at = bucket_of(shard, entry->hash);

    while (*at != entry)
        at = &(*at)->hash_next;
    *at = entry->hash_next;
    list_remove(&entry->age);
    list_insert_after(&shard->unused, &entry->age);
    shard->count--;
    shard->bytes -= entry->len;
    free(entry->big);
    entry->big = NULL;
}

/* A slot that is free; NULL: all calls in this shard are still running. */
static struct reply_cache_entry *entry_take(struct shard *shard)
{
    struct list *item = list_pop(&shard->unused);

    if (item != NULL)
        return list_entry(item, struct reply_cache_entry, age);
    if (shard->touched == cache.count_max)
        return NULL;
    return &shard->slots[shard->touched++];
}

/* Drops the oldest finished entries until there is room for one more of `bytes`. */
static void shard_shrink(struct shard *shard, size_t bytes)
{
    struct list *item, *next;

    list_for_each_safe (item, next, &shard->ages) {
        if (shard->count < cache.count_max && shard->bytes + bytes <= cache.bytes_max)
            return;
        struct reply_cache_entry *entry = list_entry(item, struct reply_cache_entry, age);
        if (!entry->running)
            entry_free(shard, entry);
    }
}

static time_t now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return ts.tv_sec;
}

static struct reply_cache_entry *entry_add(struct shard *shard, const struct key *key,
                                           uint64_t hash)
{
    shard_shrink(shard, 0);
    struct reply_cache_entry *entry = entry_take(shard);
    if (entry == NULL)
        return NULL;
    struct reply_cache_entry **at = bucket_of(shard, hash);
    entry->hash = hash;
    entry->key = *key;
    entry->running = true;
    entry->len = 0;
    entry->hash_next = *at;
    *at = entry;
    list_append(&shard->ages, &entry->age);
    shard->count++;
    return entry;
}

/* --- what dispatch.c calls --- */

enum reply_cache_answer reply_cache_begin(const struct rpc_call *call, uint8_t *reply, size_t room,
                                          size_t *len, struct reply_cache_entry **out)
{
    enum reply_cache_answer answer = REPLY_CACHE_RUN;
    struct key key;

    *out = NULL;
    if (cache.count_max == 0)
        return REPLY_CACHE_RUN;
    key_make(call, &key);
    uint64_t hash = key_hash(&key);
    struct shard *shard = shard_of(hash);
    pthread_mutex_lock(&shard->lock);
    struct reply_cache_entry *entry = entry_find(shard, &key, hash);
    if (entry != NULL && !entry->running && now_s() - entry->since > AGE_MAX_S) {
        entry_free(shard, entry);
        entry = NULL;
    }
    if (entry == NULL) {
        *out = entry_add(shard, &key, hash);
    } else if (entry->running) {
        shard->dropped_running++;
        answer = REPLY_CACHE_RUNNING;
    } else if (entry->len <= room) {
        shard->hits++;
        memcpy(reply, entry->big != NULL ? entry->big : entry->small, entry->len);
        *len = entry->len;
        answer = REPLY_CACHE_REPEAT;
        entry->since = now_s();
        list_remove(&entry->age);
        list_append(&shard->ages, &entry->age);
    }
    pthread_mutex_unlock(&shard->lock);
    return answer;
}

void reply_cache_store(struct reply_cache_entry *entry, const uint8_t *reply, size_t len)
{
    uint8_t *big = NULL;

    if (entry == NULL)
        return;
    if (len > INLINE_MAX) {
        big = len <= REPLY_MAX ? malloc(len) : NULL;
        if (big == NULL) {
            reply_cache_drop(entry);
            return;
        }
    }
    /* Nobody looks at the reply of an entry that is running. */
    memcpy(big != NULL ? big : entry->small, reply, len);
    struct shard *shard = shard_of(entry->hash);
    pthread_mutex_lock(&shard->lock);
    shard_shrink(shard, len);
    entry->big = big;
    entry->len = (uint32_t)len;
    entry->running = false;
    entry->since = now_s();
    shard->bytes += len;
    pthread_mutex_unlock(&shard->lock);
}

void reply_cache_drop(struct reply_cache_entry *entry)
{
    if (entry == NULL)
        return;
    struct shard *shard = shard_of(entry->hash);
    pthread_mutex_lock(&shard->lock);
    entry_free(shard, entry);
    pthread_mutex_unlock(&shard->lock);
}

int reply_cache_init(uint32_t entries_max, size_t bytes_max)
{
    memset(&cache, 0, sizeof(cache));
    randombytes_buf(&cache.seed, sizeof(cache.seed));
    cache.count_max = entries_max / SHARDS + 1;
    cache.bytes_max = bytes_max / SHARDS;
    cache.buckets = 1;
    while (cache.buckets < cache.count_max)
        cache.buckets *= 2;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache.shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        list_init(&shard->ages);
        list_init(&shard->unused);
        shard->buckets = calloc(cache.buckets, sizeof(struct reply_cache_entry *));
        shard->slots = calloc(cache.count_max, sizeof(struct reply_cache_entry));
        if (shard->buckets == NULL || shard->slots == NULL) {
            reply_cache_finish();
            return ENOMEM;
        }
    }
    return 0;
}

void reply_cache_finish(void)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache.shards[i];
        if (shard->ages.next == NULL) /* not yet set up */
            continue;
        while (!list_empty(&shard->ages))
            entry_free(shard, list_entry(shard->ages.next, struct reply_cache_entry, age));
        free(shard->buckets);
        free(shard->slots);
        pthread_mutex_destroy(&shard->lock);
        memset(shard, 0, sizeof(*shard));
    }
    cache.count_max = 0;
}

void reply_cache_stats_get(struct reply_cache_stats *stats)
{
    *stats = (struct reply_cache_stats){0};
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache.shards[i];
        pthread_mutex_lock(&shard->lock);
        stats->entries += shard->count;
        stats->bytes += shard->bytes;
        stats->hits += shard->hits;
        stats->dropped_running += shard->dropped_running;
        pthread_mutex_unlock(&shard->lock);
    }
}
