/*
 * settled.h - whether equal times mean that nothing was changed.
 *
 * A file system stores times in steps (of nanoseconds, of whole seconds, vfat of two), and the
 * kernel's clock for them ticks in milliseconds. A change within the step, or the tick, that a
 * ctime is of leaves the ctime as it is. For what is compared or remembered by ctime.
 */
#ifndef BASE_SETTLED_H
#define BASE_SETTLED_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Twice what the coarsest kernel clock (HZ=100) takes for a step, ns. */
#define SETTLED_TICK_NS 20000000

/* How coarse a time may be, in ns, that a file system with this granularity (ns) gave: some have
 * objects with whole seconds among others (ext4 with small inodes). */
static inline int64_t settled_step(uint32_t nsec, uint64_t granularity)
{
    const int64_t second = 1000000000;

    return nsec == 0 && (int64_t)granularity < second ? second : (int64_t)granularity;
}

/* Whether every change from now on gives another ctime than this one; granularity in ns. */
static inline bool settled_ctime(int64_t sec, uint32_t nsec, uint64_t granularity)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (int64_t)((uint64_t)(now.tv_sec - sec) * 1000000000u) + now.tv_nsec - nsec;
    return age > settled_step(nsec, granularity) + SETTLED_TICK_NS;
}

#endif
