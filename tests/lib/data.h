/*
 * data.h - reading and writing memory by vop_read() and vop_write(); and a file system's own
 * operations for a pipe of the test's. Parameters are those of struct vfs_ops.
 */
#ifndef TESTS_LIB_DATA_H
#define TESTS_LIB_DATA_H

#include "vfs/vop.h"

int data_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
              bool *eof, struct vattr *attr);
int data_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
               size_t *len, enum vstable *stable, struct vchange *change);
/* Of at most some KiB, from this thread's pipe where the file system can. */
int data_write_piped(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                     size_t *len, enum vstable *stable, struct vchange *change);
int data_splice(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe, size_t room,
                size_t *len, bool *eof, struct vattr *attr);
int data_splice_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                      size_t *len, enum vstable *stable, struct vchange *change);

#endif
