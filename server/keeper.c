/*
 * keeper.c - see keeper.h.
 *
 * `lock` guards all of `keeper`. A round of housekeeping may hang in a file system. Its thread is
 * then left with that file system, which vfs_tick() leaves out from then on, and the next round
 * gets a thread of its own, up to ROUNDS_MAX threads.
 */
#include "server/keeper.h"
#include "base/apart.h"
#include "base/log.h"
#include "exports/exports.h"
#include "server/process.h"
#include "server/server.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS_MAX 8
/* A round that ends within ROUND_MS milliseconds says itself when the next one is due; else the
 * next one is due after ROUND_NEXT_S seconds. */
#define ROUND_MS     200
#define ROUND_NEXT_S 1
/* How long the end waits for both jobs, and how often it looks, in milliseconds. */
#define STOP_MS      500
#define STOP_STEP_MS 5

static struct {
    pthread_mutex_t lock;
    bool reloading, again;
    unsigned rounds; /* rounds of housekeeping that are under way */
} keeper = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct reloading {
    struct apart job;
    struct server_config *config;
};

struct round {
    struct apart job;
    unsigned seconds;
};

static void reload(struct server_config *config)
{
    char message[1024] = "";

    process_notify_reloading();
    if (server_reload(config, message, sizeof(message)) != SERVER_OK) {
        log_error("exports not reloaded, nothing is changed: %s", message);
    } else {
        log_info("exports reloaded: %zu", exports_get()->count);
        exports_put();
    }
    process_notify_ready();
}

static void reloading_run(struct apart *job)
{
    struct server_config *config = ((struct reloading *)job)->config;
    bool more = true;

    while (more) {
        reload(config);
        pthread_mutex_lock(&keeper.lock);
        more = keeper.again;
        keeper.again = false;
        keeper.reloading = more;
        pthread_mutex_unlock(&keeper.lock);
    }
}

void keeper_reload(struct server_config *config)
{
    struct reloading *reloading;

    pthread_mutex_lock(&keeper.lock);
    bool busy = keeper.reloading;
    keeper.again = busy;
    keeper.reloading = true;
    pthread_mutex_unlock(&keeper.lock);
    if (busy)
        return;
    reloading = calloc(1, sizeof(*reloading));
    int err = reloading == NULL ? ENOMEM : 0;
    if (err == 0) {
        reloading->job.run = reloading_run;
        reloading->config = config;
        err = apart_run(&reloading->job, 0);
    }
    if (err == ETIMEDOUT)
        return;
    free(reloading);
    if (err == 0)
        return;
    log_error("exports not reloaded: no thread to be had");
    pthread_mutex_lock(&keeper.lock);
    keeper.reloading = false;
    pthread_mutex_unlock(&keeper.lock);
}

static void rounds_add(int change)
{
    pthread_mutex_lock(&keeper.lock);
    keeper.rounds += (unsigned)change;
    pthread_mutex_unlock(&keeper.lock);
}

static void round_run(struct apart *job)
{
    ((struct round *)job)->seconds = server_tick();
    rounds_add(-1);
}

unsigned keeper_tick(void)
{
    unsigned seconds = ROUND_NEXT_S;

    pthread_mutex_lock(&keeper.lock);
    bool many = keeper.rounds >= ROUNDS_MAX;
    pthread_mutex_unlock(&keeper.lock);
    struct round *round = many ? NULL : calloc(1, sizeof(*round));
    if (round == NULL)
        return seconds;
    round->job.run = round_run;
    rounds_add(1);
    int err = apart_run(&round->job, ROUND_MS);
    if (err == ETIMEDOUT)
        return seconds;
    if (err == 0)
        seconds = round->seconds;
    else
        rounds_add(-1);
    free(round);
    return seconds;
}

bool keeper_stop(void)
{
    const struct timespec step = {.tv_nsec = STOP_STEP_MS * 1000000L};

    for (int waited = 0;; waited += STOP_STEP_MS) {
        pthread_mutex_lock(&keeper.lock);
        bool busy = keeper.reloading || keeper.rounds > 0;
        pthread_mutex_unlock(&keeper.lock);
        if (!busy || waited >= STOP_MS)
            return !busy;
        nanosleep(&step, NULL);
    }
}
