/*
 * current.c - the table in use: held by requests, replaced by load.c and refresh.c.
 *
 * Each thread has a slot that says which table it holds (a hazard pointer). exports_get() writes
 * the current table there, and then checks that it is still current. From then on the thread that
 * replaces the table sees the slot. A replaced table goes to the list of retired tables and is
 * freed once no slot has it. A request that is stuck keeps its table, and delays no other request.
 *
 * Locks: slots_lock guards the list of slots, retired_lock the retired tables. A request takes
 * neither, but for a thread's first exports_get().
 */
#include "base/apart.h"
#include "base/list.h"
#include "exports/internal.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* How long exports_load() waits for requests that run on the old table: this number of steps of
 * this length. */
#define GRACE_STEP_NSEC 1000000
#define GRACE_STEPS     20
/* How long it waits for the old table's file systems to end, in milliseconds. */
#define DESTROY_MS 1000

struct slot {
    _Atomic(struct exports *) held; /* NULL: between requests */
    struct list link;               /* guarded by slots_lock */
    bool linked;                    /* read and written by the slot's thread alone */
};

static _Atomic(struct exports *) current;
static _Atomic uint64_t generation = 1;
static _Thread_local struct slot my_slot;

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list slots = LIST_INIT(slots);
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;
static pthread_key_t slots_key;

static pthread_mutex_t retired_lock = PTHREAD_MUTEX_INITIALIZER;
static struct exports **retired;
static size_t retired_count, retired_room;

/* Called at the end of a thread. */
static void slot_unlink(void *arg)
{
    struct slot *slot = arg;

    pthread_mutex_lock(&slots_lock);
    list_remove(&slot->link);
    pthread_mutex_unlock(&slots_lock);
    slot->linked = false;
}

static void slots_init(void)
{
    if (pthread_key_create(&slots_key, slot_unlink))
        abort();
}

static void slot_link(struct slot *slot)
{
    pthread_once(&slots_once, slots_init);
    /* Without the destructor the list would keep a slot whose thread has ended. */
    if (pthread_setspecific(slots_key, slot))
        abort();
    pthread_mutex_lock(&slots_lock);
    list_append(&slots, &slot->link);
    pthread_mutex_unlock(&slots_lock);
    slot->linked = true;
}

const struct exports *exports_get(void)
{
    struct slot *slot = &my_slot;
    struct exports *table = atomic_load_explicit(&current, memory_order_relaxed);

    if (!slot->linked)
        slot_link(slot);
    for (;;) {
        /* Sequentially consistent, as in slot_holds(): either the replacing thread sees this slot,
         * or this thread sees the new table. */
        atomic_store(&slot->held, table);
        struct exports *now = atomic_load(&current);
        if (now == table)
            return table;
        table = now;
    }
}

void exports_put(void)
{
    atomic_store_explicit(&my_slot.held, NULL, memory_order_release);
}

static bool table_is_held(struct exports *table)
{
    struct list *at;
    bool held = false;

    pthread_mutex_lock(&slots_lock);
    list_for_each (at, &slots)
        held |= atomic_load(&list_entry(at, struct slot, link)->held) == table;
    pthread_mutex_unlock(&slots_lock);
    return held;
}

/* Takes a table that no thread holds (held_too: any) off the list of retired tables. NULL: there is
 * none. */
static struct exports *retired_take(bool held_too)
{
    struct exports *table = NULL;

    pthread_mutex_lock(&retired_lock);
    for (size_t i = 0; i < retired_count && !table; i++) {
        if (held_too || !table_is_held(retired[i])) {
            table = retired[i];
            retired[i] = retired[--retired_count];
        }
    }
    pthread_mutex_unlock(&retired_lock);
    return table;
}

struct destroying {
    struct apart job;
    struct exports *table;
};

static void destroying_run(struct apart *job)
{
    exports_destroy(((struct destroying *)job)->table);
}

/* Destroys a table on a thread of its own, since a file system may hang when it is left. False: one
 * hangs. */
static bool destroy_apart(struct exports *table)
{
    struct destroying *destroying = calloc(1, sizeof(*destroying));

    if (!destroying) {
        exports_destroy(table);
        return true;
    }
    destroying->job.run = destroying_run;
    destroying->table = table;
    int err = apart_run(&destroying->job, DESTROY_MS);
    if (err == ETIMEDOUT)
        return false;
    if (err != 0)
        exports_destroy(table);
    free(destroying);
    return true;
}

void exports_collect(void)
{
    struct exports *table;

    while ((table = retired_take(false)))
        destroy_apart(table);
}

uint64_t exports_generation(void)
{
    return generation;
}

struct exports *current_table(void)
{
    return atomic_load(&current);
}

static bool retired_empty(void)
{
    pthread_mutex_lock(&retired_lock);
    bool empty = !retired_count;
    pthread_mutex_unlock(&retired_lock);
    return empty;
}

/* Puts a table on the list of retired tables. Without memory for the list the table is leaked,
 * since it must not be freed while a request may hold it. */
static void retire(struct exports *table)
{
    pthread_mutex_lock(&retired_lock);
    if (retired_count == retired_room) {
        size_t room = retired_room + 4;
        void *grown = reallocarray(retired, room, sizeof(struct exports *));
        if (grown) {
            retired = grown;
            retired_room = room;
        }
    }
    if (retired_count < retired_room)
        retired[retired_count++] = table;
    pthread_mutex_unlock(&retired_lock);
}

void current_replace(struct exports *fresh)
{
    const struct timespec step = {.tv_nsec = GRACE_STEP_NSEC};
    struct exports *old = atomic_exchange(&current, fresh);

    generation++; /* afterwards: an answer kept under it is of the new table */
    if (old)
        retire(old);
    exports_collect();
    for (int i = 0; i < GRACE_STEPS && !retired_empty(); i++) {
        nanosleep(&step, NULL);
        exports_collect();
    }
}

bool exports_finish(void)
{
    struct exports *table = atomic_exchange(&current, NULL);
    bool ended = !table || destroy_apart(table);

    while ((table = retired_take(true)))
        ended &= destroy_apart(table);
    free(retired);
    retired = NULL;
    retired_room = 0;
    names_clear();
    groups_clear();
    return ended;
}
