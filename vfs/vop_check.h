/*
 * vop_check.h - what the wrappers share: vop.c (nodes and data), vop_names.c (names), nobody else.
 */
#ifndef VFS_VOP_CHECK_H
#define VFS_VOP_CHECK_H

#include <errno.h>
#include <loopnfs/vfs.h>

/* Says which file system broke which operation's contract, and makes it EIO. */
int vop_broken(const struct vnode *vn, const char *operation, const char *what);
/* The error an operation returned, if it is one; waits for it where the answer comes later. Around
 * every call of an operation. */
int vop_checked(const struct vnode *vn, const char *operation, int err);
/* What is impossible about the attributes of a node of this type; NULL: nothing. */
const char *vop_attr_wrong(enum vtype type, const struct vattr *attr);
/* Attributes after an operation: asked for where it left them out, and of the right kind. */
int vop_complete_attr(const struct vctx *ctx, struct vnode *vn, const char *operation,
                      struct vattr *attr);
/* The same for what changed; attributes that can't be had are left out, the change is done. */
void vop_complete_change(const struct vctx *ctx, struct vnode *vn, struct vchange *change);

static inline const struct vfs_ops *vop_table(const struct vnode *vn)
{
    return &vn->fs->type->ops;
}

static inline int vop_check_writable(const struct vnode *vn)
{
    return vn->fs->flags & VFS_READ_ONLY ? EROFS : 0;
}

#endif
