/*
 * vnode_shard.h - one shard of the vnode table: its hash chains, by which nodes are found, and its
 * rings, on which the hands of the clock algorithm go round.
 *
 * Nodes that hold descriptors have a ring of their own. They are few among very many nodes, so a
 * search for descriptors to close must not pass all nodes.
 *
 * Only vnode_table.c calls this. It owns the shards, and holds the shard's lock in each call.
 */
#ifndef VFS_VNODE_SHARD_H
#define VFS_VNODE_SHARD_H

#include <loopnfs/vnode.h>
#include <pthread.h>

#define SHARDS 64

struct ring {
    struct vnode *front; /* the node at which the hand is; NULL: the ring is empty */
    uint32_t count;
};

struct shard {
    pthread_mutex_t lock;
    struct vnode **buckets; /* mask + 1 chains */
    uint32_t mask;
    struct ring closed, open; /* each node is on one of them: on `open` with VNODE_OPEN */
    uint64_t hits;            /* of vnode_load() */
} __attribute__((aligned(64)));

static inline uint32_t shard_count(const struct shard *shard)
{
    return shard->closed.count + shard->open.count;
}

/* Returns the node with this id and hash, with a reference and marked as touched; NULL: there is
 * none. */
struct vnode *shard_find(struct shard *shard, const struct vfs *fs, const struct vnode_id *id,
                         uint32_t hash);
/* Adds a node that is not in the shard. It can be found from now on, and is the last one that a
 * hand comes to. */
void shard_add(struct shard *shard, struct vnode *vn);
/* Removes a node from its chain: it can't be found any more, but stays on its ring. */
void shard_hide(struct shard *shard, struct vnode *vn);
/* Removes a node without references. It belongs to the caller afterwards. */
void shard_remove(struct shard *shard, struct vnode *vn);
/* Sets or clears VNODE_OPEN, and moves the node to the end of the ring that it then belongs to. */
void shard_set_open(struct shard *shard, struct vnode *vn, bool open);

/*
 * References. The step from no reference to one, and the step back, are made under the shard's lock
 * only. A thread that holds the lock makes them without an atomic operation, which would cost more
 * than everything else here.
 */
static inline void refs_take(struct vnode *vn)
{
    if (atomic_load_explicit(&vn->table.refs, memory_order_relaxed) == 0)
        atomic_store_explicit(&vn->table.refs, 1, memory_order_relaxed);
    else
        vn->table.refs++;
}

/* Drops a reference. True: it was the last one. */
static inline bool refs_drop(struct vnode *vn)
{
    if (atomic_load_explicit(&vn->table.refs, memory_order_acquire) != 1)
        return --vn->table.refs == 0;
    atomic_store_explicit(&vn->table.refs, 0, memory_order_relaxed);
    return true;
}

#endif
