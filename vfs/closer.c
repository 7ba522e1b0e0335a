/*
 * closer.c - see closer.h. `lock` guards the list of closers, and what is left to each.
 */
#include "vfs/closer.h"
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
    int *left;
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

static void close_all(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

/* All functions below, up to closer_close(), are called with the lock held. */

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
        int *left = closer->left;
        unsigned count = closer->count;
        closer->left = NULL;
        closer->count = closer->room = 0;
        pthread_mutex_unlock(&lock);
        close_all(left, count);
        free(left);
        pthread_mutex_lock(&lock);
        closer->done += count;
        pthread_cond_broadcast(&closed);
    }
    closer_remove(closer);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static bool closer_give(struct closer *closer, const int *fds, unsigned count)
{
    if (closer->count + count > closer->room) {
        unsigned room = (closer->count + count) * 2;
        int *grown = realloc(closer->left, room * sizeof(*grown));
        if (grown == NULL)
            return false;
        closer->left = grown;
        closer->room = room;
    }
    memcpy(closer->left + closer->count, fds, count * sizeof(*fds));
    closer->count += count;
    closer->asked += count;
    return true;
}

/* Makes a closer and its thread. The thread blocks all signals, which go to the main thread
 * only. */
static struct closer *closer_start(const struct wait_place *place, const int *fds, unsigned count)
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
    bool started =
        closer_give(closer, fds, count) && pthread_create(&thread, NULL, closer_main, closer) == 0;
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

void closer_close(struct wait_place *place, const int *fds, unsigned count)
{
    if (count == 0)
        return;
    /* A call that has entered this place waits for no disk but its own, so it closes them
     * itself. */
    if (place == NULL || wait_own.at == place) {
        close_all(fds, count);
        return;
    }
    pthread_once(&once, closed_init);
    pthread_mutex_lock(&lock);
    struct closer *closer = closer_at(place);
    bool busy = closer != NULL;
    bool given = busy ? closer_give(closer, fds, count) : closer_start(place, fds, count) != NULL;
    if (given && !busy)
        closer_wait(place);
    pthread_mutex_unlock(&lock);
    if (!given)
        close_all(fds, count);
}

void closer_flush(struct closer_batch *batch)
{
    int fds[CLOSER_BATCH];
    unsigned at = 0;

    /* Neighbours of one place are closed together, as they mostly come. */
    while (at < batch->count) {
        struct wait_place *place = batch->items[at].place;
        unsigned count = 0;
        while (at < batch->count && batch->items[at].place == place)
            fds[count++] = batch->items[at++].fd;
        closer_close(place, fds, count);
    }
    batch->count = 0;
}
