/*
 * cookies.h - ids made of numbers and of registered pointers: what mounts and the vnode table call.
 * What file systems call is in loopnfs/vfs.h.
 */
#ifndef VFS_COOKIES_H
#define VFS_COOKIES_H

#include <loopnfs/vfs.h>

/* For a file system that is being mounted: sets its cookies. ENOMEM. */
int cookies_create(struct vfs *fs);
/* Gives up all registered nodes of a file system that is being unmounted. */
void cookies_release(struct vfs *fs);
/* To be called after the last node is gone. */
void cookies_destroy(struct vfs *fs);

/* The node is being forgotten: its number, if it has one, may be used for another node from here
 * on. */
void cookies_forget(struct vnode *vn);
/* The node is being freed, and nothing refers to it any more: calls `done` of
 * vnode_unregister(). */
void cookies_node_gone(struct vnode *vn);
/* Whether an id that the table does not have can still mean a node. 0: it can; ESTALE: it can't. */
int cookies_check(struct vfs *fs, const struct vnode_id *id);
/* Loads a node for a file system that has no load operation: makes a node of the id's number
 * where getattr knows the number. *out has a reference for the caller. ESTALE, VFS_EJUKEBOX,
 * EIO, ENOMEM. */
int cookies_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out);
/* Bytes that a node with these flags (enum vnode_flags) needs besides the file system's part. */
size_t cookies_node_size(unsigned flags);

#endif
