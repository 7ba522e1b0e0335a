/*
 * vop_rights.h - rights by attributes, for file systems that leave them to the wrappers because
 * they have no access operation. Only the wrappers include it. All functions return 0 for a file
 * system that has access, unless they say otherwise.
 */
#ifndef VFS_VOP_RIGHTS_H
#define VFS_VOP_RIGHTS_H

#include <loopnfs/vfs.h>

/* Whether the caller has all rights of `want` (enum vaccess). EACCES. */
int rights_check(const struct vctx *ctx, struct vnode *vn, uint32_t want);
/* Whether the caller may read or write a file's data. The owner always may, since it may have
 * opened the file before its mode was changed. A caller that may execute may read. EACCES. */
int rights_read(const struct vctx *ctx, struct vnode *vn);
int rights_write(const struct vctx *ctx, struct vnode *vn);
/* Whether the caller may commit: a caller that may not write has nothing to commit. Checks also for
 * a file system that has access but leaves commit to the wrapper. EACCES. */
int rights_commit(const struct vctx *ctx, struct vnode *vn);
/* EPERM, EACCES. */
int rights_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set);
/* For every file system: removes an owner or group from `set`, the attributes of a new object, that
 * the caller may not give. RFC 1813 lets clients send them, and some always do; the object belongs
 * to the caller in that case. */
void rights_new(const struct vctx *ctx, struct vsetattr *set);
/* Whether the caller may add a name to `dir`. EEXIST takes precedence over EACCES where the caller
 * may look the name up. */
int rights_add(const struct vctx *ctx, struct vnode *dir, const char *name);
/* Whether the caller may make a special file of this name. EPERM: only root makes device nodes. */
int rights_special(const struct vctx *ctx, struct vnode *dir, const char *name, enum vtype type);
/* Whether the caller may CREATE this name; CREATE opens an existing file where the name does not
 * have to be new. */
int rights_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                  const struct vcreate *how);
/* Whether the caller may remove a name from `dir`. In sticky directories only the owners of the
 * directory and of the object may. EACCES, EPERM; ENOENT takes precedence where the caller may look
 * the name up. */
int rights_take(const struct vctx *ctx, struct vnode *dir, const char *name);
int rights_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                  struct vnode *to_dir, const char *to);

#endif
