/*
 * remove.c - removes names. A node is freed with its last name and its last user, whichever goes
 * later (memfs.h). Clients find its handle stale as soon as the last name is gone.
 */
#include "memfs.h"

bool memfs_unlink_node(struct memfs *m, struct memfs_node *node)
{
    if (node->type == VDIR) {
        node->nlink = 0;
    } else {
        node->nlink--;
        if (node->nlink > 0)
            memfs_uncharge(m, MEMFS_LINK_BYTES);
    }
    memfs_touch(node, false);
    return node->nlink == 0;
}

/* Whether `victim` may be removed as a directory (want_dir) or as another type. Both locks are
 * held. */
static int check(const struct cred *cred, const struct memfs_node *dir,
                 const struct memfs_node *victim, bool want_dir)
{
    int err = memfs_may_remove(cred, dir, victim);

    if (err == 0 && (victim->type == VDIR) != want_dir)
        err = want_dir ? ENOTDIR : EISDIR;
    if (err == 0 && want_dir && memfs_names_count(victim->names) > 0)
        err = ENOTEMPTY;
    return err;
}

static int take_name(const struct vctx *ctx, struct vnode *dir, const char *name, bool want_dir,
                     struct vchange *dir_change)
{
    struct memfs *m = memfs_of(dir);
    struct memfs_node *node = memfs_node(dir), *victim = NULL;
    struct memfs_entry *entry = NULL;
    bool gone = false;

    memfs_lock_write(&node->lock);
    int err = memfs_may_search(ctx->cred, node);
    if (err == 0) {
        entry = memfs_names_find(m, node->names, name);
        if (entry == NULL)
            err = ENOENT;
    }
    if (err == 0) {
        victim = entry->node;
        memfs_lock_write(&victim->lock);
        memfs_before(node, dir_change);
        err = check(ctx->cred, node, victim, want_dir);
        if (err == 0) {
            memfs_names_remove(node->names, entry);
            gone = memfs_unlink_node(m, victim);
            if (want_dir)
                node->nlink--;
            memfs_touch(node, true);
            memfs_attr(dir->fs, node, &dir_change->after);
            dir_change->has_before = true;
        }
        memfs_unlock_write(&victim->lock);
    }
    memfs_unlock_write(&node->lock);
    if (gone)
        memfs_node_gone(m, victim);
    return err;
}

int memfs_remove(const struct vctx *ctx, struct vnode *dir, const char *name,
                 struct vchange *dir_change)
{
    return take_name(ctx, dir, name, false, dir_change);
}

int memfs_rmdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                struct vchange *dir_change)
{
    return take_name(ctx, dir, name, true, dir_change);
}
