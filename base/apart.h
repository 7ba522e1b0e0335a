/*
 * apart.h - runs a job on a thread of its own, and waits for its end for a limited time.
 *
 * For what may hang in a system call and must not block the caller for ever: looking at a directory
 * to be exported, mounting, unmounting, keeping house. A job that takes longer than the limit goes
 * on by itself. From then on it belongs to its thread and no longer to its starter.
 */
#ifndef BASE_APART_H
#define BASE_APART_H

#include <stdatomic.h>
#include <stdbool.h>

/* The first member of a struct that describes a job. That struct is one malloc'ed block. */
struct apart {
    void (*run)(struct apart *job);
    /* Called at the end of a job that its starter no longer waits for. Undoes what the job made,
     * and frees what the block refers to, but not the block itself. May be NULL. */
    void (*drop)(struct apart *job);
    _Atomic int state; /* private to apart.c */
};

/*
 * Starts `job` on a thread of its own and waits at most `ms` milliseconds for its end.
 *
 * 0: the job has ended, and the block belongs to the caller again. ETIMEDOUT: the job goes on and
 * owns the block; drop() and free() are called at its end. EAGAIN: no thread could be made, the job
 * has not begun, and the block belongs to the caller.
 */
int apart_run(struct apart *job, int ms);

#endif
