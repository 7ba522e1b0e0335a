/*
 * mounts.c - the mounts that an export is made of: its own, and with crossmnt those below it.
 *
 * Called by id.c when an object turns out to be on another mount, and by node.c to open an id of a
 * mount. A mount is entered when a client first looks it up, or, after a restart, from
 * /proc/self/mountinfo. The list grows at its head under mounts_lock, and is read without the lock.
 */
#include "base/cred.h"
#include "base/hash.h"
#include "base/wait_place.h"
#include "fs/hostfs/disk.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/origin.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static _Atomic uint32_t serials;

uint64_t hostfs_place_key(dev_t dev)
{
    return hash_mix(dev) | 1;
}

/* Returns the place at which calls wait for the mount's disk. Exports and mounts of one disk share
 * it. */
static struct wait_place *place_get(const struct hostfs *h, const struct hostfs_mount *mount)
{
    char name[256];

    snprintf(name, sizeof(name), "%s%s (disk %u:%u)", mount == &h->own ? "" : "below ",
             h->fs->source, major(mount->dev), minor(mount->dev));
    return wait_place_get(hostfs_place_key(mount->dev), name);
}

static ssize_t path_of(int fd, char path[PATH_MAX])
{
    struct hostfs_proc_path link;

    hostfs_proc_path(&link, fd);
    ssize_t len = readlink(link.text, path, PATH_MAX - 1);
    path[len < 0 ? 0 : len] = '\0';
    return len;
}

/* A hash of the path at which a mount is below the export, since two mounts may show one file
 * system. */
static uint64_t place_of(struct hostfs *h, int fd)
{
    char root[PATH_MAX], path[PATH_MAX];
    int root_fd;

    if (hostfs_hold(h, &h->own, &root_fd) != 0)
        return 0;
    ssize_t root_len = path_of(root_fd, root), len = path_of(fd, path);
    hostfs_drop(&h->own);
    size_t skip = root_len > 1 ? (size_t)root_len : 0;

    if (len < 0 || (size_t)len < skip || strncmp(path, root, skip) != 0)
        return 0;
    return hash_bytes(path + skip, (size_t)len - skip, 1);
}

/* Finds out by trying what the mount's row in below.c leaves open. */
static void try_out(struct hostfs_mount *mount, const struct statx *st)
{
    const struct hostfs_below *below = mount->below;
    struct hostfs_handle handle;
    uint64_t mount_id;
    uint32_t node[2];
    bool opens;
    bool has_handle =
        hostfs_handle_get(mount->fd, "", &handle, &mount_id, &opens) == 0 && mount_id == mount->id;

    opens = opens && has_handle;
    if (has_handle && handle.head.handle_bytes >= sizeof(uint64_t) + below->part_bytes)
        memcpy(&mount->part, handle.bytes + sizeof(uint64_t), below->part_bytes);
    mount->numbers = below->unique_numbers;
    switch (below->handles) {
    case HANDLES_LAST:
        mount->named = !opens && below->births == BIRTHS_UNKNOWN;
        break;
    case HANDLES_IMAGE:
        mount->named = false;
        break;
    case HANDLES_LAYERS: /* with nfs_export an object keeps its handle when it is copied up */
        mount->named = !opens;
        break;
    case HANDLES_MOUNT:
        mount->named = true;
        if (!has_handle || handle.head.handle_bytes < sizeof(node))
            break;
        /* An inode number that equals the node's number is given anew with each node, by FUSE's
         * library. */
        memcpy(node, handle.bytes, sizeof(node));
        mount->numbers |= ((uint64_t)node[0] << 32 | node[1]) != st->stx_ino &&
                          !hostfs_instance_numbers_paths(mount->fd);
        break;
    case HANDLES_NOTHING:
        mount->named = true;
        break;
    }
    mount->lasting = !mount->named && below->handles != HANDLES_LAYERS;
    /* The kernel opens objects anywhere on the file system by handle, and does not tell where a
     * file is. The mount's root directory is therefore a part of the instance, so that ids of one
     * directory are never ids of another one that came in its place: a bind mount, a snapshot, or
     * what was moved there. */
    if (has_handle && mount->lasting && below->handles == HANDLES_LAST)
        mount->instance = hash_bytes(handle.bytes, handle.head.handle_bytes, mount->instance);
}

static unsigned flush_how(const struct hostfs_below *below, int fd)
{
    unsigned how = below->told_at_close ? FLUSH_AT_CLOSE : 0;

    /* A file system of an unknown kind that can't be changed may be another kind of image. */
    if (below->nothing_to_flush || below->handles == HANDLES_NOTHING)
        how |= below->nothing_to_flush ? FLUSH_NOTHING : flush_how_of(fd);
    return how;
}

int hostfs_mount_fill(struct hostfs *h, struct hostfs_mount *mount, int fd)
{
    struct statx st;
    int err = hostfs_statx(fd, "", &st);
    if (err != 0)
        return err;

    mount->fd = fd;
    mount->id = st.stx_mnt_id;
    mount->dev = makedev(st.stx_dev_major, st.stx_dev_minor);
    mount->below = hostfs_below_of(fd);
    mount->place = place_get(h, mount);
    if (!mount->place)
        return ENOMEM;
    mount->flush_how = flush_how(mount->below, fd);
    bool keeps_order = hostfs_below_keeps_order(mount->below, mount->dev);
    mount->one_commit = keeps_order && mount->below->one_commit;
    mount->brings_new = keeps_order && mount->below->brings_new;
    mount->serial = atomic_fetch_add(&serials, 1) + 1;
    mount->counts_links = st.stx_nlink > 0;
    mount->instance = hostfs_instance(fd, mount->below);
    try_out(mount, &st);
    if (mount->below->handles == HANDLES_MOUNT)
        mount->origin = hostfs_origin_find(mount, fd, &st, &mount->by_modes);
    if (!mount->disk && !(mount->disk = hostfs_disk_get(mount->dev)))
        return ENOMEM;
    mount->key = 0;
    if (mount != &h->own)
        mount->key = hash_mix(mount->instance ^ hash_mix(place_of(h, fd))) | 1;
    return 0;
}

struct hostfs_mount *hostfs_mount_find(struct hostfs *h, uint64_t id)
{
    struct hostfs_mount *mount = atomic_load_explicit(&h->mounts, memory_order_acquire);
    while (mount && (mount->id != id || mount->gone))
        mount = mount->next;
    return mount;
}

struct hostfs_mount *hostfs_mount_known(struct hostfs *h, uint64_t id)
{
    struct hostfs_mount *mount = hostfs_mount_find(h, id);
    return mount && mount->fd >= 0 ? mount : NULL;
}

static struct hostfs_mount *find_key(struct hostfs *h, uint64_t key)
{
    struct hostfs_mount *mount = atomic_load_explicit(&h->mounts, memory_order_acquire);
    while (mount && (mount->key != key || mount->gone))
        mount = mount->next;
    return mount;
}

static struct hostfs_mount *find_tag(struct hostfs *h, uint32_t tag)
{
    struct hostfs_mount *mount = atomic_load_explicit(&h->mounts, memory_order_acquire);
    while (mount && (mount->gone || hostfs_mount_tag(mount) != tag))
        mount = mount->next;
    return mount;
}

/* Makes the mount of which fd is the root directory known, and takes over fd. NULL: the mount is
 * not to be served, as interfaces to the kernel are not unless the export says so. */
static struct hostfs_mount *add(struct hostfs *h, int fd)
{
    struct hostfs_mount *mount = calloc(1, sizeof(*mount));
    if (!mount || hostfs_mount_fill(h, mount, fd) != 0 || (mount->below->pseudo && !h->pseudo) ||
        hostfs_hold_init(mount, fd, NULL) != 0) {
        if (mount) {
            wait_place_put(mount->place);
            hostfs_disk_put(mount->disk);
            hostfs_origin_free(mount->origin);
        }
        free(mount);
        close(fd);
        return NULL;
    }
    pthread_mutex_lock(&h->mounts_lock);
    struct hostfs_mount *known = hostfs_mount_find(h, mount->id);
    if (known && hostfs_hold_again(known, fd, &mount->identity))
        fd = -1;
    else if (known && known->gone)
        known = NULL;
    if (!known) {
        mount->next = atomic_load_explicit(&h->mounts, memory_order_relaxed);
        atomic_store_explicit(&h->mounts, mount, memory_order_release);
    }
    pthread_mutex_unlock(&h->mounts_lock);
    if (known) {
        mount->fd = fd;
        hostfs_hold_finish(mount);
        wait_place_put(mount->place);
        hostfs_disk_put(mount->disk);
        free(mount);
        return known;
    }
    return mount;
}

/* Opens a mount's root: for reading, which open_by_handle_at() needs, where the server may read it,
 * else O_PATH. */
static int open_root(int dirfd, const char *name)
{
    int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dirfd, name, O_RDONLY | flags);
    if (fd < 0 && (errno == EACCES || errno == EPERM))
        fd = openat(dirfd, name, O_PATH | flags);
    return fd;
}

static bool is_mount_root(int fd, uint64_t *id)
{
    struct statx st;
    if (hostfs_statx(fd, "", &st) != 0)
        return false;
    *id = st.stx_mnt_id;
    return st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

void hostfs_unescape(char *text)
{
    char *to = text;
    for (; *text; text++) {
        if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) && is_octal(text[3])) {
            *to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text += 3;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

bool hostfs_mountinfo(char *line, uint64_t *id, dev_t *dev, char **root, char **point)
{
    char *save = NULL;
    char *word = strtok_r(line, " ", &save);
    unsigned dev_major, dev_minor;
    if (!word)
        return false;
    *id = strtoull(word, NULL, 10);
    strtok_r(NULL, " ", &save);
    word = strtok_r(NULL, " ", &save);
    if (!word || sscanf(word, "%u:%u", &dev_major, &dev_minor) != 2)
        return false;
    *dev = makedev(dev_major, dev_minor);
    *root = strtok_r(NULL, " ", &save);
    *point = strtok_r(NULL, " ", &save);
    if (!*root || !*point)
        return false;
    hostfs_unescape(*root);
    hostfs_unescape(*point);
    return true;
}

static bool parse(char *line, uint64_t *id, char **root, char **point)
{
    dev_t dev;
    return hostfs_mountinfo(line, id, &dev, root, point);
}

bool hostfs_mount_is_whole(uint64_t id, int fd)
{
    uint64_t root_id;
    if (!is_mount_root(fd, &root_id))
        return false;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file)
        return false;
    char *line = NULL, *root, *point;
    size_t size = 0;
    bool whole = false;
    while (!whole && getline(&line, &size, file) > 0) {
        uint64_t line_id;
        whole = parse(line, &line_id, &root, &point) && line_id == id && strcmp(root, "/") == 0;
    }
    free(line);
    fclose(file);
    return whole;
}

/* Enters every mount below the export that is not known yet. */
static void refill(struct hostfs *h)
{
    char base[PATH_MAX];
    struct hostfs_proc_path link;
    int root_fd;
    if (hostfs_hold(h, &h->own, &root_fd) != 0)
        return;
    hostfs_proc_path(&link, root_fd);
    ssize_t len = readlink(link.text, base, sizeof(base) - 1);
    hostfs_drop(&h->own);
    FILE *file = fopen("/proc/self/mountinfo", "re");
    /* A path that was cut off would be the path of another directory. */
    if (len <= 0 || len == sizeof(base) - 1 || !file)
        goto out;
    base[len] = '\0';
    if (len == 1)
        len = 0; /* the export is "/": every path begins with the empty path that is left of it */

    char *line = NULL, *root, *point;
    size_t size = 0;
    uint64_t id, opened;
    while (getline(&line, &size, file) > 0) {
        if (!parse(line, &id, &root, &point) || strncmp(point, base, (size_t)len) != 0 ||
            point[len] != '/' || hostfs_mount_known(h, id))
            continue;
        int fd = open_root(AT_FDCWD, point);
        if (fd < 0)
            continue;
        /* Another mount may lie over this one, in which case the path leads to that one. */
        if (!is_mount_root(fd, &opened) || opened != id)
            close(fd);
        else
            add(h, fd);
    }
    free(line);
out:
    if (file)
        fclose(file);
}

struct hostfs_mount *hostfs_mount_by_key(struct hostfs *h, uint64_t key)
{
    struct hostfs_mount *mount = find_key(h, key);
    int fd;
    if (mount && mount->fd < 0) {
        /* Another mount, or none, may be there now. */
        if (hostfs_hold(h, mount, &fd) == 0)
            hostfs_drop(mount);
        else
            mount = NULL;
    }
    if (mount || !h->crossmnt || cred_assume_server() != 0)
        return mount;
    refill(h);
    return find_key(h, key);
}

struct hostfs_mount *hostfs_mount_by_tag(struct hostfs *h, uint32_t tag)
{
    struct hostfs_mount *mount = find_tag(h, tag);
    if (mount || !h->crossmnt || cred_assume_server() != 0)
        return mount;
    refill(h);
    return find_tag(h, tag);
}

struct hostfs_mount *hostfs_mount_enter(struct hostfs *h, int dirfd, const char *name, uint64_t id)
{
    uint64_t opened;
    if (cred_assume_server() != 0)
        return NULL;
    int fd = open_root(dirfd, *name ? name : ".");
    if (fd < 0)
        return NULL;
    if (is_mount_root(fd, &opened) && opened == id)
        return add(h, fd);
    close(fd);
    refill(h);
    return hostfs_mount_known(h, id);
}

struct hostfs_mount *hostfs_mount_sure(struct hostfs *h, int dirfd, const char *name, uint64_t id)
{
    int fd;
    struct hostfs_mount *mount = hostfs_mount_known(h, id);
    if (!mount && id == h->own.id && hostfs_hold(h, &h->own, &fd) == 0) {
        hostfs_drop(&h->own);
        mount = &h->own;
    }
    return mount || !h->crossmnt ? mount : hostfs_mount_enter(h, dirfd, name, id);
}

void hostfs_mounts_finish(struct hostfs *h)
{
    struct hostfs_mount *mount = atomic_load(&h->mounts);
    while (mount && mount != &h->own) {
        struct hostfs_mount *next = mount->next;
        hostfs_hold_finish(mount);
        wait_place_put(mount->place);
        hostfs_disk_put(mount->disk);
        free(mount);
        mount = next;
    }
    atomic_store(&h->mounts, NULL);
}
