/*
 * conn.c - a TCP connection: bytes into records, records to the handler, replies back in batches.
 *
 * A connection is a source of one loop (loop.h). All of it belongs to the thread that runs the
 * loop. Its memory is borrowed from the loop's pool while there is something in it:
 *     in     bytes that were received and not handled yet: [pos, end), and a message that is partly
 *            gathered before them (record.h)
 *     out    replies that are to be sent: [sent, filled)
 *     queue  replies in other buffers, to be sent before `out`: the rest of a buffer to which a
 *            deferred message still writes, and deferred replies themselves
 * The payload of a long message may be in a pipe instead (payload_in.h). A connection whose peer
 * does not take its replies is not read from until the peer does.
 */
#include "net/conn.h"
#include "base/log.h"
#include "net/connections.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* How many messages are handled before other sources have their turn, and how many batches are
 * received. */
#define RUN_MAX     256
#define BATCHES_MAX 4
/* Less room than this in the receive buffer, in bytes, is not worth a system call. */
#define RECEIVE_MIN (128u * 1024)

static void in_release(struct conn *conn)
{
    buffer_put(conn_pool(conn), conn->in, conn->end);
    conn->in = NULL;
    conn->pos = conn->end = 0;
}

void conn_close(struct conn *conn)
{
    if (conn->source.dead)
        return;
    conn->source.loop->connections--;
    conn->source.loop->assigned--;
    loop_bury(&conn->source);
}

void conn_arm(struct conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = &conn->source};

    if (conn->blocked)
        event.events = EPOLLOUT;
    else if (conn->ended || conn->paused)
        event.events = 0;

    epoll_ctl(conn->source.loop->epoll_fd, EPOLL_CTL_MOD, conn->source.fd, &event);
}

static void conn_set_paused(struct conn *conn, bool paused)
{
    if (paused)
        loop_pause(&conn->source);
    if (conn->paused == paused)
        return;
    conn->paused = paused;
    conn_arm(conn);
}

void conn_end_check(struct conn *conn)
{
    if (conn->ended && conn->source.deferred == 0 && !conn_has_output(conn) &&
        list_empty(&conn->source.ready_link))
        conn_close(conn);
}

static void conn_end(struct conn *conn)
{
    if (conn->ended)
        return;
    conn->ended = true;
    conn_arm(conn);
    conn_end_check(conn);
}

/* To be called when the handler wants no more messages of the connection. */
static void conn_refuse(struct conn *conn)
{
    if (conn->in != NULL)
        in_release(conn);
    conn->record = (struct record){0};
    conn_end(conn);
}

static void conn_destroy(struct source *source)
{
    struct conn *conn = conn_of(source);

    conn_output_drop(conn);
    if (conn->in != NULL)
        in_release(conn);
    net.connections--;
    free(conn);
}

/* --- handling --- */

/* Handles the message that record.h found. False: the loop was lost. */
static bool conn_handle(struct conn *conn)
{
    struct loop *loop = conn->source.loop;
    struct net_message message = {
        .peer = conn->peer,
        .local = conn->local,
        .connection = conn->source.number,
        .memory = &conn->memory,
        .batch = loop->batch,
        .last_in_batch = conn->pos == conn->end,
        .data = conn->in->data + conn->record.offset,
        .len = conn->record.len,
        .in = payload_in_take(conn),
        .reply = conn->out->data + conn->filled + RECORD_HEADER,
        .reply_room = NET_MESSAGE_MAX,
        .out.may_pipe = true,
    };
    const bool piped = message.in.piped > 0;
    size_t len;

    conn->batch.was_long = conn->record.len >= MESSAGE_LONG;
    conn->record = (struct record){0};
    loop->handling = (struct handling){&conn->source, conn->in, conn->out, NULL};
    if (!loop_handle(loop, &message, &len))
        return false;
    payload_in_learn(conn, &message, piped);
    conn_reply(conn, len, &message.out);
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

/* Gives the receive buffer back when everything in it was handled; an incomplete message stays. */
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
        if (!loop_source_may(source)) {
            conn_set_paused(conn, true);
            break;
        }
        if (!conn_out_room(conn)) {
            if (!source->dead && !conn->blocked)
                loop_ready(source); /* deferred replies are in the way; tried again soon */
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
            if (conn->memory.refused) {
                conn_refuse(conn);
                goto out;
            }
            in_settle(conn);
            if (conn->pos < conn->end)
                conn_part(conn);
            break;
        }
    }
out:
    /* The replies are sent now, and not at the end of the round: the next connection then uses this
     * buffer, which the CPU's cache still has. */
    if (!source->dead && conn->filled > conn->sent)
        conn_flush(source);
    else if (!source->dead && conn->filled == 0 && conn->out != NULL)
        conn_out_release(conn);
    if (!source->dead)
        conn_end_check(conn);
    return true;
}

/* Makes sure that there is a receive buffer with room for the rest of a message. False: no
 * memory. */
static bool in_room(struct conn *conn)
{
    size_t need = conn->record.left > RECEIVE_MIN ? conn->record.left : RECEIVE_MIN;
    struct buffer *buffer = conn->in;

    if (buffer == NULL) {
        conn->in = buffer_get(conn_pool(conn));
        return conn->in != NULL;
    }
    if (BUFFER_SIZE - conn->end >= need)
        return true;
    /* A deferred message still uses this buffer: the rest moves to another one. */
    if (buffer->refs > 1) {
        buffer = buffer_get(conn_pool(conn));
        if (buffer == NULL)
            return false;
    }
    size_t end = conn->end;
    conn->end = record_compact(&conn->record, conn->in->data, buffer->data, &conn->pos, end);
    if (buffer != conn->in)
        buffer_put(conn_pool(conn), conn->in, end);
    else if (end > buffer->touched)
        buffer->touched = end;
    conn->in = buffer;
    return true;
}

/* How many bytes to receive. As many as there is room for, since each receive costs as much as a
 * small message. Of a long message exactly the rest, so that the next one begins a buffer and never
 * has to be moved. Of a message that is likely to be long, its beginning only. A payload that is
 * expected to go to the pipe must not be received, neither by itself nor with the end of what comes
 * before it. */
static size_t in_take(const struct conn *conn)
{
    const struct record *record = &conn->record;
    const size_t room = BUFFER_SIZE - conn->end, bound = payload_in_head(&conn->payload_in);
    const size_t head = bound + RECORD_HEADER;
    size_t begun = record->fragments > 0 ? record->len + RECORD_HEADER : conn->end - conn->pos;
    size_t take = room;

    if (bound > 0 && record->fragments <= 1 && begun < head)
        take = head - begun;
    else if (record->left >= MESSAGE_LONG || (bound > 0 && record->left > 0))
        take = record->left;
    else if (conn->batch.was_long && record->fragments == 0)
        take = MESSAGE_LONG;
    return take < room ? take : room;
}

static bool received(struct conn *conn, bool something)
{
    if (!something || conn->source.dead)
        return false;
    loop_batch_begin(conn->source.loop);
    loop_touch(&conn->source);
    return true;
}

/* Receives what the socket has. False: nothing, or its end. */
static bool conn_receive(struct conn *conn)
{
    if (conn->in == NULL && net.buffers >= NET_BUFFERS_MAX)
        conn_evict_borrower(conn->source.loop, &conn->source);
    if (!in_room(conn)) {
        conn_close(conn);
        return false;
    }
    if (conn->end == BUFFER_SIZE)
        return true; /* the buffer is full of messages that wait for their turn */
    enum payload_in_outcome outcome = payload_in_receive(conn);
    if (outcome != PAYLOAD_IN_REFUSED || conn->source.dead)
        return received(conn, outcome == PAYLOAD_IN_TAKEN);
    ssize_t n = recv(conn->source.fd, conn->in->data + conn->end, in_take(conn), MSG_DONTWAIT);
    if (n <= 0) {
        in_settle(conn);
        if (n == 0)
            conn_end(conn); /* the client may still read what it has asked for */
        else if (errno != EAGAIN && errno != EINTR)
            conn_close(conn);
        return false;
    }
    conn->end += (size_t)n;
    return received(conn, true);
}

static bool conn_takes(const struct conn *conn)
{
    return !conn->source.dead && !conn->blocked && !conn->paused && !conn->ended &&
           list_empty(&conn->source.ready_link);
}

static bool conn_event(struct source *source, uint32_t events)
{
    struct conn *conn = conn_of(source);
    struct loop *loop = source->loop;

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
    /* While a large batch was handled the next one has mostly arrived, so epoll need not be asked.
     * Where it has not, the client waits for the whole of a batch, and will do so again. */
    for (int batch = 0; batch < BATCHES_MAX; batch++) {
        uint64_t handled = loop->messages;
        if (!conn_receive(conn)) {
            if (batch > 0 && payload_in_head(&conn->payload_in) == 0)
                batch_none_followed(&conn->batch);
            break;
        }
        if (!conn_run(source))
            return false;
        payload_in_settle(conn);
        if (!conn_takes(conn))
            break;
        if (payload_in_head(&conn->payload_in) > 0)
            continue;
        if (!batch_may_follow(&conn->batch, loop->messages - handled))
            break;
    }
    return true;
}

/* --- deferred messages --- */

static void conn_detach(struct source *source)
{
    struct conn *conn = conn_of(source);

    buffer_ref(conn->in);
    buffer_ref(conn->out);
    /* Its thread writes behind `filled`, so nothing else may be written there. */
    bool kept = conn_out_queue(conn);
    conn_out_release(conn);
    if (!kept)
        conn_close(conn);
    if (source->dead)
        return;
    loop_flush_later(source);
    in_settle(conn);
    if (conn->in != NULL)
        loop_ready(source);
}

static void conn_finish_deferred(struct source *source, struct deferred *deferred)
{
    struct conn *conn = conn_of(source);

    buffer_put(conn_pool(conn), deferred->in, 0);
    if (deferred->broken)
        conn_close(conn); /* the client asks again */
    if (deferred->len == 0 || source->dead) {
        buffer_put(conn_pool(conn), deferred->out, deferred->at + deferred->len);
        if (!source->dead)
            conn_end_check(conn);
        return;
    }
    record_mark(deferred->out->data + deferred->at - RECORD_HEADER, deferred->len);
    /* Replies that have gathered go first, so that the queue stays in front of `out`. */
    bool kept = conn_out_queue(conn);
    conn->sent = conn->filled;
    if (!conn_queue(conn, deferred->out, deferred->at - RECORD_HEADER,
                    deferred->at + deferred->len) ||
        !kept) {
        conn_close(conn);
        return;
    }
    loop_flush_later(source);
    if (conn->memory.refused)
        conn_refuse(conn);
    else if (conn->in != NULL)
        loop_ready(source);
}

/* --- its life --- */

static bool conn_drain(struct source *source)
{
    struct conn *conn = conn_of(source);

    /* Messages that arrived whole were handled; the rest is left to the next start of the
     * server. */
    conn_end(conn);
    if (conn->blocked && net_now_ms() > net.patience_ms)
        conn_close(conn); /* the client has had time to take its replies */
    return source->dead || (source->deferred == 0 && !conn_has_output(conn));
}

static const struct source_ops conn_ops = {
    .event = conn_event,
    .run = conn_run,
    .flush = conn_flush,
    .detach = conn_detach,
    .finish_deferred = conn_finish_deferred,
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
    conn->source.host = loop_host_hash(peer);
    conn->peer = *peer;
    conn->local = *local;
    list_init(&conn->source.link);
    list_init(&conn->source.ready_link);
    list_init(&conn->source.flush_link);
    list_init(&conn->queue);
    connections_add(&conn->source);
    net.connections++;
    return &conn->source;
}

bool conn_evict(struct loop *loop)
{
    struct list *item;

    list_for_each (item, &loop->sources) {
        struct source *source = list_entry(item, struct source, link);
        if (source->ops != &conn_ops || source->deferred > 0 || conn_has_output(conn_of(source)))
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
        if (source->ops != &conn_ops || source == but || source->deferred > 0)
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
