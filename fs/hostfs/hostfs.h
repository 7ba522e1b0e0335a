/*
 * hostfs.h - what the files of hostfs share; only they include it.
 *
 * A node is found again by its id, which holds the kernel's own file handle where there is one:
 *     ID_HANDLE   an object of the export's own mount: the mount's tag (4 bytes), handle type,
 *                 handle bytes
 *     ID_CROSSED  an object of another mount below it (crossmnt): the mount's key (8 bytes), handle
 *                 type, handle bytes
 *     ID_HASHED   no handle can be had, or it is too long: a hash of mount, inode number, birth
 *                 time
 *     ID_HIDDEN   what is mounted below an export without crossmnt: a stand-in without any state
 *     ID_NAMED    an object of a mount where none of these lasts: the mount's tag, a random number
 *                 (named.c)
 * Ids of the first two kinds are opened by the kernel where this process may do that
 * (kernel_handles). All others go through the handle table (name_table.c), which remembers parents
 * and names.
 *
 * Locks: the list of mounts only grows, and is read without a lock (mounts.c, hold.c). The table
 * has its own lock (name_table.c). The descriptors of a node are set once by compare-and-swap, and
 * closed only when the node has no user (node.c). Two things with a node are done by one call at a
 * time: the comparison and the change of a guarded SETATTR, and adding a right to a mode for a
 * moment. They are turns (turn.c) and not locks, since they make system calls.
 */
#ifndef HOSTFS_HOSTFS_H
#define HOSTFS_HOSTFS_H

#include "base/flush.h"
#include "below.h"
#include "fs/hostfs/locate/points.h"
#include "turn.h"
#include <fcntl.h>
#include <loopnfs/vfs.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

enum id_kind { ID_HANDLE = 1, ID_CROSSED, ID_HASHED, ID_HIDDEN, ID_NAMED };

/* What identifies a mount, also after it was given up (hold.c). */
struct hostfs_mount_identity {
    uint64_t unique, id; /* unique: 0 where the kernel has no such number */
    uint64_t ino;        /* inode of the mount's root; its device and birth follow */
    dev_t dev;
    int64_t born;
};

/* A mount that is served. Never freed while the file system is mounted. While anything on it is
 * open, its id can't come to mean another mount. After its descriptor was given up, because nothing
 * used it, the id means nothing until the mount was found again. */
struct hostfs_mount {
    struct hostfs_mount *next; /* set before the mount is published */
    struct hostfs_mount_identity identity;
    char *point;              /* the path where it was found */
    _Atomic uint32_t users;   /* calls that use fd */
    _Atomic int64_t used;     /* CLOCK_MONOTONIC, s: when fd was last used */
    _Atomic bool gone;        /* another mount is in its place now */
    struct wait_place *place; /* the place of its disk (base/wait_place.h), shared by all exports */
    uint64_t id;              /* the kernel's id, in this boot */
    uint64_t instance;        /* identifies its file system (instance.c) */
    uint64_t key;             /* stable: made of instance and place; 0: the export's own mount */
    _Atomic int fd;           /* its root, O_PATH where the server may not read it; -1: given up */
    dev_t dev;
    uint32_t serial;                  /* no other mount of this process has had it */
    const struct hostfs_below *below; /* what its kind of file system can be trusted with */
    unsigned flush_how;               /* base/flush.h */
    struct hostfs_disk *disk;         /* shared by all mounts of its file system */
    /* a link count of 0 means that the object was removed (some FUSE always say 0) */
    bool counts_links;
    /* Found by trying (mounts.c). named: ids are by name (named.c). numbers: the host's inode
     * numbers stay while it is mounted. lasting: number and birth of an object never change. */
    bool named, numbers, lasting;
    bool by_modes; /* FUSE: the kernel judges by modes before the daemon does */
    /* one_commit: syncing a directory commits all earlier changes of metadata. brings_new: it
     * commits what was made in the directory. */
    bool one_commit, brings_new;
    struct hostfs_origin *origin; /* origin.c: the files of which it is a view; NULL: not known */
    uint64_t part;                /* the part (below->part_bytes) to which its root belongs */
    _Atomic bool no_nowait;       /* RWF_NOWAIT is not supported here */
    _Atomic bool no_splice;       /* splice() from a file is not supported here */
    _Atomic bool no_nameless;     /* O_TMPFILE is not supported here */
};

struct hostfs_disk; /* disk.c */
struct hostfs_pin;
struct hostfs_table;

/* Descriptors that a node holds at most. */
#define HOSTFS_FDS 3

/* fs->private */
struct hostfs {
    struct vfs *fs;
    dev_t root_dev;
    struct vnode_id root_id;
    struct hostfs_mount own;
    struct hostfs_mount *_Atomic mounts;           /* newest first; ends with &own */
    pthread_mutex_t mounts_lock;                   /* guards adding mounts, and their descriptors */
    struct vnode_dropped root_dropped[HOSTFS_FDS]; /* guarded by mounts_lock: hold.c */
    unsigned root_drops;                           /* how many; guarded by it, too */
    struct hostfs_points points;                   /* points.h */
    bool kernel_handles;
    bool crossmnt;
    bool pseudo; /* pseudo file systems are served, too */
    bool subtree_check;
    bool whole_mount; /* the export is a whole file system: no object of it is outside */
    bool has_proc;    /* /proc/self/fd works */
    struct hostfs_turns guards, lends; /* a lends turn may be taken within a guards turn */
    char *state_dir;
    _Atomic unsigned verifiers_kept;    /* kept.c: how many verifiers are kept, about */
    pthread_mutex_t table_lock;         /* guards opening the table */
    struct hostfs_table *_Atomic table; /* opened at the first need */
    pthread_mutex_t named_lock;         /* so that one place gets one id: named.c */
    /* held by the one walk that runs; guards the members below */
    pthread_mutex_t reconnect_lock;
    int64_t walk_credit; /* ns that walks may take */
    int64_t walk_paid;   /* CLOCK_MONOTONIC, ns: up to when credit was given */
    struct {
        uint64_t id_hash;
        int64_t until;
    } lost[256]; /* ids that walks did not find */
};

/* vnode_private(): 96 bytes. */
struct hostfs_node {
    struct hostfs_mount *mount; /* NULL: hidden */
    uint64_t ino;               /* on a named mount: its fileid */
    int64_t btime_sec;
    uint32_t btime_nsec;
    /* A descriptor, or -1. Set once, closed only when the node has no user. path: O_PATH; read and
     * write: for regular files only. */
    _Atomic int path_fd, read_fd, write_fd;
    _Atomic uint32_t where;         /* hash of the (parent, name) that the table has; 0: none */
    _Atomic uint64_t verdict;       /* rights.c */
    _Atomic uint64_t seen;          /* named.c: hash of what its proof was made of */
    _Atomic uint32_t checked;       /* revisit.c */
    struct flush_state flush;       /* of the data that was written by write_fd */
    struct hostfs_pin *_Atomic pin; /* disk.c: keeps the node while a flush is due; or NULL */
    /* Where files judge by their opener: the hash of the credential with which read_fd and write_fd
     * were opened. Set before they are, and 0 again once they are closed (open.c). */
    _Atomic uint64_t opener;
};

/* An object of the host that is about to become a node. */
struct hostfs_object {
    struct vnode_id id;
    struct hostfs_mount *mount; /* NULL: hidden */
    uint64_t fileid;            /* on a named mount: its fileid */
    bool has_st;
    struct statx st;
};

static inline struct hostfs *hostfs_of(const struct vnode *vn)
{
    return vn->fs->private;
}
static inline struct hostfs_node *hostfs_node(struct vnode *vn)
{
    return vnode_private(vn);
}
static inline bool hostfs_is_hidden(const struct vnode *vn)
{
    return vn->id[0] == ID_HIDDEN;
}
/* Whether attributes are of the object that the node was made for, by number and birth. */
static inline bool hostfs_is_of(struct vnode *vn, const struct statx *st)
{
    const struct hostfs_node *node = hostfs_node(vn);

    return node->ino == st->stx_ino && node->btime_sec == st->stx_btime.tv_sec &&
           node->btime_nsec == st->stx_btime.tv_nsec;
}
static inline int64_t hostfs_ns(int64_t sec, uint32_t nsec)
{
    return (int64_t)((uint64_t)sec * 1000000000u + nsec);
}

/* The flags of every O_PATH open of hostfs: no link is ever followed. */
#define HOST_O_PATH (O_PATH | O_NOFOLLOW | O_CLOEXEC)
/* Whether a name can be served. The host may have longer names (FUSE: up to 4095 bytes) than
 * clients and rows of the table can have. An object that has only such names is not served. */
static inline bool hostfs_name_fits(const char *name)
{
    return strnlen(name, VNAME_MAX + 1) <= VNAME_MAX;
}

/* "/proc/self/fd/N" */
struct hostfs_proc_path {
    char text[32];
};
void hostfs_proc_path(struct hostfs_proc_path *path, int fd);

/* node.c */
int hostfs_intern(struct hostfs *h, const struct hostfs_object *object, struct vnode **out);
/* ctx here and below: the call that it is for, by whose batch less may have to be asked; or NULL.
 */
int hostfs_load_for(const struct vctx *ctx, struct vfs *fs, const struct vnode_id *id,
                    struct vnode **out);
int hostfs_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out);
void hostfs_drop_fds(struct vnode *vn, bool all, struct vnode_drops *drops);
void hostfs_reclaim(struct vnode *vn);
/* Any descriptor of the node that works with AT_EMPTY_PATH; opens one where the node has none.
 * May act as the server, so the calling function takes the caller's identity again afterwards.
 * ESTALE. */
int hostfs_fd(const struct vctx *ctx, struct vnode *vn, int *fd);
/* A descriptor that the node has; -1: it has none. */
int hostfs_fd_held(struct vnode *vn);
/* Like hostfs_fd(), and takes the node's attributes, by a system call only where they were not
 * taken while the node was opened or loaded right before. For operations that begin with the
 * attributes. */
int hostfs_fd_stat(const struct vctx *ctx, struct vnode *vn, int *fd, struct statx *st);
/* The descriptor by which a file's data can be read or written (O_RDONLY, O_WRONLY) now, whichever
 * caller may use it; -1: there is none. */
int hostfs_fd_any(struct vnode *vn, int mode);
/* Takes the attributes by a descriptor of the node. ESTALE: the host has removed the object, and
 * the node was forgotten. */
int hostfs_stat(struct vnode *vn, int fd, struct statx *st);
/* The error for a client of an operation on a name in `dir`, on which fd is open: ESTALE instead of
 * ENOENT where the host has removed the directory itself. */
int hostfs_name_error(struct vnode *dir, int fd, int err);
/* Like hostfs_fd(), and acts as the caller afterwards. EACCES for hidden nodes. */
int hostfs_enter(const struct vctx *ctx, struct vnode *vn, int *fd);
/* Gives the node the descriptor fd. Where it got another one meanwhile, closes fd. Returns the
 * node's descriptor. */
int hostfs_set_fd(struct vnode *vn, _Atomic int *slot, int fd);
/* Opens the object with this id with `flags`, as the server. The descriptor is the caller's, not
 * the node's. */
int hostfs_open_id(struct hostfs *h, const struct vnode_id *id, int flags, int *fd);
bool hostfs_needs_table(const struct hostfs *h, const struct vnode_id *id);

/* attr.c */
/* The number that clients see for the object with this inode number in this part of the mount. No
 * other object of the export has it. */
uint64_t hostfs_fileid(const struct hostfs_mount *mount, uint64_t ino, uint64_t part);
/* The number that clients see for an object that has no inode number, made of a hash. */
uint64_t hostfs_fileid_hash(uint64_t hash);
void hostfs_attr(const struct vnode *vn, const struct statx *st, struct vattr *attr);
/* Attributes of an object of `mount`, which may have no node. */
void hostfs_attr_of(const struct vfs *fs, const struct hostfs_mount *mount, enum vtype type,
                    const struct statx *st, struct vattr *attr);
/* Fills in attr by a descriptor of the node; leaves its type VNON where that fails. */
void hostfs_attr_after(struct vnode *vn, int fd, struct vattr *attr);
void hostfs_attr_hidden(const struct vnode *vn, struct vattr *attr);
int hostfs_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr);
int hostfs_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                   struct vchange *change);
/* Sets owner, mode and times of `set`, in this order, with the thread's identity. */
int hostfs_apply(int fd, enum vtype type, const struct vsetattr *set);
int hostfs_statfs(const struct vctx *ctx, struct vnode *vn, struct vstatfs *st);
int hostfs_pathconf(const struct vctx *ctx, struct vnode *vn, struct vpathconf *pc);
/* Whether the directory vn, on which fd is open, treats names that differ in case as one. Acts as
 * the server. folds.c */
bool hostfs_folds_case(struct vnode *vn, int fd);

/* rights.c */
/* Whether the caller, whose identity the thread has, may read (R_OK) or write (W_OK) the data of a
 * regular file; the owner always may. st was taken from fd. 0, EACCES, .... */
int hostfs_may(const struct vctx *ctx, struct vnode *vn, int fd, const struct statx *st, int want);
/* Whether every change of the object from now on gives it another ctime than st has; false where
 * that is not known. */
bool hostfs_settled(const struct hostfs_mount *mount, const struct statx *st);
/* Like hostfs_settled(), where the file system's times are in nanoseconds at best, and the ticks of
 * the kernel's clock are known. */
bool hostfs_ticked(const struct statx *st);
/* Whether NFS allows the caller what the kernel does not (RFC 1813 section 4.4): the owner may read
 * and write, and a caller that may execute may read. */
bool hostfs_privileged(const struct vctx *ctx, struct vnode *vn, int fd, const struct statx *st,
                       int want);
int hostfs_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
                  struct vattr *attr);
uid_t hostfs_uid(const struct vctx *ctx);

/* io.c */
int hostfs_splice(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe, size_t room,
                  size_t *len, bool *eof, struct vattr *attr);
int hostfs_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
                bool *eof, struct vattr *attr);
int hostfs_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                 size_t *len, enum vstable *stable, struct vchange *change);
int hostfs_splice_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                        size_t *len, enum vstable *stable, struct vchange *change);
int hostfs_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
                  struct vchange *change);
/* Whether the caller may set the size of the file, found out by opening it. */
int hostfs_may_truncate(const struct vctx *ctx, struct vnode *vn, uint64_t size);
/* Sets the size of the file, if the caller may. */
int hostfs_truncate(const struct vctx *ctx, struct vnode *vn, uint64_t size);

/* lookup.c */
int hostfs_lookup(const struct vctx *ctx, struct vnode *dir, const char *name, struct vnode **out,
                  struct vattr *attr);
int hostfs_getattr_at(const struct vctx *ctx, struct vnode *dir, const char *name,
                      struct vnode_id *id, struct vattr *attr);
/* hostfs_getattr_at() for `name` in dirfd, a descriptor of dir; the thread acts as the caller. */
int hostfs_getattr_at_fd(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                         struct vnode_id *id, struct vattr *attr);
/* Returns the node of `name` in dirfd, a descriptor of dir, and its attributes. The thread acts as
 * the caller. */
int hostfs_lookup_at(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                     struct vnode **out, struct statx *st);
/* Returns the node of an object that was just made, and on which fd is open. */
int hostfs_adopt(const struct vctx *ctx, struct vnode *dir, const char *name, int fd,
                 struct vnode **out, struct statx *st);
/* Returns the node of `name` if the vnode table has it, else NULL. *id has length 0 where there is
 * no such name. *only_name: it is known to be the object's only name. */
struct vnode *hostfs_peek(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                          struct vnode_id *id, bool *only_name);
int hostfs_readlink(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size, size_t *len);

/* create.c */
int hostfs_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                  const struct vcreate *how, struct vnode **out, struct vattr *attr,
                  struct vchange *dir_change);
int hostfs_mkdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                 const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                 struct vchange *dir_change);
int hostfs_symlink(const struct vctx *ctx, struct vnode *dir, const char *name, const char *target,
                   const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                   struct vchange *dir_change);
int hostfs_mknod(const struct vctx *ctx, struct vnode *dir, const char *name, enum vtype type,
                 uint32_t rdev_major, uint32_t rdev_minor, const struct vsetattr *set,
                 struct vnode **out, struct vattr *attr, struct vchange *dir_change);

/* names.c */
int hostfs_remove(const struct vctx *ctx, struct vnode *dir, const char *name,
                  struct vchange *dir_change);
int hostfs_rmdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                 struct vchange *dir_change);
int hostfs_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                  struct vnode *to_dir, const char *to, struct vchange *from_change,
                  struct vchange *to_change);
int hostfs_link(const struct vctx *ctx, struct vnode *vn, struct vnode *dir, const char *name,
                struct vattr *attr, struct vchange *dir_change);

/* status.c */
void hostfs_status(struct vfs *fs, struct vcontrol *control, const char *path);

/* dir.c */
/* Whether clients may see the name. A name that is too long for them is logged. */
bool hostfs_may_list(struct vnode *dir, const char *name);
int hostfs_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                   struct vdirents *page);

#endif
