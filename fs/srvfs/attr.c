/*
 * attr.c - attributes and rights in srvfs. Owner and mode are those of the post; size and times
 * come from the descriptor.
 *
 * A stream's ctime is always the current time: the stream may change by itself at any time, and a
 * client that trusted its cache would go on reading old bytes.
 */
#include "base/cred.h"
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

static void root_attr(struct srvfs *srv, struct vattr *attr)
{
    pthread_mutex_lock(&srv->lock);
    attr->mode = srv->mode;
    attr->uid = srv->uid;
    attr->gid = srv->gid;
    attr->atime = attr->mtime = srv->mtime;
    attr->ctime = srv->ctime;
    pthread_mutex_unlock(&srv->lock);
    attr->nlink = 2;
    attr->size = 4096;
    attr->fileid = 1;
}

static bool earlier(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* Files that are read at an offset have the host's size and times. */
static int file_attr(const struct srv_entry *entry, struct vattr *attr)
{
    struct stat st;

    if (fstat(entry->fd, &st) != 0)
        return errno;
    attr->size = (uint64_t)st.st_size;
    if (entry->kind == SRV_BLOCK && ioctl(entry->fd, BLKGETSIZE64, &attr->size) != 0)
        return errno;
    attr->used = (uint64_t)st.st_blocks * 512;
    attr->atime = st.st_atim;
    attr->mtime = st.st_mtim;
    if (earlier(&attr->ctime, &st.st_ctim))
        attr->ctime = st.st_ctim;
    return 0;
}

static int entry_attr(struct srvfs *srv, struct srv_entry *entry, struct vattr *attr)
{
    const struct srv_kind_row *row = srv_kind_row(entry->kind);
    int err = 0;

    memcpy(&attr->fileid, entry->id, sizeof(attr->fileid));
    attr->nlink = 1;
    pthread_mutex_lock(&entry->lock);
    attr->mode = entry->mode;
    attr->uid = entry->uid;
    attr->gid = entry->gid;
    if (row->read == SRV_STREAM && entry->may_read)
        attr->size = srv_log_size(srv, entry);
    attr->atime = entry->atime;
    attr->mtime = entry->mtime;
    attr->ctime = entry->ctime;
    if (row->read == SRV_STREAM)
        clock_gettime(CLOCK_REALTIME, &attr->ctime);
    if (row->read == SRV_AT_OFFSET)
        err = file_attr(entry, attr);
    if (row->write == SRV_STREAM && row->read == SRV_AT_OFFSET)
        entry->size_seen = attr->size;
    pthread_mutex_unlock(&entry->lock);
    return err;
}

int srv_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    struct srv_entry *entry = srv_entry_of(vn);
    int err = 0;

    (void)ctx;
    *attr = (struct vattr){.fsid = vn->fs->fsid};
    if (entry == NULL)
        root_attr(srvfs_of(vn->fs), attr);
    else
        err = entry_attr(srvfs_of(vn->fs), entry, attr);
    if (err == 0 && srv_is_twin(vn))
        srv_twin_attr(attr);
    attr->type = (enum vtype)vn->type;
    return err;
}

/* --- rights --- */

static void entry_owner(struct srv_entry *entry, struct vattr *attr)
{
    *attr = (struct vattr){.type = VREG};
    pthread_mutex_lock(&entry->lock);
    attr->mode = entry->mode;
    attr->uid = entry->uid;
    attr->gid = entry->gid;
    pthread_mutex_unlock(&entry->lock);
}

int srv_entry_may(const struct cred *cred, struct srv_entry *entry, uint32_t want)
{
    struct vattr attr;

    entry_owner(entry, &attr);
    return cred->uid == attr.uid ? 0 : vaccess_check(cred, &attr, want);
}

int srv_root_may(const struct cred *cred, struct srvfs *srv, uint32_t want)
{
    struct vattr attr = {.type = VDIR};

    root_attr(srv, &attr);
    return vaccess_check(cred, &attr, want);
}

int srv_remove_may(const struct cred *cred, struct srvfs *srv, struct srv_entry *entry)
{
    struct vattr root = {.type = VDIR}, attr;

    root_attr(srv, &root);
    int err = vaccess_check(cred, &root, VACCESS_MODIFY | VACCESS_LOOKUP);
    if (err != 0 || !(root.mode & S_ISVTX) || cred->uid == 0 || cred->uid == root.uid)
        return err;
    entry_owner(entry, &attr);
    return cred->uid == attr.uid ? 0 : EPERM;
}

int srv_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
               struct vattr *attr)
{
    struct srv_entry *entry = srv_entry_of(vn);

    int err = srv_getattr(ctx, vn, attr);
    if (err != 0)
        return err;
    if (entry != NULL)
        srv_entry_use(entry);
    *granted = vaccess_granted(ctx->cred, attr, want);
    /* The caller finds out with the open what the descriptor was not opened for. */
    if (entry != NULL && entry->kind != SRV_EMPTY) {
        if (!entry->may_read)
            *granted &= ~(uint32_t)VACCESS_READ;
        if (!entry->may_write)
            *granted &= ~(uint32_t)(VACCESS_MODIFY | VACCESS_EXTEND);
        *granted &= ~(uint32_t)VACCESS_EXECUTE;
    }
    return 0;
}

/* --- changes --- */

/* Whether the caller may make a change. As with the host's system calls, the owner may set the mode
 * and given times, and choose one of the owner's groups; the right to write is enough for the size
 * and the current time; root may set everything. */
static int change_may(const struct cred *cred, const struct vattr *attr, const struct vsetattr *set)
{
    bool owner = cred->uid == attr->uid;

    if (cred->uid == 0)
        return 0;
    if (set->set_mode && !owner)
        return EPERM;
    if (set->set_uid && (!owner || set->uid != attr->uid))
        return EPERM;
    if (set->set_gid && (!owner || (set->gid != attr->gid && !vaccess_in_group(cred, set->gid))))
        return EPERM;
    if ((set->set_atime == VTIME_GIVEN || set->set_mtime == VTIME_GIVEN) && !owner)
        return EPERM;
    if (set->set_size || set->set_atime == VTIME_NOW || set->set_mtime == VTIME_NOW)
        return owner ? 0 : vaccess_check(cred, attr, VACCESS_MODIFY);
    return 0;
}

static void time_set(struct timespec *time, enum vset_time how, const struct timespec *given)
{
    if (how == VTIME_NOW)
        clock_gettime(CLOCK_REALTIME, time);
    else if (how == VTIME_GIVEN)
        *time = *given;
}

static void owner_set(uint32_t *mode, uint32_t *uid, uint32_t *gid, const struct vsetattr *set,
                      uint32_t mode_mask)
{
    if (set->set_mode)
        *mode = set->mode & mode_mask;
    if (set->set_uid)
        *uid = set->uid;
    if (set->set_gid)
        *gid = set->gid;
}

static int root_set(struct srvfs *srv, const struct vsetattr *set)
{
    pthread_mutex_lock(&srv->lock);
    owner_set(&srv->mode, &srv->uid, &srv->gid, set, 07777);
    time_set(&srv->mtime, set->set_mtime, &set->mtime);
    clock_gettime(CLOCK_REALTIME, &srv->ctime);
    pthread_mutex_unlock(&srv->lock);
    return 0;
}

/* Sets the size and times of a file on the host. Truncating a stream changes nothing. */
static int file_set(const struct cred *cred, struct srv_entry *entry, const struct vsetattr *set)
{
    const struct timespec keep = {.tv_nsec = UTIME_OMIT}, now = {.tv_nsec = UTIME_NOW};
    const struct timespec times[2] = {set->set_atime == VTIME_GIVEN ? set->atime
                                      : set->set_atime == VTIME_NOW ? now
                                                                    : keep,
                                      set->set_mtime == VTIME_GIVEN ? set->mtime
                                      : set->set_mtime == VTIME_NOW ? now
                                                                    : keep};
    bool given = set->set_atime == VTIME_GIVEN || set->set_mtime == VTIME_GIVEN;

    if (!entry->may_write)
        return EACCES;
    int err = cred_assume(cred);
    if (err != 0)
        return err;
    /* A caller that may not set the times must not have cut the file before, since that changes
     * mtime. */
    if (given && futimens(entry->fd, times) != 0)
        return errno;
    if (set->set_size && entry->kind == SRV_FILE && ftruncate(entry->fd, (off_t)set->size) != 0)
        return errno;
    if ((set->set_atime == VTIME_KEEP && set->set_mtime == VTIME_KEEP) ||
        futimens(entry->fd, times) == 0)
        return 0;
    /* The current time may be set by every caller that may use the file, which takes the descriptor
     * only. */
    if (cred_assume_server() == 0 && futimens(entry->fd, times) == 0)
        return 0;
    /* A server without root's rights can't set one time alone; that must not fail an open with
     * O_TRUNC. */
    return set->set_size || futimens(entry->fd, NULL) == 0 ? 0 : EPERM;
}

static int entry_set(const struct cred *cred, struct srv_entry *entry, const struct vsetattr *set)
{
    bool times = set->set_atime != VTIME_KEEP || set->set_mtime != VTIME_KEEP;
    int err = 0;

    if (srv_kind_row(entry->kind)->read == SRV_AT_OFFSET && (set->set_size || times))
        err = file_set(cred, entry, set);
    pthread_mutex_lock(&entry->lock);
    if (err == 0) {
        owner_set(&entry->mode, &entry->uid, &entry->gid, set, 0777);
        time_set(&entry->atime, set->set_atime, &set->atime);
        time_set(&entry->mtime, set->set_mtime, &set->mtime);
        clock_gettime(CLOCK_REALTIME, &entry->ctime);
        entry->exclusive = false;
    }
    srv_stream_break(entry);
    pthread_mutex_unlock(&entry->lock);
    return err;
}

int srv_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                struct vchange *change)
{
    struct srv_entry *entry = srv_entry_of(vn);
    struct vattr attr;

    (void)change;
    int err = srv_getattr(ctx, vn, &attr);
    if (err == 0 && set->guarded &&
        (set->guard.tv_sec != attr.ctime.tv_sec || set->guard.tv_nsec != attr.ctime.tv_nsec))
        err = VFS_ENOTSYNC;
    if (err == 0 && srv_is_twin(vn))
        return srv_twin_setattr(ctx, entry, set);
    if (err == 0)
        err = change_may(ctx->cred, &attr, set);
    if (err != 0)
        return err;
    return entry != NULL ? entry_set(ctx->cred, entry, set) : root_set(srvfs_of(vn->fs), set);
}
