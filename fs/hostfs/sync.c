/*
 * sync.c - what "on stable storage" takes here.
 *
 * RFC 1813 wants every change of names and attributes to be stable before it is answered (section
 * 4.8), and data when the client says so. Nothing is needed on an `async` export or a file system
 * that lives in memory. Else the cheapest calls that do it are:
 *   - names: fsync of the directory. ext4 and XFS have one log in which changes come in order:
 *     syncing the last object that was changed commits the others too (`one_commit`), the new
 *     inode and both directories of a rename. Elsewhere each of them is synced.
 *   - attributes: fsync of the object. What can't be opened (fifos, devices, links, directories
 *     that the server may not read) is left to syncfs.
 */
#include "base/cred.h"
#include "hostfs.h"
#include <errno.h>
#include <unistd.h>

static bool nothing_to_do(const struct vctx *ctx, struct vnode *vn)
{
    return ctx->async || hostfs_node(vn)->mount->below->memory;
}

static int flush(int fd, bool data_only)
{
    if ((data_only ? fdatasync(fd) : fsync(fd)) == 0)
        return 0;
    /* A file system without anything to flush says EINVAL. */
    return errno == EINVAL || errno == EROFS ? 0 : errno;
}

static int flush_file_system(struct vnode *vn)
{
    struct hostfs_mount *mount = hostfs_node(vn)->mount;
    int fd;
    int error = hostfs_hold(hostfs_of(vn), mount, &fd);
    if (error)
        return error;
    if (syncfs(fd) != 0 && errno != EBADF)
        error = errno;
    hostfs_drop(mount);
    return error;
}

int hostfs_sync_data(const struct vctx *ctx, struct vnode *vn, int fd, bool data_only)
{
    if (nothing_to_do(ctx, vn))
        return 0;
    vfs_will_sleep();
    return flush(fd, data_only);
}

static int sync_directory(struct vnode *vn)
{
    int path_fd;
    int error = hostfs_fd(vn, &path_fd);
    if (!error)
        error = cred_assume_server();
    if (error)
        return error;
    int fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return flush_file_system(vn);
    error = flush(fd, false);
    close(fd);
    return error;
}

static int sync_file(struct vnode *vn)
{
    struct hostfs_node *node = hostfs_node(vn);
    int error = 0;
    int fd = atomic_load(&node->write_fd);
    if (fd < 0)
        fd = atomic_load(&node->read_fd);
    if (fd < 0)
        error = hostfs_open_any(vn, &fd);
    return error ? flush_file_system(vn) : flush(fd, false);
}

static int sync_one(struct vnode *vn)
{
    if (vn->type == VDIR)
        return sync_directory(vn);
    if (vn->type == VREG)
        return sync_file(vn);
    return flush_file_system(vn);
}

int hostfs_sync_names(const struct vctx *ctx, struct vnode *dir, struct vnode *other,
                      struct vnode *vn)
{
    if (nothing_to_do(ctx, dir))
        return 0;
    vfs_will_sleep();
    /* The object was changed last, so where the log keeps order it stands for all. */
    if (hostfs_node(dir)->mount->below->one_commit)
        return sync_one(vn ? vn : dir);
    int error = vn ? sync_one(vn) : 0;
    if (!error)
        error = sync_one(dir);
    if (!error && other && other != dir)
        error = sync_one(other);
    return error;
}

int hostfs_sync_node(const struct vctx *ctx, struct vnode *vn)
{
    if (nothing_to_do(ctx, vn))
        return 0;
    vfs_will_sleep();
    return sync_one(vn);
}
