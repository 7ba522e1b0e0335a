/*
 * settled.h - whether equal times mean that nothing was changed.
 *
 * A file system stores times in steps (nanoseconds, whole seconds, two seconds on vfat), and the
 * kernel's clock for these times ticks in milliseconds. A second change within one step or tick
 * leaves the ctime as it is. For code that compares ctimes, or keeps something until a ctime
 * changes.
 */
#ifndef BASE_SETTLED_H
#define BASE_SETTLED_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Twice the tick of the coarsest kernel clock (HZ=100), in ns. */
#define SETTLED_TICK_NS 20000000

/* The step of one time, in ns, on a file system with this granularity (ns). A time without
 * nanoseconds may be of an object that stores whole seconds (ext4 with small inodes). */
static inline int64_t settled_step(uint32_t nsec, uint64_t granularity)
{
    const int64_t second = 1000000000;

    return nsec == 0 && (int64_t)granularity < second ? second : (int64_t)granularity;
}

/* Whether every change from now on will give the object another ctime than this one. granularity in
 * ns. */
static inline bool settled_ctime(int64_t sec, uint32_t nsec, uint64_t granularity)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (int64_t)((uint64_t)(now.tv_sec - sec) * 1000000000u) + now.tv_nsec - nsec;
    return age > settled_step(nsec, granularity) + SETTLED_TICK_NS;
}

#endif
