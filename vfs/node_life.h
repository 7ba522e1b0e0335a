/*
 * node_life.h - between the vnode table and the mounts, and nobody else.
 */
#ifndef VFS_NODE_LIFE_H
#define VFS_NODE_LIFE_H

#include <loopnfs/vfs.h>

/* A node of `fs` was freed. The last one of a file system that nobody holds ends it. */
void vfs_node_gone(struct vfs *fs);

#endif
