/*
 * memfs.h - what the files of memfs share; included by no others.
 *
 * A node (struct memfs_node) is a file, directory, link or special file. It lives until its last
 * reference is put. All of its names together hold one reference, its vnode holds one, each
 * directory holds one on its parent, and operations take one for the time between two locks. A
 * node's number is never given to another node. Nodes that have a name are in a table of numbers
 * (node.c), by which load() finds them. A node that has lost its last name is *gone*: nlink is 0,
 * the tables forget it, and calls that still use it finish.
 *
 * Locks, in the order in which they are taken:
 *
 *   memfs.rename_lock      held by a rename between two directories, or of a directory onto
 *                          another: one at a time, so that no directory's parent changes
 *   a directory's node     guards its names, and all of the node
 *   the node of a name     always after its directory's. Two directories: the upper one first,
 *                          or in any order under rename_lock. Two nodes of one operation: a
 *                          directory before another type, else the lower number first
 *   numbers[].lock         guards the table of numbers; no lock is taken inside
 *   blocks.lock            no lock is taken inside (blocks.h)
 *
 * No lock is held while the vnode table is called, since that may reclaim nodes.
 */
#ifndef MEMFS_H
#define MEMFS_H

#include "blocks.h"
#include "lock.h"
#include <errno.h>
#include <loopnfs/vfs.h>
#include <pthread.h>

#define MEMFS_NUMBER_SHARDS 64
/* Bytes that each name of a node after its first costs of `size=`; `inodes=` pays for the first. */
#define MEMFS_LINK_BYTES 384
#define MEMFS_LINK_MAX   65000
/* A file's content is in chunks of 1 << MEMFS_CHUNK_BITS bytes, each of which may have memory for a
 * part only (data.c). */
#define MEMFS_CHUNK_BITS 16

struct memfs_node;
struct memfs_names; /* names.c */

struct memfs_file {
    uint64_t size;
    uint64_t used;       /* bytes of `size=` that the content takes */
    void *top;           /* top of a tree of chunks, node.height high; NULL: the file is one hole */
    uint8_t verifier[8]; /* of an exclusive create, while has_verifier */
};

struct memfs_node {
    uint64_t number;
    struct memfs_node *number_next; /* guarded by the lock of the number's shard */
    _Atomic uint32_t refs;
    struct memfs_lock lock; /* guards all below but type; readers may set atime */
    uint8_t type;           /* enum vtype; never changes */
    uint8_t height;         /* VREG */
    bool has_verifier;      /* VREG: made by an exclusive create, no SETATTR since */
    uint16_t mode;          /* 07777 */
    uint32_t nlink;         /* 0: gone */
    uint32_t uid, gid;
    int64_t mtime, ctime;  /* ns since 1970 */
    _Atomic int64_t atime; /* readers set it */
    union {
        struct memfs_file file;
        struct memfs_names *names; /* VDIR */
        struct {
            char *target;
            uint32_t len;
        } link;
        struct {
            uint32_t major, minor;
        } device;
    };
};

struct memfs_numbers {
    pthread_mutex_t lock;
    struct memfs_node **buckets; /* mask + 1 */
    uint32_t mask, count;
} __attribute__((aligned(64)));

struct memfs_options {
    uint64_t bytes, nodes;   /* limits */
    uint32_t mode, uid, gid; /* of the root */
};

struct memfs {
    struct vfs *fs;
    uint64_t epoch;     /* random: marks ids of an earlier mount */
    uint64_t name_seed; /* secret, so that clients can't choose names with equal hashes */
    struct memfs_options limits;
    pthread_mutex_t rename_lock;
    struct memfs_blocks blocks;
    struct memfs_numbers numbers[MEMFS_NUMBER_SHARDS];
    _Atomic uint64_t last_number __attribute__((aligned(64)));
    _Atomic uint64_t bytes, nodes; /* used of the limits */
    _Atomic uint64_t freed;        /* bytes given up since malloc_trim() */
};

static inline struct memfs *memfs_of(const struct vnode *vn)
{
    return vn->fs->private;
}

static inline struct memfs_node *memfs_node(struct vnode *vn)
{
    return *(struct memfs_node **)vnode_private(vn);
}

/* options.c: fills in the defaults, and the values of the export's options ("size=1G,inodes=5000";
 * NULL: none). EINVAL, with a log line. */
extern const char *const memfs_option_names[];
int memfs_options_parse(const struct vfs_mount_args *args, struct memfs_options *options);
/* The operation `check`: whether the options are right. */
int memfs_check(const struct vfs_mount_args *args);

/* --- node.c --- */
int memfs_numbers_init(struct memfs *m);
/* Frees every node that has a name. For unmount, when no vnode is left. */
void memfs_numbers_finish(struct memfs *m);
/* Makes a node without a name: nlink 1 (directories: 2), its times now, its owner not set yet. The
 * caller has the reference that stands for its names. ENOSPC, ENOMEM. */
int memfs_node_create(struct memfs *m, enum vtype type, struct memfs_node **out);
void memfs_node_ref(struct memfs_node *node);
void memfs_node_put(struct memfs *m, struct memfs_node *node);
/* Called when the last name of a node is gone (its nlink has become 0): the tables forget the node,
 * and the reference of its names is put. No lock may be held. */
void memfs_node_gone(struct memfs *m, struct memfs_node *node);
void memfs_id(const struct memfs *m, const struct memfs_node *node, struct vnode_id *id);
/* Makes the vnode of a node, and fills in its attributes (attr may be NULL). Takes over a reference
 * of the caller's. No lock may be held. ESTALE: the node is gone. */
int memfs_adopt(struct memfs *m, struct memfs_node *node, struct vnode **out, struct vattr *attr);
int memfs_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out);
void memfs_reclaim(struct vnode *vn);
/* Takes and gives back bytes of `size=`. ENOSPC. */
int memfs_charge(struct memfs *m, uint64_t bytes);
void memfs_uncharge(struct memfs *m, uint64_t bytes);

/* --- names.c: the names in a directory; called under its node's lock --- */
struct memfs_entry {
    struct memfs_node *node;
    uint64_t cookie; /* its place in the listing */
    uint32_t hash;
    uint8_t len;
    char name[]; /* with a NUL */
};
struct memfs_names *memfs_names_create(struct memfs_node *parent);
void memfs_names_destroy(struct memfs_names *names);
struct memfs_node *memfs_names_parent(const struct memfs_names *names);
/* Returns the parent that it had before. */
struct memfs_node *memfs_names_set_parent(struct memfs_names *names, struct memfs_node *parent);
uint32_t memfs_names_count(const struct memfs_names *names);
struct memfs_entry *memfs_names_find(const struct memfs *m, const struct memfs_names *names,
                                     const char *name);
/* Adds a name that is not there yet. ENOMEM. */
int memfs_names_insert(const struct memfs *m, struct memfs_names *names, const char *name,
                       struct memfs_node *node);
void memfs_names_remove(struct memfs_names *names, struct memfs_entry *entry);
/* Gives an entry another name, which is not there yet. The entry keeps its place in the listing.
 * ENOMEM. */
int memfs_names_change(const struct memfs *m, struct memfs_names *names, struct memfs_entry *entry,
                       const char *name);
/* For listings. memfs_names_place(): the first place behind a cookie. memfs_names_at(): the entry
 * at *place, or the first one after it, whose place *place becomes; NULL at the end. */
uint32_t memfs_names_place(const struct memfs_names *names, uint64_t cookie);
const struct memfs_entry *memfs_names_at(const struct memfs_names *names, uint32_t *place);

/* --- data.c: a file's content; called under its node's lock --- */
/* Reads `len` bytes at offset, which lie within the file's size. */
void memfs_data_read(const struct memfs_node *node, uint64_t offset, void *buf, size_t len);
/* Reads into a pipe; *len becomes the number of bytes that found room there. EOPNOTSUPP, and
 * nothing in the pipe: some of the bytes are not in blocks. */
int memfs_data_splice(struct memfs *m, const struct memfs_node *node, uint64_t offset, int pipe,
                      size_t *len);
/* Writes from buf or, where that is NULL, from a pipe. *len becomes the number of bytes that found
 * space; an error where none did. Does not change the size. */
int memfs_data_write(struct memfs *m, struct memfs_node *node, uint64_t offset, const void *buf,
                     int pipe, size_t *len);
/* Frees the content beyond `size` bytes. */
void memfs_data_cut(struct memfs *m, struct memfs_node *node, uint64_t size);

/* --- rights.c: called with the node's lock held --- */
enum { MEMFS_X = 1, MEMFS_W = 2, MEMFS_R = 4 };
bool memfs_in_group(const struct cred *cred, uint32_t gid);
uint32_t memfs_rights(const struct cred *cred, const struct memfs_node *node);
/* Whether the caller has all rights in `want`. EACCES. */
int memfs_may(const struct cred *cred, const struct memfs_node *node, uint32_t want);
/* Whether the caller may use a file's data: the owner always may, and a caller that may execute may
 * also read. */
int memfs_may_data(const struct cred *cred, const struct memfs_node *node, uint32_t want);
/* Whether the caller may remove a name of `victim` from `dir`. Both are locked. EACCES, EPERM
 * (sticky). */
int memfs_may_remove(const struct cred *cred, const struct memfs_node *dir,
                     const struct memfs_node *victim);
/* Whether the caller may look up names in `dir`. ESTALE, EACCES. */
int memfs_may_search(const struct cred *cred, const struct memfs_node *dir);
/* Clears suid and sgid after a change of data by a caller that may not set them. */
void memfs_drop_suid(const struct cred *cred, struct memfs_node *node);
int memfs_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
                 struct vattr *attr);

/* --- attr.c --- */
int64_t memfs_now(void);
/* Notes a change: ctime becomes now, and differs from before in any case. With `data` (data or
 * names changed), mtime becomes ctime. */
void memfs_touch(struct memfs_node *node, bool data);
/* Notes a read: sets atime where Linux would by default (relatime). The lock held for reading is
 * enough. */
void memfs_touch_read(struct memfs_node *node);
/* Both are called with the node's lock held. */
void memfs_attr(const struct vfs *fs, const struct memfs_node *node, struct vattr *attr);
void memfs_before(const struct memfs_node *node, struct vchange *change);
/* memfs_set_check(): whether the caller may do all of `set`. memfs_set_apply(): does it, but for
 * the size (memfs_resize). */
int memfs_set_check(const struct cred *cred, const struct memfs_node *node,
                    const struct vsetattr *set);
void memfs_set_apply(const struct cred *cred, struct memfs_node *node, const struct vsetattr *set);
/* Sets a file's size in bytes. The caller's right was checked before. */
void memfs_resize(struct memfs *m, const struct cred *cred, struct memfs_node *node, uint64_t size);
int memfs_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr);
int memfs_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                  struct vchange *change);
int memfs_statfs(const struct vctx *ctx, struct vnode *vn, struct vstatfs *st);
int memfs_pathconf(const struct vctx *ctx, struct vnode *vn, struct vpathconf *pc);

/* --- io.c --- */
int memfs_splice(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe, size_t room,
                 size_t *len, bool *eof, struct vattr *attr);
int memfs_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
               bool *eof, struct vattr *attr);
int memfs_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                size_t *len, enum vstable *stable, struct vchange *change);
int memfs_splice_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                       size_t *len, enum vstable *stable, struct vchange *change);
int memfs_readlink(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size, size_t *len);

/* --- lookup.c --- */
int memfs_lookup(const struct vctx *ctx, struct vnode *dir, const char *name, struct vnode **out,
                 struct vattr *attr);
int memfs_getattr_at(const struct vctx *ctx, struct vnode *dir, const char *name,
                     struct vnode_id *id, struct vattr *attr);
int memfs_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                  struct vdirents *page);

/* --- create.c --- */
int memfs_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                 const struct vcreate *how, struct vnode **out, struct vattr *attr,
                 struct vchange *dir_change);
int memfs_mkdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                struct vchange *dir_change);
int memfs_symlink(const struct vctx *ctx, struct vnode *dir, const char *name, const char *target,
                  const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                  struct vchange *dir_change);
int memfs_mknod(const struct vctx *ctx, struct vnode *dir, const char *name, enum vtype type,
                uint32_t rdev_major, uint32_t rdev_minor, const struct vsetattr *set,
                struct vnode **out, struct vattr *attr, struct vchange *dir_change);
int memfs_link(const struct vctx *ctx, struct vnode *vn, struct vnode *dir, const char *name,
               struct vattr *attr, struct vchange *dir_change);

/* --- remove.c --- */
/* Takes one name of `node` away. True: it was the last, and the caller calls memfs_node_gone() once
 * no lock is held. The node's lock is held and, for a directory, its parent's. */
bool memfs_unlink_node(struct memfs *m, struct memfs_node *node);
int memfs_remove(const struct vctx *ctx, struct vnode *dir, const char *name,
                 struct vchange *dir_change);
int memfs_rmdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                struct vchange *dir_change);

/* --- rename.c --- */
int memfs_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                 struct vnode *to_dir, const char *to, struct vchange *from_change,
                 struct vchange *to_change);

#endif
