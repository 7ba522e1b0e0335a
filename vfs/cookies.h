/*
 * cookies.h - ids made of numbers and of registered pointers; between the mounts, the vnode table
 * and cookies.c. What file systems call is in loopnfs/vfs.h.
 */
#ifndef VFS_COOKIES_H
#define VFS_COOKIES_H

#include <loopnfs/vfs.h>

/* For a file system that is being mounted: sets fs->cookies. ENOMEM. */
int cookies_create(struct vfs *fs);
/* It is being unmounted: registered nodes are kept no longer. */
void cookies_release(struct vfs *fs);
/* After the last node is gone. */
void cookies_destroy(struct vfs *fs);

/* The node is being forgotten: its number, if it has one, is free for another. */
void cookies_forget(struct vnode *vn);
/* The node is freed, and nobody knows it: calls `done` of vnode_unregister(). */
void cookies_node_gone(struct vnode *vn);
/* Whether an id that is not in the table can still mean a node; ESTALE. */
int cookies_check(struct vfs *fs, const struct vnode_id *id);
/* For a file system without load: makes a node with a number anew. ESTALE. */
int cookies_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out);
/* Bytes that a node with these flags (enum vnode_flags) needs besides its private part. */
size_t cookies_node_size(unsigned flags);

#endif
