/*
 * log.c - the read side of a posted stream: a log of the bytes received.
 *
 * Byte 0 is the first one that came after the descriptor was posted; an offset means the same byte
 * for ever, so a READ that is repeated, or asked by another client, gets the same answer. The last
 * window= bytes are kept; a read before them fails with EIO.
 *
 * Bytes are taken out of the descriptor only when a READ reaches them; until then they wait in
 * the kernel's buffer, and where that is full the sender waits: nothing is lost that nobody
 * has read, no thread pumps, and who takes the descriptor finds what nobody has read yet. The size
 * that clients are told counts the waiting bytes too (at most a window of them), so it grows as
 * they come. A read at the end gives no bytes and eof, at once or after wait= ms: a reader polls.
 *
 * Called by io.c and attr.c with the entry's lock held.
 */
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* How long a read waits for another one that has begun to receive. */
#define PATIENCE_S 3

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t srv_log_size(struct srvfs *srv, struct srv_entry *entry)
{
    struct srv_log *log = &entry->log;
    uint64_t size = log->end;

    if (!log->over && log->error == 0)
        size += smaller(srv_queued(entry), srv->options.window);
    if (size != entry->size_seen) {
        entry->size_seen = size;
        clock_gettime(CLOCK_REALTIME, &entry->mtime);
    }
    return size;
}

static void wake(struct srv_entry *entry)
{
    entry->log.busy = false;
    pthread_cond_broadcast(&entry->stream.changed);
}

/* A call that may wait, without the lock: by way of a buffer, so that the log stays what it is. */
static ssize_t receive_unlocked(struct srv_entry *entry, char *to, size_t len)
{
    char bytes[4096];

    pthread_mutex_unlock(&entry->lock);
    ssize_t n = srv_receive(entry, bytes, smaller(len, sizeof(bytes)));
    int error = errno;
    pthread_mutex_lock(&entry->lock);
    if (n > 0)
        memcpy(to, bytes, (size_t)n);
    errno = error;
    return n;
}

/* Until nobody receives: one of many readers of a descriptor that blocks. While there is nothing
 * to be had it need not be waited for. */
static int wait_idle(struct srv_entry *entry)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    while (entry->log.busy && srv_ready(entry, POLLIN)) {
        vfs_will_sleep();
        if (pthread_cond_timedwait(&entry->stream.changed, &entry->lock, &until) == ETIMEDOUT)
            return VFS_EJUKEBOX;
    }
    return 0;
}

/* Receives until the log ends at `target`, or there is no more now. */
static void fill(struct srv_entry *entry, uint64_t window, uint64_t target)
{
    struct srv_log *log = &entry->log;

    while (log->end < target && !log->over && log->error == 0) {
        size_t at = (size_t)(log->end % window);
        size_t room = smaller(target - log->end, window - at);
        ssize_t n = entry->may_block ? receive_unlocked(entry, log->ring + at, room)
                                     : srv_receive(entry, log->ring + at, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            log->error = errno;
        if (n == 0)
            log->over = true;
        if (n <= 0)
            return;
        log->end += (uint64_t)n;
        entry->bytes_in += (uint64_t)n;
        if (log->end - log->base > window)
            log->base = log->end - window;
    }
}

static void copy_out(const struct srv_log *log, uint64_t window, uint64_t offset, char *buf,
                     size_t len)
{
    size_t at = (size_t)(offset % window);
    size_t first = smaller(len, window - at);

    memcpy(buf, log->ring + at, first);
    memcpy(buf + first, log->ring, len - first);
}

int srv_log_read(struct srvfs *srv, struct srv_entry *entry, uint64_t offset, void *buf,
                 size_t *len, bool *eof)
{
    struct srv_log *log = &entry->log;
    uint64_t window = srv->options.window;
    size_t want = *len;

    *len = 0;
    if (log->ring == NULL && (log->ring = malloc(window)) == NULL)
        return ENOMEM;
    if (want > 0 && offset == srv_log_size(srv, entry) && !log->over && log->error == 0 &&
        srv->options.wait > 0) {
        pthread_mutex_unlock(&entry->lock);
        srv_wait(entry, POLLIN, (int)srv->options.wait);
        pthread_mutex_lock(&entry->lock);
    }
    /* A client reads ahead in any order: what it skips must stay in the window. */
    if (offset + want > log->end && entry->may_block && wait_idle(entry) != 0)
        return VFS_EJUKEBOX;
    if (offset <= log->end + window && !log->busy) {
        log->busy = entry->may_block;
        fill(entry, window, smaller(offset + want, log->end + window));
        if (log->busy)
            wake(entry);
    }
    if (offset < log->base)
        return EIO;
    if (offset < log->end) {
        *len = smaller(want, log->end - offset);
        copy_out(log, window, offset, buf, *len);
    } else if (want > 0 && log->error != 0) {
        return EIO;
    }
    /* Nothing is eof, even if something has come since: no bytes without eof are an error to some.
     */
    *eof = *len == 0 || offset + *len >= srv_log_size(srv, entry);
    return 0;
}

void srv_log_finish(struct srv_entry *entry)
{
    free(entry->log.ring);
}
