/*
 * ttl_cache.c - answers of slow sources, kept for a while. See ttl_cache.h; used by names.c,
 * groups.c.
 *
 * Set-associative: a key's hash chooses a set. In a full set the entry that expires first makes
 * room. Nothing has to be swept, and the number of entries is bounded, whatever clients ask.
 */
#include "exports/ttl_cache.h"
#include "base/hash.h"
#include "exports/resolver.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t seconds_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return ts.tv_sec;
}

static struct ttl_entry *ttl_cache_set(struct ttl_cache *cache, const void *key, size_t len)
{
    return cache->entries[hash_bytes(key, len, 0) % TTL_SETS];
}

/* ttl_cache_find() and the function after it are called under the lock. */
static struct ttl_entry *ttl_cache_find(struct ttl_cache *cache, const void *key, size_t len)
{
    struct ttl_entry *set = ttl_cache_set(cache, key, len);

    for (unsigned i = 0; i < TTL_WAYS; i++)
        if (set[i].key && set[i].key_len == len && !memcmp(set[i].key, key, len))
            return &set[i];
    return NULL;
}

static void ttl_cache_entry_clear(struct ttl_entry *entry)
{
    ttl_cache_put(entry->answer);
    free(entry->key);
    memset(entry, 0, sizeof(*entry));
}

/* Makes an empty entry for a key that has none. Called under the lock. NULL: no memory. */
static struct ttl_entry *ttl_cache_add(struct ttl_cache *cache, const void *key, size_t len)
{
    struct ttl_entry *set = ttl_cache_set(cache, key, len);
    struct ttl_entry *victim = &set[0];
    void *copy = malloc(len);

    if (!copy)
        return NULL;
    memcpy(copy, key, len);
    for (unsigned i = 0; i < TTL_WAYS && victim->key; i++)
        if (!set[i].key || set[i].until < victim->until)
            victim = &set[i];
    ttl_cache_entry_clear(victim);
    victim->key = copy;
    victim->key_len = len;
    return victim;
}

struct ttl_answer *ttl_cache_ref(struct ttl_answer *answer)
{
    if (answer)
        atomic_fetch_add_explicit(&answer->refs, 1, memory_order_relaxed);
    return answer;
}

/* Takes the source's answer into the cache. Returns the answer that is in force now, with a
 * reference: an older good one if the source has failed. */
static struct ttl_answer *ttl_cache_learn(struct ttl_cache *cache, const void *key, size_t len,
                                          struct ttl_answer *fresh)
{
    struct ttl_entry *entry;
    struct ttl_answer *answer = fresh;

    pthread_mutex_lock(&cache->lock);
    entry = ttl_cache_find(cache, key, len);
    if (!entry)
        entry = ttl_cache_add(cache, key, len);
    if (entry) {
        bool keep = entry->answer && entry->answer->kind == TTL_FOUND &&
                    (!fresh || fresh->kind == TTL_FAILED);
        bool good = fresh && fresh->kind == TTL_FOUND;

        if (keep) {
            answer = ttl_cache_ref(entry->answer);
        } else {
            ttl_cache_put(entry->answer);
            entry->answer = fresh ? ttl_cache_ref(fresh) : NULL;
        }
        entry->until = seconds_now() + (good ? TTL_FOUND_SEC : TTL_NONE_SEC);
    }
    pthread_mutex_unlock(&cache->lock);
    if (answer != fresh)
        ttl_cache_put(fresh);
    return answer;
}

struct ttl_answer *ttl_cache_ask(struct ttl_cache *cache, const void *key, size_t len)
{
    return ttl_cache_learn(cache, key, len, cache->ask(key, len));
}

int ttl_cache_get(struct ttl_cache *cache, const void *key, size_t len, int wait,
                  struct ttl_answer **answer)
{
    struct ttl_answer *ignored;
    bool fresh = false, usable = false;

    *answer = NULL;
    pthread_mutex_lock(&cache->lock);
    const struct ttl_entry *entry = ttl_cache_find(cache, key, len);
    if (entry && entry->answer) {
        int64_t now = seconds_now();
        fresh = now < entry->until;
        usable = entry->answer->kind == TTL_FOUND && now < entry->until + cache->old_sec;
        if (fresh || usable)
            *answer = ttl_cache_ref(entry->answer);
    }
    pthread_mutex_unlock(&cache->lock);
    if (fresh)
        return 0;
    if (!usable)
        return resolver_ask(cache, key, len, wait, answer);
    resolver_ask(cache, key, len, 0, &ignored);
    return 0;
}

void ttl_cache_put(struct ttl_answer *answer)
{
    if (answer && atomic_fetch_sub_explicit(&answer->refs, 1, memory_order_acq_rel) == 1)
        free(answer);
}

void ttl_cache_clear(struct ttl_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    for (unsigned set = 0; set < TTL_SETS; set++)
        for (unsigned way = 0; way < TTL_WAYS; way++)
            ttl_cache_entry_clear(&cache->entries[set][way]);
    pthread_mutex_unlock(&cache->lock);
}
