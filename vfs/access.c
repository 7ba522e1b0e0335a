/*
 * access.c - what owner, group and mode allow a caller (loopnfs/vfs.h), and attributes for nodes
 * whose file system gives none.
 *
 * Called by file systems that look after rights themselves, and by the wrappers (vop_rights.c) for
 * the others.
 */
#include "base/hash.h"
#include <errno.h>
#include <loopnfs/vfs.h>
#include <string.h>
#include <unistd.h>

bool vaccess_in_group(const struct cred *cred, uint32_t gid)
{
    if (cred->gid == gid)
        return true;
    for (uint32_t i = 0; i < cred->ngroups; i++)
        if (cred->groups[i] == gid)
            return true;
    return false;
}

/* The three bits of the mode that apply to the caller: 4 read, 2 write, 1 execute. */
static unsigned mode_bits(const struct cred *cred, const struct vattr *attr)
{
    if (cred->uid == 0)
        return 6 | (attr->type == VDIR || (attr->mode & 0111) != 0);
    if (cred->uid == attr->uid)
        return attr->mode >> 6 & 7;
    if (vaccess_in_group(cred, attr->gid))
        return attr->mode >> 3 & 7;
    return attr->mode & 7;
}

uint32_t vaccess_granted(const struct cred *cred, const struct vattr *attr, uint32_t want)
{
    unsigned bits = mode_bits(cred, attr);
    bool is_dir = attr->type == VDIR;
    uint32_t granted = 0;

    if (bits & 4)
        granted |= VACCESS_READ;
    if (is_dir && (bits & 3) == 3)
        granted |= VACCESS_MODIFY | VACCESS_EXTEND | VACCESS_DELETE;
    else if (!is_dir && bits & 2)
        granted |= VACCESS_MODIFY | VACCESS_EXTEND;
    if (bits & 1)
        granted |= is_dir ? VACCESS_LOOKUP : VACCESS_EXECUTE;
    return granted & want;
}

int vaccess_check(const struct cred *cred, const struct vattr *attr, uint32_t want)
{
    return vaccess_granted(cred, attr, want) == want ? 0 : EACCES;
}

void vnode_attr_default(const struct vnode *vn, struct vattr *attr)
{
    static const uint16_t modes[] = {[VREG] = 0444, [VDIR] = 0555,  [VBLK] = 0444, [VCHR] = 0444,
                                     [VLNK] = 0777, [VSOCK] = 0444, [VFIFO] = 0444};
    uint64_t number = vnode_number(vn);

    *attr = (struct vattr){
        .type = (enum vtype)vn->type,
        .mode = modes[vn->type],
        .nlink = vn->type == VDIR ? 2 : 1,
        .uid = geteuid(),
        .gid = getegid(),
        .fsid = vn->fs->fsid,
        .fileid = number != 0 ? number : hash_bytes(vn->id, vn->id_len, 1),
        .atime = vn->fs->mounted,
        .mtime = vn->fs->mounted,
        .ctime = vn->fs->mounted,
    };
}
