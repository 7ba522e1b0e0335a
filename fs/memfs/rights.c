/*
 * rights.c - a caller's rights by owner, group and mode, as a local file system of Linux decides
 * them.
 *
 * Uid 0 may do everything, but execute only what at least one class of users may execute. Every NFS
 * server makes two exceptions from the mode. A file's owner may read and write it, because the
 * owner may have opened it before the mode changed. A caller that may execute a file may read it.
 */
#include "memfs.h"

#define SGID    02000u
#define SUID    04000u
#define STICKY  01000u
#define GROUP_X 00010u

bool memfs_in_group(const struct cred *cred, uint32_t gid)
{
    if (cred->gid == gid)
        return true;
    for (uint32_t i = 0; i < cred->ngroups; i++)
        if (cred->groups[i] == gid)
            return true;
    return false;
}

uint32_t memfs_rights(const struct cred *cred, const struct memfs_node *node)
{
    uint32_t mode = node->mode;

    if (cred->uid == 0)
        return MEMFS_R | MEMFS_W | (node->type == VDIR || mode & 0111 ? MEMFS_X : 0);
    if (cred->uid == node->uid)
        return mode >> 6 & 7;
    if (memfs_in_group(cred, node->gid))
        return mode >> 3 & 7;
    return mode & 7;
}

int memfs_may(const struct cred *cred, const struct memfs_node *node, uint32_t want)
{
    return want & ~memfs_rights(cred, node) ? EACCES : 0;
}

int memfs_may_data(const struct cred *cred, const struct memfs_node *node, uint32_t want)
{
    if (cred->uid == node->uid)
        return 0;
    uint32_t rights = memfs_rights(cred, node);
    if (rights & MEMFS_X)
        rights |= MEMFS_R;
    return want & ~rights ? EACCES : 0;
}

int memfs_may_search(const struct cred *cred, const struct memfs_node *dir)
{
    return dir->nlink == 0 ? ESTALE : memfs_may(cred, dir, MEMFS_X);
}

int memfs_may_remove(const struct cred *cred, const struct memfs_node *dir,
                     const struct memfs_node *victim)
{
    int err = memfs_may(cred, dir, MEMFS_W | MEMFS_X);

    if (err == 0 && dir->mode & STICKY && cred->uid != 0 && cred->uid != dir->uid &&
        cred->uid != victim->uid)
        err = EPERM;
    return err;
}

void memfs_drop_suid(const struct cred *cred, struct memfs_node *node)
{
    if (cred->uid == 0 || !(node->mode & (SUID | SGID)))
        return;
    node->mode &= (uint16_t)~SUID;
    /* Where the group may not execute, SGID means mandatory locking, and stays for members of the
     * group. */
    if (node->mode & GROUP_X || !memfs_in_group(cred, node->gid))
        node->mode &= (uint16_t)~SGID;
}

int memfs_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
                 struct vattr *attr)
{
    struct memfs_node *node = memfs_node(vn);
    uint32_t access = 0;

    memfs_lock_read(&node->lock);
    uint32_t rights = memfs_rights(ctx->cred, node);
    memfs_attr(vn->fs, node, attr);
    memfs_unlock_read(&node->lock);
    if (rights & MEMFS_R)
        access |= VACCESS_READ;
    if (vn->type == VDIR) {
        if (rights & MEMFS_X)
            access |= VACCESS_LOOKUP;
        if ((rights & (MEMFS_W | MEMFS_X)) == (MEMFS_W | MEMFS_X))
            access |= VACCESS_MODIFY | VACCESS_EXTEND | VACCESS_DELETE;
    } else {
        if (rights & MEMFS_W)
            access |= VACCESS_MODIFY | VACCESS_EXTEND;
        if (rights & MEMFS_X)
            access |= VACCESS_EXECUTE;
    }
    *granted = access & want;
    return 0;
}
