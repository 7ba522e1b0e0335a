/*
 * create.c - making files, directories, links and special files.
 *
 * All is done as the caller, so that the new object is his and the kernel checks his right to the
 * directory. What is asked for beyond what the creating call sets is applied at once; where that
 * fails the new object is removed again. main() has set the umask to 0.
 */
#include "base/cred.h"
#include "hostfs.h"
#include "watch.h"
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Of CREATE, where somebody removes and makes the name all the time. */
#define ATTEMPTS 16
/* RFC 1813 leaves the mode to us where the client says none. */
#define FILE_MODE      0644
#define DIRECTORY_MODE 0755
/* An exclusive create says nothing about attributes; a SETATTR follows. */
#define EXCLUSIVE_MODE 0600

static uint32_t mode_of(const struct vsetattr *set, uint32_t otherwise)
{
    return set->set_mode ? set->mode & 07777 : otherwise;
}

/* The end of every operation here: stable, and attributes of the directory as it is now. */
static int finish(const struct vctx *ctx, struct vnode *dir, int dirfd, struct vnode *vn,
                  struct vchange *dir_change)
{
    int error = hostfs_sync_names(ctx, dir, NULL, vn);
    if (!error)
        hostfs_attr_after(dir, dirfd, &dir_change->after);
    return error;
}

/*
 * The 8 bytes of an exclusive create's verifier live in the file's times, as any server's do that
 * must know them after a restart. XFS without bigtime keeps 31 bits of seconds: the highest bit is
 * half a second.
 */
static void verifier_times(const uint8_t verifier[8], struct timespec times[2])
{
    for (int i = 0; i < 2; i++) {
        uint32_t word;
        memcpy(&word, verifier + 4 * i, sizeof(word));
        times[i].tv_sec = word & 0x7fffffff;
        times[i].tv_nsec = word >> 31 ? 500000000 : 0;
    }
}

static bool verifier_matches(const uint8_t verifier[8], const struct statx *st)
{
    struct timespec times[2];
    verifier_times(verifier, times);
    return st->stx_atime.tv_sec == times[0].tv_sec && st->stx_mtime.tv_sec == times[1].tv_sec &&
           (long)st->stx_atime.tv_nsec == times[0].tv_nsec &&
           (long)st->stx_mtime.tv_nsec == times[1].tv_nsec;
}

/* That the caller may not give this owner or group, or that the host has no such one. */
static bool is_refusal(int error)
{
    return error == EPERM || error == EINVAL || error == EOVERFLOW || error == EOPNOTSUPP ||
           error == ENOSYS;
}

/*
 * hostfs_apply() to an object that the caller has just made. An owner or group that the kernel does
 * not let him give is advice: the object stays his. Each is tried by itself, and the group first:
 * who gave the object away could not give it a group any more.
 */
static int dress_new(int fd, enum vtype type, const struct vsetattr *set)
{
    struct vsetattr rest = *set, owner = {.set_uid = set->set_uid, .uid = set->uid},
                    group = {.set_gid = set->set_gid, .gid = set->gid};

    rest.set_uid = rest.set_gid = false;
    int error = hostfs_apply(fd, type, &group);
    if (!error || is_refusal(error))
        error = hostfs_apply(fd, type, &owner);
    return error && !is_refusal(error) ? error : hostfs_apply(fd, type, &rest);
}

/* What a new regular file is to be besides its mode. *applied: something was. */
static int dress(int fd, const struct vcreate *how, bool *applied)
{
    struct vsetattr set = how->attr;
    struct timespec times[2];

    if (how->mode == VCREATE_EXCLUSIVE) {
        verifier_times(how->verifier, times);
        *applied = true;
        return futimens(fd, times) == 0 ? 0 : errno;
    }
    set.set_mode = false; /* open() has set it */
    *applied = set.set_uid || set.set_gid || set.set_atime != VTIME_KEEP ||
               set.set_mtime != VTIME_KEEP || (set.set_size && set.size > 0);
    if (!*applied)
        return 0;
    if (set.set_size && set.size > INT64_MAX)
        return EFBIG;
    if (set.set_size && set.size > 0 && ftruncate(fd, (off_t)set.size) != 0)
        return errno;
    /* A change of owner clears these. */
    set.set_mode = (set.set_uid || set.set_gid) && how->attr.set_mode && how->attr.mode & 06000;
    return dress_new(fd, VREG, &set);
}

/* EEXIST: there is something of this name. */
static int create_new(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                      const struct vcreate *how, struct vnode **out, struct statx *st)
{
    bool applied = false;
    bool exclusive = how->mode == VCREATE_EXCLUSIVE;
    uint32_t mode = exclusive ? EXCLUSIVE_MODE : mode_of(&how->attr, FILE_MODE);
    int fd =
        openat(dirfd, name,
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, mode);
    if (fd < 0)
        return errno;
    int error = dress(fd, how, &applied);
    if (!error)
        error = hostfs_adopt(ctx, dir, name, fd, out, st);
    if (error) {
        unlinkat(dirfd, name, 0);
        close(fd);
        return error;
    }
    /* The client will write: as its owner, whatever the mode says. */
    hostfs_set_fd(*out, &hostfs_node(*out)->write_fd, fd);
    return 0;
}

static int create_existing(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                           const struct vcreate *how, struct vnode **out, struct statx *st)
{
    int fd;
    if (how->mode == VCREATE_GUARDED)
        return EEXIST;
    int error = hostfs_lookup_at(ctx, dir, dirfd, name, out, st);
    if (error)
        return error;
    if (hostfs_is_hidden(*out) || (*out)->type != VREG ||
        (how->mode == VCREATE_EXCLUSIVE && !verifier_matches(how->verifier, st)))
        error = EEXIST;
    else if (how->mode == VCREATE_UNCHECKED && how->attr.set_size) {
        error = hostfs_enter(ctx, *out, &fd);
        if (!error)
            error = hostfs_truncate(ctx, *out, fd, st, how->attr.size);
        if (!error)
            error = hostfs_sync_node(ctx, *out);
        if (!error)
            error = hostfs_stat(*out, fd, st);
        if (!error)
            error = cred_assume(ctx->cred);
    }
    if (error) {
        vnode_put(*out);
        *out = NULL;
    }
    return error;
}

static int create_at(const struct vctx *ctx, struct vnode *dir, int fd, const char *name,
                     const struct vcreate *how, struct vnode **out, struct vattr *attr,
                     struct vchange *dir_change)
{
    struct statx st;
    bool made = false;
    int error = ENOENT;
    for (int attempt = 0; error == ENOENT && attempt < ATTEMPTS; attempt++) {
        error = create_new(ctx, dir, fd, name, how, out, &st);
        made = error == 0;
        if (error == ENOENT)
            return hostfs_name_error(dir, fd, error);
        if (error == EEXIST)
            error = create_existing(ctx, dir, fd, name, how, out, &st);
    }
    if (error)
        return error;
    if (made)
        error = finish(ctx, dir, fd, *out, dir_change);
    else
        hostfs_attr_after(dir, fd, &dir_change->after);
    if (error) {
        vnode_put(*out);
        return error;
    }
    hostfs_attr(*out, &st, attr);
    return 0;
}

int hostfs_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                  const struct vcreate *how, struct vnode **out, struct vattr *attr,
                  struct vchange *dir_change)
{
    struct hostfs_watch watch;
    int fd;
    int error = hostfs_enter(ctx, dir, &fd);
    if (!error)
        error = hostfs_watch_begin(ctx, &watch, dir, fd, IN_CREATE, name);
    if (error)
        return error;
    error = create_at(ctx, dir, fd, name, how, out, attr, dir_change);
    hostfs_watch_end(&watch, error, dir_change, NULL);
    return error;
}

/*
 * The node of what was just made under this name, with `set` applied where anything of it is left;
 * undone where that fails.
 */
static int complete(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                    enum vtype type, const struct vsetattr *set, struct vnode **out,
                    struct vattr *attr, struct vchange *dir_change)
{
    struct statx st;
    int fd;
    bool apply = set->set_uid || set->set_gid || set->set_mode || set->set_atime != VTIME_KEEP ||
                 set->set_mtime != VTIME_KEEP;
    int error = hostfs_lookup_at(ctx, dir, dirfd, name, out, &st);
    if (error)
        return error;
    if (hostfs_is_hidden(*out) || (*out)->type != type)
        error = ESTALE; /* somebody was faster */
    if (!error && apply) {
        error = hostfs_enter(ctx, *out, &fd);
        if (!error)
            error = dress_new(fd, type, set);
        if (!error)
            error = hostfs_statx(fd, "", &st);
        if (error && cred_assume(ctx->cred) == 0)
            unlinkat(dirfd, name, type == VDIR ? AT_REMOVEDIR : 0);
    }
    /* What can't be opened was made by the call that changed the directory. */
    if (!error)
        error = finish(ctx, dir, dirfd, apply || type == VDIR ? *out : NULL, dir_change);
    if (error) {
        vnode_put(*out);
        return error;
    }
    hostfs_attr(*out, &st, attr);
    return 0;
}

int hostfs_mkdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                 const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                 struct vchange *dir_change)
{
    struct vsetattr rest = *set;
    struct hostfs_watch watch;
    uint32_t mode = mode_of(set, DIRECTORY_MODE);
    int fd;
    int error = hostfs_enter(ctx, dir, &fd);
    if (!error)
        error = hostfs_watch_begin(ctx, &watch, dir, fd, IN_CREATE, name);
    if (error)
        return error;
    /* mkdir() ignores suid and sgid; an sgid it inherits from the directory must stay. */
    rest.set_mode = set->set_mode && mode & 06000;
    if (mkdirat(fd, name, mode) != 0)
        error = hostfs_name_error(dir, fd, errno);
    else
        error = complete(ctx, dir, fd, name, VDIR, &rest, out, attr, dir_change);
    hostfs_watch_end(&watch, error, dir_change, NULL);
    return error;
}

int hostfs_symlink(const struct vctx *ctx, struct vnode *dir, const char *name, const char *target,
                   const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                   struct vchange *dir_change)
{
    struct vsetattr rest = *set;
    struct hostfs_watch watch;
    int fd;
    int error = hostfs_enter(ctx, dir, &fd);
    if (!error)
        error = hostfs_watch_begin(ctx, &watch, dir, fd, IN_CREATE, name);
    if (error)
        return error;
    rest.set_mode = false; /* links have none */
    if (symlinkat(target, fd, name) != 0)
        error = hostfs_name_error(dir, fd, errno);
    else
        error = complete(ctx, dir, fd, name, VLNK, &rest, out, attr, dir_change);
    hostfs_watch_end(&watch, error, dir_change, NULL);
    return error;
}

int hostfs_mknod(const struct vctx *ctx, struct vnode *dir, const char *name, enum vtype type,
                 uint32_t rdev_major, uint32_t rdev_minor, const struct vsetattr *set,
                 struct vnode **out, struct vattr *attr, struct vchange *dir_change)
{
    static const mode_t kinds[] = {
        [VBLK] = S_IFBLK, [VCHR] = S_IFCHR, [VSOCK] = S_IFSOCK, [VFIFO] = S_IFIFO};
    struct vsetattr rest = *set;
    struct hostfs_watch watch;
    bool device = type == VBLK || type == VCHR;
    int fd;

    if ((unsigned)type >= sizeof(kinds) / sizeof(kinds[0]) || kinds[type] == 0)
        return VFS_EBADTYPE;
    int error = hostfs_enter(ctx, dir, &fd);
    if (!error)
        error = hostfs_watch_begin(ctx, &watch, dir, fd, IN_CREATE, name);
    if (error)
        return error;
    rest.set_mode = false;
    if (mknodat(fd, name, kinds[type] | mode_of(set, FILE_MODE),
                device ? makedev(rdev_major, rdev_minor) : 0) != 0)
        error = hostfs_name_error(dir, fd, errno);
    else
        error = complete(ctx, dir, fd, name, type, &rest, out, attr, dir_change);
    hostfs_watch_end(&watch, error, dir_change, NULL);
    return error;
}
