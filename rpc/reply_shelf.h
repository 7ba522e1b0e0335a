/*
 * reply_shelf.h - where the reply cache keeps its entries, and how many each client may have.
 *
 * reply_cache.c makes two shelves: one for calls that must not be carried out twice, one for calls
 * that may be (WRITEs). Neither pushes out entries of the other. On a shelf each connection has an
 * account, which is bounded. Beyond the shelf's own bound, the host with the most entries loses the
 * oldest entries of its largest account. No client can therefore push out the replies of another,
 * however busy it is.
 *
 * A shelf is split into shards. An account, the account of its host and all their entries lie in
 * one shard, under the lock of that shard. A thread holds one such lock at most.
 */
#ifndef RPC_REPLY_SHELF_H
#define RPC_REPLY_SHELF_H

#include "base/list.h"
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define SHELF_SHARDS 16
/* Bytes of a reply that fit into the entry itself. Most replies do: that of CREATE has 280 bytes
 * with the longest handle and without attributes from before. */
#define SHELF_INLINE 288

/* A caller: a host and one of its connections. Compared as bytes. */
struct reply_caller {
    uint8_t address[16];
    uint32_t scope;
    bool is_ipv6;
    bool zeros[3];       /* the compiler must leave no hole */
    uint64_t connection; /* its number; or SHELF_DATAGRAM | a datagram's source port */
};
#define SHELF_DATAGRAM (1ull << 63)

/* A call. Compared as bytes. */
struct reply_key {
    uint8_t address[16];
    uint32_t scope, zero;
    uint32_t xid, program, version, procedure;
    uint64_t connection; /* set where only calls of one connection are compared; else 0 */
    uint64_t sum;        /* checksum over whatever else must be equal */
};

/* The account of a connection, or of a host, which has the sum of its connections. */
struct reply_account {
    struct reply_caller caller; /* connection 0 for a host */
    uint64_t hash;
    struct reply_account *next; /* the next in the hash chain */
    struct reply_account *host; /* NULL: this is the account of a host */
    struct list link;           /* in shard->hosts, or in host->connections */
    struct list connections;    /* of a host */
    struct list done;           /* of a connection: finished entries, the oldest first */
    uint32_t kept;              /* finished entries; of a host, those of all its connections */
    uint32_t users;             /* entries and accounts that point here; the last one frees it */
};

enum entry_state { ENTRY_RUNNING, ENTRY_DONE };

/* Guarded by the lock of `shard`, except for the members that say otherwise. */
struct reply_cache_entry {
    struct list link;               /* in account->done, once finished */
    struct reply_cache_entry *next; /* the next in the hash chain, or in shard->free */
    uint64_t hash;                  /* constant while the call runs, like `shelf` and `shard` */
    struct reply_shelf *shelf;
    struct shelf_shard *shard;
    struct reply_account *account;
    enum entry_state state;
    uint32_t len;   /* bytes of the reply, once finished */
    uint64_t asker; /* while it runs: the newest connection that waits for it; 0: none */
    time_t since;   /* CLOCK_MONOTONIC, s: when it was finished or last repeated */
    uint8_t *big;   /* malloc()ed reply, where it does not fit `small` */
    struct reply_key key;
    uint8_t small[SHELF_INLINE];
} __attribute__((aligned(64)));

struct shelf_shard {
    pthread_mutex_t lock;
    pthread_cond_t changed;             /* signalled when a call has finished, or was dropped */
    struct reply_cache_entry **buckets; /* hash chains; guarded by lock, like all below */
    struct reply_account **accounts;    /* hash chains */
    struct reply_cache_entry *free;     /* entries for reuse, the last one freed first */
    struct list hosts;                  /* accounts of hosts */
} __attribute__((aligned(64)));

struct reply_shelf {
    struct shelf_shard shards[SHELF_SHARDS];
    uint32_t entries_max, account_max; /* bounds: finished entries in all, and of one connection */
    size_t bytes_max;                  /* bound: bytes of replies */
    _Atomic uint32_t kept, spares;     /* finished entries; free ones */
    _Atomic size_t bytes;
};

/* Sets up a shelf for at most `entries_max` finished calls and `bytes_max` bytes of replies in all,
 * and `account_max` finished calls of one connection. ENOMEM; reply_shelf_finish() must be called
 * in that case, too. */
int reply_shelf_init(struct reply_shelf *shelf, uint32_t entries_max, uint32_t account_max,
                     size_t bytes_max);
void reply_shelf_finish(struct reply_shelf *shelf);

/* The shard of a caller's host; of its connection alone where `by_connection` is true. */
struct shelf_shard *reply_shelf_shard(struct reply_shelf *shelf, const struct reply_caller *caller,
                                      bool by_connection);

/* --- with the shard's lock held --- */

/* Returns the first entry with this key behind `after` (NULL: from the beginning), or NULL. */
struct reply_cache_entry *reply_shelf_find(struct shelf_shard *shard, const struct reply_key *key,
                                           uint64_t hash, struct reply_cache_entry *after);
/* Adds a running entry to the caller's account. NULL: no memory. */
struct reply_cache_entry *reply_shelf_add(struct reply_shelf *shelf, struct shelf_shard *shard,
                                          const struct reply_caller *caller,
                                          const struct reply_key *key, uint64_t hash);
/* Marks a running entry as finished. An account that then has too many loses its oldest one. */
void reply_shelf_keep(struct shelf_shard *shard, struct reply_cache_entry *entry);
/* Moves a finished entry to the account of another caller of its host. */
void reply_shelf_move(struct shelf_shard *shard, struct reply_cache_entry *entry,
                      const struct reply_caller *caller);
void reply_shelf_drop(struct shelf_shard *shard, struct reply_cache_entry *entry);

/* --- without any --- */

/* Removes entries until the shelf keeps its bounds. */
void reply_shelf_trim(struct reply_shelf *shelf);

#endif
