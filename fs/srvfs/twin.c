/*
 * twin.c - the second name of a stream, NAME.in, for writing only.
 *
 * A kernel that caches a file in pages may write a whole page back where a program has written one
 * byte of it (NetBSD's does). A page of the stream's own name holds bytes that came from the
 * stream, and these would be sent back to it. The twin has no log: its size is always 0 and a READ
 * returns nothing, so a client's page holds only bytes that were written there. Such a page is sent
 * again from its beginning, with the bytes it had before or with zeros; stream.c recognises that.
 *
 * A twin is no entry. It is found by its name if its stream exists, and is listed right behind the
 * stream. It has the stream's owner and, but for the right to read, its mode. An entry that is
 * called NAME.in hides the twin. Called by names.c, attr.c and io.c; owns nothing.
 */
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <string.h>

#define SUFFIX     ".in"
#define SUFFIX_LEN (sizeof(SUFFIX) - 1)

static bool has_twin(struct srv_entry *entry)
{
    return srv_kind_row(entry->kind)->write == SRV_STREAM && entry->may_write;
}

static void node_init(struct vnode *vn, void *arg)
{
    struct srv_node *node = vnode_private(vn);
    struct srv_entry **entry = arg;

    node->entry = *entry;
    node->twin = true;
    *entry = NULL; /* the vnode has the reference now */
}

int srv_twin_vnode(struct vfs *fs, struct srv_entry *entry, struct vnode **out)
{
    struct vnode_id id = {.len = SRV_TWIN_ID_LEN};

    memcpy(id.bytes, entry->id, SRV_ID_LEN);
    id.bytes[SRV_ID_LEN] = 'w';
    int err = vnode_intern(fs, &id, VREG, node_init, &entry, out, NULL);
    srv_entry_put(srvfs_of(fs), entry); /* unless init took it */
    return err;
}

struct srv_entry *srv_twin_find(struct srvfs *srv, const char *name)
{
    char stem[VNAME_MAX + 1];
    size_t len = strlen(name);

    if (len <= SUFFIX_LEN || len > VNAME_MAX || strcmp(name + len - SUFFIX_LEN, SUFFIX) != 0)
        return NULL;
    memcpy(stem, name, len - SUFFIX_LEN);
    stem[len - SUFFIX_LEN] = '\0';
    struct srv_entry *entry = srv_find(srv, stem);
    if (entry == NULL || has_twin(entry))
        return entry;
    srv_entry_put(srv, entry);
    return NULL;
}

bool srv_twin_name(struct srvfs *srv, struct srv_entry *entry, const char *name,
                   char twin[VNAME_MAX + 1])
{
    size_t len = strlen(name);

    if (!has_twin(entry) || len + SUFFIX_LEN > VNAME_MAX)
        return false;
    memcpy(twin, name, len);
    memcpy(twin + len, SUFFIX, SUFFIX_LEN + 1);
    struct srv_entry *hides = srv_find(srv, twin);
    srv_entry_put(srv, hides);
    return hides == NULL;
}

void srv_twin_attr(struct vattr *attr)
{
    attr->mode &= 0222;
    attr->size = attr->used = 0;
    attr->fileid ^= UINT64_C(1) << 62;
    clock_gettime(CLOCK_REALTIME, &attr->ctime);
    attr->mtime = attr->ctime;
}

static void message_end(struct srv_entry *entry)
{
    pthread_mutex_lock(&entry->lock);
    if (entry->by_twin)
        srv_stream_break(entry);
    pthread_mutex_unlock(&entry->lock);
}

int srv_twin_again(const struct vctx *ctx, struct srv_entry *entry, const struct vcreate *how)
{
    if (how->mode != VCREATE_UNCHECKED)
        return EEXIST;
    int err = how->attr.set_size ? srv_entry_may(ctx->cred, entry, VACCESS_MODIFY) : 0;
    if (err == 0)
        message_end(entry);
    return err;
}

int srv_twin_read(const struct vctx *ctx, struct srv_entry *entry, bool *eof)
{
    *eof = true;
    /* A kernel may read the rest of a page before it writes a part of the page. */
    int err = srv_entry_may(ctx->cred, entry, VACCESS_MODIFY);
    return err != 0 ? srv_entry_may(ctx->cred, entry, VACCESS_READ) : 0;
}

int srv_twin_setattr(const struct vctx *ctx, struct srv_entry *entry, const struct vsetattr *set)
{
    if (set->set_mode || set->set_uid || set->set_gid)
        return EPERM;
    int err = srv_entry_may(ctx->cred, entry, VACCESS_MODIFY);
    if (err == 0)
        message_end(entry);
    return err;
}
