/*
 * attr.c - attributes of nodes and of file systems, and how they are changed.
 *
 * The parts of a SETATTR are separate system calls, in the order size, owner, mode, times: a change
 * of owner clears suid bits that the mode may set again, and every part changes the times, which
 * come last. Each call works on the object itself by descriptor (AT_EMPTY_PATH), so that no link is
 * followed. Where the kernel is too old for that, /proc/self/fd is used instead, but never for a
 * symbolic link.
 */
#include "base/cred.h"
#include "base/hash.h"
#include "base/settled.h"
#include "disk.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include "memo.h"
#include "newfile.h"
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The number of links that clients are told where the file system's limit is unknown. */
#define LINKS_UNKNOWN 32000

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* Linux 6.6 */
#endif

static struct timespec time_of(const struct statx_timestamp *at)
{
    return (struct timespec){.tv_sec = at->tv_sec, .tv_nsec = at->tv_nsec};
}

/*
 * Many clients show an export as one file system, whatever it is made of, so the inode numbers of
 * its objects must be unique in it. Objects of the export's own mount keep the host's numbers.
 * Those of a mount that is crossed into, or of another part of a file system (a btrfs subvolume),
 * are mixed with what identifies the mount or the part. They do not change when the server
 * restarts. Mixed numbers have bit 62 set, which no host file system that counts its numbers up
 * reaches. Linux mounts a directory with another fsid by itself and asks it for its size, so a
 * mount that is crossed into has an fsid of its own. All parts of a file system have one fsid, as
 * they have one size.
 */
#define MADE_UP ((uint64_t)1 << 62)

uint64_t hostfs_fileid_hash(uint64_t hash)
{
    return (hash_mix(hash) & (MADE_UP - 1)) | MADE_UP;
}

uint64_t hostfs_fileid(const struct hostfs_mount *mount, uint64_t ino, uint64_t part)
{
    if (!mount->key && part == mount->part)
        return ino;
    return hostfs_fileid_hash(ino ^ hash_mix(mount->key ^ hash_mix(part + 1)));
}

static uint64_t fileid_of(const struct vnode *vn, const struct hostfs_node *node,
                          const struct statx *st)
{
    if (node->mount->named)
        return node->ino;
    return hostfs_fileid(node->mount, st->stx_ino, hostfs_part(node->mount, vn->id, vn->id_len));
}

void hostfs_attr(const struct vnode *vn, const struct statx *st, struct vattr *attr)
{
    const struct hostfs_node *node = hostfs_node((struct vnode *)(uintptr_t)vn);

    hostfs_attr_of(vn->fs, node->mount, (enum vtype)vn->type, st, attr);
    attr->fileid = fileid_of(vn, node, st);
}

void hostfs_attr_of(const struct vfs *fs, const struct hostfs_mount *mount, enum vtype type,
                    const struct statx *st, struct vattr *attr)
{
    attr->type = type;
    attr->mode = st->stx_mode & 07777;
    attr->nlink = st->stx_nlink;
    attr->uid = st->stx_uid;
    attr->gid = st->stx_gid;
    attr->size = st->stx_size;
    attr->used = st->stx_blocks * 512;
    attr->rdev_major = st->stx_rdev_major;
    attr->rdev_minor = st->stx_rdev_minor;
    attr->fsid = mount->key ? hash_mix(fs->fsid ^ mount->key) : fs->fsid;
    attr->fileid = hostfs_fileid(mount, st->stx_ino, mount->part);
    attr->atime = time_of(&st->stx_atime);
    attr->mtime = time_of(&st->stx_mtime);
    attr->ctime = time_of(&st->stx_ctime);
}

void hostfs_attr_after(struct vnode *vn, int fd, struct vattr *attr)
{
    struct statx st;
    if (hostfs_statx(fd, "", &st) != 0)
        return;
    if (hostfs_node(vn)->mount->named)
        hostfs_named_look(vn, fd, &st);
    hostfs_attr(vn, &st, attr);
}

/* Attributes of what is mounted below the export and not shown: it looks empty, and nothing can
 * change it. */
void hostfs_attr_hidden(const struct vnode *vn, struct vattr *attr)
{
    memset(attr, 0, sizeof(*attr));
    attr->type = (enum vtype)vn->type;
    attr->mode = vn->type == VDIR ? 0555 : 0;
    attr->nlink = vn->type == VDIR ? 2 : 1;
    attr->fsid = vn->fs->fsid;
    memcpy(&attr->fileid, vn->id + 2, sizeof(attr->fileid));
}

int hostfs_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    struct statx st;
    int fd;

    (void)ctx; /* every holder of the handle may ask */
    if (hostfs_is_hidden(vn)) {
        hostfs_attr_hidden(vn, attr);
        return 0;
    }
    int err = hostfs_fd_stat(ctx, vn, &fd, &st);
    if (err == 0)
        hostfs_attr(vn, &st, attr);
    return err;
}

static int change_mode(int fd, enum vtype type, uint32_t mode)
{
    struct hostfs_proc_path link;

    if (syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0)
        return 0;
    /* EPERM may come from a container's filter that does not know the call. */
    if (errno != ENOSYS && errno != EINVAL && errno != EPERM)
        return errno;
    if (type == VLNK)
        return EOPNOTSUPP;
    hostfs_proc_path(&link, fd);
    return chmod(link.text, mode) == 0 ? 0 : errno;
}

static struct timespec time_to_set(enum vset_time how, struct timespec given)
{
    if (how == VTIME_GIVEN)
        return given;
    return (struct timespec){.tv_nsec = how == VTIME_NOW ? UTIME_NOW : UTIME_OMIT};
}

static int change_times(int fd, enum vtype type, const struct vsetattr *set)
{
    struct hostfs_proc_path link;
    struct timespec times[2] = {time_to_set(set->set_atime, set->atime),
                                time_to_set(set->set_mtime, set->mtime)};

    if (syscall(SYS_utimensat, fd, "", times, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno != EINVAL || type == VLNK)
        return errno;
    hostfs_proc_path(&link, fd);
    return utimensat(AT_FDCWD, link.text, times, 0) == 0 ? 0 : errno;
}

int hostfs_apply(int fd, enum vtype type, const struct vsetattr *set)
{
    int err = 0;

    if (set->set_uid || set->set_gid) {
        uid_t uid = set->set_uid ? set->uid : (uid_t)-1;
        gid_t gid = set->set_gid ? set->gid : (gid_t)-1;
        if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0)
            err = errno;
    }
    if (err == 0 && set->set_mode)
        err = change_mode(fd, type, set->mode);
    if (err == 0 && (set->set_atime != VTIME_KEEP || set->set_mtime != VTIME_KEEP))
        err = change_times(fd, type, set);
    return err;
}

/* Whether one of the times is to be the server's, and the other one is to stay. */
static bool one_time_now(const struct vsetattr *set)
{
    return (set->set_atime == VTIME_NOW && set->set_mtime == VTIME_KEEP) ||
           (set->set_mtime == VTIME_NOW && set->set_atime == VTIME_KEEP);
}

/*
 * Like hostfs_apply(), for a caller whose identity the thread has. Setting the server's time takes
 * the right to write, as with utimes(NULL), but utimensat() lets only the owner set one of the
 * times alone. Where the kernel refuses that, the server sets the time for a caller who may write.
 * Where the server may not either (an append-only file, or a server that is an ordinary user), both
 * times become now.
 */
static int apply(const struct vctx *ctx, struct vnode *vn, int fd, const struct statx *st,
                 const struct vsetattr *set)
{
    struct vsetattr times = {.set_atime = set->set_atime, .set_mtime = set->set_mtime};
    struct vsetattr rest = *set;

    if (!one_time_now(set))
        return hostfs_apply(fd, (enum vtype)vn->type, set);
    rest.set_atime = rest.set_mtime = VTIME_KEEP;
    int err = hostfs_apply(fd, (enum vtype)vn->type, &rest);
    if (err == 0)
        err = change_times(fd, (enum vtype)vn->type, &times);
    if (err != EPERM || rest.set_mode || rest.set_uid || rest.set_gid)
        return err;
    if (hostfs_may(ctx, vn, fd, st, W_OK) == 0 && cred_assume_server() == 0) {
        err = change_times(fd, (enum vtype)vn->type, &times);
        int back = cred_assume(ctx->cred);
        if (err != EPERM || back)
            return back ? back : err;
    }
    times.set_atime = times.set_mtime = VTIME_NOW;
    return change_times(fd, (enum vtype)vn->type, &times);
}

/* Checks the guard of a SETATTR. VFS_ENOTSYNC: the ctime differs. VFS_EJUKEBOX: the file system has
 * times in whole seconds, and the second of the guard is not over. The object may have been changed
 * in that second after the client looked, and a change made now would not be seen by others. */
static int check_guard(const struct vnode *vn, const struct vsetattr *set, const struct statx *st)
{
    const struct hostfs_node *node = hostfs_node((struct vnode *)(uintptr_t)vn);
    const struct statx_timestamp at = st->stx_ctime;
    uint64_t granularity = node->mount->below->granularity_ns;

    if (!set->guarded)
        return 0;
    if (set->guard.tv_sec != at.tv_sec || set->guard.tv_nsec != (long)at.tv_nsec)
        return VFS_ENOTSYNC;
    bool coarse = settled_step(at.tv_nsec, granularity) >= 1000000000;
    return coarse && !settled_ctime(at.tv_sec, at.tv_nsec, granularity) ? VFS_EJUKEBOX : 0;
}

/*
 * Carries out a SETATTR. Whether the caller may set the size is found out first, by opening the
 * file. The size is set last, since only that can't be undone: a caller who may not do the rest
 * must not have cut the file. The truncation makes mtime the server's time and clears set-id bits,
 * so other times, and a mode with such bits, are set once more after it.
 */
static int change(const struct vctx *ctx, struct vnode *vn, int fd, const struct vsetattr *set)
{
    struct vsetattr rest = *set;
    struct statx st;
    int err = hostfs_stat(vn, fd, &st);
    if (err != 0)
        return err;
    err = check_guard(vn, set, &st);
    if (err != 0)
        return err;
    if (!set->set_size)
        return apply(ctx, vn, fd, &st, set);
    if (vn->type != VREG)
        return vn->type == VDIR ? EISDIR : EINVAL;
    if (set->set_mtime == VTIME_NOW && set->set_atime != VTIME_NOW)
        rest.set_mtime = VTIME_KEEP;
    err = hostfs_may_truncate(ctx, vn, set->size);
    if (err == 0)
        err = apply(ctx, vn, fd, &st, &rest);
    if (err == 0)
        err = hostfs_truncate(ctx, vn, set->size);
    rest.set_uid = rest.set_gid = false;
    rest.set_mode = set->set_mode && set->mode & 06000;
    return err != 0 ? err : apply(ctx, vn, fd, &st, &rest);
}

/* The verifier of an exclusive create is dropped by the first SETATTR. */
static void drop_verifier(struct hostfs *h, const struct vnode *vn)
{
    struct vnode_id id = {.len = vn->id_len};

    memcpy(id.bytes, vn->id, vn->id_len);
    hostfs_drop_verifier(h, &id);
}

int hostfs_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                   struct vchange *change_out)
{
    struct hostfs *h = hostfs_of(vn);
    struct hostfs_turn turn;
    int fd;
    int err = hostfs_enter(ctx, vn, &fd);
    if (err != 0)
        return err;
    /* Of two clients with equal guards only one may succeed. */
    if (set->guarded)
        err = hostfs_turn_begin(&h->guards, vn, &turn);
    if (err != 0)
        return err;
    err = change(ctx, vn, fd, set);
    if (set->guarded)
        hostfs_turn_end(&h->guards, &turn);
    hostfs_memo_forget(true);
    if (err == 0 && vn->type == VREG && atomic_load(&h->verifiers_kept) > 0)
        drop_verifier(h, vn);
    if (err == 0)
        err = hostfs_sync_node(ctx, vn);
    if (err == 0)
        hostfs_attr_after(vn, fd, &change_out->after);
    return err;
}

/* A descriptor on the node's file system; for a hidden node, the export's root. To be given back by
 * place_end(). */
static int place(struct vnode *vn, int *fd)
{
    struct hostfs *h = hostfs_of(vn);
    return hostfs_is_hidden(vn) ? hostfs_hold(h, &h->own, fd) : hostfs_fd(NULL, vn, fd);
}

static void place_end(struct vnode *vn)
{
    if (hostfs_is_hidden(vn))
        hostfs_drop(&hostfs_of(vn)->own);
}

int hostfs_statfs(const struct vctx *ctx, struct vnode *vn, struct vstatfs *st)
{
    struct statvfs fs;
    int fd;

    (void)ctx;
    int err = place(vn, &fd);
    if (err != 0)
        return err;
    err = fstatvfs(fd, &fs) != 0 ? errno : 0;
    place_end(vn);
    if (err != 0)
        return err;
    st->total_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
    st->free_bytes = (uint64_t)fs.f_bfree * fs.f_frsize;
    st->avail_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    st->total_files = fs.f_files;
    /* ntfs-3g reports more free files than files. */
    st->free_files = fs.f_ffree < fs.f_files ? fs.f_ffree : fs.f_files;
    st->avail_files = fs.f_favail < fs.f_files ? fs.f_favail : fs.f_files;
    st->invarsec = 0;
    return 0;
}

int hostfs_pathconf(const struct vctx *ctx, struct vnode *vn, struct vpathconf *pc)
{
    struct statvfs fs;
    int fd;

    (void)ctx;
    int err = place(vn, &fd);
    if (err != 0)
        return err;
    if (fstatvfs(fd, &fs) != 0) {
        err = errno;
        goto out;
    }
    uint32_t links = hostfs_below_of(fd)->links_max;
    pc->link_max = links > 0 ? links : LINKS_UNKNOWN;
    pc->name_max = fs.f_namemax < VNAME_MAX ? (uint32_t)fs.f_namemax : VNAME_MAX;
    pc->no_trunc = true;
    pc->chown_restricted = true;
    pc->case_insensitive = hostfs_folds_case(vn, fd);
    pc->case_preserving = true;
out:
    place_end(vn);
    return err;
}
