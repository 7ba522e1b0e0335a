/*
 * node_verify.h - whether a pointer that a file system gave for a node is one.
 *
 * A wild pointer from an author's lookup must not take the server down. The vnode table notes the
 * node whose reference it gave out last on this thread. That is nearly always the node that an
 * operation gives back, and then nothing else is checked. Every other pointer (to memory of the
 * author's own, to a node that was freed, to a node from another thread) is looked up in the table
 * before it is used.
 */
#ifndef VFS_NODE_VERIFY_H
#define VFS_NODE_VERIFY_H

#include <loopnfs/vfs.h>

extern _Thread_local const struct vnode *node_verified_last;

/* The table calls these: it gave this thread a reference on `vn`; the node loses a reference. */
static inline void node_verify_note(const struct vnode *vn)
{
    node_verified_last = vn;
}
static inline void node_verify_gone(const struct vnode *vn)
{
    if (node_verified_last == vn)
        node_verified_last = NULL;
}

/* The look-up in the table. `vn` may be any pointer. */
bool node_verify_slow(struct vfs *fs, const struct vnode *vn);

/* Whether `vn` is a node of this file system. */
static inline bool node_verify(struct vfs *fs, const struct vnode *vn)
{
    return vn != NULL && vn == node_verified_last ? vn->fs == fs : node_verify_slow(fs, vn);
}

#endif
