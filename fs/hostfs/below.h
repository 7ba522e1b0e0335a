/*
 * below.h - what hostfs may take for granted of the host file system below a mount.
 *
 * The table in below.c has one row for each kind of file system. Every file of hostfs that needs to
 * know the kind reads a column of the row, by mount->below; no other file looks at f_type of
 * statfs(2). A kind without a row has the careful row, which trusts nothing.
 */
#ifndef HOSTFS_BELOW_H
#define HOSTFS_BELOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What inode number and birth time together say about an object (ident_cache.c). UNKNOWN: nothing
 * for certain; SETTLE: which object it is, once its birth is some time ago; UNIQUE: which object it
 * is. */
enum hostfs_births { BIRTHS_UNKNOWN, BIRTHS_SETTLE, BIRTHS_UNIQUE };

/* How far the kernel's file handle (name_to_handle_at(2)) can be trusted to mean one object. */
enum hostfs_handles {
    HANDLES_NOTHING, /* unknown: nothing is trusted */
    HANDLES_MOUNT,   /* while this mount lasts: FUSE numbers its nodes anew with each daemon */
    HANDLES_IMAGE,   /* while the image is this one: nothing of the image is in the handle */
    HANDLES_LAYERS,  /* until an object is copied up to the upper layer: overlayfs */
    HANDLES_LAST,    /* for ever: an inode number that is used again has another generation */
};

struct hostfs_below {
    const char *name; /* as in /proc/filesystems where it has one name; "unknown" */
    uint32_t magic;   /* statfs(2) f_type; 0: the careful row */
    enum hostfs_births births;
    enum hostfs_handles handles;
    /* The step of the file times as they are stored, in nanoseconds; 0: unknown. It is the best
     * that the kind can do: an ext4 with small inodes stores whole seconds. */
    uint64_t granularity_ns;
    uint32_t links_max;    /* hard links a file may have; 0: unknown */
    bool memory;           /* it lives in memory: nothing has to be flushed */
    bool nothing_to_flush; /* its files have no fsync(), which says EINVAL: images, proc, ... */
    bool told_at_close;    /* only close() may tell of write errors: FUSE, NFS, ... */
    bool sizes_true;       /* read(2) gives what the size says, and no more */
    /* syncing a directory commits all earlier changes of metadata (if it keeps order) */
    bool one_commit;
    bool brings_new;     /* syncing a directory commits what was made in it (if it keeps order) */
    bool unique_numbers; /* no two objects of a mount have equal inode numbers at one time */
    /* bytes of a handle, from byte 8 on, that name the part (subvolume) whose inode numbers
     * count */
    uint8_t part_bytes;
    /* The first 8 bytes of the handle of an empty directory that a snapshot shows in place of
     * another subvolume. Such a directory can't be opened by its handle. */
    uint8_t hole;
    bool positions_last; /* a directory position stays valid in a later opening */
    bool opener_judged;  /* rights may depend on the credential that opened the descriptor */
    bool shows_others;   /* a mount may show directories of other file systems: origin.c */
    bool case_by_flag;   /* case matters, except in directories with FS_CASEFOLD_FL */
    bool pseudo;         /* an interface to the kernel, such as proc: see base/pseudo.h */
};

/* Returns the row of the file system that fd is on. A mount that shows an interface to the kernel
 * has the row of such interfaces. Never NULL; rows live as long as the process. */
const struct hostfs_below *hostfs_below_of(int fd);
/* Whether this file system has the log on which one_commit and brings_new of its row rely. An ext4
 * without a journal has none, nor has an ext2, which has the row of ext4. False where the kernel
 * does not say. */
bool hostfs_below_keeps_order(const struct hostfs_below *below, dev_t dev);
/* Whether a FUSE of this type ("fuse.x" in /proc/self/mountinfo) derives inode numbers from paths
 * or from layers: they change with a rename, also of a directory above, or with a copy-up. */
bool hostfs_below_numbers_paths(const char *type);
/* Whether a file system of this type finds its directories without asking another program or
 * another host, which might never answer. */
bool hostfs_below_answers(const char *type);

struct hostfs_mount;
/*
 * Whether a READ that came to offset `end` has come to the file's end. `cut`: it got less than it
 * asked for. Usually `size` tells. But a file may hold less than its size says (sysfs, FUSE, a file
 * that was cut meanwhile), and more where its kind of file system does not keep to sizes (proc). In
 * those cases the file is read once more, which costs a system call.
 */
bool hostfs_comes_to_end(const struct hostfs_mount *mount, int fd, uint64_t end, bool cut,
                         uint64_t size);

#endif
