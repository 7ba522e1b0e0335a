/*
 * vop_rights.h - rights by attributes, for file systems that leave them to the wrappers (no access
 * operation); vop.c and vop_names.c, nobody else. All answer 0 for a file system that has access.
 */
#ifndef VFS_VOP_RIGHTS_H
#define VFS_VOP_RIGHTS_H

#include <loopnfs/vfs.h>

/* All of `want` (enum vaccess). EACCES. */
int rights_check(const struct vctx *ctx, struct vnode *vn, uint32_t want);
/* A file's data: who owns it may have opened it before its mode was changed, and what may be
 * executed may be read. EACCES. */
int rights_read(const struct vctx *ctx, struct vnode *vn);
int rights_write(const struct vctx *ctx, struct vnode *vn);
/* Who may not write has nothing to commit. Also for a file system that looks after rights itself
 * and leaves commit to the wrapper. */
int rights_commit(const struct vctx *ctx, struct vnode *vn);
/* EPERM, EACCES. */
int rights_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set);
/* For any file system: takes out of `set`, which is for a new object, an owner or group that the
 * caller may not give. RFC 1813 lets a client say them (some always do); the object is the
 * caller's then. */
void rights_new(const struct vctx *ctx, struct vsetattr *set);
/* A new name in `dir`. EEXIST comes before EACCES, where the name may be looked up. */
int rights_add(const struct vctx *ctx, struct vnode *dir, const char *name);
/* The same for a special file: EPERM, who is not root makes no device nodes. */
int rights_special(const struct vctx *ctx, struct vnode *dir, const char *name, enum vtype type);
/* The same for CREATE, which opens a file that exists where it is not to be new. */
int rights_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                  const struct vcreate *how);
/* A name is taken out of `dir`; sticky directories are the owners'. EACCES, EPERM; ENOENT comes
 * before them, where the name may be looked up. */
int rights_take(const struct vctx *ctx, struct vnode *dir, const char *name);
int rights_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                  struct vnode *to_dir, const char *to);

#endif
