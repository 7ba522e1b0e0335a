/*
 * lock.c - the slow ways of lock.h: another thread has the lock.
 *
 * Locks of memfs are held for the time of a copy at most. So a waiting thread looks again a number
 * of times before it sleeps on the futex. A thread that releases a lock with SLEEPERS set wakes all
 * sleepers.
 */
#include "lock.h"
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS 100

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Sleeps until the lock's state is no longer `state`. Sets SLEEPERS first where it is not set. */
static void wait_for_change(struct memfs_lock *lock, uint32_t state)
{
    uint32_t sleeping = state | MEMFS_LOCK_SLEEPERS;

    if (state == sleeping ||
        atomic_compare_exchange_strong_explicit(&lock->state, &state, sleeping,
                                                memory_order_relaxed, memory_order_relaxed))
        syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, sleeping, NULL, NULL, 0);
}

/* Waits until none of the bits in `against` is set, and takes the lock by adding `mine`. */
static void take(struct memfs_lock *lock, uint32_t against, uint32_t mine)
{
    uint32_t state = atomic_load_explicit(&lock->state, memory_order_relaxed);

    for (int spins = 0;;) {
        if ((state & against) == 0) {
            if (atomic_compare_exchange_weak_explicit(&lock->state, &state, state + mine,
                                                      memory_order_acquire, memory_order_relaxed))
                return;
            continue;
        }
        if (spins < SPINS) {
            spins++;
            pause_briefly();
        } else {
            wait_for_change(lock, state);
        }
        state = atomic_load_explicit(&lock->state, memory_order_relaxed);
    }
}

void memfs_lock_read_slow(struct memfs_lock *lock)
{
    take(lock, MEMFS_LOCK_WRITER | MEMFS_LOCK_SLEEPERS, 1);
}

void memfs_lock_write_slow(struct memfs_lock *lock)
{
    take(lock, UINT32_MAX, MEMFS_LOCK_WRITER);
}

void memfs_lock_wake(struct memfs_lock *lock)
{
    syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
