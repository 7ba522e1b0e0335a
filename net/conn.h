/*
 * conn.h - inside a TCP connection: what conn.c (input, its life) and conn_send.c (output) share.
 *
 * A connection is a source of one loop (loop.h); all of it belongs to the thread that runs the
 * loop. Its memory is borrowed from the loop's pool while there is something in it.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/batch.h"
#include "net/loop.h"
#include "net/payload_in.h"
#include "net/record.h"

/* A reply, or several in a row, in a buffer of which it holds a reference. */
struct piece {
    struct list link; /* conn->queue */
    struct buffer *buffer;
    size_t at, end;
};

struct conn {
    struct source source;
    struct address peer, local;
    struct net_memory memory;
    struct record record;
    struct buffer *in, *out;
    size_t pos, end;
    size_t sent, filled;
    struct list queue;
    unsigned queued;
    struct payload_in payload_in;
    struct batch batch;
    bool blocked; /* the peer's window is full: waits for EPOLLOUT, reads nothing */
    bool paused;  /* it has too many messages asleep: nothing is begun or read */
    bool ended;   /* nothing more will be read: closed when all replies are sent */
};

static inline struct conn *conn_of(struct source *source)
{
    return list_entry(source, struct conn, source);
}

static inline struct buffer_pool *conn_pool(struct conn *conn)
{
    return &conn->source.loop->pool;
}

/* --- conn.c --- */

/* Ends it now. Its memory goes when its last late message is in. */
void conn_close(struct conn *conn);
/* Ends it if nothing more will be read and nothing is left to be done or sent. */
void conn_end_check(struct conn *conn);
/* Tells epoll what the connection waits for. */
void conn_watch(struct conn *conn);

/* --- conn_send.c --- */

bool conn_has_output(const struct conn *conn);
/* Sends all there is, or as much as the peer's window takes: then it is blocked. */
void conn_flush(struct source *source);
/* Room for one more reply: sends what has gathered if it must. False: not now. */
bool conn_out_room(struct conn *conn);
/* A reply was written behind `filled`; len 0: none. A payload in the pipe is sent, or copied. */
void conn_reply(struct conn *conn, size_t len, struct payload *payload);
/* In the middle of a batch: sends what has gathered, if that is much and took its time. */
void conn_part(struct conn *conn);
/* Gives `out` back. */
void conn_out_release(struct conn *conn);
/* What has gathered in `out` goes to the queue, with a reference of its own. */
bool conn_out_queue(struct conn *conn);
/* A reply in another buffer goes to the queue, which takes over the reference. */
bool conn_queue(struct conn *conn, struct buffer *buffer, size_t at, size_t end);
/* Drops the queue and `out`. */
void conn_output_drop(struct conn *conn);

#endif
