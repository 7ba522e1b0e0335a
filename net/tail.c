/*
 * tail.c - see tail.h. Called by conn_send.c and handover.c; the pipe by who fills it.
 *
 * A thread's pipe is made when it is first needed, and closed when the thread ends.
 */
#include "net/tail.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What ordinary users may have. */
#define PIPE_SIZE (1024 * 1024)

static _Thread_local struct pipe {
    int from, to;
    size_t room; /* 0: there is none */
} own;

static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pipe_close(void *pipe)
{
    struct pipe *it = pipe;

    close(it->from);
    close(it->to);
    it->room = 0;
}

static void once_init(void)
{
    pthread_key_create(&at_end, pipe_close);
}

int net_tail_pipe(int *fd, size_t *room)
{
    int fds[2];

    if (own.room == 0) {
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
            return errno;
        fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
        int size = fcntl(fds[1], F_GETPIPE_SZ);
        own = (struct pipe){.from = fds[0], .to = fds[1], .room = size > 0 ? (size_t)size : 1};
        pthread_once(&once, once_init);
        pthread_setspecific(at_end, &own);
    }
    *fd = own.to;
    *room = own.room;
    return 0;
}

void net_tail_drop(struct net_tail *tail)
{
    if (own.room > 0) {
        pthread_setspecific(at_end, NULL);
        pipe_close(&own);
    }
    tail->len = 0;
}

size_t net_tail_send(struct net_tail *tail, int socket, const uint8_t *head, size_t len)
{
    ssize_t n = send(socket, head, len, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);

    if (n < (ssize_t)len)
        return n > 0 ? (size_t)n : 0;
    while (tail->sent < tail->len) {
        unsigned more = net_tail_pad(tail->len) != 0 ? SPLICE_F_MORE : 0;
        n = splice(own.from, NULL, socket, NULL, tail->len - tail->sent, SPLICE_F_NONBLOCK | more);
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
    size_t done = 0;

    while (done < left) {
        ssize_t n = read(own.from, to + done, left - done);
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
