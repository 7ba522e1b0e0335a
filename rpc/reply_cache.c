/*
 * reply_cache.c - see reply_cache.h; called by dispatch.c.
 *
 * Each shard has a lock, a hash table, and its entries: the slots of a ring, of which a hand takes
 * one after the other, so the oldest finished one makes room. One that is still running is passed
 * over: its call holds it. A reply lies in its slot but for the few long ones, so a call allocates
 * nothing; slots are first touched when they are first needed.
 *
 * Many replies are kept, far more than a CPU's cache holds. In a ring the next one to go is known:
 * it is fetched while the call before runs.
 *
 * The checksum covers the length of the arguments, and all of them when they are short: a call
 * without payload. Of the others, WRITEs, it covers the beginning: file, offset, count and some
 * of the data. Beside address, xid and procedure that tells calls apart; summing up a megabyte
 * would cost more than writing it, and a kilobyte half as much.
 */
#include "rpc/reply_cache.h"
#include "base/hash.h"
#include "net/rest.h"
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SHARDS 16
/* Arguments are summed up whole to so many bytes; of longer ones so many. */
#define CHECKED_WHOLE 1024
#define CHECKED_HEAD  256
_Static_assert(CHECKED_HEAD <= NET_REST_PEEKED, "in memory, wherever the rest is");
/* Most replies fit: CREATE's has 280 bytes with the longest handle, and no attributes of before. */
#define INLINE_MAX 288
/* Of a slot, so much is fetched beforehand: its key, and the reply of a WRITE. */
#define FETCHED (offsetof(struct reply_cache_entry, small) + 160)
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

enum entry_state { ENTRY_FREE, ENTRY_RUNNING, ENTRY_DONE };

struct reply_cache_entry {
    uint64_t hash; /* of the key: never changed while the call runs; guarded by the shard's lock, as
                      all of it */
    enum entry_state state;
    uint32_t len; /* of the reply, once finished */
    time_t since; /* CLOCK_MONOTONIC: when it was finished, or last repeated */
    uint8_t *big; /* the reply, where it does not fit below */
    struct key key;
    uint8_t small[INLINE_MAX];
} __attribute__((aligned(64)));

/* Apart from the entries, so that to search a chain brings only these few bytes of each. */
struct link {
    uint32_t tag;  /* the lower half of the hash */
    uint32_t next; /* slot number; NONE */
};
#define NONE UINT32_MAX

struct shard {
    pthread_mutex_t lock;
    uint32_t *buckets;               /* first slots of the chains; guarded by lock, as the rest */
    struct link *links;              /* one a slot */
    struct reply_cache_entry *slots; /* cache.count_max of them */
    uint32_t hand;                   /* the slot to be taken next */
    uint32_t oldest, span;           /* `span` slots from here to the hand were taken in order */
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
    key->checksum = hash_long(call->args.data, checked, cache.seed ^ call->args.len);
}

static uint64_t key_hash(const struct key *key)
{
    return hash_long(key, sizeof(*key), cache.seed);
}

static struct shard *shard_of(uint64_t hash)
{
    return &cache.shards[(hash >> 56) % SHARDS];
}

static uint32_t *bucket_of(struct shard *shard, uint64_t hash)
{
    return &shard->buckets[hash & (cache.buckets - 1)];
}

/* --- with the shard's lock held --- */

static struct reply_cache_entry *entry_find(struct shard *shard, const struct key *key,
                                            uint64_t hash)
{
    uint32_t slot = *bucket_of(shard, hash);

    for (; slot != NONE; slot = shard->links[slot].next) {
        struct reply_cache_entry *entry = &shard->slots[slot];
        if (shard->links[slot].tag == (uint32_t)hash && memcmp(&entry->key, key, sizeof(*key)) == 0)
            return entry;
    }
    return NULL;
}

static void entry_free(struct shard *shard, struct reply_cache_entry *entry)
{
    uint32_t slot = (uint32_t)(entry - shard->slots);
    uint32_t *at = bucket_of(shard, shard->links[slot].tag);

    while (*at != slot)
        at = &shard->links[*at].next;
    *at = shard->links[slot].next;
    entry->state = ENTRY_FREE;
    shard->count--;
    shard->bytes -= entry->len;
    free(entry->big);
    entry->big = NULL;
}

static uint32_t slot_after(uint32_t slot)
{
    return slot + 1 == cache.count_max ? 0 : slot + 1;
}

/* The slot at the hand, freed; NULL: all calls in this shard are still running. */
static struct reply_cache_entry *entry_take(struct shard *shard)
{
    for (uint32_t left = cache.count_max; left > 0; left--) {
        struct reply_cache_entry *entry = &shard->slots[shard->hand];
        shard->hand = slot_after(shard->hand);
        if (shard->span == cache.count_max)
            shard->oldest = shard->hand;
        else
            shard->span++;
        if (entry->state == ENTRY_DONE)
            entry_free(shard, entry);
        if (entry->state == ENTRY_FREE)
            return entry;
    }
    return NULL;
}

/* Drops the oldest finished entries until there is room for a reply of `bytes`. */
static void shard_shrink(struct shard *shard, size_t bytes)
{
    while (shard->bytes + bytes > cache.bytes_max && shard->span > 0) {
        struct reply_cache_entry *entry = &shard->slots[shard->oldest];
        shard->oldest = slot_after(shard->oldest);
        shard->span--;
        if (entry->state == ENTRY_DONE)
            entry_free(shard, entry);
    }
}

/* What the next call in this shard will look at: a slot, and where that is chained. */
static void fetch_next(struct shard *shard)
{
    const char *slot = (const char *)&shard->slots[shard->hand];

    for (size_t line = 0; line < FETCHED; line += 64)
        __builtin_prefetch(slot + line, 1);
    __builtin_prefetch(bucket_of(shard, shard->links[shard->hand].tag), 1);
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
    struct reply_cache_entry *entry = entry_take(shard);
    if (entry == NULL)
        return NULL;
    uint32_t slot = (uint32_t)(entry - shard->slots);
    uint32_t *bucket = bucket_of(shard, hash);
    shard->links[slot] = (struct link){.tag = (uint32_t)hash, .next = *bucket};
    *bucket = slot;
    entry->hash = hash;
    entry->key = *key;
    entry->state = ENTRY_RUNNING;
    entry->len = 0;
    shard->count++;
    fetch_next(shard);
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
    if (entry != NULL && entry->state == ENTRY_DONE && now_s() - entry->since > AGE_MAX_S) {
        entry_free(shard, entry);
        entry = NULL;
    }
    if (entry == NULL) {
        *out = entry_add(shard, &key, hash);
    } else if (entry->state == ENTRY_RUNNING) {
        shard->dropped_running++;
        answer = REPLY_CACHE_RUNNING;
    } else if (entry->len <= room) {
        shard->hits++;
        memcpy(reply, entry->big != NULL ? entry->big : entry->small, entry->len);
        *len = entry->len;
        answer = REPLY_CACHE_REPEAT;
        entry->since = now_s();
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
    entry->state = ENTRY_DONE;
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

static size_t slots_size(void)
{
    return cache.count_max * sizeof(struct reply_cache_entry);
}

/* Zeros are ENTRY_FREE. Mapped, so that pages which are not used take no memory. */
static int shard_init(struct shard *shard)
{
    pthread_mutex_init(&shard->lock, NULL);
    shard->buckets = malloc(cache.buckets * sizeof(*shard->buckets));
    shard->links = calloc(cache.count_max, sizeof(*shard->links));
    if (shard->buckets == NULL || shard->links == NULL)
        return ENOMEM;
    memset(shard->buckets, 0xff, cache.buckets * sizeof(*shard->buckets)); /* NONE */
    void *slots =
        mmap(NULL, slots_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slots == MAP_FAILED)
        return ENOMEM;
    shard->slots = slots;
    return 0;
}

int reply_cache_init(uint32_t entries_max, size_t bytes_max)
{
    int err = 0;

    memset(&cache, 0, sizeof(cache));
    randombytes_buf(&cache.seed, sizeof(cache.seed));
    cache.count_max = entries_max / SHARDS + 1;
    cache.bytes_max = bytes_max / SHARDS;
    cache.buckets = 1;
    while (cache.buckets < cache.count_max)
        cache.buckets *= 2;
    for (int i = 0; i < SHARDS && err == 0; i++)
        err = shard_init(&cache.shards[i]);
    if (err != 0)
        reply_cache_finish();
    return err;
}

void reply_cache_finish(void)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache.shards[i];
        for (uint32_t slot = 0; shard->slots != NULL && slot < cache.count_max; slot++)
            free(shard->slots[slot].big);
        if (shard->slots != NULL)
            munmap(shard->slots, slots_size());
        free(shard->buckets);
        free(shard->links);
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
