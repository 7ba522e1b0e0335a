/*
 * data.c - see data.h.
 */
#include "tests/lib/data.h"
#include <errno.h>
#include <unistd.h>

int data_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
              bool *eof, struct vattr *attr)
{
    struct payload out = {.data = buf, .len = *len};
    int err = vop_read(ctx, vn, offset, &out, eof, attr);

    *len = out.len;
    return err;
}

int data_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
               size_t *len, enum vstable *stable, struct vchange *change)
{
    struct payload in = {.data = (void *)(uintptr_t)buf, .len = *len};

    return vop_write(ctx, vn, offset, &in, len, stable, change);
}

int data_write_piped(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                     size_t *len, enum vstable *stable, struct vchange *change)
{
    uint8_t memory[4096];
    struct payload in = {.data = memory, .len = *len, .piped = *len, .may_pipe = true};
    struct payload_pipe pipe;

    if (*len > sizeof(memory) || payload_pipe(&pipe) != 0 ||
        write(pipe.to, buf, *len) != (ssize_t)*len)
        return EIO;
    int err = vop_write(ctx, vn, offset, &in, len, stable, change);
    payload_drop(&in);
    return err;
}

int data_splice(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe, size_t room,
                size_t *len, bool *eof, struct vattr *attr)
{
    return vn->fs->type->ops.splice(ctx, vn, offset, pipe, room, len, eof, attr);
}

int data_splice_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                      size_t *len, enum vstable *stable, struct vchange *change)
{
    return vn->fs->type->ops.splice_write(ctx, vn, offset, pipe, len, stable, change);
}
