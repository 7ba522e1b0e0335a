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

/* Mounts; *out has a reference. ENODEV for an unknown kind, else what the file system says. */
int vfs_mount(const char *type, const struct vfs_mount_args *args, struct vfs **out);
/* Finds out whether vfs_mount() would, as far as the file system can tell without mounting. */
int vfs_check(const char *type, const struct vfs_mount_args *args);
void vfs_ref(struct vfs *fs);
/* The last reference waits for nobody: nodes still in use are reclaimed by their last user. NULL
 * is accepted. */
void vfs_put(struct vfs *fs);
/* Runs every mounted file system's tick(), and the vnode table's. For housekeeping; where one hangs
 * another thread may call it meanwhile, and leaves that one out. */
void vfs_tick(void);
/* Has every mounted file system give up what no call uses in this moment, so that the host can
 * unmount what is below. */
void vfs_let_go(void);

/* Whether no file system is left: none that is mounted, and none that something still uses. */
bool vfs_all_gone(void);

#endif
