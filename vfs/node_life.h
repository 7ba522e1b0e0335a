/*
 * node_life.h - what the vnode table, the mounts and cookies.c call of each other. No other file
 * includes it.
 */
#ifndef VFS_NODE_LIFE_H
#define VFS_NODE_LIFE_H

#include <loopnfs/vfs.h>

/* To be called when a node of `fs` was freed. The last node of a file system that nothing holds
 * ends the file system. */
void vfs_node_gone(struct vfs *fs);
/* Like vnode_intern(), for an id that cookies.c made. `flags` (enum vnode_flags) are set on a new
 * node. */
int vnode_intern_flagged(struct vfs *fs, const struct vnode_id *id, enum vtype type, unsigned flags,
                         struct vnode **out);
/* Like vnode_forget(), but the node's number may not be used for another node. */
void vnode_doom(struct vnode *vn);

#endif
