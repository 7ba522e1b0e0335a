/*
 * instance.c - identifies the file system that is mounted, by a number that no other one has.
 *
 * Called by mounts.c when a mount becomes known. The number goes into every id of an object of the
 * mount (id.c, named.c). Where another file system was mounted in its place, while the server ran
 * or while it did not, the old handles are therefore stale, and never mean files of the other one.
 * The number is made of what lasts as long as handles of that kind do (below.h):
 *     HANDLES_LAST    the UUID in its superblock; f_fsid where the kernel does not tell the UUID;
 *                     mounts.c adds which directory of it is the mount's root
 *     HANDLES_LAYERS  the UUID, and which directories are the layers
 *     HANDLES_IMAGE   the UUID, the image's first and last 4 MiB, the file behind its device
 *     others          this mount in this boot
 * Owns nothing. Acts as the server.
 */
#include "base/boot.h"
#include "base/hash.h"
#include "fs/hostfs/hostfs.h"
#include "fs/hostfs/locate/locate.h"
#include <errno.h>
#include <limits.h>
#include <linux/btrfs.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Newer than the headers of the C library and of the kernel. */
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000u /* Linux 6.8 */
#endif
struct host_uuid { /* struct fsuuid2 of linux/fs.h, Linux 6.9 */
    uint8_t len;
    uint8_t bytes[16];
};
#define HOST_GETFSUUID _IOR(0x15, 0, struct host_uuid)
struct host_xfs_geometry { /* struct xfs_fsop_geom_v1 of xfs_fs.h */
    uint32_t sizes[8];
    uint64_t blocks[4];
    uint8_t uuid[16];
    uint32_t rest[7];
};
_Static_assert(sizeof(struct host_xfs_geometry) == 112, "as the ioctl's number says");
#define HOST_XFS_GEOMETRY _IOR('X', 100, struct host_xfs_geometry)

/* Bytes that are hashed at each end of an image. Superblocks, inodes and names lie there, of tens
 * of thousands of files at least. Two images may differ in one name and in nothing else. */
#define IMAGE_BYTES (4 << 20)
#define PIECE       65536

static void add(crypto_generichash_state *state, const void *bytes, size_t len)
{
    crypto_generichash_update(state, bytes, len);
}

static bool add_fsid(crypto_generichash_state *state, int fd)
{
    static const fsid_t none;
    struct statfs fs;

    if (fstatfs(fd, &fs) != 0 || memcmp(&fs.f_fsid, &none, sizeof(none)) == 0)
        return false;
    add(state, &fs.f_fsid, sizeof(fs.f_fsid));
    return true;
}

/* Whether f_fsid is made of the UUID, as on ext4 and tmpfs. It then identifies the file system as
 * well, and kernels that do not tell the UUID have it, too. */
static bool fsid_is_of(int fd, const uint8_t uuid[16])
{
    uint64_t halves[2], fsid;
    struct statfs fs;

    memcpy(halves, uuid, sizeof(halves));
    if (fstatfs(fd, &fs) != 0)
        return false;
    memcpy(&fsid, &fs.f_fsid, sizeof(fsid));
    return fsid != 0 && fsid == (halves[0] ^ halves[1]);
}

static bool add_uuid(crypto_generichash_state *state, int fd)
{
    struct host_uuid uuid = {.len = 0};
    struct btrfs_ioctl_fs_info_args btrfs = {.flags = 0};
    struct host_xfs_geometry xfs = {.sizes = {0}};

    if (ioctl(fd, HOST_GETFSUUID, &uuid) == 0 && uuid.len > 0) {
        if (fsid_is_of(fd, uuid.bytes))
            return add_fsid(state, fd);
        add(state, uuid.bytes, sizeof(uuid.bytes));
    } else if (ioctl(fd, BTRFS_IOC_FS_INFO, &btrfs) == 0)
        add(state, btrfs.fsid, sizeof(btrfs.fsid));
    else if (ioctl(fd, HOST_XFS_GEOMETRY, &xfs) == 0)
        add(state, xfs.uuid, sizeof(xfs.uuid));
    else
        return false;
    return true;
}

static void add_random(crypto_generichash_state *state)
{
    uint8_t bytes[16];

    randombytes_buf(bytes, sizeof(bytes));
    add(state, bytes, sizeof(bytes));
}

/* Adds the connection of a FUSE mount, by its entry in fusectl, which was made with it. */
static bool add_connection(crypto_generichash_state *state, const struct statx *st)
{
    char path[64];
    struct stat entry;
    unsigned dev = st->stx_dev_major << 20 | st->stx_dev_minor;

    snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u", dev);
    if (stat(path, &entry) != 0)
        return false;
    add(state, &entry.st_ino, sizeof(entry.st_ino));
    add(state, &entry.st_ctim, sizeof(entry.st_ctim));
    add(state, &dev, sizeof(dev));
    return true;
}

/* Adds this mount and this boot; the kernel never uses the id of a mount again. Where the kernel
 * has no such id, and there is no FUSE connection either, the number is random, so handles end with
 * the server. */
static void add_mount(crypto_generichash_state *state, int fd)
{
    char boot[BOOT_ID_SIZE];
    struct statx st, unique;
    bool booted = boot_id(boot);

    add(state, boot, sizeof(boot));
    if (booted &&
        statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID_UNIQUE, &unique) == 0 &&
        unique.stx_mask & STATX_MNT_ID_UNIQUE)
        add(state, &unique.stx_mnt_id, sizeof(unique.stx_mnt_id));
    else if (!booted || hostfs_statx(fd, "", &st) != 0 || !add_connection(state, &st))
        add_random(state);
}

/* Returns what the kernel says of the mount's file system, "TYPE SOURCE OPTIONS", in *line, which
 * the caller frees. NULL: nothing. */
static char *mount_says(int fd, char **line)
{
    struct statx st;
    size_t size = 0;
    char *says = NULL;
    FILE *file = fopen("/proc/self/mountinfo", "re");

    *line = NULL;
    if (file && hostfs_statx(fd, "", &st) == 0) {
        while (!says && getline(line, &size, file) > 0) {
            char *end = strstr(*line, " - ");
            if (end && strtoull(*line, NULL, 10) == st.stx_mnt_id)
                says = end + 3;
        }
    }
    if (file)
        fclose(file);
    return says;
}

static bool add_layers(crypto_generichash_state *state, int fd)
{
    char *line, *save = NULL;
    char *says = mount_says(fd, &line);
    bool known = false;

    for (char *word = says ? strtok_r(says, " ,\n", &save) : NULL; word;
         word = strtok_r(NULL, " ,\n", &save)) {
        /* Other options may change attributes of an object, but never which object it is. */
        if (strncmp(word, "lowerdir", 8) != 0 && strncmp(word, "upperdir=", 9) != 0 &&
            strncmp(word, "datadir", 7) != 0)
            continue;
        add(state, word, strlen(word) + 1);
        known = true;
    }
    free(line);
    return known;
}

static void add_bytes_at(crypto_generichash_state *state, int device, off_t at)
{
    static _Thread_local uint8_t bytes[PIECE];
    ssize_t got = sizeof(bytes);

    for (off_t end = at + IMAGE_BYTES; at < end && got == sizeof(bytes); at += got) {
        got = pread(device, bytes, sizeof(bytes), at);
        if (got > 0)
            add(state, bytes, (size_t)got);
    }
}

/* Adds the file behind a loop device. A server that may not read the device may often look at
 * that. */
static void add_backing(crypto_generichash_state *state, const struct statx *st)
{
    char path[128], name[PATH_MAX];
    struct stat file;

    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/loop/backing_file", st->stx_dev_major,
             st->stx_dev_minor);
    FILE *link = fopen(path, "re");
    if (!link)
        return;
    if (fgets(name, sizeof(name), link)) {
        name[strcspn(name, "\n")] = '\0';
        if (stat(name, &file) == 0) {
            add(state, &file.st_ino, sizeof(file.st_ino));
            add(state, &file.st_size, sizeof(file.st_size));
            add(state, &file.st_mtim, sizeof(file.st_mtim));
        }
    }
    fclose(link);
}

/* Opens a block device by udev's name for it, or by the kernel's where there is no udev (a
 * container). -1: neither exists. */
static int open_device(const struct statx *st)
{
    char path[64], line[256], name[280] = "";
    struct stat found;

    snprintf(path, sizeof(path), "/dev/block/%u:%u", st->stx_dev_major, st->stx_dev_minor);
    int device = open(path, O_RDONLY | O_CLOEXEC);
    if (device >= 0)
        return device;
    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/uevent", st->stx_dev_major,
             st->stx_dev_minor);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "DEVNAME=", 8) == 0)
            snprintf(name, sizeof(name), "/dev/%.*s", (int)strcspn(line + 8, "\n"), line + 8);
    if (file)
        fclose(file);
    device = *name ? open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (device < 0 || (fstat(device, &found) == 0 && S_ISBLK(found.st_mode) &&
                       found.st_rdev == makedev(st->stx_dev_major, st->stx_dev_minor)))
        return device;
    close(device);
    return -1;
}

static void add_image(crypto_generichash_state *state, int fd)
{
    struct statx st;
    struct statvfs fs;

    add_uuid(state, fd);
    if (hostfs_statx(fd, "", &st) != 0 || fstatvfs(fd, &fs) != 0)
        return;
    uint64_t end = (uint64_t)fs.f_blocks * fs.f_frsize;
    add(state, &end, sizeof(end));
    add(state, &fs.f_files, sizeof(fs.f_files));
    add_backing(state, &st);
    int device = open_device(&st);
    if (device < 0)
        return;
    add_bytes_at(state, device, 0);
    add_bytes_at(state, device, end > IMAGE_BYTES ? (off_t)(end - IMAGE_BYTES) : 0);
    close(device);
}

uint64_t hostfs_instance(int fd, const struct hostfs_below *below)
{
    crypto_generichash_state state;
    uint8_t hash[16];
    uint64_t instance;
    bool known = true;

    crypto_generichash_init(&state, NULL, 0, sizeof(hash));
    add(&state, &below->magic, sizeof(below->magic));
    switch (below->handles) {
    case HANDLES_LAST:
        known = add_uuid(&state, fd) || add_fsid(&state, fd);
        break;
    case HANDLES_LAYERS:
        add_uuid(&state, fd);
        known = add_layers(&state, fd);
        break;
    case HANDLES_IMAGE:
        add_image(&state, fd);
        break;
    case HANDLES_MOUNT:
    case HANDLES_NOTHING:
        known = false;
        break;
    }
    if (!known)
        add_mount(&state, fd);
    crypto_generichash_final(&state, hash, sizeof(hash));
    memcpy(&instance, hash, sizeof(instance));
    return instance;
}

uint64_t hostfs_instance_root(int fd, const struct hostfs_below *below)
{
    char *line, *save = NULL;
    uint64_t hash = below->magic;

    if (below->handles != HANDLES_MOUNT && below->handles != HANDLES_NOTHING)
        return hostfs_instance(fd, below);
    char *says = mount_says(fd, &line);
    for (int i = 0; says && i < 2; i++) { /* the type and the source */
        char *word = strtok_r(i ? NULL : says, " \n", &save);
        hash = word ? hash_bytes(word, strlen(word) + 1, hash) : hash;
    }
    free(line);
    return hash;
}

bool hostfs_instance_numbers_paths(int fd)
{
    char *line, *save = NULL;
    char *says = mount_says(fd, &line);
    char *type = says ? strtok_r(says, " ", &save) : NULL;
    bool paths = type && hostfs_below_numbers_paths(type);

    free(line);
    return paths;
}
