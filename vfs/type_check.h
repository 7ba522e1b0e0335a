/*
 * type_check.h - whether a file system's table makes sense; for mount.c.
 */
#ifndef VFS_TYPE_CHECK_H
#define VFS_TYPE_CHECK_H

#include <loopnfs/vfs.h>

/* Whether the table can be mounted. Where it can't, a log line says what is wrong. */
bool type_check(const struct vfs_type *type);
/* The flags of a file system (enum vfs_flags) that its operations support; VFS_READ_ONLY where none
 * changes anything. */
uint32_t type_flags(const struct vfs_type *type);

#endif
