/*
 * reply_shelf.c - see reply_shelf.h; called by reply_cache.c.
 *
 * The entry that was freed last is the first to be used again in its shard. A busy connection
 * therefore goes round in a few entries, which stay in the CPU's cache. All shards together keep at
 * most SPARES_MAX free entries; further ones are given back to the system, since a shard that was
 * busy once would otherwise keep its entries for ever.
 */
#include "rpc/reply_shelf.h"
#include "base/hash.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Hash chains of a shard; powers of 2. All callers of one host lie in one shard. */
#define ENTRY_BUCKETS   8192
#define ACCOUNT_BUCKETS 1024
#define SPARES_MAX      1024

static struct reply_cache_entry **entry_bucket(struct shelf_shard *shard, uint64_t hash)
{
    return &shard->buckets[hash & (ENTRY_BUCKETS - 1)];
}

static struct reply_account **account_bucket(struct shelf_shard *shard, uint64_t hash)
{
    return &shard->accounts[hash & (ACCOUNT_BUCKETS - 1)];
}

/* --- accounts --- */

/* The key of a host's account: the caller without its connection. All addresses of an IPv6 network
 * of 64 bits count as one host, since a machine with one of them may use them all. */
static struct reply_caller host_of(const struct reply_caller *caller)
{
    struct reply_caller host = *caller;

    host.connection = 0;
    if (host.is_ipv6)
        memset(host.address + 8, 0, 8);
    return host;
}

struct shelf_shard *reply_shelf_shard(struct reply_shelf *shelf, const struct reply_caller *caller,
                                      bool by_connection)
{
    struct reply_caller host = host_of(caller);

    if (by_connection)
        host.connection = caller->connection;
    return &shelf->shards[hash_bytes(&host, sizeof(host), 0) % SHELF_SHARDS];
}

static struct reply_account *account_find(struct shelf_shard *shard,
                                          const struct reply_caller *caller, uint64_t hash)
{
    struct reply_account *account = *account_bucket(shard, hash);

    while (account != NULL &&
           (account->hash != hash || memcmp(&account->caller, caller, sizeof(*caller)) != 0))
        account = account->next;
    return account;
}

static struct reply_account *account_create(struct shelf_shard *shard,
                                            const struct reply_caller *caller, uint64_t hash)
{
    struct reply_account *account = calloc(1, sizeof(*account));
    struct reply_account **bucket = account_bucket(shard, hash);

    if (account == NULL)
        return NULL;
    account->caller = *caller;
    account->hash = hash;
    account->next = *bucket;
    *bucket = account;
    list_init(&account->link);
    list_init(&account->connections);
    list_init(&account->done);
    return account;
}

/* Gives up one use of the account, and frees it with the last. */
static void account_put(struct shelf_shard *shard, struct reply_account *account)
{
    if (--account->users > 0)
        return;
    struct reply_account **at = account_bucket(shard, account->hash);
    struct reply_account *host = account->host;

    while (*at != account)
        at = &(*at)->next;
    *at = account->next;
    list_remove(&account->link);
    free(account);
    if (host != NULL)
        account_put(shard, host);
}

/* Returns the host's account with one use for the caller, or NULL without memory. */
static struct reply_account *host_get(struct shelf_shard *shard, const struct reply_caller *caller)
{
    struct reply_caller whole = host_of(caller);

    uint64_t hash = hash_bytes(&whole, sizeof(whole), 0);
    struct reply_account *host = account_find(shard, &whole, hash);
    if (host == NULL) {
        host = account_create(shard, &whole, hash);
        if (host == NULL)
            return NULL;
        list_append(&shard->hosts, &host->link);
    }
    host->users++;
    return host;
}

static struct reply_account *account_get(struct shelf_shard *shard,
                                         const struct reply_caller *caller)
{
    uint64_t hash = hash_bytes(caller, sizeof(*caller), 1);
    struct reply_account *account = account_find(shard, caller, hash);

    if (account == NULL) {
        struct reply_account *host = host_get(shard, caller);
        if (host == NULL)
            return NULL;
        account = account_create(shard, caller, hash);
        if (account == NULL) {
            account_put(shard, host);
            return NULL;
        }
        account->host = host;
        list_append(&host->connections, &account->link);
    }
    account->users++;
    return account;
}

/* --- entries --- */

struct reply_cache_entry *reply_shelf_find(struct shelf_shard *shard, const struct reply_key *key,
                                           uint64_t hash, struct reply_cache_entry *after)
{
    struct reply_cache_entry *entry = after != NULL ? after->next : *entry_bucket(shard, hash);

    while (entry != NULL && (entry->hash != hash || memcmp(&entry->key, key, sizeof(*key)) != 0))
        entry = entry->next;
    return entry;
}

struct reply_cache_entry *reply_shelf_add(struct reply_shelf *shelf, struct shelf_shard *shard,
                                          const struct reply_caller *caller,
                                          const struct reply_key *key, uint64_t hash)
{
    struct reply_cache_entry *entry = shard->free;
    struct reply_account *account = account_get(shard, caller);

    if (account == NULL)
        return NULL;
    if (entry != NULL) {
        shard->free = entry->next;
        shelf->spares--;
    } else {
        entry = aligned_alloc(_Alignof(struct reply_cache_entry), sizeof(*entry));
    }
    if (entry == NULL) {
        account_put(shard, account);
        return NULL;
    }
    struct reply_cache_entry **bucket = entry_bucket(shard, hash);
    list_init(&entry->link);
    entry->next = *bucket;
    *bucket = entry;
    entry->hash = hash;
    entry->shelf = shelf;
    entry->shard = shard;
    entry->account = account;
    entry->state = ENTRY_RUNNING;
    entry->asker = 0;
    entry->len = 0;
    entry->big = NULL;
    entry->key = *key;
    return entry;
}

static void entry_count(struct reply_cache_entry *entry)
{
    entry->account->kept++;
    entry->account->host->kept++;
    entry->shelf->kept++;
    entry->shelf->bytes += entry->len;
}

static void entry_uncount(struct reply_cache_entry *entry)
{
    entry->account->kept--;
    entry->account->host->kept--;
    entry->shelf->kept--;
    entry->shelf->bytes -= entry->len;
}

void reply_shelf_keep(struct shelf_shard *shard, struct reply_cache_entry *entry)
{
    struct reply_account *account = entry->account;

    entry->state = ENTRY_DONE;
    list_append(&account->done, &entry->link);
    entry_count(entry);
    if (account->kept > entry->shelf->account_max)
        reply_shelf_drop(shard, list_entry(account->done.next, struct reply_cache_entry, link));
}

void reply_shelf_move(struct shelf_shard *shard, struct reply_cache_entry *entry,
                      const struct reply_caller *caller)
{
    struct reply_account *account = account_get(shard, caller);

    if (account == NULL)
        return;
    entry_uncount(entry);
    list_remove(&entry->link);
    account_put(shard, entry->account);
    entry->account = account;
    reply_shelf_keep(shard, entry);
}

void reply_shelf_drop(struct shelf_shard *shard, struct reply_cache_entry *entry)
{
    struct reply_cache_entry **at = entry_bucket(shard, entry->hash);

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    if (entry->state == ENTRY_DONE)
        entry_uncount(entry);
    list_remove(&entry->link);
    account_put(shard, entry->account);
    free(entry->big);
    if (entry->shelf->spares >= SPARES_MAX) {
        free(entry);
        return;
    }
    entry->shelf->spares++;
    entry->next = shard->free;
    shard->free = entry;
}

/* --- the whole shelf --- */

static struct reply_account *largest_of(struct list *accounts)
{
    struct reply_account *largest = NULL;
    struct list *item;

    list_for_each (item, accounts) {
        struct reply_account *account = list_entry(item, struct reply_account, link);
        if (largest == NULL || account->kept > largest->kept)
            largest = account;
    }
    return largest;
}

/* Returns the shard that has the host with the most entries. */
static struct shelf_shard *shard_of_largest(struct reply_shelf *shelf)
{
    struct shelf_shard *found = NULL;
    uint32_t most = 0;

    for (unsigned i = 0; i < SHELF_SHARDS; i++) {
        struct shelf_shard *shard = &shelf->shards[i];
        pthread_mutex_lock(&shard->lock);
        struct reply_account *host = largest_of(&shard->hosts);
        uint32_t kept = host != NULL ? host->kept : 0;
        pthread_mutex_unlock(&shard->lock);
        if (found == NULL || kept > most) {
            found = shard;
            most = kept;
        }
    }
    return found;
}

/* Removes the oldest entries of the largest account of the host with the most entries: an eighth at
 * once, since finding that host is slow. */
static void trim_some(struct reply_shelf *shelf)
{
    struct shelf_shard *shard = shard_of_largest(shelf);

    pthread_mutex_lock(&shard->lock);
    struct reply_account *host = largest_of(&shard->hosts);
    struct reply_account *account = host != NULL ? largest_of(&host->connections) : NULL;
    if (account != NULL) {
        account->users++;
        for (uint32_t left = account->kept / 8 + 1; left > 0 && account->kept > 0; left--)
            reply_shelf_drop(shard, list_entry(account->done.next, struct reply_cache_entry, link));
        account_put(shard, account);
    }
    pthread_mutex_unlock(&shard->lock);
}

void reply_shelf_trim(struct reply_shelf *shelf)
{
    while (shelf->kept > shelf->entries_max || shelf->bytes > shelf->bytes_max)
        trim_some(shelf);
}

int reply_shelf_init(struct reply_shelf *shelf, uint32_t entries_max, uint32_t account_max,
                     size_t bytes_max)
{
    int err = 0;

    memset(shelf, 0, sizeof(*shelf));
    shelf->entries_max = entries_max;
    shelf->account_max = account_max;
    shelf->bytes_max = bytes_max;
    for (unsigned i = 0; i < SHELF_SHARDS; i++) {
        struct shelf_shard *shard = &shelf->shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        pthread_cond_init(&shard->changed, NULL);
        list_init(&shard->hosts);
        shard->buckets = calloc(ENTRY_BUCKETS, sizeof(struct reply_cache_entry *));
        shard->accounts = calloc(ACCOUNT_BUCKETS, sizeof(struct reply_account *));
        if (shard->buckets == NULL || shard->accounts == NULL)
            err = ENOMEM;
    }
    return err;
}

static void shard_finish(struct shelf_shard *shard)
{
    struct reply_cache_entry *entry;

    for (size_t i = 0; shard->buckets != NULL && i < ENTRY_BUCKETS; i++)
        while (shard->buckets[i] != NULL)
            reply_shelf_drop(shard, shard->buckets[i]);
    while ((entry = shard->free) != NULL) {
        shard->free = entry->next;
        free(entry);
    }
    free(shard->buckets);
    free(shard->accounts);
    pthread_cond_destroy(&shard->changed);
    pthread_mutex_destroy(&shard->lock);
}

void reply_shelf_finish(struct reply_shelf *shelf)
{
    for (unsigned i = 0; i < SHELF_SHARDS; i++)
        shard_finish(&shelf->shards[i]);
    memset(shelf, 0, sizeof(*shelf));
}
