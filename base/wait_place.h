/*
 * wait_place.h - which disks or file systems calls wait for, and how many calls may wait for each.
 *
 * A place is a disk or a file system that can keep a call waiting for any length of time. hostfs
 * has one place for each file system of the host, so two exports on one disk share it; every other
 * mounted file system has a place of its own. A call names the place that it is about to use
 * (wait_enter()). Where enough calls sleep in that place already, the call is refused before it
 * blocks. The file system announces nothing for this: the thread that takes the loop from a
 * sleeping thread (net/workers) counts the sleeper's call at the place that the call has entered.
 *
 * How many may sleep: a place gets half of the calls that --waiting allows, less a reserve and less
 * those that sleep in other places, and never less than one. So whatever number of disks hang,
 * calls are left for the next disk. In a place that hangs (none of its sleeping calls came back for
 * a second) a client host gets three quarters of what other hosts leave, and a user of a host gets
 * half of what other users of that host leave.
 *
 * A slow place that works is shared out in this way only when more than half of its calls sleep. A
 * call that is refused there costs its client seconds, so the connection waits before that point is
 * reached (wait_should_pause()). A place where calls wait for a person or a program that may never
 * answer (srvfs) is always shared out.
 *
 * While no call sleeps in a place, entering it costs a load and a store.
 */
#ifndef BASE_WAIT_PLACE_H
#define BASE_WAIT_PLACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many calls may sleep at once (--waiting). Each needs a thread, some tens of KiB. */
#define WAIT_CALLS_DEFAULT 512
#define WAIT_CALLS_MIN     64
#define WAIT_CALLS_MAX     4096

struct wait_place;

/* Called before any thread runs calls. `calls`: how many may sleep at once. */
void wait_places_init(uint32_t calls);
uint32_t wait_calls_max(void);

/*
 * The place with this key, with a reference; made where there is none. Key 0 always makes a new
 * one. `name` is for status. NULL: no memory. A place's memory is used again for other places but
 * never freed, so a call that still sleeps there needs no reference.
 */
struct wait_place *wait_place_get(uint64_t key, const char *name);
struct wait_place *wait_place_ref(struct wait_place *place);
/* NULL is accepted. */
void wait_place_put(struct wait_place *place);
/* Marks a place whose calls may wait for an answer that never comes. No connection waits for their
 * end. */
void wait_place_impatient(struct wait_place *place);

/* What status shows of a place. */
struct wait_place_stats {
    uint32_t asleep;  /* calls that sleep there now */
    uint32_t most;    /* how many may sleep there now */
    bool hangs;       /* none of them came back for a second */
    uint64_t refused; /* calls that were told to come again later, since the start */
};
void wait_place_stats_get(const struct wait_place *place, struct wait_place_stats *stats);
/* Calls `each` for every place where calls sleep now. `each` must not call functions of this
 * file. */
void wait_places_walk(void (*each)(const char *name, const struct wait_place_stats *stats,
                                   void *arg),
                      void *arg);

/* --- the call of this thread --- */

/* The call that a thread runs. All but the atomics are guarded by wait_place.c's lock. */
struct wait_call {
    struct wait_place *_Atomic at; /* the place that it uses; NULL: no file system */
    _Atomic uint32_t uid;          /* the caller's user id */
    _Atomic uint8_t host;          /* the client host, hashed */
    _Atomic bool asleep;           /* counted as asleep */
    struct wait_place *counted;    /* the place that it is counted at as asleep */
    uint8_t counted_host;          /* the host, hashed, that it is counted for */
    uint8_t counted_user;          /* the user of that host, hashed, that it is counted for */
    int64_t since;                 /* since when it is counted there: ms of wait_place.c's clock */
    const void *source;            /* the connection that the call came by */
    struct wait_call *next;        /* the next on the list of calls that sleep */
};
extern _Thread_local struct wait_call wait_own;

/* A call of `host` begins on this thread. */
static inline void wait_begin(uint8_t host)
{
    atomic_store_explicit(&wait_own.at, NULL, memory_order_relaxed);
    atomic_store_explicit(&wait_own.uid, 0, memory_order_relaxed);
    atomic_store_explicit(&wait_own.host, host, memory_order_relaxed);
}

/* Says which user the call is of. */
static inline void wait_user(uint32_t uid)
{
    atomic_store_explicit(&wait_own.uid, uid, memory_order_relaxed);
}

/* The slow part of wait_enter(): other calls sleep in the place, or this call is counted as
 * asleep. */
int wait_enter_checked(struct wait_place *place);
/* How many calls sleep there. The count is the first member of struct wait_place, so that
 * wait_enter() reads it without knowing that struct. */
static inline uint32_t wait_asleep(const struct wait_place *place)
{
    return atomic_load_explicit((const _Atomic uint32_t *)(const void *)place,
                                memory_order_relaxed);
}

/* Says that the call is about to use this place. 0, or VFS_EJUKEBOX: too many calls wait there, and
 * the call must not use the place. Costs nothing when called again with that place. */
static inline int wait_enter(struct wait_place *place)
{
    if (place == NULL || atomic_load_explicit(&wait_own.at, memory_order_relaxed) == place)
        return 0;
    if (wait_asleep(place) != 0 || atomic_load_explicit(&wait_own.asleep, memory_order_relaxed))
        return wait_enter_checked(place);
    atomic_store_explicit(&wait_own.at, place, memory_order_relaxed);
    return 0;
}

/* Goes back to a place that this call has entered before; never refused. */
void wait_return(struct wait_place *place);

/* --- for net/ --- */

/* Counts a call that sleeps or is about to. Called by the thread that takes the loop from the
 * sleeper, which may be the sleeper itself. The sleeper calls wait_asleep_end() once, when its call
 * is over. */
void wait_asleep_begin(struct wait_call *call, const void *source);
/* Says that this thread's call is over. Waits, for a moment only, until wait_asleep_begin() has
 * returned. */
void wait_asleep_end(void);
/*
 * Whether a connection (`source`), `late` of whose calls sleep, should begin no further calls until
 * one of them has ended. True when many of its calls sleep in places that are slow but work, or
 * fewer where such a place is nearly full. Calls that hang, or have slept for seconds, delay no
 * others. The connection asks again after a while.
 */
bool wait_should_pause(const void *source, uint32_t late);

#endif
