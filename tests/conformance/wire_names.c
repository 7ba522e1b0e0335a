/*
 * wire_names.c - the wire driver's calls that carry names, as views: a name may have a NUL, to see
 * what the server says of that. See wire.h.
 */
#include "tests/conformance/wire.h"
#include <string.h>

enum { LOOKUP = 3, CREATE = 8, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR, RENAME, LINK };

static void put_node(struct bytes *b, const struct object *object)
{
    struct fh fh = wire_fh(object);

    put_fh(b, &fh);
}

static void put_name(struct bytes *b, struct view name)
{
    put_opaque(b, name.data, name.len);
}

static void put_set(struct bytes *b, const struct vsetattr *set)
{
    struct sattr sattr = wire_sattr(set);

    put_sattr(b, &sattr);
}

/* diropargs3 */
static struct bytes *begin(uint32_t procedure, const struct object *dir, struct view name)
{
    struct bytes *b = nfs3_begin(&wire_client, procedure);

    put_node(b, dir);
    put_name(b, name);
    return b;
}

static void get_object(struct cursor *c, struct object *out)
{
    struct fh fh;

    get_fh(c, &fh);
    out->len = fh.len;
    memcpy(out->id, fh.data, fh.len);
}

static void get_change(struct cursor *c, struct vchange *change)
{
    struct wcc wcc;

    get_wcc(c, &wcc);
    wire_change(&wcc, change);
}

static int finish_made(const struct object *dir, struct view name, struct object *out,
                       struct vattr *attr, struct vchange *change)
{
    struct cursor c = client_finish(&wire_client);
    uint32_t status = get_u32(&c);
    bool has_fh = true;
    struct attr got = {.present = false};

    if (status == NFS_OK) {
        has_fh = get_bool(&c);
        if (has_fh)
            get_object(&c, out);
        get_post_attr(&c, &got);
    }
    get_change(&c, change);
    cursor_expect_end(&c);
    wire_attr(&got, attr);
    /* The handle is optional: a client looks the name up then. */
    return has_fh ? wire_error(status) : wire_lookup(dir, name, out, attr);
}

static int finish_change(struct vchange *change)
{
    struct cursor c = client_finish(&wire_client);
    uint32_t status = get_u32(&c);

    get_change(&c, change);
    cursor_expect_end(&c);
    return wire_error(status);
}

int wire_lookup(const struct object *dir, struct view name, struct object *out, struct vattr *attr)
{
    struct attr got = {.present = false};

    begin(LOOKUP, dir, name);
    struct cursor c = client_finish(&wire_client);
    uint32_t status = get_u32(&c);
    if (status == NFS_OK) {
        get_object(&c, out);
        get_post_attr(&c, &got);
    }
    get_post_attr(&c, NULL);
    cursor_expect_end(&c);
    wire_attr(&got, attr);
    return wire_error(status);
}

int wire_create(const struct object *dir, struct view name, const struct vcreate *how,
                struct object *out, struct vattr *attr, struct vchange *change)
{
    struct bytes *b = begin(CREATE, dir, name);

    put_u32(b, how->mode);
    if (how->mode == VCREATE_EXCLUSIVE)
        put_fixed(b, how->verifier, sizeof(how->verifier));
    else
        put_set(b, &how->attr);
    return finish_made(dir, name, out, attr, change);
}

int wire_mkdir(const struct object *dir, struct view name, const struct vsetattr *set,
               struct object *out, struct vattr *attr, struct vchange *change)
{
    put_set(begin(MKDIR, dir, name), set);
    return finish_made(dir, name, out, attr, change);
}

int wire_symlink(const struct object *dir, struct view name, struct view target,
                 const struct vsetattr *set, struct object *out, struct vattr *attr,
                 struct vchange *change)
{
    struct bytes *b = begin(SYMLINK, dir, name);

    put_set(b, set);
    put_name(b, target);
    return finish_made(dir, name, out, attr, change);
}

int wire_mknod(const struct object *dir, struct view name, enum vtype type, uint32_t rdev_major,
               uint32_t rdev_minor, const struct vsetattr *set, struct object *out,
               struct vattr *attr, struct vchange *change)
{
    struct bytes *b = begin(MKNOD, dir, name);

    put_u32(b, type);
    if (type == VBLK || type == VCHR || type == VSOCK || type == VFIFO)
        put_set(b, set);
    if (type == VBLK || type == VCHR) {
        put_u32(b, rdev_major);
        put_u32(b, rdev_minor);
    }
    return finish_made(dir, name, out, attr, change);
}

int wire_remove(const struct object *dir, struct view name, struct vchange *change)
{
    begin(REMOVE, dir, name);
    return finish_change(change);
}

int wire_rmdir(const struct object *dir, struct view name, struct vchange *change)
{
    begin(RMDIR, dir, name);
    return finish_change(change);
}

int wire_rename(const struct object *from_dir, struct view from, const struct object *to_dir,
                struct view to, struct vchange *from_change, struct vchange *to_change)
{
    struct bytes *b = begin(RENAME, from_dir, from);

    put_node(b, to_dir);
    put_name(b, to);
    struct cursor c = client_finish(&wire_client);
    uint32_t status = get_u32(&c);
    get_change(&c, from_change);
    get_change(&c, to_change);
    cursor_expect_end(&c);
    return wire_error(status);
}

int wire_link(const struct object *node, const struct object *dir, struct view name,
              struct vattr *attr, struct vchange *change)
{
    struct bytes *b = nfs3_begin(&wire_client, LINK);
    struct attr got;

    put_node(b, node);
    put_node(b, dir);
    put_name(b, name);
    struct cursor c = client_finish(&wire_client);
    uint32_t status = get_u32(&c);
    get_post_attr(&c, &got);
    get_change(&c, change);
    cursor_expect_end(&c);
    wire_attr(&got, attr);
    return wire_error(status);
}
