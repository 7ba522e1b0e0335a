/*
 * loop.h - what is inside net/: loops, sources, and the threads that run them.
 *
 * A source is what an epoll event leads to: a connection (conn.c), a UDP socket (datagram.c), a
 * listening socket (listen.c), or a loop's own wake-up (loop.c). A loop and its sources belong to
 * the one thread that runs the loop at the time; other threads touch only the mailbox and `state`.
 * No lock is held while a message is handled.
 *
 * How a loop is given away (workers.c): while the handler runs, `state` is odd. The thread that
 * moves it on by compare-and-swap has the loop. That is the thread itself, when the handler
 * returns, or another thread that takes the loop meanwhile. In the latter case the first thread
 * owns nothing but the message, its reply and references on their buffers. It hands in the reply
 * through the mailbox, as a `struct deferred`.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/list.h"
#include "base/wait_place.h"
#include "net/buffer.h"
#include "net/net.h"
#include <pthread.h>
#include <stdatomic.h>

/* How many buffers (2 MiB each, touched as far as used) peers may make the server hold, by
 * unfinished records and by replies that they do not take. Beyond it, the connection that holds a
 * buffer and was idle for longest is ended. */
#define NET_BUFFERS_MAX 512
/* The replies of a batch are sent once this many bytes have gathered, to stay within the CPU's
 * cache. */
#define NET_FLUSH_BYTES (256u * 1024)

struct loop;
struct source;
struct deferred;

struct source_ops {
    /* epoll reported `events`. False: the loop was lost meanwhile; the caller must touch
     * nothing. */
    bool (*event)(struct source *source, uint32_t events);
    /* Handles messages that are in memory already. False: as above. */
    bool (*run)(struct source *source);
    /* Sends the replies that have gathered. */
    void (*flush)(struct source *source);
    /* The message that is being handled stays behind with its thread, which keeps a reference on
     * both buffers. The source goes on without the message and without the buffers. */
    void (*detach)(struct source *source);
    /* The reply of such a message came. The source takes over the references in `deferred`. */
    void (*finish_deferred)(struct source *source, struct deferred *deferred);
    /* The server ends: the source takes no more messages. True: it has nothing left to send. */
    bool (*drain)(struct source *source);
    void (*destroy)(struct source *source);
};

struct source {
    const struct source_ops *ops;
    struct loop *loop;
    int fd;
    uint64_t number;              /* the connection's number (connections.h); else 0 */
    struct source *next_numbered; /* connections.c's */
    struct list link;             /* loop->sources */
    struct list ready_link;       /* loop->ready, while it has messages to be run */
    struct list flush_link;       /* loop->flush, while it has replies to be sent */
    uint32_t deferred;            /* messages that stayed behind with threads */
    uint8_t host;                 /* hash of its peer's address (base/wait_place.h) */
    bool dead;                    /* on loop->dead; nothing more happens with it */
};

/* The reply of a message whose thread lost the loop, or the news that there is none. */
struct deferred {
    struct list link; /* loop->mailbox */
    struct source *source;
    struct buffer *in, *out;
    size_t at, len; /* offset and bytes of the reply in `out`; len 0: no reply */
    bool broken;    /* the end of the reply is lost: it can't be sent */
};

/* The message that is being handled, for the thread that takes the loop. Written before `state`
 * becomes odd. */
struct handling {
    struct source *source;
    struct buffer *in, *out;
    struct wait_call *call; /* the record of its thread's call; set by loop_handle() */
};

struct loop {
    _Atomic uint64_t state; /* odd: a message is being handled; then moved on by CAS only */
    struct handling handling;
    _Atomic pid_t tid;  /* of the thread that runs it */
    _Atomic bool slept; /* its thread slept in a message, and no thread was free to take the loop */
    int epoll_fd;
    struct source wake; /* an eventfd */
    _Atomic bool beats; /* it went round since net_alive() asked */
    struct buffer_pool pool;
    struct list sources; /* all, the least recently active first */
    struct list ready, flush, dead;
    struct list paused; /* sources with too many messages asleep; by ready_link */
    uint32_t connections, connections_max;
    /* Connections given to this loop and not closed yet: the next one goes to the loop with the
     * fewest. */
    _Atomic uint32_t assigned;
    bool was_busy;        /* the last wait brought something */
    uint32_t spin_credit; /* see loop_wait() */
    uint32_t spin_skipped;
    uint64_t batch;           /* of messages that are handled now: loop_batch_begin() */
    uint64_t messages_waited; /* `messages` as it was at the last wait for more */
    uint32_t shortages_met;   /* shortages of base/fds.h that were met */
    _Atomic uint64_t messages;
    _Atomic bool asleep; /* in epoll_wait without a time limit */

    pthread_mutex_t mailbox_lock;
    struct list mailbox;  /* struct deferred; guarded by mailbox_lock */
    struct list arrivals; /* struct source: new connections; guarded by mailbox_lock */
    _Atomic bool mail;    /* something is in one of them */
};

/* net/ as a whole. Set up by net_init() and net_listen(); later only atomic members change. */
struct net {
    struct net_config config;
    unsigned nloops;
    struct loop loops[NET_LOOPS_MAX];
    struct list listeners; /* struct source: sockets of net_listen(), on loop 0 when started */
    bool started;          /* there are threads to wait for */
    bool spin_auto;        /* polling is automatic (net_config.spin_usec < 0) */
    _Atomic bool stopping;
    _Atomic int64_t deadline_ms; /* CLOCK_MONOTONIC: when stopping gives up what is left */
    _Atomic uint32_t connections;
    uint32_t connections_max; /* bound, for all loops together */
    /* CLOCK_MONOTONIC: when stopping gives up peers that do not take their replies */
    _Atomic int64_t patience_ms;
    _Atomic uint32_t deferred; /* messages whose threads lost their loop */
    _Atomic bool paused;       /* some loop has paused sources */
    _Atomic uint32_t buffers;  /* borrowed from the pools of all loops */
    _Atomic uint64_t handovers, takeovers;
};
extern struct net net;

/* loop.c */
int loop_init(struct loop *loop);
void loop_finish(struct loop *loop);
/* Runs the loop until it is lost (false) or the server ends (true). */
bool loop_run(struct loop *loop);
int loop_add(struct loop *loop, struct source *source, uint32_t events);
/* Ends a source: it is closed now, and freed after the batch (or after its deferred messages). */
void loop_bury(struct source *source);
void loop_ready(struct source *source);
void loop_flush_later(struct source *source);
void loop_touch(struct source *source);
/* Messages handled from here on are of another batch: begun with each receive, after each wait,
 * where a thread takes over a loop, and after a message that slept without losing its loop. So a
 * batch lasts no longer than a few hundred messages work. */
void loop_batch_begin(struct loop *loop);
/* The hash for `host` in struct source. */
uint8_t loop_host_hash(const struct address *peer);
/* Whether another message of the source may be begun; base/wait_place.h says when not. */
bool loop_source_may(const struct source *source);
/* Puts the source on loop->paused until one of its sleeping messages ends, or is not worth waiting
 * for. */
void loop_pause(struct source *source);
/* These may be called from any thread. */
void loop_post_deferred(struct loop *loop, struct deferred *deferred);
void loop_post_source(struct loop *loop, struct source *source);
void loop_wake(struct loop *loop);

/* Now, by CLOCK_MONOTONIC. */
int64_t net_now_nsec(void);
static inline int64_t net_now_usec(void)
{
    return net_now_nsec() / 1000;
}
static inline int64_t net_now_ms(void)
{
    return net_now_nsec() / 1000000;
}

/* workers.c */
/* Starts the loop threads and the monitor. EAGAIN: no thread could be made. */
int workers_start(void);
/* Waits for the loop threads to end. True: all threads have ended. */
bool workers_join(void);
uint64_t workers_count(void);
/* Runs the handler on a message of loop->handling.source. True: *len is the reply's length in
 * bytes. False: the loop was lost and the reply was handed in; the caller must touch nothing. */
bool loop_handle(struct loop *loop, struct net_message *message, size_t *len);
/* Gives the loop to a standby thread while it is in the message of `state`. False: the message is
 * done already, or no thread could be had. */
bool workers_take(struct loop *loop, uint64_t state);

/* monitor.c */
int monitor_start(void);
void monitor_stop(void);
/* Wakes the monitor: a loop that slept is at work. */
void monitor_poke(void);

/* listen.c, conn.c, datagram.c */
struct source *conn_create(int fd, const struct address *peer, const struct address *local);
int datagram_create(int fd, const struct address *local, struct source **out);
/* Ends the connection of this loop that was idle for longest. False: the loop has none. */
bool conn_evict(struct loop *loop);
/* Ends the connection of this loop that holds a buffer and was idle for longest; never `but`. */
void conn_evict_borrower(struct loop *loop, const struct source *but);

#endif
