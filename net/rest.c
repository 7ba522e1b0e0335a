/*
 * rest.c - see rest.h. Called by conn_rest.c and workers.c; by rpc/ and nfsd/ for a message.
 */
#include "net/rest.h"
#include "net/pipe.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int net_rest_pipe(const struct net_rest *rest)
{
    struct net_pipe pipe;

    return rest->len > 0 && net_pipe_get(&pipe) == 0 ? pipe.from : -1;
}

bool net_rest_fill(struct net_rest *rest)
{
    if (rest == NULL || rest->len == 0)
        return true;
    int pipe = net_rest_pipe(rest);
    size_t done = 0;

    while (done < rest->len) {
        ssize_t n = read(pipe, rest->at + done, rest->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            net_rest_drop(rest);
            rest->lost = true;
            return false;
        }
        done += (size_t)n;
    }
    rest->len = rest->behind = 0;
    rest->copied = true;
    return true;
}

size_t net_rest_take(struct net_rest *rest, int socket, uint8_t *at, size_t len)
{
    struct net_pipe pipe;

    *rest = (struct net_rest){.at = at};
    if (net_pipe_get(&pipe) != 0)
        return 0;
    while (rest->len < len) {
        ssize_t n = splice(socket, NULL, pipe.to, NULL, len - rest->len, SPLICE_F_NONBLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* the pipe is full */
        rest->len += (size_t)n;
    }
    while (rest->len > 0 && rest->len + rest->behind < len) {
        const size_t done = rest->len + rest->behind;
        ssize_t n = recv(socket, at + done, len - done, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        rest->behind += (size_t)n;
    }
    return rest->len + rest->behind;
}

void net_rest_drop(struct net_rest *rest)
{
    uint8_t padding[4];

    if (rest->len > 0 && (rest->len > sizeof(padding) ||
                          read(net_rest_pipe(rest), padding, rest->len) != (ssize_t)rest->len))
        net_pipe_drop();
    rest->len = rest->behind = 0;
}
