/*
 * vnode_shard.h - one shard of the vnode table: its chains, by which nodes are found, and its ring,
 * on which the clock's hand goes round.
 *
 * For vnode_table.c alone, which owns the shards and calls all of this with the shard's lock held.
 */
#ifndef VFS_VNODE_SHARD_H
#define VFS_VNODE_SHARD_H

#include <loopnfs/vnode.h>
#include <pthread.h>

#define SHARDS 64

struct shard {
    pthread_mutex_t lock;
    struct vnode **buckets; /* mask + 1 chains */
    uint32_t mask;
    uint32_t count;      /* nodes on the ring */
    struct vnode *front; /* the clock's ring; NULL where empty */
    uint64_t hits;       /* of shard_find() */
} __attribute__((aligned(64)));

/* The node with this id and hash, referenced and marked as touched; NULL: there is none. */
struct vnode *shard_find(struct shard *shard, const struct vfs *fs, const struct vnode_id *id,
                         uint32_t hash);
/* Enters a node, which is not in it: it is found from now on, and the last that the hand meets. */
void shard_add(struct shard *shard, struct vnode *vn);
/* The node is not found any more, but stays on the ring. */
void shard_hide(struct shard *shard, struct vnode *vn);
/* Takes an unused node out for good: it is the caller's. */
void shard_remove(struct shard *shard, struct vnode *vn);

/*
 * References. The way from none to one and back is the lock's: who holds it may count there without
 * an atomic operation, which costs more than all else here.
 */
static inline void refs_take(struct vnode *vn)
{
    if (atomic_load_explicit(&vn->refs, memory_order_relaxed) == 0)
        atomic_store_explicit(&vn->refs, 1, memory_order_relaxed);
    else
        vn->refs++;
}

/* True: it was the last. */
static inline bool refs_drop(struct vnode *vn)
{
    if (atomic_load_explicit(&vn->refs, memory_order_acquire) != 1)
        return --vn->refs == 0;
    atomic_store_explicit(&vn->refs, 0, memory_order_relaxed);
    return true;
}

#endif
