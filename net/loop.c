/*
 * loop.c - one loop: waits for events, runs what is ready, sends what has gathered.
 *
 * Run by the threads of workers.c. In each round the loop takes events, every source with input
 * reads and handles its messages, and then their replies are sent. A batch therefore costs one
 * receive and one send, however many messages it has.
 */
#include "net/loop.h"
#include "base/fds.h"
#include "base/hash.h"
#include "base/log.h"
#include "net/connections.h"
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 64
/* Spinning. A wait that ends while the thread polls earns one credit; a wait that does not costs
 * SPIN_MISS, so that polling goes on only where two waits in three end within it. Without credit,
 * one wait in SPIN_PROBE polls. */
#define SPIN_CREDIT_MAX 8
#define SPIN_MISS       2
#define SPIN_PROBE      64
/* Automatic spinning stops after batches of more messages than this. */
#define SPIN_BATCH_MAX 2
/* After this many polls the CPU is offered to other threads. */
#define SPIN_LOOKS 32
/* A thread whose poll ended this many microseconds too late shares its CPU, and stops polling. */
#define SPIN_LATE_USEC 200
/* While the server ends, a loop looks at these intervals whether everything is sent. */
#define STOPPING_POLL_MS 10
/* A loop with paused sources looks at these intervals whether they wait in vain. */
#define PAUSED_POLL_MS 200
/* Where descriptors are short, a loop gives up one in SHORT_PART of its connections. */
#define SHORT_PART 8

int64_t net_now_nsec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* --- what sources call --- */

int loop_add(struct loop *loop, struct source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    source->loop = loop;
    list_init(&source->ready_link);
    list_init(&source->flush_link);
    list_append(&loop->sources, &source->link);
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) == 0)
        return 0;
    int err = errno;
    list_remove(&source->link);
    return err;
}

void loop_ready(struct source *source)
{
    if (list_empty(&source->ready_link))
        list_append(&source->loop->ready, &source->ready_link);
}

void loop_flush_later(struct source *source)
{
    if (list_empty(&source->flush_link))
        list_append(&source->loop->flush, &source->flush_link);
}

void loop_touch(struct source *source)
{
    list_remove(&source->link);
    list_append(&source->loop->sources, &source->link);
}

uint8_t loop_host_hash(const struct address *peer)
{
    size_t len;
    const uint8_t *bytes = address_bytes(peer, &len);

    return (uint8_t)hash_bytes(bytes, len, 0);
}

bool loop_source_may(const struct source *source)
{
    return source->deferred == 0 || !wait_should_pause(source, source->deferred);
}

void loop_pause(struct source *source)
{
    list_remove(&source->ready_link);
    list_append(&source->loop->paused, &source->ready_link);
    net.paused = true;
}

void loop_bury(struct source *source)
{
    if (source->dead)
        return;
    source->dead = true;
    list_remove(&source->link);
    list_remove(&source->ready_link);
    list_remove(&source->flush_link);
    connections_remove(source);
    close(source->fd); /* epoll forgets it */
    source->fd = -1;
    list_append(&source->loop->dead, &source->link);
}

/* Sources with deferred messages stay until their last reply has come in. */
static void loop_free_dead(struct loop *loop)
{
    struct list *item, *next;

    list_for_each_safe (item, next, &loop->dead) {
        struct source *source = list_entry(item, struct source, link);
        if (source->deferred > 0)
            continue;
        list_remove(&source->link);
        source->ops->destroy(source);
    }
}

/* Numbers are taken from the process a block at a time: loops share no counter that each of them
 * writes to, and no two batches have one number, whichever server of the process they are of. */
#define BATCH_BLOCK ((uint64_t)1 << 32)

void loop_batch_begin(struct loop *loop)
{
    static _Atomic uint64_t blocks;

    if (loop->batch % BATCH_BLOCK == 0)
        loop->batch = atomic_fetch_add(&blocks, 1) * BATCH_BLOCK;
    loop->batch++;
}

/* --- the mailbox --- */

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t n = write(loop->wake.fd, &one, sizeof(one));

    (void)n; /* EAGAIN: it is awake already */
}

/* Makes a loop look at its paused sources. */
static void loop_resume(struct loop *loop)
{
    loop->mail = true;
    loop_wake(loop);
}

static void loop_post(struct loop *loop, struct list *box, struct list *item)
{
    pthread_mutex_lock(&loop->mailbox_lock);
    list_append(box, item);
    loop->mail = true;
    pthread_mutex_unlock(&loop->mailbox_lock);
    loop_wake(loop);
}

void loop_post_deferred(struct loop *loop, struct deferred *deferred)
{
    list_init(&deferred->link);
    loop_post(loop, &loop->mailbox, &deferred->link);
    /* Paused sources of any loop may be waiting for this message to end. */
    if (net.paused && atomic_exchange(&net.paused, false))
        for (unsigned i = 0; i < net.nloops; i++)
            if (&net.loops[i] != loop)
                loop_resume(&net.loops[i]);
}

void loop_post_source(struct loop *loop, struct source *source)
{
    list_init(&source->link);
    loop_post(loop, &loop->arrivals, &source->link);
}

static void box_take(struct list *box, struct list *into)
{
    struct list *item;

    list_init(into);
    while ((item = list_pop(box)) != NULL)
        list_append(into, item);
}

/* Takes in new connections and deferred replies. Paused sources try again. */
static void loop_read_mail(struct loop *loop)
{
    struct list replies, arrivals, *item;

    while ((item = list_pop(&loop->paused)) != NULL)
        list_append(&loop->ready, item);

    pthread_mutex_lock(&loop->mailbox_lock);
    box_take(&loop->mailbox, &replies);
    box_take(&loop->arrivals, &arrivals);
    loop->mail = false;
    pthread_mutex_unlock(&loop->mailbox_lock);
    while ((item = list_pop(&replies)) != NULL) {
        struct deferred *deferred = list_entry(item, struct deferred, link);
        deferred->source->deferred--;
        net.deferred--;
        deferred->source->ops->finish_deferred(deferred->source, deferred);
        free(deferred);
    }
    while ((item = list_pop(&arrivals)) != NULL) {
        struct source *source = list_entry(item, struct source, link);
        loop->connections++;
        if (loop->connections > loop->connections_max)
            conn_evict(loop);
        if (loop_add(loop, source, EPOLLIN | EPOLLRDHUP) != 0) {
            source->loop = loop;
            loop->connections--;
            loop->assigned--;
            loop_bury(source);
        }
    }
}

static bool wake_event(struct source *source, uint32_t events)
{
    uint64_t count;
    ssize_t n = read(source->fd, &count, sizeof(count));

    (void)events;
    source->loop->beats = true;
    (void)n; /* the mail itself says what there is */
    return true;
}

static bool wake_drain(struct source *source)
{
    (void)source;
    return true;
}

static const struct source_ops wake_ops = {.event = wake_event, .drain = wake_drain};

/* Called when descriptors are short: ends the connections that were idle for longest. */
static void loop_give_up_idle(struct loop *loop)
{
    uint32_t most = loop->connections / SHORT_PART + 1;

    loop->shortages_met = fds_shortages;
    while (most-- > 0 && conn_evict(loop))
        continue;
}

/* --- waiting --- */

/*
 * Polls for a while before the thread sleeps: waking a sleeping thread costs more than a small
 * request (docs/PERFORMANCE.md). It polls only after a busy round, and less and less often when
 * that was in vain. Automatic polling (spin_auto) also needs a small last batch: where many calls
 * are in flight, polling would take them in small pieces, each with a receive and a send of its
 * own.
 *
 * From time to time the thread yields the CPU, above all to the client that is to send the next
 * call. A thread that yields waits longer for its next turn than one that sleeps, so where other
 * threads kept the CPU the loop stops polling.
 */
static int loop_spin(struct loop *loop, struct epoll_event *events)
{
    uint64_t batch = loop->messages - loop->messages_waited;

    loop->messages_waited += batch;
    if (net.config.spin_usec <= 0 || !loop->was_busy)
        return 0;
    if (net.spin_auto && batch > SPIN_BATCH_MAX)
        return 0;
    if (loop->spin_credit == 0 && ++loop->spin_skipped < SPIN_PROBE)
        return 0;
    loop->spin_skipped = 0;
    int64_t now = net_now_usec(), end = now + net.config.spin_usec;
    for (unsigned look = 1; now < end; look++) {
        int n = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, 0);
        if (n != 0) {
            if (loop->spin_credit < SPIN_CREDIT_MAX)
                loop->spin_credit++;
            return n;
        }
        if (look % SPIN_LOOKS != 0)
            continue;
        sched_yield();
        now = net_now_usec();
    }
    if (now - end > SPIN_LATE_USEC || loop->spin_credit < SPIN_MISS)
        loop->spin_credit = 0;
    else
        loop->spin_credit -= SPIN_MISS;
    return 0;
}

static int loop_wait(struct loop *loop, struct epoll_event *events)
{
    /* Work in memory, or an ending server, must not sleep. */
    if (!list_empty(&loop->ready) || loop->mail)
        return epoll_wait(loop->epoll_fd, events, EVENTS_MAX, 0);
    if (net.stopping)
        return epoll_wait(loop->epoll_fd, events, EVENTS_MAX, STOPPING_POLL_MS);
    int n = loop_spin(loop, events);
    if (n == 0) {
        bool paused = !list_empty(&loop->paused);
        loop->asleep = true;
        n = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, paused ? PAUSED_POLL_MS : -1);
        loop->asleep = false;
        if (n == 0 && paused)
            loop->mail = true;
        monitor_poke();
    }
    return n;
}

/* --- the round --- */

static bool run_ready(struct loop *loop)
{
    struct list *item;
    size_t count = 0;

    /* A source that becomes ready again meanwhile waits for the next round, after the input of
     * other sources. All sources stay on the loop's own list, since the thread may lose the loop in
     * any of them. */
    list_for_each (item, &loop->ready)
        count++;
    for (; count > 0 && (item = list_pop(&loop->ready)) != NULL; count--) {
        struct source *source = list_entry(item, struct source, ready_link);
        if (!source->ops->run(source))
            return false;
    }
    return true;
}

static void flush_all(struct loop *loop)
{
    struct list *item;

    while ((item = list_pop(&loop->flush)) != NULL) {
        struct source *source = list_entry(item, struct source, flush_link);
        source->ops->flush(source);
    }
}

/* True: all replies of this loop are sent, and no loop waits for a deferred reply. */
static bool loop_drained(struct loop *loop)
{
    struct list *item, *next;
    bool drained = true;

    if (!list_empty(&loop->ready) || !list_empty(&loop->paused) || loop->mail)
        return false;
    list_for_each_safe (item, next, &loop->sources) {
        struct source *source = list_entry(item, struct source, link);
        if (!source->ops->drain(source))
            drained = false;
    }
    return drained && net.deferred == 0;
}

bool loop_run(struct loop *loop)
{
    struct epoll_event events[EVENTS_MAX];

    loop_batch_begin(loop); /* what this thread remembers of earlier batches is out of date */
    for (;;) {
        flush_all(loop);
        loop_free_dead(loop);
        if (net.stopping && (loop_drained(loop) || net_now_ms() > net.deadline_ms))
            return true;
        int n = loop_wait(loop, events);
        loop_batch_begin(loop); /* messages that waited in memory may have waited for long */
        loop->was_busy = n > 0 || !list_empty(&loop->ready);
        for (int i = 0; i < n; i++) {
            struct source *source = events[i].data.ptr;
            if (!source->dead && !source->ops->event(source, events[i].events))
                return false;
        }
        if (loop->mail)
            loop_read_mail(loop);
        if (loop->shortages_met != atomic_load_explicit(&fds_shortages, memory_order_relaxed))
            loop_give_up_idle(loop);
        if (!run_ready(loop))
            return false;
    }
}

/* --- start and end --- */

int loop_init(struct loop *loop)
{
    list_init(&loop->sources);
    list_init(&loop->ready);
    list_init(&loop->flush);
    list_init(&loop->dead);
    list_init(&loop->paused);
    list_init(&loop->mailbox);
    list_init(&loop->arrivals);
    pthread_mutex_init(&loop->mailbox_lock, NULL);
    buffer_pool_init(&loop->pool);
    loop->spin_credit = SPIN_CREDIT_MAX;
    loop->wake.fd = -1;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return errno;
    loop->wake.ops = &wake_ops;
    loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake.fd < 0)
        return errno;
    return loop_add(loop, &loop->wake, EPOLLIN);
}

void loop_finish(struct loop *loop)
{
    struct list *item, *next;

    list_remove(&loop->wake.link);
    list_for_each_safe (item, next, &loop->sources)
        loop_bury(list_entry(item, struct source, link));
    list_for_each_safe (item, next, &loop->arrivals) {
        struct source *source = list_entry(item, struct source, link);
        list_remove(&source->link);
        connections_remove(source);
        close(source->fd);
        source->ops->destroy(source);
    }
    loop_free_dead(loop);
    buffer_pool_finish(&loop->pool);
    if (loop->wake.fd >= 0)
        close(loop->wake.fd);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    pthread_mutex_destroy(&loop->mailbox_lock);
}
