/*
 * srvfs.c - the row of the file system, mounting, and the life of its nodes.
 *
 * Descriptors end with the server, and so do the ids of entries. Only the root's id stays: a
 * client's mount goes on with an empty directory after a restart.
 */
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Removed names that one tick looks at. */
#define TICK_ENTRIES 256

static const struct vnode_id root_id = {.len = 4, .bytes = "root"};

static int srv_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    struct srvfs *srv = calloc(1, sizeof(*srv));

    if (srv == NULL)
        return ENOMEM;
    int err = srv_options_parse(args, &srv->options);
    if (err != 0) {
        free(srv);
        return err;
    }
    srv_entries_init(srv);
    srv->verifier = flush_verifier_fresh(0);
    fs->private = srv;
    err = vnode_intern(fs, &root_id, VDIR, NULL, NULL, &fs->root, NULL);
    if (err != 0) {
        srv_entries_finish(srv);
        free(srv);
        fs->private = NULL;
    }
    return err;
}

static int srv_check(const struct vfs_mount_args *args)
{
    struct srv_options options;

    return srv_options_parse(args, &options);
}

static void srv_unmount(struct vfs *fs)
{
    srv_entries_finish(srvfs_of(fs));
    free(fs->private);
}

static int srv_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out)
{
    if (id->len == root_id.len && memcmp(id->bytes, root_id.bytes, root_id.len) == 0)
        return vnode_intern(fs, &root_id, VDIR, NULL, NULL, out, NULL);
    bool twin = id->len == SRV_TWIN_ID_LEN;
    if (!twin && id->len != SRV_ID_LEN)
        return ESTALE;
    struct srv_entry *entry = srv_find_id(srvfs_of(fs), id->bytes);
    if (entry == NULL)
        return ESTALE;
    return twin ? srv_twin_vnode(fs, entry, out) : srv_vnode(fs, entry, out);
}

static void srv_reclaim(struct vnode *vn)
{
    if (vn->fs->private != NULL)
        srv_entry_put(srvfs_of(vn->fs), srv_entry_of(vn));
}

/* Forgets the node of an entry, or of its twin. Both ids begin alike; the twin's has one byte
 * more. */
static void forget(struct vfs *fs, const struct srv_entry *entry, uint8_t id_len)
{
    struct vnode_id id = {.len = id_len};

    memcpy(id.bytes, entry->id, SRV_ID_LEN);
    id.bytes[SRV_ID_LEN] = 'w';
    struct vnode *vn = vnode_find(fs, &id);
    if (vn != NULL)
        vnode_forget(vn);
    vnode_put(vn);
}

/* Puts removed entries that no client has used for a while. */
static void srv_tick(struct vfs *fs)
{
    struct srvfs *srv = srvfs_of(fs);
    struct srv_entry *entry;

    for (int left = TICK_ENTRIES; left > 0 && (entry = srv_lingering(srv)) != NULL; left--) {
        forget(fs, entry, SRV_ID_LEN);
        forget(fs, entry, SRV_TWIN_ID_LEN);
        srv_entry_put(srv, entry);
    }
}

static int srv_statfs(const struct vctx *ctx, struct vnode *vn, struct vstatfs *st)
{
    struct srvfs *srv = srvfs_of(vn->fs);

    (void)ctx;
    pthread_mutex_lock(&srv->lock);
    *st = (struct vstatfs){.total_files = srv->options.posts,
                           .free_files = srv->options.posts - srv->count,
                           .avail_files = srv->options.posts - srv->count};
    pthread_mutex_unlock(&srv->lock);
    return 0;
}

static const struct vfs_type srvfs_type = {
    .name = "srvfs",
    .flags = VFS_MAY_WAIT_FOREVER, /* the other end of a stream may never read */
    .node_size = sizeof(struct srv_node),
    .options = srv_option_names,
    .ops =
        {
            .mount = srv_mount,
            .check = srv_check,
            .unmount = srv_unmount,
            .load = srv_load,
            .reclaim = srv_reclaim,
            .tick = srv_tick,
            .control = srv_control,
            .getattr = srv_getattr,
            .setattr = srv_setattr,
            .access = srv_access,
            .lookup = srv_lookup,
            .read = srv_read,
            .write = srv_write,
            .commit = srv_commit,
            .create = srv_create,
            .remove = srv_remove,
            .rename = srv_rename,
            .readdir = srv_readdir,
            .statfs = srv_statfs,
            .verifier = srv_verifier,
        },
};
VFS_TYPE(srvfs_type);
