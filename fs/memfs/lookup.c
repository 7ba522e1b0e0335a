/*
 * lookup.c - finds names in directories, and lists directories.
 */
#include "memfs.h"
#include <string.h>

int memfs_lookup(const struct vctx *ctx, struct vnode *dir, const char *name, struct vnode **out,
                 struct vattr *attr)
{
    struct memfs *m = memfs_of(dir);
    struct memfs_node *node = memfs_node(dir), *found = NULL;

    memfs_lock_read(&node->lock);
    int err = memfs_may_search(ctx->cred, node);
    if (err == 0 && strcmp(name, "..") == 0) {
        found = memfs_names_parent(node->names);
    } else if (err == 0) {
        const struct memfs_entry *entry = memfs_names_find(m, node->names, name);
        if (entry != NULL)
            found = entry->node;
        else
            err = ENOENT;
    }
    if (found != NULL)
        memfs_node_ref(found);
    memfs_unlock_read(&node->lock);
    if (err != 0)
        return err;
    err = memfs_adopt(m, found, out, attr);
    /* ESTALE: the node was removed meanwhile, and the answer is as if it had been removed
     * before. */
    return err == ESTALE ? ENOENT : err;
}

/* Fills in the id and attributes of a node in `dir`. The directory's lock is held; the node's is
 * taken here, after it. */
static void describe(const struct vnode *dir, struct memfs_node *node, struct vnode_id *id,
                     struct vattr *attr)
{
    memfs_id(memfs_of(dir), node, id);
    memfs_lock_read(&node->lock);
    memfs_attr(dir->fs, node, attr);
    memfs_unlock_read(&node->lock);
}

int memfs_getattr_at(const struct vctx *ctx, struct vnode *dir, const char *name,
                     struct vnode_id *id, struct vattr *attr)
{
    struct memfs *m = memfs_of(dir);
    struct memfs_node *node = memfs_node(dir);
    const struct memfs_entry *entry = NULL;

    memfs_lock_read(&node->lock);
    int err = memfs_may_search(ctx->cred, node);
    if (err == 0) {
        entry = memfs_names_find(m, node->names, name);
        err = entry != NULL ? 0 : ENOENT;
    }
    if (err == 0)
        describe(dir, entry->node, id, attr);
    memfs_unlock_read(&node->lock);
    return err;
}

/* Adds an entry to a page. False: it did not fit. With `plus` also adds the attributes and id that
 * a lookup would return, without making a vnode. */
static bool add_entry(const struct vnode *dir, const struct memfs_entry *entry, bool plus,
                      struct vdirents *page)
{
    struct memfs_node *node = entry->node;
    enum vtype type = (enum vtype)node->type;

    if (!plus)
        return vdirents_add(page, node->number, entry->cookie, type, entry->name, entry->len);
    struct vdirent_plus *more =
        vdirents_add_plus(page, node->number, entry->cookie, type, entry->name, entry->len);
    if (more == NULL)
        return false;
    describe(dir, node, &more->id, &more->attr);
    return true;
}

int memfs_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie, struct vdirents *page)
{
    struct memfs_node *node = memfs_node(dir);
    const struct memfs_entry *entry;

    memfs_lock_read(&node->lock);
    int err = node->nlink == 0 ? ESTALE : memfs_may(ctx->cred, node, MEMFS_R);
    if (err == 0) {
        bool plus = page->plus && memfs_may_search(ctx->cred, node) == 0;
        uint32_t place = memfs_names_place(node->names, cookie);
        for (; (entry = memfs_names_at(node->names, &place)) != NULL; place++)
            if (!add_entry(dir, entry, plus, page))
                break;
        page->eof = entry == NULL;
        memfs_touch_read(node);
    }
    memfs_unlock_read(&node->lock);
    return err;
}
