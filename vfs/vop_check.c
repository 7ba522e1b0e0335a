/*
 * vop_check.c - see vop_check.h.
 */
#include "vfs/vop_check.h"
#include "base/log.h"

#define ERROR_MAX 20000 /* above errnos and enum vfs_error */

int vop_broken(const struct vnode *vn, const char *operation, const char *what)
{
    static struct log_limit limit;

    if (log_limit_allows(&limit))
        log_error("file system %s (%s): %s %s", vn->fs->type->name, vn->fs->source, operation,
                  what);
    return EIO;
}

int vop_checked(const struct vnode *vn, const char *operation, int err)
{
    if (err >= 0 && err < ERROR_MAX)
        return err;
    return vop_broken(vn, operation, "returned an impossible error");
}

int vop_complete_attr(const struct vctx *ctx, struct vnode *vn, const char *operation,
                      struct vattr *attr)
{
    int err = 0;

    if (attr->type == VNON)
        err = vop_checked(vn, operation, vop_table(vn)->getattr(ctx, vn, attr));
    if (err == 0 && attr->type != (enum vtype)vn->type)
        return vop_broken(vn, operation, "gave attributes of another type of node");
    return err;
}

void vop_complete_change(const struct vctx *ctx, struct vnode *vn, struct vchange *change)
{
    if (change->after.type == VNON && vop_table(vn)->getattr(ctx, vn, &change->after) != 0)
        change->after.type = VNON;
}
