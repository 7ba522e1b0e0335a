/*
 * node_life.h - between the vnode table, the mounts and cookies.c, and nobody else.
 */
#ifndef VFS_NODE_LIFE_H
#define VFS_NODE_LIFE_H

#include <loopnfs/vfs.h>

/* A node of `fs` was freed. The last one of a file system that nobody holds ends it. */
void vfs_node_gone(struct vfs *fs);
/* vnode_intern() for an id that cookies.c made: `flags` (enum vnode_flags) are the new node's. */
int vnode_intern_flagged(struct vfs *fs, const struct vnode_id *id, enum vtype type, unsigned flags,
                         struct vnode **out);
/* vnode_forget(), but the node's number stays its own. */
void vnode_doom(struct vnode *vn);

#endif
