/*
 * attr.c - attributes and rights in etfs: those of the host's file, with the window's size.
 */
#include "base/cred.h"
#include "base/settled.h"
#include "fs/etfs/etfs.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DIR_MODE 0555

static uint64_t fileid_of(const struct etfs_entry *entry)
{
    uint64_t fileid;

    memcpy(&fileid, entry->id, sizeof(fileid));
    return fileid;
}

static void dir_attr(struct vnode *vn, const struct etfs_entry *entry, struct vattr *attr)
{
    struct etfs *et = etfs_of(vn->fs);
    struct list *item;

    attr->mode = DIR_MODE;
    attr->nlink = 2;
    pthread_rwlock_rdlock(&et->lock);
    list_for_each (item, &entry->children)
        if (list_entry(item, struct etfs_entry, sibling)->type == VDIR)
            attr->nlink++;
    attr->atime = attr->mtime = attr->ctime = entry->changed;
    pthread_rwlock_unlock(&et->lock);
    attr->size = 4096;
}

static int file_attr(const struct etfs_entry *entry, struct vattr *attr)
{
    struct stat st;

    if (fstat(entry->fd, &st) != 0)
        return errno;
    attr->mode = st.st_mode & (entry->read_only ? 0555 : 0777);
    attr->nlink = 1;
    attr->uid = st.st_uid;
    attr->gid = st.st_gid;
    attr->size = entry->windowed ? entry->size : (uint64_t)st.st_size;
    attr->used = entry->windowed ? entry->size : (uint64_t)st.st_blocks * 512;
    if (entry->type != VREG)
        attr->size = attr->used = 0;
    attr->rdev_major = entry->rdev_major;
    attr->rdev_minor = entry->rdev_minor;
    attr->atime = st.st_atim;
    attr->mtime = st.st_mtim;
    attr->ctime = st.st_ctim;
    return 0;
}

int etfs_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    struct etfs_entry *entry = etfs_entry_of(vn);
    struct timespec now;
    int err = 0;

    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    entry->used = now.tv_sec;
    *attr = (struct vattr){.fsid = vn->fs->fsid, .fileid = fileid_of(entry)};
    if (entry->type == VDIR)
        dir_attr(vn, entry, attr);
    else
        err = file_attr(entry, attr);
    attr->type = entry->type;
    return err;
}

static bool in_group(const struct cred *cred, gid_t gid)
{
    if (cred->gid == gid)
        return true;
    for (uint32_t i = 0; i < cred->ngroups; i++)
        if (cred->groups[i] == gid)
            return true;
    return false;
}

/* The bits of the mode that apply to the caller: 4 read, 2 write, 1 execute. */
static unsigned rights_of(const struct cred *cred, const struct vattr *attr)
{
    unsigned rights = attr->mode & 7;

    if (cred->uid == attr->uid)
        rights = attr->mode >> 6 & 7;
    else if (in_group(cred, attr->gid))
        rights = attr->mode >> 3 & 7;
    if (cred->uid == 0)
        rights |= 6 | (attr->type == VDIR || attr->mode & 0111 ? 1 : 0);
    return rights;
}

/* Whether the caller has all of `right` to the host's file. Where the thread can act as the caller,
 * the kernel is asked, since it knows the file's access control list and flags. Else the mode
 * decides. */
static int host_right(const struct cred *cred, const struct etfs_entry *entry,
                      const struct vattr *attr, unsigned right)
{
    if (entry->type == VDIR || !cred_can_switch())
        return (rights_of(cred, attr) & right) == right ? 0 : EACCES;
    int err = cred_assume(cred);
    if (err == 0 &&
        syscall(SYS_faccessat2, entry->fd, "", (int)right, AT_EMPTY_PATH | AT_EACCESS) != 0)
        err = errno;
    return err;
}

/* Whether the file is immutable or append-only. The kernel checks this only when a file is opened,
 * and the entry's descriptor has been open for long. */
static bool is_fixed(const struct etfs_entry *entry)
{
    struct statx st;

    return entry->type == VREG && statx(entry->fd, "", AT_EMPTY_PATH, 0, &st) == 0 &&
           st.stx_attributes & (STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE);
}

int etfs_may(const struct vctx *ctx, struct vnode *vn, unsigned right)
{
    struct vattr attr;

    if (right & 2 && etfs_entry_of(vn)->read_only)
        return EROFS;
    if (right & 2 && is_fixed(etfs_entry_of(vn)))
        return EPERM;
    int err = etfs_getattr(ctx, vn, &attr);
    if (err != 0)
        return err;
    /* The owner may always read and write: the client checked the owner's rights when it opened the
     * file. */
    if (ctx->cred->uid != attr.uid)
        err = host_right(ctx->cred, etfs_entry_of(vn), &attr, right);
    return err != 0 ? err : cred_assume(ctx->cred);
}

int etfs_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
                struct vattr *attr)
{
    int err = etfs_getattr(ctx, vn, attr);
    if (err != 0)
        return err;
    unsigned rights = 0;
    for (unsigned right = 1; right <= 4; right <<= 1)
        if (host_right(ctx->cred, etfs_entry_of(vn), attr, right) == 0)
            rights |= right;
    *granted = 0;
    if (rights & 4)
        *granted |= VACCESS_READ;
    if (rights & 2 && attr->type != VDIR && !etfs_entry_of(vn)->read_only)
        *granted |= VACCESS_MODIFY | VACCESS_EXTEND;
    if (rights & 1)
        *granted |= attr->type == VDIR ? VACCESS_LOOKUP : VACCESS_EXECUTE;
    *granted &= want;
    return 0;
}

/* Whether the caller may set the size. A whole host file has a size to set; a window's never
 * changes. */
static int size_may(const struct vctx *ctx, struct vnode *vn, uint64_t size)
{
    const struct etfs_entry *entry = etfs_entry_of(vn);
    int err = etfs_may(ctx, vn, 2);

    return err == 0 && entry->windowed && size > entry->size ? EFBIG : err;
}

static int size_set(const struct vctx *ctx, const struct etfs_entry *entry, uint64_t size)
{
    int err = cred_assume(ctx->cred);

    if (err == 0 && ftruncate(entry->fd, (off_t)size) != 0)
        err = errno;
    return err;
}

static int times_put(const struct etfs_entry *entry, const struct vsetattr *set)
{
    const struct timespec keep = {.tv_nsec = UTIME_OMIT}, now = {.tv_nsec = UTIME_NOW};
    const struct timespec times[2] = {set->set_atime == VTIME_GIVEN ? set->atime
                                      : set->set_atime == VTIME_NOW ? now
                                                                    : keep,
                                      set->set_mtime == VTIME_GIVEN ? set->mtime
                                      : set->set_mtime == VTIME_NOW ? now
                                                                    : keep};

    return futimens(entry->fd, times) == 0 ? 0 : errno;
}

/* Sets times. Only the owner may set given times. The current time takes the right to write, even
 * where the host lets only the owner set one of the two times. */
static int times_set(const struct vctx *ctx, struct vnode *vn, const struct vattr *attr,
                     const struct vsetattr *set)
{
    const struct etfs_entry *entry = etfs_entry_of(vn);
    bool given = set->set_atime == VTIME_GIVEN || set->set_mtime == VTIME_GIVEN;

    if (set->set_atime == VTIME_KEEP && set->set_mtime == VTIME_KEEP)
        return 0;
    if (entry->type == VDIR || (given && ctx->cred->uid != 0 && ctx->cred->uid != attr->uid))
        return EPERM;
    if (entry->read_only)
        return EROFS;
    int err = given ? cred_assume(ctx->cred) : etfs_may(ctx, vn, 2);
    /* In an append-only file one time can't be set alone, so both become the current time, if the
     * kernel allows the caller that. */
    if (err == EPERM && !given && cred_can_switch()) {
        err = cred_assume(ctx->cred);
        return err == 0 && futimens(entry->fd, NULL) != 0 ? errno : err;
    }
    if (err == 0)
        err = times_put(entry, set);
    if (err != EPERM || given)
        return err;
    err = cred_assume_server();
    return err != 0 ? err : times_put(entry, set);
}

/* Changes of owner and mode are left to the host. Like chmod(), the owner may set values that the
 * file has already. */
static int owner_check(const struct cred *cred, const struct etfs_entry *entry,
                       const struct vattr *attr, const struct vsetattr *set)
{
    if (!set->set_mode && !set->set_uid && !set->set_gid)
        return 0;
    if ((cred->uid != 0 && cred->uid != attr->uid) || is_fixed(entry))
        return EPERM;
    return (set->set_mode && set->mode != attr->mode) || (set->set_uid && set->uid != attr->uid) ||
                   (set->set_gid && set->gid != attr->gid)
               ? EPERM
               : 0;
}

/* Sets the size last, since only that can't be undone. Setting the size changes mtime, which is set
 * again where it must not change. */
int etfs_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                 struct vchange *change)
{
    struct vsetattr times = *set;
    struct vattr attr;

    (void)change;
    int err = etfs_getattr(ctx, vn, &attr);
    if (err != 0)
        return err;
    if (set->guarded &&
        (set->guard.tv_sec != attr.ctime.tv_sec || set->guard.tv_nsec != attr.ctime.tv_nsec))
        return VFS_ENOTSYNC;
    /* With times in whole seconds, a second change within the guard's second can't be noticed. */
    if (set->guarded && attr.ctime.tv_nsec == 0 && !settled_ctime(attr.ctime.tv_sec, 0, 0))
        return VFS_EJUKEBOX;
    err = owner_check(ctx->cred, etfs_entry_of(vn), &attr, set);
    if (err == 0 && set->set_size)
        err = size_may(ctx, vn, set->size);
    /* A program that opens a disk image with O_TRUNC: a window ignores the truncation, and takes
     * the data that follow. */
    bool cuts = set->set_size && !etfs_entry_of(vn)->windowed;
    if (cuts && set->set_mtime == VTIME_NOW && set->set_atime == VTIME_KEEP)
        times.set_mtime = VTIME_KEEP;
    if (err == 0)
        err = times_set(ctx, vn, &attr, &times);
    if (err == 0 && cuts)
        err = size_set(ctx, etfs_entry_of(vn), set->size);
    if (err == 0 && cuts)
        err = times_set(ctx, vn, &attr, &times);
    bool changed = set->set_size || set->set_atime != VTIME_KEEP || set->set_mtime != VTIME_KEEP;
    return err == 0 && changed && !ctx->async ? etfs_flush(vn, 0) : err;
}
