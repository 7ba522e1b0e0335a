/*
 * round.h - rounds of a thread: the time in which it handles messages that had all arrived before
 * the first of them was handled.
 *
 * net/ begins one with each receive, after each wait of a loop, where a thread takes over a loop,
 * and after a message that slept without losing its loop: so a round lasts no longer than a few
 * hundred messages work. They ask for things at the same time, whatever order they are handled in,
 * and what a file system found out for one of them about rights is good for the others
 * (fs/hostfs/rights.c).
 */
#ifndef BASE_ROUND_H
#define BASE_ROUND_H

#include <stdbool.h>
#include <stdint.h>

/* The current thread's round, from 1; 0: it has never begun one, and nothing may be kept. */
extern _Thread_local uint64_t round_number;

/* Whether the message in hand is the last that has arrived on its connection: so its client may be
 * waiting for this answer alone (fs/hostfs/watch.c). Set by net/conn.c. */
extern _Thread_local bool round_last;

static inline void round_begin(void)
{
    round_number++;
    round_last = false;
}

#endif
