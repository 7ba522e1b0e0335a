/*
 * hold.c - the descriptor of a mount's root: held while it is needed, given up when it is idle.
 *
 * As long as this process has anything open on a mount the host can't unmount it. Nodes give up
 * their descriptors when nobody uses them (the vnode table's sweep); this file does so for what
 * stays behind: each mount's own descriptor, by which handles are opened, and those of the export's
 * root node, which always has a user, the export itself.
 *
 * A mount that was given up is found again where it was, and must be the same one: its unique
 * number (Linux 6.8; else number, device, inode and birth of its root) decides. If it is not, or
 * nothing is there, it is gone for good, and what is there is another mount (mounts.c), or another
 * export (exports/refresh.c).
 *
 * Called by all who need the descriptor, and by the tick. `mounts_lock` is held while one is put
 * in its place or taken out; who has one counts as a user, and it is closed only when there was
 * none after it had been taken out of its place.
 */
#include "base/cred.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/origin.h"
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

/* Newer than the C library's headers. */
#define HOST_STATX_MNT_ID_UNIQUE 0x4000u

#define IDLE_S 3
/* How long giving up waits for who took the descriptor right before: turns of the scheduler. */
#define TURNS 100
/* Mounts that are given up by one tick. */
#define AT_ONCE 16

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

static int identity_of(int fd, struct hostfs_mount_identity *out)
{
    struct statx st;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME | HOST_STATX_MNT_ID_UNIQUE, &st) != 0)
        return errno;
    *out = (struct hostfs_mount_identity){
        .unique = st.stx_mask & HOST_STATX_MNT_ID_UNIQUE ? st.stx_mnt_id : 0,
        .ino = st.stx_ino,
        .dev = makedev(st.stx_dev_major, st.stx_dev_minor),
        .born = hostfs_ns(st.stx_btime.tv_sec, st.stx_btime.tv_nsec),
    };
    return statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) == 0 ? (out->id = st.stx_mnt_id, 0)
                                                                : errno;
}

static bool same_identity(const struct hostfs_mount_identity *a,
                          const struct hostfs_mount_identity *b)
{
    return a->unique == b->unique && a->id == b->id && a->ino == b->ino && a->dev == b->dev &&
           a->born == b->born;
}

int hostfs_hold_init(struct hostfs_mount *mount, int fd, const char *point)
{
    char path[PATH_MAX];
    struct hostfs_proc_path link;

    hostfs_proc_path(&link, fd);
    ssize_t len = point ? 0 : readlink(link.text, path, sizeof(path) - 1);
    if (len >= 0 && len < (ssize_t)sizeof(path) - 1)
        path[len] = '\0';
    else
        path[0] = '\0'; /* it can't be found again, and is never given up */
    mount->point = strdup(point ? point : path);
    mount->used = now_s();
    return mount->point ? identity_of(fd, &mount->identity) : ENOMEM;
}

void hostfs_hold_finish(struct hostfs_mount *mount)
{
    if (mount->fd >= 0)
        close(mount->fd);
    mount->fd = -1;
    free(mount->point);
    mount->point = NULL;
    hostfs_origin_free(mount->origin);
    mount->origin = NULL;
}

bool hostfs_hold_again(struct hostfs_mount *mount, int fd,
                       const struct hostfs_mount_identity *identity)
{
    if (mount->fd >= 0)
        return false;
    if (same_identity(identity, &mount->identity)) {
        mount->used = now_s();
        atomic_store(&mount->fd, fd);
        return true;
    }
    atomic_store(&mount->gone, true);
    return false;
}

/* Without the lock, since it may take its time. ESTALE: it is not there. */
static int open_again(const struct hostfs_mount *mount, int *fd)
{
    int flags = O_DIRECTORY | O_CLOEXEC;

    if (mount->gone)
        return ESTALE;
    int error = cred_assume_server();
    if (error)
        return error;
    *fd = open(mount->point, O_RDONLY | flags);
    if (*fd < 0 && (errno == EACCES || errno == EPERM))
        *fd = open(mount->point, O_PATH | flags);
    if (*fd >= 0)
        return 0;
    /* Other errors may pass: a parent that is closed to the server, a daemon that is away. */
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? ESTALE : errno;
}

static int hold_again(struct hostfs *h, struct hostfs_mount *mount, int *fd)
{
    struct hostfs_mount_identity identity = {0};
    int fresh;
    int error = open_again(mount, &fresh);
    if (error)
        return error;
    error = identity_of(fresh, &identity);
    if (error) {
        close(fresh);
        return error;
    }
    pthread_mutex_lock(&h->mounts_lock);
    bool taken = hostfs_hold_again(mount, fresh, &identity);
    if (mount->fd >= 0)
        atomic_fetch_add(&mount->users, 1);
    else
        error = ESTALE;
    *fd = mount->fd;
    pthread_mutex_unlock(&h->mounts_lock);
    if (!taken)
        close(fresh);
    return error;
}

int hostfs_hold(struct hostfs *h, struct hostfs_mount *mount, int *fd)
{
    int64_t now = now_s();

    if (atomic_load_explicit(&mount->used, memory_order_relaxed) != now)
        atomic_store_explicit(&mount->used, now, memory_order_relaxed);
    atomic_fetch_add(&mount->users, 1);
    *fd = atomic_load(&mount->fd);
    if (*fd >= 0)
        return 0;
    atomic_fetch_sub(&mount->users, 1);
    return hold_again(h, mount, fd);
}

void hostfs_drop(struct hostfs_mount *mount)
{
    atomic_fetch_sub_explicit(&mount->users, 1, memory_order_release);
}

int hostfs_hold_copy(struct hostfs *h, int *fd)
{
    int root_fd;
    int error = hostfs_hold(h, &h->own, &root_fd);
    if (error)
        return error;
    *fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
    error = *fd < 0 ? errno : 0;
    hostfs_drop(&h->own);
    return error;
}

/* With the lock: the descriptor to be closed, or -1. */
static int give_up(struct hostfs_mount *mount, int64_t idle_since)
{
    if (mount->used > idle_since || mount->users > 0 || !mount->point[0])
        return -1;
    int fd = atomic_exchange(&mount->fd, -1);
    for (int i = 0; fd >= 0 && i < TURNS && atomic_load(&mount->users) > 0; i++)
        sched_yield();
    if (fd < 0 || atomic_load(&mount->users) == 0)
        return fd;
    atomic_store(&mount->fd, fd); /* he may sleep with it: another time */
    return -1;
}

/* The root node's descriptors are taken out first, and closed when nobody but the export, and the
 * round that this is part of, has the node: who had found them before had it, too. */
static void give_up_root(struct hostfs *h)
{
    struct vnode *root = h->fs->root;

    if (h->root_trash.count == 0)
        vnode_shed_root(root, &h->root_trash);
    if (atomic_load(&root->refs) <= 2)
        hostfs_hold_end(h);
}

void hostfs_hold_tick(struct hostfs *h, bool now)
{
    int64_t idle_since = now ? INT64_MAX : now_s() - IDLE_S;
    int fds[AT_ONCE], count = 0;

    pthread_mutex_lock(&h->mounts_lock);
    give_up_root(h);
    for (struct hostfs_mount *m = atomic_load(&h->mounts); m && count < AT_ONCE; m = m->next) {
        fds[count] = give_up(m, idle_since);
        count += fds[count] >= 0;
    }
    pthread_mutex_unlock(&h->mounts_lock);
    while (count > 0)
        close(fds[--count]);
}

void hostfs_hold_end(struct hostfs *h)
{
    for (int i = 0; i < h->root_trash.count; i++)
        close(h->root_trash.fds[i]);
    h->root_trash.count = 0;
}
