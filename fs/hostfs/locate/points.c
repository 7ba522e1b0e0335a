/*
 * points.c - where other file systems are mounted below an export.
 *
 * A look at a name on which a file system is mounted asks that file system, which may hang though
 * the directory's own does not. The places of mounts are therefore known beforehand, from
 * /proc/self/mountinfo. lookup.c and dir.c call hostfs_point_enter() before they look at a name,
 * and the call is counted, or refused, at the file system where it will sleep (base/wait_place.h).
 * Where nothing is mounted below the export that costs one load.
 *
 * The table is an array of atomics. The housekeeping thread writes it when the mounts have changed,
 * and every thread reads it; during the change a name may be taken for an ordinary one for a
 * moment. It has the mounts whose directory is on the export's own file system, and those below
 * other mounts of kinds that answer by themselves (ext4, tmpfs, images). Looking for others might
 * hang.
 */
#include "base/hash.h"
#include "base/log.h"
#include "base/wait_place.h"
#include "fs/hostfs/hostfs.h"
#include "fs/hostfs/locate/locate.h"
#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* How many slots are looked at for one name. */
#define PROBES 8

/* Watches the mounts of this process for all exports. watch_changes counts the changes. */
static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static int watch_fd = -1;      /* guarded */
static uint32_t watch_changes; /* guarded; 0: never looked */

static uint32_t changes_now(void)
{
    struct pollfd mounts = {.events = POLLPRI};

    pthread_mutex_lock(&watch_lock);
    if (watch_fd < 0) {
        watch_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        watch_changes++;
    }
    mounts.fd = watch_fd;
    if (watch_fd >= 0 && poll(&mounts, 1, 0) == 1 && mounts.revents & (POLLPRI | POLLERR))
        watch_changes++;
    uint32_t changes = watch_changes;
    pthread_mutex_unlock(&watch_lock);
    return changes;
}

static uint64_t point_hash(uint64_t mount_id, uint64_t dir_ino, const char *name)
{
    return hash_bytes(name, strlen(name), hash_mix(dir_ino ^ hash_mix(mount_id))) | 1;
}

/* The mounts below an export that were read so far. */
struct below {
    uint64_t id;
    struct below *next;
};

/* A mount in mountinfo. */
struct row {
    uint64_t id, parent;
    dev_t dev;
    char *path;   /* relative to the export's root */
    bool answers; /* a look at its directories asks no program or host that might not answer */
};

/* Opens the directory at `path`, which is relative to the export's root. */
static int open_dir(int root_fd, const char *path, bool cross)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = (cross ? 0 : (uint64_t)RESOLVE_NO_XDEV) |
                                      RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};

    return (int)syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));
}

static void point_add(struct hostfs *h, int root_fd, const struct row *row,
                      struct hostfs_point fresh[POINTS])
{
    char text[128];
    struct statx st;
    bool own = row->parent == h->own.id;
    char *slash = strrchr(row->path, '/');
    const char *name = slash ? slash + 1 : row->path;

    if (slash)
        *slash = '\0';
    int fd = open_dir(root_fd, slash ? row->path : "", !own);
    if (fd < 0)
        return;
    int err = hostfs_statx(fd, "", &st);
    close(fd);
    if (err != 0 || st.stx_mnt_id != row->parent)
        return;
    snprintf(text, sizeof(text), "below %.64s (disk %u:%u)", h->fs->source, major(row->dev),
             minor(row->dev));
    /* Where inode numbers are made up, the name counts in every directory. */
    uint64_t hash = point_hash(row->parent, own && h->own.named ? 0 : st.stx_ino, name);
    for (unsigned i = 0; i < PROBES; i++) {
        struct hostfs_point *point = &fresh[(hash + i) % POINTS];
        if (point->hash != 0)
            continue;
        point->place = wait_place_get(hostfs_place_key(row->dev), text);
        point->hash = point->place ? hash : 0;
        return;
    }
}

static void points_replace(struct hostfs *h, const struct hostfs_point fresh[POINTS])
{
    unsigned count = 0;

    for (unsigned i = 0; i < POINTS; i++) {
        struct wait_place *before = h->points.list[i].place;
        h->points.list[i].hash = 0;
        h->points.list[i].place = fresh[i].place;
        h->points.list[i].hash = fresh[i].hash;
        count += fresh[i].hash != 0;
        /* its memory stays, so a thread that reads it now may still enter it */
        wait_place_put(before);
    }
    h->points.count = count;
    log_debug("hostfs %s: file systems mounted below it: %u", h->fs->source, count);
}

/* Reads one line of mountinfo. False: the mount is not below `base`. */
static bool read_row(char *line, const char *base, size_t len, struct row *row)
{
    char type[64] = "", *root, *point;
    unsigned parent = 0;
    const char *end = strstr(line, " - ");

    if (!end || sscanf(end, " - %63s", type) != 1 || sscanf(line, "%*u %u", &parent) != 1 ||
        !hostfs_mountinfo(line, &row->id, &row->dev, &root, &point) ||
        strncmp(point, base, len) != 0 || point[len] != '/' || point[len + 1] == '\0')
        return false;
    row->parent = parent;
    row->path = point + len + 1;
    row->answers = hostfs_below_answers(type);
    return true;
}

static bool is_below(const struct below *list, uint64_t id)
{
    while (list && list->id != id)
        list = list->next;
    return list;
}

/* Reads all lines. A mount comes before the mounts on it. */
static void read_rows(struct hostfs *h, int root_fd, const char *base, FILE *file,
                      struct hostfs_point fresh[POINTS])
{
    struct below *through = NULL, *next;
    struct row row;
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, file) > 0) {
        if (!read_row(line, base, strlen(base), &row) ||
            (row.parent != h->own.id && !is_below(through, row.parent)))
            continue;
        point_add(h, root_fd, &row, fresh);
        if (!row.answers || !h->crossmnt || !(next = malloc(sizeof(*next))))
            continue;
        *next = (struct below){.id = row.id, .next = through};
        through = next;
    }
    for (; through; through = next) {
        next = through->next;
        free(through);
    }
    free(line);
}

void hostfs_points_tick(struct hostfs *h)
{
    char base[PATH_MAX];
    struct hostfs_point fresh[POINTS] = {0};
    struct hostfs_proc_path link;
    uint32_t changes = changes_now();

    int root_fd;

    if (changes == h->points.seen || hostfs_hold(h, &h->own, &root_fd) != 0)
        return;
    h->points.seen = changes;
    hostfs_proc_path(&link, root_fd);
    ssize_t len = readlink(link.text, base, sizeof(base) - 1);
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (len >= 0)
        base[len == 1 ? 0 : len] = '\0'; /* "" where the export is "/" */
    if (len >= 0 && file)
        read_rows(h, root_fd, base, file, fresh);
    if (file)
        fclose(file);
    hostfs_drop(&h->own);
    points_replace(h, fresh);
}

void hostfs_points_finish(struct hostfs *h)
{
    for (unsigned i = 0; i < POINTS; i++)
        wait_place_put(h->points.list[i].place);
}

int hostfs_point_enter(struct vnode *dir, const char *name)
{
    struct hostfs *h = hostfs_of(dir);
    const struct hostfs_node *node = hostfs_node(dir);

    if (atomic_load_explicit(&h->points.count, memory_order_relaxed) == 0 || !node->mount)
        return 0;
    uint64_t hash = point_hash(node->mount->id, node->mount->named ? 0 : node->ino, name);
    for (unsigned i = 0; i < PROBES; i++) {
        const struct hostfs_point *point = &h->points.list[(hash + i) % POINTS];
        if (point->hash == hash)
            return wait_enter(point->place);
    }
    return 0;
}

void hostfs_point_leave(struct vnode *dir)
{
    const struct hostfs_node *node = hostfs_node(dir);

    if (node->mount)
        wait_return(node->mount->place);
}
