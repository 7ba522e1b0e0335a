/*
 * vop_rights.c - rights by attributes; see vop_rights.h. Called by the wrappers before an operation
 * of a file system that has no access operation.
 *
 * Attributes are asked for at each check, so that a change of mode counts at once. They may change
 * between the check and the operation. A file system for which that is not enough checks rights in
 * its operations itself.
 */
#include "vfs/vop_rights.h"
#include "vfs/vop.h"
#include "vfs/vop_check.h"
#include <errno.h>
#include <string.h>

#define STICKY 01000

/* Whether nothing is to be checked: the file system checks rights itself, or the caller is root. */
static bool is_free(const struct vctx *ctx, const struct vnode *vn)
{
    return vop_table(vn)->access != NULL || ctx->cred->uid == 0;
}

int rights_check(const struct vctx *ctx, struct vnode *vn, uint32_t want)
{
    struct vattr attr;

    if (is_free(ctx, vn))
        return 0;
    int err = vop_getattr(ctx, vn, &attr);
    return err != 0 ? err : vaccess_check(ctx->cred, &attr, want);
}

static int data_check(const struct vctx *ctx, struct vnode *vn, uint32_t any_of)
{
    struct vattr attr;

    if (is_free(ctx, vn))
        return 0;
    int err = vop_getattr(ctx, vn, &attr);
    if (err == 0 && attr.uid != ctx->cred->uid && vaccess_granted(ctx->cred, &attr, any_of) == 0)
        err = EACCES;
    return err;
}

/* Checks the right to write to the object itself. A directory's times and its `..` need only that
 * right; changing its names needs the right to search it as well. */
static int write_check(const struct cred *cred, const struct vattr *attr)
{
    struct vattr object = *attr;

    object.type = VREG;
    return vaccess_check(cred, &object, VACCESS_MODIFY);
}

int rights_read(const struct vctx *ctx, struct vnode *vn)
{
    return data_check(ctx, vn, VACCESS_READ | VACCESS_EXECUTE);
}

int rights_write(const struct vctx *ctx, struct vnode *vn)
{
    return data_check(ctx, vn, VACCESS_MODIFY);
}

int rights_commit(const struct vctx *ctx, struct vnode *vn)
{
    struct vattr attr;
    uint32_t granted;

    if (vop_table(vn)->access == NULL)
        return rights_write(ctx, vn);
    if (vop_table(vn)->commit != NULL)
        return 0;
    int err = vop_access(ctx, vn, VACCESS_MODIFY, &granted, &attr);
    if (err == 0 && granted == 0 && (attr.type == VNON || attr.uid != ctx->cred->uid))
        err = EACCES;
    return err;
}

int rights_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set)
{
    const struct cred *cred = ctx->cred;
    struct vattr attr;

    if (is_free(ctx, vn))
        return 0;
    int err = vop_getattr(ctx, vn, &attr);
    if (err != 0)
        return err;
    if (cred->uid == attr.uid) {
        bool gives_away = set->set_uid && set->uid != attr.uid;
        bool foreign = set->set_gid && set->gid != attr.gid && !vaccess_in_group(cred, set->gid);
        return gives_away || foreign ? EPERM : 0;
    }
    if (set->set_mode || set->set_uid || set->set_gid || set->set_atime == VTIME_GIVEN ||
        set->set_mtime == VTIME_GIVEN)
        return EPERM;
    if (set->set_size || set->set_atime == VTIME_NOW || set->set_mtime == VTIME_NOW)
        err = write_check(cred, &attr);
    return err;
}

void rights_new(const struct vctx *ctx, struct vsetattr *set)
{
    const struct cred *cred = ctx->cred;

    if (set->uid == UINT32_MAX || (cred->uid != 0 && set->uid != cred->uid))
        set->set_uid = false;
    if (set->gid == UINT32_MAX || (cred->uid != 0 && !vaccess_in_group(cred, set->gid)))
        set->set_gid = false;
}

/* Finds the node called `name` without a check of rights. 0 with *out NULL: there is none. */
static int find(const struct vctx *ctx, struct vnode *dir, const char *name, struct vnode **out,
                struct vattr *attr)
{
    struct cred root = {.uid = 0};
    const struct vctx as_root = {.cred = &root, .async = ctx->async, .batch = ctx->batch};
    struct view view = {.data = (const uint8_t *)name, .len = (uint32_t)strlen(name)};
    int err = vop_lookup(&as_root, dir, view, out, attr);

    return err == ENOENT ? 0 : err;
}

/* Replaces EACCES as a local file system does for a caller that may look up the name: by EEXIST
 * where a new name exists, by ENOENT where a name to be removed does not. */
static int name_first(const struct vctx *ctx, struct vnode *dir, const char *name, bool is_new,
                      int err)
{
    struct vnode *vn = NULL;
    struct vattr attr;

    if (err != EACCES || rights_check(ctx, dir, VACCESS_LOOKUP) != 0 ||
        find(ctx, dir, name, &vn, &attr) != 0)
        return err;
    bool there = vn != NULL;
    vnode_put(vn);
    return there != is_new ? err : is_new ? EEXIST : ENOENT;
}

int rights_add(const struct vctx *ctx, struct vnode *dir, const char *name)
{
    int err = rights_check(ctx, dir, VACCESS_LOOKUP | VACCESS_MODIFY);

    return name_first(ctx, dir, name, true, err);
}

int rights_special(const struct vctx *ctx, struct vnode *dir, const char *name, enum vtype type)
{
    struct vnode *vn = NULL;
    struct vattr attr;
    int err = rights_add(ctx, dir, name);

    if (err != 0 || is_free(ctx, dir) || (type != VBLK && type != VCHR))
        return err;
    err = find(ctx, dir, name, &vn, &attr);
    if (err == 0)
        err = vn != NULL ? EEXIST : EPERM;
    vnode_put(vn);
    return err;
}

int rights_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                  const struct vcreate *how)
{
    struct vnode *vn = NULL;
    struct vattr attr;

    if (is_free(ctx, dir) || how->mode != VCREATE_UNCHECKED)
        return rights_add(ctx, dir, name);
    int err = rights_check(ctx, dir, VACCESS_LOOKUP);
    if (err == 0)
        err = find(ctx, dir, name, &vn, &attr);
    if (err == 0 && vn == NULL)
        err = rights_add(ctx, dir, name);
    else if (err == 0 && how->attr.set_size && vn->type == VREG)
        err = rights_write(ctx, vn);
    vnode_put(vn);
    return err;
}

int rights_take(const struct vctx *ctx, struct vnode *dir, const char *name)
{
    struct vnode *vn = NULL;
    struct vattr attr, dir_attr;

    if (is_free(ctx, dir))
        return 0;
    int err = vop_getattr(ctx, dir, &dir_attr);
    if (err == 0)
        err = vaccess_check(ctx->cred, &dir_attr, VACCESS_LOOKUP | VACCESS_MODIFY);
    if (err != 0 || !(dir_attr.mode & STICKY) || dir_attr.uid == ctx->cred->uid)
        return name_first(ctx, dir, name, false, err);
    err = find(ctx, dir, name, &vn, &attr);
    if (err == 0 && vn != NULL && attr.uid != ctx->cred->uid)
        err = EPERM;
    vnode_put(vn);
    return err;
}

/* Checks the rights that moving one name to the other needs. */
static int may_move(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                    struct vnode *to_dir, const char *to)
{
    struct vnode *vn = NULL, *there = NULL;
    struct vattr attr, other;
    int err = find(ctx, from_dir, from, &vn, &attr);

    if (err == 0)
        err = find(ctx, to_dir, to, &there, &other);
    /* Nothing to move, or two names of one object: the operation reports that, and changes
     * nothing. */
    if (err != 0 || vn == NULL || vn == there)
        goto out;
    err = rights_take(ctx, from_dir, from);
    if (err == 0)
        err = there != NULL ? rights_take(ctx, to_dir, to) : rights_add(ctx, to_dir, to);
    /* A directory that moves is changed itself: its `..` becomes another directory. */
    if (err == 0 && from_dir != to_dir && vn->type == VDIR &&
        (there == NULL || there->type == VDIR))
        err = write_check(ctx->cred, &attr);
out:
    vnode_put(vn);
    vnode_put(there);
    return err;
}

int rights_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                  struct vnode *to_dir, const char *to)
{
    if (is_free(ctx, from_dir))
        return 0;
    int err = rights_check(ctx, from_dir, VACCESS_LOOKUP);
    if (err == 0)
        err = rights_check(ctx, to_dir, VACCESS_LOOKUP);
    return err == 0 ? may_move(ctx, from_dir, from, to_dir, to) : err;
}
