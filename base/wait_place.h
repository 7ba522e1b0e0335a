/*
 * wait_place.h - what calls wait for, and how many of them may.
 *
 * A place is a disk or a file system that can keep a call waiting for as long as it likes: hostfs
 * has one for each file system of the host (two exports on one disk share it), every other mounted
 * file system has its own. A call says which place it is about to use (wait_enter()), and is
 * refused there, before it blocks, where enough calls sleep in it already. Nobody has to announce
 * anything for that: whoever takes the loop from a thread that sleeps (net/workers) counts its call
 * at the place that the call has entered.
 *
 * How many: of the threads that may sleep, less a reserve, a place gets half of what the other
 * places leave, and never less than one. So any number of hung disks leaves some for the next one.
 * Within a place that hangs (none of its sleeping calls came back for a second) a client host gets
 * three quarters of what other hosts leave, and a user of a host half of what others of that host
 * leave. A place that is slow, but works, is shared out only where more than half of its calls
 * sleep: a call refused there costs its client seconds, so before it comes to that the connection
 * waits instead (wait_should_pause()). Places where it is not a disk
 * that calls wait for, but somebody who may never come (srvfs), are shared out always.
 *
 * While nobody sleeps in a place, entering it costs a load and a store.
 */
#ifndef BASE_WAIT_PLACE_H
#define BASE_WAIT_PLACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls that may sleep at once (--waiting): threads, some tens of KiB each. */
#define WAIT_CALLS_DEFAULT 512
#define WAIT_CALLS_MIN     64
#define WAIT_CALLS_MAX     4096

struct wait_place;

/* Before any thread runs calls. `calls`: how many may sleep at once. */
void wait_places_init(uint32_t calls);
uint32_t wait_calls_max(void);

/*
 * The place with this key, made where there is none, with a reference; key 0: always a new one.
 * `name` is for status. NULL: no memory. Its memory is used again, but never given back, so that a
 * call which still sleeps there needs no reference.
 */
struct wait_place *wait_place_get(uint64_t key, const char *name);
struct wait_place *wait_place_ref(struct wait_place *place);
/* NULL is accepted. */
void wait_place_put(struct wait_place *place);
/* Calls wait there for somebody who may never come: no connection waits for their end. */
void wait_place_impatient(struct wait_place *place);

/* What status says of a place. */
struct wait_place_stats {
    uint32_t asleep;  /* calls that sleep there now */
    uint32_t most;    /* that may */
    bool hangs;       /* none of them came back for a second */
    uint64_t refused; /* calls that were told to come again later, since the start */
};
void wait_place_stats_get(const struct wait_place *place, struct wait_place_stats *stats);
/* Names all places where calls sleep now, by `each`, which must not call back. */
void wait_places_walk(void (*each)(const char *name, const struct wait_place_stats *stats,
                                   void *arg),
                      void *arg);

/* --- the call of this thread --- */

/* What a thread that runs calls has of the one it runs. All but the atomics are guarded by
 * wait_place.c's lock. */
struct wait_call {
    struct wait_place *_Atomic at; /* what it uses; NULL: no file system */
    _Atomic uint32_t uid;          /* who asks */
    _Atomic uint8_t host;          /* and from where, hashed */
    _Atomic bool asleep;           /* counted as asleep */
    struct wait_place *counted;    /* at this place, */
    uint8_t counted_host;          /* for this host, */
    uint8_t counted_user;          /* and this user of it, hashed, */
    int64_t since;                 /* from then on: ms of wait_place.c's clock */
    const void *source;            /* whose call it is: the connection's */
    struct wait_call *next;        /* of those asleep */
};
extern _Thread_local struct wait_call wait_own;

/* A call of `host` begins on this thread. */
static inline void wait_begin(uint8_t host)
{
    atomic_store_explicit(&wait_own.at, NULL, memory_order_relaxed);
    atomic_store_explicit(&wait_own.uid, 0, memory_order_relaxed);
    atomic_store_explicit(&wait_own.host, host, memory_order_relaxed);
}

/* It is of this user. */
static inline void wait_user(uint32_t uid)
{
    atomic_store_explicit(&wait_own.uid, uid, memory_order_relaxed);
}

/* wait_enter()'s rest: somebody sleeps there, or the call itself does already. */
int wait_enter_checked(struct wait_place *place);
/* How many sleep: first in struct wait_place, for wait_enter() alone. */
static inline uint32_t wait_asleep(const struct wait_place *place)
{
    return atomic_load_explicit((const _Atomic uint32_t *)(const void *)place,
                                memory_order_relaxed);
}

/* The call is about to use this place. 0; VFS_EJUKEBOX: too many wait there, nothing may be asked
 * of it. Costs nothing when called again for the same place. */
static inline int wait_enter(struct wait_place *place)
{
    if (place == NULL || atomic_load_explicit(&wait_own.at, memory_order_relaxed) == place)
        return 0;
    if (wait_asleep(place) != 0 || atomic_load_explicit(&wait_own.asleep, memory_order_relaxed))
        return wait_enter_checked(place);
    atomic_store_explicit(&wait_own.at, place, memory_order_relaxed);
    return 0;
}

/* Back to a place that this call has entered before: it is not refused. */
void wait_return(struct wait_place *place);

/* --- for net/ --- */

/* The call sleeps, or is about to: said by whoever took the loop from its thread, which may be that
 * thread itself. Its thread says wait_awake() once, when the call is over. */
void wait_asleep_begin(struct wait_call *call, const void *source);
/* This thread's call is over. Waits the moment until wait_asleep_begin() has been said. */
void wait_asleep_end(void);
/*
 * Whether a source, `late` of whose calls sleep, is to begin no others until one of them is done:
 * many of them sleep in places that are slow, but go on; fewer where such a place is nearly full.
 * Calls that hang, or sleep for seconds, keep no others waiting. To be asked again after a while.
 */
bool wait_should_pause(const void *source, uint32_t late);

#endif
