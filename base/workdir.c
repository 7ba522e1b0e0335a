/*
 * workdir.c - a working directory of the thread's own; see workdir.h.
 *
 * All threads of a process have one working directory, unless they ask for their own; a thread that
 * one of these makes shares with it, until it asks itself. What a thread had before is kept as a
 * descriptor for as long as the process lives: one for all of them, since a server does not change
 * it while it serves.
 */
#include "base/workdir.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int home = -1; /* set once */
static _Thread_local bool is_own;

static void home_open(void)
{
    home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int workdir_enter(int fd)
{
    pthread_once(&once, home_open);
    if (home < 0)
        return ENOENT;
    if (!is_own && unshare(CLONE_FS) != 0)
        return errno;
    is_own = true;
    return fchdir(fd) == 0 ? 0 : errno;
}

void workdir_leave(void)
{
    /* The thread's identity may lack the right to search it. */
    if (fchdir(home) != 0 && chdir("/") != 0)
        return; /* stays, and keeps a file system busy, until it enters another */
}
