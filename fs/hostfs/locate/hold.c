/*
 * hold.c - the descriptor of a mount's root: held while it is needed, given up when it is idle.
 *
 * As long as this process has anything open on a mount, the host can't unmount it. Nodes give up
 * their descriptors when nothing uses them (the vnode table's sweep). This file does the same for
 * the descriptors that remain: each mount's own descriptor, by which handles are opened, and those
 * of the export's root node, which always has a user, the export itself.
 *
 * A mount that was given up is looked for where it was, and must be that mount: its unique number
 * decides (Linux 6.8), or else number, device, inode and birth of its root. If nothing is there, or
 * another mount, the old one is gone for good. What is there instead is another mount (mounts.c),
 * or another export (exports/refresh.c).
 *
 * Called by every file that needs the descriptor, and by the tick. `mounts_lock` is held while a
 * descriptor is put in its place or taken out. A thread that uses the descriptor counts as a user.
 * The descriptor is closed only if there was no user after it had been taken out of its place.
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

/* Newer than the headers of the C library. */
#define HOST_STATX_MNT_ID_UNIQUE 0x4000u

#define IDLE_S 3
/* How often giving up yields to a thread that took the descriptor right before. */
#define TURNS 100
/* How many mounts one tick gives up. */
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
        path[0] = '\0'; /* the mount can't be found again, so it is never given up */
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

/* Opens a mount again. To be called without the lock, since this may take long. ESTALE: it is not
 * there. */
static int open_again(const struct hostfs_mount *mount, int *fd)
{
    int flags = O_DIRECTORY | O_CLOEXEC;

    if (mount->gone)
        return ESTALE;
    int err = cred_assume_server();
    if (err != 0)
        return err;
    *fd = open(mount->point, O_RDONLY | flags);
    if (*fd < 0 && (errno == EACCES || errno == EPERM))
        *fd = open(mount->point, O_PATH | flags);
    if (*fd >= 0)
        return 0;
    /* Other errors may pass: a parent that the server may not search, or a daemon that is away. */
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? ESTALE : errno;
}

static int hold_again(struct hostfs *h, struct hostfs_mount *mount, int *fd)
{
    struct hostfs_mount_identity identity = {0};
    int fresh;
    int err = open_again(mount, &fresh);
    if (err != 0)
        return err;
    err = identity_of(fresh, &identity);
    if (err != 0) {
        close(fresh);
        return err;
    }
    pthread_mutex_lock(&h->mounts_lock);
    bool taken = hostfs_hold_again(mount, fresh, &identity);
    if (mount->fd >= 0)
        atomic_fetch_add(&mount->users, 1);
    else
        err = ESTALE;
    *fd = mount->fd;
    pthread_mutex_unlock(&h->mounts_lock);
    if (!taken)
        close(fresh);
    return err;
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
    int err = hostfs_hold(h, &h->own, &root_fd);
    if (err != 0)
        return err;
    *fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
    err = *fd < 0 ? errno : 0;
    hostfs_drop(&h->own);
    return err;
}

/* Gives up a mount that is idle. Returns the descriptor to be closed, or -1. Lock held. */
static int give_up(struct hostfs_mount *mount, int64_t idle_since)
{
    if (mount->used > idle_since || mount->users > 0 || !mount->point[0])
        return -1;
    int fd = atomic_exchange(&mount->fd, -1);
    for (int i = 0; fd >= 0 && i < TURNS && atomic_load(&mount->users) > 0; i++)
        sched_yield();
    if (fd < 0 || atomic_load(&mount->users) == 0)
        return fd;
    atomic_store(&mount->fd, fd); /* its user may sleep; it is given up another time */
    return -1;
}

/* Takes the descriptors out of the root node first. Closes them once only the export and this call
 * have a reference on the node: a thread that found a descriptor before has one, too. */
static void give_up_root(struct hostfs *h)
{
    struct vnode *root = h->fs->root;

    if (h->root_drops == 0)
        h->root_drops = vnode_drop_root(root, h->root_dropped, HOSTFS_FDS);
    if (vnode_users(root) <= 2)
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
    while (h->root_drops > 0) {
        const struct vnode_dropped *dropped = &h->root_dropped[--h->root_drops];
        dropped->release(dropped->arg);
    }
}
