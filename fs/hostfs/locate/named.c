/*
 * named.c - objects of file systems whose handles and numbers do not last, known by where they are.
 *
 * FUSE numbers its nodes anew whenever the kernel forgets them. overlayfs gives an object another
 * handle, birth and number when it is copied up. vfat numbers places in memory. On such mounts
 * (mount->named) an id is a random number, given when an object is first met under its name. The
 * handle table keeps three rows for it:
 *     the id's own      where the object is: parent and name (as for every id that needs the table)
 *     its proof         what the object was like when it was last seen (struct hostfs_proof)
 *     the place's       which id was given to the object of this name in this directory
 * An object is found again by its name, and must agree with its proof (proof.c). Where it can't be
 * told whether it is still that object, the id is stale. A place where something else is found gets
 * a new id.
 *
 * Called by id.c, node.c, resolve.c, reconnect.c, dir.c and the operations that move or remove
 * names. Owns the rows of places; proof.c has the proofs. Lock: h->named_lock, so that one place
 * gets one id.
 */
#include "fs/hostfs/locate/named.h"
#include "base/cred.h"
#include "base/hash.h"
#include "fs/hostfs/locate/locate.h"
#include <errno.h>
#include <sodium.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The first byte of the keys of these rows, with which no id begins. */
#define KEY_PLACE 0xf1

#define SERIAL_BYTES 8
#define TAG_BYTES    4
#define NAMED_BYTES  (1 + TAG_BYTES + SERIAL_BYTES)

/* --- places --- */

static void place_key(const struct hostfs_place *place, struct vnode_id *key)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, 16);
    crypto_generichash_update(&state, place->dir, place->dir_len);
    crypto_generichash_update(&state, (const unsigned char *)place->name, strlen(place->name));
    key->bytes[0] = KEY_PLACE;
    crypto_generichash_final(&state, key->bytes + 1, 16);
    key->len = 17;
}

static bool place_get(struct hostfs *h, const struct hostfs_place *place, struct vnode_id *id)
{
    struct hostfs_row row;
    struct vnode_id key;
    struct hostfs_table *table = hostfs_table(h);

    place_key(place, &key);
    if (!table || hostfs_table_get(table, h->fs->fsid, &key, &row) != 0 ||
        strcmp(row.name, place->name) != 0)
        return false;
    *id = row.parent;
    return true;
}

static int place_put(struct hostfs *h, const struct hostfs_place *place, const struct vnode_id *id)
{
    struct hostfs_row row = {.parent = *id};
    struct vnode_id key;
    struct hostfs_table *table = hostfs_table(h);

    place_key(place, &key);
    if (!table || !hostfs_row_name(&row, place->name, strlen(place->name)))
        return EIO;
    return hostfs_table_put(table, h->fs->fsid, &key, &row);
}

/* Deletes the row of a place, if the place still has this id. */
static void place_delete(struct hostfs *h, const struct hostfs_place *place,
                         const struct vnode_id *id)
{
    struct vnode_id key, found;
    struct hostfs_table *table = hostfs_table(h);

    if (!table || !place_get(h, place, &found) || !hostfs_id_equal(id, &found))
        return;
    place_key(place, &key);
    hostfs_table_delete(table, h->fs->fsid, &key, &found, place->name);
}

/* --- ids --- */

static uint32_t tag_of(const struct vnode_id *id)
{
    uint32_t tag;

    memcpy(&tag, id->bytes + 1, sizeof(tag));
    return tag;
}

bool hostfs_named_is_of(const struct vnode_id *id, const struct hostfs_mount *mount)
{
    return id->len == NAMED_BYTES && id->bytes[0] == ID_NAMED &&
           tag_of(id) == hostfs_mount_tag(mount);
}

struct hostfs_mount *hostfs_named_mount(struct hostfs *h, const struct vnode_id *id)
{
    if (id->len != NAMED_BYTES)
        return NULL;
    return hostfs_mount_by_tag(h, tag_of(id));
}

bool hostfs_named_exists(struct hostfs *h, const struct vnode_id *id)
{
    struct hostfs_proof proof;

    return hostfs_proof_get(h, id, &proof);
}

static uint64_t fileid_by_id(const struct vnode_id *id)
{
    return hostfs_fileid_hash(hash_bytes(id->bytes, id->len, 0));
}

/* The number that clients see: the host's inode number where it belongs to this mount and stays. */
static uint64_t fileid_for(const struct hostfs_mount *mount, const struct statx *st,
                           const struct vnode_id *id)
{
    bool uniform = makedev(st->stx_dev_major, st->stx_dev_minor) == mount->dev;

    if (mount->numbers || (hostfs_has_layers(mount) && uniform && !S_ISDIR(st->stx_mode)))
        return hostfs_fileid(mount, st->stx_ino, mount->part);
    return fileid_by_id(id);
}

static void id_begin(uint32_t tag, struct vnode_id *id)
{
    id->len = NAMED_BYTES;
    memset(id->bytes, 0, NAMED_BYTES);
    id->bytes[0] = ID_NAMED;
    memcpy(id->bytes + 1, &tag, sizeof(tag));
}

int hostfs_named_root(struct hostfs *h, struct hostfs_object *object)
{
    /* The export's root is whatever is mounted there, although another daemon may serve it
     * today. */
    int err = hostfs_statx(h->own.fd, "", &object->st);
    if (err != 0)
        return err;
    id_begin((uint32_t)hostfs_instance_root(h->own.fd, h->own.below), &object->id);
    object->mount = &h->own;
    object->has_st = true;
    object->fileid = fileid_for(&h->own, &object->st, &object->id);
    return 0;
}

static void mint(const struct hostfs_mount *mount, struct vnode_id *id)
{
    id_begin(hostfs_mount_tag(mount), id);
    randombytes_buf(id->bytes + 1 + TAG_BYTES, SERIAL_BYTES);
}

/* Gives the object its id, object->id. The row of its place is written last, when all else is
 * known. */
static int settle(struct hostfs *h, const struct hostfs_place *place, struct hostfs_proof *proof,
                  struct hostfs_object *object)
{
    struct hostfs_row row = {.parent.len = (uint8_t)place->dir_len};
    struct hostfs_table *table = hostfs_table(h);

    object->fileid = proof->fileid = fileid_for(object->mount, &object->st, &object->id);
    row.ino = object->fileid;
    memcpy(row.parent.bytes, place->dir, place->dir_len);
    if (!table || !hostfs_row_name(&row, place->name, strlen(place->name)))
        return EIO;
    int err = hostfs_proof_put(h, &object->id, proof);
    if (err == 0)
        err = hostfs_table_put(table, h->fs->fsid, &object->id, &row);
    return err != 0 ? err : place_put(h, place, &object->id);
}

/* Whether the place has an id without a proof, because it was only listed. That id is for the first
 * object that is looked up there. */
static bool is_reserved(struct hostfs *h, const struct hostfs_place *place,
                        struct hostfs_object *object)
{
    return place_get(h, place, &object->id) && hostfs_named_is_of(&object->id, object->mount) &&
           !hostfs_named_exists(h, &object->id);
}

/* Fills in the id that the place has, if it still belongs to the object. False: it does not. */
static bool known(struct hostfs *h, const struct hostfs_place *place, struct hostfs_proof *is,
                  struct hostfs_object *object)
{
    struct hostfs_proof was;

    if (!place_get(h, place, &object->id) || !hostfs_named_is_of(&object->id, object->mount) ||
        !hostfs_proof_get(h, &object->id, &was) ||
        !hostfs_proof_agrees(object->mount, &was, is, true))
        return false;
    hostfs_proof_renew(h, object->mount, &object->id, &was, is);
    object->fileid = is->fileid;
    return true;
}

static int identify_open(struct hostfs *h, const struct hostfs_place *place, int fd,
                         struct hostfs_object *object)
{
    struct hostfs_proof proof;
    int err = hostfs_statx(fd, "", &object->st);
    if (err != 0)
        return err;
    if (object->st.stx_mnt_id != object->mount->id)
        return EXDEV;
    if (!place)
        return EOPNOTSUPP;
    object->has_st = true;
    hostfs_proof_look(object->mount, fd, &object->st, &proof);
    if (known(h, place, &proof, object))
        return 0;
    if (place->peek)
        return ENOENT;
    pthread_mutex_lock(&h->named_lock);
    if (!known(h, place, &proof, object)) {
        if (!is_reserved(h, place, object))
            mint(object->mount, &object->id);
        err = settle(h, place, &proof, object);
    }
    pthread_mutex_unlock(&h->named_lock);
    return err;
}

bool hostfs_named_fileid(struct hostfs *h, const struct hostfs_mount *mount,
                         const struct hostfs_place *place, uint64_t *fileid)
{
    struct vnode_id id;
    int err = 0;

    if (mount->numbers || hostfs_has_layers(mount))
        return false;
    pthread_mutex_lock(&h->named_lock);
    if (!place_get(h, place, &id) || !hostfs_named_is_of(&id, mount)) {
        mint(mount, &id);
        err = place_put(h, place, &id);
    }
    pthread_mutex_unlock(&h->named_lock);
    *fileid = fileid_by_id(&id);
    return err == 0;
}

int hostfs_named_identify(struct hostfs *h, const struct cred *as, const struct hostfs_place *place,
                          int dirfd, const char *name, struct hostfs_object *object)
{
    if (!atomic_load(&h->table)) {
        if (!hostfs_table(h))
            return EIO;
        int err = cred_assume(as);
        if (err != 0)
            return err;
    }
    if (!*name)
        return identify_open(h, place, dirfd, object);
    /* One descriptor is open on one object, whatever becomes of the name. */
    int fd = openat(dirfd, name, HOST_O_PATH);
    if (fd < 0)
        return errno;
    int err = identify_open(h, place, fd, object);
    close(fd);
    return err;
}

int hostfs_named_check(struct hostfs *h, const struct vnode_id *id, int fd, bool same_place,
                       struct hostfs_object *object)
{
    struct hostfs_proof was, is;
    /* What the kernel has cached for one name may be from before another name came or went. */
    int err = hostfs_statx_now(fd, &object->st);
    if (err != 0)
        return err;
    object->id = *id;
    object->has_st = true;
    object->mount = hostfs_mount_sure(h, fd, "", object->st.stx_mnt_id);
    if (!object->mount || !hostfs_named_is_of(id, object->mount) || !hostfs_proof_get(h, id, &was))
        return ENOENT;
    hostfs_proof_look(object->mount, fd, &object->st, &is);
    if (!hostfs_proof_agrees(object->mount, &was, &is, same_place))
        return ENOENT;
    hostfs_proof_renew(h, object->mount, id, &was, &is);
    object->fileid = is.fileid;
    return 0;
}

/* --- while objects are in use --- */

void hostfs_named_begin(struct hostfs_node *node, const struct hostfs_object *object)
{
    atomic_store_explicit(&node->seen, hostfs_proof_seen(object->mount, &object->st),
                          memory_order_relaxed);
}

/* Renews an object's proof. Asks FUSE's daemon, since the kernel's copy of the attributes may be
 * old. */
static void renew(struct vnode *vn, int fd)
{
    struct vnode_id id;
    struct hostfs_proof proof, was;
    struct statx st;

    if (hostfs_statx_now(fd, &st) != 0)
        return;
    hostfs_id_of(vn, &id);
    hostfs_proof_look(hostfs_node(vn)->mount, fd, &st, &proof);
    if (hostfs_proof_get(hostfs_of(vn), &id, &was))
        hostfs_proof_renew(hostfs_of(vn), hostfs_node(vn)->mount, &id, &was, &proof);
}

bool hostfs_named_look(struct vnode *vn, int fd, const struct statx *st)
{
    struct hostfs_node *node = hostfs_node(vn);
    struct hostfs *h = hostfs_of(vn);
    uint64_t seen = hostfs_proof_seen(node->mount, st);
    struct vnode_id id;
    struct hostfs_proof proof, was;

    if (vnode_is_root(vn))
        return true;
    /* A daemon that works by paths has opened another object under this one's path. */
    if (node->mount->numbers &&
        hostfs_fileid(node->mount, st->stx_ino, node->mount->part) != node->ino)
        return false;
    if (atomic_exchange_explicit(&node->seen, seen, memory_order_relaxed) == seen)
        return true;
    /* The object was copied up or changed meanwhile. The descriptor says that it is still that
     * object, unless the files of which it is a view say that it is not. */
    hostfs_id_of(vn, &id);
    hostfs_proof_look(node->mount, fd, st, &proof);
    if (!hostfs_proof_get(h, &id, &was))
        return true;
    if (proof.origins && !hostfs_proof_agrees(node->mount, &was, &proof, true)) {
        atomic_store_explicit(&node->seen, 0, memory_order_relaxed);
        return false;
    }
    /* Each write comes here, so a row is written only where what tells objects apart on this mount
     * has changed. */
    if (node->mount->origin && node->mount->numbers && (!proof.origins || proof.born == was.born))
        return true;
    hostfs_proof_renew(h, node->mount, &id, &was, &proof);
    return true;
}

bool hostfs_named_sure(struct vnode *vn, int fd, const struct statx *st)
{
    if (hostfs_node(vn)->mount->origin)
        atomic_store_explicit(&hostfs_node(vn)->seen, 0, memory_order_relaxed);
    return hostfs_named_look(vn, fd, st);
}

void hostfs_named_moved(struct vnode *from_dir, const char *from, struct vnode *to_dir,
                        const char *to, const struct vnode_id *id, int to_fd)
{
    struct hostfs *h = hostfs_of(to_dir);
    const struct hostfs_place was = hostfs_place_in(from_dir, from);
    const struct hostfs_place is = hostfs_place_in(to_dir, to);
    struct statx st;
    struct hostfs_proof proof, old;
    int fd = openat(to_fd, to, HOST_O_PATH);

    place_delete(h, &was, id);
    if (fd < 0)
        return;
    /* The move may have copied the object up. */
    if (hostfs_proof_get(h, id, &old) && hostfs_statx(fd, "", &st) == 0) {
        const struct hostfs_mount *mount = hostfs_node(to_dir)->mount;
        hostfs_proof_look(mount, fd, &st, &proof);
        if (!mount->origin || hostfs_proof_agrees(mount, &old, &proof, true)) {
            hostfs_proof_renew(h, mount, id, &old, &proof);
            place_put(h, &is, id);
        }
    }
    close(fd);
}

void hostfs_named_linked(struct vnode *vn, int fd, struct vnode *dir, const char *name)
{
    const struct hostfs_place place = hostfs_place_in(dir, name);
    struct hostfs *h = hostfs_of(vn);
    struct vnode_id id;

    hostfs_id_of(vn, &id);
    renew(vn, fd);
    if (place_put(h, &place, &id) == 0)
        hostfs_name_note(h, dir, name, vn);
}

void hostfs_named_removed(struct vnode *dir, const char *name, const struct vnode_id *id,
                          struct vnode *vn, bool gone)
{
    const struct hostfs_place place = hostfs_place_in(dir, name);
    struct hostfs *h = hostfs_of(dir);
    int fd = vn && !gone ? hostfs_fd_held(vn) : -1;

    place_delete(h, &place, id);
    if (gone)
        hostfs_proof_delete(h, id);
    /* The object may be found under another name by what it is like now. */
    if (fd >= 0)
        renew(vn, fd);
}
