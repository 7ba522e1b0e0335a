/*
 * latency.h - how long quick calls take while slow ones are in flight.
 *
 * For tests that nobody waits for somebody else's disk: one thread keeps GETATTRs in flight on a
 * connection and notes how long each took; meanwhile it keeps slow calls (READ, COMMIT) in
 * flight, on the same connection or on another one. Slow calls begin evenly spread over the time
 * that one takes, so a server meets `count / took_ms` of them in each millisecond.
 */
#ifndef TESTS_LIB_LATENCY_H
#define TESTS_LIB_LATENCY_H

#include "tests/lib/nfs3client.h"

#define LATENCY_LINES    2
#define LATENCY_INFLIGHT 64

/* A connection, and what was received on it but not taken apart yet. */
struct latency_line {
    struct client *client;
    size_t have;
    uint8_t received[65536];
};

struct latency {
    struct latency_line lines[LATENCY_LINES];
    unsigned nlines;
    struct bytes quick; /* the GETATTR's record; its xid is patched in */
    uint32_t quick_serial;
    unsigned quick_inflight;
    unsigned slow_line;
    struct bytes slow;
    uint32_t slow_serial;
    unsigned slow_inflight, slow_done;
    unsigned slow_wanted;    /* so many in flight; fewer while they are being spread */
    int64_t slow_next_nsec;  /* when the next of these begins */
    int64_t slow_every_nsec; /* how far apart they begin */
    int64_t sent_nsec[LATENCY_INFLIGHT];
    unsigned slow_count;                  /* slow calls at once of this measurement */
    unsigned sent_done[LATENCY_INFLIGHT]; /* slow_done when each was sent */
    size_t late; /* quick calls of this measurement that waited for slow ones */
    float *took; /* microseconds of each quick call of this measurement */
    size_t ntook, took_room;
};

/* Slow calls: client->call of a connection, always `count` of them in flight. */
struct latency_slow {
    unsigned line;
    unsigned count, took_ms;
};

/* Which connections there are, the first `nlines` of these clients; GETATTRs ask for `fh`. Calls
 * that wait for a reply on them must be none. */
void latency_init(struct latency *l, struct client *const *clients, unsigned nlines,
                  const struct fh *fh);
void latency_finish(struct latency *l);
/* From now on keeps the slow calls in flight. */
void latency_slow_begin(struct latency *l, const struct latency_slow *slow);
/* Begins no more of them, and waits until all are answered; how many there were. */
unsigned latency_slow_end(struct latency *l);
/*
 * That GETATTRs do not wait for slow calls, on their connection and on the other: one at a time,
 * eight at a time, and one each 300 us. Slow calls end evenly spread, so one that waits for them
 * sees many end before its own reply; it is late where more than half of all that are in flight
 * did, and one in a hundred may be. Time itself is no measure on a machine that does something
 * else: how long they took, undisturbed and disturbed in turns, is printed (docs/ARCHITECTURE.md
 * has what was measured).
 */
#define LATENCY_LATE_PERCENT 1
void latency_expect(struct latency *l, const struct latency_slow *slow);

#endif
