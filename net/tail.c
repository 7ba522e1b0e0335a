/*
 * tail.c - see tail.h. Called by conn_send.c and workers.c; the pipe by who fills it.
 */
#include "net/tail.h"
#include "net/pipe.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int net_tail_pipe(int *fd, size_t *room)
{
    struct net_pipe pipe;
    int error = net_pipe_get(&pipe);

    if (error)
        return error;
    *fd = pipe.to;
    *room = pipe.room;
    return 0;
}

void net_tail_drop(struct net_tail *tail)
{
    net_pipe_drop();
    tail->len = 0;
}

size_t net_tail_send(struct net_tail *tail, int socket, const uint8_t *head, size_t len)
{
    ssize_t n = send(socket, head, len, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
    struct net_pipe pipe;

    if (n < (ssize_t)len)
        return n > 0 ? (size_t)n : 0;
    if (net_pipe_get(&pipe) != 0)
        return len;
    while (tail->sent < tail->len) {
        unsigned more = net_tail_pad(tail->len) != 0 ? SPLICE_F_MORE : 0;
        n = splice(pipe.from, NULL, socket, NULL, tail->len - tail->sent, SPLICE_F_NONBLOCK | more);
        if (n <= 0)
            break;
        tail->sent += (size_t)n;
    }
    return len;
}

bool net_tail_take(struct net_tail *tail, uint8_t *to, size_t *len)
{
    if (tail == NULL || tail->len == 0)
        return true;
    const size_t left = tail->len - tail->sent, pad = net_tail_pad(tail->len);
    struct net_pipe pipe;
    size_t done = 0;

    if (net_pipe_get(&pipe) != 0)
        return false;
    while (done < left) {
        ssize_t n = read(pipe.from, to + done, left - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) { /* a page that has become unreadable; the others are not for the next one */
            net_tail_drop(tail);
            return false;
        }
        done += (size_t)n;
    }
    memset(to + done, 0, pad);
    *len += left + pad;
    tail->len = 0;
    return true;
}
