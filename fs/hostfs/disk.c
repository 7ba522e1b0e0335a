/*
 * disk.c - host file systems as a whole: their write verifiers, and which nodes have writes that no
 * COMMIT has covered yet.
 *
 * All mounts of one host file system, in all exports, share one struct hostfs_disk (by device
 * number). They therefore have one verifier, and data lost on one disk makes no client of another
 * disk write again.
 *
 * The kernel reports a write-back error only to descriptors that were open when it happened, and
 * forgets errors with the inode. While a node has unstable writes that were not flushed, the disk
 * therefore holds a reference on it (a pin): its descriptor is not closed, and the node is not
 * reclaimed. A flush that covers all of the writes removes the pin (sync.c). Where no COMMIT comes,
 * a thread of the disk flushes; the thread may sleep for as long as the disk takes. It flushes
 * files that were not written for QUIET_S seconds, by when the host has usually written them back,
 * and the oldest files where pins take too many descriptors. Where even that does not help, WRITEs
 * flush.
 *
 * Called by mounts.c (get, put), io.c (hostfs_write_begins), sync.c, ident_cache.c (a node is
 * forgotten) and hostfs.c (tick, release). `disks_lock` guards the list of disks and their users;
 * the lock of a disk guards its pins. No two of these locks are held together, and none is held
 * while a thread sleeps.
 */
#include "disk.h"
#include "base/cred.h"
#include "hostfs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUIET_S 40 /* the host writes back dirty data after 30 s */
/* Seconds between looks at a pinned file that is not written: whether the host has removed it. */
#define LOOK_S 3
/* The pins of one disk may hold one in PINS_PART of all descriptors; its thread begins to flush at
 * half of that. The pins of all disks together may hold DISKS such parts, so that there are other
 * descriptors to close. */
#define PINS_PART 4
#define PINS_MIN  8
#define DISKS     3

struct hostfs_pin {
    struct hostfs_pin *next, *prev; /* in the disk's list, oldest first */
    struct vnode *vn;               /* with a reference */
    uint32_t written;               /* node->flush.written at the last look */
    /* CLOCK_MONOTONIC, s: when `written` last changed; when the host's file was looked at */
    int64_t since, looked;
    /* for the thread: the node is to be flushed; the file is to be looked at */
    bool due, look;
};

struct hostfs_disk {
    struct hostfs_disk *next;
    dev_t dev;
    unsigned users; /* mounts, and the running thread */
    _Atomic uint64_t verifier;

    pthread_mutex_t lock;
    struct hostfs_pin *first, *last;
    unsigned count;
    bool running; /* the thread */
};

static pthread_mutex_t disks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hostfs_disk *disks;
static _Atomic unsigned pins; /* pins of all disks */

static int64_t seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

/* --- disks --- */

struct hostfs_disk *hostfs_disk_get(dev_t dev)
{
    pthread_mutex_lock(&disks_lock);
    struct hostfs_disk *disk = disks;
    while (disk && disk->dev != dev)
        disk = disk->next;
    if (!disk && (disk = calloc(1, sizeof(*disk)))) {
        disk->dev = dev;
        flush_verifier_renew(&disk->verifier);
        pthread_mutex_init(&disk->lock, NULL);
        disk->next = disks;
        disks = disk;
    }
    if (disk)
        disk->users++;
    pthread_mutex_unlock(&disks_lock);
    return disk;
}

void hostfs_disk_put(struct hostfs_disk *disk)
{
    if (!disk)
        return;
    pthread_mutex_lock(&disks_lock);
    bool last = --disk->users == 0;
    struct hostfs_disk **at = &disks;
    while (last && *at != disk)
        at = &(*at)->next;
    if (last)
        *at = disk->next;
    pthread_mutex_unlock(&disks_lock);
    if (!last)
        return;
    pthread_mutex_destroy(&disk->lock);
    free(disk);
}

_Atomic uint64_t *hostfs_disk_verifier(struct hostfs_disk *disk)
{
    return &disk->verifier;
}

uint64_t hostfs_verifier(struct vnode *vn)
{
    const struct hostfs_node *node = hostfs_node(vn);
    return node->mount ? node->mount->disk->verifier : vfs_verifier(vn->fs);
}

/* --- pins; the disk's lock is held where it is not said otherwise --- */

static struct hostfs_disk *disk_of(struct vnode *vn)
{
    return hostfs_node(vn)->mount->disk;
}

static void pin_link(struct hostfs_disk *disk, struct hostfs_pin *pin)
{
    pin->next = NULL;
    pin->prev = disk->last;
    *(disk->last ? &disk->last->next : &disk->first) = pin;
    disk->last = pin;
    disk->count++;
    pins++;
    hostfs_node(pin->vn)->pin = pin;
}

static void pin_unlink(struct hostfs_disk *disk, struct hostfs_pin *pin)
{
    *(pin->prev ? &pin->prev->next : &disk->first) = pin->next;
    *(pin->next ? &pin->next->prev : &disk->last) = pin->prev;
    disk->count--;
    pins--;
    hostfs_node(pin->vn)->pin = NULL;
}

/* To be called without the lock: the node may be freed here. */
static void pin_free(struct hostfs_pin *pin)
{
    if (pin)
        vnode_put(pin->vn);
    free(pin);
}

static void *thread_main(void *arg);

/* Marks the thread as running. True: the caller has to start it when the lock is released. */
static bool thread_wanted(struct hostfs_disk *disk)
{
    bool start = !disk->running;
    disk->running = true;
    return start;
}

/* To be called without the lock. */
static void thread_start(struct hostfs_disk *disk)
{
    pthread_attr_t detached;
    pthread_t thread;

    pthread_mutex_lock(&disks_lock);
    disk->users++;
    pthread_mutex_unlock(&disks_lock);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int err = pthread_create(&thread, &detached, thread_main, disk);
    pthread_attr_destroy(&detached);
    if (err == 0)
        return;
    pthread_mutex_lock(&disk->lock);
    disk->running = false; /* the next tick tries again */
    pthread_mutex_unlock(&disk->lock);
    hostfs_disk_put(disk);
}

static unsigned pins_max(void)
{
    unsigned max = vnode_fds_max() / PINS_PART;
    return max > PINS_MIN ? max : PINS_MIN;
}

static bool has_room(const struct hostfs_disk *disk)
{
    return disk->count < pins_max() && pins < pins_max() * DISKS;
}

static bool is_half_full(const struct hostfs_disk *disk)
{
    return disk->count > pins_max() / 2 || (disk->count > 1 && pins > pins_max() * DISKS / 2);
}

/* Marks the older half of the pins as due. */
static void pins_press(struct hostfs_disk *disk)
{
    unsigned left = disk->count / 2;
    for (struct hostfs_pin *pin = disk->first; pin && left > 0; pin = pin->next, left--)
        pin->due = true;
}

bool hostfs_write_begins(struct vnode *vn)
{
    struct hostfs_node *node = hostfs_node(vn);
    bool start = false;

    flush_write_begins(&node->flush);
    if (node->pin)
        return true;
    struct hostfs_disk *disk = disk_of(vn);
    struct hostfs_pin *pin = calloc(1, sizeof(*pin));
    pthread_mutex_lock(&disk->lock);
    if (pin && !node->pin && !vfs_ending(vn->fs) && has_room(disk)) {
        *pin = (struct hostfs_pin){.vn = vn, .written = node->flush.written, .since = seconds()};
        pin->looked = pin->since;
        vnode_ref(vn);
        pin_link(disk, pin);
        pin = NULL;
    }
    if (is_half_full(disk) && !disk->running) {
        pins_press(disk);
        start = thread_wanted(disk);
    }
    bool pinned = node->pin;
    pthread_mutex_unlock(&disk->lock);
    free(pin);
    if (start)
        thread_start(disk);
    return pinned;
}

void hostfs_unpin(struct vnode *vn, bool all)
{
    struct hostfs_node *node = hostfs_node(vn);

    if (!node->mount || !node->pin)
        return;
    struct hostfs_disk *disk = disk_of(vn);
    pthread_mutex_lock(&disk->lock);
    struct hostfs_pin *pin = node->pin;
    if (pin) {
        /* A WRITE counts itself before it looks for the pin, so one of the two threads sees the
         * other. */
        pin_unlink(disk, pin);
        if (!all && flush_is_due(&node->flush)) {
            pin_link(disk, pin);
            pin = NULL;
        }
    }
    pthread_mutex_unlock(&disk->lock);
    pin_free(pin);
}

/* --- flushing where no COMMIT comes --- */

/* Returns a node that is due, with a reference; NULL: there is none. *flush: the node is to be
 * flushed, not only looked at. */
static struct vnode *next_due(struct hostfs_disk *disk, bool *flush)
{
    struct vnode *vn = NULL;

    pthread_mutex_lock(&disk->lock);
    struct hostfs_pin *pin = disk->first;
    while (pin && !pin->due && !pin->look)
        pin = pin->next;
    if (pin) {
        *flush = pin->due;
        pin->due = pin->look = false;
        vn = pin->vn;
        vnode_ref(vn);
    } else {
        disk->running = false;
    }
    pthread_mutex_unlock(&disk->lock);
    return vn;
}

/* The thread of a disk: handles all pins that are due, and ends. */
static void *thread_main(void *arg)
{
    struct hostfs_disk *disk = arg;
    struct vnode *vn;
    bool flush;

    while ((vn = next_due(disk, &flush)) != NULL) {
        struct statx st;
        int fd = hostfs_fd_any(vn, O_WRONLY);
        /* hostfs_stat() forgets a node whose file the host has removed, and with it the pin. */
        if (fd >= 0 && cred_assume_server() == 0 && hostfs_stat(vn, fd, &st) == 0 && flush)
            hostfs_flush(vn, fd, false);
        vnode_put(vn);
    }
    hostfs_disk_put(disk);
    return NULL;
}

static void disk_tick(struct hostfs_disk *disk)
{
    int64_t now = seconds();
    bool work = false;

    pthread_mutex_lock(&disk->lock);
    for (struct hostfs_pin *pin = disk->first; pin; pin = pin->next) {
        uint32_t written = hostfs_node(pin->vn)->flush.written;
        if (written != pin->written) {
            pin->written = written;
            pin->since = pin->looked = now;
        }
        pin->due |= now - pin->since >= QUIET_S;
        pin->look |= now - pin->looked >= LOOK_S;
        if (pin->look)
            pin->looked = now;
        work |= pin->due || pin->look;
    }
    bool start = work && thread_wanted(disk);
    pthread_mutex_unlock(&disk->lock);
    if (start)
        thread_start(disk);
}

void hostfs_disks_tick(struct hostfs *h)
{
    for (struct hostfs_mount *mount = atomic_load(&h->mounts); mount; mount = mount->next)
        disk_tick(mount->disk);
}

void hostfs_disks_flush(struct hostfs *h)
{
    for (struct hostfs_mount *mount = atomic_load(&h->mounts); mount; mount = mount->next) {
        struct hostfs_disk *disk = mount->disk;
        bool work = false;

        pthread_mutex_lock(&disk->lock);
        for (struct hostfs_pin *pin = disk->first; pin; pin = pin->next)
            work |= pin->due |= pin->vn->fs == h->fs;
        bool start = work && thread_wanted(disk);
        pthread_mutex_unlock(&disk->lock);
        if (start)
            thread_start(disk);
    }
}

/* Takes all pins of one mounted file system off the disk. They are chained by `next`. */
static struct hostfs_pin *pins_take(struct hostfs_disk *disk, const struct vfs *fs)
{
    struct hostfs_pin *taken = NULL, *next;

    pthread_mutex_lock(&disk->lock);
    for (struct hostfs_pin *pin = disk->first; pin; pin = next) {
        next = pin->next;
        if (pin->vn->fs != fs)
            continue;
        pin_unlink(disk, pin);
        pin->next = taken;
        taken = pin;
    }
    pthread_mutex_unlock(&disk->lock);
    return taken;
}

/* Data that was not committed is reported as lost by a new verifier, since finding out whether it
 * is lost would mean waiting for the disk. */
void hostfs_release(struct vfs *fs)
{
    struct hostfs *h = fs->private;

    for (struct hostfs_mount *mount = atomic_load(&h->mounts); mount; mount = mount->next) {
        struct hostfs_pin *pin = pins_take(mount->disk, fs);
        if (pin)
            flush_verifier_renew(&mount->disk->verifier);
        while (pin) {
            struct hostfs_pin *next = pin->next;
            pin_free(pin);
            pin = next;
        }
    }
}
