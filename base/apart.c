/*
 * apart.c - see apart.h. A job's state says whether its starter still waits for it. Starter and job
 * each change the state once; the one that changes it last frees the job.
 */
#include "base/apart.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS, DONE, ABANDONED };

/* One lock for all jobs, since there are few. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void changed_init(void)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attr);
    pthread_condattr_destroy(&attr);
}

static void *apart_main(void *arg)
{
    struct apart *job = arg;

    job->run(job);
    pthread_mutex_lock(&lock);
    bool abandoned = job->state == ABANDONED;
    job->state = DONE;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (abandoned) {
        if (job->drop != NULL)
            job->drop(job);
        free(job);
    }
    return NULL;
}

/* All signals are blocked in the new thread: only the main thread handles signals. */
static int thread_start(struct apart *job)
{
    pthread_attr_t detached;
    sigset_t all, before;
    pthread_t thread;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&thread, &detached, apart_main, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return err != 0 ? EAGAIN : 0;
}

int apart_run(struct apart *job, int ms)
{
    struct timespec until;

    pthread_once(&once, changed_init);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000 + (until.tv_nsec + ms % 1000 * 1000000L) / 1000000000;
    until.tv_nsec = (until.tv_nsec + ms % 1000 * 1000000L) % 1000000000;
    job->state = RUNS;
    int err = thread_start(job);
    if (err != 0)
        return err;
    pthread_mutex_lock(&lock);
    while (job->state == RUNS && err == 0)
        err = pthread_cond_timedwait(&changed, &lock, &until);
    if (job->state == RUNS) {
        job->state = ABANDONED;
        err = ETIMEDOUT;
    } else {
        err = 0;
    }
    pthread_mutex_unlock(&lock);
    return err;
}
