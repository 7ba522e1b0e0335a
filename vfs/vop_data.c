/*
 * vop_data.c - the checked wrappers of vop.h for data in files: READ, WRITE, COMMIT.
 *
 * Here it is decided which way data goes: copied to or from memory (read, write), or by the
 * thread's pipe (splice, splice_write), where it is long enough, the file system can, and the
 * transport allows it. Where a file system finds that it can't after all, the data goes through
 * memory, and what was left in the pipe is removed. The caller of vop_read() or vop_write() notices
 * nothing of that.
 */
#include "vfs/mount.h"
#include "vfs/vop.h"
#include "vfs/vop_check.h"
#include "vfs/vop_rights.h"
#include <errno.h>
#include <sys/ioctl.h>

/* READs of fewer bytes than SPLICE_MIN, and WRITEs of fewer than SPLICE_WRITE_MIN, are copied: the
 * pipe costs as much (docs/PERFORMANCE.md). */
#define SPLICE_MIN       (16u * 1024)
#define SPLICE_WRITE_MIN (128u * 1024)

/* --- read --- */

/* A file system without read has empty files, and nothing else. */
static int read_without(const struct vctx *ctx, struct vnode *vn, size_t *len, bool *eof,
                        struct vattr *attr)
{
    int err = vop_getattr(ctx, vn, attr);

    if (err == 0 && attr->size != 0)
        err = EOPNOTSUPP;
    *len = 0;
    *eof = true;
    return err;
}

/* Checks and completes what a successful read says. */
static int read_complete(const struct vctx *ctx, struct vnode *vn, const char *operation,
                         uint64_t offset, size_t asked, size_t len, bool *eof, struct vattr *attr)
{
    if (len > asked)
        return vop_broken(vn, operation, "gave more than was asked for");
    int err = vop_complete_attr(ctx, vn, operation, attr);
    /* A client would ask for ever. Only a file that grows meanwhile can have had nothing to
     * give. */
    if (err == 0 && len == 0 && asked > 0 && !*eof && offset >= attr->size)
        *eof = true;
    return err;
}

static int read_to_memory(const struct vctx *ctx, struct vnode *vn, uint64_t offset,
                          struct payload *out, bool *eof, struct vattr *attr)
{
    const size_t asked = out->len;
    int err;

    *eof = false;
    attr->type = VNON;
    if (vop_table(vn)->read == NULL)
        err = read_without(ctx, vn, &out->len, eof, attr);
    else
        err = vop_checked(vn, "read",
                          vop_table(vn)->read(ctx, vn, offset, out->data, &out->len, eof, attr));
    return err != 0 ? err : read_complete(ctx, vn, "read", offset, asked, out->len, eof, attr);
}

/* Reads into the pipe. EOPNOTSUPP: the data has to be read to memory. */
static int read_to_pipe(const struct vctx *ctx, struct vnode *vn, uint64_t offset,
                        struct payload *out, bool *eof, struct vattr *attr)
{
    struct payload_pipe pipe;
    size_t len = out->len;
    int there = 0;

    if (!out->may_pipe || len < SPLICE_MIN || vop_table(vn)->splice == NULL ||
        payload_pipe(&pipe) != 0)
        return EOPNOTSUPP;
    *eof = false;
    attr->type = VNON;
    int err = vop_table(vn)->splice(ctx, vn, offset, pipe.to, pipe.room, &len, eof, attr);
    err = vop_checked(vn, "splice", err);
    if (err == EOPNOTSUPP)
        len = 0;
    /* Also after EOPNOTSUPP: bytes that are left in the pipe would go into the next reply. */
    const bool known = ioctl(pipe.to, FIONREAD, &there) == 0;
    if ((err == 0 || err == EOPNOTSUPP) && (!known || (size_t)there != len))
        err = vop_broken(vn, "splice", "put less or more into the pipe than it says");
    if (err == 0)
        err = read_complete(ctx, vn, "splice", offset, out->len, len, eof, attr);
    if (err == 0)
        out->len = out->piped = len;
    else if (!known || there > 0)
        payload_pipe_empty();
    return err;
}

int vop_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, struct payload *out,
             bool *eof, struct vattr *attr)
{
    int err = vop_check_file(vn);

    *eof = false;
    attr->type = VNON;
    if (err == 0)
        err = rights_read(ctx, vn);
    if (err == 0) {
        err = read_to_pipe(ctx, vn, offset, out, eof, attr);
        if (err == EOPNOTSUPP)
            err = read_to_memory(ctx, vn, offset, out, eof, attr);
    }
    if (err != 0)
        out->len = 0;
    return err;
}

/* --- write --- */

/* Whether an error is about the call, and not about data. */
static bool error_of_call(int err)
{
    return err == ESTALE || err == EACCES || err == EPERM || err == EINVAL || err == EISDIR ||
           err == EOPNOTSUPP || err == EAGAIN || err == EINTR || err == ENOMEM || err >= 10000;
}

/* Renews the verifier where an error may mean that data was lost. The error of a commit is told
 * once, to one client; the others learn from the verifier that what they wrote unstable may be
 * gone. A stable write may be the one that is told of a lost write: a full disk says nothing about
 * earlier writes, but EIO may. A file system with verifiers of its own knows better. */
static void writeback_check(struct vnode *vn, bool commit, int err)
{
    if (err != 0 && vop_table(vn)->verifier == NULL && (commit ? !error_of_call(err) : err == EIO))
        vfs_data_lost(vn->fs);
}

/* Checks what a write asks for. */
static int write_check(const struct vctx *ctx, struct vnode *vn, uint64_t offset, size_t len)
{
    int err = vop_check_writable(vn);

    if (err == 0)
        err = vop_check_file(vn);
    if (err == 0 && (offset > INT64_MAX || len > INT64_MAX - offset))
        err = EFBIG;
    return err == 0 ? rights_write(ctx, vn) : err;
}

/* A write, or the part of a write that one operation does: what was asked for, and what was
 * done. */
struct written {
    size_t asked, len;
    enum vstable wanted, stable;
};

/* Checks what an operation says that it has done. */
static int written_check(const struct vnode *vn, const char *operation, const struct written *w)
{
    if (w->len > w->asked || w->stable < w->wanted || w->stable > VSTABLE_FILE)
        return vop_broken(vn, operation, "claimed more bytes, or did it less stable, than asked");
    if (w->len == 0 && w->asked > 0)
        return vop_broken(vn, operation, "wrote nothing and gave no error");
    return 0;
}

static int write_from_memory(const struct vctx *ctx, struct vnode *vn, uint64_t offset,
                             const uint8_t *data, struct written *w, struct vchange *change)
{
    if (vop_table(vn)->write == NULL)
        return EOPNOTSUPP;
    w->len = w->asked;
    w->stable = w->wanted;
    int err = vop_table(vn)->write(ctx, vn, offset, data, &w->len, &w->stable, change);
    err = vop_checked(vn, "write", err);
    return err != 0 ? err : written_check(vn, "write", w);
}

/* Writes the part of the payload that is in the pipe, w->asked bytes. EOPNOTSUPP: all of them are
 * still in the pipe. */
static int write_from_pipe(const struct vctx *ctx, struct vnode *vn, uint64_t offset,
                           struct payload *in, struct written *w, struct vchange *change)
{
    struct payload_pipe pipe;
    int there = 0, left = 0;

    if (payload_pipe(&pipe) != 0 || ioctl(pipe.from, FIONREAD, &there) != 0 ||
        (size_t)there < w->asked)
        return EIO;
    w->len = w->asked;
    w->stable = w->wanted;
    int err = vop_table(vn)->splice_write(ctx, vn, offset, pipe.from, &w->len, &w->stable, change);
    err = vop_checked(vn, "splice_write", err);
    if (err == EOPNOTSUPP)
        w->len = 0;
    else if (err != 0)
        return err;
    /* Bytes that are left are those that write gets. */
    if (w->len <= w->asked &&
        (ioctl(pipe.from, FIONREAD, &left) != 0 || (size_t)left != (size_t)there - w->len))
        return vop_broken(vn, "splice_write", "took less or more from the pipe than it says");
    if (err == 0)
        err = written_check(vn, "splice_write", w);
    /* What is left in the pipe now, padding or bytes for which a full disk had no room, is dropped
     * by net/. */
    if (err == 0)
        in->piped -= w->len;
    return err;
}

/* Writes the part that lies in memory, behind the part that was in the pipe. If that fails, the
 * client gets the error when it writes this part again. */
static void write_behind(const struct vctx *ctx, struct vnode *vn, uint64_t offset,
                         const uint8_t *data, struct written *w, size_t behind,
                         struct vchange *change)
{
    struct written more = {.asked = behind, .wanted = w->wanted};
    struct vchange after = {.after.type = VNON};

    if (write_from_memory(ctx, vn, offset, data, &more, &after) != 0)
        return;
    w->len += more.len;
    if (more.stable < w->stable)
        w->stable = more.stable;
    change->after = after.after;
}

/* Writes a payload of which a part is in the pipe. EOPNOTSUPP: all of it has to be in memory. */
static int write_piped(const struct vctx *ctx, struct vnode *vn, uint64_t offset,
                       struct payload *in, struct written *w, struct vchange *change)
{
    const size_t part = in->piped < w->asked ? in->piped : w->asked, behind = w->asked - part;
    struct written piped = {.asked = part, .wanted = w->wanted};

    /* More bytes in the pipe than padding would be in the way of what comes after the data. A write
     * in two parts can't be stable as a whole. */
    if (vop_table(vn)->splice_write == NULL || in->len > w->asked + payload_pad(w->asked) ||
        (behind > 0 && w->wanted != VSTABLE_UNSTABLE))
        return EOPNOTSUPP;
    int err = write_from_pipe(ctx, vn, offset, in, &piped, change);
    if (err != 0)
        return err;
    w->len = piped.len;
    w->stable = piped.stable;
    if (piped.len == part && behind > 0)
        write_behind(ctx, vn, offset + part, in->data + part, w, behind, change);
    return 0;
}

int vop_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, struct payload *in,
              size_t *len, enum vstable *stable, struct vchange *change)
{
    struct written w = {.asked = *len, .wanted = *stable};
    int err = write_check(ctx, vn, offset, *len);

    /* A client that sends large data will send more. */
    if (in->may_pipe && in->len >= SPLICE_WRITE_MIN && vop_table(vn)->splice_write != NULL)
        in->pipe_next = SPLICE_WRITE_MIN;
    if (err == 0 && in->piped > 0) {
        err = write_piped(ctx, vn, offset, in, &w, change);
        if (err == EOPNOTSUPP) {
            in->pipe_next = 0;
            err = payload_to_memory(in) ? EOPNOTSUPP : VFS_ESERVERFAULT;
        }
        if (err == EOPNOTSUPP)
            err = write_from_memory(ctx, vn, offset, in->data, &w, change);
    } else if (err == 0) {
        err = write_from_memory(ctx, vn, offset, in->data, &w, change);
    }
    if (err == 0) {
        *len = w.len;
        *stable = w.stable;
    } else if (w.wanted != VSTABLE_UNSTABLE) {
        writeback_check(vn, false, err);
    }
    vop_complete_change(ctx, vn, change);
    return err;
}

int vop_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
               struct vchange *change)
{
    int err = vop_check_file(vn);

    if (err == 0)
        err = rights_commit(ctx, vn);
    if (err == 0 && vop_table(vn)->commit != NULL) {
        err = vop_checked(vn, "commit", vop_table(vn)->commit(ctx, vn, offset, count, change));
        writeback_check(vn, true, err);
    }
    vop_complete_change(ctx, vn, change);
    return err;
}
