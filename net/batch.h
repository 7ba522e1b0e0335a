/*
 * batch.h - what a connection guesses about its client's next batch, and what follows from the
 * guess.
 *
 * A batch is what one receive brings: all calls that a client had sent by then. Three guesses, each
 * made from earlier batches, decide how much is received, how often, and when replies are sent.
 * None of them changes an answer. conn.c and conn_send.c ask for them; docs/PERFORMANCE.md has the
 * gain of each.
 */
#ifndef NET_BATCH_H
#define NET_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After a batch of at least BATCH_LARGE messages, another batch may have arrived meanwhile. Where
 * none had, the client waits for the whole batch before it sends the next one, and the receive that
 * would find nothing is left out for BATCHES_IN_TURNS large batches. */
#define BATCH_LARGE      8
#define BATCHES_IN_TURNS 15
/* A batch is answered in parts of PART_REPLIES replies where each reply took at least PART_NSEC
 * nanoseconds to make: the client then works on the first part while the server makes the
 * second. */
#define PART_REPLIES 16
#define PART_NSEC    400
/* A message of more bytes than this is received alone, so that no part of it has to be moved. */
#define MESSAGE_LONG (256u * 1024)

struct batch {
    unsigned gathered; /* replies written since the last were sent */
    int64_t half_nsec; /* CLOCK_MONOTONIC: when half of a part had gathered */
    uint8_t in_turns;  /* large batches after which no other one is expected at once */
    bool was_long;     /* the last message was long: the next one is likely to be so, too */
};

/* Whether it is worth looking for another batch right after one of `messages`. */
static inline bool batch_may_follow(struct batch *batch, uint64_t messages)
{
    if (messages < BATCH_LARGE)
        return false;
    if (batch->in_turns == 0)
        return true;
    batch->in_turns--;
    return false;
}

/* Another batch was looked for, and was not there. */
static inline void batch_none_followed(struct batch *batch)
{
    batch->in_turns = BATCHES_IN_TURNS;
}

/* Whether the replies that have gathered are to be sent as a part. To be asked after each reply.
 * `now` returns nanoseconds of CLOCK_MONOTONIC; it is called as seldom as possible. */
static inline bool batch_part_is_due(struct batch *batch, int64_t (*now)(void))
{
    const unsigned half = PART_REPLIES / 2;

    if (batch->gathered == half)
        batch->half_nsec = now();
    if (batch->gathered < PART_REPLIES || batch->gathered % half != 0)
        return false;
    return now() - batch->half_nsec >= (int64_t)PART_NSEC * (batch->gathered - half);
}

#endif
