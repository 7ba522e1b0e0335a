/*
 * etfs.h - inside etfs: a table of keys, each mapped to a host file, a window of one, or a device
 * (the idea is rump's extra-terrestrial file system).
 *
 * A key is an absolute path within the file system; the directories on its way exist as long as a
 * key needs them. The keys are a tree of entries (tree.c) under one lock; data goes by the entry's
 * descriptor, without any lock. spec.c reads what a user says of a key, control.c obeys the tool,
 * attr.c and io.c are the vnode operations.
 */
#ifndef FS_ETFS_ETFS_H
#define FS_ETFS_ETFS_H

#include "base/flush.h"
#include "base/list.h"
#include <loopnfs/vfs.h>
#include <pthread.h>
#include <sys/stat.h>

/* Host windows of device types begin and end at sectors. */
#define ETFS_SECTOR 512
#define ETFS_ID_LEN 16

/* What a user says of a key: "KEY PATH [type=...] [offset=N] [size=N] [as=reg] [ro]". */
struct etfs_spec {
    const char *key, *path; /* borrowed */
    enum vtype type;        /* VREG, VBLK, VCHR */
    bool as_reg;            /* a device type shown as a regular file of its size */
    bool read_only;
    bool has_offset, has_size;
    uint64_t offset, size; /* bytes */
};

/*
 * A key, or a directory on the way to one. Entries of files are referenced by the tree, and by
 * the vnode that stands for them: so a removed key serves those who use it to the end. All
 * fields but those marked are constant; the marked ones are guarded by the mount's lock.
 */
struct etfs_entry {
    struct etfs_entry *parent; /* guarded; NULL for the root, and once removed */
    struct list sibling;       /* guarded: parent->children in the order of cookies, or removed */
    struct list children;      /* guarded; of directories */
    uint64_t cookie;
    char *name;
    uint8_t id[ETFS_ID_LEN];
    enum vtype type;         /* as clients see it: VDIR, VREG, VBLK, VCHR */
    unsigned refs;           /* guarded: the tree's and the vnode's */
    struct timespec changed; /* guarded: directories: when their names changed */
    _Atomic time_t used;     /* CLOCK_MONOTONIC: last asked about */
    /* Files: */
    char *path; /* the host's */
    int fd;
    unsigned flush_how;       /* base/flush.h */
    struct flush_state flush; /* its own */
    bool windowed;            /* only [offset, offset + size) of the host file; else all of it */
    bool read_only;
    uint64_t offset, size;
    uint32_t rdev_major, rdev_minor;
    enum vtype said; /* type= of the user, for the list */
};

struct etfs {
    pthread_rwlock_t lock;
    struct etfs_entry *root;
    void *by_id;          /* guarded: tsearch(3) tree of all entries that have refs */
    struct list removed;  /* guarded: entries without a name, for their last users */
    uint64_t next_cookie; /* guarded */
    bool only_looks;      /* constant: opens nothing that would notice */
};

/* The node's private part: one entry, referenced. */
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

/* From words as in a command or in a line of a table. On EINVAL `message` says why. */
int etfs_spec_parse(int count, const char *const *words, struct etfs_spec *spec, char *message,
                    size_t size);
/* A key is absolute, at most 4 KiB, its components are names. *why is set where it is not. */
bool etfs_key_ok(const char *key, const char **why);

/* --- tree.c --- */

int etfs_tree_init(struct etfs *et);
void etfs_tree_finish(struct etfs *et);
/*
 * Opens the host file as the server, checks the window, adds the key and the directories it needs.
 * EEXIST: the key, or a directory of its name, is there; ENOTDIR: a part of it is a key; EINVAL;
 * what open(2) says. `message` says more.
 */
int etfs_add(struct etfs *et, const struct etfs_spec *spec, char *message, size_t size);
/* ENOENT. *gone: the entry, whose name is gone; referenced for the caller. */
int etfs_remove(struct etfs *et, const char *key, struct etfs_entry **gone);
void etfs_entry_put(struct etfs *et, struct etfs_entry *entry);
/* A removed entry that nobody has used for a while, referenced; NULL. */
struct etfs_entry *etfs_lingering(struct etfs *et);
/* With a reference, or NULL. Read lock. */
struct etfs_entry *etfs_find(struct etfs *et, const struct etfs_entry *dir, const char *name);
struct etfs_entry *etfs_find_id(struct etfs *et, const uint8_t id[ETFS_ID_LEN]);
/* Calls `each` for every key, in the tree's order. */
void etfs_walk(struct etfs *et,
               void (*each)(const struct etfs_entry *entry, const char *key, void *arg), void *arg);

/* --- etfs.c --- */

/* The vnode of an entry; takes over the reference on it. */
int etfs_vnode(struct vfs *fs, struct etfs_entry *entry, struct vnode **out);

/* --- control.c --- */
int etfs_control(struct vfs *fs, struct vcontrol *control);
/* Adds the keys of a table file: a key a line, in the words of `add`. */
int etfs_table_read(struct etfs *et, const char *file, char *message, size_t size);

/* --- attr.c --- */
int etfs_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr);
int etfs_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                 struct vchange *change);
int etfs_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
                struct vattr *attr);
/* Whether the host lets the caller; `right`: 4 read, 2 write, 1 execute. The thread acts as the
 * caller then. EACCES, EROFS, EPERM. */
int etfs_may(const struct vctx *ctx, struct vnode *vn, unsigned right);

/* --- io.c --- */
int etfs_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
              bool *eof, struct vattr *attr);
/* Brings a file's data to stable storage; how: FLUSH_DATA_ONLY, or 0. Whatever the host says. */
int etfs_flush(struct vnode *vn, unsigned how);
int etfs_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
               size_t *len, enum vstable *stable, struct vchange *change);
int etfs_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
                struct vchange *change);

#endif
