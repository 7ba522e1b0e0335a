/*
 * conn_send.c - a connection's output: gathers replies, sends them in batches, keeps them while the
 * peer takes none. Called by conn.c and, for what has gathered at the end of a round, by the loop.
 */
#include "net/conn.h"
#include "net/payload_out.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* The most pieces of replies in one send. */
#define PIECES_MAX 16
/* How many deferred replies may wait for a slow peer before the server stops reading from it. */
#define QUEUE_MAX 64
void conn_out_release(struct conn *conn)
{
    buffer_put(conn_pool(conn), conn->out, conn->filled);
    conn->out = NULL;
    conn->sent = conn->filled = 0;
}

static void piece_free(struct conn *conn, struct piece *piece)
{
    list_remove(&piece->link);
    conn->queued--;
    buffer_put(conn_pool(conn), piece->buffer, piece->end);
    free(piece);
}

bool conn_queue(struct conn *conn, struct buffer *buffer, size_t at, size_t end)
{
    struct piece *piece = malloc(sizeof(*piece));

    if (piece == NULL) {
        buffer_put(conn_pool(conn), buffer, end);
        return false;
    }
    *piece = (struct piece){.buffer = buffer, .at = at, .end = end};
    list_append(&conn->queue, &piece->link);
    conn->queued++;
    return true;
}

bool conn_out_queue(struct conn *conn)
{
    if (conn->filled == conn->sent)
        return true;
    return conn_queue(conn, buffer_ref(conn->out), conn->sent, conn->filled);
}

void conn_output_drop(struct conn *conn)
{
    while (!list_empty(&conn->queue))
        piece_free(conn, list_entry(conn->queue.next, struct piece, link));
    if (conn->out != NULL)
        conn_out_release(conn);
}

bool conn_has_output(const struct conn *conn)
{
    return !list_empty(&conn->queue) || conn->filled > conn->sent;
}

static void conn_set_blocked(struct conn *conn, bool blocked)
{
    if (conn->blocked == blocked)
        return;
    conn->blocked = blocked;
    conn_arm(conn);
    /* Messages that are in memory have been waiting for this. */
    if (!blocked)
        loop_ready(&conn->source);
}

/* Removes `n` bytes that were sent, first from the queue. */
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
        conn_out_release(conn);
}

/* Sends everything. Messages may still be in memory, so a connection that has `ended` is not closed
 * here. */
static void output_send(struct conn *conn)
{
    struct source *source = &conn->source;

    conn->batch.gathered = 0;
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
    if (!source->dead)
        conn_set_blocked(conn, false);
}

void conn_flush(struct source *source)
{
    struct conn *conn = conn_of(source);

    output_send(conn);
    if (!source->dead)
        conn_end_check(conn);
}

/*
 * Sends a part of a batch. A client with many calls under way works on the first replies while the
 * server makes the next ones; if all replies were sent at once, client and server would take turns
 * (docs/PERFORMANCE.md). Small parts, and replies that cost less than sending them, are not worth
 * it.
 */
void conn_part(struct conn *conn)
{
    if (batch_part_is_due(&conn->batch, net_now_nsec))
        output_send(conn);
}

bool conn_out_room(struct conn *conn)
{
    const size_t need = RECORD_HEADER + NET_MESSAGE_MAX;

    if (conn->out != NULL && BUFFER_SIZE - conn->filled < need)
        output_send(conn);
    if (conn->source.dead || conn->blocked || conn->queued > QUEUE_MAX)
        return false;
    if (conn->out == NULL)
        conn->out = buffer_get(conn_pool(conn));
    if (conn->out == NULL) {
        conn_close(conn);
        return false;
    }
    return BUFFER_SIZE - conn->filled >= need;
}

/* Sends a payload in the pipe behind the replies that have gathered: from the pipe, or copied. */
static void reply_payload(struct conn *conn, struct payload *payload)
{
    if (!conn->blocked && list_empty(&conn->queue))
        conn->sent += payload_out_send(payload, conn->source.fd, conn->out->data + conn->sent,
                                       conn->filled - conn->sent);
    /* The copied rest begins where its end, and so the next reply, is aligned. Where some of the
     * payload was sent, everything before it was sent. */
    const size_t odd = (payload->len - payload->piped) % 4;
    if (odd != 0)
        conn->sent = conn->filled += odd;
    if (!payload_out_copy(payload, conn->out->data + conn->filled, &conn->filled)) {
        conn_close(conn); /* and the client asks again */
        return;
    }
    if (conn->sent == conn->filled)
        conn->sent = conn->filled = 0;
}

void conn_reply(struct conn *conn, size_t len, struct payload *payload)
{
    const size_t behind = payload->piped;

    if (len == 0)
        return;
    conn->batch.gathered++;
    record_mark(conn->out->data + conn->filled, len + behind + payload_pad(behind));
    conn->filled += RECORD_HEADER + len;
    if (behind > 0)
        reply_payload(conn, payload);
    if (conn->source.dead)
        return;
    loop_flush_later(&conn->source);
    if (conn->filled - conn->sent >= NET_FLUSH_BYTES)
        output_send(conn);
}
