/*
 * attr.c - reads and changes the attributes of nodes, and reads those of the file system.
 */
#include "memfs.h"
#include <string.h>
#include <time.h>

#define NS      1000000000
#define DAY_NS  (86400ll * NS)
#define SGID    02000u
#define SUID    04000u
#define GROUP_X 00010u
/* Bytes that each name adds to a directory's size. */
#define NAME_BYTES 32

/* --- times: ns since 1970, enough for 292 years both ways --- */

static int64_t ns_of(const struct timespec *time)
{
    if (time->tv_sec >= INT64_MAX / NS)
        return INT64_MAX;
    if (time->tv_sec <= INT64_MIN / NS)
        return INT64_MIN;
    return time->tv_sec * NS + time->tv_nsec;
}

static struct timespec time_of(int64_t ns)
{
    struct timespec time = {.tv_sec = ns / NS, .tv_nsec = ns % NS};

    if (time.tv_nsec < 0) {
        time.tv_sec--;
        time.tv_nsec += NS;
    }
    return time;
}

int64_t memfs_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ns_of(&now);
}

void memfs_touch(struct memfs_node *node, bool data)
{
    int64_t now = memfs_now();

    /* Always another ctime than before, since clients take an equal one for "nothing has
     * changed". */
    node->ctime = now != node->ctime ? now : now + 1;
    if (data)
        node->mtime = node->ctime;
}

void memfs_touch_read(struct memfs_node *node)
{
    int64_t atime = atomic_load_explicit(&node->atime, memory_order_relaxed);
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (atime <= node->mtime || atime <= node->ctime || ns_of(&now) - atime > DAY_NS)
        atomic_store_explicit(&node->atime, memfs_now(), memory_order_relaxed);
}

/* --- reading them --- */

void memfs_attr(const struct vfs *fs, const struct memfs_node *node, struct vattr *attr)
{
    *attr = (struct vattr){
        .type = (enum vtype)node->type,
        .mode = node->mode,
        .nlink = node->nlink,
        .uid = node->uid,
        .gid = node->gid,
        .fsid = fs->fsid,
        .fileid = node->number,
        .atime = time_of(atomic_load_explicit(&node->atime, memory_order_relaxed)),
        .mtime = time_of(node->mtime),
        .ctime = time_of(node->ctime),
    };
    switch (attr->type) {
    case VREG:
        attr->size = node->file.size;
        attr->used = node->file.used;
        break;
    case VDIR:
        attr->size = (uint64_t)memfs_names_count(node->names) * NAME_BYTES;
        break;
    case VLNK:
        attr->size = attr->used = node->link.len;
        break;
    case VBLK:
    case VCHR:
        attr->rdev_major = node->device.major;
        attr->rdev_minor = node->device.minor;
        break;
    default:
        break;
    }
}

void memfs_before(const struct memfs_node *node, struct vchange *change)
{
    change->before_size = 0;
    if (node->type == VREG)
        change->before_size = node->file.size;
    else if (node->type == VDIR)
        change->before_size = (uint64_t)memfs_names_count(node->names) * NAME_BYTES;
    else if (node->type == VLNK)
        change->before_size = node->link.len;
    change->before_mtime = time_of(node->mtime);
    change->before_ctime = time_of(node->ctime);
}

int memfs_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    struct memfs_node *node = memfs_node(vn);

    (void)ctx; /* every holder of a handle may ask */
    memfs_lock_read(&node->lock);
    memfs_attr(vn->fs, node, attr);
    memfs_unlock_read(&node->lock);
    return 0;
}

/* --- changing them --- */

static int check_owner(const struct cred *cred, const struct memfs_node *node,
                       const struct vsetattr *set)
{
    if (cred->uid == 0)
        return 0;
    bool owner = cred->uid == node->uid;
    if (set->set_uid && (!owner || set->uid != node->uid))
        return EPERM;
    if (set->set_gid && (!owner || (set->gid != node->gid && !memfs_in_group(cred, set->gid))))
        return EPERM;
    return 0;
}

int memfs_set_check(const struct cred *cred, const struct memfs_node *node,
                    const struct vsetattr *set)
{
    bool owner = cred->uid == 0 || cred->uid == node->uid;
    bool given = set->set_atime == VTIME_GIVEN || set->set_mtime == VTIME_GIVEN;
    bool now = set->set_atime == VTIME_NOW || set->set_mtime == VTIME_NOW;
    int err = 0;

    if (set->set_size && node->type == VREG)
        err = memfs_may_data(cred, node, MEMFS_W);
    if (err == 0)
        err = check_owner(cred, node, set);
    if (err == 0 && (set->set_mode || given) && !owner)
        err = EPERM;
    if (err == 0 && now && !owner)
        err = memfs_may(cred, node, MEMFS_W);
    return err;
}

static void set_owner(const struct cred *cred, struct memfs_node *node, const struct vsetattr *set)
{
    /* A change of owner clears set-id bits, even by root. Where the group may not execute, SGID
     * means mandatory locking, and stays if the caller is root or in the group. */
    if (node->type != VDIR) {
        node->mode &= (uint16_t)~SUID;
        if (node->mode & GROUP_X || (cred->uid != 0 && !memfs_in_group(cred, node->gid)))
            node->mode &= (uint16_t)~SGID;
    }
    if (set->set_uid)
        node->uid = set->uid;
    if (set->set_gid)
        node->gid = set->gid;
}

static void set_mode(const struct cred *cred, struct memfs_node *node, uint32_t mode)
{
    if (mode & SGID && cred->uid != 0 && !memfs_in_group(cred, node->gid))
        mode &= ~SGID;
    node->mode = (uint16_t)(mode & 07777);
}

void memfs_set_apply(const struct cred *cred, struct memfs_node *node, const struct vsetattr *set)
{
    bool times = set->set_atime != VTIME_KEEP || set->set_mtime != VTIME_KEEP;

    if (set->set_uid || set->set_gid)
        set_owner(cred, node, set);
    if (set->set_mode)
        set_mode(cred, node, set->mode);
    if (set->set_uid || set->set_gid || set->set_mode || times)
        memfs_touch(node, false);
    /* ctime was set to the current time above. */
    if (set->set_atime != VTIME_KEEP)
        node->atime = set->set_atime == VTIME_GIVEN ? ns_of(&set->atime) : node->ctime;
    if (set->set_mtime != VTIME_KEEP)
        node->mtime = set->set_mtime == VTIME_GIVEN ? ns_of(&set->mtime) : node->ctime;
}

void memfs_resize(struct memfs *m, const struct cred *cred, struct memfs_node *node, uint64_t size)
{
    if (size < node->file.size)
        memfs_data_cut(m, node, size);
    node->file.size = size;
    memfs_drop_suid(cred, node);
    memfs_touch(node, true);
}

int memfs_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                  struct vchange *change)
{
    struct memfs_node *node = memfs_node(vn);
    int err = 0;

    memfs_lock_write(&node->lock);
    memfs_before(node, change);
    if (set->guarded && (set->guard.tv_sec != change->before_ctime.tv_sec ||
                         set->guard.tv_nsec != change->before_ctime.tv_nsec))
        err = VFS_ENOTSYNC;
    if (err == 0)
        err = memfs_set_check(ctx->cred, node, set);
    if (err == 0) {
        if (set->set_size)
            memfs_resize(memfs_of(vn), ctx->cred, node, set->size);
        memfs_set_apply(ctx->cred, node, set);
        node->has_verifier = false;
        memfs_attr(vn->fs, node, &change->after);
        change->has_before = true;
    }
    memfs_unlock_write(&node->lock);
    return err;
}

/* --- the file system --- */

int memfs_statfs(const struct vctx *ctx, struct vnode *vn, struct vstatfs *st)
{
    struct memfs *m = memfs_of(vn);

    (void)ctx;
    st->total_bytes = m->limits.bytes;
    st->free_bytes = st->avail_bytes = m->limits.bytes - m->bytes;
    st->total_files = m->limits.nodes;
    st->free_files = st->avail_files = m->limits.nodes - m->nodes;
    return 0;
}

int memfs_pathconf(const struct vctx *ctx, struct vnode *vn, struct vpathconf *pc)
{
    (void)ctx, (void)vn;
    pc->link_max = MEMFS_LINK_MAX;
    return 0;
}
