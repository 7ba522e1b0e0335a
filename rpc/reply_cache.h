/*
 * reply_cache.h - replies of calls that change things, for their retransmissions.
 *
 * rpc/dispatch.c asks before it runs a procedure with RPC_REPLAY. A call is taken for one that came
 * before where host, xid, program, version and procedure are equal, and
 *   - it came by the same connection, or, as a datagram, from the same port; or
 *   - it came by another connection, the one of the earlier call has ended, and caller and
 * arguments are equal, of which every byte is summed up with a secret key. The latter never holds
 * for procedures with RPC_IDEMPOTENT (WRITE): they are carried out again. Clients whose connections
 * are both alive are two clients, though all of a call be equal: clones of one machine, or guests
 * behind one address, have equal xids.
 *
 * What is kept of one client is bounded by itself (rpc/reply_shelf.h). No lock is held while a
 * procedure runs.
 */
#ifndef RPC_REPLY_CACHE_H
#define RPC_REPLY_CACHE_H

#include "base/metrics.h"
#include "rpc/program.h"

enum reply_cache_answer {
    REPLY_CACHE_RUN,     /* new: run it, then reply_cache_store() or reply_cache_drop() */
    REPLY_CACHE_REPEAT,  /* finished before: *len bytes of its reply were copied */
    REPLY_CACHE_RUNNING, /* still running, by this connection: its reply comes; say nothing */
};

/* An entry claimed by REPLY_CACHE_RUN; NULL where the cache had no room for it. */
struct reply_cache_entry;

/* Bounds: entries and bytes of replies in total. ENOMEM. */
int reply_cache_init(uint32_t entries_max, size_t bytes_max);
void reply_cache_finish(void);
/* Where the call runs for a connection that has ended, this one sleeps until that is done. `flags`
 * are the procedure's (enum rpc_flags). All arguments must be in memory, but for
 * the payload.
 * The reply, where there is one, is copied to `reply` (`room` bytes; all of the message). */
enum reply_cache_answer reply_cache_begin(const struct rpc_call *call, uint32_t flags,
                                          uint8_t *reply, size_t room, size_t *len,
                                          struct reply_cache_entry **entry);
/* Keeps the whole reply message. NULL entry: nothing. */
void reply_cache_store(struct reply_cache_entry *entry, const uint8_t *reply, size_t len);
/* Nothing was done: a retransmission is to run. */
void reply_cache_drop(struct reply_cache_entry *entry);

struct reply_cache_stats {
    uint64_t entries, spares, bytes, hits, dropped_running;
};
void reply_cache_stats_get(struct reply_cache_stats *stats);
/* The same as rows. */
extern const struct metrics rpc_metrics;

#endif
