/*
 * lookup.c - from names to nodes, and what symbolic links hold.
 *
 * The thread acts as the caller while a name is looked up, so the kernel checks the caller's right
 * to search. Where ident_cache.c knows the object, one statx gives both its identity and its
 * attributes. Otherwise id and attributes take two system calls, between which the name may come to
 * mean another object. They are checked against each other, and looked up again where they differ.
 */
#include "base/cred.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* How often a look-up begins anew because the name came to mean another object meanwhile. */
#define ATTEMPTS   16
#define PEEK_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC)

/* Takes the attributes of a node that was in the vnode table. EAGAIN: the name means another object
 * now. */
static int stat_known(const struct vctx *ctx, struct vnode *vn, int dirfd, const char *name,
                      struct statx *st)
{
    int fd;

    if (hostfs_is_hidden(vn))
        return 0;
    /* Where number and birth time may change, only the node's own descriptor leads to the object
     * for certain. */
    if (!hostfs_node(vn)->mount->lasting) {
        int opened = hostfs_fd_stat(ctx, vn, &fd, st);
        return opened == ESTALE ? EAGAIN : opened ? opened : cred_assume(ctx->cred);
    }
    fd = hostfs_fd_held(vn);
    int err = fd >= 0 ? hostfs_statx(fd, "", st) : hostfs_statx(dirfd, name, st);
    if (err != 0)
        return err;
    return hostfs_is_of(vn, st) ? 0 : EAGAIN;
}

/* Makes a node for an object that was not in the vnode table. `before`: settled attributes from
 * before the object was identified, or NULL. Attributes with an equal number and birth time
 * afterwards prove as much as an equal id. EAGAIN: the name means another object now. */
static int make_node(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                     const struct statx *before, struct hostfs_object *object, struct vnode **out)
{
    struct hostfs *h = hostfs_of(dir);
    const struct hostfs_place place = hostfs_place_in(dir, name);
    struct hostfs_object again;

    if (!object->has_st) {
        int err = hostfs_statx(dirfd, name, &object->st);
        bool same = err == 0 && before && hostfs_ident_same(before, &object->st);
        if (err == 0 && !same)
            err = hostfs_identify(h, ctx->cred, object->mount, &place, dirfd, name, &again);
        if (err != 0)
            return err == ENOENT ? EAGAIN : err;
        if (!same && !hostfs_id_equal(&object->id, &again.id))
            return EAGAIN;
        object->has_st = true;
    }
    return hostfs_intern(h, object, out);
}

/* Looks `name` up by asking the kernel for its handle; `before` as for make_node(). */
static int lookup_by_handle(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                            const struct statx *before, struct vnode **out, struct statx *st)
{
    const struct hostfs_place place = hostfs_place_in(dir, name);
    struct hostfs *h = hostfs_of(dir);
    struct hostfs_object object;
    int err = hostfs_identify(h, ctx->cred, hostfs_node(dir)->mount, &place, dirfd, name, &object);
    if (err != 0)
        return err;
    *out = vnode_find(h->fs, &object.id);
    if (!*out)
        err = make_node(ctx, dir, dirfd, name, before, &object, out);
    else if (!object.has_st)
        err = stat_known(ctx, *out, dirfd, name, st);
    if (err == 0 && object.has_st)
        *st = object.st;
    return err;
}

/* Looks `name` up by one statx, where that tells which node it is. 0 with *out NULL: it does not
 * tell; *settled says whether it will tell once the node is noted in ident_cache.c. */
static int lookup_by_birth(struct vnode *dir, int dirfd, const char *name, struct vnode **out,
                           struct statx *st, bool *settled)
{
    struct hostfs *h = hostfs_of(dir);
    struct hostfs_mount *mount = hostfs_node(dir)->mount;

    *out = NULL;
    *settled = false;
    if (mount->below->births == BIRTHS_UNKNOWN)
        return 0;
    int err = hostfs_statx(dirfd, name, st);
    if (err != 0)
        return err;
    if (st->stx_mnt_id != mount->id)
        mount = hostfs_mount_known(h, st->stx_mnt_id);
    if (!mount)
        return 0;
    err = hostfs_ident_node(h, mount, st, out);
    if (err == 0 && !*out)
        *settled = hostfs_ident_settled(mount, st);
    return err;
}

static int lookup_once(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                       bool last, struct vnode **out, struct statx *st)
{
    struct statx before;
    struct vnode *vn;
    bool settled;
    int err = lookup_by_birth(dir, dirfd, name, &vn, &before, &settled);
    if (err != 0)
        return err;
    if (vn) {
        *out = vn;
        *st = before;
        return 0;
    }
    err = lookup_by_handle(ctx, dir, dirfd, name, settled ? &before : NULL, &vn, st);
    if (err == EAGAIN && vn && last)
        hostfs_forget(vn); /* the node was made while the name changed, and is wrong itself */
    if (err != 0) {
        vnode_put(vn);
        return err;
    }
    if (settled && hostfs_ident_same(&before, st))
        hostfs_ident_note(st, vn);
    *out = vn;
    return 0;
}

int hostfs_lookup_at(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                     struct vnode **out, struct statx *st)
{
    int err = hostfs_point_enter(dir, name);
    if (err != 0)
        return err;
    err = EAGAIN;
    for (int attempt = 0; err == EAGAIN && attempt < ATTEMPTS; attempt++)
        err = lookup_once(ctx, dir, dirfd, name, attempt == ATTEMPTS - 1, out, st);
    if (err == EAGAIN)
        return VFS_EJUKEBOX;
    if (err == 0)
        hostfs_name_note(hostfs_of(dir), dir, name, *out);
    return err;
}

int hostfs_adopt(const struct vctx *ctx, struct vnode *dir, const char *name, int fd,
                 struct vnode **out, struct statx *st)
{
    const struct hostfs_place place = hostfs_place_in(dir, name);
    struct hostfs *h = hostfs_of(dir);
    struct hostfs_object object;
    int err = hostfs_identify(h, ctx->cred, hostfs_node(dir)->mount, &place, fd, "", &object);
    if (err == 0)
        err = hostfs_statx(fd, "", &object.st);
    if (err == 0 && !object.mount)
        err = EIO;
    if (err == 0)
        err = hostfs_intern(h, &object, out);
    if (err != 0)
        return err;
    /* fd is open on the object, so no other object can have taken its place meanwhile. */
    if (hostfs_ident_settled(object.mount, &object.st))
        hostfs_ident_note(&object.st, *out);
    *st = object.st;
    hostfs_name_note(h, dir, name, *out);
    return 0;
}

struct vnode *hostfs_peek(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                          struct vnode_id *id, bool *only_name)
{
    struct hostfs_place place = hostfs_place_in(dir, name);
    struct hostfs *h = hostfs_of(dir);
    struct hostfs_object object;
    struct vnode *vn;
    struct statx st;
    bool settled;

    place.peek = true;
    id->len = 0;
    *only_name = false;
    if (hostfs_point_enter(dir, name) != 0)
        return NULL;
    if (lookup_by_birth(dir, dirfd, name, &vn, &st, &settled) != 0)
        return NULL;
    if (vn) {
        *only_name = st.stx_nlink == 1 || S_ISDIR(st.stx_mode);
        id->len = vn->id_len;
        memcpy(id->bytes, vn->id, vn->id_len);
        return vn;
    }
    if (hostfs_identify(h, ctx->cred, hostfs_node(dir)->mount, &place, dirfd, name, &object) != 0)
        return NULL;
    *id = object.id;
    /* The count that FUSE has cached may be from before the last link was made. */
    if (id->bytes[0] == ID_NAMED && statx(dirfd, name, PEEK_FLAGS, STATX_BASIC_STATS, &st) == 0)
        *only_name = st.stx_nlink == 1 || S_ISDIR(st.stx_mode);
    return vnode_find(h->fs, id);
}

static bool is_root(struct hostfs *h, const struct statx *st)
{
    struct statx root;
    int fd;

    if (hostfs_hold(h, &h->own, &fd) != 0)
        return false;
    bool known = hostfs_statx(fd, "", &root) == 0;
    hostfs_drop(&h->own);
    return known && st->stx_ino == root.stx_ino && st->stx_dev_major == root.stx_dev_major &&
           st->stx_dev_minor == root.stx_dev_minor && st->stx_mnt_id == root.stx_mnt_id;
}

/* Identifies fd, which is open on the directory above dir. On a named mount that is the directory
 * in which dir was found. */
static int identify_parent(const struct vctx *ctx, struct vnode *dir, int fd,
                           const struct statx *st, struct hostfs_object *object)
{
    struct hostfs *h = hostfs_of(dir);
    struct hostfs_table *table = hostfs_table(h);
    struct hostfs_row row;
    struct vnode_id id;
    int err = cred_assume(ctx->cred);
    if (err == 0)
        err = hostfs_identify(h, ctx->cred, NULL, NULL, fd, "", object);
    if (err != EOPNOTSUPP)
        return err;
    hostfs_id_of(dir, &id);
    object->mount = &h->own;
    object->id = h->root_id;
    if (is_root(h, st)) /* the root always has a node */
        return 0;
    err = table ? hostfs_table_get(table, h->fs->fsid, &id, &row) : ENOENT;
    if (err == 0 && row.parent.bytes[0] != ID_NAMED)
        err = ENOENT;
    if (err == 0)
        err = hostfs_named_check(h, &row.parent, fd, true, object);
    return err != 0 ? ESTALE : cred_assume(ctx->cred);
}

/* Looks up the directory above `dir`, which is not the root. */
static int lookup_parent(const struct vctx *ctx, struct vnode *dir, int dirfd, struct vnode **out,
                         struct statx *st)
{
    struct hostfs *h = hostfs_of(dir);
    struct hostfs_object object;
    int fd = openat(dirfd, "..", O_DIRECTORY | HOST_O_PATH);
    if (fd < 0)
        return errno;
    int err = hostfs_statx(fd, "", st);
    /* The host may have moved the directory out of the export after it was loaded. */
    if (err == 0)
        err = hostfs_contained(ctx, h, fd, st);
    if (err == 0)
        err = identify_parent(ctx, dir, fd, st, &object);
    if (err == 0 && !object.mount)
        err = ESTALE;
    if (err == 0) {
        object.st = *st;
        err = hostfs_intern(h, &object, out);
    }
    if (err != 0)
        close(fd);
    else
        hostfs_set_fd(*out, &hostfs_node(*out)->path_fd, fd);
    return err;
}

static int lookup_in_hidden(struct vnode *dir, const char *name, struct vnode **out,
                            struct vattr *attr)
{
    (void)attr; /* the wrapper asks getattr for them */
    if (strcmp(name, "..") != 0)
        return ENOENT;
    /* A hidden node does not remember where it is; the root is above everything. */
    vnode_ref(dir->fs->root);
    *out = dir->fs->root;
    return 0;
}

int hostfs_lookup(const struct vctx *ctx, struct vnode *dir, const char *name, struct vnode **out,
                  struct vattr *attr)
{
    struct statx st;
    int fd;

    if (hostfs_is_hidden(dir))
        return lookup_in_hidden(dir, name, out, attr);
    int err = hostfs_enter(ctx, dir, &fd);
    if (err != 0)
        return err;
    if (strcmp(name, "..") == 0)
        err = lookup_parent(ctx, dir, fd, out, &st);
    else
        err = hostfs_lookup_at(ctx, dir, fd, name, out, &st);
    if (err != 0)
        return hostfs_name_error(dir, fd, err);
    if (hostfs_is_hidden(*out))
        hostfs_attr_hidden(*out, attr);
    else
        hostfs_attr(*out, &st, attr);
    return 0;
}

/* One statx, without making a node, where that tells which object it is. */
int hostfs_getattr_at_fd(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                         struct vnode_id *id, struct vattr *attr)
{
    struct hostfs *h = hostfs_of(dir);
    const struct hostfs_mount *mount = hostfs_node(dir)->mount;
    struct vnode *vn;
    struct statx st;

    int err = hostfs_point_enter(dir, name);
    if (err == 0)
        err = cred_assume(ctx->cred);
    if (err == 0)
        err = hostfs_statx(dirfd, name, &st);
    if (err != 0)
        return err;
    if (hostfs_ident_id(mount, &st, id) && !hostfs_needs_table(h, id)) {
        hostfs_attr_of(h->fs, mount, hostfs_vtype(st.stx_mode), &st, attr);
        return 0;
    }
    err = hostfs_lookup_at(ctx, dir, dirfd, name, &vn, &st);
    if (err != 0)
        return err;
    if (hostfs_is_hidden(vn))
        hostfs_attr_hidden(vn, attr);
    else
        hostfs_attr(vn, &st, attr);
    id->len = vn->id_len;
    memcpy(id->bytes, vn->id, vn->id_len);
    vnode_put(vn);
    return 0;
}

int hostfs_getattr_at(const struct vctx *ctx, struct vnode *dir, const char *name,
                      struct vnode_id *id, struct vattr *attr)
{
    int fd;

    if (hostfs_is_hidden(dir))
        return ENOENT;
    int err = hostfs_enter(ctx, dir, &fd);
    if (err != 0)
        return err;
    err = hostfs_getattr_at_fd(ctx, dir, fd, name, id, attr);
    return err != 0 ? hostfs_name_error(dir, fd, err) : 0;
}

int hostfs_readlink(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size, size_t *len)
{
    int fd;
    if (vn->type != VLNK)
        return EINVAL;
    int err = hostfs_enter(ctx, vn, &fd);
    if (err != 0)
        return err;
    ssize_t got = readlinkat(fd, "", buf, size - 1);
    if (got < 0)
        return errno == ENOENT ? EINVAL : errno;
    buf[got] = '\0';
    *len = (size_t)got;
    return 0;
}
