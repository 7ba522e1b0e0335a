/*
 * vop.c - the checked wrappers of vop.h for nodes; vop_data.c has those for data, vop_names.c those
 * for names.
 *
 * Three kinds of checks are here, so that no file system and no protocol needs them: what a caller
 * may ask at all (names, types, read-only), what is missing (NULL operations), and whether an
 * operation's result is possible. Where a file system breaks its contract, that is logged, its
 * caller gets EIO, and the server goes on.
 */
#include "vfs/vop.h"
#include "vfs/mount.h"
#include "vfs/vop_check.h"
#include "vfs/vop_rights.h"
#include <errno.h>
#include <string.h>

#define LINKS_DEFAULT 32000

int vop_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    attr->type = VNON;
    return vop_complete_attr(ctx, vn, "getattr", attr);
}

/* Whether nothing is asked for; a file system without setattr succeeds in that case. */
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

    /* The mode of a symbolic link means nothing and can't be set; the other attributes are. */
    if (vn->type == VLNK)
        rest.set_mode = false;

    /* chown(2) takes this id for "leave it", so the caller would be told of a change that was not
     * made. */
    if (err == 0 &&
        ((set->set_uid && set->uid == UINT32_MAX) || (set->set_gid && set->gid == UINT32_MAX)))
        err = EINVAL;
    if (err == 0 && set->set_size)
        err = vop_check_file(vn);
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
            attr->type = VNON; /* the verdict stands without attributes */
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
