/*
 * rightless.c - see rightless.h. What is new is given to the caller, as an author of a file system
 * has to do himself.
 */
#include "tests/fs/rightless.h"
#include "vfs/mount.h"
#include <errno.h>

static const struct vfs_type *memfs;
static struct vfs_type rightless;
static const struct cred root = {.uid = 0};

static struct vctx by_root(const struct vctx *ctx)
{
    return (struct vctx){.cred = &root, .async = ctx->async};
}

/* Owner and group of what is made in a directory. */
static void give(const struct vctx *ctx, struct vnode *dir, struct vsetattr *set)
{
    const struct vctx all = by_root(ctx);
    struct vattr attr = {.type = VNON};

    if (ctx->cred->uid == 0)
        return;
    set->set_uid = true;
    set->uid = ctx->cred->uid;
    set->set_gid = memfs->ops.getattr(&all, dir, &attr) == 0 && !(attr.mode & 02000);
    set->gid = ctx->cred->gid;
}

static int lookup(const struct vctx *ctx, struct vnode *dir, const char *name, struct vnode **out,
                  struct vattr *attr)
{
    const struct vctx all = by_root(ctx);
    return memfs->ops.lookup(&all, dir, name, out, attr);
}

static int create(const struct vctx *ctx, struct vnode *dir, const char *name,
                  const struct vcreate *how, struct vnode **out, struct vattr *attr,
                  struct vchange *change)
{
    const struct vctx all = by_root(ctx);
    struct vcreate made = *how;

    give(ctx, dir, &made.attr);
    return memfs->ops.create(&all, dir, name, &made, out, attr, change);
}

static int make_dir(const struct vctx *ctx, struct vnode *dir, const char *name,
                    const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                    struct vchange *change)
{
    const struct vctx all = by_root(ctx);
    struct vsetattr made = *set;

    give(ctx, dir, &made);
    return memfs->ops.mkdir(&all, dir, name, &made, out, attr, change);
}

static int make_link(const struct vctx *ctx, struct vnode *dir, const char *name,
                     const char *target, const struct vsetattr *set, struct vnode **out,
                     struct vattr *attr, struct vchange *change)
{
    const struct vctx all = by_root(ctx);
    struct vsetattr made = *set;

    give(ctx, dir, &made);
    return memfs->ops.symlink(&all, dir, name, target, &made, out, attr, change);
}

static int make_special(const struct vctx *ctx, struct vnode *dir, const char *name,
                        enum vtype type, uint32_t major, uint32_t minor, const struct vsetattr *set,
                        struct vnode **out, struct vattr *attr, struct vchange *change)
{
    const struct vctx all = by_root(ctx);
    struct vsetattr made = *set;

    give(ctx, dir, &made);
    return memfs->ops.mknod(&all, dir, name, type, major, minor, &made, out, attr, change);
}

static int take(const struct vctx *ctx, struct vnode *dir, const char *name, struct vchange *change)
{
    const struct vctx all = by_root(ctx);
    return memfs->ops.remove(&all, dir, name, change);
}

static int take_dir(const struct vctx *ctx, struct vnode *dir, const char *name,
                    struct vchange *change)
{
    const struct vctx all = by_root(ctx);
    return memfs->ops.rmdir(&all, dir, name, change);
}

static int move(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                struct vnode *to_dir, const char *to, struct vchange *from_change,
                struct vchange *to_change)
{
    const struct vctx all = by_root(ctx);
    return memfs->ops.rename(&all, from_dir, from, to_dir, to, from_change, to_change);
}

static int add_name(const struct vctx *ctx, struct vnode *vn, struct vnode *dir, const char *name,
                    struct vattr *attr, struct vchange *change)
{
    const struct vctx all = by_root(ctx);
    return memfs->ops.link(&all, vn, dir, name, attr, change);
}

void rightless_register(void)
{
    memfs = vfs_type_find("memfs");
    rightless = *memfs;
    rightless.name = "rightless";
    rightless.ops.access = NULL;
    rightless.ops.getattr_at = NULL;
    rightless.ops.lookup = lookup;
    rightless.ops.create = create;
    rightless.ops.mkdir = make_dir;
    rightless.ops.symlink = make_link;
    rightless.ops.mknod = make_special;
    rightless.ops.remove = take;
    rightless.ops.rmdir = take_dir;
    rightless.ops.rename = move;
    rightless.ops.link = add_name;
    vfs_register(&rightless);
}
