/*
 * pipe.c - see pipe.h. Called by tail.c and rest.c.
 */
#include "net/pipe.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

/* A pipe holds pieces of pages, not bytes: a megabyte that came in packets, or from a client's
 * pages as they lay, is in more pieces than it has pages. Ordinary users may have the second size.
 */
static const int sizes[] = {4 * 1024 * 1024, 1024 * 1024};

static _Thread_local struct net_pipe own; /* room 0: there is none */

static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pipe_close(void *pipe)
{
    struct net_pipe *it = pipe;

    close(it->from);
    close(it->to);
    it->room = 0;
}

static void once_init(void)
{
    pthread_key_create(&at_end, pipe_close);
}

int net_pipe_get(struct net_pipe *out)
{
    int fds[2];

    if (own.room == 0) {
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
            return errno;
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            if (fcntl(fds[1], F_SETPIPE_SZ, sizes[i]) >= 0)
                break;
        int size = fcntl(fds[1], F_GETPIPE_SZ);
        own = (struct net_pipe){.from = fds[0], .to = fds[1], .room = size > 0 ? (size_t)size : 1};
        pthread_once(&once, once_init);
        pthread_setspecific(at_end, &own);
    }
    *out = own;
    return 0;
}

void net_pipe_drop(void)
{
    if (own.room == 0)
        return;
    pthread_setspecific(at_end, NULL);
    pipe_close(&own);
}
