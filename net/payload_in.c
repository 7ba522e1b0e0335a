/*
 * payload_in.c - see payload_in.h. Called by conn.c.
 *
 * No other thread may receive from the socket before the whole payload is in the thread's pipe, and
 * the handler may lose the loop at any time. The payload is therefore taken at once, before the
 * handler is called; bytes that find no room in the pipe are received to memory. Until the socket
 * has the whole payload the connection sleeps. Where the socket can't have it (a small receive
 * buffer, a peer that is gone), epoll reports input early.
 */
#include "net/payload_in.h"
#include "net/conn.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Bytes: more than any call's header, credential and handle take together. */
#define HEAD_MAX 2048
/* How many messages go through memory after the pipe was used in vain: PAUSE at first, then twice
 * as many each time, PAUSE_MAX at most. */
#define PAUSE     8
#define PAUSE_MAX 256
/* A payload that is waited for longer than WAIT_NSEC, WAITS_MAX times in a row, comes by a slow
 * network. There a copy costs nothing, but reading late delays the acknowledgements that a
 * client with a small buffer waits for. */
#define WAIT_NSEC 5000000
#define WAITS_MAX 3

static void refuse(struct payload_in *in)
{
    in->head = 0;
    if (in->failed < PAUSE_MAX)
        in->failed = in->failed > 0 ? in->failed * 2 : PAUSE;
    in->pause = in->failed;
}

struct payload payload_in_take(struct conn *conn)
{
    struct payload payload = {0};

    if (conn->payload_in.now.piped > 0)
        payload = conn->payload_in.now;
    payload.may_pipe = true;
    conn->payload_in.now = (struct payload){0};
    conn->payload_in.head = 0;
    return payload;
}

void payload_in_learn(struct conn *conn, const struct net_message *message, bool piped)
{
    struct payload_in *in = &conn->payload_in;
    const struct payload *payload = &message->in;

    if (piped && (payload->pipe_next == 0 || payload->copied))
        refuse(in);
    else if (piped && in->pause == 0 && in->slow == 0)
        in->failed = 0;
    if (payload->pipe_next == 0)
        return;
    if (in->pause > 0) {
        in->pause--;
    } else if (payload->data > message->data && payload->data - message->data <= HEAD_MAX) {
        in->head = (size_t)(payload->data - message->data);
        in->least = payload->pipe_next;
    }
}

void payload_in_settle(struct conn *conn)
{
    struct payload *now = &conn->payload_in.now;

    if (conn->source.dead)
        payload_drop(now);
    else if (!payload_to_memory(now))
        conn_close(conn);
}

/* Whether the beginning of a message is there and its payload is to go to the pipe. A message
 * behind one whose length is no multiple of 4 is moved as it arrives (record.h), and can't go to
 * the pipe. */
static bool is_expected(const struct conn *conn)
{
    const struct record *record = &conn->record;
    const struct payload_in *in = &conn->payload_in;

    return in->head > 0 && record->fragments == 1 && record->last && conn->pos == conn->end &&
           record->offset + record->len == conn->pos && record->len == in->head &&
           record->left >= in->least;
}

/* Makes the socket count as readable only when it has this number of bytes. It counts as readable
 * also at its end, and when it has hardly room for more. The kernel makes room for what is waited
 * for, so twice as much is asked for first. */
static bool wait_for(struct conn *conn, size_t bytes)
{
    struct payload_in *in = &conn->payload_in;
    int low = (int)bytes * 2;

    if (bytes > in->room &&
        setsockopt(conn->source.fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) == 0)
        in->room = (uint32_t)bytes;
    low = (int)bytes;
    if (setsockopt(conn->source.fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) != 0)
        return false;
    in->waits = bytes > 1;
    return true;
}

static bool has_all(int socket, uint8_t *at, size_t len)
{
    const size_t peeked = len < PAYLOAD_PEEKED ? len : PAYLOAD_PEEKED;
    int waiting = 0;

    return ioctl(socket, FIONREAD, &waiting) == 0 && waiting > 0 && (size_t)waiting >= len &&
           recv(socket, at, peeked, MSG_PEEK | MSG_DONTWAIT) == (ssize_t)peeked;
}

/* Whether the socket has the whole payload, which is to be moved in that case. */
static enum payload_in_outcome wait_all(struct conn *conn, uint8_t *at, size_t len)
{
    struct payload_in *in = &conn->payload_in;
    const bool all = has_all(conn->source.fd, at, len);

    if (!all && !in->waits && wait_for(conn, len)) {
        in->since = net_now_nsec();
        return PAYLOAD_IN_LATER;
    }
    if (in->waits && net_now_nsec() - in->since > WAIT_NSEC)
        in->slow++;
    else
        in->slow = 0;
    if (in->waits)
        wait_for(conn, 1);
    if (!all || in->slow == WAITS_MAX) {
        refuse(in);
        in->slow = 0;
    }
    return all ? PAYLOAD_IN_TAKEN : PAYLOAD_IN_REFUSED;
}

/* Moves `len` bytes that the socket has to the pipe. Bytes that find no room there are received to
 * memory behind `at`, where they all belong. */
static struct payload move(int socket, uint8_t *at, size_t len)
{
    struct payload payload = {.data = at};
    struct payload_pipe pipe;

    if (payload_pipe(&pipe) != 0)
        return payload;
    while (payload.piped < len) {
        ssize_t n = splice(socket, NULL, pipe.to, NULL, len - payload.piped, SPLICE_F_NONBLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* the pipe is full */
        payload.piped += (size_t)n;
    }
    payload.len = payload.piped;
    while (payload.len > 0 && payload.len < len) {
        ssize_t n = recv(socket, at + payload.len, len - payload.len, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        payload.len += (size_t)n;
    }
    return payload;
}

enum payload_in_outcome payload_in_receive(struct conn *conn)
{
    if (!is_expected(conn))
        return PAYLOAD_IN_REFUSED;
    struct payload *now = &conn->payload_in.now;
    const size_t left = conn->record.left;
    uint8_t *at = conn->in->data + conn->end;
    enum payload_in_outcome outcome = wait_all(conn, at, left);

    if (outcome != PAYLOAD_IN_TAKEN)
        return outcome;
    *now = move(conn->source.fd, at, left);
    const size_t taken = now->len;
    conn->end += taken;
    if (taken == left && now->piped >= taken - now->piped)
        return PAYLOAD_IN_TAKEN;
    refuse(&conn->payload_in);
    if (!payload_to_memory(now))
        conn_close(conn);
    return taken > 0 ? PAYLOAD_IN_TAKEN : PAYLOAD_IN_REFUSED;
}
