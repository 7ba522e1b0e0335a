/*
 * apart.h - does something on a thread of its own, and does not wait for it for ever.
 *
 * For what may hang in a system call and must not take the caller along: looking at a directory to
 * be exported, mounting, unmounting, keeping house. A job that takes too long goes on by itself,
 * and is no longer its starter's.
 */
#ifndef BASE_APART_H
#define BASE_APART_H

#include <stdatomic.h>
#include <stdbool.h>

/* The first member of what a job works on, which is one malloc'ed block. */
struct apart {
    void (*run)(struct apart *job);
    /* The end of a job that nobody waits for any more: undoes what it made, and frees what is in
     * it but the block itself. May be NULL. */
    void (*drop)(struct apart *job);
    _Atomic int state; /* apart.c's */
};

/*
 * Runs it, and waits for its end for so many milliseconds at most. 0: it is over, and the block is
 * the caller's, as after any other error but ETIMEDOUT: then it goes on, and drop() and free() are
 * called at its end. EAGAIN: there is no thread to be had, and it has not begun.
 */
int apart_run(struct apart *job, int ms);

#endif
