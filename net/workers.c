/*
 * workers.c - the threads that run loops, and how a loop passes from one to another.
 *
 * A loop must not stand still while its thread sleeps in the middle of a message. It is taken from
 * that thread in one of two ways: the thread announces that it is about to sleep (base/sleep.h), or
 * the monitor finds it in one message at two looks in a row (monitor.c). In both cases the loop
 * goes to a standby thread, the message stays where it is, and its reply comes in by the mailbox.
 * The common path pays one store and one compare-and-swap a message for this.
 *
 * Called by net.c (start and end), loop.c's sources (loop_handle()) and monitor.c (workers_take()).
 * `workers.lock` guards the list of idle threads and their assignment; it is never held while a
 * message is handled.
 */
#include "base/log.h"
#include "base/sleep.h"
#include "net/loop.h"
#include "net/payload_out.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* Idle threads that are kept for ever; further ones end after STANDBY_IDLE_SECONDS. */
#define STANDBY_KEPT         4
#define STANDBY_IDLE_SECONDS 10
/* Linux' default slack. A thread inherits the slack of the thread that made it, which may be the
 * monitor. */
#define WORKER_SLACK_NSEC 50000
struct worker {
    struct list link;  /* workers.idle; guarded by workers.lock */
    struct loop *loop; /* assigned; guarded by workers.lock */
    pthread_cond_t assigned;
    /* Used by this thread only: */
    struct loop *handling; /* the loop whose message it handles; NULL once it gave the loop away */
    uint64_t state;        /* that message's loop->state */
    struct deferred *deferred; /* in reserve, so that handing in a reply can't fail */
};

static struct {
    pthread_mutex_t lock;
    struct list idle; /* guarded by lock, like all members but `ended` and `detached` */
    unsigned count, nidle;
    pthread_cond_t ended; /* signalled when count went down */
    pthread_attr_t detached;
} workers = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static _Thread_local struct worker *self;

/* --- passing a loop on --- */

/* Takes the loop from the thread whose message is in `state`. False: that message is done
 * already. */
static bool loop_take(struct loop *loop, uint64_t state)
{
    if (!atomic_compare_exchange_strong(&loop->state, &state, state + 1))
        return false;
    struct source *source = loop->handling.source;
    source->deferred++;
    net.deferred++;
    wait_asleep_begin(loop->handling.call, source);
    source->ops->detach(source);
    return true;
}

static void *worker_main(void *arg);

/* Returns a thread that can be given a loop: an idle one, or a new one. NULL: there are too many
 * threads, or no new one could be made. */
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

/* Gives a worker of standby_get() a loop to run, or with NULL puts it back with the idle ones. */
static void standby_send(struct worker *worker, struct loop *loop)
{
    pthread_mutex_lock(&workers.lock);
    if (loop != NULL) {
        worker->loop = loop;
        pthread_cond_signal(&worker->assigned);
    } else {
        list_insert_after(&workers.idle, &worker->link);
        workers.nidle++;
        /* workers_join() wakes only threads on the list, and this one was not there. */
        if (net.stopping)
            pthread_cond_signal(&worker->assigned);
    }
    pthread_mutex_unlock(&workers.lock);
}

bool workers_take(struct loop *loop, uint64_t state)
{
    struct worker *standby = standby_get();

    if (standby == NULL) {
        loop->slept = true;
        return false;
    }
    bool taken = loop_take(loop, state);
    standby_send(standby, taken ? loop : NULL);
    return taken;
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
    /* The monitor may have taken the loop first; the state has changed in that case. */
    bool taken = loop_take(loop, worker->state);
    if (taken)
        net.handovers++;
    standby_send(standby, taken ? loop : NULL);
}

/* --- handling a message --- */

bool loop_handle(struct loop *loop, struct net_message *message, size_t *len)
{
    /* Copies, because another thread may write the loop's fields once the loop is lost. */
    struct handling mine = loop->handling;
    uint64_t state = loop->state + 1;

    /* Only this thread writes the count, so no atomic addition is needed. */
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
    payload_drop(&message->in);
    if (*len == 0)
        payload_drop(&message->out);
    if (atomic_compare_exchange_strong(&loop->state, &state, state + 1)) {
        if (loop->slept) {
            loop->slept = false;
            loop_batch_begin(loop); /* more may have arrived while it slept */
        }
        return true;
    }
    wait_asleep_end();
    /* This thread owns only the message from here on, so what is in the pipe has to come along. */
    bool whole =
        message->out.piped == 0 || payload_out_copy(&message->out, message->reply + *len, len);
    struct deferred *deferred = self->deferred;
    self->deferred = NULL;
    *deferred = (struct deferred){.source = mine.source,
                                  .in = mine.in,
                                  .out = mine.out,
                                  .at = (size_t)(message->reply - mine.out->data),
                                  .len = *len,
                                  .broken = !whole};
    loop_post_deferred(loop, deferred);
    return false;
}

/* --- threads --- */

/* Waits for a loop. False: the thread is to end. */
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

/* Keeps one `struct deferred` in reserve. Without memory the thread waits for some, since it must
 * not lose a reply. */
static void deferred_reserve(struct worker *worker)
{
    while (worker->deferred == NULL) {
        worker->deferred = malloc(sizeof(*worker->deferred));
        if (worker->deferred == NULL)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    bool fresh = true;

    self = worker;
    sleep_set_hook(about_to_sleep, worker);
    prctl(PR_SET_TIMERSLACK, WORKER_SLACK_NSEC);
    deferred_reserve(worker);
    while (worker_wait(worker, fresh)) {
        fresh = false;
        struct loop *loop = worker->loop;
        worker->loop = NULL;
        loop->tid = gettid();
        if (loop_run(loop))
            break;
        deferred_reserve(worker);
    }
    pthread_mutex_lock(&workers.lock);
    workers.count--;
    pthread_cond_broadcast(&workers.ended);
    pthread_cond_destroy(&worker->assigned);
    free(worker->deferred);
    free(worker);
    pthread_mutex_unlock(&workers.lock);
    return NULL;
}

/* --- start and end --- */

int workers_start(void)
{
    sigset_t all, before;
    int err;

    list_init(&workers.idle);
    pthread_attr_init(&workers.detached);
    pthread_attr_setdetachstate(&workers.detached, PTHREAD_CREATE_DETACHED);
    /* Signals go to the main thread only. */
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
    err = monitor_start();
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
    monitor_stop();
    return all;
}

uint64_t workers_count(void)
{
    pthread_mutex_lock(&workers.lock);
    uint64_t count = workers.count;
    pthread_mutex_unlock(&workers.lock);
    return count;
}
