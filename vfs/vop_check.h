/*
 * vop_check.h - what the wrappers share: vop.c (nodes), vop_data.c (data) and vop_names.c (names).
 * No other file includes it.
 */
#ifndef VFS_VOP_CHECK_H
#define VFS_VOP_CHECK_H

#include <errno.h>
#include <loopnfs/vfs.h>

/* Logs which file system broke the contract of which operation, and returns EIO. */
int vop_broken(const struct vnode *vn, const char *operation, const char *what);
/* Checks and returns the error of an operation; waits for it where the answer comes later. Every
 * call of an operation goes through this. */
int vop_checked(const struct vnode *vn, const char *operation, int err);
/* Says what is impossible about the attributes of a node of this type; NULL: nothing. */
const char *vop_attr_wrong(enum vtype type, const struct vattr *attr);
/* Completes the attributes after an operation: asks getattr where the operation left them out, and
 * checks them. *attr has type VNON after an error. */
int vop_complete_attr(const struct vctx *ctx, struct vnode *vn, const char *operation,
                      struct vattr *attr);
/* Completes what an operation says of a change. Attributes that can't be had are left out, since
 * the change is done. */
void vop_complete_change(const struct vctx *ctx, struct vnode *vn, struct vchange *change);

static inline const struct vfs_ops *vop_table(const struct vnode *vn)
{
    return &vn->fs->type->ops;
}

static inline int vop_check_writable(const struct vnode *vn)
{
    return vn->fs->flags & VFS_READ_ONLY ? EROFS : 0;
}

/* Checks that the node is one that has data: a regular file. EISDIR, EINVAL. */
static inline int vop_check_file(const struct vnode *vn)
{
    if (vn->type == VDIR)
        return EISDIR;
    return vn->type == VREG ? 0 : EINVAL;
}

#endif
