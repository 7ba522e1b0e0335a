/*
 * vop.c - the checked wrappers of vop.h for nodes and their data; vop_names.c has those for names.
 *
 * Three kinds of checks are here so that no file system and no protocol has them: what the caller
 * may ask at all (names, types, read-only), what is missing (NULL operations), and whether what
 * came back is possible. A file system that breaks its contract gets a log line and its caller
 * EIO; the server goes on.
 */
#include "vfs/vop.h"
#include "vfs/mount.h"
#include "vfs/vop_check.h"
#include "vfs/vop_rights.h"
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define LINKS_DEFAULT 32000

static int file_check(const struct vnode *vn)
{
    if (vn->type == VDIR)
        return EISDIR;
    return vn->type == VREG ? 0 : EINVAL;
}

int vop_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    attr->type = VNON;
    return vop_complete_attr(ctx, vn, "getattr", attr);
}

/* Without setattr there is nothing to do where nothing is asked for. */
static bool setattr_is_empty(const struct vsetattr *set)
{
    return !set->set_mode && !set->set_uid && !set->set_gid && !set->set_size &&
           set->set_atime == VTIME_KEEP && set->set_mtime == VTIME_KEEP && !set->guarded;
}

int vop_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *asked,
                struct vchange *change)
{
    struct vsetattr rest = *asked, *set = &rest;
    int err = vop_check_writable(vn);

    /* The mode of a symbolic link means nothing and can't be set: the rest is done. */
    if (vn->type == VLNK)
        rest.set_mode = false;

    /* chown(2) takes this id for "leave it": the caller would be told of a change that was none. */
    if (err == 0 &&
        ((set->set_uid && set->uid == UINT32_MAX) || (set->set_gid && set->gid == UINT32_MAX)))
        err = EINVAL;
    if (err == 0 && set->set_size)
        err = file_check(vn);
    if (err == 0 && set->set_size && set->size > INT64_MAX)
        err = EFBIG;
    if (err == 0)
        err = rights_setattr(ctx, vn, set);
    if (err == 0 && vop_table(vn)->setattr == NULL)
        err = setattr_is_empty(set) ? 0 : EOPNOTSUPP;
    else if (err == 0)
        err = vop_checked(vn, "setattr", vop_table(vn)->setattr(ctx, vn, set, change));
    vop_complete_change(ctx, vn, change);
    return err;
}

int vop_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
               struct vattr *attr)
{
    int err;

    *granted = 0;
    *attr = (struct vattr){0};
    if (vop_table(vn)->access != NULL) {
        err = vop_checked(vn, "access", vop_table(vn)->access(ctx, vn, want, granted, attr));
        *granted &= want;
        if (err == 0 && vop_complete_attr(ctx, vn, "access", attr) != 0)
            attr->type = VNON; /* the verdict stands without them */
    } else {
        err = vop_getattr(ctx, vn, attr);
        if (err == 0)
            *granted = vaccess_granted(ctx->cred, attr, want);
    }
    if (vn->fs->flags & VFS_READ_ONLY)
        *granted &= ~(uint32_t)(VACCESS_MODIFY | VACCESS_EXTEND | VACCESS_DELETE);
    return err;
}

int vop_readlink(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size, size_t *len)
{
    *len = 0;
    if (vn->type != VLNK)
        return EINVAL;
    if (vop_table(vn)->readlink == NULL)
        return EOPNOTSUPP;
    int err = vop_checked(vn, "readlink", vop_table(vn)->readlink(ctx, vn, buf, size, len));
    if (err == 0 && *len >= size)
        return vop_broken(vn, "readlink", "gave more than there was room for");
    if (err == 0 && (*len == 0 || memchr(buf, '\0', *len) != NULL))
        return vop_broken(vn, "readlink", "gave an empty target, or one with a NUL");
    return err;
}

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

/* What a successful read may be asked for and say. */
static int read_complete(const struct vctx *ctx, struct vnode *vn, const char *operation,
                         uint64_t offset, size_t asked, size_t len, bool *eof, struct vattr *attr)
{
    if (len > asked)
        return vop_broken(vn, operation, "gave more than was asked for");
    int err = vop_complete_attr(ctx, vn, operation, attr);
    /* A client would ask for ever. Only a file that grows meanwhile may have had nothing to give.
     */
    if (err == 0 && len == 0 && asked > 0 && !*eof && offset >= attr->size)
        *eof = true;
    return err;
}

int vop_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
             bool *eof, struct vattr *attr)
{
    size_t asked = *len;
    int err = file_check(vn);

    *eof = false;
    attr->type = VNON;
    if (err == 0)
        err = rights_read(ctx, vn);
    if (err == 0 && vop_table(vn)->read == NULL)
        err = read_without(ctx, vn, len, eof, attr);
    else if (err == 0)
        err = vop_checked(vn, "read", vop_table(vn)->read(ctx, vn, offset, buf, len, eof, attr));
    if (err == 0)
        err = read_complete(ctx, vn, "read", offset, asked, *len, eof, attr);
    if (err != 0)
        *len = 0;
    return err;
}

int vop_splice(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe, size_t room,
               size_t *len, bool *eof, struct vattr *attr)
{
    size_t asked = *len;
    int err = vop_table(vn)->splice != NULL ? file_check(vn) : EOPNOTSUPP;
    int there = 0;

    *eof = false;
    attr->type = VNON;
    if (err == 0)
        err = rights_read(ctx, vn);
    if (err != 0)
        return err;
    err = vop_checked(vn, "splice",
                      vop_table(vn)->splice(ctx, vn, offset, pipe, room, len, eof, attr));
    /* After EOPNOTSUPP, too: what is left in the pipe would be the next reply's. */
    if (err == EOPNOTSUPP)
        *len = 0;
    else if (err != 0)
        return err;
    if (ioctl(pipe, FIONREAD, &there) != 0 || (size_t)there != *len)
        return vop_broken(vn, "splice", "put less or more into the pipe than it says");
    return err != 0 ? err : read_complete(ctx, vn, "splice", offset, asked, *len, eof, attr);
}

/* Whether an error is about the call, and says nothing of data. */
static bool error_of_call(int err)
{
    return err == ESTALE || err == EACCES || err == EPERM || err == EINVAL || err == EISDIR ||
           err == EOPNOTSUPP || err == EAGAIN || err == EINTR || err == ENOMEM || err >= 10000;
}

/* A commit's error is told once, to one client; the others learn from the verifier that what they
 * wrote unstable may be gone. A stable write may be the one that is told of it: a full disk says
 * nothing about what others wrote, an EIO may. Who has verifiers of his own knows better. */
static void writeback_check(struct vnode *vn, bool commit, int err)
{
    if (err != 0 && vop_table(vn)->verifier == NULL && (commit ? !error_of_call(err) : err == EIO))
        vfs_data_lost(vn->fs);
}

/* What a write may be asked for. */
static int write_check(const struct vctx *ctx, struct vnode *vn, uint64_t offset, size_t len)
{
    int err = vop_check_writable(vn);

    if (err == 0)
        err = file_check(vn);
    if (err == 0 && (offset > INT64_MAX || len > INT64_MAX - offset))
        err = EFBIG;
    return err == 0 ? rights_write(ctx, vn) : err;
}

/* What it may say, as above. */
struct written {
    const char *operation;
    size_t asked, len;
    enum vstable wanted, stable;
};

static int write_complete(const struct vctx *ctx, struct vnode *vn, const struct written *w,
                          int err, struct vchange *change)
{
    if (err == 0 && (w->len > w->asked || w->stable < w->wanted || w->stable > VSTABLE_FILE))
        err = vop_broken(vn, w->operation, "claimed more bytes, or did it less stable, than asked");
    if (err == 0 && w->len == 0 && w->asked > 0)
        err = vop_broken(vn, w->operation, "wrote nothing and gave no error");
    if (err != 0 && w->wanted != VSTABLE_UNSTABLE)
        writeback_check(vn, false, err);
    vop_complete_change(ctx, vn, change);
    return err;
}

int vop_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
              size_t *len, enum vstable *stable, struct vchange *change)
{
    struct written w = {.operation = "write", .asked = *len, .wanted = *stable};
    int err = write_check(ctx, vn, offset, *len);

    if (err == 0 && vop_table(vn)->write == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = vop_checked(vn, w.operation,
                          vop_table(vn)->write(ctx, vn, offset, buf, len, stable, change));
    w.len = *len;
    w.stable = *stable;
    return write_complete(ctx, vn, &w, err, change);
}

bool vop_can_splice_write(const struct vnode *vn)
{
    return vop_table(vn)->splice_write != NULL;
}

int vop_splice_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                     size_t *len, enum vstable *stable, struct vchange *change)
{
    struct written w = {.operation = "splice_write", .asked = *len, .wanted = *stable};
    int there = 0, left = 0;

    if (!vop_can_splice_write(vn))
        return EOPNOTSUPP;
    int err = write_check(ctx, vn, offset, *len);
    if (err == 0 && (ioctl(pipe, FIONREAD, &there) != 0 || (size_t)there < w.asked))
        err = EIO;
    if (err == 0) {
        err = vop_checked(vn, w.operation,
                          vop_table(vn)->splice_write(ctx, vn, offset, pipe, len, stable, change));
        w.len = err == EOPNOTSUPP ? 0 : *len;
        /* What is left is what vop_write() gets. */
        if ((err == 0 || err == EOPNOTSUPP) && w.len <= w.asked &&
            (ioctl(pipe, FIONREAD, &left) != 0 || (size_t)left != (size_t)there - w.len))
            err = vop_broken(vn, w.operation, "took less or more from the pipe than it says");
    }
    if (err == EOPNOTSUPP) {
        *len = w.asked;
        *stable = w.wanted;
        return err;
    }
    w.stable = *stable;
    return write_complete(ctx, vn, &w, err, change);
}

int vop_statfs(const struct vctx *ctx, struct vnode *vn, struct vstatfs *st)
{
    memset(st, 0, sizeof(*st));
    if (vop_table(vn)->statfs == NULL)
        return 0;
    return vop_checked(vn, "statfs", vop_table(vn)->statfs(ctx, vn, st));
}

int vop_pathconf(const struct vctx *ctx, struct vnode *vn, struct vpathconf *pc)
{
    *pc = (struct vpathconf){.link_max = vop_table(vn)->link != NULL ? LINKS_DEFAULT : 1,
                             .name_max = VNAME_MAX,
                             .no_trunc = true,
                             .chown_restricted = true,
                             .case_preserving = true};
    if (vop_table(vn)->pathconf == NULL)
        return 0;
    int err = vop_checked(vn, "pathconf", vop_table(vn)->pathconf(ctx, vn, pc));
    if (err == 0 && (pc->name_max == 0 || pc->name_max > VNAME_MAX))
        err = vop_broken(vn, "pathconf", "gave an impossible length of names");
    return err;
}

int vop_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
               struct vchange *change)
{
    int err = file_check(vn);

    if (err == 0)
        err = rights_commit(ctx, vn);
    if (err == 0 && vop_table(vn)->commit != NULL) {
        err = vop_checked(vn, "commit", vop_table(vn)->commit(ctx, vn, offset, count, change));
        writeback_check(vn, true, err);
    }
    vop_complete_change(ctx, vn, change);
    return err;
}
