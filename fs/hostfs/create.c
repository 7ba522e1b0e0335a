/*
 * create.c - makes files, directories, links and special files.
 *
 * Everything is done as the caller, so that the new object belongs to the caller and the kernel
 * checks the caller's right to the directory. newfile.c makes regular files. What a client asks for
 * beyond what the creating call sets is applied at once. Where that fails the new object is removed
 * again; where the server is killed in between, the next start removes it. main() has set the umask
 * to 0.
 */
#include "base/cred.h"
#include "disk.h"
#include "fs/hostfs/locate/locate.h"
#include "newfile.h"
#include "open.h"
#include "wcc.h"
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* How often CREATE tries where another process removes and makes the name all the time. */
#define ATTEMPTS 16
/* RFC 1813 lets the server choose the mode where the client gives none. */
#define DIRECTORY_MODE 0755
#define NODE_MODE      0644

/* Ends every operation here: waits until the change is stable, and takes the directory's
 * attributes. */
static int finish(const struct vctx *ctx, struct vnode *dir, int dirfd, struct vnode *vn,
                  struct vchange *dir_change)
{
    int err = hostfs_sync_names(ctx, dir, NULL, vn);
    if (err == 0)
        hostfs_attr_after(dir, dirfd, &dir_change->after);
    return err;
}

static int create_existing(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                           const struct vcreate *how, struct vnode **out, struct statx *st)
{
    int fd;
    if (how->mode == VCREATE_GUARDED)
        return EEXIST;
    int err = hostfs_lookup_at(ctx, dir, dirfd, name, out, st);
    if (err != 0)
        return err;
    if (hostfs_is_hidden(*out) || (*out)->type != VREG ||
        (how->mode == VCREATE_EXCLUSIVE && !hostfs_verifier_matches(*out, how->verifier, st)))
        err = EEXIST;
    else if (how->mode == VCREATE_UNCHECKED && how->attr.set_size) {
        err = hostfs_enter(ctx, *out, &fd);
        if (err == 0)
            err = hostfs_truncate(ctx, *out, how->attr.size);
        if (err == 0)
            err = hostfs_sync_node(ctx, *out);
        if (err == 0)
            err = hostfs_stat(*out, fd, st);
        if (err == 0)
            err = cred_assume(ctx->cred);
    }
    if (err != 0) {
        vnode_put(*out);
        *out = NULL;
    }
    return err;
}

static int create_at(const struct vctx *ctx, struct vnode *dir, int fd, const char *name,
                     const struct vcreate *how, struct vnode **out, struct vattr *attr,
                     struct vchange *dir_change)
{
    struct hostfs_kept kept = {.name = ""};
    struct statx st;
    bool made = false;
    int err = ENOENT;
    for (int attempt = 0; err == ENOENT && attempt < ATTEMPTS; attempt++) {
        err = hostfs_make_file(ctx, dir, fd, name, how, out, &st, &kept);
        made = err == 0;
        if (err == ENOENT)
            return hostfs_name_error(dir, fd, err);
        if (err == EEXIST)
            err = create_existing(ctx, dir, fd, name, how, out, &st);
        /* A server that made it before may have been killed before it was on stable storage. */
        made |= err == 0 && how->mode == VCREATE_EXCLUSIVE;
    }
    if (err != 0)
        return err;
    if (made)
        err = finish(ctx, dir, fd, *out, dir_change);
    else
        hostfs_attr_after(dir, fd, &dir_change->after);
    err = hostfs_make_ends(ctx, dir, err, &kept);
    if (err != 0) {
        vnode_put(*out);
        return err;
    }
    hostfs_attr(*out, &st, attr);
    return 0;
}

int hostfs_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                  const struct vcreate *how, struct vnode **out, struct vattr *attr,
                  struct vchange *dir_change)
{
    struct hostfs_wcc wcc;
    int fd;
    int err = hostfs_enter(ctx, dir, &fd);
    if (err == 0)
        err = hostfs_wcc_begin(ctx, &wcc, dir, fd, IN_CREATE, name);
    if (err != 0)
        return err;
    err = create_at(ctx, dir, fd, name, how, out, attr, dir_change);
    hostfs_wcc_end(&wcc, err, dir_change, NULL);
    return err;
}

/* Whether the call that makes an object leaves some of `set` to be set afterwards. */
static bool in_steps(const struct vsetattr *set)
{
    return set->set_uid || set->set_gid || set->set_mode || set->set_atime != VTIME_KEEP ||
           set->set_mtime != VTIME_KEEP;
}

/*
 * Finds the node of what was just made under this name, and applies what is left of `set`. Where
 * that fails the object is removed again, at the next start where the server does not come to that
 * (kept.c).
 */
static int complete(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                    enum vtype type, const struct vsetattr *set, struct vnode **out,
                    struct vattr *attr, struct vchange *dir_change)
{
    bool apply = in_steps(set);
    struct statx st;
    int fd;
    int err = hostfs_lookup_at(ctx, dir, dirfd, name, out, &st);
    if (err != 0)
        return err;
    if (hostfs_is_hidden(*out) || (*out)->type != type)
        err = ESTALE; /* another process has replaced it already */
    if (err == 0 && apply) {
        err = hostfs_enter(ctx, *out, &fd);
        if (err == 0)
            err = hostfs_dress(fd, type, set);
        if (err == 0)
            err = hostfs_statx(fd, "", &st);
        if (err != 0 && cred_assume(ctx->cred) == 0)
            unlinkat(dirfd, name, type == VDIR ? AT_REMOVEDIR : 0);
    }
    /* What can't be opened was made by the call that changed the directory, so the directory's
     * flush covers it. */
    bool comes_along = !apply && type != VDIR && hostfs_node(dir)->mount->brings_new;
    if (err == 0)
        err = finish(ctx, dir, dirfd, comes_along ? NULL : *out, dir_change);
    if (err != 0) {
        vnode_put(*out);
        return err;
    }
    hostfs_attr(*out, &st, attr);
    return 0;
}

/* How to make an object that is not a regular file. */
struct made {
    enum vtype type;
    mode_t mode; /* permission bits and type bits */
    dev_t rdev;
    const char *target;   /* VLNK */
    struct vsetattr rest; /* what is left to be set afterwards */
};

static int make_node(int dirfd, const char *name, const struct made *made)
{
    int result = made->type == VDIR   ? mkdirat(dirfd, name, made->mode)
                 : made->type == VLNK ? symlinkat(made->target ? made->target : "", dirfd, name)
                                      : mknodat(dirfd, name, made->mode, made->rdev);
    return result == 0 ? 0 : errno;
}

static int make(const struct vctx *ctx, struct vnode *dir, const char *name,
                const struct made *made, struct vnode **out, struct vattr *attr,
                struct vchange *dir_change)
{
    struct hostfs_kept kept = {.name = ""};
    struct hostfs_wcc wcc;
    int fd;
    int err = hostfs_enter(ctx, dir, &fd);
    if (err == 0)
        err = hostfs_wcc_begin(ctx, &wcc, dir, fd, IN_CREATE, name);
    if (err != 0)
        return err;
    if (in_steps(&made->rest))
        err = hostfs_make_begins(ctx, dir, fd, name, made->type, &kept);
    if (err == 0) {
        err = hostfs_name_error(dir, fd, make_node(fd, name, made));
        if (err == 0)
            err = complete(ctx, dir, fd, name, made->type, &made->rest, out, attr, dir_change);
        bool whole = err == 0;
        err = hostfs_make_ends(ctx, dir, err, &kept);
        if (whole && err != 0)
            vnode_put(*out);
    }
    hostfs_wcc_end(&wcc, err, dir_change, NULL);
    return err;
}

int hostfs_mkdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                 const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                 struct vchange *dir_change)
{
    struct made made = {.type = VDIR, .mode = hostfs_mode_of(set, DIRECTORY_MODE), .rest = *set};

    /* mkdir() ignores suid and sgid; an sgid bit that it inherits from the directory must stay. */
    made.rest.set_mode = set->set_mode && made.mode & 06000;
    return make(ctx, dir, name, &made, out, attr, dir_change);
}

int hostfs_symlink(const struct vctx *ctx, struct vnode *dir, const char *name, const char *target,
                   const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                   struct vchange *dir_change)
{
    struct made made = {.type = VLNK, .target = target, .rest = *set};

    made.rest.set_mode = false; /* symbolic links have no mode */
    return make(ctx, dir, name, &made, out, attr, dir_change);
}

int hostfs_mknod(const struct vctx *ctx, struct vnode *dir, const char *name, enum vtype type,
                 uint32_t rdev_major, uint32_t rdev_minor, const struct vsetattr *set,
                 struct vnode **out, struct vattr *attr, struct vchange *dir_change)
{
    static const mode_t kinds[] = {
        [VBLK] = S_IFBLK, [VCHR] = S_IFCHR, [VSOCK] = S_IFSOCK, [VFIFO] = S_IFIFO};
    struct made made = {.type = type, .rest = *set};

    if ((unsigned)type >= sizeof(kinds) / sizeof(kinds[0]) || kinds[type] == 0)
        return VFS_EBADTYPE;
    made.mode = kinds[type] | hostfs_mode_of(set, NODE_MODE);
    if (type == VBLK || type == VCHR)
        made.rdev = makedev(rdev_major, rdev_minor);
    made.rest.set_mode = false;
    return make(ctx, dir, name, &made, out, attr, dir_change);
}
