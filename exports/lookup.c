/*
 * lookup.c - answers of slow oracles, kept for a while. See lookup.h; used by names.c, groups.c.
 *
 * Set-associative: a key's hash chooses a set, within which the entry that expires first makes
 * room. Nothing has to be swept, and what clients can fill is bounded.
 */
#include "exports/lookup.h"
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

static struct lookup_entry *lookup_set(struct lookup_cache *cache, const void *key, size_t len)
{
    return cache->entries[hash_bytes(key, len, 0) % LOOKUP_SETS];
}

/* Both under the lock. */
static struct lookup_entry *lookup_find(struct lookup_cache *cache, const void *key, size_t len)
{
    struct lookup_entry *set = lookup_set(cache, key, len);

    for (unsigned i = 0; i < LOOKUP_WAYS; i++)
        if (set[i].key && set[i].key_len == len && !memcmp(set[i].key, key, len))
            return &set[i];
    return NULL;
}

static void lookup_entry_clear(struct lookup_entry *entry)
{
    lookup_put(entry->answer);
    free(entry->key);
    memset(entry, 0, sizeof(*entry));
}

/* An empty entry for a key that has none, under the lock; NULL: no memory. */
static struct lookup_entry *lookup_add(struct lookup_cache *cache, const void *key, size_t len)
{
    struct lookup_entry *set = lookup_set(cache, key, len);
    struct lookup_entry *victim = &set[0];
    void *copy = malloc(len);

    if (!copy)
        return NULL;
    memcpy(copy, key, len);
    for (unsigned i = 0; i < LOOKUP_WAYS && victim->key; i++)
        if (!set[i].key || set[i].until < victim->until)
            victim = &set[i];
    lookup_entry_clear(victim);
    victim->key = copy;
    victim->key_len = len;
    return victim;
}

struct lookup_answer *lookup_ref(struct lookup_answer *answer)
{
    if (answer)
        atomic_fetch_add_explicit(&answer->refs, 1, memory_order_relaxed);
    return answer;
}

/* Takes what the oracle said into the cache; returns what is in force now, with a reference. */
static struct lookup_answer *lookup_learn(struct lookup_cache *cache, const void *key, size_t len,
                                          struct lookup_answer *fresh)
{
    struct lookup_entry *entry;
    struct lookup_answer *answer = fresh;

    pthread_mutex_lock(&cache->lock);
    entry = lookup_find(cache, key, len);
    if (!entry)
        entry = lookup_add(cache, key, len);
    if (entry) {
        bool keep = entry->answer && entry->answer->kind == LOOKUP_FOUND &&
                    (!fresh || fresh->kind == LOOKUP_FAILED);
        bool good = fresh && fresh->kind == LOOKUP_FOUND;

        if (keep) {
            answer = lookup_ref(entry->answer);
        } else {
            lookup_put(entry->answer);
            entry->answer = fresh ? lookup_ref(fresh) : NULL;
        }
        entry->until = seconds_now() + (good ? LOOKUP_FOUND_SEC : LOOKUP_NONE_SEC);
    }
    pthread_mutex_unlock(&cache->lock);
    if (answer != fresh)
        lookup_put(fresh);
    return answer;
}

struct lookup_answer *lookup_ask(struct lookup_cache *cache, const void *key, size_t len)
{
    return lookup_learn(cache, key, len, cache->ask(key, len));
}

int lookup_get(struct lookup_cache *cache, const void *key, size_t len, int wait,
               struct lookup_answer **answer)
{
    struct lookup_answer *ignored;
    bool fresh = false, usable = false;

    *answer = NULL;
    pthread_mutex_lock(&cache->lock);
    const struct lookup_entry *entry = lookup_find(cache, key, len);
    if (entry && entry->answer) {
        int64_t now = seconds_now();
        fresh = now < entry->until;
        usable = entry->answer->kind == LOOKUP_FOUND && now < entry->until + cache->old_sec;
        if (fresh || usable)
            *answer = lookup_ref(entry->answer);
    }
    pthread_mutex_unlock(&cache->lock);
    if (fresh)
        return 0;
    if (!usable)
        return resolver_ask(cache, key, len, wait, answer);
    resolver_ask(cache, key, len, 0, &ignored);
    return 0;
}

void lookup_put(struct lookup_answer *answer)
{
    if (answer && atomic_fetch_sub_explicit(&answer->refs, 1, memory_order_acq_rel) == 1)
        free(answer);
}

void lookup_clear(struct lookup_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    for (unsigned set = 0; set < LOOKUP_SETS; set++)
        for (unsigned way = 0; way < LOOKUP_WAYS; way++)
            lookup_entry_clear(&cache->entries[set][way]);
    pthread_mutex_unlock(&cache->lock);
}
