/*
 * monitor.c - the thread that takes loops from threads that sleep without having announced it.
 *
 * The monitor looks at every loop once a tick. Where it finds a thread in one message at two looks
 * in a row, and that thread sleeps or has worked for a whole tick, it gives the loop to a standby
 * thread (workers.c). Until then the loop's other messages wait, so the tick bounds how long they
 * do.
 *
 * Where two threads were found asleep within a short time, the monitor is on the alert: it looks
 * every tenth of a tick. The alert costs some 15 % of a CPU, so it is not for the rare sleeper.
 * Where no thread was found asleep for some seconds, and at most one that worked for long, the
 * monitor is calm and looks seldom, since its own waking disturbs a client that waits for a single
 * answer. Without any message it sleeps until a loop pokes it.
 *
 * Started and stopped by workers.c; poked by loop.c. `monitor.lock` guards `ended`.
 */
#include "net/loop.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* A tick: a message is noticed between one and two ticks after it began. */
#define MONITOR_TICK_USEC 1000
/* A tick on the alert. The alert lasts MONITOR_ALERT_MS after two threads were found asleep within
 * that time. Rarer sleepers hold others up for less than a hundredth of the time with ordinary
 * ticks. */
#define MONITOR_ALERT_USEC 100
#define MONITOR_ALERT_MS   250
/* A tick in the calm, which begins when nothing was found for MONITOR_CALM_MS. A loop that was
 * found in a message is looked at again after an ordinary tick. The first sleeper after a calm
 * holds others up for a hundredth of the time at most. */
#define MONITOR_CALM_USEC 20000
#define MONITOR_CALM_MS   4000
/* How exact the kernel is asked to make ticks, in nanoseconds. */
#define MONITOR_SLACK_NSEC 1000
/* The monitor sleeps for good after this long without any message. */
#define MONITOR_QUIET_MS 200

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t poke;
    _Atomic bool asleep;
    bool ended; /* guarded by lock */
} monitor = {.lock = PTHREAD_MUTEX_INITIALIZER, .poke = PTHREAD_COND_INITIALIZER};

/* What the monitor knows of a loop. Times in microseconds. */
struct loop_seen {
    uint64_t state; /* the loop's state at the last look */
    int64_t since;  /* where `state` is odd: when the monitor first saw it in this message */
    bool asleep;    /* where `state` is odd: its thread slept at the last look */
};

struct alert {
    int64_t found, until; /* when a thread was last found asleep; when the alert ends */
    /* when a loop was last taken from a working thread; when the calm begins */
    int64_t taken, calm;
    /* the last look was a second one, for a message that the look before had met */
    bool second;
    bool met; /* the last look met a message */
};

/* Whether a thread of this process sleeps (proc_pid_stat(5)). A thread that works, or waits for a
 * CPU as many do on a busy machine, does not. Where this can't be read, the thread counts as
 * working. */
static bool thread_sleeps(pid_t tid)
{
    char text[64] = {0};

    snprintf(text, sizeof(text), "/proc/self/task/%d/stat", tid);
    int fd = open(text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end != NULL &&
           (strncmp(name_end, ") S", 3) == 0 || strncmp(name_end, ") D", 3) == 0);
}

static bool monitor_take(struct loop *loop, uint64_t state)
{
    const bool taken = workers_take(loop, state);

    if (taken)
        net.takeovers++;
    return taken;
}

/* Looks at a loop that is in a message, and takes it from a thread that sleeps or works for
 * long. */
static void monitor_look_at(struct loop *loop, struct loop_seen *seen, uint64_t state, int64_t now,
                            struct alert *alert)
{
    bool again = state == seen->state;

    /* A thread that is found asleep once may only wait for a lock for an instant. */
    seen->asleep = thread_sleeps(loop->tid) && (!again || seen->asleep);
    bool asleep = again && seen->asleep;
    if (!again)
        seen->since = now;
    if (!again || (!asleep && now - seen->since < MONITOR_TICK_USEC) || !monitor_take(loop, state))
        return;
    if (asleep && now - alert->found < MONITOR_ALERT_MS * 1000)
        alert->until = now + MONITOR_ALERT_MS * 1000;
    /* A thread that works may only have lost its CPU once. */
    if (asleep || now - alert->taken < MONITOR_CALM_MS * 1000)
        alert->calm = now + MONITOR_CALM_MS * 1000;
    *(asleep ? &alert->found : &alert->taken) = now;
}

/* Looks at all loops once; true: something happened since the last look. */
static bool monitor_look(struct loop_seen seen[NET_LOOPS_MAX], struct alert *alert)
{
    int64_t now = net_now_usec();
    bool active = false;

    alert->met = false;
    for (unsigned i = 0; i < net.nloops; i++) {
        struct loop *loop = &net.loops[i];
        uint64_t state = loop->state;
        alert->met = alert->met || state & 1;
        if (state != seen[i].state || state & 1)
            active = true;
        if (state & 1)
            monitor_look_at(loop, &seen[i], state, now, alert);
        seen[i].state = state;
    }
    return active;
}

/* Returns the microseconds until the next look. */
static long monitor_tick(struct alert *alert, int64_t now)
{
    if (now < alert->until)
        return MONITOR_ALERT_USEC;
    if (now < alert->calm)
        return MONITOR_TICK_USEC;
    alert->second = alert->met && !alert->second;
    return alert->second ? MONITOR_TICK_USEC : MONITOR_CALM_USEC;
}

static bool all_asleep(void)
{
    for (unsigned i = 0; i < net.nloops; i++)
        if (!net.loops[i].asleep)
            return false;
    return true;
}

/* Sleeps until the monitor is poked. False: the monitor is to end. */
static bool monitor_sleep(void)
{
    pthread_mutex_lock(&monitor.lock);
    monitor.asleep = true;
    /* A loop that woke before `asleep` was set did not poke; all_asleep() sees it. */
    while (monitor.asleep && all_asleep() && !monitor.ended)
        pthread_cond_wait(&monitor.poke, &monitor.lock);
    monitor.asleep = false;
    bool go_on = !monitor.ended;
    pthread_mutex_unlock(&monitor.lock);
    return go_on;
}

void monitor_poke(void)
{
    if (!monitor.asleep)
        return;
    pthread_mutex_lock(&monitor.lock);
    monitor.asleep = false;
    pthread_cond_signal(&monitor.poke);
    pthread_mutex_unlock(&monitor.lock);
}

static void *monitor_main(void *arg)
{
    struct loop_seen seen[NET_LOOPS_MAX] = {0};
    struct alert alert = {.found = INT64_MIN / 2, .taken = INT64_MIN / 2};
    int64_t active = net_now_usec();
    bool ended = false;

    (void)arg;
    prctl(PR_SET_TIMERSLACK, MONITOR_SLACK_NSEC);
    while (!ended) {
        int64_t now = net_now_usec();
        long tick = monitor_tick(&alert, now);
        nanosleep(&(struct timespec){.tv_nsec = tick * 1000}, NULL);
        if (monitor_look(seen, &alert))
            active = now;
        if (now - active >= MONITOR_QUIET_MS * 1000) {
            ended = !monitor_sleep();
            active = net_now_usec();
        }
        pthread_mutex_lock(&monitor.lock);
        ended = ended || monitor.ended;
        pthread_mutex_unlock(&monitor.lock);
    }
    return NULL;
}

/* --- start and end --- */

int monitor_start(void)
{
    monitor.ended = false;
    return pthread_create(&monitor.thread, NULL, monitor_main, NULL);
}

void monitor_stop(void)
{
    pthread_mutex_lock(&monitor.lock);
    monitor.ended = true;
    pthread_cond_signal(&monitor.poke);
    pthread_mutex_unlock(&monitor.lock);
    pthread_join(monitor.thread, NULL);
}
