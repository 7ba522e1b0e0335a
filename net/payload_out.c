/*
 * payload_out.c - see payload_out.h. Called by conn_send.c and workers.c.
 */
#include "net/payload_out.h"
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

size_t payload_out_send(struct payload *out, int socket, const uint8_t *head, size_t len)
{
    ssize_t n = send(socket, head, len, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
    const unsigned more = payload_pad(out->len) != 0 ? SPLICE_F_MORE : 0;
    struct payload_pipe pipe;

    if (n < (ssize_t)len)
        return n > 0 ? (size_t)n : 0;
    if (payload_pipe(&pipe) != 0)
        return len;
    while (out->piped > 0) {
        n = splice(pipe.from, NULL, socket, NULL, out->piped, SPLICE_F_NONBLOCK | more);
        if (n <= 0)
            break;
        out->piped -= (size_t)n;
    }
    return len;
}

bool payload_out_copy(struct payload *out, uint8_t *at, size_t *len)
{
    const size_t left = out->piped, pad = payload_pad(out->len);

    out->data = at;
    if (!payload_to_memory(out))
        return false;
    memset(at + left, 0, pad);
    *len += left + pad;
    return true;
}
