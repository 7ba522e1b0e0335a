/*
 * reply_cache.h - replies of calls that change something, for retransmissions of these calls.
 *
 * rpc/dispatch.c asks before it runs a procedure with RPC_REPLAY. A call counts as a retransmission
 * of an earlier one where host, xid, program, version and procedure are equal, and
 *   - it came by the earlier call's connection or, as a datagram, from its port; or
 *   - it came by another connection, the connection of the earlier call has ended, and caller and
 *     arguments are equal; every byte of them is in a checksum with a secret key. This never
 *     applies to procedures with RPC_IDEMPOTENT (WRITE), which are carried out again.
 *
 * Clients whose connections are both alive are two clients, even if everything in their calls is
 * equal: clones of one machine, or guests behind one address, have equal xids.
 *
 * What is kept of one client is bounded for that client (rpc/reply_shelf.h). No lock is held while
 * a procedure runs.
 */
#ifndef RPC_REPLY_CACHE_H
#define RPC_REPLY_CACHE_H

#include "base/metrics.h"
#include "rpc/program.h"

enum reply_cache_answer {
    REPLY_CACHE_RUN,     /* a new call: run it, then reply_cache_store() or reply_cache_drop() */
    REPLY_CACHE_REPEAT,  /* finished before: its reply was copied, *len bytes */
    REPLY_CACHE_RUNNING, /* still running for this connection, which gets the reply: send nothing */
};

/* The entry of a call that is to run; NULL where the cache had no room for it. */
struct reply_cache_entry;

/* Sets up the cache for at most `entries_max` replies and `bytes_max` bytes of replies in total.
 * ENOMEM. */
int reply_cache_init(uint32_t entries_max, size_t bytes_max);
void reply_cache_finish(void);
/* Where the call runs for a connection that has ended, this one sleeps until that is done. `flags`
 * are the procedure's (enum rpc_flags). All arguments must be in memory, but for
 * the payload.
 * The reply, where there is one, is copied to `reply` (`room` bytes; all of the message). */
enum reply_cache_answer reply_cache_begin(const struct rpc_call *call, uint32_t flags,
                                          uint8_t *reply, size_t room, size_t *len,
                                          struct reply_cache_entry **entry);
/* Keeps the reply, a whole message of `len` bytes. NULL entry: does nothing. */
void reply_cache_store(struct reply_cache_entry *entry, const uint8_t *reply, size_t len);
/* To be called when nothing was done, so that a retransmission runs. NULL entry: does nothing. */
void reply_cache_drop(struct reply_cache_entry *entry);

struct reply_cache_stats {
    uint64_t entries, spares, bytes, hits, dropped_running;
};
void reply_cache_stats_get(struct reply_cache_stats *stats);
/* These figures as rows. */
extern const struct metrics rpc_metrics;

#endif
