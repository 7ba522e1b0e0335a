/*
 * vnode_table.c - every node of every mounted file system, found by its id.
 *
 * The gate asks for nodes by the id in a client's handle (vnode_load()), and file systems intern
 * the nodes that they come across (vnode_intern()). The table owns all nodes. It is split into
 * shards by a hash of the id. Each shard has a lock, hash chains, and rings on which its nodes lie.
 * A ring works as a clock: its hand takes nodes from the front, gives another round to nodes that
 * were touched since its last visit, and reclaims the others while there are too many nodes, nodes
 * without descriptors first. Where too many descriptors are open, a second hand goes round the
 * nodes that have some, and makes them give theirs up.
 *
 * Locks: a shard's lock guards its chains, rings and counts, and the step of a node from no user to
 * one and back. The only operations of a file system that run under it are init and drop, which
 * must not block. reclaim runs after the node has left the table, when nothing refers to it any
 * more.
 */
#include "vfs/vnode_table.h"
#include "base/hash.h"
#include "base/wait_place.h"
#include "vfs/closer.h"
#include "vfs/cookies.h"
#include "vfs/mounted.h"
#include "vfs/node_life.h"
#include "vfs/node_verify.h"
#include "vfs/vnode_shard.h"
#include "vfs/vop_check.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many nodes the hand may look at for each node that is added. It bounds the work of one
 * request. */
#define HAND_STEPS 32
/* How many nodes it reclaims in that case: more than one, so that an overfull table shrinks. */
#define RECLAIM_BATCH 4
/* How many nodes one search for descriptors to close may look at. */
#define SWEEP_NODES 2048

static struct {
    struct shard shards[SHARDS];
    uint32_t shard_max; /* nodes a shard keeps when it has a choice */
    int32_t fds_max;
    _Atomic int32_t fds;
    _Atomic uint64_t nodes, misses, evictions;
} table;

/* --- the end of nodes --- */

static struct wait_place *place_of(const struct vnode *vn)
{
    const struct vfs_ops *ops = &vn->fs->type->ops;

    return ops->place != NULL ? ops->place(vn) : mounted_of(vn->fs)->place;
}

/* Frees a node to which nothing refers any more; no lock is held. The node's descriptors are closed
 * first: closing may hang, and the calling thread may be on its way to another file system. */
static void node_free(struct vnode *vn)
{
    struct vnode_drops drops = {.fs = vn->fs};
    struct vfs *fs = vn->fs;

    if (vnode_fds(vn) > 0 && fs->type->ops.drop != NULL)
        fs->type->ops.drop(vn, true, &drops);
    closer_release(place_of(vn), &drops);
    if (fs->type->ops.reclaim != NULL)
        fs->type->ops.reclaim(vn);
    cookies_node_gone(vn);
    free(vn);
    table.nodes--;
    vfs_node_gone(fs);
}

/* Moves the hand of a ring on by at most HAND_STEPS nodes and at most two rounds; the second round
 * takes nodes that the first one found touched. Nodes that it takes out are chained by hash_next
 * from *out. Returns false where it took none. Lock held. */
static bool hand_move(struct shard *shard, struct ring *ring, struct vnode **out)
{
    uint32_t steps = ring->count < HAND_STEPS / 2 ? ring->count * 2 : HAND_STEPS;
    int taken = 0;

    for (; steps > 0 && ring->front != NULL && taken < RECLAIM_BATCH &&
           shard_count(shard) > table.shard_max;
         steps--) {
        struct vnode *vn = ring->front;
        if (vn->table.refs > 0 || vn->table_flags & VNODE_TOUCHED) {
            vn->table_flags &= (uint16_t)~VNODE_TOUCHED;
            ring->front = vn->table.lru_next;
            continue;
        }
        shard_remove(shard, vn);
        vn->table.hash_next = *out;
        *out = vn;
        taken++;
        table.evictions++;
    }
    return taken > 0;
}

/* Makes a node without users give up its descriptors; lock held. */
static void node_drop(struct shard *shard, struct vnode *vn, struct vnode_drops *drops)
{
    if (vn->fs->type->ops.drop != NULL)
        vn->fs->type->ops.drop(vn, false, drops);
    if (vn->table_flags & VNODE_OPEN && vnode_fds(vn) == 0)
        shard_set_open(shard, vn, false);
}

/* Makes at most `most` idle nodes give up their descriptors to `batch`, until no more than `enough`
 * are open or the batch is full. Returns how many more nodes the caller may look at. */
static uint32_t shard_sweep(struct shard *shard, int32_t enough, uint32_t most,
                            struct closer_batch *batch)
{
    struct ring *ring = &shard->open;

    pthread_mutex_lock(&shard->lock);
    uint32_t left = ring->count < most ? ring->count : most;
    most -= left;
    for (; left > 0 && ring->front != NULL && table.fds > enough && closer_has_room(batch);
         left--) {
        struct vnode *vn = ring->front;
        struct vnode_drops drops = {.fs = vn->fs};
        ring->front = vn->table.lru_next;
        bool idle = vn->table.refs == 0 && !(vn->table_flags & VNODE_TOUCHED);
        if (vn->table.refs == 0)
            vn->table_flags &= (uint16_t)~VNODE_TOUCHED;
        if (!idle)
            continue;
        struct wait_place *place = place_of(vn);
        node_drop(shard, vn, &drops);
        closer_add(batch, place, &drops);
    }
    pthread_mutex_unlock(&shard->lock);
    return most;
}

/* Closes descriptors until a few less are open than may be, so that not every open comes here. Each
 * call goes on where the last one stopped. A second turn closes the descriptors of nodes that the
 * first one found touched. */
static void fds_shrink(void)
{
    static atomic_flag sweeping = ATOMIC_FLAG_INIT;
    static unsigned turn; /* used only by the thread that has set `sweeping` */
    const int32_t enough = table.fds_max - table.fds_max / 16;
    struct closer_batch batch = {.count = 0};

    if (table.fds <= table.fds_max || atomic_flag_test_and_set(&sweeping))
        return;
    uint32_t most = SWEEP_NODES;
    for (int i = 0; i < 2 * SHARDS && most > 0 && table.fds > enough && closer_has_room(&batch);
         i++)
        most = shard_sweep(&table.shards[turn++ % SHARDS], enough, most, &batch);
    atomic_flag_clear(&sweeping);
    closer_flush(&batch); /* this may hang; other threads can make room meanwhile */
}

static void nodes_free(struct vnode *chain)
{
    while (chain != NULL) {
        struct vnode *vn = chain;
        chain = vn->table.hash_next;
        node_free(vn);
    }
}

/* --- what file systems and the gate call --- */

static uint32_t id_hash(const struct vfs *fs, const struct vnode_id *id)
{
    return (uint32_t)hash_bytes(id->bytes, id->len, (uintptr_t)fs);
}

static struct shard *shard_of(uint32_t hash)
{
    return &table.shards[hash % SHARDS];
}

static struct vnode *find(struct vfs *fs, const struct vnode_id *id, bool count)
{
    uint32_t hash = id_hash(fs, id);
    struct shard *shard = shard_of(hash);

    pthread_mutex_lock(&shard->lock);
    struct vnode *vn = shard_find(shard, fs, id, hash);
    shard->hits += count && vn != NULL;
    pthread_mutex_unlock(&shard->lock);
    node_verify_note(vn);
    return vn;
}

struct vnode *vnode_find(struct vfs *fs, const struct vnode_id *id)
{
    return find(fs, id, false);
}

static struct vnode *node_alloc(struct vfs *fs, const struct vnode_id *id, enum vtype type,
                                unsigned flags, uint32_t hash)
{
    /* 7 bytes are room to align the private part after an id of any length. */
    struct vnode *vn =
        calloc(1, sizeof(*vn) + id->len + 7 + fs->type->node_size + cookies_node_size(flags));

    if (vn == NULL)
        return NULL;
    vn->fs = fs;
    vn->table.refs = 1;
    vn->table.hash = hash;
    vn->type = (uint8_t)type;
    vn->table_flags = (uint16_t)(VNODE_TOUCHED | flags);
    vn->id_len = id->len;
    memcpy(vn->id, id->bytes, id->len);
    return vn;
}

static int intern(struct vfs *fs, const struct vnode_id *id, enum vtype type, unsigned flags,
                  void (*init)(struct vnode *vn, void *arg), void *arg, struct vnode **out,
                  bool *fresh)
{
    struct vnode *evicted = NULL;
    uint32_t hash = id_hash(fs, id);
    struct shard *shard = shard_of(hash);

    pthread_mutex_lock(&shard->lock);
    struct vnode *vn = shard_find(shard, fs, id, hash);
    bool made = vn == NULL;
    if (made) {
        vn = node_alloc(fs, id, type, flags, hash);
        if (vn == NULL) {
            pthread_mutex_unlock(&shard->lock);
            return ENOMEM;
        }
        if (init != NULL)
            init(vn, arg);
        shard_add(shard, vn);
        mounted_of(fs)->nodes++;
        table.nodes++;
        if (!hand_move(shard, &shard->closed, &evicted))
            hand_move(shard, &shard->open, &evicted);
    }
    pthread_mutex_unlock(&shard->lock);
    nodes_free(evicted);
    if (fresh != NULL)
        *fresh = made;
    node_verify_note(vn);
    *out = vn;
    return 0;
}

int vnode_intern(struct vfs *fs, const struct vnode_id *id, enum vtype type,
                 void (*init)(struct vnode *vn, void *arg), void *arg, struct vnode **out,
                 bool *fresh)
{
    return intern(fs, id, type, 0, init, arg, out, fresh);
}

int vnode_intern_flagged(struct vfs *fs, const struct vnode_id *id, enum vtype type, unsigned flags,
                         struct vnode **out)
{
    return intern(fs, id, type, flags, NULL, NULL, out, NULL);
}

int vnode_enter(const struct vnode *vn)
{
    return wait_enter(place_of(vn));
}

int vnode_load(const struct vctx *ctx, struct vfs *fs, const struct vnode_id *id,
               struct vnode **out)
{
    struct vnode *vn = find(fs, id, true);
    int err;

    if (vn != NULL) {
        err = vnode_enter(vn);
        if (err == 0 && fs->type->ops.revisit != NULL)
            err = fs->type->ops.revisit(vn);
        if (err != 0)
            vnode_put(vn);
        else
            *out = vn;
        return err;
    }
    table.misses++;
    err = cookies_check(fs, id);
    /* else only the file system knows the place, and enters it */
    if (err == 0 && fs->type->ops.place == NULL)
        err = wait_enter(mounted_of(fs)->place);
    if (err != 0)
        return err;
    if (fs->type->ops.load == NULL)
        return cookies_load(fs, id, out);
    *out = NULL;
    const struct vfs_ops *ops = &fs->type->ops;
    err = ops->load_for != NULL ? ops->load_for(ctx, fs, id, out) : ops->load(fs, id, out);
    bool wrong = err < 0 || (err == 0 && !node_verify(fs, *out));
    return wrong ? vop_broken(fs->root, "load", "returned no node of its own, or no error") : err;
}

void vnode_ref(struct vnode *vn)
{
    vn->table.refs++; /* never from 0: the caller has a reference */
    node_verify_note(vn);
}

/* To be called when the last user gave a node back; lock held. True: the node has left the table
 * and is the caller's. */
static bool last_put(struct shard *shard, struct vnode *vn, struct vnode_drops *drops)
{
    if (vn->table_flags & VNODE_DOOMED || mounted_of(vn->fs)->dying) {
        shard_remove(shard, vn);
        return true;
    }
    if (vn->table_flags & VNODE_DROP) {
        vn->table_flags &= (uint16_t)~VNODE_DROP;
        node_drop(shard, vn, drops);
    }
    return false;
}

void vnode_put(struct vnode *vn)
{
    struct vnode_drops drops;

    if (vn == NULL)
        return;
    node_verify_gone(vn);
    uint32_t refs = vn->table.refs;
    while (refs > 1)
        if (atomic_compare_exchange_weak(&vn->table.refs, &refs, refs - 1))
            return;
    struct shard *shard = shard_of(vn->table.hash);
    struct wait_place *place = place_of(vn);
    pthread_mutex_lock(&shard->lock);
    drops.fs = vn->fs;
    drops.count = drops.max = 0; /* the list itself needs no clearing at each reference */
    drops.keeps = false;
    bool ended = refs_drop(vn) && last_put(shard, vn, &drops);
    pthread_mutex_unlock(&shard->lock);
    if (ended)
        node_free(vn);
    closer_release(place, &drops);
    fds_shrink();
}

void vnode_forget(struct vnode *vn)
{
    /* First of all: a node that is made with this number from here on must not get this node's
     * id. */
    if (!(vn->table_flags & VNODE_DOOMED))
        cookies_forget(vn);
    vnode_doom(vn);
}

void vnode_doom(struct vnode *vn)
{
    struct shard *shard = shard_of(vn->table.hash);

    pthread_mutex_lock(&shard->lock);
    shard_hide(shard, vn);
    vn->table_flags |= VNODE_DOOMED;
    pthread_mutex_unlock(&shard->lock);
}

unsigned vnode_drop_root(struct vnode *root, struct vnode_dropped *dropped, unsigned max)
{
    struct vnode_drops drops = {.fs = root->fs, .max = max, .keeps = true};
    struct shard *shard = shard_of(root->table.hash);

    pthread_mutex_lock(&shard->lock);
    node_drop(shard, root, &drops);
    pthread_mutex_unlock(&shard->lock);
    for (unsigned i = 0; i < drops.count; i++)
        dropped[i] = drops.list[i];
    return drops.count;
}

void vnode_drop_soon(struct vnode *vn)
{
    vn->table_flags |= VNODE_DROP;
}

void vnode_count_fds(struct vnode *vn, int delta)
{
    struct shard *shard = shard_of(vn->table.hash);

    table.fds += delta;
    if (delta < 0) { /* called by drop or reclaim: no other thread uses the node */
        vnode_fds_add(vn, delta);
        return;
    }
    pthread_mutex_lock(&shard->lock);
    vnode_fds_add(vn, delta);
    if (!(vn->table_flags & VNODE_OPEN) && vn->fs->type->ops.drop != NULL)
        shard_set_open(shard, vn, true);
    pthread_mutex_unlock(&shard->lock);
}

/* --- housekeeping, start and end --- */

void vnode_table_tick(void)
{
    struct closer_batch batch = {.count = 0};

    for (int i = 0; i < SHARDS && table.fds > 0; i++) {
        shard_sweep(&table.shards[i], 0, SWEEP_NODES, &batch);
        closer_flush(&batch);
    }
}

/* Takes the unused nodes of `fs` off the ring into *taken, and dooms the others. Lock held. */
static void ring_flush(struct shard *shard, struct ring *ring, const struct vfs *fs,
                       struct vnode **taken)
{
    struct vnode *vn = ring->front;

    for (uint32_t left = ring->count; left > 0; left--) {
        struct vnode *next = vn->table.lru_next;
        if (vn->fs == fs && vn->table.refs == 0) {
            shard_remove(shard, vn);
            vn->table.hash_next = *taken;
            *taken = vn;
        } else if (vn->fs == fs) {
            shard_hide(shard, vn);
            vn->table_flags |= VNODE_DOOMED;
        }
        vn = next;
    }
}

static struct vnode *shard_flush(struct shard *shard, const struct vfs *fs)
{
    struct vnode *taken = NULL;

    pthread_mutex_lock(&shard->lock);
    ring_flush(shard, &shard->closed, fs, &taken);
    ring_flush(shard, &shard->open, fs, &taken);
    pthread_mutex_unlock(&shard->lock);
    return taken;
}

void vnode_table_flush(struct vfs *fs)
{
    for (int i = 0; i < SHARDS; i++)
        nodes_free(shard_flush(&table.shards[i], fs));
}

int vnode_table_init(uint32_t nodes_max, uint32_t fds_max)
{
    memset(&table, 0, sizeof(table));
    table.shard_max = nodes_max / SHARDS + 1;
    table.fds_max = fds_max > INT32_MAX ? INT32_MAX : (int32_t)fds_max;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &table.shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        shard->mask = 63;
        shard->buckets = calloc(shard->mask + 1, sizeof(*shard->buckets));
        if (shard->buckets == NULL) {
            vnode_table_finish();
            return ENOMEM;
        }
    }
    return 0;
}

uint32_t vnode_nodes_max(void)
{
    return table.shard_max * SHARDS;
}

uint32_t vnode_fds_max(void)
{
    return (uint32_t)table.fds_max;
}

void vnode_table_finish(void)
{
    for (int i = 0; i < SHARDS; i++) {
        free(table.shards[i].buckets);
        table.shards[i].buckets = NULL;
        pthread_mutex_destroy(&table.shards[i].lock);
    }
}

void vnode_table_stats_get(struct vnode_table_stats *stats)
{
    stats->hits = 0;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &table.shards[i];
        pthread_mutex_lock(&shard->lock);
        stats->hits += shard->hits;
        pthread_mutex_unlock(&shard->lock);
    }
    stats->nodes = table.nodes;
    stats->fds = (uint64_t)(table.fds > 0 ? table.fds : 0);
    stats->misses = table.misses;
    stats->evictions = table.evictions;
}
