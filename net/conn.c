/*
 * conn.c - a TCP connection: bytes into records, records to the handler, replies back in batches.
 *
 * A source of one loop (loop.h); all of it belongs to the thread that runs the loop. Its memory is
 * borrowed from the loop's pool while there is something in it:
 *   in    bytes received that are not handled yet, [pos, end) raw, a message half gathered before
 *         them (record.h);
 *   out   replies to be sent, [sent, filled);
 *   queue replies in other buffers, to be sent before `out`: the rest of a buffer that a late
 *         message still writes to, and late replies themselves.
 * A connection whose peer does not take its replies is not read from until it does.
 */
#include "base/hash.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/record.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Replies are sent with at most so many pieces at once. */
#define PIECES_MAX 16
/* Late replies that may wait for a slow peer before it is not read from any more. */
#define QUEUE_MAX 64
/* Messages handled before other sources have their turn. */
#define RUN_MAX 256
/* Less room than this in the receive buffer is not worth a system call. */
#define RECEIVE_MIN (128u * 1024)

/* A reply, or several in a row, in a buffer of which it holds a reference. */
struct piece {
    struct list link; /* conn->queue */
    struct buffer *buffer;
    size_t at, end;
};

struct conn {
    struct source source;
    struct address peer, local;
    struct record record;
    struct buffer *in, *out;
    size_t pos, end;
    size_t sent, filled;
    struct list queue;
    unsigned queued;
    bool blocked; /* the peer's window is full: waits for EPOLLOUT, reads nothing */
    bool paused;  /* its host has too many messages asleep: nothing is begun or read */
    bool ended;   /* nothing more will be read: closed when all replies are sent */
};

static struct conn *conn_of(struct source *source)
{
    return list_entry(source, struct conn, source);
}

static struct buffer_pool *pool_of(struct conn *conn)
{
    return &conn->source.loop->pool;
}

/* --- memory --- */

static void in_release(struct conn *conn)
{
    buffer_put(pool_of(conn), conn->in, conn->end);
    conn->in = NULL;
    conn->pos = conn->end = 0;
}

static void out_release(struct conn *conn)
{
    buffer_put(pool_of(conn), conn->out, conn->filled);
    conn->out = NULL;
    conn->sent = conn->filled = 0;
}

static void piece_free(struct conn *conn, struct piece *piece)
{
    list_remove(&piece->link);
    conn->queued--;
    buffer_put(pool_of(conn), piece->buffer, piece->end);
    free(piece);
}

/* Takes over a reference on the buffer; false without memory: the connection is lost then. */
static bool piece_add(struct conn *conn, struct buffer *buffer, size_t at, size_t end)
{
    struct piece *piece = malloc(sizeof(*piece));

    if (piece == NULL) {
        buffer_put(pool_of(conn), buffer, end);
        return false;
    }
    *piece = (struct piece){.buffer = buffer, .at = at, .end = end};
    list_append(&conn->queue, &piece->link);
    conn->queued++;
    return true;
}

static void conn_close(struct conn *conn)
{
    if (conn->source.dead)
        return;
    conn->source.loop->connections--;
    conn->source.loop->assigned--;
    loop_bury(&conn->source);
}

static void conn_destroy(struct source *source)
{
    struct conn *conn = conn_of(source);

    while (!list_empty(&conn->queue))
        piece_free(conn, list_entry(conn->queue.next, struct piece, link));
    if (conn->in != NULL)
        in_release(conn);
    if (conn->out != NULL)
        out_release(conn);
    net.connections--;
    free(conn);
}

/* --- sending --- */

static void conn_watch(struct conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = &conn->source};

    if (conn->blocked)
        event.events = EPOLLOUT;
    else if (conn->ended || conn->paused)
        event.events = 0;

    epoll_ctl(conn->source.loop->epoll_fd, EPOLL_CTL_MOD, conn->source.fd, &event);
}

static void conn_set_blocked(struct conn *conn, bool blocked)
{
    if (conn->blocked == blocked)
        return;
    conn->blocked = blocked;
    conn_watch(conn);
    /* Messages in memory have been waiting. */
    if (!blocked)
        loop_ready(&conn->source);
}

static void conn_set_paused(struct conn *conn, bool paused)
{
    if (paused)
        loop_pause(&conn->source);
    if (conn->paused == paused)
        return;
    conn->paused = paused;
    conn_watch(conn);
}

static bool conn_has_output(const struct conn *conn)
{
    return !list_empty(&conn->queue) || conn->filled > conn->sent;
}

/* A connection that gets no more input ends when nothing is left to be done or sent. */
static void conn_end_check(struct conn *conn)
{
    if (conn->ended && conn->source.late == 0 && !conn_has_output(conn) &&
        list_empty(&conn->source.ready_link))
        conn_close(conn);
}

static void conn_end(struct conn *conn)
{
    if (conn->ended)
        return;
    conn->ended = true;
    conn_watch(conn);
    conn_end_check(conn);
}

/* `n` bytes were sent, of the queue first. */
static void output_advance(struct conn *conn, size_t n)
{
    while (!list_empty(&conn->queue)) {
        struct piece *piece = list_entry(conn->queue.next, struct piece, link);
        size_t len = piece->end - piece->at;
        if (n < len) {
            piece->at += n;
            return;
        }
        n -= len;
        piece_free(conn, piece);
    }
    conn->sent += n;
    if (conn->out != NULL && conn->sent == conn->filled)
        out_release(conn);
}

static void conn_flush(struct source *source)
{
    struct conn *conn = conn_of(source);

    while (!source->dead && conn_has_output(conn)) {
        struct iovec iov[PIECES_MAX];
        struct msghdr msg = {.msg_iov = iov};
        struct list *item;
        list_for_each (item, &conn->queue) {
            struct piece *piece = list_entry(item, struct piece, link);
            if (msg.msg_iovlen == PIECES_MAX)
                break;
            iov[msg.msg_iovlen++] =
                (struct iovec){piece->buffer->data + piece->at, piece->end - piece->at};
        }
        if (msg.msg_iovlen < PIECES_MAX && conn->filled > conn->sent)
            iov[msg.msg_iovlen++] =
                (struct iovec){conn->out->data + conn->sent, conn->filled - conn->sent};
        ssize_t n = sendmsg(source->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) {
            output_advance(conn, (size_t)n);
        } else if (errno == EAGAIN) {
            conn_set_blocked(conn, true);
            return;
        } else if (errno != EINTR) {
            conn_close(conn);
            return;
        }
    }
    if (source->dead)
        return;
    conn_set_blocked(conn, false);
    conn_end_check(conn);
}

/* --- handling --- */

/* Room for one more reply: sends what has gathered if it must. False: not now. */
static bool out_room(struct conn *conn)
{
    const size_t need = RECORD_HEADER + NET_MESSAGE_MAX;

    if (conn->out != NULL && BUFFER_SIZE - conn->filled < need)
        conn_flush(&conn->source);
    if (conn->source.dead || conn->blocked || conn->queued > QUEUE_MAX)
        return false;
    if (conn->out == NULL)
        conn->out = buffer_get(pool_of(conn));
    if (conn->out == NULL) {
        conn_close(conn);
        return false;
    }
    return BUFFER_SIZE - conn->filled >= need;
}

static void reply_append(struct conn *conn, size_t len)
{
    if (len == 0)
        return;
    record_mark(conn->out->data + conn->filled, len);
    conn->filled += RECORD_HEADER + len;
    loop_flush_later(&conn->source);
    if (conn->filled - conn->sent >= NET_FLUSH_BYTES)
        conn_flush(&conn->source);
}

/* Handles the message that record.h found. False: the loop was lost. */
static bool conn_handle(struct conn *conn)
{
    struct loop *loop = conn->source.loop;
    struct net_message message = {
        .peer = conn->peer,
        .local = conn->local,
        .data = conn->in->data + conn->record.offset,
        .len = conn->record.len,
        .reply = conn->out->data + conn->filled + RECORD_HEADER,
        .reply_room = NET_MESSAGE_MAX,
    };
    size_t len;

    conn->record = (struct record){0};
    loop->handling = (struct handling){&conn->source, conn->in, conn->out};
    if (!loop_handle(loop, &message, &len))
        return false;
    reply_append(conn, len);
    return true;
}

static void too_long(struct conn *conn)
{
    static struct log_limit limit;
    char peer[ADDRESS_TEXT_MAX];

    if (log_limit_allows(&limit))
        log_warning("%s: sent a record longer than %d bytes; connection closed",
                    address_format(&conn->peer, true, peer), NET_MESSAGE_MAX);
    conn_close(conn);
}

/* Gives the buffer back when everything in it is handled; what is incomplete stays. */
static void in_settle(struct conn *conn)
{
    if (conn->in != NULL && conn->pos == conn->end && conn->record.fragments == 0)
        in_release(conn);
}

static bool conn_run(struct source *source)
{
    struct conn *conn = conn_of(source);
    int left = RUN_MAX;

    conn_set_paused(conn, false);

    while (!source->dead && conn->in != NULL) {
        if (left-- == 0) {
            loop_ready(source);
            break;
        }
        if (!loop_host_may(source)) {
            conn_set_paused(conn, true);
            break;
        }
        if (!out_room(conn)) {
            if (!source->dead && !conn->blocked)
                loop_ready(source); /* late replies are in the way: soon */
            return true;
        }
        switch (
            record_parse(&conn->record, conn->in->data, &conn->pos, conn->end, NET_MESSAGE_MAX)) {
        case RECORD_TOO_LONG:
            too_long(conn);
            return true;
        case RECORD_MORE:
            in_settle(conn);
            goto out;
        case RECORD_COMPLETE:
            if (!conn_handle(conn))
                return false;
            in_settle(conn);
            break;
        }
    }
out:
    if (!source->dead && conn->filled == 0 && conn->out != NULL)
        out_release(conn);
    if (!source->dead)
        conn_end_check(conn);
    return true;
}

/* A buffer to receive into, with room for the rest of a message. */
static bool in_room(struct conn *conn)
{
    size_t need = conn->record.left > RECEIVE_MIN ? conn->record.left : RECEIVE_MIN;
    struct buffer *buffer = conn->in;

    if (buffer == NULL) {
        conn->in = buffer_get(pool_of(conn));
        return conn->in != NULL;
    }
    if (BUFFER_SIZE - conn->end >= need)
        return true;
    /* A late message still looks at this one: the rest moves to another. */
    if (buffer->refs > 1) {
        buffer = buffer_get(pool_of(conn));
        if (buffer == NULL)
            return false;
    }
    size_t end = conn->end;
    conn->end = record_compact(&conn->record, conn->in->data, buffer->data, &conn->pos, end);
    if (buffer != conn->in)
        buffer_put(pool_of(conn), conn->in, end);
    else if (end > buffer->touched)
        buffer->touched = end;
    conn->in = buffer;
    return true;
}

static bool conn_event(struct source *source, uint32_t events)
{
    struct conn *conn = conn_of(source);

    if (events & EPOLLOUT)
        conn_flush(source);
    if (source->dead)
        return true;
    if (events & (EPOLLERR | EPOLLHUP)) {
        conn_close(conn);
        return true;
    }
    if (conn->blocked || conn->paused || conn->ended)
        return true;
    if (net.stopping) {
        conn_end(conn);
        return true;
    }
    if (conn->in == NULL && net.buffers >= NET_BUFFERS_MAX)
        conn_evict_borrower(source->loop, source);
    if (!in_room(conn)) {
        conn_close(conn);
        return true;
    }
    if (conn->end == BUFFER_SIZE)
        return conn_run(source); /* full of messages that wait for their turn */
    ssize_t n = recv(source->fd, conn->in->data + conn->end, BUFFER_SIZE - conn->end, MSG_DONTWAIT);
    if (n <= 0) {
        in_settle(conn);
        if (n == 0)
            conn_end(conn); /* it may still read what it has asked for */
        else if (errno != EAGAIN && errno != EINTR)
            conn_close(conn);
        return true;
    }
    conn->end += (size_t)n;
    loop_touch(source);
    return conn_run(source);
}

/* --- late messages --- */

static void conn_detach(struct source *source)
{
    struct conn *conn = conn_of(source);

    buffer_ref(conn->in);
    buffer_ref(conn->out);
    /* Its thread writes behind `filled`: nobody else may. */
    bool kept = true;
    if (conn->filled > conn->sent)
        kept = piece_add(conn, buffer_ref(conn->out), conn->sent, conn->filled);
    out_release(conn);
    if (!kept)
        conn_close(conn);
    if (source->dead)
        return;
    loop_flush_later(source);
    in_settle(conn);
    if (conn->in != NULL)
        loop_ready(source);
}

static void conn_finish_late(struct source *source, struct late *late)
{
    struct conn *conn = conn_of(source);

    buffer_put(pool_of(conn), late->in, 0);
    if (late->len == 0 || source->dead) {
        buffer_put(pool_of(conn), late->out, late->at + late->len);
        if (!source->dead)
            conn_end_check(conn);
        return;
    }
    record_mark(late->out->data + late->at - RECORD_HEADER, late->len);
    /* Replies already gathered go first, so that the queue stays in front of `out`. */
    bool kept = true;
    if (conn->filled > conn->sent)
        kept = piece_add(conn, buffer_ref(conn->out), conn->sent, conn->filled);
    conn->sent = conn->filled;
    if (!piece_add(conn, late->out, late->at - RECORD_HEADER, late->at + late->len) || !kept) {
        conn_close(conn);
        return;
    }
    loop_flush_later(source);
    if (conn->in != NULL)
        loop_ready(source);
}

/* --- its life --- */

static bool conn_drain(struct source *source)
{
    struct conn *conn = conn_of(source);

    /* What has arrived whole was handled; the rest is for the server's next life. */
    conn_end(conn);
    if (conn->blocked && net_now_ms() > net.patience_ms)
        conn_close(conn); /* it has had time to take its replies */
    return source->dead || (source->late == 0 && !conn_has_output(conn));
}

static const struct source_ops conn_ops = {
    .event = conn_event,
    .run = conn_run,
    .flush = conn_flush,
    .detach = conn_detach,
    .finish_late = conn_finish_late,
    .drain = conn_drain,
    .destroy = conn_destroy,
};

struct source *conn_create(int fd, const struct address *peer, const struct address *local)
{
    struct conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL)
        return NULL;
    conn->source.ops = &conn_ops;
    conn->source.fd = fd;
    size_t len;
    const uint8_t *bytes = address_bytes(peer, &len);
    conn->source.host = (uint8_t)(hash_bytes(bytes, len, 0) % NET_HOSTS);
    conn->peer = *peer;
    conn->local = *local;
    list_init(&conn->source.link);
    list_init(&conn->source.ready_link);
    list_init(&conn->source.flush_link);
    list_init(&conn->queue);
    net.connections++;
    return &conn->source;
}

bool conn_evict(struct loop *loop)
{
    struct list *item;

    list_for_each (item, &loop->sources) {
        struct source *source = list_entry(item, struct source, link);
        if (source->ops != &conn_ops || source->late > 0 || conn_has_output(conn_of(source)))
            continue;
        conn_close(conn_of(source));
        return true;
    }
    return false;
}

void conn_evict_borrower(struct loop *loop, const struct source *but)
{
    static struct log_limit limit;
    struct list *item;

    list_for_each (item, &loop->sources) {
        struct source *source = list_entry(item, struct source, link);
        if (source->ops != &conn_ops || source == but || source->late > 0)
            continue;
        struct conn *conn = conn_of(source);
        if (conn->in == NULL && !conn_has_output(conn))
            continue;
        if (log_limit_allows(&limit)) {
            char peer[ADDRESS_TEXT_MAX];
            log_warning("%s: half a request, or replies not taken, for too long while memory is "
                        "short; connection closed",
                        address_format(&conn->peer, true, peer));
        }
        conn_close(conn);
        return;
    }
}
