/*
 * mount.h - file systems while they are mounted; types.h has their kinds.
 *
 * exports/ mounts a file system for each export and drops it when the export goes; requests in
 * progress keep it alive through their vnodes.
 */
#ifndef VFS_MOUNT_H
#define VFS_MOUNT_H

#include "vfs/types.h"
#include <loopnfs/vfs.h>

/* Mounts a file system; *out has a reference for the caller. ENODEV: the kind is unknown; other
 * errors are the file system's. */
int vfs_mount(const char *type, const struct vfs_mount_args *args, struct vfs **out);
/* Finds out whether vfs_mount() would succeed, as far as the file system can tell without
 * mounting. */
int vfs_check(const char *type, const struct vfs_mount_args *args);
void vfs_ref(struct vfs *fs);
/* Gives up a reference. The last one does not wait: nodes that are still in use are reclaimed by
 * their last user. NULL is accepted. */
void vfs_put(struct vfs *fs);
/* Runs the tick() of every mounted file system, and that of the vnode table. Called by housekeeping
 * threads: where one file system hangs, another thread may call this meanwhile, and leaves that
 * file system out. */
void vfs_tick(void);
/* Makes every mounted file system give up everything that no call uses in this moment, so that the
 * host can unmount what is below it. */
void vfs_let_go(void);

/* Whether no file system is left that is mounted, or that is still in use. */
bool vfs_all_gone(void);

#endif
