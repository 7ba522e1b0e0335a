/*
 * disk.h - host file systems as a whole, and which nodes have writes on them that are not flushed
 * yet (disk.c); what is flushed when (sync.c). For the other files of hostfs.
 */
#ifndef HOSTFS_DISK_H
#define HOSTFS_DISK_H

#include "hostfs.h"

/* Returns the disk with this device number, and makes it where it is not known yet. It is given
 * back by hostfs_disk_put(), which accepts NULL. NULL: no memory. */
struct hostfs_disk *hostfs_disk_get(dev_t dev);
void hostfs_disk_put(struct hostfs_disk *disk);
_Atomic uint64_t *hostfs_disk_verifier(struct hostfs_disk *disk);
uint64_t hostfs_verifier(struct vnode *vn);
/* To be called before an unstable write to a node whose write descriptor is open: the node is kept
 * until a flush from now on. False: too many nodes are kept already; the caller has to flush after
 * the write. */
bool hostfs_write_begins(struct vnode *vn);
/* To be called after a flush: the node is no longer kept, unless more was written meanwhile. With
 * `all` it is never kept any longer, since the object is gone. */
void hostfs_unpin(struct vnode *vn, bool all);
/* To be called once a second: has a disk's thread flush nodes for which no COMMIT comes. */
void hostfs_disks_tick(struct hostfs *h);
/* Has the disks' threads flush all kept nodes of `h` now, so that they are let go. */
void hostfs_disks_flush(struct hostfs *h);
void hostfs_release(struct vfs *fs);

/* --- sync.c --- */

/* Flushes a file's data, by the descriptor that the node was written by, or else by fd. Its error,
 * whatever it is, has to reach the client, since it is told only once. data_only: flushes only
 * those attributes that are needed to read the data again. Sleeps. */
int hostfs_flush(struct vnode *vn, int fd, bool data_only);
/* Whether nothing has to be flushed: the export is async, or the file system is in memory. */
bool hostfs_needs_no_flush(const struct vctx *ctx, struct vnode *vn);
/* Like hostfs_flush(), but only where something has to be flushed. */
int hostfs_sync_data(const struct vctx *ctx, struct vnode *vn, int fd, bool data_only);
/* To be called after a change of names in `dir`, and in `other` (NULL: there is no second
 * directory); `vn` is the new object (NULL: there is none). Returns when the change is on stable
 * storage. */
int hostfs_sync_names(const struct vctx *ctx, struct vnode *dir, struct vnode *other,
                      struct vnode *vn);
/* To be called before hostfs_sync_names() for `name` in `dir`, which came from another directory.
 * If `name` is a directory, flushes it where that is needed. */
int hostfs_sync_moved(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name);
/* To be called after a change of attributes. */
int hostfs_sync_node(const struct vctx *ctx, struct vnode *vn);

#endif
