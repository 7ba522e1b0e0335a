/*
 * containment.c - whether an object is in the export.
 *
 * Called when a node is loaded by a kernel handle, which leads to any object of the whole file
 * system, and for `..`. A directory is inside when its path begins with the root's path, or when
 * going up leads to the root. A file that the kernel found without its directory has no path to
 * judge by. It is accepted, since its id was given out by this server and is authenticated. With
 * subtree_check, files are loaded from the root down instead (resolve.c) and never get here.
 */
#include "fs/hostfs/hostfs.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/memo.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The most steps upwards; a tree that is deeper is a broken file system. */
#define DEPTH_MAX 65536

void hostfs_proc_path(struct hostfs_proc_path *path, int fd)
{
    snprintf(path->text, sizeof(path->text), "/proc/self/fd/%d", fd);
}

bool hostfs_proc_works(int fd)
{
    struct hostfs_proc_path link;
    struct stat st;

    hostfs_proc_path(&link, fd);
    return stat(link.text, &st) == 0;
}

/* The path of what fd is open on. Returns its length, or -1 where it can't be found out. */
static ssize_t path_of(int fd, char path[PATH_MAX])
{
    struct hostfs_proc_path link;

    hostfs_proc_path(&link, fd);
    ssize_t len = readlink(link.text, path, PATH_MAX - 1);
    if (len < 0 || len == PATH_MAX - 1)
        return -1;
    path[len] = '\0';
    return len;
}

ssize_t hostfs_root_path(struct hostfs *h, char path[PATH_MAX])
{
    ssize_t len = -1;
    int fd;

    if (hostfs_hold(h, &h->own, &fd) == 0) {
        len = path_of(fd, path);
        hostfs_drop(&h->own);
    }
    return len;
}

static bool same(const struct statx *a, const struct statx *b)
{
    return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
           a->stx_dev_minor == b->stx_dev_minor && a->stx_mnt_id == b->stx_mnt_id;
}

/* Goes up to the root. Used without /proc, or where a path is longer than /proc can say. */
static int climb(struct hostfs *h, int fd, const struct statx *from)
{
    struct statx root, here = *from, up = *from;
    int at = fd, root_fd;
    int err = hostfs_hold(h, &h->own, &root_fd);
    if (err != 0)
        return err;
    err = hostfs_statx(root_fd, "", &root);
    hostfs_drop(&h->own);

    for (int depth = 0; err == 0 && !same(&here, &root); depth++) {
        int parent = openat(at, "..", O_DIRECTORY | HOST_O_PATH);
        err = parent < 0 ? errno : hostfs_statx(parent, "", &up);
        if (at != fd)
            close(at);
        at = parent;
        if (err == 0 && (same(&up, &here) || depth == DEPTH_MAX))
            err = ESTALE;
        here = up;
    }
    if (at != fd && at >= 0)
        close(at);
    return err;
}

int hostfs_contained(const struct vctx *ctx, struct hostfs *h, int fd, const struct statx *st)
{
    char path[PATH_MAX];
    const char *root;

    if (h->whole_mount && st->stx_mnt_id == h->own.id)
        return 0;
    bool directory = S_ISDIR(st->stx_mode);
    ssize_t root_len = hostfs_memo_root_path(ctx, h, &root);
    ssize_t len = path_of(fd, path);
    if (root_len < 0 || len < 0)
        return directory ? climb(h, fd, st) : 0;
    if (root_len == 1)
        return 0;
    if (strncmp(path, root, (size_t)root_len) == 0 &&
        (path[root_len] == '/' || path[root_len] == '\0'))
        return 0;
    /* The path "/" means that the kernel does not know the path; another name may be inside. */
    if (!directory && (len == 1 || st->stx_nlink > 1))
        return 0;
    /* The root itself may have been moved since its path was asked for in this batch. */
    if (!directory && ctx != NULL)
        return hostfs_contained(NULL, h, fd, st);
    /* The path may be one that is seen from elsewhere (a bind mount); going up is certain. */
    return directory ? climb(h, fd, st) : ESTALE;
}
