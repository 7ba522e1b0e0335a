/*
 * lock.h - a readers-writer lock of four bytes; each node of memfs has one.
 *
 * pthread_rwlock_t takes 56 bytes, more than half of the rest of a node. Zeroed memory is a free
 * lock, and a lock need not be destroyed. A thread must not take a lock twice, not even for
 * reading: a reader that comes while any thread sleeps on the lock waits, so that writers get their
 * turn.
 */
#ifndef MEMFS_LOCK_H
#define MEMFS_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct memfs_lock {
    _Atomic uint32_t state; /* number of readers, and the two bits below */
};

#define MEMFS_LOCK_WRITER   0x80000000u /* a writer has it */
#define MEMFS_LOCK_SLEEPERS 0x40000000u /* threads sleep; set only while another thread has it */

/* Called where the lock is not free; and to wake sleepers. */
void memfs_lock_read_slow(struct memfs_lock *lock);
void memfs_lock_write_slow(struct memfs_lock *lock);
void memfs_lock_wake(struct memfs_lock *lock);

static inline void memfs_lock_read(struct memfs_lock *lock)
{
    uint32_t state = atomic_load_explicit(&lock->state, memory_order_relaxed);

    if ((state & (MEMFS_LOCK_WRITER | MEMFS_LOCK_SLEEPERS)) != 0 ||
        !atomic_compare_exchange_weak_explicit(&lock->state, &state, state + 1,
                                               memory_order_acquire, memory_order_relaxed))
        memfs_lock_read_slow(lock);
}

static inline void memfs_unlock_read(struct memfs_lock *lock)
{
    uint32_t state = atomic_load_explicit(&lock->state, memory_order_relaxed);

    /* The last reader clears the sleepers' bit and wakes them. */
    while (!atomic_compare_exchange_weak_explicit(
        &lock->state, &state, state == (MEMFS_LOCK_SLEEPERS | 1) ? 0 : state - 1,
        memory_order_release, memory_order_relaxed)) {
    }
    if (state == (MEMFS_LOCK_SLEEPERS | 1))
        memfs_lock_wake(lock);
}

static inline void memfs_lock_write(struct memfs_lock *lock)
{
    uint32_t state = 0;

    if (!atomic_compare_exchange_strong_explicit(&lock->state, &state, MEMFS_LOCK_WRITER,
                                                 memory_order_acquire, memory_order_relaxed))
        memfs_lock_write_slow(lock);
}

static inline void memfs_unlock_write(struct memfs_lock *lock)
{
    if (atomic_exchange_explicit(&lock->state, 0, memory_order_release) & MEMFS_LOCK_SLEEPERS)
        memfs_lock_wake(lock);
}

#endif
