/*
 * log.c - the read side of a posted stream: a log of the bytes that were received.
 *
 * Byte 0 is the first one that came after the descriptor was posted. An offset always means one
 * byte of the stream, so a READ that is repeated, or that another client sends, gets an equal
 * answer. The last window= bytes are kept; a read before them fails with EIO.
 *
 * Bytes are taken out of the descriptor only when a READ reaches them. Until then they wait in the
 * kernel's buffer, and when that is full, the sender waits. So no unread byte is lost, no thread
 * copies bytes ahead, and a process that takes the descriptor finds the bytes that no client has
 * read yet. The size that clients see includes the waiting bytes (at most a window of them), so it
 * grows as bytes come. A read at the end returns no bytes and eof, at once or after wait= ms: a
 * reader polls.
 *
 * Called by io.c and attr.c with the entry's lock held.
 */
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* Seconds that a read waits for another read that is receiving. */
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

/* Receives without the lock, by a call that may wait. Goes through a buffer, so that the log does
 * not change meanwhile. */
static ssize_t receive_unlocked(struct srv_entry *entry, char *to, size_t len)
{
    char bytes[4096];

    pthread_mutex_unlock(&entry->lock);
    ssize_t n = srv_receive(entry, bytes, smaller(len, sizeof(bytes)));
    int err = errno;
    pthread_mutex_lock(&entry->lock);
    if (n > 0)
        memcpy(to, bytes, (size_t)n);
    errno = err;
    return n;
}

/* Waits until no other thread receives from a descriptor that may block. Does not wait while the
 * descriptor has no bytes. */
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

/* Receives until the log ends at `target`, or no more bytes are there. */
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
    /* A client may read ahead in any order: bytes that it skips must stay in the window. */
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
    /* A read without bytes always has eof, even if bytes have come meanwhile: some clients take no
     * bytes without eof for an error. */
    *eof = *len == 0 || offset + *len >= srv_log_size(srv, entry);
    return 0;
}

void srv_log_finish(struct srv_entry *entry)
{
    free(entry->log.ring);
}
