/*
 * etfs.h - what the files of etfs share: a table of keys, each mapped to a host file, a window of
 * one, or a device (the idea is rump's extra-terrestrial file system).
 *
 * A key is an absolute path within the file system. A directory on its way exists while a key needs
 * it. The keys are a tree of entries (tree.c) under one lock. Data is read and written through the
 * entry's descriptor, without a lock. spec.c reads a key's description, control.c runs the tool's
 * commands, attr.c and io.c are the vnode operations.
 */
#ifndef FS_ETFS_ETFS_H
#define FS_ETFS_ETFS_H

#include "base/flush.h"
#include "base/list.h"
#include <loopnfs/vfs.h>
#include <pthread.h>
#include <sys/stat.h>

/* Windows of devices begin and end at multiples of this, in bytes. */
#define ETFS_SECTOR 512
#define ETFS_ID_LEN 16

/* A key's description: "KEY PATH [type=...] [offset=N] [size=N] [as=reg] [ro]". */
struct etfs_spec {
    const char *key, *path; /* borrowed */
    enum vtype type;        /* VREG, VBLK, VCHR */
    bool as_reg;            /* a device type shown as a regular file of its size */
    bool read_only;
    bool has_offset, has_size;
    uint64_t offset, size; /* bytes */
};

/*
 * A key, or a directory on the way to one. The tree has a reference on an entry, and so has the
 * entry's vnode: a removed key still serves the calls that use it. Members are constant, except
 * those marked "guarded": by the mount's lock.
 */
struct etfs_entry {
    struct etfs_entry *parent; /* guarded; NULL for the root, and once removed */
    struct list sibling;       /* guarded: parent->children in the order of cookies, or removed */
    struct list children;      /* guarded; of directories */
    uint64_t cookie;
    char *name;
    uint8_t id[ETFS_ID_LEN];
    enum vtype type;         /* as clients see it: VDIR, VREG, VBLK, VCHR */
    unsigned refs;           /* guarded: of the tree and the vnode */
    struct timespec changed; /* guarded: when a directory's names changed */
    _Atomic time_t used;     /* CLOCK_MONOTONIC, s: when it was last used */
    /* Files: */
    char *path; /* the host's */
    int fd;
    unsigned flush_how;       /* base/flush.h */
    struct flush_state flush; /* its own */
    bool windowed;            /* only [offset, offset + size) of the host file; else all of it */
    bool read_only;
    uint64_t offset, size;
    uint32_t rdev_major, rdev_minor;
    enum vtype said; /* the type= that the user gave, for the list */
};

struct etfs {
    pthread_rwlock_t lock;
    struct etfs_entry *root;
    void *by_id;               /* guarded: tsearch(3) tree of all entries that have refs */
    struct list removed;       /* guarded: entries without a name that are still used */
    uint64_t next_cookie;      /* guarded */
    _Atomic uint64_t verifier; /* of writes: base/flush.h */
    bool only_looks; /* constant: for --check, opens no file whose opening has an effect */
};

/* The node's private part: one entry, with a reference. */
struct etfs_node {
    struct etfs_entry *entry;
};

static inline struct etfs *etfs_of(const struct vfs *fs)
{
    return fs->private;
}

static inline struct etfs_entry *etfs_entry_of(struct vnode *vn)
{
    return ((struct etfs_node *)vnode_private(vn))->entry;
}

/* --- spec.c --- */

/* Reads a key's description from the words of a command or of a table's line. EINVAL: `message`
 * says why. */
int etfs_spec_parse(int count, const char *const *words, struct etfs_spec *spec, char *message,
                    size_t size);
/* Whether a key is absolute, has at most 4 KiB, and its components are names. False: *why says what
 * is wrong. */
bool etfs_key_ok(const char *key, const char **why);

/* --- tree.c --- */

int etfs_tree_init(struct etfs *et);
void etfs_tree_finish(struct etfs *et);
/*
 * Opens the host file as the server, checks the window, adds the key and the directories that it
 * needs. EEXIST: the key exists, or a directory of that name; ENOTDIR: a part of the key's path is
 * a key; EINVAL; errors of open(2). `message` says more.
 */
int etfs_add(struct etfs *et, const struct etfs_spec *spec, char *message, size_t size);
/* Removes a key. *gone becomes the entry that lost its name, with a reference for the caller.
 * ENOENT. */
int etfs_remove(struct etfs *et, const char *key, struct etfs_entry **gone);
void etfs_entry_put(struct etfs *et, struct etfs_entry *entry);
/* A removed entry that no call has used for a while, with a reference; NULL: there is none. */
struct etfs_entry *etfs_lingering(struct etfs *et);
/* Find an entry, with a reference; NULL: there is none. */
struct etfs_entry *etfs_find(struct etfs *et, const struct etfs_entry *dir, const char *name);
struct etfs_entry *etfs_find_id(struct etfs *et, const uint8_t id[ETFS_ID_LEN]);
/* Calls `each` for every key, in the tree's order. */
void etfs_walk(struct etfs *et,
               void (*each)(const struct etfs_entry *entry, const char *key, void *arg), void *arg);

/* --- etfs.c --- */

/* Makes the vnode of an entry; takes over the reference on the entry. */
int etfs_vnode(struct vfs *fs, struct etfs_entry *entry, struct vnode **out);

/* --- control.c --- */
int etfs_control(struct vfs *fs, struct vcontrol *control);
/* Adds the keys of a table file, one key a line, in the words of the command `add`. */
int etfs_table_read(struct etfs *et, const char *file, char *message, size_t size);

/* --- attr.c --- */
int etfs_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr);
int etfs_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                 struct vchange *change);
int etfs_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
                struct vattr *attr);
/* Whether the host allows the caller `right`: 4 read, 2 write, 1 execute. The thread then acts as
 * the caller. EACCES, EROFS, EPERM. */
int etfs_may(const struct vctx *ctx, struct vnode *vn, unsigned right);

/* --- io.c --- */
int etfs_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
              bool *eof, struct vattr *attr);
/* Brings a file's data to stable storage; how: FLUSH_DATA_ONLY, or 0. 0, or the host's error. */
int etfs_flush(struct vnode *vn, unsigned how);
uint64_t etfs_verifier(struct vnode *vn);
int etfs_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
               size_t *len, enum vstable *stable, struct vchange *change);
int etfs_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
                struct vchange *change);

#endif
