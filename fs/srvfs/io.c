/*
 * io.c - READ, WRITE and COMMIT of posted descriptors: of a file at the offset, of a stream's two
 * sides (log.c, stream.c). A WRITE to a placeholder names the descriptor to post.
 */
#include "base/cred.h"
#include "base/file_end.h"
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <unistd.h>

static int read_at(const struct srv_entry *entry, uint64_t offset, char *buf, size_t want,
                   size_t *done)
{
    while (*done < want) {
        ssize_t n = pread(entry->fd, buf + *done, want - *done, (off_t)(offset + *done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && *done == 0)
            return errno;
        if (n <= 0)
            break;
        *done += (size_t)n;
    }
    return 0;
}

static int write_at(const struct srv_entry *entry, uint64_t offset, const char *buf, size_t want,
                    size_t *done)
{
    while (*done < want) {
        ssize_t n = pwrite(entry->fd, buf + *done, want - *done, (off_t)(offset + *done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && *done == 0)
            return errno;
        if (n <= 0)
            break;
        *done += (size_t)n;
    }
    return 0;
}

static int stream_read(struct srvfs *srv, struct srv_entry *entry, uint64_t offset, void *buf,
                       size_t *len, bool *eof)
{
    pthread_mutex_lock(&entry->lock);
    int err = srv_log_read(srv, entry, offset, buf, len, eof);
    clock_gettime(CLOCK_REALTIME, &entry->atime);
    pthread_mutex_unlock(&entry->lock);
    return err;
}

static void count(struct srv_entry *entry, size_t in, size_t out)
{
    pthread_mutex_lock(&entry->lock);
    entry->bytes_in += in;
    entry->bytes_out += out;
    pthread_mutex_unlock(&entry->lock);
}

int srv_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
             bool *eof, struct vattr *attr)
{
    struct srv_entry *entry = srv_entry_of(vn);
    enum srv_way way = srv_kind_row(entry->kind)->read;
    size_t want = *len;

    *len = 0;
    srv_entry_use(entry);
    if (srv_is_twin(vn)) {
        int err = srv_twin_read(ctx, entry, eof);
        return err != 0 ? err : srv_getattr(ctx, vn, attr);
    }
    int err = srv_entry_may(ctx->cred, entry, VACCESS_READ);
    if (err == 0)
        err = cred_assume(ctx->cred);
    if (err != 0)
        return err;
    if (entry->kind == SRV_EMPTY) {
        *eof = true;
        return 0;
    }
    if (!entry->may_read)
        return EACCES;
    if (way == SRV_STREAM) {
        *len = want;
        err = stream_read(srvfs_of(vn->fs), entry, offset, buf, len, eof);
    } else if (way == SRV_AT_OFFSET) {
        err = read_at(entry, offset, buf, want, len);
        count(entry, *len, 0);
    } else {
        err = EINVAL;
    }
    if (err == 0)
        err = srv_getattr(ctx, vn, attr);
    if (err == 0 && way == SRV_AT_OFFSET)
        *eof = offset + *len >= attr->size ||
               (*len < want && file_ends_at(entry->io_fd, offset + *len));
    return err;
}

/* Notes by which name a stream is written. An offset by the stream's name and one by its twin's
 * mean different things, so a change of name ends the message. */
static void writer_is(struct srv_entry *entry, bool twin)
{
    if (entry->by_twin != twin)
        srv_stream_break(entry);
    entry->by_twin = twin;
}

static int write_posted(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                        size_t want, size_t *len)
{
    struct srv_entry *entry = srv_entry_of(vn);
    enum srv_way way = srv_kind_row(entry->kind)->write;
    int err;

    if (!entry->may_write)
        return EACCES;
    /* Writes as the caller, not as root: a write clears set-user-id bits. */
    err = cred_assume(ctx->cred);
    if (err != 0)
        return err;
    err = EINVAL;
    if (way == SRV_STREAM) {
        pthread_mutex_lock(&entry->lock);
        *len = want;
        writer_is(entry, srv_is_twin(vn));
        err = srv_stream_write(entry, ctx->cred, offset, buf, len);
        pthread_mutex_unlock(&entry->lock);
    } else if (way == SRV_AT_OFFSET) {
        err = write_at(entry, offset, buf, want, len);
        count(entry, 0, *len);
    }
    return err;
}

/* Flushes by the descriptor that was written by, since the kernel reports write errors for each
 * opening. */
static int flush(struct vnode *vn, struct srv_entry *entry, unsigned how)
{
    vfs_will_sleep();
    return flush_file(&entry->flush, entry->io_fd, entry->flush_how | how,
                      &srvfs_of(vn->fs)->verifier);
}

uint64_t srv_verifier(struct vnode *vn)
{
    return srvfs_of(vn->fs)->verifier;
}

int srv_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
              size_t *len, enum vstable *stable, struct vchange *change)
{
    struct srv_entry *entry = srv_entry_of(vn);
    size_t want = *len;

    (void)change;
    *len = 0;
    srv_entry_use(entry);
    int err = srv_entry_may(ctx->cred, entry, VACCESS_MODIFY);
    if (err != 0 || want == 0)
        return err;
    if (entry->kind == SRV_EMPTY) {
        err = offset == 0 ? srv_post_text(ctx, entry, buf, want) : EINVAL;
        *len = err == 0 ? want : 0;
        *stable = VSTABLE_FILE;
        return err;
    }
    const uint32_t failures = flush_failures(&entry->flush);
    if (*stable == VSTABLE_UNSTABLE && !ctx->async)
        flush_write_begins(&entry->flush);
    err = write_posted(ctx, vn, offset, buf, want, len);
    if (err != 0)
        return err;
    if (srv_kind_row(entry->kind)->read != SRV_AT_OFFSET) {
        *stable = VSTABLE_FILE; /* a stream has nothing that could be lost: see stream.c */
    } else if (!ctx->async && (*stable != VSTABLE_UNSTABLE || entry->kind == SRV_APPEND)) {
        err = flush(vn, entry, FLUSH_DATA_ONLY);
        if (err == 0 && flush_failures(&entry->flush) != failures)
            err = EIO;
        if (err != 0)
            return err;
        *stable = VSTABLE_FILE;
    } else if (entry->kind == SRV_APPEND) {
        *stable = VSTABLE_FILE;
    }
    return 0;
}

int srv_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count_bytes,
               struct vchange *change)
{
    struct srv_entry *entry = srv_entry_of(vn);

    (void)offset, (void)count_bytes, (void)change;
    int err = srv_entry_may(ctx->cred, entry, VACCESS_MODIFY);
    if (err == 0)
        err = cred_assume(ctx->cred);
    if (err != 0)
        return err;
    if (ctx->async || srv_kind_row(entry->kind)->read != SRV_AT_OFFSET)
        return 0;
    return flush(vn, entry, 0);
}
