/*
 * node.c - nodes of memfs: their life, their numbers, and their vnodes.
 *
 * An id is the mount's epoch and the node's number, 8 bytes each. Numbers only grow, so an id never
 * leads to another node. The root's id has no epoch: a client that has the file system mounted goes
 * on with the new, empty one after a restart of the server.
 */
#include "memfs.h"
#include <stdlib.h>
#include <string.h>

#define ID_LEN      16
#define ROOT_NUMBER 1 /* the root is the first node that is made */

/* --- use of the limits --- */

static int take(_Atomic uint64_t *taken, uint64_t amount, uint64_t limit)
{
    uint64_t before = atomic_load_explicit(taken, memory_order_relaxed);

    do {
        if (before > limit || amount > limit - before)
            return ENOSPC;
    } while (!atomic_compare_exchange_weak(taken, &before, before + amount));
    return 0;
}

int memfs_charge(struct memfs *m, uint64_t bytes)
{
    return take(&m->bytes, bytes, m->limits.bytes);
}

void memfs_uncharge(struct memfs *m, uint64_t bytes)
{
    if (bytes == 0)
        return;
    m->bytes -= bytes;
    m->freed += bytes;
}

/* --- the table of numbers --- */

static struct memfs_numbers *shard_of(struct memfs *m, uint64_t number)
{
    return &m->numbers[number % MEMFS_NUMBER_SHARDS];
}

static struct memfs_node **bucket_of(const struct memfs_numbers *shard, uint64_t number)
{
    return &shard->buckets[(number / MEMFS_NUMBER_SHARDS) & shard->mask];
}

int memfs_numbers_init(struct memfs *m)
{
    for (int i = 0; i < MEMFS_NUMBER_SHARDS; i++)
        pthread_mutex_init(&m->numbers[i].lock, NULL);
    for (int i = 0; i < MEMFS_NUMBER_SHARDS; i++) {
        struct memfs_numbers *shard = &m->numbers[i];
        shard->mask = 15;
        shard->buckets = calloc(shard->mask + 1, sizeof(struct memfs_node *));
        if (shard->buckets == NULL)
            return ENOMEM;
    }
    return 0;
}

/* Doubles the number of chains. Without memory the table stays as it is. Lock held. */
static void numbers_grow(struct memfs_numbers *shard)
{
    struct memfs_numbers grown = {.mask = shard->mask * 2 + 1};

    grown.buckets = calloc(grown.mask + 1, sizeof(struct memfs_node *));
    if (grown.buckets == NULL)
        return;
    for (uint32_t i = 0; i <= shard->mask; i++) {
        struct memfs_node *node = shard->buckets[i], *next;
        for (; node != NULL; node = next) {
            struct memfs_node **at = bucket_of(&grown, node->number);
            next = node->number_next;
            node->number_next = *at;
            *at = node;
        }
    }
    free(shard->buckets);
    shard->buckets = grown.buckets;
    shard->mask = grown.mask;
}

static void numbers_insert(struct memfs *m, struct memfs_node *node)
{
    struct memfs_numbers *shard = shard_of(m, node->number);

    pthread_mutex_lock(&shard->lock);
    if (shard->count > shard->mask)
        numbers_grow(shard);
    struct memfs_node **at = bucket_of(shard, node->number);
    node->number_next = *at;
    *at = node;
    shard->count++;
    pthread_mutex_unlock(&shard->lock);
}

static void numbers_remove(struct memfs *m, struct memfs_node *node)
{
    struct memfs_numbers *shard = shard_of(m, node->number);

    pthread_mutex_lock(&shard->lock);
    struct memfs_node **at = bucket_of(shard, node->number);
    while (*at != node)
        at = &(*at)->number_next;
    *at = node->number_next;
    shard->count--;
    pthread_mutex_unlock(&shard->lock);
}

/* Finds a node by its number, with a reference for the caller; NULL: there is none. */
static struct memfs_node *numbers_find(struct memfs *m, uint64_t number)
{
    struct memfs_numbers *shard = shard_of(m, number);

    pthread_mutex_lock(&shard->lock);
    struct memfs_node *node = *bucket_of(shard, number);
    while (node != NULL && node->number != number)
        node = node->number_next;
    if (node != NULL)
        memfs_node_ref(node);
    pthread_mutex_unlock(&shard->lock);
    return node;
}

/* --- the life of a node --- */

int memfs_node_create(struct memfs *m, enum vtype type, struct memfs_node **out)
{
    int err = take(&m->nodes, 1, m->limits.nodes);

    if (err != 0)
        return err;
    struct memfs_node *node = calloc(1, sizeof(*node));
    if (node == NULL)
        goto out;
    node->type = (uint8_t)type;
    if (type == VDIR) {
        node->names = memfs_names_create(NULL);
        if (node->names == NULL)
            goto out;
    }
    node->number = ++m->last_number;
    node->refs = 1;
    node->nlink = type == VDIR ? 2 : 1;
    node->atime = node->mtime = node->ctime = memfs_now();
    numbers_insert(m, node);
    *out = node;
    return 0;
out:
    free(node);
    m->nodes--;
    return ENOMEM;
}

/* Frees a node whose last reference was put. */
static void node_free(struct memfs *m, struct memfs_node *node)
{
    if (node->type == VREG)
        memfs_data_cut(m, node, 0);
    else if (node->type == VDIR)
        memfs_names_destroy(node->names);
    else if (node->type == VLNK) {
        memfs_uncharge(m, node->link.len);
        free(node->link.target);
    }
    free(node);
    m->nodes--;
}

void memfs_node_ref(struct memfs_node *node)
{
    atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
}

void memfs_node_put(struct memfs *m, struct memfs_node *node)
{
    /* A directory that is freed puts its parent, which may then be freed as well, and so on. */
    while (node != NULL && atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) == 1) {
        struct memfs_node *parent = NULL;
        if (node->type == VDIR)
            parent = memfs_names_parent(node->names);
        node_free(m, node);
        node = parent;
    }
}

static uint64_t epoch_of(const struct memfs *m, uint64_t number)
{
    return number == ROOT_NUMBER ? 0 : m->epoch;
}

void memfs_id(const struct memfs *m, const struct memfs_node *node, struct vnode_id *id)
{
    uint64_t epoch = epoch_of(m, node->number);

    id->len = ID_LEN;
    memcpy(id->bytes, &epoch, 8);
    memcpy(id->bytes + 8, &node->number, 8);
}

void memfs_node_gone(struct memfs *m, struct memfs_node *node)
{
    struct vnode_id id;

    numbers_remove(m, node);
    memfs_id(m, node, &id);
    struct vnode *vn = vnode_find(m->fs, &id);
    if (vn != NULL)
        vnode_forget(vn);
    vnode_put(vn);
    memfs_node_put(m, node);
}

void memfs_numbers_finish(struct memfs *m)
{
    for (int i = 0; i < MEMFS_NUMBER_SHARDS; i++) {
        struct memfs_numbers *shard = &m->numbers[i];
        for (uint32_t k = 0; shard->buckets != NULL && k <= shard->mask; k++) {
            struct memfs_node *node = shard->buckets[k], *next;
            for (; node != NULL; node = next) {
                next = node->number_next;
                node_free(m, node);
            }
        }
        free(shard->buckets);
        pthread_mutex_destroy(&shard->lock);
    }
}

/* --- vnodes --- */

static void vnode_begin(struct vnode *vn, void *arg)
{
    struct memfs_node *node = arg;

    memfs_node_ref(node);
    *(struct memfs_node **)vnode_private(vn) = node;
}

void memfs_reclaim(struct vnode *vn)
{
    memfs_node_put(memfs_of(vn), memfs_node(vn));
}

int memfs_adopt(struct memfs *m, struct memfs_node *node, struct vnode **out, struct vattr *attr)
{
    struct vnode_id id;

    memfs_id(m, node, &id);
    int err = vnode_intern(m->fs, &id, (enum vtype)node->type, vnode_begin, node, out, NULL);
    if (err != 0) {
        memfs_node_put(m, node);
        return err;
    }
    memfs_lock_read(&node->lock);
    bool gone = node->nlink == 0;
    if (attr != NULL)
        memfs_attr(m->fs, node, attr);
    memfs_unlock_read(&node->lock);
    memfs_node_put(m, node);
    if (!gone)
        return 0;
    /* memfs_node_gone() may have run before this vnode existed, and could not forget it. */
    vnode_forget(*out);
    vnode_put(*out);
    *out = NULL;
    return ESTALE;
}

int memfs_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out)
{
    struct memfs *m = fs->private;
    uint64_t epoch, number;

    if (id->len != ID_LEN)
        return ESTALE;
    memcpy(&epoch, id->bytes, 8);
    memcpy(&number, id->bytes + 8, 8);
    if (epoch != epoch_of(m, number))
        return ESTALE;
    struct memfs_node *node = numbers_find(m, number);
    return node == NULL ? ESTALE : memfs_adopt(m, node, out, NULL);
}
