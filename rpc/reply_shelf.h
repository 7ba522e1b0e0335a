/*
 * reply_shelf.h - where the reply cache keeps its entries, and who pays for them.
 *
 * Two shelves are made by reply_cache.c: one for calls that must not be carried out twice, one for
 * those that may (WRITEs), so that neither pushes out the other's. On a shelf each connection has
 * an account of its own, bounded; beyond the shelf's bound, the host with the most entries loses
 * the oldest of its largest account. So no client pushes out another's replies, however busy.
 *
 * A shelf is sharded; an account, its host's and all their entries lie in one shard, under its
 * lock. No two locks are held together.
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
/* Most replies fit: CREATE's has 280 bytes with the longest handle, and no attributes of before. */
#define SHELF_INLINE 288

/* Who called: a host, by a connection. Compared as bytes. */
struct reply_caller {
    uint8_t address[16];
    uint32_t scope;
    bool is_ipv6;
    bool zeros[3];       /* no hole may be left */
    uint64_t connection; /* its number; of a datagram SHELF_DATAGRAM and the source port */
};
#define SHELF_DATAGRAM (1ull << 63)

/* What was called. Compared as bytes. */
struct reply_key {
    uint8_t address[16];
    uint32_t scope, zero;
    uint32_t xid, program, version, procedure;
    uint64_t connection; /* where a call by another one is never the same; else 0 */
    uint64_t sum;        /* of what else must be equal */
};

/* A connection's account, or its host's, which has the sum of them. */
struct reply_account {
    struct reply_caller caller; /* a host's has no connection */
    uint64_t hash;
    struct reply_account *next; /* of the chain */
    struct reply_account *host; /* NULL: this is a host's */
    struct list link;           /* shard->hosts, or host->connections */
    struct list connections;    /* of a host */
    struct list done;           /* of a connection: finished entries, the oldest first */
    uint32_t kept;              /* finished entries, of a host in all its accounts */
    uint32_t users;             /* entries and accounts that lead here: it goes with the last */
};

enum entry_state { ENTRY_RUNNING, ENTRY_DONE };

struct reply_cache_entry {
    struct list link; /* account->done, once finished; all of it is guarded by the shard's lock, */
    struct reply_cache_entry *next; /* of the chain; or of the free ones */
    uint64_t hash;                  /* but this, which is not changed while the call runs, */
    struct reply_shelf *shelf;      /* and these */
    struct shelf_shard *shard;
    struct reply_account *account;
    enum entry_state state;
    uint32_t len;   /* of the reply, once finished */
    uint64_t asker; /* while it runs: the newest connection that waits for its reply; 0: none */
    time_t since;   /* CLOCK_MONOTONIC: when it was finished, or last repeated */
    uint8_t *big;   /* the reply, where it does not fit below */
    struct reply_key key;
    uint8_t small[SHELF_INLINE];
} __attribute__((aligned(64)));

struct shelf_shard {
    pthread_mutex_t lock;
    pthread_cond_t changed;             /* a call that somebody waits for is finished, or dropped */
    struct reply_cache_entry **buckets; /* guarded by lock, as the rest */
    struct reply_account **accounts;    /* buckets, too */
    struct reply_cache_entry *free;     /* what was given back, the last first */
    struct list hosts;                  /* accounts */
} __attribute__((aligned(64)));

struct reply_shelf {
    struct shelf_shard shards[SHELF_SHARDS];
    uint32_t entries_max, account_max; /* finished entries, in all and of one connection */
    size_t bytes_max;                  /* of replies */
    _Atomic uint32_t kept, spares;     /* and entries that wait to be taken again */
    _Atomic size_t bytes;
};

/* ENOMEM: reply_shelf_finish() is to be called all the same. */
int reply_shelf_init(struct reply_shelf *shelf, uint32_t entries_max, uint32_t account_max,
                     size_t bytes_max);
void reply_shelf_finish(struct reply_shelf *shelf);

/* The shard of a caller. */
struct shelf_shard *reply_shelf_shard(struct reply_shelf *shelf, const struct reply_caller *caller,
                                      bool by_connection);

/* --- with the shard's lock held --- */

/* The first entry with this key from `after` on (NULL: from the beginning); NULL: no more. */
struct reply_cache_entry *reply_shelf_find(struct shelf_shard *shard, const struct reply_key *key,
                                           uint64_t hash, struct reply_cache_entry *after);
/* A running entry on the caller's account; NULL: no memory. */
struct reply_cache_entry *reply_shelf_add(struct reply_shelf *shelf, struct shelf_shard *shard,
                                          const struct reply_caller *caller,
                                          const struct reply_key *key, uint64_t hash);
/* A running entry is finished; its account's oldest goes where it has too many. */
void reply_shelf_keep(struct shelf_shard *shard, struct reply_cache_entry *entry);
/* A finished entry goes over to another caller of the same host. */
void reply_shelf_move(struct shelf_shard *shard, struct reply_cache_entry *entry,
                      const struct reply_caller *caller);
void reply_shelf_drop(struct shelf_shard *shard, struct reply_cache_entry *entry);

/* --- without any --- */

/* Keeps to the bounds of the whole shelf. */
void reply_shelf_trim(struct reply_shelf *shelf);

#endif
