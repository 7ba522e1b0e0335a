/*
 * proof.c - what an object of a named mount was like when it was last seen, and whether an object
 * that is found now is that one.
 *
 * Called by named.c, whose head says what for. Owns the rows of proofs in the handle table.
 */
#include "base/hash.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include <errno.h>
#include <time.h>

#define KEY_PROOF 0xf2 /* the first byte of the keys of these rows, with which no id begins */
#define ROW_NAME  "proof"
/* Nanoseconds: twice the step of the coarsest kernel clock (HZ=100). */
#define SETTLED_NS 20000000

/* The layer to which the handle of an overlayfs object belongs (struct ovl_fh in Linux). */
enum layer { LAYER_UNKNOWN, LAYER_LOWER, LAYER_UPPER };
#define OVL_TYPE     0xf8
#define OVL_FLAGS    6
#define OVL_IS_UPPER 4

#define PROOF_BYTES (5 * sizeof(uint64_t) + 2)
_Static_assert(PROOF_BYTES <= VNODE_ID_MAX, "a row has room for it");

/* --- what an object is like --- */

static enum layer layer_of(const struct hostfs_handle *handle)
{
    if (handle->head.handle_type != OVL_TYPE || handle->head.handle_bytes <= OVL_FLAGS)
        return LAYER_UNKNOWN;
    return handle->bytes[OVL_FLAGS] & OVL_IS_UPPER ? LAYER_UPPER : LAYER_LOWER;
}

static bool is_settled(const struct statx *st)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return st->stx_mask & STATX_BTIME &&
           hostfs_ns(now.tv_sec, (uint32_t)now.tv_nsec) -
                   hostfs_ns(st->stx_btime.tv_sec, st->stx_btime.tv_nsec) >
               SETTLED_NS;
}

/* Takes numbers and birth from the files of which the object is a view, which the daemon does not
 * tell. */
static void look_at_origin(const struct hostfs_mount *mount, int fd, const struct statx *st,
                           struct hostfs_proof *proof)
{
    proof->origins = hostfs_origin_look(mount, fd, st, proof->numbers, &proof->born);
    if (hostfs_origin_numbers(mount, (enum vtype)proof->type))
        proof->number = proof->origins ? proof->numbers[0] : 0;
}

/* Whether inode numbers of objects of this type identify objects, and not places. */
static bool has_numbers(const struct hostfs_mount *mount, const struct hostfs_proof *proof)
{
    return mount->numbers || hostfs_origin_numbers(mount, (enum vtype)proof->type);
}

static bool same_number(const struct hostfs_mount *mount, const struct hostfs_proof *was,
                        const struct hostfs_proof *is)
{
    if (!hostfs_origin_numbers(mount, (enum vtype)is->type))
        return was->number == is->number;
    for (unsigned i = 0; i < is->origins; i++)
        if (is->numbers[i] == was->number)
            return true;
    return false;
}

void hostfs_proof_look(const struct hostfs_mount *mount, int fd, const struct statx *st,
                       struct hostfs_proof *proof)
{
    struct hostfs_handle handle;
    uint64_t mount_id;
    bool opens;

    *proof =
        (struct hostfs_proof){.number = st->stx_ino, .type = (uint8_t)hostfs_vtype(st->stx_mode)};
    /* While the clock has not moved on, another object may get an equal birth time. */
    if (is_settled(st))
        proof->born = (uint64_t)hostfs_ns(st->stx_btime.tv_sec, st->stx_btime.tv_nsec);
    proof->content = hash_mix((uint64_t)hostfs_ns(st->stx_mtime.tv_sec, st->stx_mtime.tv_nsec) ^
                              hash_mix(st->stx_size));
    if (mount->origin)
        look_at_origin(mount, fd, st, proof);
    if (hostfs_handle_get(fd, "", &handle, &mount_id, &opens) != 0)
        return;
    proof->handle = hash_bytes(handle.bytes, handle.head.handle_bytes, handle.head.handle_type) | 1;
    proof->layer = (uint8_t)layer_of(&handle);
}

/*
 * On overlayfs, the handle is that of the place where the data was first, and stays while the
 * kernel knows of it; after a copy the birth time is that of the copy. An object that was seen in
 * the upper layer keeps its handle. An object in the lower layer may have been copied up unseen,
 * and then has the size and mtime that it had. Kernels that give no handles (before 6.6) do not
 * tell the layer.
 */
static bool agrees_in_layers(const struct hostfs_proof *was, const struct hostfs_proof *is,
                             bool same_place)
{
    bool one_birth = was->born && was->born == is->born;

    if (was->handle && was->handle == is->handle)
        return true;
    if (!same_place)
        return !(was->handle && is->handle) && one_birth && was->number == is->number;
    if (was->layer == LAYER_UPPER || is->layer == LAYER_LOWER)
        return false;
    return one_birth || was->content == is->content;
}

/*
 * Where the daemon's inode numbers identify objects, path and number decide, as they do for the
 * kernel. Elsewhere a file that the kernel forgot must not have changed meanwhile. A directory may
 * have, since what is below it is checked by itself.
 */
bool hostfs_proof_agrees(const struct hostfs_mount *mount, const struct hostfs_proof *was,
                         const struct hostfs_proof *is, bool same_place)
{
    if (was->type != is->type)
        return false;
    if (hostfs_has_layers(mount))
        return agrees_in_layers(was, is, same_place);
    if (was->born && is->born && was->born != is->born)
        return false;
    bool numbers = has_numbers(mount, is);
    if (numbers && !same_number(mount, was, is))
        return false;
    bool unmoved = was->handle && was->handle == is->handle && was->number == is->number;
    if (!same_place)
        return (numbers || unmoved) && was->content == is->content;
    return numbers || is->type == VDIR || unmoved || was->content == is->content;
}

/* The hash covers only what tells objects apart on this mount. */
uint64_t hostfs_proof_seen(const struct hostfs_mount *mount, const struct statx *st)
{
    uint64_t hash =
        hash_mix(st->stx_ino ^ (uint64_t)hostfs_ns(st->stx_btime.tv_sec, st->stx_btime.tv_nsec));

    /* What is not certain now is to be looked at again. */
    if (hostfs_has_layers(mount) && !is_settled(st))
        hash = hash_mix(hash);
    /* The host may have put another object in its place, which changes at least the ctime. */
    if (mount->origin)
        hash = hash_mix(hash ^ (uint64_t)hostfs_ns(st->stx_ctime.tv_sec, st->stx_ctime.tv_nsec));
    if ((hostfs_has_layers(mount) ? !is_settled(st) : !mount->numbers) && !S_ISDIR(st->stx_mode))
        hash = hash_mix(hash ^ st->stx_size ^
                        (uint64_t)hostfs_ns(st->stx_mtime.tv_sec, st->stx_mtime.tv_nsec));
    return hash;
}

/* --- rows --- */

static void proof_key(const struct vnode_id *id, struct vnode_id *key)
{
    key->len = (uint8_t)(id->len + 1);
    key->bytes[0] = KEY_PROOF;
    memcpy(key->bytes + 1, id->bytes, id->len);
}

bool hostfs_proof_get(struct hostfs *h, const struct vnode_id *id, struct hostfs_proof *proof)
{
    struct hostfs_row row;
    struct vnode_id key;
    struct hostfs_table *table = hostfs_table(h);

    if (!table || id->bytes[0] != ID_NAMED)
        return false;
    proof_key(id, &key);
    if (hostfs_table_get(table, h->fs->fsid, &key, &row) != 0 || row.parent.len != PROOF_BYTES)
        return false;
    uint64_t *words[] = {&proof->number, &proof->handle, &proof->born, &proof->content,
                         &proof->fileid};
    for (size_t i = 0; i < 5; i++)
        memcpy(words[i], row.parent.bytes + i * sizeof(uint64_t), sizeof(uint64_t));
    proof->type = row.parent.bytes[PROOF_BYTES - 2];
    proof->layer = row.parent.bytes[PROOF_BYTES - 1];
    return true;
}

int hostfs_proof_put(struct hostfs *h, const struct vnode_id *id, const struct hostfs_proof *proof)
{
    struct hostfs_row row = {.name = ROW_NAME, .parent.len = PROOF_BYTES};
    struct vnode_id key;
    const uint64_t words[] = {proof->number, proof->handle, proof->born, proof->content,
                              proof->fileid};
    struct hostfs_table *table = hostfs_table(h);

    if (!table)
        return EIO;
    proof_key(id, &key);
    memcpy(row.parent.bytes, words, sizeof(words));
    row.parent.bytes[PROOF_BYTES - 2] = proof->type;
    row.parent.bytes[PROOF_BYTES - 1] = proof->layer;
    return hostfs_table_put(table, h->fs->fsid, &key, &row);
}

/* Only a proof that has changed is written. */
void hostfs_proof_renew(struct hostfs *h, const struct hostfs_mount *mount,
                        const struct vnode_id *id, const struct hostfs_proof *was,
                        struct hostfs_proof *is)
{
    is->fileid = was->fileid;
    /* Of several numbers the proof keeps the one that it has; what can't be told now was told
     * before. */
    if (hostfs_origin_numbers(mount, (enum vtype)is->type))
        is->number = was->number;
    if (mount->origin && !is->born)
        is->born = was->born;
    if (was->handle != is->handle || was->born != is->born || was->number != is->number ||
        was->content != is->content || was->layer != is->layer)
        hostfs_proof_put(h, id, is);
}

void hostfs_proof_delete(struct hostfs *h, const struct vnode_id *id)
{
    struct hostfs_table *table = hostfs_table(h);
    struct hostfs_row row;
    struct vnode_id key;

    proof_key(id, &key);
    if (table && hostfs_table_get(table, h->fs->fsid, &key, &row) == 0)
        hostfs_table_delete(table, h->fs->fsid, &key, &row.parent, row.name);
}
