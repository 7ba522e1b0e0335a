/*
 * type_check.h - whether a file system's table makes sense; for mount.c.
 */
#ifndef VFS_TYPE_CHECK_H
#define VFS_TYPE_CHECK_H

#include <loopnfs/vfs.h>

/* False, and a log line that says what is wrong, for a table that can't be mounted. */
bool type_check(const struct vfs_type *type);
/* Its flags (enum vfs_flags), less those for which it has no operations. */
uint32_t type_flags(const struct vfs_type *type);

#endif
