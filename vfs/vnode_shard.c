/*
 * vnode_shard.c - see vnode_shard.h.
 */
#include "vfs/vnode_shard.h"
#include "vfs/node_life.h"
#include <stdlib.h>
#include <string.h>

static struct ring *ring_of(struct shard *shard, const struct vnode *vn)
{
    return vn->table_flags & VNODE_OPEN ? &shard->open : &shard->closed;
}

static void ring_append(struct ring *ring, struct vnode *vn)
{
    struct vnode *front = ring->front;

    if (front == NULL) {
        vn->table.lru_next = vn->table.lru_prev = vn;
        ring->front = vn;
    } else {
        vn->table.lru_next = front;
        vn->table.lru_prev = front->table.lru_prev;
        front->table.lru_prev->table.lru_next = vn;
        front->table.lru_prev = vn;
    }
    ring->count++;
}

static void ring_remove(struct ring *ring, struct vnode *vn)
{
    if (vn->table.lru_next == vn) {
        ring->front = NULL;
    } else {
        vn->table.lru_next->table.lru_prev = vn->table.lru_prev;
        vn->table.lru_prev->table.lru_next = vn->table.lru_next;
        if (ring->front == vn)
            ring->front = vn->table.lru_next;
    }
    vn->table.lru_next = vn->table.lru_prev = NULL;
    ring->count--;
}

void shard_set_open(struct shard *shard, struct vnode *vn, bool open)
{
    ring_remove(ring_of(shard, vn), vn);
    if (open)
        vn->table_flags |= VNODE_OPEN;
    else
        vn->table_flags &= (uint16_t)~VNODE_OPEN;
    ring_append(ring_of(shard, vn), vn);
}

static struct vnode **chain_of(struct shard *shard, uint32_t hash)
{
    return &shard->buckets[(hash / SHARDS) & shard->mask];
}

/* Doubles the chains when they have grown to two nodes each; stays as it is without memory. */
static void chains_grow(struct shard *shard)
{
    uint32_t size = shard->mask + 1;

    if (shard_count(shard) < size * 2)
        return;
    struct vnode **buckets = calloc((size_t)size * 2, sizeof(*buckets));
    if (buckets == NULL)
        return;
    uint32_t mask = size * 2 - 1;
    for (uint32_t i = 0; i < size; i++) {
        struct vnode *vn = shard->buckets[i], *next;
        for (; vn != NULL; vn = next) {
            next = vn->table.hash_next;
            struct vnode **at = &buckets[(vn->table.hash / SHARDS) & mask];
            vn->table.hash_next = *at;
            *at = vn;
        }
    }
    free(shard->buckets);
    shard->buckets = buckets;
    shard->mask = mask;
}

struct vnode *shard_find(struct shard *shard, const struct vfs *fs, const struct vnode_id *id,
                         uint32_t hash)
{
    struct vnode *vn = *chain_of(shard, hash);

    for (; vn != NULL; vn = vn->table.hash_next) {
        if (vn->table.hash == hash && vn->fs == fs && vn->id_len == id->len &&
            memcmp(vn->id, id->bytes, id->len) == 0) {
            refs_take(vn);
            if (!(vn->table_flags & VNODE_TOUCHED))
                vn->table_flags |= VNODE_TOUCHED;
            return vn;
        }
    }
    return NULL;
}

void shard_add(struct shard *shard, struct vnode *vn)
{
    chains_grow(shard);
    struct vnode **at = chain_of(shard, vn->table.hash);
    vn->table.hash_next = *at;
    *at = vn;
    vn->table_flags |= VNODE_HASHED;
    ring_append(ring_of(shard, vn), vn);
}

void shard_hide(struct shard *shard, struct vnode *vn)
{
    if (!(vn->table_flags & VNODE_HASHED))
        return;
    struct vnode **at = chain_of(shard, vn->table.hash);
    while (*at != vn)
        at = &(*at)->table.hash_next;
    *at = vn->table.hash_next;
    vn->table.hash_next = NULL;
    vn->table_flags &= (uint16_t)~VNODE_HASHED;
}

void shard_remove(struct shard *shard, struct vnode *vn)
{
    shard_hide(shard, vn);
    ring_remove(ring_of(shard, vn), vn);
}

uint32_t vnode_users(const struct vnode *vn)
{
    return vn->table.refs;
}
