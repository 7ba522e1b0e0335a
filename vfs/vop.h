/*
 * vop.h - one checked wrapper for each operation of a file system.
 *
 * nfsd/ and mountd/ call file systems only through these. A wrapper checks names (empty or with
 * '/' or NUL: EINVAL; over 255 bytes: ENAMETOOLONG), types (ENOTDIR, EISDIR, EINVAL), read-only
 * file systems (EROFS), crossing file systems (EXDEV), and missing operations (EOPNOTSUPP);
 * afterwards that the file system kept its contract (else EIO and a log line that names it), and
 * fills attributes the operation left out. Parameters are those of struct vfs_ops (loopnfs/vfs.h),
 * but names are views of the caller's bytes, and data is a payload.
 */
#ifndef VFS_VOP_H
#define VFS_VOP_H

#include "base/payload.h"
#include <loopnfs/vfs.h>

int vop_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr);
int vop_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                struct vchange *change);
int vop_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
               struct vattr *attr);
/* `.` is dir itself; `..` of a root is the root. */
int vop_lookup(const struct vctx *ctx, struct vnode *dir, struct view name, struct vnode **out,
               struct vattr *attr);
/* Like vop_lookup(), but gives the node's id only; no node is made where the file system can do
 * without. */
int vop_getattr_at(const struct vctx *ctx, struct vnode *dir, struct view name, struct vnode_id *id,
                   struct vattr *attr);
int vop_readlink(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size, size_t *len);
/* Reads up to out->len bytes, into the pipe or to out->data; out->len becomes the number of bytes
 * read. After success the attributes are always there. */
int vop_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, struct payload *out,
             bool *eof, struct vattr *attr);
/* Writes the first *len bytes of `in`, behind which there may only be padding; *len becomes the
 * number of bytes written. VFS_ESERVERFAULT: the data is lost, and the call can't be answered. */
int vop_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, struct payload *in,
              size_t *len, enum vstable *stable, struct vchange *change);
int vop_create(const struct vctx *ctx, struct vnode *dir, struct view name,
               const struct vcreate *how, struct vnode **out, struct vattr *attr,
               struct vchange *dir_change);
int vop_mkdir(const struct vctx *ctx, struct vnode *dir, struct view name,
              const struct vsetattr *set, struct vnode **out, struct vattr *attr,
              struct vchange *dir_change);
/* EINVAL: the target is empty or has a NUL. ENAMETOOLONG: it has more than VPATH_MAX - 1 bytes. */
int vop_symlink(const struct vctx *ctx, struct vnode *dir, struct view name, struct view target,
                const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                struct vchange *dir_change);
int vop_mknod(const struct vctx *ctx, struct vnode *dir, struct view name, enum vtype type,
              uint32_t rdev_major, uint32_t rdev_minor, const struct vsetattr *set,
              struct vnode **out, struct vattr *attr, struct vchange *dir_change);
int vop_remove(const struct vctx *ctx, struct vnode *dir, struct view name,
               struct vchange *dir_change);
int vop_rmdir(const struct vctx *ctx, struct vnode *dir, struct view name,
              struct vchange *dir_change);
int vop_rename(const struct vctx *ctx, struct vnode *from_dir, struct view from,
               struct vnode *to_dir, struct view to, struct vchange *from_change,
               struct vchange *to_change);
int vop_link(const struct vctx *ctx, struct vnode *vn, struct vnode *dir, struct view name,
             struct vattr *attr, struct vchange *dir_change);
/* Adds `.` (cookie 1) and `..` (cookie 2) before the file system's entries. */
int vop_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie, struct vdirents *page);
int vop_statfs(const struct vctx *ctx, struct vnode *vn, struct vstatfs *st);
int vop_pathconf(const struct vctx *ctx, struct vnode *vn, struct vpathconf *pc);
int vop_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
               struct vchange *change);
/* The write verifier of the node's data, to be asked for before a write and after a commit
 * (verifier.c). */
uint64_t vop_verifier(struct vnode *vn);

#endif
