/*
 * payload.c - see payload.h. The pipe is used by vfs/vop_data.c, net/payload_in.c and
 * net/payload_out.c; payload_to_memory() and payload_drop() also by workers.c and rpc/dispatch.c.
 */
#include "base/payload.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

/* A pipe has room for pieces of pages, not for bytes: a megabyte that came in packets, or from a
 * client's pages as they lay, is in more pieces than it has pages. Ordinary users may have the
 * second size. */
static const int sizes[] = {4 * 1024 * 1024, 1024 * 1024};

static _Thread_local struct payload_pipe own; /* room 0: there is none */

static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pipe_close(void *pipe)
{
    struct payload_pipe *it = pipe;

    close(it->from);
    close(it->to);
    it->room = 0;
}

static void once_init(void)
{
    pthread_key_create(&at_end, pipe_close);
}

int payload_pipe(struct payload_pipe *out)
{
    int fds[2];

    if (own.room == 0) {
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
            return errno;
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            if (fcntl(fds[1], F_SETPIPE_SZ, sizes[i]) >= 0)
                break;
        int size = fcntl(fds[1], F_GETPIPE_SZ);
        own = (struct payload_pipe){
            .from = fds[0], .to = fds[1], .room = size > 0 ? (size_t)size : 1};
        pthread_once(&once, once_init);
        pthread_setspecific(at_end, &own);
    }
    *out = own;
    return 0;
}

void payload_pipe_empty(void)
{
    if (own.room == 0)
        return;
    pthread_setspecific(at_end, NULL);
    pipe_close(&own);
}

bool payload_to_memory(struct payload *payload)
{
    struct payload_pipe pipe = {.from = -1};
    size_t done = 0;

    if (payload->piped == 0)
        return true;
    payload->copied = true;
    payload->lost = payload_pipe(&pipe) != 0;
    while (!payload->lost && done < payload->piped) {
        ssize_t n = read(pipe.from, payload->data + done, payload->piped - done);
        if (n > 0)
            done += (size_t)n;
        else
            payload->lost = n == 0 || errno != EINTR; /* a page that has become unreadable */
    }
    if (payload->lost)
        payload_drop(payload);
    payload->piped = 0;
    return !payload->lost;
}

void payload_drop(struct payload *payload)
{
    struct payload_pipe pipe = {.from = -1};
    uint8_t padding[4];
    const size_t left = payload->piped;

    if (left == 0)
        return;
    /* The padding of a payload that was taken is read away: a new pipe would cost more. */
    if (left > sizeof(padding) || payload_pipe(&pipe) != 0 ||
        read(pipe.from, padding, left) != (ssize_t)left)
        payload_pipe_empty();
    payload->len = payload->piped = 0;
}
