/*
 * lookup.c - finding names in directories, and listing them.
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
    /* It was removed a moment ago: as if it had been before we looked. */
    return err == ESTALE ? ENOENT : err;
}

int memfs_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie, struct vdirents *page)
{
    struct memfs_node *node = memfs_node(dir);
    const struct memfs_entry *entry;

    memfs_lock_read(&node->lock);
    int err = node->nlink == 0 ? ESTALE : memfs_may(ctx->cred, node, MEMFS_R);
    if (err == 0) {
        uint32_t place = memfs_names_place(node->names, cookie);
        for (; (entry = memfs_names_at(node->names, &place)) != NULL; place++)
            if (!vdirents_add(page, entry->node->number, entry->cookie,
                              (enum vtype)entry->node->type, entry->name, entry->len))
                break;
        page->eof = entry == NULL;
        memfs_touch_read(node);
    }
    memfs_unlock_read(&node->lock);
    return err;
}
