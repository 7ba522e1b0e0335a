/*
 * below.c - the table of host file systems: what may be trusted of each kind.
 *
 * Called by mounts.c when a mount becomes known; every other file of hostfs reads the row by
 * mount->below. Owns nothing. Each value is a promise that was looked up or tried. Where there is a
 * doubt, the row has the careful value: false, 0, UNKNOWN or NOTHING, and true for opener_judged
 * and told_at_close.
 *
 * Sources: name_to_handle_at(2), and the export operations of each file system in Linux. ext4, XFS,
 * btrfs, f2fs and tmpfs put the inode's generation into a handle. FUSE does so, too, but its
 * daemons leave it 0 and number their nodes anew at each start. Images (squashfs, erofs, iso9660,
 * vfat) have none. The handle of an overlayfs object is that of the layer where its data is, so it
 * changes when the object is copied up.
 */
#include "base/file_end.h"
#include "base/pseudo.h"
#include "fs/hostfs/locate/locate.h"
#include "origin.h"
#include <limits.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Magic numbers that linux/magic.h lacks. */
#define BELOW_NTFS3    0x7366746e
#define BELOW_BCACHEFS 0xca451a4e
#define BELOW_ZFS      0x2fc12fc1

#define NANOSECOND 1u
#define SECOND     1000000000u

static const struct hostfs_below careful = {
    .name = "unknown",
    .told_at_close = true,
    .opener_judged = true,
};

static const struct hostfs_below pseudo = {
    .name = "pseudo",
    .nothing_to_flush = true,
    .opener_judged = true,
    .pseudo = true,
};

/* Before Linux 6.6 a directory position in tmpfs is a count of names, which changes its meaning
 * when names are removed. */
static const struct hostfs_below old_tmpfs = {
    .name = "tmpfs",
    .magic = TMPFS_MAGIC,
    .births = BIRTHS_UNIQUE,
    .handles = HANDLES_LAST,
    .granularity_ns = NANOSECOND,
    .memory = true,
    .unique_numbers = true,
    .case_by_flag = true,
};

static const struct hostfs_below rows[] = {
    {
        .name = "ext4", /* also ext2 and ext3, which have ext4's magic number */
        .magic = EXT4_SUPER_MAGIC,
        .sizes_true = true,
        .births = BIRTHS_SETTLE,
        .handles = HANDLES_LAST,
        .granularity_ns = NANOSECOND,
        .links_max = 65000,
        .one_commit = true,
        .unique_numbers = true,
        .positions_last = true,
        .brings_new = true,
        .case_by_flag = true,
    },
    {
        .name = "xfs",
        .magic = XFS_SUPER_MAGIC,
        .sizes_true = true,
        .births = BIRTHS_SETTLE,
        .handles = HANDLES_LAST,
        .granularity_ns = NANOSECOND,
        .links_max = INT32_MAX,
        .one_commit = true,
        .unique_numbers = true,
        .positions_last = true,
        .brings_new = true,
    },
    {
        .name = "tmpfs",
        .magic = TMPFS_MAGIC,
        .sizes_true = true,
        .births = BIRTHS_UNIQUE,
        .handles = HANDLES_LAST,
        .granularity_ns = NANOSECOND,
        .links_max = UINT32_MAX,
        .memory = true,
        .unique_numbers = true,
        .positions_last = true,
        .case_by_flag = true,
    },
    {
        .name = "ramfs", /* its handles have a generation that is never set */
        .magic = RAMFS_MAGIC,
        .sizes_true = true,
        .handles = HANDLES_MOUNT,
        .granularity_ns = NANOSECOND,
        .memory = true,
        .unique_numbers = true,
        .case_by_flag = true,
    },
    {
        .name = "btrfs", /* each of its subvolumes numbers its objects on its own */
        .magic = BTRFS_SUPER_MAGIC,
        .sizes_true = true,
        .handles = HANDLES_LAST,
        .granularity_ns = NANOSECOND,
        .part_bytes = 8, /* the id of the subvolume's root */
        .hole = 2,       /* BTRFS_EMPTY_SUBVOL_DIR_OBJECTID */
        .links_max = 65535,
        .positions_last = true,
        .brings_new = true,
        .case_by_flag = true,
    },
    {
        .name = "f2fs",
        .magic = F2FS_SUPER_MAGIC,
        .sizes_true = true,
        .handles = HANDLES_LAST,
        .granularity_ns = NANOSECOND,
        .unique_numbers = true,
        .positions_last = true,
        .brings_new = true,
        .case_by_flag = true,
    },
    {
        .name = "bcachefs", /* its subvolumes are like those of btrfs */
        .magic = BELOW_BCACHEFS,
        .sizes_true = true,
        .handles = HANDLES_LAST,
        .granularity_ns = NANOSECOND,
        .part_bytes = 4,
        .positions_last = true,
        .brings_new = true,
        .case_by_flag = true,
    },
    {
        .name = "zfs",
        .magic = BELOW_ZFS,
        .sizes_true = true,
        .handles = HANDLES_LAST,
        .granularity_ns = NANOSECOND,
        .unique_numbers = true,
        .positions_last = true,
        .brings_new = true,
    },
    {
        .name = "overlay",
        .magic = OVERLAYFS_SUPER_MAGIC,
        .handles = HANDLES_LAYERS,
        .shows_others = true,
        .granularity_ns = 0, /* the upper layer's */
    },
    {
        .name = "fuse", /* also fuseblk and virtiofs, which have FUSE's magic number */
        .magic = FUSE_SUPER_MAGIC,
        .handles = HANDLES_MOUNT,
        .granularity_ns = 0, /* the daemon's */
        .told_at_close = true,
        .opener_judged = true,
        .shows_others = true,
    },
    {
        .name = "squashfs",
        .magic = SQUASHFS_MAGIC,
        .sizes_true = true,
        .nothing_to_flush = true,
        .handles = HANDLES_IMAGE,
        .granularity_ns = SECOND,
        .unique_numbers = true,
        .positions_last = true,
        .case_by_flag = true,
    },
    {
        .name = "erofs",
        .magic = EROFS_SUPER_MAGIC_V1,
        .sizes_true = true,
        .nothing_to_flush = true,
        .handles = HANDLES_IMAGE,
        .granularity_ns = NANOSECOND,
        .unique_numbers = true,
        .positions_last = true,
        .case_by_flag = true,
    },
    {
        .name = "iso9660",
        .magic = ISOFS_SUPER_MAGIC,
        .sizes_true = true,
        .nothing_to_flush = true,
        .handles = HANDLES_IMAGE,
        .granularity_ns = SECOND,
        .unique_numbers = true,
        .positions_last = true,
    },
    {
        .name = "udf",
        .magic = UDF_SUPER_MAGIC,
        .sizes_true = true,
        .handles = HANDLES_NOTHING,
        .granularity_ns = 0,
        .unique_numbers = true,
        .positions_last = true,
    },
    {
        /* An object gets its number when it comes to memory, and its handle has the number. */
        .name = "vfat",
        .magic = MSDOS_SUPER_MAGIC,
        .sizes_true = true,
        .handles = HANDLES_NOTHING,
        .granularity_ns = 2 * (uint64_t)SECOND,
        .positions_last = true,
    },
    {
        .name = "exfat",
        .magic = EXFAT_SUPER_MAGIC,
        .sizes_true = true,
        .handles = HANDLES_NOTHING,
        .granularity_ns = 2 * (uint64_t)SECOND,
        .positions_last = true,
    },
    {
        .name = "ntfs3",
        .magic = BELOW_NTFS3,
        .sizes_true = true,
        .handles = HANDLES_LAST,
        .granularity_ns = 100,
        .unique_numbers = true,
    },
};

static bool kernel_is_before(unsigned major, unsigned minor)
{
    struct utsname name;
    unsigned a, b;

    return uname(&name) != 0 || sscanf(name.release, "%u.%u", &a, &b) != 2 || a < major ||
           (a == major && b < minor);
}

const struct hostfs_below *hostfs_below_of(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) != 0)
        return &careful;
    if (file_is_pseudo(fd))
        return &pseudo;
    if (fs.f_type == TMPFS_MAGIC && kernel_is_before(6, 6))
        return &old_tmpfs;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].magic != (uint32_t)fs.f_type)
            continue;
        return rows[i].shows_others && hostfs_origin_is_pseudo(fd) ? &pseudo : &rows[i];
    }
    return &careful;
}

/* /sys/fs/ext4/DISK/journal_task is the id of the thread that writes the journal, "<none>" without
 * a journal. */
static bool ext4_has_journal(dev_t dev)
{
    char link[64], target[PATH_MAX], path[PATH_MAX + 64], says[32] = "";

    snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
    ssize_t len = readlink(link, target, sizeof(target) - 1);
    if (len < 0)
        return false;
    target[len] = '\0';
    const char *name = strrchr(target, '/');
    snprintf(path, sizeof(path), "/sys/fs/ext4/%s/journal_task", name ? name + 1 : target);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool read = fgets(says, sizeof(says), file);
    fclose(file);
    return read && says[0] >= '0' && says[0] <= '9';
}

bool hostfs_below_keeps_order(const struct hostfs_below *below, dev_t dev)
{
    return below->magic != EXT4_SUPER_MAGIC || ext4_has_journal(dev);
}

bool hostfs_comes_to_end(const struct hostfs_mount *mount, int fd, uint64_t end, bool cut,
                         uint64_t size)
{
    if (end >= size ? cut || mount->below->sizes_true : !cut)
        return end >= size;
    return file_ends_at(fd, end);
}

bool hostfs_below_numbers_paths(const char *type)
{
    /* mergerfs: a directory's number is a hash of its path, and a file's may be (inodecalc=).
     * unionfs: its numbers (use_ino) are those of the layer, and change when an object is copied
     * up. */
    static const char *const types[] = {"fuse.mergerfs", "fuse.unionfs"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

bool hostfs_below_answers(const char *type)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, type) == 0)
            return !rows[i].told_at_close &&
                   (rows[i].handles == HANDLES_LAST || rows[i].handles == HANDLES_IMAGE);
    return false;
}
