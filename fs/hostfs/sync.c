/*
 * sync.c - brings changes to stable storage.
 *
 * RFC 1813 wants every change of names and attributes to be stable before it is answered (section
 * 4.8), and data when the client asks for that. Nothing is needed on an `async` export or a file
 * system that lives in memory. Otherwise these are the cheapest calls that do it:
 *   - names: fsync of the directory. XFS, and ext4 with a journal, have one log that keeps the
 *     order of changes. Syncing the object that was changed last there commits all earlier changes
 *     (`one_commit`): the new inode, and both directories of a rename. Elsewhere each of them is
 *     synced, and also a directory that was moved (for its "..").
 *   - attributes: fsync of the object. For objects that can't be opened (fifos, devices, links,
 *     directories that the server may not read), syncfs.
 */
#include "base/cred.h"
#include "disk.h"
#include "fs/hostfs/locate/locate.h"
#include "open.h"
#include <errno.h>
#include <unistd.h>

bool hostfs_needs_no_flush(const struct vctx *ctx, struct vnode *vn)
{
    return ctx->async || hostfs_node(vn)->mount->below->memory;
}

int hostfs_flush(struct vnode *vn, int fd, bool data_only)
{
    struct hostfs_node *node = hostfs_node(vn);
    const struct hostfs_mount *mount = node->mount;
    int written_by = atomic_load(&node->write_fd);
    int err = flush_file(&node->flush, written_by >= 0 ? written_by : fd,
                         mount->flush_how | (data_only ? FLUSH_DATA_ONLY : 0),
                         hostfs_disk_verifier(mount->disk));
    hostfs_unpin(vn, false);
    return err;
}

/* Flushes the whole file system of the node, by any descriptor of it that can be had. Where the
 * server may not read the mount's root, the root's descriptor is O_PATH, which syncfs() refuses. In
 * a directory where the server may make files, a nameless file serves. What is left is to have the
 * host write back everything, which reports no errors. */
static int flush_file_system(struct vnode *vn)
{
    struct hostfs_mount *mount = hostfs_node(vn)->mount;
    int path_fd, fd;
    int err = hostfs_hold(hostfs_of(vn), mount, &fd);
    if (err != 0)
        return err;
    err = syncfs(fd) == 0 ? 0 : errno;
    hostfs_drop(mount);
    if (err != EBADF)
        return err;
    err = vn->type == VDIR ? hostfs_fd(NULL, vn, &path_fd) : EBADF;
    if (err == 0 && (fd = openat(path_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)) >= 0) {
        err = syncfs(fd) == 0 ? 0 : errno;
        close(fd);
        return err;
    }
    sync();
    return 0;
}

int hostfs_sync_data(const struct vctx *ctx, struct vnode *vn, int fd, bool data_only)
{
    if (hostfs_needs_no_flush(ctx, vn))
        return 0;
    vfs_will_sleep();
    return hostfs_flush(vn, fd, data_only);
}

static int sync_directory(struct vnode *vn)
{
    int path_fd;
    int err = hostfs_fd(NULL, vn, &path_fd);
    if (err == 0)
        err = cred_assume_server();
    if (err != 0)
        return err;
    int fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return flush_file_system(vn);
    err = flush_fd(fd, hostfs_node(vn)->mount->flush_how & ~(unsigned)FLUSH_AT_CLOSE);
    close(fd);
    return err;
}

int hostfs_sync_moved(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name)
{
    const struct hostfs_mount *mount = hostfs_node(dir)->mount;

    if (mount->one_commit || hostfs_needs_no_flush(ctx, dir))
        return 0;
    vfs_will_sleep();
    int err = cred_assume_server();
    if (err != 0)
        return err;
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return 0; /* not a directory, or removed again */
    err = flush_fd(fd, mount->flush_how & ~(unsigned)FLUSH_AT_CLOSE);
    close(fd);
    return err;
}

static int sync_file(struct vnode *vn)
{
    struct hostfs_data file;
    int err = hostfs_open_any(vn, &file);
    if (err != 0)
        return flush_file_system(vn);
    err = hostfs_flush(vn, file.fd, false);
    int closed = hostfs_data_close(&file);
    return err != 0 ? err : closed;
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
    if (hostfs_needs_no_flush(ctx, dir))
        return 0;
    vfs_will_sleep();
    /* The object was changed last, so where the log keeps the order its flush covers everything. */
    if (hostfs_node(dir)->mount->one_commit)
        return sync_one(vn ? vn : dir);
    int err = vn ? sync_one(vn) : 0;
    if (err == 0)
        err = sync_one(dir);
    if (err == 0 && other && other != dir)
        err = sync_one(other);
    return err;
}

int hostfs_sync_node(const struct vctx *ctx, struct vnode *vn)
{
    if (hostfs_needs_no_flush(ctx, vn))
        return 0;
    vfs_will_sleep();
    return sync_one(vn);
}
