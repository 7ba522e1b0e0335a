/*
 * loop.h - what is inside net/: loops, sources, and the threads that run them.
 *
 * A source is what an epoll event leads to: a connection (conn.c), a UDP socket (datagram.c), a
 * listening socket (listen.c), a loop's own wake-up (loop.c). Everything of a loop and of its
 * sources belongs to the one thread that runs the loop at the time; only the mailbox and `state`
 * are touched by others. No lock is held while a message is handled.
 *
 * Giving a loop away (workers.c). While the handler runs, `state` is odd. Whoever moves it on by
 * compare-and-swap has the loop: the thread itself, when the handler returns; or somebody who
 * takes the loop from it meanwhile. Then the thread owns nothing but the message, its reply and
 * references on their buffers; it hands its reply in as a `struct late` through the mailbox.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/list.h"
#include "base/wait_place.h"
#include "net/buffer.h"
#include "net/net.h"
#include <pthread.h>
#include <stdatomic.h>

/* Buffers (2 MiB, touched as far as used) that peers may keep us holding, by unfinished records and
 * replies not taken. Beyond, the connection that is idle for longest with one is ended. */
#define NET_BUFFERS_MAX 512
/* A batch's replies are sent when so many bytes have gathered, to stay within the CPU's cache. */
#define NET_FLUSH_BYTES (256u * 1024)

struct loop;
struct source;
struct late;

struct source_ops {
    /* epoll says something happened. False: the loop was lost meanwhile; touch nothing. */
    bool (*event)(struct source *source, uint32_t events);
    /* Handles messages that are in memory already. False as above. */
    bool (*run)(struct source *source);
    /* Sends the replies gathered. */
    void (*flush)(struct source *source);
    /* The message being handled stays behind with its thread: it keeps a reference on both
     * buffers, the source goes on without them. */
    void (*detach)(struct source *source);
    /* That message's reply came. The source takes over the references in `late`. */
    void (*finish_late)(struct source *source, struct late *late);
    /* The server ends: take no more messages. True: nothing is left to be sent. */
    bool (*drain)(struct source *source);
    void (*destroy)(struct source *source);
};

struct source {
    const struct source_ops *ops;
    struct loop *loop;
    int fd;
    uint64_t number;              /* of a connection (connections.h); else 0 */
    struct source *next_numbered; /* connections.c's */
    struct list link;             /* loop->sources */
    struct list ready_link;       /* loop->ready, while it has messages to be run */
    struct list flush_link;       /* loop->flush, while it has replies to be sent */
    uint32_t late;                /* messages that stayed behind with threads */
    uint8_t host;                 /* its peer, hashed: base/wait_place.h */
    bool dead;                    /* on loop->dead; nothing more happens with it */
};

/* A reply (or its absence) that comes in after its thread lost the loop. */
struct late {
    struct list link; /* loop->mailbox */
    struct source *source;
    struct buffer *in, *out;
    size_t at, len; /* of the reply in `out`; len 0: none */
    bool broken;    /* it has lost its end: no reply can be sent */
};

/* The message being handled, for whoever takes the loop: written before `state` becomes odd. */
struct handling {
    struct source *source;
    struct buffer *in, *out;
    struct wait_call *call; /* its thread's; set by loop_handle() */
};

struct loop {
    _Atomic uint64_t state; /* odd: a message is being handled; moved on by CAS only then */
    struct handling handling;
    _Atomic pid_t tid;  /* of the thread that runs it */
    _Atomic bool slept; /* in a message, and nobody was there to take it */
    int epoll_fd;
    struct source wake; /* an eventfd */
    _Atomic bool beats; /* it went round since net_alive() asked */
    struct buffer_pool pool;
    struct list sources; /* all, the least recently active first */
    struct list ready, flush, dead;
    struct list paused; /* sources with too many messages asleep; by ready_link */
    uint32_t connections, connections_max;
    _Atomic uint32_t
        assigned;         /* connections given to it and not closed: for the next one's choice */
    bool was_busy;        /* the last wait brought something */
    uint32_t spin_credit; /* see loop_wait() */
    uint32_t spin_skipped;
    uint64_t messages_waited; /* `messages` as it was at the last wait for more */
    uint32_t shortages_met;   /* of base/fds.h */
    _Atomic uint64_t messages;
    _Atomic bool asleep; /* in epoll_wait without a time limit */

    pthread_mutex_t mailbox_lock;
    struct list mailbox;  /* struct late; guarded by mailbox_lock */
    struct list arrivals; /* struct source: new connections; guarded by mailbox_lock */
    _Atomic bool mail;    /* something is in one of them */
};

/* net/ as a whole. Set up by net_init() and net_listen(), constant afterwards but for atomics. */
struct net {
    struct net_config config;
    unsigned nloops;
    struct loop loops[NET_LOOPS_MAX];
    struct list listeners; /* struct source: sockets of net_listen(), on loop 0 when started */
    bool started;          /* there are threads to wait for */
    bool spin_auto;        /* the server is to find out when to spin */
    _Atomic bool stopping;
    _Atomic int64_t deadline_ms; /* CLOCK_MONOTONIC: when stopping ends whatever is left */
    _Atomic uint32_t connections;
    uint32_t connections_max;    /* all loops' */
    _Atomic int64_t patience_ms; /* and when it gives up peers that do not take their replies */
    _Atomic uint32_t late;       /* messages with threads that lost their loop */
    _Atomic bool paused;         /* some loop has paused sources */
    _Atomic uint32_t buffers;    /* borrowed from the pools of all loops */
    _Atomic uint64_t handovers, takeovers;
};
extern struct net net;

/* loop.c */
int loop_init(struct loop *loop);
void loop_finish(struct loop *loop);
/* Runs the loop until it is lost (false) or the server ends (true). */
bool loop_run(struct loop *loop);
int loop_add(struct loop *loop, struct source *source, uint32_t events);
/* Marks for the end: closed now, freed after the batch (or after its late messages). */
void loop_bury(struct source *source);
void loop_ready(struct source *source);
void loop_flush_later(struct source *source);
void loop_touch(struct source *source);
/* For `host` in struct source. */
uint8_t loop_host_hash(const struct address *peer);
/* Whether another message of the source may be begun: base/wait_place.h says when not. */
bool loop_source_may(const struct source *source);
/* Waits, on loop->paused, until a sleeping message is done, or is not worth waiting for. */
void loop_pause(struct source *source);
/* From any thread. */
void loop_post_late(struct loop *loop, struct late *late);
void loop_post_source(struct loop *loop, struct source *source);
void loop_wake(struct loop *loop);

/* CLOCK_MONOTONIC. */
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
/* Starts the loop threads and the monitor. EAGAIN: no threads are to be had. */
int workers_start(void);
/* Waits for the loop threads to end; true: for all threads. */
bool workers_join(void);
uint64_t workers_count(void);
/* Runs the handler on a message of loop->handling.source. True: *len is the reply's length. False:
 * the loop was lost, the reply was handed in; touch nothing. */
bool loop_handle(struct loop *loop, const struct net_message *message, size_t *len);
/* Gives the loop, which is in the message of `state`, to a standby thread. False: the message is
 * done already, or there is no thread to be had. */
bool workers_take(struct loop *loop, uint64_t state);

/* monitor.c */
int monitor_start(void);
void monitor_stop(void);
/* The monitor is to look again: a loop that slept is at work. */
void monitor_poke(void);

/* listen.c, conn.c, datagram.c */
struct source *conn_create(int fd, const struct address *peer, const struct address *local);
int datagram_create(int fd, const struct address *local, struct source **out);
/* Ends the connection of this loop that was idle for longest. False: there is none. */
bool conn_evict(struct loop *loop);
/* The same among those that hold buffers, `but` excepted. */
void conn_evict_borrower(struct loop *loop, const struct source *but);

#endif
