/*
 * below.h - what hostfs may take for granted of the host file system below a mount.
 *
 * One row a kind of file system (below.c). Every file of hostfs that needs to know the kind of file
 * system asks for a column here, by mount->below, and nobody else looks at statfs(2)'s f_type. A
 * kind that has no row has the careful one, which trusts nothing.
 */
#ifndef HOSTFS_BELOW_H
#define HOSTFS_BELOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What inode number and birth time say about an object (ident_cache.c): nothing for certain; which
 * one it is, once the birth is some time ago; which one it is. */
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
    /* Of the file times as they are stored, in nanoseconds; 0: unknown. It says what the kind can
     * do at best: an ext4 with small inodes has whole seconds. */
    uint64_t granularity_ns;
    uint32_t links_max;    /* hard links a file may have; 0: unknown */
    bool memory;           /* it lives in memory: nothing to flush */
    bool nothing_to_flush; /* its files have no fsync(), which says EINVAL: images, proc, ... */
    bool told_at_close;    /* errors of writes may be told by close() only: FUSE, NFS, ... */
    bool sizes_true;       /* read(2) gives what the size says, and no more */
    bool one_commit;       /* syncing a directory commits all metadata changed before, */
    bool brings_new;       /* or what was made in it, at least; both: hostfs_below_keeps_order() */
    bool unique_numbers;   /* no two objects of a mount have one inode number at one time */
    uint8_t part_bytes; /* of a handle, from byte 8 on: which part (subvolume) numbers the object */
    /* In the first 8 bytes of a handle: of the empty directory that is in a snapshot where another
     * subvolume was. It is no object that could be opened. */
    uint8_t hole;
    bool positions_last; /* a directory position means something in a later opening */
    bool opener_judged;  /* rights may depend on the credential that opened a descriptor */
    bool shows_others;   /* a mount may show directories of others: origin.c */
    bool case_by_flag;   /* case matters, but in directories that have FS_CASEFOLD_FL */
    bool pseudo;         /* an interface to the kernel, such as proc: see base/pseudo.h */
};

/* The row of the file system that fd is on; what shows one of the interfaces to the kernel is one.
 * Never NULL; the rows live as long as the process. */
const struct hostfs_below *hostfs_below_of(int fd);
/* Whether this file system has the log by which its row says one_commit and brings_new. An ext4
 * without a journal has none, nor have ext2's, which are of its kind. Where the kernel does not
 * say: false. */
bool hostfs_below_keeps_order(const struct hostfs_below *below, dev_t dev);
/* Whether inode numbers on FUSE of this type ("fuse.x" in /proc/self/mountinfo) are those of paths,
 * or of layers: they change with a rename, also of a directory above, or with a copy-up. */
bool hostfs_below_numbers_paths(const char *type);
/* Whether a file system of this type finds its directories without asking another program or host,
 * which might never answer. */
bool hostfs_below_answers(const char *type);

struct hostfs_mount;
/*
 * Whether a READ that came to `end`, and was `cut` if it got less than it asked for, has come to
 * the file's end. Mostly the size says so. But there may be less in a file than its size says
 * (sysfs, FUSE, one that was cut meanwhile), and more, where the kind of file system does not keep
 * to sizes (proc): then it is tried, which costs a system call.
 */
bool hostfs_comes_to_end(const struct hostfs_mount *mount, int fd, uint64_t end, bool cut,
                         uint64_t size);

#endif
