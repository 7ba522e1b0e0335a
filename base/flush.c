/*
 * flush.c - flushes of files: see flush.h.
 *
 * A flush that is asked for while another one of that file is under way can't share it, since the
 * running one may already have passed the new data. The new one waits, and one flush answers all
 * that wait. Flushes under way or waited for are on lists, chosen by the address of the file's
 * state. Each list has a lock, held for a few instructions only.
 */
#include "base/flush.h"
#include "base/hash.h"
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LISTS 64

/* A caller that waits for another caller's flush; on the waiting thread's stack. */
struct waiter {
    struct waiter *next;
    bool done;
    int error;
};

/* One flush, on the stack of the thread that makes it. */
struct flush {
    struct flush *next;
    const struct flush_state *state;
    unsigned how;
    bool begun;
    struct waiter *waiters;
};

static struct flushes {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct flush *first; /* guarded by lock, and so is each struct flush and waiter on the list */
} lists[LISTS] = {[0 ... LISTS - 1] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL}};

uint64_t flush_verifier_fresh(uint64_t other)
{
    uint64_t fresh;

    do
        randombytes_buf(&fresh, sizeof(fresh));
    while (fresh == other || fresh == 0);
    return fresh;
}

void flush_verifier_renew(_Atomic uint64_t *verifier)
{
    *verifier = flush_verifier_fresh(*verifier);
}

unsigned flush_how_of(int fd)
{
    struct stat st;
    struct statvfs fs;

    if (fstat(fd, &st) != 0)
        return 0;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return FLUSH_NOTHING;
    if (fstatvfs(fd, &fs) != 0)
        return 0;
    return fs.f_blocks == 0 || fs.f_flag & ST_RDONLY ? FLUSH_NOTHING : 0;
}

/* Returns the error that close() would report, without closing fd: a copy of the descriptor is
 * closed. */
static int flush_as_closed(int fd)
{
    int copy = dup(fd);

    if (copy < 0)
        return errno;
    return close(copy) == 0 || errno == EINTR ? 0 : errno;
}

int flush_fd(int fd, unsigned how)
{
    int told = how & FLUSH_AT_CLOSE ? flush_as_closed(fd) : 0;
    int err = (how & FLUSH_DATA_ONLY ? fdatasync(fd) : fsync(fd)) == 0 ? 0 : errno;

    if (err == EINVAL && how & FLUSH_NOTHING)
        err = 0;
    return told != 0 ? told : err;
}

/* Finds this file's flush that has begun (begun) or that still waits (!begun); NULL: there is none.
 * Lock held. */
static struct flush *flush_find(const struct flushes *list, const struct flush_state *state,
                                bool begun)
{
    struct flush *flush = list->first;

    while (flush != NULL && (flush->state != state || flush->begun != begun))
        flush = flush->next;
    return flush;
}

/* Waits for the end of a flush that has not begun, and returns its result. Lock held. */
static int flush_join(struct flushes *list, struct flush *flush, unsigned how)
{
    struct waiter me = {.next = flush->waiters};

    if (!(how & FLUSH_DATA_ONLY))
        flush->how &= ~(unsigned)FLUSH_DATA_ONLY;
    flush->waiters = &me;
    while (!me.done)
        pthread_cond_wait(&list->changed, &list->lock);
    return me.error;
}

/* Puts a flush on the list and waits until no other flush of that file is under way. Lock held. */
static void flush_enter(struct flushes *list, struct flush *flush)
{
    flush->next = list->first;
    list->first = flush;
    while (flush_find(list, flush->state, true) != NULL)
        pthread_cond_wait(&list->changed, &list->lock);
    flush->begun = true;
}

/* Takes a flush off the list and gives its result to the callers that wait for it. Lock held. */
static void flush_leave(struct flushes *list, struct flush *flush, int err)
{
    struct flush **at = &list->first;

    while (*at != flush)
        at = &(*at)->next;
    *at = flush->next;
    for (struct waiter *waiter = flush->waiters; waiter != NULL;) {
        struct waiter *next = waiter->next; /* a waiter's stack may be gone once `done` is set */
        waiter->error = err;
        waiter->done = true;
        waiter = next;
    }
    pthread_cond_broadcast(&list->changed);
}

int flush_file(struct flush_state *state, int fd, unsigned how, _Atomic uint64_t *verifier)
{
    struct flushes *list = &lists[hash_mix((uintptr_t)state) % LISTS];
    struct flush mine = {.state = state, .how = how};

    pthread_mutex_lock(&list->lock);
    struct flush *waits = flush_find(list, state, false);
    if (waits != NULL) {
        int err = flush_join(list, waits, how);
        pthread_mutex_unlock(&list->lock);
        return err;
    }
    flush_enter(list, &mine);
    how = mine.how;
    pthread_mutex_unlock(&list->lock);

    uint32_t covered = state->written;
    int err = flush_fd(fd, how);
    if (err != 0) {
        /* Writes that began during the flush count as lost, too: their pages may be among those
         * that failed. */
        state->failures++;
        covered = state->written;
        if (covered != state->flushed)
            flush_verifier_renew(verifier);
    }
    state->flushed = covered;

    pthread_mutex_lock(&list->lock);
    flush_leave(list, &mine, err);
    pthread_mutex_unlock(&list->lock);
    return err;
}
