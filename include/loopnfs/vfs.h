/*
 * vfs.h - the contract between the server and a file system.
 *
 * A file system is one `const struct vfs_type` with a table of operations; its author only fills in
 * that table. The server calls operations only through the wrappers of vfs/vop.h, which check
 * arguments before an operation and results after it. An operation may therefore rely on this:
 *   - names have 1 to 255 bytes, end with a NUL, hold no '/', and are neither `.` nor `..` (but
 *     lookup is called with `..` for nodes other than the root);
 *   - directories that are given are VDIR, and read, write and commit get VREG only;
 *   - a new object is given an owner or group only where the caller may give it: the caller is
 *     root, or it is the caller's own uid or one of the caller's groups; setattr never gives a
 *     symbolic link a mode;
 *   - every vnode argument stays alive during the call, and belongs to this file system;
 *   - result pointers are never NULL; `struct vchange` and `struct vattr` arrive zeroed, and where
 *     an operation leaves type VNON in them the wrapper asks getattr.
 *
 * Operations run on any thread, many at one time, and no lock is held. An operation that is about
 * to sleep for something slow (a disk's flush, a network) calls vfs_will_sleep() first, so that
 * other requests go on meanwhile. An operation whose answer comes from elsewhere returns
 * VFS_ELATER. All return 0, a positive errno, or an enum vfs_error.
 *
 * Every operation may be left NULL. A table without any is an empty file system that can only be
 * read: its root has number 1, the attributes of vnode_attr_default(), and no entries. What can't
 * be done without an operation answers EOPNOTSUPP (EROFS where nothing can be changed at all).
 * Without `access`, the wrappers check before every operation what the attributes allow the caller
 * (vaccess_granted()). A file system with `access` checks rights itself. A table that makes no
 * sense is refused when it is mounted. Where an operation returns something impossible, that is
 * logged with the names of file system and operation, and becomes EIO.
 */
#ifndef LOOPNFS_VFS_H
#define LOOPNFS_VFS_H

#include <loopnfs/cred.h>
#include <loopnfs/errors.h>
#include <loopnfs/vnode.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The circumstances of an operation: its caller, and what the caller was promised. */
struct vctx {
    const struct cred *cred; /* after squash; never NULL */
    bool async;              /* the export promises no stable storage: nothing needs flushing */
    const void *peer;        /* vctx_is_local()'s; NULL: nobody's call */
    /* The batch that the call came in; no other batch of this process has the number. Calls with
     * the same batch number had all arrived before the first of them was handled: so what an
     * operation has found out for one of them may answer the others, as long as nothing was changed
     * in between. 0: the call is of no batch, and nothing may be kept for another one. */
    uint64_t batch;
    /* Nothing had arrived on the caller's connection behind this call when it was begun: its client
     * may be waiting for this one answer. */
    bool last_in_batch;
};
/* Whether the call came from this host. */
bool vctx_is_local(const struct vctx *ctx);
/* The caller as a number: calls with equal numbers came from one client by one connection. 0: not
 * known. */
uint64_t vctx_caller(const struct vctx *ctx);

struct vfs_type;
struct wait_place;

/*
 * A mounted file system. Made by vfs_mount(), shared by reference. The library keeps what is its
 * own behind this (vfs/mounted.h), so an author never makes, copies or measures one; members are
 * added at the end.
 */
struct vfs {
    const struct vfs_type *type;
#ifdef __cplusplus
    void *private_data; /* `private`, which is a word of the language */
#else
    void *private; /* the file system's own: set by mount, never touched by the library */
#endif
    struct vnode *root; /* set by mount; referenced for as long as the file system is mounted */
    uint64_t fsid;      /* attributes' fsid for nodes of the file system proper */
    const char *source; /* what was mounted, for messages; lives as long as the file system */
    uint32_t flags;     /* type->flags, less what the table has no operations for; mount may set
                         * VFS_READ_ONLY */
    struct timespec mounted; /* when: the times of nodes that have none */
};
/* Whether the last export has given the file system up: it ends with its last node, so nothing of
 * its own may hold references on nodes any longer. Any thread may ask. */
bool vfs_ending(const struct vfs *fs);
/* The write verifier that the library keeps for the file system; see ops.verifier. */
uint64_t vfs_verifier(const struct vfs *fs);

/* How to mount. The strings are borrowed for the call. */
struct vfs_mount_args {
    const char *source;    /* hostfs: the directory; others define it themselves; may be NULL */
    const char *options;   /* file system options, "a=b,c", or NULL */
    const char *state_dir; /* the directory for what must survive a restart */
    uint64_t fsid;         /* see struct vfs */
    char *message;         /* for vfs_refuse(), message_size bytes; NULL: the message is logged */
    size_t message_size;
};
/* For mount and check: says in one line why the mount is refused, for the user (with the export's
 * place in its file), and returns `error`. */
int vfs_refuse(const struct vfs_mount_args *args, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * What a node holds (a descriptor, a handle of a network library, a buffer) and gives up when
 * nobody uses it. That is two steps, since the first is taken under the table's lock: ops.drop
 * hands each thing over with the function that gives it up, and the library calls that afterwards,
 * without any lock. The words: a node *drops* what it holds, a function *releases* it.
 *
 * `release` may sleep: it runs on a thread for that (vfs/closer.c), and no request waits for it.
 * The node may be gone by then, so `arg` must not lie in it; the file system is not unmounted
 * before all of its releases have returned.
 */
struct vnode_drops; /* the library's list */
struct vnode_dropped {
    void (*release)(void *arg);
    void *arg;
};
/* Things that a node may hold. */
#define VNODE_DROPS_MAX 15
/* Hands one thing over; for ops.drop. False: there are VNODE_DROPS_MAX already, and it is still the
 * node's. */
bool vnode_drop(struct vnode_drops *drops, void (*release)(void *arg), void *arg);
/* The same for a descriptor, whose release is close(2). */
bool vnode_drop_fd(struct vnode_drops *drops, int fd);

/*
 * A command for a mounted file system, which came over the control socket (the `loopnfs` tool).
 * argv has its words as the user gave them ("post", "NAME", ...); the file system defines what they
 * mean. All pointers are borrowed for the call.
 */
struct vcontrol {
    const struct cred *cred; /* the user, by SO_PEERCRED of the socket; with groups */
    pid_t pid;
    bool privileged; /* the user is root, or runs the server */
    int argc;
    const char *const *argv;
    int fd;            /* a descriptor that came along, or -1; set to -1 to keep it */
    int reply_fd;      /* -1, or a descriptor for the user, which the caller closes */
    char message[256]; /* why the command was refused, in one line; "": the errno says it all */
    void *output;      /* a FILE, or NULL; for vcontrol_print() */
};
/* Adds a line to the answer; columns are separated by tabs. ENOMEM. */
int vcontrol_print(struct vcontrol *control, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* New operations are added at the end, and nothing else is ever changed here: see struct vfs_type.
 */
struct vfs_ops {
    /* Mounts: sets fs->private, and fs->root with a reference. Where root stays NULL (as without
     * mount), the root is the node with number 1. */
    int (*mount)(struct vfs *fs, const struct vfs_mount_args *args);
    /* Whether mount would accept these arguments, found out without mounting and without a trace,
     * for `loopnfsd --check`. mount finds what this does not. */
    int (*check)(const struct vfs_mount_args *args);
    /* Called when the last user is gone and every node was reclaimed. */
    void (*unmount)(struct vfs *fs);
    /* Interns the node with this id, which a client holds and the vnode table does not have. *out
     * has a reference for the caller. ESTALE: the object is gone, or no longer below the root. Ids
     * are authenticated before they get here. Without load, a node with a number is made again when
     * getattr knows the number. */
    int (*load)(struct vfs *fs, const struct vnode_id *id, struct vnode **out);
    /* The node has no user now: what it holds goes to `drops`, by vnode_drop(), and is counted off
     * by vnode_count_fds(). Called under the table's lock, so it never blocks. `all`: the node is
     * about to go, everything has to be dropped; else only what is easily had again. */
    void (*drop)(struct vnode *vn, bool all, struct vnode_drops *drops);
    /* The node leaves the table for good: frees what it holds, but not the vnode itself. */
    void (*reclaim)(struct vnode *vn);
    /* Called about once a second by a housekeeping thread, while the file system is mounted. It
     * must do a bounded amount of work. */
    void (*tick)(struct vfs *fs);
    /* Handles a command from the control socket. Runs on a thread of its own, and may take its
     * time. EINVAL: it does not understand the command; EPERM, EACCES, ...; control->message says
     * more. */
    int (*control)(struct vfs *fs, struct vcontrol *control);

    int (*getattr)(const struct vctx *ctx, struct vnode *vn, struct vattr *attr);
    /* Changes all of `set` or nothing, as far as the host allows. The guard is checked together
     * with the change. */
    int (*setattr)(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                   struct vchange *change);
    /* Sets *granted to the rights of `want` (enum vaccess) that the caller has. attr: the
     * attributes, where they are known at that time. */
    int (*access)(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
                  struct vattr *attr);
    /* Returns the node called `name`, with a reference for the caller. */
    int (*lookup)(const struct vctx *ctx, struct vnode *dir, const char *name, struct vnode **out,
                  struct vattr *attr);
    /* Returns the id and the attributes that lookup would find for `name`, which is not `..`,
     * without making a node. To be left NULL where that would cost no less. */
    int (*getattr_at)(const struct vctx *ctx, struct vnode *dir, const char *name,
                      struct vnode_id *id, struct vattr *attr);
    /* Returns the target, at most size - 1 bytes and a NUL; *len does not count the NUL. */
    int (*readlink)(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size, size_t *len);
    /* Reads up to *len bytes at offset; *len becomes the number of bytes read. *eof: no byte
     * follows them. */
    int (*read)(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
                bool *eof, struct vattr *attr);
    /* Like read, but into a pipe by splice(2), so that large READs are sent without a copy. The
     * pipe is empty and does not block; `room` bytes fit into it if each of its pages begins where
     * a page of the file begins. EOPNOTSUPP, with nothing in the pipe: the wrapper calls read
     * instead. */
    int (*splice)(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe, size_t room,
                  size_t *len, bool *eof, struct vattr *attr);
    /* Writes *len bytes at offset; *len becomes the number of bytes written (fewer only with a full
     * disk or the like). *stable: how stable the data has to become; becomes how stable it is
     * (never less). */
    int (*write)(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                 size_t *len, enum vstable *stable, struct vchange *change);
    /* Like write, but from a pipe by splice(2). The pipe begins with these bytes and does not
     * block; bytes that are not written stay in it. EOPNOTSUPP, with nothing taken from the pipe:
     * the wrapper calls write instead. */
    int (*splice_write)(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                        size_t *len, enum vstable *stable, struct vchange *change);
    /* Makes a regular file. If the name exists, UNCHECKED opens it (size 0 in how->attr truncates
     * it, other attributes are left), GUARDED fails with EEXIST, and EXCLUSIVE fails with EEXIST
     * unless the file was made with an equal verifier. */
    int (*create)(const struct vctx *ctx, struct vnode *dir, const char *name,
                  const struct vcreate *how, struct vnode **out, struct vattr *attr,
                  struct vchange *dir_change);
    int (*mkdir)(const struct vctx *ctx, struct vnode *dir, const char *name,
                 const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                 struct vchange *dir_change);
    int (*symlink)(const struct vctx *ctx, struct vnode *dir, const char *name, const char *target,
                   const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                   struct vchange *dir_change);
    /* type: VBLK, VCHR (these use rdev), VSOCK or VFIFO. Without `access`, only root may make
     * devices. */
    int (*mknod)(const struct vctx *ctx, struct vnode *dir, const char *name, enum vtype type,
                 uint32_t rdev_major, uint32_t rdev_minor, const struct vsetattr *set,
                 struct vnode **out, struct vattr *attr, struct vchange *dir_change);
    int (*remove)(const struct vctx *ctx, struct vnode *dir, const char *name,
                  struct vchange *dir_change);
    int (*rmdir)(const struct vctx *ctx, struct vnode *dir, const char *name,
                 struct vchange *dir_change);
    int (*rename)(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                  struct vnode *to_dir, const char *to, struct vchange *from_change,
                  struct vchange *to_change);
    int (*link)(const struct vctx *ctx, struct vnode *vn, struct vnode *dir, const char *name,
                struct vattr *attr, struct vchange *dir_change);
    /* Adds the entries that follow `cookie`: 0, or a cookie that this file system gave at any time.
     * Where a directory was changed meanwhile, entries that did not change must be neither lost nor
     * repeated. Sets page->eof. */
    int (*readdir)(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                   struct vdirents *page);
    int (*statfs)(const struct vctx *ctx, struct vnode *vn, struct vstatfs *st);
    int (*pathconf)(const struct vctx *ctx, struct vnode *vn, struct vpathconf *pc);
    /* Returns when everything written before is on stable storage. A write-back error is returned,
     * whatever its number. count 0: to the end of the file. */
    int (*commit)(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
                  struct vchange *change);
    /* Says what `loopnfs status` shows of the file system, which is exported as `path`: adds lines
     * by vcontrol_print(), whose first two columns are a word and the path. It uses what is known:
     * it must not sleep, and not touch what may hang. */
    void (*status)(struct vfs *fs, struct vcontrol *control, const char *path);
    /*
     * The write verifier of the node's data (RFC 1813 section 3.3.7): another number at each start
     * of the server, and from the moment on when data of an unstable write may be lost, which a
     * client then writes again. Asked for before a write, and after a commit. Any random number of
     * 64 bits; never fails, never sleeps. Without it, all nodes have vfs_verifier(fs), which the
     * wrappers renew after a commit that failed, or a stable write that failed with EIO; who
     * finds out about lost data in another way says so by vfs_data_lost().
     */
    uint64_t (*verifier)(struct vnode *vn);
    /* Called when nothing holds the file system any more. It gives back the references on nodes
     * that the file system holds itself, without which it would never end. Operations that have
     * begun go on; unmount comes when the last node is gone. It must not wait. */
    void (*release)(struct vfs *fs);
    /* Whether a node that a request found in the table may still be used: 0, or ESTALE. Called for
     * each request that brings a handle, so it should cost next to nothing. Without it: always. */
    int (*revisit)(struct vnode *vn);
    /* Gives up everything that is not in use in this moment, so that the host can unmount what is
     * below. On a thread of the server's own; it may take its time. */
    void (*let_go)(struct vfs *fs);
    /* Where calls that use the node wait, for a file system whose nodes are on several disks
     * (base/wait_place.h); NULL: nobody knows. Without it, the file system is one such place. */
    struct wait_place *(*place)(const struct vnode *vn);
    /* load for a file system that wants to know for which call it is: called in place of load,
     * which it has all the same. ctx NULL: it is for none. */
    int (*load_for)(const struct vctx *ctx, struct vfs *fs, const struct vnode_id *id,
                    struct vnode **out);
};

enum vfs_flags {
    VFS_READ_ONLY = 1, /* nothing can be changed: EROFS before any operation is called */
    VFS_SYMLINKS = 2,  /* FSINFO properties (RFC 1813) */
    VFS_LINKS = 4,
    VFS_STABLE_IDS = 8, /* ids stay valid when the server restarts */
    VFS_SPECIALS = 16,  /* fifos, sockets, device nodes */
    /* Calls may wait for somebody who may never come (the other end of a stream): they are bounded
     * from the first one on, and no connection waits for their end. */
    VFS_MAY_WAIT_FOREVER = 32,
    /* It shows directories of the host: its options have the words crossmnt, pseudo and
     * subtree_check where the export does (exports(5)), before the file system's own. */
    VFS_HOST_DIRS = 64,
};

/* The most bytes that a file system may have in each node; what is larger belongs behind a
 * pointer. */
#define VNODE_PRIVATE_MAX 65536

/*
 * A kind of file system: one constant row, registered with VFS_TYPE(). What is compiled with one
 * version of this header works with all later ones of the library: new operations come at the end
 * of struct vfs_ops, and whoever takes a row is told its size by the inline functions that pass it.
 * A shorter row has none of the new operations; a longer one is refused, with a line that says so.
 */
struct vfs_type {
    const char *name; /* `fs=` in an export */
    uint32_t flags;   /* enum vfs_flags */
    uint32_t node_size;
    /* Names of the options an export may give it ("size" for size=1G), ending with NULL; or NULL.
     * They arrive in vfs_mount_args.options as they were written. */
    const char *const *options;
    const void *spare[4]; /* NULL: kept for members to come */
    struct vfs_ops ops;   /* the last member, since it grows */
};

/*
 * Registers a kind; `size` is the row's. The row is borrowed for as long as the process runs.
 * A kind that is registered twice is registered once. EEXIST: there is another of its name. EINVAL:
 * the row's size or a spare member says that it is made for a newer library, or it has no name.
 * ENOSPC: there are 32 kinds. ENOMEM. The log says which, in a line.
 */
int vfs_register_sized(const struct vfs_type *type, size_t size);
static inline int vfs_register(const struct vfs_type *type)
{
    return vfs_register_sized(type, sizeof(*type));
}
/* Registers a type before main() runs. Use once, at the end of the file that defines the row. */
#define VFS_TYPE(row)                                             \
    __attribute__((constructor)) static void row##_register(void) \
    {                                                             \
        vfs_register_sized(&row, sizeof(row));                    \
    }                                                             \
    LOOPNFS_ASSERT(sizeof(row) == sizeof(struct vfs_type), "VFS_TYPE takes a struct vfs_type")

/* Says that data of unstable writes to this file system may be lost: clients find a new verifier at
 * their next commit, and write again what they had not committed. To be called before the operation
 * that found out returns. */
void vfs_data_lost(struct vfs *fs);

/* --- what the vnode table offers to a file system (vfs/vnode_table.c) --- */

/*
 * Returns the node with this id, which it finds or makes. The private part of a new node is zeroed
 * and then given to `init` (may be NULL) under the table's lock, so init must not block. *out has a
 * reference for the caller. *fresh (may be NULL): the node was made. ENOMEM.
 */
int vnode_intern(struct vfs *fs, const struct vnode_id *id, enum vtype type,
                 void (*init)(struct vnode *vn, void *arg), void *arg, struct vnode **out,
                 bool *fresh);
/* Returns the node with this id if the table has it, with a reference; else NULL. */
struct vnode *vnode_find(struct vfs *fs, const struct vnode_id *id);
void vnode_ref(struct vnode *vn);
/* Gives a reference back; NULL is accepted. */
void vnode_put(struct vnode *vn);
/* How many references there are in this moment, the caller's included. */
uint32_t vnode_users(const struct vnode *vn);
/* Whether it is the root of its file system, whose `..` is itself. Not before mount has returned.
 */
static inline bool vnode_is_root(const struct vnode *vn)
{
    return vn == vn->fs->root;
}
/* To be called when the object is gone: the table forgets the node, and reclaims it after its last
 * user. */
void vnode_forget(struct vnode *vn);
/* Asks for ops.drop as soon as the node has no user. */
void vnode_drop_soon(struct vnode *vn);
/* Makes the root of a file system, which always has a user, give up its descriptors (shed). They
 * can't be found any more, but a thread that found them before may use them as long as it has a
 * reference on the node. */
unsigned vnode_drop_root(struct vnode *root, struct vnode_dropped *dropped, unsigned max);
/* How many nodes the table keeps when it has a choice: for caches that depend on it. */
uint32_t vnode_nodes_max(void);
/* How many descriptors of nodes the table keeps open when it has a choice. */
uint32_t vnode_fds_max(void);
/* A file system counts the descriptors its nodes hold, and whatever is as dear as one, so that the
 * table can bound them: by a positive delta when a node in use has got some (not in init(): this
 * takes the table's lock), by a negative one in drop() and reclaim(). A node holds VNODE_DROPS_MAX
 * of them at most. drop() is called only for nodes that count something. */
void vnode_count_fds(struct vnode *vn, int delta);

/*
 * Cookies, for file systems that don't make ids themselves: the library makes ids, generations and
 * handles of a number or of a pointer.
 *
 * A number: 1 is the root. With VFS_STABLE_IDS a number means one node for ever: a handle outlives
 * the server, and the number must never be given to another node. Without it, handles other than
 * the root's end with the server, and after vnode_forget() the number may be used again, for
 * another node (16 bytes remember that for each such number).
 */
#define VNODE_NUMBER_ROOT 1
int vnode_intern_number(struct vfs *fs, uint64_t number, enum vtype type, struct vnode **out);
/* The number of a node made by vnode_intern_number(); 0 for others. */
uint64_t vnode_number(const struct vnode *vn);
/* Returns the number in an id, for load. False: the id was not made of a number. */
bool vnode_id_number(const struct vnode_id *id, uint64_t *number, enum vtype *type);
/*
 * A pointer to the file system's own object. Returns the node of `pointer`, which it finds, or
 * makes and keeps until vnode_unregister(). *out (may be NULL) has a reference for the caller.
 * ENOMEM; EINVAL: pointer is NULL, or is registered with another type.
 */
int vnode_register(struct vfs *fs, void *pointer, enum vtype type, struct vnode **out);
/* vnode_register() for the root, to be called in mount: sets fs->root. The root's handle outlives
 * the server. */
int vnode_register_root(struct vfs *fs, void *pointer);
/* The pointer of a node made by vnode_register(); NULL for others. */
void *vnode_pointer(const struct vnode *vn);
/*
 * To be called when the object is gone: its handles are ESTALE from now on, also when the pointer
 * is registered again. Operations that have begun go on. After the last one, `done` (may be NULL)
 * is called with the pointer, on any thread; it may free the object. ENOENT: the pointer is not
 * registered, and done is not called. Objects that are still registered at unmount are freed by the
 * file system.
 */
int vnode_unregister(struct vfs *fs, void *pointer, void (*done)(void *pointer));

/* Fills in sensible attributes for a node of this type: mode 0555, 0444 or 0777, owned by the
 * server's user, size 0, the number (or a hash of the id) as fileid, the time of the mount. All of
 * *attr is set: a getattr begins with it, and changes what is known better. */
void vnode_attr_default(const struct vnode *vn, struct vattr *attr);

/* The rights of `want` (enum vaccess) that a caller has by owner, group, mode and type of these
 * attributes. uid 0 has all but the right to execute what no user may execute. Changing names in a
 * directory takes the right to write and the right to search it. */
uint32_t vaccess_granted(const struct cred *cred, const struct vattr *attr, uint32_t want);
/* 0 where all of `want` is granted, else EACCES. */
int vaccess_check(const struct cred *cred, const struct vattr *attr, uint32_t want);
/* Whether `gid` is among the caller's groups. */
bool vaccess_in_group(const struct cred *cred, uint32_t gid);

/*
 * Answer later. An operation (getattr and all below it in the table) asks for a ticket by
 * vfs_later(), passes it to the thread or program that will know the answer, and returns
 * VFS_ELATER. All arguments and result pointers stay valid until vfs_answer(). Any thread may call
 * that once, after it has filled in the results; `error` is what the operation would have returned.
 * Other requests go on meanwhile. A second answer, or an answer to a ticket that was never given,
 * is logged and ignored, and returns false. A server that ends waits some seconds for answers, and
 * keeps the memory of those that don't come. vfs_later() returns 0 without memory; the operation
 * then returns ENOMEM.
 */
uint64_t vfs_later(void);
bool vfs_answer(uint64_t ticket, int error);

/* To be called by an operation right before it sleeps: another thread serves other requests from
 * now on. Costs nothing when it is called again within one operation. */
void vfs_will_sleep(void);

#ifdef __cplusplus
}
#endif

#endif
