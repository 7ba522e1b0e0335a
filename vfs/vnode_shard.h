/*
 * vnode_shard.h - one shard of the vnode table: its chains, by which nodes are found, and its
 * rings, on which the clock's hands go round.
 *
 * Nodes that hold descriptors have a ring of their own: where descriptors are short, they are some
 * among very many, and whoever looks for them must not have to look at all.
 *
 * For vnode_table.c alone, which owns the shards and calls all of this with the shard's lock held.
 */
#ifndef VFS_VNODE_SHARD_H
#define VFS_VNODE_SHARD_H

#include <loopnfs/vnode.h>
#include <pthread.h>

#define SHARDS 64

struct ring {
    struct vnode *front; /* where the hand is; NULL where empty */
    uint32_t count;
};

struct shard {
    pthread_mutex_t lock;
    struct vnode **buckets; /* mask + 1 chains */
    uint32_t mask;
    struct ring closed, open; /* all nodes are on one of them: open has those with VNODE_OPEN */
    uint64_t hits;            /* of vnode_load() */
} __attribute__((aligned(64)));

static inline uint32_t shard_count(const struct shard *shard)
{
    return shard->closed.count + shard->open.count;
}

/* The node with this id and hash, referenced and marked as touched; NULL: there is none. */
struct vnode *shard_find(struct shard *shard, const struct vfs *fs, const struct vnode_id *id,
                         uint32_t hash);
/* Enters a node, which is not in it: it is found from now on, and the last that a hand meets. */
void shard_add(struct shard *shard, struct vnode *vn);
/* The node is not found any more, but stays on the ring. */
void shard_hide(struct shard *shard, struct vnode *vn);
/* Takes an unused node out for good: it is the caller's. */
void shard_remove(struct shard *shard, struct vnode *vn);
/* Moves a node to the end of the ring that it belongs to now. */
void shard_set_open(struct shard *shard, struct vnode *vn, bool open);

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
