/*
 * passfs.c - passes a host directory through: passfs [OPTION...] DIR
 *
 * A file's node has its inode number and an O_PATH descriptor, which still leads to the file after
 * a rename. A handle whose node was dropped is stale until the file is looked up again (fs/hostfs
 * does better). The library checks rights: access is left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <loopnfs/loopnfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct node {
    _Atomic int fd; /* 0: none yet */
};
static struct stat root; /* set by mount */

static int fd_of(struct vnode *vn)
{
    return ((struct node *)vnode_private(vn))->fd ?: -1;
}

static enum vtype type_of(mode_t mode)
{
    static const enum vtype types[16] = {VNON, VFIFO, VCHR, VNON, VDIR, VNON, VBLK,
                                         VNON, VREG,  VNON, VLNK, VNON, VSOCK};

    return types[(mode & S_IFMT) >> 12];
}

static uint64_t number_of(ino_t ino)
{
    return ino == root.st_ino ? VNODE_NUMBER_ROOT : ino + 2;
}

/* Finds the node of the file behind `fd`. Takes over `fd`. */
static int node_get(struct vfs *fs, int fd, struct vnode **out)
{
    struct stat st;
    int none = 0;

    if (fd < 0 || fstat(fd, &st) != 0)
        return errno;
    int err = st.st_dev != root.st_dev ? EACCES : 0; /* another host file system */
    if (err == 0)
        err = vnode_intern_number(fs, number_of(st.st_ino), type_of(st.st_mode), out);
    struct node *node = err == 0 ? vnode_private(*out) : NULL;
    if (err == 0 && atomic_compare_exchange_strong(&node->fd, &none, fd))
        vnode_count_fds(*out, 1);
    else
        close(fd);
    return err;
}

static int passfs_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    if (args->source == NULL)
        return vfs_refuse(args, EINVAL, "name a directory, as in: passfs DIR");
    if (stat(args->source, &root) != 0)
        return errno;
    return node_get(fs, open(args->source, O_PATH | O_DIRECTORY | O_CLOEXEC), &fs->root);
}

static void passfs_reclaim(struct vnode *vn)
{
    if (fd_of(vn) >= 0) {
        close(fd_of(vn));
        vnode_count_fds(vn, -1);
    }
}

static int passfs_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    struct stat st;

    if (fstat(fd_of(vn), &st) != 0)
        return ESTALE;
    vnode_attr_default(vn, attr);
    attr->mode = st.st_mode & 07777;
    attr->nlink = (uint32_t)st.st_nlink;
    attr->uid = st.st_uid;
    attr->gid = st.st_gid;
    attr->size = (uint64_t)st.st_size;
    attr->used = (uint64_t)st.st_blocks * 512;
    attr->atime = st.st_atim;
    attr->mtime = st.st_mtim;
    attr->ctime = st.st_ctim;
    return 0;
}

static int passfs_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                         struct vnode **out, struct vattr *attr)
{
    return node_get(dir->fs, openat(fd_of(dir), name, O_PATH | O_NOFOLLOW | O_CLOEXEC), out);
}

/* Opens the file itself through its O_PATH descriptor. */
static int reopen(struct vnode *vn, int flags)
{
    char path[40];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd_of(vn));
    return open(path, flags | O_CLOEXEC);
}

static int passfs_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                          struct vchange *change)
{
    static const long fixed[] = {[VTIME_KEEP] = UTIME_OMIT, [VTIME_NOW] = UTIME_NOW};
    struct timespec times[2] = {set->atime, set->mtime};
    uint32_t uid = set->set_uid ? set->uid : ~0u, gid = set->set_gid ? set->gid : ~0u;
    char path[40];
    struct vattr now;

    if (set->guarded && (passfs_getattr(ctx, vn, &now) != 0 ||
                         memcmp(&now.ctime, &set->guard, sizeof(now.ctime)) != 0))
        return VFS_ENOTSYNC;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd_of(vn));
    if (set->set_atime != VTIME_GIVEN)
        times[0].tv_nsec = fixed[set->set_atime];
    if (set->set_mtime != VTIME_GIVEN)
        times[1].tv_nsec = fixed[set->set_mtime];
    bool done = !set->set_size || truncate(path, (off_t)set->size) == 0;
    if (done && (set->set_uid || set->set_gid))
        done = fchownat(fd_of(vn), "", uid, gid, AT_EMPTY_PATH) == 0;
    if (done && set->set_mode && vn->type != VLNK)
        done = chmod(path, set->mode) == 0;
    if (done && vn->type != VLNK)
        done = utimensat(AT_FDCWD, path, times, 0) == 0;
    return done ? 0 : errno;
}

static int passfs_readlink(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size,
                           size_t *len)
{
    *len = (size_t)readlinkat(fd_of(vn), "", buf, size - 1);
    return *len > size ? errno : 0;
}

static int passfs_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                       size_t *len, bool *eof, struct vattr *attr)
{
    int fd = reopen(vn, O_RDONLY);
    ssize_t n = fd >= 0 ? pread(fd, buf, *len, (off_t)offset) : -1;
    int err = n < 0 ? errno : passfs_getattr(ctx, vn, attr);

    *len = n > 0 ? (size_t)n : 0;
    *eof = offset + *len >= attr->size;
    close(fd);
    return err;
}

static int passfs_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
                         struct vchange *change)
{
    int fd = reopen(vn, O_RDONLY);

    vfs_will_sleep();
    int err = fd < 0 || fsync(fd) != 0 ? errno : 0;
    close(fd);
    return err;
}

static int passfs_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                        size_t *len, enum vstable *stable, struct vchange *change)
{
    int fd = reopen(vn, O_WRONLY | (*stable != VSTABLE_UNSTABLE && !ctx->async ? O_SYNC : 0));
    ssize_t n = fd >= 0 ? pwrite(fd, buf, *len, (off_t)offset) : -1;
    int err = n < 0 ? errno : 0;

    *len = n > 0 ? (size_t)n : 0;
    close(fd);
    return err;
}

/* Gives a new file to the caller, with the attributes that the caller asks for. */
static int made(const struct vctx *ctx, struct vnode *dir, const char *name,
                const struct vsetattr *set, struct vnode **out)
{
    int err = passfs_lookup(ctx, dir, name, out, NULL);

    if (err == 0 && geteuid() == 0)
        err = fchownat(fd_of(*out), "", ctx->cred->uid, ctx->cred->gid, AT_EMPTY_PATH) ? errno : 0;
    return err == 0 ? passfs_setattr(ctx, *out, set, NULL) : err;
}

static int passfs_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                         const struct vcreate *how, struct vnode **out, struct vattr *attr,
                         struct vchange *change)
{
    struct vsetattr size = {.set_size = how->attr.set_size, .size = how->attr.size};

    if (how->mode == VCREATE_EXCLUSIVE)
        return EOPNOTSUPP; /* a verifier can't be stored; clients then do without */
    int fd = openat(fd_of(dir), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int err = fd < 0 || close(fd) != 0 ? errno : 0;
    if (err == 0)
        return made(ctx, dir, name, &how->attr, out);
    if (err == EEXIST && how->mode == VCREATE_UNCHECKED)
        err = passfs_lookup(ctx, dir, name, out, attr);
    return err == 0 && size.set_size ? passfs_setattr(ctx, *out, &size, change) : err;
}

static int passfs_mkdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                        const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                        struct vchange *change)
{
    return mkdirat(fd_of(dir), name, 0755) != 0 ? errno : made(ctx, dir, name, set, out);
}

/* Removes a name. Once the last name of a file is gone, the host may give its number to another
 * file. */
static int take_out(struct vnode *dir, const char *name, int flags)
{
    struct vnode *vn = NULL;
    struct vattr attr = {0};
    int err = passfs_lookup(NULL, dir, name, &vn, NULL);

    if (err == 0 && unlinkat(fd_of(dir), name, flags) != 0)
        err = errno;
    if (err == 0 && passfs_getattr(NULL, vn, &attr) == 0 && attr.nlink == 0)
        vnode_forget(vn);
    vnode_put(vn);
    return err;
}

static int passfs_remove(const struct vctx *ctx, struct vnode *dir, const char *name,
                         struct vchange *change)
{
    return take_out(dir, name, 0);
}

static int passfs_rmdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                        struct vchange *change)
{
    return take_out(dir, name, AT_REMOVEDIR);
}

static int passfs_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                         struct vnode *to_dir, const char *to, struct vchange *from_change,
                         struct vchange *to_change)
{
    return renameat(fd_of(from_dir), from, fd_of(to_dir), to) != 0 ? errno : 0;
}

static int passfs_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                          struct vdirents *page)
{
    int fd = reopen(dir, O_RDONLY | O_DIRECTORY);
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (listing == NULL)
        return errno;
    if (cookie != 0)
        seekdir(listing, (long)cookie);
    errno = 0;
    while ((entry = readdir(listing)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!vdirents_add(page, number_of(entry->d_ino), (uint64_t)entry->d_off,
                          type_of(DTTOIF(entry->d_type)), entry->d_name, strlen(entry->d_name)))
            break;
    }
    int err = entry == NULL ? errno : 0;
    page->eof = entry == NULL;
    closedir(listing);
    return err;
}

static const struct vfs_type passfs_type = {
    .name = "passfs",
    .flags = VFS_SYMLINKS,
    .node_size = sizeof(struct node),
    .ops = {.mount = passfs_mount,
            .reclaim = passfs_reclaim,
            .getattr = passfs_getattr,
            .setattr = passfs_setattr,
            .lookup = passfs_lookup,
            .readlink = passfs_readlink,
            .read = passfs_read,
            .write = passfs_write,
            .create = passfs_create,
            .mkdir = passfs_mkdir,
            .remove = passfs_remove,
            .rmdir = passfs_rmdir,
            .rename = passfs_rename,
            .readdir = passfs_readdir,
            .commit = passfs_commit},
};
VFS_TYPE(passfs_type); /* for --module of loopnfsd */
int main(int argc, char **argv)
{
    return loopnfs_serve(&passfs_type, argc, argv);
}
