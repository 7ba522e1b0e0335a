/*
 * conn_rest.c - a connection's long messages whose end does not go through memory (rest.h).
 *
 * Nobody may receive from the socket before all of the rest is in the thread's pipe: the handler
 * may lose the loop at any time. So it is taken in one go, before the handler is called, and what
 * has no room in the pipe is received to memory. Until the socket has all of it the connection
 * sleeps; where it can't have (a small receive buffer, a peer that is gone), epoll says so early.
 *
 * Called by conn.c; conn->rests is this file's.
 */
#include "net/conn.h"
#include <sys/ioctl.h>
#include <sys/socket.h>

/* A rest of less than this costs as much by the pipe. Handlers expect no less, either: what they
 * did not, but got, would be taken for what does not work. */
#define REST_MIN (128u * 1024)
/* Longer than any call's header, credential and handle. */
#define HEAD_MAX 2048
/* After it did not work so many messages go through memory; each time twice as many. */
#define REST_PAUSE     8
#define REST_PAUSE_MAX 256
/* Who waits longer so many times in a row has a slow network: there a copy costs nothing, but that
 * nobody reads delays the acknowledgements that a client with a small buffer waits for. */
#define REST_WAIT_NSEC 5000000
#define REST_WAITS_MAX 3

static void refuse(struct conn *conn)
{
    conn->rests.head = 0;
    if (conn->rests.failed < REST_PAUSE_MAX)
        conn->rests.failed = conn->rests.failed > 0 ? conn->rests.failed * 2 : REST_PAUSE;
    conn->rests.pause = conn->rests.failed;
}

void conn_rest_learn(struct conn *conn, const struct net_message *message, bool spliced)
{
    const uint8_t *begins = message->rest->begins;

    if (spliced && (begins == NULL || message->rest->copied))
        refuse(conn);
    else if (spliced && conn->rests.pause == 0 && conn->rests.slow == 0)
        conn->rests.failed = 0;
    if (begins == NULL)
        return;
    if (conn->rests.pause > 0)
        conn->rests.pause--;
    else if (begins > message->data && begins - message->data <= HEAD_MAX)
        conn->rests.head = (size_t)(begins - message->data);
}

void conn_rest_settle(struct conn *conn)
{
    if (conn->source.dead)
        net_rest_drop(&conn->rests.now);
    else if (!net_rest_fill(&conn->rests.now))
        conn_close(conn);
}

/* A message behind one whose length is no multiple of 4 is moved as it comes (record.h): not one
 * for this. */
bool conn_expects_rest(const struct conn *conn)
{
    const struct record *record = &conn->record;

    return conn->rests.head > 0 && record->fragments == 1 && record->last &&
           conn->pos == conn->end && record->offset + record->len == conn->pos &&
           record->len == conn->rests.head && record->left >= REST_MIN;
}

/* From when on the socket counts as readable: that many bytes, or the end, or when there is hardly
 * room for more. There should be room: the kernel makes some for what is to be waited for. */
static bool wait_for(struct conn *conn, size_t bytes)
{
    int low = (int)bytes * 2;

    if (bytes > conn->rests.room &&
        setsockopt(conn->source.fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) == 0)
        conn->rests.room = (uint32_t)bytes;
    low = (int)bytes;
    if (setsockopt(conn->source.fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) != 0)
        return false;
    conn->rests.waits = bytes > 1;
    return true;
}

static bool has_all(const struct conn *conn, uint8_t *at, size_t len)
{
    const size_t peeked = len < NET_REST_PEEKED ? len : NET_REST_PEEKED;
    int waiting = 0;

    return ioctl(conn->source.fd, FIONREAD, &waiting) == 0 && waiting > 0 &&
           (size_t)waiting >= len &&
           recv(conn->source.fd, at, peeked, MSG_PEEK | MSG_DONTWAIT) == (ssize_t)peeked;
}

enum rest_outcome conn_receive_rest(struct conn *conn)
{
    const size_t left = conn->record.left;
    uint8_t *at = conn->in->data + conn->end;
    bool all = has_all(conn, at, left);

    if (!all && !conn->rests.waits && wait_for(conn, left)) {
        conn->rests.since = net_now_nsec();
        return REST_LATER;
    }
    if (conn->rests.waits && net_now_nsec() - conn->rests.since > REST_WAIT_NSEC)
        conn->rests.slow++;
    else
        conn->rests.slow = 0;
    if (conn->rests.waits)
        wait_for(conn, 1);
    if (!all || conn->rests.slow == REST_WAITS_MAX) {
        refuse(conn);
        conn->rests.slow = 0;
    }
    if (!all)
        return REST_REFUSED;
    size_t taken = net_rest_take(&conn->rests.now, conn->source.fd, at, left);
    conn->end += taken;
    if (taken == left && conn->rests.now.len >= conn->rests.now.behind)
        return REST_TAKEN;
    refuse(conn);
    if (!net_rest_fill(&conn->rests.now))
        conn_close(conn);
    return taken > 0 ? REST_TAKEN : REST_REFUSED;
}
