/*
 * node_life.h - what the vnode table, the mounts and cookies.c call of each other. No other file
 * includes it.
 */
#ifndef VFS_NODE_LIFE_H
#define VFS_NODE_LIFE_H

#include <loopnfs/vfs.h>

/* struct vnode's table_flags: the flags, and above them how many descriptors the node holds, which
 * changes only under the lock of the table's shard. */
enum vnode_flags {
    VNODE_HASHED = 1,        /* the table finds it */
    VNODE_TOUCHED = 2,       /* used since the clock's hand passed by */
    VNODE_DROP = 4,          /* it is to drop what it holds when its last user is gone */
    VNODE_IS_ROOT = 8,       /* the root of its file system: `..` of it is itself */
    VNODE_DOOMED = 16,       /* forgotten: freed with its last reference */
    VNODE_NUMBER = 32,       /* its id was made of a number (vnode_intern_number) */
    VNODE_POINTER = 64,      /* its id stands for a registered pointer (vnode_register) */
    VNODE_OPEN = 128,        /* on the ring of nodes that can give up descriptors */
    VNODE_FDS_ONE = 1 << 12, /* one descriptor */
};
#define VNODE_FDS_MAX VNODE_DROPS_MAX

static inline unsigned vnode_fds(const struct vnode *vn)
{
    return vn->table_flags / VNODE_FDS_ONE;
}
/* The count stays between none and VNODE_FDS_MAX, whatever a file system says. */
static inline void vnode_fds_add(struct vnode *vn, int delta)
{
    int count = (int)vnode_fds(vn) + delta;

    if (count < 0 || count > VNODE_FDS_MAX)
        delta += count < 0 ? -count : VNODE_FDS_MAX - count;
    vn->table_flags += (uint16_t)(delta * VNODE_FDS_ONE);
}

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
