/*
 * stream.c - the write side of a posted stream: bytes go out in order, each once.
 *
 * A WRITE's bytes always go to the end of the stream. Its offset says whether they continue the
 * bytes before. This follows what kernels of clients do with offsets. A client that opens the file
 * for each message writes at 0 (`>`) or at the size (`>>`). A client that keeps the file open goes
 * on at its last offset. A client that wrote into a page that it has cached sends the page again
 * from its beginning, with the bytes that it wrote before. Large writes come in pieces, several at
 * once.
 *
 * So a write at `next`, where the last write ended, continues. A write beyond `next` has come
 * before its predecessor: it waits a moment for that, and then begins a new message. A write before
 * `next` is the page again if it begins at a page's boundary, reaches beyond `next`, and begins
 * with just the bytes that were written there (or with zeros, which a page has where its client
 * never filled it): then only the new bytes go out. Any other write before `next` is a message of
 * its own. Two equal messages are two messages: a retransmission is known by its RPC id and its
 * connection, and never comes here (reply cache). A SETATTR (`>` sends one) or CREATE ends the
 * message: the next write continues none.
 *
 * Writes are always FILE_SYNC, so that no client keeps bytes to send them once more. When the other
 * end takes no more bytes, a write waits some seconds. If a part went out, the write is cut short,
 * and its rest, which the client sends next, is waited for before bytes of other writes go out. If
 * nothing went out, the client must try again (JUKEBOX).
 *
 * Called by io.c with the entry's lock held. The lock is released while sending; `busy` keeps other
 * writes out meanwhile.
 */
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that are remembered of those written: more than a client's page. */
#define TAIL (64u * 1024)
#define PAGE 4096u
/* Milliseconds that a write waits for the other end to take bytes, or for other writes. */
#define PATIENCE_MS 3000
/* Milliseconds that it waits for the piece before it, when nothing says that there is one. */
#define GAP_MS 500
/* Milliseconds within which a client sends the rest of a write that was cut short. */
#define OWED_MS 8000

static struct timespec now_plus(int ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static bool is_past(const struct timespec *t)
{
    struct timespec now = now_plus(0);

    return now.tv_sec > t->tv_sec || (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec);
}

int srv_stream_init(struct srv_entry *entry)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int err = pthread_cond_init(&entry->stream.changed, &attr);
    pthread_condattr_destroy(&attr);
    return err;
}

void srv_stream_finish(struct srv_entry *entry)
{
    free(entry->stream.tail);
    pthread_cond_destroy(&entry->stream.changed);
}

void srv_stream_break(struct srv_entry *entry)
{
    entry->stream.begun = false;
    entry->stream.tail_len = 0;
}

/* --- what was written --- */

/* Notes bytes that went out at `next`. Without memory for them, a page that is sent again is not
 * recognised. */
static void remember(struct srv_stream *stream, const char *buf, size_t len)
{
    if (stream->tail == NULL)
        stream->tail = malloc(TAIL);
    for (size_t i = len > TAIL ? len - TAIL : 0; stream->tail != NULL && i < len; i++)
        stream->tail[(stream->next + i) % TAIL] = buf[i];
    if (stream->tail != NULL)
        stream->tail_len = len > TAIL - stream->tail_len ? TAIL : stream->tail_len + len;
    stream->next += len;
    stream->begun = true;
}

static void begin_at(struct srv_stream *stream, uint64_t offset)
{
    stream->next = offset;
    stream->tail_len = 0;
    stream->begun = true;
}

void srv_stream_began(struct srv_entry *entry, uint64_t offset, const void *buf, size_t len)
{
    begin_at(&entry->stream, offset);
    remember(&entry->stream, buf, len);
}

/* Whether `buf`, written at `offset`, begins with the bytes that were written from there to
 * `next`. */
static bool is_page_again(const struct srv_stream *stream, uint64_t offset, const char *buf,
                          size_t len)
{
    uint64_t old = stream->next - offset;
    bool same = true, zero = true;

    if (offset % PAGE != 0 || old >= len || old > stream->tail_len)
        return false;
    for (uint64_t i = 0; i < old && (same || zero); i++) {
        same = same && stream->tail[(offset + i) % TAIL] == buf[i];
        zero = zero && buf[i] == '\0';
    }
    return same || zero;
}

/* --- waiting for a turn --- */

/* Waits for a change. False: the time is over. */
static bool wait_until(struct srv_entry *entry, const struct timespec *until)
{
    vfs_will_sleep();
    return pthread_cond_timedwait(&entry->stream.changed, &entry->lock, until) == 0;
}

/*
 * Waits until a write at `offset` may go out. *skip: the number of its bytes that went out before.
 * VFS_EJUKEBOX: other writes are not done yet.
 */
static int take_turn(struct srv_entry *entry, uint64_t offset, const char *buf, size_t len,
                     size_t *skip)
{
    struct srv_stream *stream = &entry->stream;
    struct timespec patience = now_plus(PATIENCE_MS), gap = now_plus(GAP_MS);

    *skip = 0;
    for (;;) {
        if (stream->busy) {
            if (!wait_until(entry, &patience))
                return VFS_EJUKEBOX;
            continue;
        }
        if (stream->begun && offset == stream->next)
            return 0;
        if (!is_past(&stream->owed)) {
            if (!wait_until(entry, &patience))
                return VFS_EJUKEBOX;
            continue;
        }
        if (stream->begun && offset < stream->next && is_page_again(stream, offset, buf, len)) {
            *skip = (size_t)(stream->next - offset);
            return 0;
        }
        /* `>` begins at 0, `>>` at the size that the client was last told. */
        bool likely = offset == 0 || offset == entry->size_seen;
        if ((stream->begun && offset < stream->next) || likely || is_past(&gap))
            break;
        wait_until(entry, &gap);
    }
    begin_at(stream, offset);
    return 0;
}

/* Sends the bytes that the other end takes within PATIENCE_MS. Called without the lock. */
static int send_all(const struct srv_entry *entry, const struct cred *cred, const char *buf,
                    size_t len, size_t *sent)
{
    struct timespec until = now_plus(PATIENCE_MS);

    *sent = 0;
    while (*sent < len) {
        ssize_t n = srv_send(entry, cred, buf + *sent, len - *sent);
        if (n > 0) {
            *sent += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != ENOBUFS)
            return errno;
        if (is_past(&until))
            return VFS_EJUKEBOX;
        srv_wait(entry, POLLOUT, PATIENCE_MS / 10);
    }
    return 0;
}

int srv_stream_write(struct srv_entry *entry, const struct cred *cred, uint64_t offset,
                     const void *buf, size_t *len)
{
    struct srv_stream *stream = &entry->stream;
    const char *bytes = buf;
    size_t want = *len, skip, sent;

    *len = 0;
    if (want == 0)
        return 0;
    int err = take_turn(entry, offset, bytes, want, &skip);
    if (err != 0)
        return err;
    stream->busy = true;
    pthread_mutex_unlock(&entry->lock);
    err = send_all(entry, cred, bytes + skip, want - skip, &sent);
    pthread_mutex_lock(&entry->lock);
    stream->busy = false;
    remember(stream, bytes + skip, sent);
    entry->bytes_out += sent;
    /* A rest is waited for only if the client will send it; an error ends the write. */
    stream->owed = err == VFS_EJUKEBOX && sent > 0 ? now_plus(OWED_MS) : (struct timespec){0};
    pthread_cond_broadcast(&stream->changed);
    clock_gettime(CLOCK_REALTIME, &entry->mtime);
    *len = skip + sent;
    if (sent > 0 || err == 0)
        return 0;
    /* EIO would be taken for an error of a disk, and ETIMEDOUT for a reason to try again. */
    return err == ETIMEDOUT || err == EIO ? EPIPE : err;
}
