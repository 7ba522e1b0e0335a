/*
 * conn.h - inside a TCP connection: what conn.c (input, and a connection's life) and conn_send.c
 * (output) share.
 *
 * A connection is a source of one loop (loop.h). All of it belongs to the thread that runs the
 * loop. Its memory is borrowed from the loop's pool while there is something in it.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/batch.h"
#include "net/loop.h"
#include "net/payload_in.h"
#include "net/record.h"

/* One or more replies in a row in a buffer, with a reference on that buffer. */
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
    /* the peer's window is full: the connection waits for EPOLLOUT and reads nothing */
    bool blocked;
    bool paused; /* too many of its messages sleep: it begins and reads none */
    bool ended;  /* nothing more will be read: it is closed when all replies are sent */
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

/* Closes the connection now. Its memory is freed when its last deferred message is in. */
void conn_close(struct conn *conn);
/* Closes the connection if nothing more will be read, and nothing is left to be done or sent. */
void conn_end_check(struct conn *conn);
/* Tells epoll what the connection waits for. */
void conn_arm(struct conn *conn);

/* --- conn_send.c --- */

bool conn_has_output(const struct conn *conn);
/* Sends everything, or as much as the peer's window takes; the connection is blocked in that
 * case. */
void conn_flush(struct source *source);
/* Makes room for one more reply, and sends what has gathered where that is needed. False: not
 * now. */
bool conn_out_room(struct conn *conn);
/* To be called when a reply of `len` bytes was written behind `filled`; len 0: there is none. A
 * payload in the pipe is sent, or copied. */
void conn_reply(struct conn *conn, size_t len, struct payload *payload);
/* To be called in the middle of a batch: sends the replies that have gathered if they are a part
 * (batch.h). */
void conn_part(struct conn *conn);
/* Gives the buffer `out` back. */
void conn_out_release(struct conn *conn);
/* Adds the replies in `out` to the queue, with a reference of their own. False: no memory. */
bool conn_out_queue(struct conn *conn);
/* Adds a reply in another buffer to the queue, which takes over the reference. False: no memory. */
bool conn_queue(struct conn *conn, struct buffer *buffer, size_t at, size_t end);
/* Drops the queue and `out`. */
void conn_output_drop(struct conn *conn);

#endif
