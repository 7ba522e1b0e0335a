/*
 * node_verify.h - whether what a file system gave for a node is one.
 *
 * A wild pointer from an author's lookup must not take the server down. The vnode table notes the
 * reference it handed out last on this thread, which is the one an operation gives back nearly
 * always: then nothing else is looked at. Everything else (a pointer of the author's own, a node
 * that was freed, an answer from another thread) is looked up in the table before it is believed.
 */
#ifndef VFS_NODE_VERIFY_H
#define VFS_NODE_VERIFY_H

#include <loopnfs/vfs.h>

extern _Thread_local const struct vnode *node_verified_last;

/* The table gave a reference to this thread; its last one has gone. */
static inline void node_verify_note(const struct vnode *vn)
{
    node_verified_last = vn;
}
static inline void node_verify_gone(const struct vnode *vn)
{
    if (node_verified_last == vn)
        node_verified_last = NULL;
}

/* The look-up, where `vn` may be anything. */
bool node_verify_slow(struct vfs *fs, const struct vnode *vn);

/* Whether `vn` is a node of this file system. */
static inline bool node_verify(struct vfs *fs, const struct vnode *vn)
{
    return vn != NULL && vn == node_verified_last ? vn->fs == fs : node_verify_slow(fs, vn);
}

#endif
