/*
 * id.c - the id of a host object: made from its kernel file handle, or from a hash.
 *
 * Called by every file that meets an object by name or by descriptor. One system call
 * (name_to_handle_at) gives handle and mount together, and lets the kernel check the caller's right
 * to search the directory. Owns nothing.
 */
#include "base/cred.h"
#include "base/hash.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/sysmacros.h>

/* Newer than the headers of the C library: asks for a handle that only identifies (Linux 6.5). */
#define HOST_AT_HANDLE_FID 0x200

int hostfs_statx(int fd, const char *name, struct statx *st)
{
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, st) != 0)
        return errno;
    return 0;
}

int hostfs_statx_now(int fd, struct statx *st)
{
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_FORCE_SYNC;
    if (statx(fd, "", flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, st) != 0)
        return errno;
    return 0;
}

enum vtype hostfs_vtype(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return VREG;
    case S_IFDIR:
        return VDIR;
    case S_IFBLK:
        return VBLK;
    case S_IFCHR:
        return VCHR;
    case S_IFLNK:
        return VLNK;
    case S_IFSOCK:
        return VSOCK;
    case S_IFIFO:
        return VFIFO;
    default:
        return VNON;
    }
}

bool hostfs_id_equal(const struct vnode_id *a, const struct vnode_id *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static int get_handle(int dirfd, const char *name, int extra, struct hostfs_handle *buffer,
                      uint64_t *mount_id)
{
    int id = 0;
    buffer->head.handle_bytes = MAX_HANDLE_SZ;
    int flags = extra | (*name ? 0 : AT_EMPTY_PATH);
    if (name_to_handle_at(dirfd, name, &buffer->head, &id, flags) != 0)
        return errno;
    *mount_id = (uint64_t)(unsigned)id;
    return 0;
}

int hostfs_handle_get(int dirfd, const char *name, struct hostfs_handle *handle, uint64_t *mount_id,
                      bool *opens)
{
    int err = get_handle(dirfd, name, 0, handle, mount_id);

    *opens = err == 0;
    return err != 0 ? get_handle(dirfd, name, HOST_AT_HANDLE_FID, handle, mount_id) : 0;
}

/* The offset in an id at which the kernel's handle begins, behind its type; 0: the id has no
 * handle. */
static size_t handle_at(const uint8_t *id, size_t len)
{
    size_t at = id[0] == ID_HANDLE ? 6 : id[0] == ID_CROSSED ? 10 : 0;

    return at <= len ? at : 0;
}

uint64_t hostfs_part(const struct hostfs_mount *mount, const uint8_t *id, size_t len)
{
    uint64_t part = 0;
    size_t at = handle_at(id, len) + 8;

    if (!mount->below->part_bytes || at == 8 || at + mount->below->part_bytes > len)
        return 0;
    memcpy(&part, id + at, mount->below->part_bytes);
    return part;
}

/* Makes the id of an object of `mount` with this handle. False: the handle is too long for an
 * id. */
static bool id_from_handle(const struct hostfs_mount *mount, const struct hostfs_handle *buffer,
                           struct vnode_id *id)
{
    uint32_t tag = hostfs_mount_tag(mount);
    size_t at = 1;
    size_t len = buffer->head.handle_bytes;
    if (len > sizeof(id->bytes) - (mount->key ? 10 : 6) || (buffer->head.handle_type & ~0xff))
        return false;
    id->bytes[0] = mount->key ? ID_CROSSED : ID_HANDLE;
    if (mount->key) {
        memcpy(id->bytes + at, &mount->key, sizeof(mount->key));
        at += sizeof(mount->key);
    } else {
        memcpy(id->bytes + at, &tag, sizeof(tag));
        at += sizeof(tag);
    }
    id->bytes[at++] = (uint8_t)buffer->head.handle_type;
    memcpy(id->bytes + at, buffer->head.f_handle, len);
    id->len = (uint8_t)(at + len);
    return true;
}

/*
 * Makes an id of a hash. An inode number is used again, but the new object has another birth time.
 * A handle that the kernel gives for identification only tells the two apart with certainty.
 */
static void id_from_hash(const struct hostfs_mount *mount, const struct statx *st,
                         const struct hostfs_handle *buffer, struct vnode_id *id)
{
    crypto_generichash_state state;
    uint64_t words[5] = {mount->key, mount->instance, st->stx_ino, (uint64_t)st->stx_btime.tv_sec,
                         st->stx_btime.tv_nsec};

    /* An object that may be copied up keeps neither number nor birth time, only a handle that can
     * be opened. */
    if (buffer && !mount->lasting)
        words[2] = words[3] = words[4] = 0;
    crypto_generichash_init(&state, NULL, 0, 16);
    crypto_generichash_update(&state, (const unsigned char *)words, sizeof(words));
    if (buffer)
        crypto_generichash_update(&state, buffer->head.f_handle, buffer->head.handle_bytes);
    id->bytes[0] = ID_HASHED;
    crypto_generichash_final(&state, id->bytes + 1, 16);
    id->len = 17;
}

/* Makes the id of a hidden object, without a record of it: its type, and a number that stays while
 * the other file system is mounted. */
static void id_hidden(const struct statx *st, struct vnode_id *id)
{
    uint64_t number =
        hash_mix(st->stx_ino ^ hash_mix(makedev(st->stx_dev_major, st->stx_dev_minor) + 1));
    id->bytes[0] = ID_HIDDEN;
    id->bytes[1] = S_ISDIR(st->stx_mode) ? VDIR : VREG;
    memcpy(id->bytes + 2, &number, sizeof(number));
    id->len = 2 + sizeof(number);
}

/* Finds the mount with this id, and enters it if it is new; *out is NULL: it stays hidden. Acts as
 * `as` afterwards. */
static int mount_of(struct hostfs *h, const struct cred *as, struct hostfs_mount *near,
                    uint64_t mount_id, int dirfd, const char *name, struct hostfs_mount **out)
{
    if (near && near->id == mount_id) {
        *out = near;
        return 0;
    }
    *out = hostfs_mount_sure(h, dirfd, name, mount_id);
    return cred_assume(as);
}

static bool is_hole(const struct hostfs_mount *mount, const struct hostfs_handle *handle)
{
    uint64_t first = 0;

    if (!mount->below->hole || handle->head.handle_bytes < sizeof(first))
        return false;
    memcpy(&first, handle->bytes, sizeof(first));
    return first == mount->below->hole;
}

/* Identifies the empty directory that a snapshot shows in place of a subvolume. All of them have
 * one inode number, so their place tells them apart. */
static int identify_hole(const struct hostfs_place *place, int dirfd, const char *name,
                         struct hostfs_object *object)
{
    int err = hostfs_statx(dirfd, name, &object->st);
    if (err != 0)
        return err;
    object->has_st = true;
    object->mount = NULL;
    id_hidden(&object->st, &object->id);
    if (!place)
        return 0;
    uint64_t number = hash_bytes(place->dir, place->dir_len, 2);
    number = hostfs_fileid_hash(hash_bytes(place->name, strlen(place->name), number));
    memcpy(object->id.bytes + 2, &number, sizeof(number));
    return 0;
}

static int identify_hidden(int dirfd, const char *name, struct hostfs_object *object)
{
    int err = hostfs_statx(dirfd, name, &object->st);
    if (err != 0)
        return err;
    object->has_st = true;
    id_hidden(&object->st, &object->id);
    return 0;
}

/* Identifies an object whose handle can't be had, or is longer than an id. */
static int identify_hashed(struct hostfs *h, const struct cred *as,
                           const struct hostfs_place *place, int dirfd, const char *name,
                           const struct hostfs_handle *long_handle, struct hostfs_object *object)
{
    struct hostfs_handle buffer;
    uint64_t mount_id = 0;
    int err = hostfs_statx(dirfd, name, &object->st);
    if (err != 0)
        return err;
    object->has_st = true;
    err = mount_of(h, as, object->mount, object->st.stx_mnt_id, dirfd, name, &object->mount);
    if (err != 0)
        return err;
    if (!object->mount) {
        id_hidden(&object->st, &object->id);
        return 0;
    }
    if (object->mount->named)
        return hostfs_named_identify(h, as, place, dirfd, name, object);
    if (!long_handle && get_handle(dirfd, name, HOST_AT_HANDLE_FID, &buffer, &mount_id) == 0 &&
        mount_id == object->mount->id)
        long_handle = &buffer;
    id_from_hash(object->mount, &object->st, long_handle, &object->id);
    return 0;
}

int hostfs_identify(struct hostfs *h, const struct cred *as, struct hostfs_mount *near,
                    const struct hostfs_place *place, int dirfd, const char *name,
                    struct hostfs_object *object)
{
    struct hostfs_handle buffer;
    uint64_t mount_id = 0;
    int err;

    object->has_st = false;
    object->mount = near;
    if (near && near->named) {
        err = hostfs_named_identify(h, as, place, dirfd, name, object);
        if (err != EXDEV)
            return err;
        object->has_st = false;
    }
    err = get_handle(dirfd, name, 0, &buffer, &mount_id);
    if (err == EOPNOTSUPP || err == EOVERFLOW)
        return identify_hashed(h, as, place, dirfd, name, NULL, object);
    if (err != 0)
        return err;
    err = mount_of(h, as, near, mount_id, dirfd, name, &object->mount);
    if (err != 0)
        return err;
    if (!object->mount)
        return identify_hidden(dirfd, name, object);
    if (object->mount->named)
        return hostfs_named_identify(h, as, place, dirfd, name, object);
    if (is_hole(object->mount, &buffer))
        return identify_hole(place, dirfd, name, object);
    if (id_from_handle(object->mount, &buffer, &object->id))
        return 0;
    return identify_hashed(h, as, place, dirfd, name, &buffer, object);
}
