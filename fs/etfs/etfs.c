/*
 * etfs.c - the row of the file system, mounting, and the operations on names.
 *
 * `source=FILE` names a table of keys to begin with (control.c reads it). The tool adds and removes
 * keys while the file system is mounted; clients can't.
 */
#include "fs/etfs/etfs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void node_init(struct vnode *vn, void *arg)
{
    struct etfs_node *node = vnode_private(vn);
    struct etfs_entry **entry = arg;

    node->entry = *entry;
    *entry = NULL; /* the vnode has the reference now */
}

int etfs_vnode(struct vfs *fs, struct etfs_entry *entry, struct vnode **out)
{
    struct vnode_id id = {.len = ETFS_ID_LEN};

    memcpy(id.bytes, entry->id, ETFS_ID_LEN);
    int err = vnode_intern(fs, &id, entry->type, node_init, &entry, out, NULL);
    etfs_entry_put(etfs_of(fs), entry); /* unless init took it */
    return err;
}

/* Reads the table of the keys to begin with. */
static int table_read(struct etfs *et, const struct vfs_mount_args *args)
{
    char message[300] = "";

    if (args->source == NULL)
        return 0;
    if (args->source[0] != '/')
        return vfs_refuse(args, EINVAL, "source= takes the absolute path of a table of keys");
    int err = etfs_table_read(et, args->source, message, sizeof(message));
    return err != 0 && message[0] != '\0' ? vfs_refuse(args, err, "%s", message) : err;
}

static int etfs_check(const struct vfs_mount_args *args)
{
    struct etfs et = {.only_looks = true};

    int err = etfs_tree_init(&et);
    if (err == 0)
        err = table_read(&et, args);
    etfs_tree_finish(&et);
    return err;
}

static int etfs_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    int err = ENOMEM;

    struct etfs *et = calloc(1, sizeof(*et));
    if (et == NULL)
        return ENOMEM;
    fs->private = et;
    et->verifier = flush_verifier_fresh(0);
    err = etfs_tree_init(et);
    if (err == 0)
        err = table_read(et, args);
    if (err != 0)
        goto out;
    et->root->refs++;
    err = etfs_vnode(fs, et->root, &fs->root);
out:
    if (err != 0) {
        etfs_tree_finish(et);
        free(et);
        fs->private = NULL;
    }
    return err;
}

static void etfs_unmount(struct vfs *fs)
{
    etfs_tree_finish(etfs_of(fs));
    free(fs->private);
}

static int etfs_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out)
{
    struct etfs_entry *entry = id->len == ETFS_ID_LEN ? etfs_find_id(etfs_of(fs), id->bytes) : NULL;

    return entry != NULL ? etfs_vnode(fs, entry, out) : ESTALE;
}

static void etfs_reclaim(struct vnode *vn)
{
    struct etfs_node *node = vnode_private(vn);

    if (node->entry != NULL && vn->fs->private != NULL)
        etfs_entry_put(etfs_of(vn->fs), node->entry);
}

/* Puts removed entries that no call has used for a while: a few at a time, the next tick takes
 * more. */
static void etfs_tick(struct vfs *fs)
{
    struct etfs *et = etfs_of(fs);
    struct vnode_id id = {.len = ETFS_ID_LEN};
    struct etfs_entry *entry;

    for (int left = 16; left > 0 && (entry = etfs_lingering(et)) != NULL; left--) {
        memcpy(id.bytes, entry->id, ETFS_ID_LEN);
        struct vnode *vn = vnode_find(fs, &id);
        if (vn != NULL)
            vnode_forget(vn);
        vnode_put(vn);
        etfs_entry_put(et, entry);
    }
}

static int etfs_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                       struct vnode **out, struct vattr *attr)
{
    (void)ctx;
    (void)attr;
    struct etfs_entry *entry = etfs_find(etfs_of(dir->fs), etfs_entry_of(dir), name);

    return entry != NULL ? etfs_vnode(dir->fs, entry, out) : ENOENT;
}

static int etfs_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                        struct vdirents *page)
{
    struct etfs *et = etfs_of(dir->fs);
    struct list *item;
    bool full = false;
    uint64_t fileid;

    (void)ctx;
    pthread_rwlock_rdlock(&et->lock);
    list_for_each (item, &etfs_entry_of(dir)->children) {
        const struct etfs_entry *entry = list_entry(item, struct etfs_entry, sibling);
        if (entry->cookie <= cookie)
            continue;
        memcpy(&fileid, entry->id, sizeof(fileid));
        if (!vdirents_add(page, fileid, entry->cookie, entry->type, entry->name,
                          strlen(entry->name))) {
            full = true;
            break;
        }
    }
    pthread_rwlock_unlock(&et->lock);
    page->eof = !full;
    return 0;
}

/* --- what clients can't do here --- */

static int etfs_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                       const struct vcreate *how, struct vnode **out, struct vattr *attr,
                       struct vchange *dir_change)
{
    (void)dir_change;
    int err = etfs_lookup(ctx, dir, name, out, attr);
    if (err != 0)
        return EACCES;
    /* CREATE of a key that exists opens it for writing, as `cp` and `>` do. */
    if (how->mode == VCREATE_UNCHECKED && (*out)->type == VREG) {
        struct vsetattr size = {.set_size = how->attr.set_size, .size = how->attr.size};
        struct vchange change = {0};
        err = size.set_size ? etfs_setattr(ctx, *out, &size, &change) : 0;
    } else {
        err = EEXIST;
    }
    if (err != 0) {
        vnode_put(*out);
        *out = NULL;
    }
    return err;
}

static int etfs_no_change(const struct vctx *ctx, struct vnode *dir, const char *name,
                          struct vchange *dir_change)
{
    (void)ctx;
    (void)dir_change;
    struct etfs_entry *entry = etfs_find(etfs_of(dir->fs), etfs_entry_of(dir), name);
    if (entry == NULL)
        return ENOENT;
    etfs_entry_put(etfs_of(dir->fs), entry);
    return EACCES;
}

static const struct vfs_type etfs_type = {
    .name = "etfs",
    .flags = VFS_STABLE_IDS,
    .node_size = sizeof(struct etfs_node),
    .ops =
        {
            .mount = etfs_mount,
            .check = etfs_check,
            .unmount = etfs_unmount,
            .load = etfs_load,
            .reclaim = etfs_reclaim,
            .tick = etfs_tick,
            .control = etfs_control,
            .getattr = etfs_getattr,
            .setattr = etfs_setattr,
            .access = etfs_access,
            .lookup = etfs_lookup,
            .read = etfs_read,
            .write = etfs_write,
            .commit = etfs_commit,
            .verifier = etfs_verifier,
            .create = etfs_create,
            .remove = etfs_no_change,
            .rmdir = etfs_no_change,
            .readdir = etfs_readdir,
        },
};
VFS_TYPE(etfs_type);
