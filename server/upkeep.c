/*
 * upkeep.c - checks every few seconds that the exported directories and the state directory are
 * still there, and still those that they were.
 *
 * Runs on a thread of its own, since looking at a path may hang for as long as its file system
 * does; no other thread waits for it. Started and stopped by server.c.
 */
#include "server/upkeep.h"
#include "access/handle.h"
#include "base/cred.h"
#include "exports/exports.h"
#include "server/state_dir.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define PERIOD_S 2
/* Seconds that a stop waits for a check that has begun. */
#define PATIENCE_S 1

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool running; /* used by the starting thread only */
    bool ending;  /* guarded by lock */
} upkeep = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* Waits for the next check. False: the server ends. */
static bool wait_for_next(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PERIOD_S;
    pthread_mutex_lock(&upkeep.lock);
    if (!upkeep.ending)
        pthread_cond_timedwait(&upkeep.wake, &upkeep.lock, &until);
    bool goes_on = !upkeep.ending;
    pthread_mutex_unlock(&upkeep.lock);
    return goes_on;
}

static void *keep_up(void *arg)
{
    const char *state_dir = arg;

    while (wait_for_next()) {
        if (cred_assume_server() != 0)
            continue;
        state_dir_keep(state_dir);
        handle_keep(state_dir);
        exports_refresh();
    }
    return NULL;
}

int upkeep_start(const char *state_dir)
{
    upkeep.ending = false;
    int err = pthread_create(&upkeep.thread, NULL, keep_up, (void *)(uintptr_t)state_dir);
    upkeep.running = err == 0;
    return err;
}

void upkeep_stop(void)
{
    struct timespec until;

    if (!upkeep.running)
        return;
    pthread_mutex_lock(&upkeep.lock);
    upkeep.ending = true;
    pthread_cond_signal(&upkeep.wake);
    pthread_mutex_unlock(&upkeep.lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    if (pthread_timedjoin_np(upkeep.thread, NULL, &until) != 0)
        pthread_detach(upkeep.thread);
    upkeep.running = false;
}
