/*
 * reply_cache.h - replies of calls that change things, for their retransmissions.
 *
 * Keyed by client address (without port), xid, program, version, procedure and a checksum of the
 * arguments. rpc/dispatch.c asks before it runs a procedure with RPC_REPLAY. Bounded in entries
 * and bytes; sharded, one lock a shard, none held while a procedure runs.
 */
#ifndef RPC_REPLY_CACHE_H
#define RPC_REPLY_CACHE_H

#include "rpc/program.h"

enum reply_cache_answer {
    REPLY_CACHE_RUN,     /* new: run it, then reply_cache_store() or reply_cache_drop() */
    REPLY_CACHE_REPEAT,  /* finished before: *len bytes of its reply were copied */
    REPLY_CACHE_RUNNING, /* still running: say nothing */
};

/* An entry claimed by REPLY_CACHE_RUN; NULL where the cache had no room for it. */
struct reply_cache_entry;

/* Bounds: entries and bytes of replies in total. ENOMEM. */
int reply_cache_init(uint32_t entries_max, size_t bytes_max);
void reply_cache_finish(void);
/* The reply, where there is one, is copied to `reply` (`room` bytes; all of the message). */
enum reply_cache_answer reply_cache_begin(const struct rpc_call *call, uint8_t *reply, size_t room,
                                          size_t *len, struct reply_cache_entry **entry);
/* Keeps the whole reply message. NULL entry: nothing. */
void reply_cache_store(struct reply_cache_entry *entry, const uint8_t *reply, size_t len);
/* Nothing was done: a retransmission is to run. */
void reply_cache_drop(struct reply_cache_entry *entry);

struct reply_cache_stats {
    uint64_t entries, bytes, hits, dropped_running;
};
void reply_cache_stats_get(struct reply_cache_stats *stats);

#endif
