/*
 * names.c - the directory of a srvfs: clients find, make, rename and remove names.
 *
 * A file that a client makes is a placeholder (post.c fills it). The directory is sticky by
 * default: a name can be removed by its owner, by the directory's owner, and by root.
 */
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <string.h>

static void node_init(struct vnode *vn, void *arg)
{
    struct srv_node *node = vnode_private(vn);
    struct srv_entry **entry = arg;

    node->entry = *entry;
    *entry = NULL; /* the vnode has the reference now */
}

/* Takes over the reference on `entry`. */
int srv_vnode(struct vfs *fs, struct srv_entry *entry, struct vnode **out)
{
    struct vnode_id id = {.len = SRV_ID_LEN};

    memcpy(id.bytes, entry->id, SRV_ID_LEN);
    int err = vnode_intern(fs, &id, VREG, node_init, &entry, out, NULL);
    srv_entry_put(srvfs_of(fs), entry); /* unless init took it */
    return err;
}

int srv_lookup(const struct vctx *ctx, struct vnode *dir, const char *name, struct vnode **out,
               struct vattr *attr)
{
    struct srvfs *srv = srvfs_of(dir->fs);

    (void)attr;
    int err = srv_root_may(ctx->cred, srv, VACCESS_LOOKUP);
    if (err != 0)
        return err;
    struct srv_entry *entry = srv_find(srv, name);
    if (entry != NULL)
        return srv_vnode(dir->fs, entry, out);
    entry = srv_twin_find(srv, name);
    return entry != NULL ? srv_twin_vnode(dir->fs, entry, out) : ENOENT;
}

static int make(const struct vctx *ctx, struct srvfs *srv, const char *name,
                const struct vcreate *how, struct srv_entry **out)
{
    const struct vsetattr *set = &how->attr;

    int err = srv_root_may(ctx->cred, srv, VACCESS_MODIFY | VACCESS_LOOKUP);
    if (err != 0)
        return err;
    if (how->mode != VCREATE_EXCLUSIVE && ctx->cred->uid != 0 &&
        ((set->set_uid && set->uid != ctx->cred->uid) ||
         (set->set_gid && !vaccess_in_group(ctx->cred, set->gid))))
        return EPERM;
    struct srv_entry *entry = srv_entry_new(srv, ctx->cred, 0600);
    if (entry == NULL)
        return ENOMEM;
    if (how->mode == VCREATE_EXCLUSIVE) {
        memcpy(entry->verifier, how->verifier, sizeof(entry->verifier));
        entry->exclusive = true;
    } else {
        entry->mode = set->set_mode ? set->mode & 0777 : entry->mode;
        entry->uid = set->set_uid ? set->uid : entry->uid;
        entry->gid = set->set_gid ? set->gid : entry->gid;
    }
    err = srv_entry_name(srv, entry, name);
    if (err != 0) {
        srv_entry_put(srv, entry);
        return err == EMFILE ? ENOSPC : err;
    }
    *out = entry;
    return 0;
}

/* CREATE of a name that exists, which an open for writing sends. */
static int again(const struct vctx *ctx, struct srv_entry *entry, const struct vcreate *how,
                 struct vnode *vn)
{
    struct vsetattr size = {.set_size = how->attr.set_size, .size = how->attr.size};
    struct vchange change = {0};

    if (how->mode == VCREATE_GUARDED)
        return EEXIST;
    if (how->mode == VCREATE_UNCHECKED) {
        pthread_mutex_lock(&entry->lock);
        srv_stream_break(entry);
        pthread_mutex_unlock(&entry->lock);
        return size.set_size ? srv_setattr(ctx, vn, &size, &change) : 0;
    }
    pthread_mutex_lock(&entry->lock);
    bool same =
        entry->exclusive && memcmp(entry->verifier, how->verifier, sizeof(entry->verifier)) == 0;
    pthread_mutex_unlock(&entry->lock);
    return same ? 0 : EEXIST;
}

/* CREATE of a stream's twin. ENOENT: no twin has this name. */
static int create_twin(const struct vctx *ctx, struct vnode *dir, const char *name,
                       const struct vcreate *how, struct vnode **out)
{
    struct srv_entry *entry = srv_twin_find(srvfs_of(dir->fs), name);

    if (entry == NULL)
        return ENOENT;
    int err = srv_twin_again(ctx, entry, how);
    if (err == 0)
        return srv_twin_vnode(dir->fs, entry, out);
    srv_entry_put(srvfs_of(dir->fs), entry);
    return err;
}

int srv_create(const struct vctx *ctx, struct vnode *dir, const char *name,
               const struct vcreate *how, struct vnode **out, struct vattr *attr,
               struct vchange *dir_change)
{
    struct srvfs *srv = srvfs_of(dir->fs);
    struct srv_entry *entry;
    int err = EEXIST;

    (void)attr, (void)dir_change;
    int may = srv_root_may(ctx->cred, srv, VACCESS_LOOKUP);
    if (may != 0)
        return may;
    while (err == EEXIST) {
        entry = srv_find(srv, name);
        if (entry != NULL) {
            err = srv_vnode(dir->fs, entry, out);
            if (err == 0)
                err = again(ctx, srv_entry_of(*out), how, *out);
            if (err != 0)
                vnode_put(*out);
            return err;
        }
        err = create_twin(ctx, dir, name, how, out);
        if (err != ENOENT)
            return err;
        err = make(ctx, srv, name, how, &entry);
    }
    return err == 0 ? srv_vnode(dir->fs, entry, out) : err;
}

int srv_remove(const struct vctx *ctx, struct vnode *dir, const char *name,
               struct vchange *dir_change)
{
    struct srvfs *srv = srvfs_of(dir->fs);
    struct srv_entry *entry = srv_find(srv, name);

    (void)dir_change;
    if (entry == NULL) {
        entry = srv_twin_find(srv, name);
        bool is_twin = entry != NULL;
        srv_entry_put(srv, entry);
        return is_twin ? EPERM : ENOENT; /* a twin is removed with its stream */
    }
    int err = srv_remove_may(ctx->cred, srv, entry);
    if (err == 0)
        err = srv_entry_unname(srv, entry, name);
    srv_entry_put(srv, entry);
    return err;
}

int srv_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
               struct vnode *to_dir, const char *to, struct vchange *from_change,
               struct vchange *to_change)
{
    struct srvfs *srv = srvfs_of(from_dir->fs);
    struct srv_entry *entry = srv_find(srv, from), *over = srv_find(srv, to);
    struct srv_entry *twin = entry == NULL ? srv_twin_find(srv, from) : NULL;
    int err = twin != NULL ? EPERM : ENOENT;

    (void)to_dir, (void)from_change, (void)to_change;
    srv_entry_put(srv, twin);
    if (entry != NULL) {
        err = srv_remove_may(ctx->cred, srv, entry);
        if (err == 0 && over != NULL)
            err = srv_remove_may(ctx->cred, srv, over);
        if (err == 0)
            err = srv_entry_rename(srv, entry, from, to, over);
    }
    srv_entry_put(srv, entry);
    srv_entry_put(srv, over);
    return err;
}

/*
 * Lists the twin behind its entry. An entry's cookie, doubled, is the position behind its twin; one
 * less is the position between the two. False: the page is full.
 */
static bool list_twin(struct srvfs *srv, struct srv_entry *entry, uint64_t cookie, const char *name,
                      struct vdirents *page)
{
    char twin[VNAME_MAX + 1];
    struct vattr attr = {0};

    if (!srv_twin_name(srv, entry, name, twin))
        return true;
    memcpy(&attr.fileid, entry->id, sizeof(attr.fileid));
    srv_twin_attr(&attr);
    return vdirents_add(page, attr.fileid, 2 * cookie, VREG, twin, strlen(twin));
}

static bool list_entry_of(struct srvfs *srv, struct srv_entry *entry, uint64_t cookie,
                          const char *name, struct vdirents *page)
{
    uint64_t fileid;

    memcpy(&fileid, entry->id, sizeof(fileid));
    return vdirents_add(page, fileid, 2 * cookie - 1, VREG, name, strlen(name)) &&
           list_twin(srv, entry, cookie, name, page);
}

int srv_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie, struct vdirents *page)
{
    struct srvfs *srv = srvfs_of(dir->fs);
    char name[VNAME_MAX + 1];
    struct srv_entry *entry;
    uint64_t at, after = (cookie + 1) / 2;
    bool fits = true;

    int err = srv_root_may(ctx->cred, srv, VACCESS_READ);
    if (err == 0 && cookie % 2 != 0 && (entry = srv_after(srv, after - 1, &at, name)) != NULL) {
        if (at == after)
            fits = list_twin(srv, entry, at, name, page);
        srv_entry_put(srv, entry);
    }
    while (err == 0 && fits && (entry = srv_after(srv, after, &after, name)) != NULL) {
        fits = list_entry_of(srv, entry, after, name, page);
        srv_entry_put(srv, entry);
    }
    if (!fits)
        return 0;
    page->eof = err == 0;
    return err;
}
