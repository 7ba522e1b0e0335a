/*
 * handover.c - the threads that run loops, and how a loop passes from one to another.
 *
 * A loop that must not stand still is taken from a thread that sleeps in the middle of a message,
 * in one of two ways: the thread says beforehand that it is about to sleep (base/sleep.h), or the
 * monitor sees it in the same message for two of its ticks. Either way the loop goes to a
 * standby thread, the message stays where it is, and its reply comes in by the mailbox. The
 * common path pays one store and one compare-and-swap a message for this.
 *
 * Who sleeps without a word has kept the others waiting for a tick or two. Where that happens often
 * the monitor is on the alert: it looks every tenth of a tick, and takes loops from threads that
 * sleep; a message that works keeps its loop for a whole tick as ever.
 * The alert costs some 15 % of a CPU, so it is not for the rare sleeper. Where nobody was found
 * asleep for some seconds, nor two that worked for long, it looks seldom: its own waking disturbs
 * who waits for a single answer.
 *
 * Locks: `workers.lock` guards the list of idle threads and their assignment; it is never held
 * while a message is handled.
 */
#include "base/log.h"
#include "base/round.h"
#include "base/sleep.h"
#include "net/loop.h"
#include "net/rest.h"
#include "net/tail.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* Idle threads kept for ever; more end after a while. */
#define STANDBY_KEPT         4
#define STANDBY_IDLE_SECONDS 10
/* The monitor's tick: a message is noticed between one and two ticks after it began. */
#define MONITOR_TICK_USEC 1000
/* The same on the alert: after two threads were found asleep within so long, for as long again.
 * Who sleeps less often holds others up for less than a hundredth of the time by whole ticks. */
#define MONITOR_ALERT_USEC 100
#define MONITOR_ALERT_MS   250
/* Without any for so long it looks only so often, and a tick later again at a message that it
 * has met. The first one then holds others up for all of that, a hundredth of the time at most. */
#define MONITOR_CALM_USEC 20000
#define MONITOR_CALM_MS   4000
/* It asks the kernel for ticks as exact as this. */
#define MONITOR_SLACK_NSEC 1000
/* Everyone else has Linux' usual slack. */
#define WORKER_SLACK_NSEC 50000
/* It sleeps for good after so long without any message. */
#define MONITOR_QUIET_MS 200

struct worker {
    struct list link;  /* workers.idle; guarded by workers.lock */
    struct loop *loop; /* assigned; guarded by workers.lock */
    pthread_cond_t assigned;
    /* The thread's own: */
    struct loop *handling; /* the loop whose message it handles, until it has given it away */
    uint64_t state;        /* that message's loop->state */
    struct late *late;     /* one in reserve, so that handing in a reply can't fail */
};

static struct {
    pthread_mutex_t lock;
    struct list idle; /* guarded by lock, as all of this */
    unsigned count, nidle;
    pthread_cond_t ended; /* count went down */
    pthread_attr_t detached;
} workers = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t poke;
    _Atomic bool asleep;
    bool ended; /* guarded by lock */
} monitor = {.lock = PTHREAD_MUTEX_INITIALIZER, .poke = PTHREAD_COND_INITIALIZER};

static _Thread_local struct worker *self;

/* --- passing a loop on --- */

/* Takes the loop out of the message it is in. False: too late, the message is done. */
static bool loop_take(struct loop *loop, uint64_t state)
{
    if (!atomic_compare_exchange_strong(&loop->state, &state, state + 1))
        return false;
    struct source *source = loop->handling.source;
    source->late++;
    net.late++;
    wait_asleep_begin(loop->handling.call, source);
    source->ops->detach(source);
    return true;
}

static void *worker_main(void *arg);

/* A thread that can be given a loop: an idle one, or a new one. NULL: there are too many. */
static struct worker *standby_get(void)
{
    struct worker *worker = NULL;
    pthread_t thread;

    pthread_mutex_lock(&workers.lock);
    struct list *item = list_pop(&workers.idle);
    if (item != NULL) {
        workers.nidle--;
        worker = list_entry(item, struct worker, link);
    } else if (workers.count < wait_calls_max() + net.nloops) {
        worker = calloc(1, sizeof(*worker));
        if (worker != NULL) {
            list_init(&worker->link);
            pthread_cond_init(&worker->assigned, NULL);
            if (pthread_create(&thread, &workers.detached, worker_main, worker) == 0) {
                workers.count++;
            } else {
                pthread_cond_destroy(&worker->assigned);
                free(worker);
                worker = NULL;
            }
        }
    }
    pthread_mutex_unlock(&workers.lock);
    return worker;
}

/* Sends a worker of standby_get() to work; NULL loop: back to the idle ones. */
static void standby_send(struct worker *worker, struct loop *loop)
{
    pthread_mutex_lock(&workers.lock);
    if (loop != NULL) {
        worker->loop = loop;
        pthread_cond_signal(&worker->assigned);
    } else {
        list_insert_after(&workers.idle, &worker->link);
        workers.nidle++;
        /* workers_join() did not find it there. */
        if (net.stopping)
            pthread_cond_signal(&worker->assigned);
    }
    pthread_mutex_unlock(&workers.lock);
}

/* The hook of sleep_announce(): gives this thread's loop away before it sleeps. */
static void about_to_sleep(void *arg)
{
    struct worker *worker = arg;
    struct loop *loop = worker->handling;

    if (loop == NULL)
        return;
    struct worker *standby = standby_get();
    if (standby == NULL) {
        loop->slept = true;
        return;
    }
    worker->handling = NULL;
    /* The monitor may have been faster: then the state is another one. */
    if (loop_take(loop, worker->state))
        net.handovers++;
    else
        loop = NULL;
    standby_send(standby, loop);
}

/* --- handling a message --- */

bool loop_handle(struct loop *loop, const struct net_message *message, size_t *len)
{
    /* Copies: when the loop is lost, its fields are somebody else's. */
    struct handling mine = loop->handling;
    uint64_t state = loop->state + 1;

    /* Only this thread counts: no atomic addition. */
    atomic_store_explicit(&loop->messages,
                          atomic_load_explicit(&loop->messages, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    loop->handling.call = &wait_own;
    wait_begin(mine.source->host);
    self->handling = loop;
    self->state = state;
    atomic_store_explicit(&loop->state, state, memory_order_release);
    *len = net.config.handler(message);
    self->handling = NULL;
    if (message->rest != NULL)
        net_rest_drop(message->rest);
    if (atomic_compare_exchange_strong(&loop->state, &state, state + 1)) {
        if (loop->slept) {
            loop->slept = false;
            round_begin();
        }
        return true;
    }
    wait_asleep_end();
    /* Only the message is still this thread's, so the tail has to come along. */
    bool whole = net_tail_take(message->tail, message->reply + *len, len);
    struct late *late = self->late;
    self->late = NULL;
    *late = (struct late){.source = mine.source,
                          .in = mine.in,
                          .out = mine.out,
                          .at = (size_t)(message->reply - mine.out->data),
                          .len = *len,
                          .broken = !whole};
    loop_post_late(loop, late);
    return false;
}

/* --- threads --- */

/* Waits for a loop; false: the thread is to end. */
static bool worker_wait(struct worker *worker, bool fresh)
{
    struct timespec until;
    bool timed_out = false;

    pthread_mutex_lock(&workers.lock);
    if (!fresh) {
        list_insert_after(&workers.idle, &worker->link);
        workers.nidle++;
    }
    while (worker->loop == NULL && !(net.stopping && !list_empty(&worker->link))) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += STANDBY_IDLE_SECONDS;
        int err = pthread_cond_timedwait(&worker->assigned, &workers.lock, &until);
        timed_out = err == ETIMEDOUT && worker->loop == NULL && !list_empty(&worker->link);
        if (timed_out && workers.nidle > STANDBY_KEPT)
            break;
    }
    if (worker->loop == NULL) {
        list_remove(&worker->link);
        workers.nidle--;
    }
    bool work = worker->loop != NULL;
    pthread_mutex_unlock(&workers.lock);
    return work;
}

/* One in reserve; without memory it waits for some, as it must not lose a reply. */
static void late_reserve(struct worker *worker)
{
    while (worker->late == NULL) {
        worker->late = malloc(sizeof(*worker->late));
        if (worker->late == NULL)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    bool fresh = true;

    self = worker;
    sleep_set_hook(about_to_sleep, worker);
    prctl(PR_SET_TIMERSLACK,
          WORKER_SLACK_NSEC); /* not that of the monitor, which may have made it */
    late_reserve(worker);
    while (worker_wait(worker, fresh)) {
        fresh = false;
        struct loop *loop = worker->loop;
        worker->loop = NULL;
        loop->tid = gettid();
        if (loop_run(loop))
            break;
        late_reserve(worker);
    }
    pthread_mutex_lock(&workers.lock);
    workers.count--;
    pthread_cond_broadcast(&workers.ended);
    pthread_cond_destroy(&worker->assigned);
    free(worker->late);
    free(worker);
    pthread_mutex_unlock(&workers.lock);
    return NULL;
}

/* --- the monitor --- */

/* What the monitor knows of a loop. Times in microseconds. */
struct watch {
    uint64_t state; /* at the last look; where that is odd: */
    int64_t since;  /* when it was first seen in this message */
    bool asleep;    /* its thread slept at the last look */
};

struct alert {
    int64_t found, until; /* when a thread was last found asleep; the end of the alert */
    int64_t taken, calm;  /* when a loop was taken from one that worked; the calm's beginning */
    bool second;          /* the last look was for a message that the one before had met */
    bool met;             /* a message, in the last look */
};

/* Whether a thread of this process sleeps, rather than works, or waits for a CPU as many do on a
 * busy machine: proc_pid_stat(5). Where that can't be read, nobody is seen to sleep. */
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
    struct worker *standby = standby_get();

    if (standby == NULL) {
        loop->slept = true;
        return false;
    }
    bool taken = loop_take(loop, state);
    if (taken)
        net.takeovers++;
    standby_send(standby, taken ? loop : NULL);
    return taken;
}

/* A loop that is in a message. */
static void monitor_watch(struct loop *loop, struct watch *watch, uint64_t state, int64_t now,
                          struct alert *alert)
{
    bool again = state == watch->state;

    /* Once may be an instant's wait for a lock. */
    watch->asleep = thread_sleeps(loop->tid) && (!again || watch->asleep);
    bool asleep = again && watch->asleep;
    if (!again)
        watch->since = now;
    if (!again || (!asleep && now - watch->since < MONITOR_TICK_USEC) || !monitor_take(loop, state))
        return;
    if (asleep && now - alert->found < MONITOR_ALERT_MS * 1000)
        alert->until = now + MONITOR_ALERT_MS * 1000;
    /* One that works may only have lost its CPU for once. */
    if (asleep || now - alert->taken < MONITOR_CALM_MS * 1000)
        alert->calm = now + MONITOR_CALM_MS * 1000;
    *(asleep ? &alert->found : &alert->taken) = now;
}

/* Looks at all loops once; true: something happened since the last look. */
static bool monitor_look(struct watch watches[NET_LOOPS_MAX], struct alert *alert)
{
    int64_t now = net_now_usec();
    bool active = false;

    alert->met = false;
    for (unsigned i = 0; i < net.nloops; i++) {
        struct loop *loop = &net.loops[i];
        uint64_t state = loop->state;
        alert->met = alert->met || state & 1;
        if (state != watches[i].state || state & 1)
            active = true;
        if (state & 1)
            monitor_watch(loop, &watches[i], state, now, alert);
        watches[i].state = state;
    }
    return active;
}

/* Until the next look. */
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

/* Sleeps until poked; returns whether it is to go on. */
static bool monitor_sleep(void)
{
    pthread_mutex_lock(&monitor.lock);
    monitor.asleep = true;
    /* A loop that woke before it could see `asleep` is seen here. */
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
    struct watch watches[NET_LOOPS_MAX] = {0};
    struct alert alert = {.found = INT64_MIN / 2, .taken = INT64_MIN / 2};
    int64_t active = net_now_usec();
    bool ended = false;

    (void)arg;
    prctl(PR_SET_TIMERSLACK, MONITOR_SLACK_NSEC);
    while (!ended) {
        int64_t now = net_now_usec();
        long tick = monitor_tick(&alert, now);
        nanosleep(&(struct timespec){.tv_nsec = tick * 1000}, NULL);
        if (monitor_look(watches, &alert))
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

int workers_start(void)
{
    sigset_t all, before;
    int err;

    list_init(&workers.idle);
    monitor.ended = false;
    pthread_attr_init(&workers.detached);
    pthread_attr_setdetachstate(&workers.detached, PTHREAD_CREATE_DETACHED);
    /* Signals are main's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < net.nloops; i++) {
        struct worker *worker = standby_get();
        if (worker == NULL) {
            err = EAGAIN;
            goto out;
        }
        standby_send(worker, &net.loops[i]);
    }
    err = pthread_create(&monitor.thread, NULL, monitor_main, NULL);
out:
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

bool workers_join(void)
{
    struct timespec until;
    struct list *item;

    clock_gettime(CLOCK_REALTIME, &until);
    int64_t left = net.deadline_ms - net_now_ms() + 1000;
    until.tv_sec += left / 1000 + 1;
    pthread_mutex_lock(&workers.lock);
    list_for_each (item, &workers.idle)
        pthread_cond_signal(&list_entry(item, struct worker, link)->assigned);
    int err = 0;
    while (workers.count > 0 && err == 0)
        err = pthread_cond_timedwait(&workers.ended, &workers.lock, &until);
    bool all = workers.count == 0;
    pthread_mutex_unlock(&workers.lock);
    pthread_mutex_lock(&monitor.lock);
    monitor.ended = true;
    pthread_cond_signal(&monitor.poke);
    pthread_mutex_unlock(&monitor.lock);
    pthread_join(monitor.thread, NULL);
    return all;
}

uint64_t workers_count(void)
{
    pthread_mutex_lock(&workers.lock);
    uint64_t count = workers.count;
    pthread_mutex_unlock(&workers.lock);
    return count;
}
