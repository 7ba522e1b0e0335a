/*
 * closer.c - see closer.h. `lock` guards the list of closers, and what is left to each.
 */
#include "vfs/closer.h"
#include "vfs/mounted.h"
#include "vfs/node_life.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a call waits for the closing of its descriptors, in milliseconds: long for a file system
 * that works. */
#define PATIENCE_MS 20

/* The closer of one place. It has a thread of its own as long as there is something to close. */
struct closer {
    struct closer *next;
    const struct wait_place *place;
    struct closer_item *left;
    unsigned count, room;
    uint64_t asked, done; /* descriptors given to it, and closed by it, so far */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t closed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct closer *closers; /* guarded */

static void closed_init(void)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&closed, &attr);
    pthread_condattr_destroy(&attr);
}

static void close_fd(void *arg)
{
    close((int)(intptr_t)arg);
}

bool vnode_drop(struct vnode_drops *drops, void (*release)(void *arg), void *arg)
{
    if (drops->count == (drops->max != 0 ? drops->max : VNODE_DROPS_MAX))
        return false;
    /* Its code and its connection are there until it was released. */
    if (release != close_fd && !drops->keeps)
        mounted_of(drops->fs)->nodes++;
    drops->list[drops->count++] = (struct vnode_dropped){release, arg};
    return true;
}

bool vnode_drop_fd(struct vnode_drops *drops, int fd)
{
    return vnode_drop(drops, close_fd, (void *)(intptr_t)fd);
}

static void release_all(const struct closer_item *items, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        items[i].dropped.release(items[i].dropped.arg);
        if (items[i].fs != NULL)
            vfs_node_gone(items[i].fs);
    }
}

/* All functions below, up to items_release(), are called with the lock held. */

static struct closer *closer_at(const struct wait_place *place)
{
    struct closer *closer = closers;

    while (closer != NULL && closer->place != place)
        closer = closer->next;
    return closer;
}

static void closer_remove(struct closer *closer)
{
    struct closer **at = &closers;

    while (*at != closer)
        at = &(*at)->next;
    *at = closer->next;
    free(closer->left);
    free(closer);
}

static void *closer_main(void *arg)
{
    struct closer *closer = arg;

    pthread_mutex_lock(&lock);
    while (closer->count > 0) {
        struct closer_item *left = closer->left;
        unsigned count = closer->count;
        closer->left = NULL;
        closer->count = closer->room = 0;
        pthread_mutex_unlock(&lock);
        release_all(left, count);
        free(left);
        pthread_mutex_lock(&lock);
        closer->done += count;
        pthread_cond_broadcast(&closed);
    }
    closer_remove(closer);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static bool closer_give(struct closer *closer, const struct closer_item *items, unsigned count)
{
    if (closer->count + count > closer->room) {
        unsigned room = (closer->count + count) * 2;
        struct closer_item *grown = realloc(closer->left, room * sizeof(*grown));
        if (grown == NULL)
            return false;
        closer->left = grown;
        closer->room = room;
    }
    memcpy(closer->left + closer->count, items, count * sizeof(*items));
    closer->count += count;
    closer->asked += count;
    return true;
}

/* Makes a closer and its thread. The thread blocks all signals, which go to the main thread
 * only. */
static struct closer *closer_start(const struct wait_place *place, const struct closer_item *items,
                                   unsigned count)
{
    struct closer *closer = calloc(1, sizeof(*closer));
    sigset_t all, before;
    pthread_t thread;

    if (closer == NULL)
        return NULL;
    closer->place = place;
    closer->next = closers;
    closers = closer;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = closer_give(closer, items, count) &&
                   pthread_create(&thread, NULL, closer_main, closer) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    else
        closer_remove(closer);
    return started ? closer : NULL;
}

/* Waits until the place's closer has closed what it was given before this call, or hangs. */
static void closer_wait(const struct wait_place *place)
{
    struct closer *closer = closer_at(place);
    struct timespec until;
    int err = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PATIENCE_MS * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    for (uint64_t asked = closer->asked; closer != NULL && closer->done < asked && err == 0;
         closer = closer_at(place))
        err = pthread_cond_timedwait(&closed, &lock, &until);
}

/* All are of one place. */
static void items_release(struct wait_place *place, const struct closer_item *items, unsigned count,
                          bool wait)
{
    if (count == 0)
        return;
    pthread_once(&once, closed_init);
    pthread_mutex_lock(&lock);
    struct closer *closer = closer_at(place);
    bool busy = closer != NULL;
    bool given =
        busy ? closer_give(closer, items, count) : closer_start(place, items, count) != NULL;
    if (given && !busy && wait)
        closer_wait(place);
    pthread_mutex_unlock(&lock);
    if (!given)
        release_all(items, count);
}

void closer_flush(struct closer_batch *batch)
{
    unsigned at = 0;

    /* Neighbours of one place are released together, as they mostly come. */
    while (at < batch->count) {
        struct wait_place *place = batch->items[at].place;
        struct closer_item *items = &batch->items[at];
        unsigned count = 0, others = 0;
        for (; at < batch->count && batch->items[at].place == place; at++)
            count++;
        /* A call that has entered this place waits for no disk but its own, so it closes
         * descriptors itself. */
        const bool own = place == NULL || wait_own.at == place;
        for (unsigned i = 0; own && i < count; i++) {
            if (items[i].fs == NULL)
                release_all(&items[i], 1);
            else
                items[others++] = items[i];
        }
        items_release(place, items, own ? others : count, !own);
    }
    batch->count = 0;
}

bool closer_has_room(const struct closer_batch *batch)
{
    return batch->count + VNODE_DROPS_MAX <= CLOSER_BATCH;
}

void closer_add(struct closer_batch *batch, struct wait_place *place,
                const struct vnode_drops *drops)
{
    for (unsigned i = 0; i < drops->count; i++)
        batch->items[batch->count++] = (struct closer_item){
            .place = place,
            .fs = drops->list[i].release != close_fd ? drops->fs : NULL,
            .dropped = drops->list[i],
        };
}

void closer_release(struct wait_place *place, const struct vnode_drops *drops)
{
    struct closer_batch batch;

    if (drops->count == 0)
        return;
    batch.count = 0;
    closer_add(&batch, place, drops);
    closer_flush(&batch);
}
