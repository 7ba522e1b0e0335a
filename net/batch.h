/*
 * batch.h - what a connection guesses about its client's next batch, and what follows from it.
 *
 * A batch is what one receive brings: all calls that a client had sent by then. Three guesses, each
 * from what came before, decide how much is received, how often, and when replies are sent. None of
 * them changes an answer. conn.c and conn_send.c ask; docs/PERFORMANCE.md has what each one gives.
 */
#ifndef NET_BATCH_H
#define NET_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A batch of this many messages may be followed by another one that arrived meanwhile. Where none
 * was there, that client waits for all of a batch before it sends the next one, and the receive
 * that would find nothing is left out for a number of large batches. */
#define BATCH_LARGE      8
#define BATCHES_IN_TURNS 15
/* A batch is answered in parts of this many replies, where a reply took this long to make: the
 * client then works on the first part while the second one is made. */
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

/* Whether what has gathered is a part to be sent. To be asked after each reply; `now` gives ns of
 * CLOCK_MONOTONIC, and is asked as seldom as possible. */
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
