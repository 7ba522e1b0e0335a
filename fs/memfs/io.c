/*
 * io.c - data of regular files and targets of links. There is no storage behind the memory, so
 * every write is stable as soon as it is done, and there is no commit.
 */
#include "memfs.h"
#include <string.h>

#define PAGE 4096u

/* Reads into buf or, where that is NULL, into the pipe. */
static int read_into(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, int pipe,
                     size_t *len, bool *eof, struct vattr *attr)
{
    struct memfs_node *node = memfs_node(vn);

    memfs_lock_read(&node->lock);
    int err = memfs_may_data(ctx->cred, node, MEMFS_R);
    if (err == 0) {
        uint64_t size = node->file.size;
        uint64_t left = offset < size ? size - offset : 0;
        if (*len > left)
            *len = left;
        if (buf != NULL)
            memfs_data_read(node, offset, buf, *len);
        else
            err = memfs_data_splice(memfs_of(vn), node, offset, pipe, len);
        *eof = *len == left;
        memfs_touch_read(node);
        memfs_attr(vn->fs, node, attr);
    }
    memfs_unlock_read(&node->lock);
    return err;
}

int memfs_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
               bool *eof, struct vattr *attr)
{
    return read_into(ctx, vn, offset, buf, -1, len, eof, attr);
}

int memfs_splice(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe, size_t room,
                 size_t *len, bool *eof, struct vattr *attr)
{
    /* Delivering less than was asked for is allowed, but makes the client ask again: reading
     * without the pipe is better. */
    if ((offset % PAGE + *len + PAGE - 1) / PAGE * PAGE > room)
        return EOPNOTSUPP;
    return read_into(ctx, vn, offset, NULL, pipe, len, eof, attr);
}

/* Writes from buf or, where that is NULL, from the pipe. */
static int write_from(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                      int pipe, size_t *len, enum vstable *stable, struct vchange *change)
{
    struct memfs_node *node = memfs_node(vn);

    memfs_lock_write(&node->lock);
    int err = memfs_may_data(ctx->cred, node, MEMFS_W);
    memfs_before(node, change);
    if (err == 0 && *len > 0) {
        err = memfs_data_write(memfs_of(vn), node, offset, buf, pipe, len);
        if (err == 0) {
            if (offset + *len > node->file.size)
                node->file.size = offset + *len;
            memfs_drop_suid(ctx->cred, node);
            memfs_touch(node, true);
        }
    }
    if (err == 0) {
        *stable = VSTABLE_FILE;
        change->has_before = true;
        memfs_attr(vn->fs, node, &change->after);
    }
    memfs_unlock_write(&node->lock);
    return err;
}

int memfs_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                size_t *len, enum vstable *stable, struct vchange *change)
{
    return write_from(ctx, vn, offset, buf, -1, len, stable, change);
}

int memfs_splice_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                       size_t *len, enum vstable *stable, struct vchange *change)
{
    return write_from(ctx, vn, offset, NULL, pipe, len, stable, change);
}

int memfs_readlink(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size, size_t *len)
{
    struct memfs_node *node = memfs_node(vn);
    int err = 0;

    (void)ctx; /* the mode of a symbolic link means nothing */
    memfs_lock_read(&node->lock);
    if (node->link.len >= size)
        err = ENAMETOOLONG;
    else
        memcpy(buf, node->link.target, *len = node->link.len);
    memfs_touch_read(node);
    memfs_unlock_read(&node->lock);
    return err;
}
