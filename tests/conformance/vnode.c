/*
 * vnode.c - the driver within this process: the file system is mounted by vfs_mount(), and asked
 * by the wrappers of vfs/vop.h.
 *
 * No reference is held between two calls: a node is found by its handle each time, as a client's
 * request would.
 */
#include "base/cred.h"
#include "tests/conformance/run.h"
#include "tests/lib/data.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NODES_MAX 20000
#define FDS_MAX   500
/* How often what gets JUKEBOX is asked for again. */
#define PATIENCE 200

static const struct target *mounted;
static struct vfs *fs;
static struct cred cred;
static struct who who;
static struct vctx ctx = {.cred = &cred, .async = true};

static bool can_restart(const struct target *target)
{
    return target->fs != NULL;
}

static struct object object_of(const struct vnode *vn)
{
    struct object object = {.len = vn->id_len};

    memcpy(object.id, vn->id, vn->id_len);
    return object;
}

static void mount_it(void)
{
    char state[80];
    struct vfs_mount_args args = {
        .source = mounted->source,
        .options = mounted->table_handles ? "handles=table" : mounted->options,
        .state_dir = state,
        .fsid = 7,
    };

    snprintf(state, sizeof(state), "%s/state", mounted->base);
    expect_ok(cred_assume_server());
    int err = vfs_mount(mounted->fs, &args, &fs);
    if (err != 0)
        fail("can't mount %s of %s: %s", mounted->fs, mounted->source ? mounted->source : "nothing",
             error_name(err));
}

static void driver_become(const struct who *caller)
{
    who = *caller;
    cred = (struct cred){.uid = who.uid, .gid = who.gid, .ngroups = who.ngroups};
    cred.groups = who.ngroups > 0 ? who.groups : NULL;
    cred_seal(&cred);
}

static void driver_begin(const struct target *target, struct object *out)
{
    cred_init();
    expect_ok(vnode_table_init(NODES_MAX, FDS_MAX));
    mounted = target;
    mount_it();
    *out = object_of(fs->root);
}

static void driver_end(void)
{
    cred_assume_server();
    vfs_put(fs);
    fs = NULL;
    vnode_table_finish();
}

static void driver_restart(void (*between)(void))
{
    cred_assume_server();
    vfs_put(fs);
    if (between != NULL)
        between();
    mount_it();
}

static uint32_t driver_flags(void)
{
    return fs->flags;
}

static int load(const struct object *object, struct vnode **out)
{
    struct vnode_id id = {.len = (uint8_t)object->len};

    *out = NULL;
    if (object->len == 0 || object->len > VNODE_ID_MAX)
        return VFS_EBADHANDLE;
    memcpy(id.bytes, object->id, object->len);
    return vnode_load(NULL, fs, &id, out);
}

/* Gives the reference back, and the handle out. */
static int given(int err, struct vnode *vn, struct object *out)
{
    if (err == 0)
        *out = object_of(vn);
    vnode_put(vn);
    return err;
}

/* Runs `call` with the node of `object` as `vn`. */
#define WITH(object, call)       \
    struct vnode *vn;            \
    int err = load(object, &vn); \
    if (err == 0)                \
        err = (call);            \
    vnode_put(vn);               \
    return err

/* The same for calls that make or find a node: `made`. */
#define WITH_MADE(object, out, call) \
    struct vnode *vn, *made = NULL;  \
    int err = load(object, &vn);     \
    if (err == 0)                    \
        err = (call);                \
    vnode_put(vn);                   \
    return given(err, made, out)

static int driver_getattr(const struct object *node, struct vattr *attr)
{
    WITH(node, vop_getattr(&ctx, vn, attr));
}

/* Where times are coarse a guard can't be judged in the second of the last change: as a client, who
 * is asked to call again. */
static int patient_setattr(struct vnode *vn, const struct vsetattr *set, struct vchange *change)
{
    int err = vop_setattr(&ctx, vn, set, change);

    for (int i = 0; err == VFS_EJUKEBOX && i < PATIENCE; i++) {
        usleep(50000);
        err = vop_setattr(&ctx, vn, set, change);
    }
    return err;
}

static int driver_setattr(const struct object *node, const struct vsetattr *set,
                          struct vchange *change)
{
    WITH(node, patient_setattr(vn, set, change));
}

static int driver_access(const struct object *node, uint32_t want, uint32_t *granted)
{
    struct vattr attr;

    WITH(node, vop_access(&ctx, vn, want, granted, &attr));
}

static int driver_lookup(const struct object *dir, struct view name, struct object *out,
                         struct vattr *attr)
{
    WITH_MADE(dir, out, vop_lookup(&ctx, vn, name, &made, attr));
}

static int driver_readlink(const struct object *node, char *buf, size_t size, size_t *len)
{
    WITH(node, vop_readlink(&ctx, vn, buf, size, len));
}

static int driver_read(const struct object *node, uint64_t offset, void *buf, size_t *len,
                       bool *eof, struct vattr *attr)
{
    WITH(node, data_read(&ctx, vn, offset, buf, len, eof, attr));
}

static int driver_write(const struct object *node, uint64_t offset, const void *buf, size_t *len,
                        enum vstable *stable, struct vchange *change)
{
    WITH(node, data_write(&ctx, vn, offset, buf, len, stable, change));
}

static int driver_create(const struct object *dir, struct view name, const struct vcreate *how,
                         struct object *out, struct vattr *attr, struct vchange *change)
{
    WITH_MADE(dir, out, vop_create(&ctx, vn, name, how, &made, attr, change));
}

static int driver_mkdir(const struct object *dir, struct view name, const struct vsetattr *set,
                        struct object *out, struct vattr *attr, struct vchange *change)
{
    WITH_MADE(dir, out, vop_mkdir(&ctx, vn, name, set, &made, attr, change));
}

static int driver_symlink(const struct object *dir, struct view name, struct view target,
                          const struct vsetattr *set, struct object *out, struct vattr *attr,
                          struct vchange *change)
{
    WITH_MADE(dir, out, vop_symlink(&ctx, vn, name, target, set, &made, attr, change));
}

static int driver_mknod(const struct object *dir, struct view name, enum vtype type,
                        uint32_t rdev_major, uint32_t rdev_minor, const struct vsetattr *set,
                        struct object *out, struct vattr *attr, struct vchange *change)
{
    WITH_MADE(dir, out,
              vop_mknod(&ctx, vn, name, type, rdev_major, rdev_minor, set, &made, attr, change));
}

static int driver_remove(const struct object *dir, struct view name, struct vchange *change)
{
    WITH(dir, vop_remove(&ctx, vn, name, change));
}

static int driver_rmdir(const struct object *dir, struct view name, struct vchange *change)
{
    WITH(dir, vop_rmdir(&ctx, vn, name, change));
}

static int driver_rename(const struct object *from_dir, struct view from,
                         const struct object *to_dir, struct view to, struct vchange *from_change,
                         struct vchange *to_change)
{
    struct vnode *source, *target = NULL;
    int err = load(from_dir, &source);

    if (err == 0)
        err = load(to_dir, &target);
    if (err == 0)
        err = vop_rename(&ctx, source, from, target, to, from_change, to_change);
    vnode_put(target);
    vnode_put(source);
    return err;
}

static int driver_link(const struct object *node, const struct object *dir, struct view name,
                       struct vattr *attr, struct vchange *change)
{
    struct vnode *vn, *target = NULL;
    int err = load(node, &vn);

    if (err == 0)
        err = load(dir, &target);
    if (err == 0)
        err = vop_link(&ctx, vn, target, name, attr, change);
    vnode_put(target);
    vnode_put(vn);
    return err;
}

static int driver_readdir(const struct object *dir, uint64_t cookie, uint32_t size,
                          struct page *page)
{
    struct vdirents entries = {.size = size & ~7u, .max = PAGE_ITEMS_MAX};
    struct vnode *vn;
    int err = load(dir, &vn);

    page->count = 0;
    page->eof = false;
    entries.buf = malloc(entries.size);
    expect(entries.buf != NULL);
    if (err == 0)
        err = vop_readdir(&ctx, vn, cookie, &entries);
    /* nfsd/ says so when there was no room for any. */
    if (err == 0 && entries.count == 0 && !entries.eof)
        err = VFS_ETOOSMALL;
    for (const struct vdirent *at = NULL; err == 0 && (at = vdirents_next(&entries, at)) != NULL;) {
        struct item *item = &page->items[page->count++];
        *item = (struct item){.fileid = at->fileid, .cookie = at->cookie, .namelen = at->namelen};
        memcpy(item->name, at->name, at->namelen);
    }
    page->eof = entries.eof;
    free(entries.buf);
    vnode_put(vn);
    return err;
}

static int driver_statfs(const struct object *node, struct vstatfs *st)
{
    WITH(node, vop_statfs(&ctx, vn, st));
}

static int driver_pathconf(const struct object *node, struct vpathconf *pc)
{
    WITH(node, vop_pathconf(&ctx, vn, pc));
}

static int driver_commit(const struct object *node, uint64_t offset, uint32_t count)
{
    struct vchange change = {.has_before = false};
    WITH(node, vop_commit(&ctx, vn, offset, count, &change));
}

#define DRIVER_ROW(call) .call = driver_##call
const struct driver driver_vnode = {
    .can_restart = can_restart,
    DRIVER_ROW(begin),
    DRIVER_ROW(end),
    DRIVER_ROW(restart),
    DRIVER_ROW(become),
    DRIVER_ROW(flags),
    DRIVER_ROW(getattr),
    DRIVER_ROW(setattr),
    DRIVER_ROW(access),
    DRIVER_ROW(lookup),
    DRIVER_ROW(readlink),
    DRIVER_ROW(read),
    DRIVER_ROW(write),
    DRIVER_ROW(create),
    DRIVER_ROW(mkdir),
    DRIVER_ROW(symlink),
    DRIVER_ROW(mknod),
    DRIVER_ROW(remove),
    DRIVER_ROW(rmdir),
    DRIVER_ROW(rename),
    DRIVER_ROW(link),
    DRIVER_ROW(readdir),
    DRIVER_ROW(statfs),
    DRIVER_ROW(pathconf),
    DRIVER_ROW(commit),
};
