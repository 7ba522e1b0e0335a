/*
 * disk.h - a file system of the host as a whole, and who has written to it without a COMMIT since:
 * disk.c; and what is flushed when: sync.c. For the other files of hostfs.
 */
#ifndef HOSTFS_DISK_H
#define HOSTFS_DISK_H

#include "hostfs.h"

/* The disk with this device number, made known where it was not; NULL: no memory. Given back by
 * hostfs_disk_put(), which accepts NULL. */
struct hostfs_disk *hostfs_disk_get(dev_t dev);
void hostfs_disk_put(struct hostfs_disk *disk);
_Atomic uint64_t *hostfs_disk_verifier(struct hostfs_disk *disk);
uint64_t hostfs_verifier(struct vnode *vn);
/* An unstable write to a node whose descriptor to write by is open: from now on it is kept until a
 * flush. False: there are too many such nodes, and who writes has to flush himself afterwards. */
bool hostfs_write_begins(struct vnode *vn);
/* After a flush: the node is no longer kept, unless more was written; or, with `all`, whatever was,
 * since the object is gone. */
void hostfs_unpin(struct vnode *vn, bool all);
/* Once a second: has those flushed that nobody commits. */
void hostfs_disks_tick(struct hostfs *h);
/* Has what is pinned flushed now, by the thread, so that it is let go. */
void hostfs_disks_flush(struct hostfs *h);
void hostfs_release(struct vfs *fs);

/* --- sync.c --- */

/* The one flush of a file: what it says, whatever that is, is to be told. By fd, or by what the
 * node was written by; data_only: and only the attributes needed to read it again. Sleeps. */
int hostfs_flush(struct vnode *vn, int fd, bool data_only);
/* Whether a caller is promised nothing, or nothing can be flushed. */
bool hostfs_needs_no_flush(const struct vctx *ctx, struct vnode *vn);
/* Flushes a file's data where that was promised. */
int hostfs_sync_data(const struct vctx *ctx, struct vnode *vn, int fd, bool data_only);
/* After a change of names in `dir` (and of `other`, may be NULL: a second directory; and of the
 * new object `vn`, may be NULL): returns when it is on stable storage. */
int hostfs_sync_names(const struct vctx *ctx, struct vnode *dir, struct vnode *other,
                      struct vnode *vn);
/* Before that: NAME of `dir`, which came there from another directory, where it is a directory
 * itself. */
int hostfs_sync_moved(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name);
/* After a change of attributes. */
int hostfs_sync_node(const struct vctx *ctx, struct vnode *vn);

#endif
