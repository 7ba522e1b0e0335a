/*
 * workdir.c - a working directory of the thread's own; see workdir.h.
 *
 * All threads of a process have one working directory, unless they ask for their own; a thread that
 * one of these makes shares with it, until it asks itself. What the process had at first is kept as
 * a descriptor for as long as it lives: a server does not change it while it serves.
 */
#include "base/workdir.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int home = -1;       /* set once */
static _Atomic int refused; /* an errno: no thread may have its own here */
static _Thread_local bool is_own;

static void home_open(void)
{
    home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (home < 0)
        atomic_store(&refused, errno);
}

void workdir_init(void)
{
    pthread_once(&once, home_open);
}

int workdir_enter(int fd)
{
    int error = home < 0 ? ENOENT : atomic_load_explicit(&refused, memory_order_relaxed);

    if (error)
        return error;
    if (!is_own && unshare(CLONE_FS) != 0) {
        error = errno;
        atomic_store(&refused, error);
        return error;
    }
    is_own = true;
    return fchdir(fd) == 0 ? 0 : errno;
}

bool workdir_leave(void)
{
    return !is_own || fchdir(home) == 0;
}
