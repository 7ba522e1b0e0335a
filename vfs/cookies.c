/*
 * cookies.c - ids made of numbers and of registered pointers (loopnfs/vfs.h, "Cookies").
 *
 * Called by file systems, by the mounts (mount.c) and by the vnode table. An id is a kind, the
 * node's type, and two numbers:
 *     'N' type number generation      the generation is 0 where numbers are for ever; else a random
 *                                     number of this mount plus how often the number was forgotten
 *     'P' type serial random          no two registrations have an equal serial
 * The id of a root has 0 in place of everything that would end with the server.
 *
 * A registered node is pinned: the registry of its mount holds one reference until the node is
 * unregistered. `lock` guards both maps; nothing that could block is called under it.
 */
#include "vfs/cookies.h"
#include "base/hash.h"
#include "vfs/mounted.h"
#include "vfs/node_life.h"
#include "vfs/vop.h"
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { KIND_NUMBER = 'N', KIND_POINTER = 'P' };
#define ID_LEN 18

/* Open addressing; a key of 0 is a free slot. */
struct map {
    struct map_slot {
        uint64_t key, value;
    } * slots;
    size_t size, used; /* size: 0, or a power of 2 */
};

struct cookies {
    pthread_mutex_t lock;
    uint64_t random;
    struct map forgotten; /* guarded: number -> how often it was forgotten */
    struct map pointers;  /* guarded: pointer -> its node */
};

/* What a node with a registered pointer has behind the part of the file system. */
struct registered {
    void *pointer;
    void (*done)(void *pointer); /* set with the registry's lock held, before its reference goes */
};

static _Atomic uint64_t last_serial;

/* --- the map --- */

static struct map_slot *map_find(const struct map *map, uint64_t key)
{
    if (map->size == 0)
        return NULL;
    for (size_t i = hash_mix(key);; i++) {
        struct map_slot *slot = &map->slots[i & (map->size - 1)];
        if (slot->key == key)
            return slot;
        if (slot->key == 0)
            return NULL;
    }
}

static void map_place(struct map *map, uint64_t key, uint64_t value)
{
    size_t i = hash_mix(key);

    while (map->slots[i & (map->size - 1)].key != 0)
        i++;
    map->slots[i & (map->size - 1)] = (struct map_slot){key, value};
}

/* Adds a key that is not there. */
static int map_add(struct map *map, uint64_t key, uint64_t value)
{
    if (map->used + 1 > map->size / 4 * 3) {
        struct map grown = {.size = map->size > 0 ? map->size * 2 : 16};
        grown.slots = calloc(grown.size, sizeof(*grown.slots));
        if (grown.slots == NULL)
            return ENOMEM;
        for (size_t i = 0; i < map->size; i++)
            if (map->slots[i].key != 0)
                map_place(&grown, map->slots[i].key, map->slots[i].value);
        free(map->slots);
        grown.used = map->used;
        *map = grown;
    }
    map_place(map, key, value);
    map->used++;
    return 0;
}

/* Entries behind the gap move into it, so that none becomes unreachable. */
static void map_remove(struct map *map, struct map_slot *slot)
{
    size_t mask = map->size - 1;
    size_t gap = (size_t)(slot - map->slots);

    for (size_t i = (gap + 1) & mask; map->slots[i].key != 0; i = (i + 1) & mask) {
        size_t home = hash_mix(map->slots[i].key) & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            map->slots[gap] = map->slots[i];
            gap = i;
        }
    }
    map->slots[gap] = (struct map_slot){0, 0};
    map->used--;
}

/* --- ids --- */

static void id_make(struct vnode_id *id, char kind, enum vtype type, uint64_t a, uint64_t b)
{
    id->len = ID_LEN;
    id->bytes[0] = (uint8_t)kind;
    id->bytes[1] = (uint8_t)type;
    memcpy(id->bytes + 2, &a, 8);
    memcpy(id->bytes + 10, &b, 8);
}

static uint64_t id_word(const uint8_t *bytes, int which)
{
    uint64_t word;

    memcpy(&word, bytes + 2 + 8 * which, 8);
    return word;
}

bool vnode_id_number(const struct vnode_id *id, uint64_t *number, enum vtype *type)
{
    if (id->len != ID_LEN || id->bytes[0] != KIND_NUMBER)
        return false;
    *number = id_word(id->bytes, 0);
    *type = (enum vtype)id->bytes[1];
    return true;
}

static uint64_t generation_of(struct vfs *fs, uint64_t number, enum vtype type)
{
    struct cookies *cookies = mounted_of(fs)->cookies;

    if (fs->type->flags & VFS_STABLE_IDS || (number == VNODE_NUMBER_ROOT && type == VDIR))
        return 0;
    pthread_mutex_lock(&cookies->lock);
    const struct map_slot *slot = map_find(&cookies->forgotten, number);
    uint64_t generation = cookies->random + (slot != NULL ? slot->value : 0);
    pthread_mutex_unlock(&cookies->lock);
    return generation;
}

/* --- numbers --- */

int vnode_intern_number(struct vfs *fs, uint64_t number, enum vtype type, struct vnode **out)
{
    struct vnode_id id;

    if (number == 0 || type == VNON || type > VFIFO)
        return EINVAL;
    id_make(&id, KIND_NUMBER, type, number, generation_of(fs, number, type));
    return vnode_intern_flagged(fs, &id, type, VNODE_NUMBER, out);
}

uint64_t vnode_number(const struct vnode *vn)
{
    return vn->table_flags & VNODE_NUMBER ? id_word(vn->id, 0) : 0;
}

void cookies_forget(struct vnode *vn)
{
    struct cookies *cookies = mounted_of(vn->fs)->cookies;

    if (!(vn->table_flags & VNODE_NUMBER) || vn->fs->type->flags & VFS_STABLE_IDS)
        return;
    uint64_t number = vnode_number(vn);
    pthread_mutex_lock(&cookies->lock);
    struct map_slot *slot = map_find(&cookies->forgotten, number);
    if (slot != NULL)
        slot->value++;
    else if (map_add(&cookies->forgotten, number, 1) != 0)
        /* without memory all numbers' handles are made stale */
        randombytes_buf(&cookies->random, 8);
    pthread_mutex_unlock(&cookies->lock);
}

int cookies_check(struct vfs *fs, const struct vnode_id *id)
{
    uint64_t number;
    enum vtype type;

    /* A file system that makes ids itself may have some that look like these. */
    if (fs->root == NULL || !(fs->root->table_flags & (VNODE_NUMBER | VNODE_POINTER)))
        return 0;
    if (vnode_id_number(id, &number, &type))
        return id_word(id->bytes, 1) == generation_of(fs, number, type) ? 0 : ESTALE;
    return id->len == ID_LEN && id->bytes[0] == KIND_POINTER ? ESTALE : 0;
}

int cookies_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out)
{
    static const struct cred anybody = {0};
    const struct vctx ctx = {.cred = &anybody};
    struct vattr attr;
    uint64_t number;
    enum vtype type;

    if (!vnode_id_number(id, &number, &type) || fs->type->ops.getattr == NULL)
        return ESTALE;
    int err = vnode_intern_number(fs, number, type, out);
    if (err != 0)
        return err == EINVAL ? ESTALE : err;
    err = vop_getattr(&ctx, *out, &attr);
    if (err == 0)
        return 0;
    vnode_doom(*out);
    vnode_put(*out);
    *out = NULL;
    return err == VFS_EJUKEBOX || err == EIO ? err : ESTALE;
}

/* --- pointers --- */

static struct registered *registered_of(const struct vnode *vn)
{
    size_t own = (vn->fs->type->node_size + 7u) & ~(size_t)7;

    return (struct registered *)(void *)((char *)vnode_private((struct vnode *)(uintptr_t)vn) +
                                         own);
}

size_t cookies_node_size(unsigned flags)
{
    return flags & VNODE_POINTER ? 7 + sizeof(struct registered) : 0;
}

void *vnode_pointer(const struct vnode *vn)
{
    return vn->table_flags & VNODE_POINTER ? registered_of(vn)->pointer : NULL;
}

/* Returns the node of a pointer with a reference, or NULL. Lock held. */
static struct vnode *registry_find(struct cookies *cookies, const void *pointer)
{
    const struct map_slot *slot = map_find(&cookies->pointers, (uintptr_t)pointer);

    if (slot == NULL)
        return NULL;
    struct vnode *vn = (struct vnode *)(uintptr_t)slot->value;
    vnode_ref(vn);
    return vn;
}

/* Adds a new node. Where another thread has added one for this pointer meanwhile, *vn becomes that
 * node, and the new one is given up. */
static int registry_add(struct cookies *cookies, void *pointer, struct vnode **vn)
{
    int err = 0;

    pthread_mutex_lock(&cookies->lock);
    struct vnode *other = registry_find(cookies, pointer);
    if (other == NULL) {
        registered_of(*vn)->pointer = pointer;
        err = map_add(&cookies->pointers, (uintptr_t)pointer, (uintptr_t)*vn);
        if (err == 0)
            vnode_ref(*vn);
    }
    pthread_mutex_unlock(&cookies->lock);
    if (err != 0 || other != NULL) {
        vnode_doom(*vn);
        vnode_put(*vn);
        *vn = other;
    }
    return err;
}

static int register_as(struct vfs *fs, void *pointer, enum vtype type, uint64_t serial,
                       uint64_t random, struct vnode **out)
{
    struct cookies *cookies = mounted_of(fs)->cookies;
    struct vnode_id id;
    int err = 0;

    if (pointer == NULL || type == VNON || type > VFIFO)
        return EINVAL;
    pthread_mutex_lock(&cookies->lock);
    struct vnode *vn = registry_find(cookies, pointer);
    pthread_mutex_unlock(&cookies->lock);
    if (vn == NULL) {
        id_make(&id, KIND_POINTER, type, serial, random);
        err = vnode_intern_flagged(fs, &id, type, VNODE_POINTER, &vn);
        if (err == 0)
            err = registry_add(cookies, pointer, &vn);
        if (err != 0)
            return err;
    }
    if (vn->type != (uint8_t)type)
        err = EINVAL;
    if (err != 0 || out == NULL)
        vnode_put(vn);
    else
        *out = vn;
    return err;
}

int vnode_register(struct vfs *fs, void *pointer, enum vtype type, struct vnode **out)
{
    return register_as(fs, pointer, type, ++last_serial, mounted_of(fs)->cookies->random, out);
}

int vnode_register_root(struct vfs *fs, void *pointer)
{
    return register_as(fs, pointer, VDIR, 0, 0, &fs->root);
}

int vnode_unregister(struct vfs *fs, void *pointer, void (*done)(void *pointer))
{
    struct cookies *cookies = mounted_of(fs)->cookies;
    struct vnode *vn = NULL;

    pthread_mutex_lock(&cookies->lock);
    struct map_slot *slot =
        pointer != NULL ? map_find(&cookies->pointers, (uintptr_t)pointer) : NULL;
    if (slot != NULL) {
        vn = (struct vnode *)(uintptr_t)slot->value;
        registered_of(vn)->done = done;
        map_remove(&cookies->pointers, slot);
    }
    pthread_mutex_unlock(&cookies->lock);
    if (vn == NULL)
        return ENOENT;
    vnode_doom(vn);
    vnode_put(vn);
    return 0;
}

void cookies_node_gone(struct vnode *vn)
{
    if (!(vn->table_flags & VNODE_POINTER))
        return;
    const struct registered *r = registered_of(vn);
    if (r->done != NULL)
        r->done(r->pointer);
}

/* --- start and end --- */

int cookies_create(struct vfs *fs)
{
    mounted_of(fs)->cookies = calloc(1, sizeof(*mounted_of(fs)->cookies));
    if (mounted_of(fs)->cookies == NULL)
        return ENOMEM;
    pthread_mutex_init(&mounted_of(fs)->cookies->lock, NULL);
    randombytes_buf(&mounted_of(fs)->cookies->random, sizeof(mounted_of(fs)->cookies->random));
    return 0;
}

void cookies_release(struct vfs *fs)
{
    struct cookies *cookies = mounted_of(fs)->cookies;

    pthread_mutex_lock(&cookies->lock);
    struct map pointers = cookies->pointers;
    cookies->pointers = (struct map){0};
    pthread_mutex_unlock(&cookies->lock);
    for (size_t i = 0; i < pointers.size; i++)
        if (pointers.slots[i].key != 0)
            vnode_put((struct vnode *)(uintptr_t)pointers.slots[i].value);
    free(pointers.slots);
}

void cookies_destroy(struct vfs *fs)
{
    if (mounted_of(fs)->cookies == NULL)
        return;
    pthread_mutex_destroy(&mounted_of(fs)->cookies->lock);
    free(mounted_of(fs)->cookies->forgotten.slots);
    free(mounted_of(fs)->cookies->pointers.slots);
    free(mounted_of(fs)->cookies);
    mounted_of(fs)->cookies = NULL;
}
