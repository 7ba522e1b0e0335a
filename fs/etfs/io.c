/*
 * io.c - data of keys: reads and writes of the host's file, never outside the window.
 *
 * The descriptor is the server's, but each call acts as the caller (etfs_may() assumes the caller's
 * identity), so that the kernel drops set-id bits and counts quotas as for the caller.
 */
#include "base/file_end.h"
#include "fs/etfs/etfs.h"
#include <errno.h>
#include <unistd.h>

/* Cuts [offset, offset + *len) to the window; *at becomes its beginning in the host's file. */
static void window_clip(const struct etfs_entry *entry, uint64_t offset, size_t *len, off_t *at)
{
    uint64_t limit = entry->windowed ? entry->size : INT64_MAX;

    if (offset >= limit)
        *len = 0;
    else if (*len > limit - offset)
        *len = (size_t)(limit - offset);
    *at = (off_t)(entry->offset + (*len > 0 ? offset : 0));
}

int etfs_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
              bool *eof, struct vattr *attr)
{
    const struct etfs_entry *entry = etfs_entry_of(vn);
    size_t want = *len, done = 0;
    off_t at;

    *len = 0;
    int err = etfs_may(ctx, vn, 4);
    if (err == EACCES)
        err = etfs_may(ctx, vn, 1); /* a right to execute is enough: the client pages it in */
    if (err != 0)
        return err;
    window_clip(entry, offset, &want, &at);
    while (done < want) {
        ssize_t n = pread(entry->fd, (char *)buf + done, want - done, at + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && done == 0)
            return errno;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    err = etfs_getattr(ctx, vn, attr);
    if (err != 0)
        return err;
    *len = done;
    /* The host's file may be shorter than the window, if it was cut after the key was added. */
    *eof = offset + done >= attr->size ||
           (done < want && file_ends_at(entry->fd, (uint64_t)at + done));
    return 0;
}

int etfs_flush(struct vnode *vn, unsigned how)
{
    struct etfs_entry *entry = etfs_entry_of(vn);

    vfs_will_sleep();
    return flush_file(&entry->flush, entry->fd, entry->flush_how | how, &etfs_of(vn->fs)->verifier);
}

uint64_t etfs_verifier(struct vnode *vn)
{
    return etfs_of(vn->fs)->verifier;
}

int etfs_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
               size_t *len, enum vstable *stable, struct vchange *change)
{
    struct etfs_entry *entry = etfs_entry_of(vn);
    size_t want = *len, done = 0;
    off_t at;

    (void)change;
    *len = 0;
    int err = etfs_may(ctx, vn, 2);
    if (err != 0)
        return err;
    if (entry->windowed && want > 0 && offset >= entry->size)
        return ENOSPC; /* like a full disk: a window does not grow */
    window_clip(entry, offset, &want, &at);
    const uint32_t failures = flush_failures(&entry->flush);
    if (*stable == VSTABLE_UNSTABLE && !ctx->async)
        flush_write_begins(&entry->flush);
    while (done < want) {
        ssize_t n = pwrite(entry->fd, (const char *)buf + done, want - done, at + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && done == 0)
            return errno;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (*stable != VSTABLE_UNSTABLE && !ctx->async) {
        err = etfs_flush(vn, FLUSH_DATA_ONLY);
        if (err == 0 && flush_failures(&entry->flush) != failures)
            err = EIO;
        if (err != 0)
            return err;
        *stable = VSTABLE_FILE;
    }
    *len = done;
    return 0;
}

int etfs_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
                struct vchange *change)
{
    (void)offset, (void)count, (void)change;
    int err = etfs_may(ctx, vn, 2);
    return err != 0 || ctx->async ? err : etfs_flush(vn, 0);
}
