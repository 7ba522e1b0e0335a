/*
 * srvfs.h - what the files of srvfs share: a directory of posted descriptors (Plan 9's /srv).
 *
 * A name is an entry: a posted descriptor, or an empty placeholder before one is posted. Entries
 * are in a list under the mount's lock (entry.c); an entry's own lock guards its state. kind.c
 * knows the kinds of descriptors and moves bytes without waiting. log.c is the read side of a
 * stream and stream.c the write side; their heads say what offsets mean there. post.c puts
 * descriptors into entries, from the tool (control.c) or out of another process of this host.
 * names.c, attr.c and io.c are the vnode operations. twin.c gives each stream a second name, for
 * writing only.
 */
#ifndef FS_SRVFS_SRVFS_H
#define FS_SRVFS_SRVFS_H

#include "base/flush.h"
#include "base/list.h"
#include <loopnfs/vfs.h>
#include <pthread.h>

#define SRV_ID_LEN 16

/* The kinds of posted descriptors; kind.c has a row for each. */
enum srv_kind {
    SRV_EMPTY, /* made by a client, no descriptor posted yet */
    SRV_FILE,
    SRV_APPEND, /* a file open with O_APPEND: written at its end, as a stream */
    SRV_BLOCK,
    SRV_SOCKET,
    SRV_PIPE,
    SRV_TTY,
    SRV_LISTENING, /* this one and the next can be taken, but not read or written */
    SRV_DATAGRAM,
    SRV_KINDS
};

/* How a kind is read or written. */
enum srv_way { SRV_NOT, SRV_AT_OFFSET, SRV_STREAM };

struct srv_kind_row {
    const char *name;
    enum srv_way read, write;
};

/*
 * The read side (log.c): bytes [base, end) as a ring. Unread bytes stay in the kernel's buffer of
 * the descriptor.
 */
struct srv_log {
    char *ring; /* srvfs.window bytes; NULL before the first byte */
    uint64_t base, end;
    bool over; /* the other end will send no more */
    int error; /* an errno: the descriptor failed, and so do reads at the end */
    bool busy; /* a thread receives, without the lock */
};

/* The write side (stream.c). */
struct srv_stream {
    bool busy;              /* a thread writes, without the lock */
    bool begun;             /* `next` is valid */
    uint64_t next;          /* the offset that continues what was written */
    struct timespec owed;   /* until then a write that was cut short may continue */
    char *tail;             /* the last bytes written, ending at `next`: a ring by offset */
    size_t tail_len;        /* bytes in it */
    pthread_cond_t changed; /* with the entry's lock: busy, next, the log's busy */
};

/*
 * A name. Referenced by the directory and by the vnode. Constant unless marked. D: guarded by the
 * mount's lock. E: guarded by the entry's own lock. P: set once while posting, under E, before
 * `kind`; readers without the lock read `kind` first.
 */
struct srv_entry {
    struct list sibling; /* D: in srvfs.names in the order of cookies, or in srvfs.removed */
    char *name;          /* D; NULL once removed */
    uint64_t cookie;     /* D */
    unsigned refs;       /* D */
    uint8_t id[SRV_ID_LEN];
    _Atomic time_t used; /* CLOCK_MONOTONIC: when it was last opened, read or written */

    pthread_mutex_t lock;
    _Atomic enum srv_kind kind; /* P */
    int fd;                     /* P: as it was posted */
    int io_fd;                  /* P: for reads and writes: fd, or a second opening of it */
    bool may_read, may_write;   /* P: as fd was opened */
    bool may_block;             /* P: a read may wait, so it is done without the lock */
    bool unix_socket;           /* P */
    unsigned flush_how;         /* P: base/flush.h */
    struct flush_state flush;   /* its own */
    struct timespec since;      /* E: when it was posted (made, for a placeholder) */
    uint32_t uid, gid, mode;    /* E */
    struct timespec mtime, atime, ctime; /* E */
    uint64_t size_seen;                  /* E: the last size of a stream that clients saw */
    bool by_twin;                        /* E: the last write used the twin's name */
    bool exclusive;                      /* E: made with `verifier`, and unchanged since */
    uint8_t verifier[8];                 /* E */
    uint64_t bytes_in, bytes_out;        /* E */
    struct srv_log log;                  /* E */
    struct srv_stream stream;            /* E */
};

/* The options of an export; see loopnfs-exports(5). */
struct srv_options {
    uint64_t window;         /* bytes of a stream that can be read again */
    uint64_t posts;          /* the most names */
    uint64_t wait;           /* ms that a read at a stream's end waits for bytes */
    uint64_t linger;         /* s that a removed name's descriptor is kept for handles in use */
    uint64_t mode, uid, gid; /* of the root directory */
};

struct srvfs {
    struct srv_options options;
    pthread_mutex_t lock;
    struct list names;   /* guarded, and so is all below */
    struct list removed; /* entries without a name that are still used */
    uint64_t count;      /* in names */
    uint64_t next_cookie;
    uint64_t next_id;
    _Atomic uint64_t verifier; /* of writes: base/flush.h */
    uint8_t boot[8];           /* part of ids: random at every mount; constant */
    uint32_t mode, uid, gid;   /* the root directory's */
    struct timespec mtime, ctime;
};

/* The node's private part: an entry, with a reference; NULL: the root. */
struct srv_node {
    struct srv_entry *entry;
    bool twin; /* it is the entry's twin: see twin.c */
};

static inline struct srvfs *srvfs_of(const struct vfs *fs)
{
    return fs->private;
}

static inline struct srv_entry *srv_entry_of(struct vnode *vn)
{
    return ((struct srv_node *)vnode_private(vn))->entry;
}

static inline bool srv_is_twin(struct vnode *vn)
{
    return ((struct srv_node *)vnode_private(vn))->twin;
}

/* --- options.c --- */
extern const char *const srv_option_names[];
int srv_options_parse(const struct vfs_mount_args *args, struct srv_options *options);

/* --- entry.c: names, references, and the end of descriptors --- */

/* Makes an entry without a name, with a reference for the caller. NULL: no memory. */
struct srv_entry *srv_entry_new(struct srvfs *srv, const struct cred *owner, uint32_t mode);
void srv_entry_put(struct srvfs *srv, struct srv_entry *entry);
/* Gives an entry a name. EEXIST; EMFILE: there are too many names; ENOMEM. */
int srv_entry_name(struct srvfs *srv, struct srv_entry *entry, const char *name);
/* Find an entry, with a reference; NULL: there is none. */
struct srv_entry *srv_find(struct srvfs *srv, const char *name);
struct srv_entry *srv_find_id(struct srvfs *srv, const uint8_t id[SRV_ID_LEN]);
/* The first entry after a cookie, with a reference, and its name (VNAME_MAX + 1 bytes). NULL: there
 * is none. */
struct srv_entry *srv_after(struct srvfs *srv, uint64_t cookie, uint64_t *its_cookie, char *name);
/* Takes the name away if `entry` still has it, else ENOENT. */
int srv_entry_unname(struct srvfs *srv, struct srv_entry *entry, const char *name);
/* Renames an entry. `over` is the entry that has the name `to`, and loses it; NULL: no entry has
 * that name. ENOENT: `entry` does not have the name `from` any more. EEXIST: another entry has the
 * name `to` by now. */
int srv_entry_rename(struct srvfs *srv, struct srv_entry *entry, const char *from, const char *to,
                     struct srv_entry *over);
/* Notes that a client opens, reads or writes the entry. */
void srv_entry_use(struct srv_entry *entry);
/* A removed entry that no client has used for a while, with a reference; NULL: there is none. */
struct srv_entry *srv_lingering(struct srvfs *srv);
void srv_entries_init(struct srvfs *srv);
void srv_entries_finish(struct srvfs *srv);

/* --- kind.c --- */

const struct srv_kind_row *srv_kind_row(enum srv_kind kind);
/* Finds a descriptor's kind, and fills in the P fields of `entry` but kind. On an error the
 * descriptor stays the caller's, and `why` says what is wrong. */
int srv_kind_find(struct srv_entry *entry, int fd, enum srv_kind *kind, char *why, size_t size);
/* One receive or send that does not wait. Returns the number of bytes moved, or -1 and errno
 * (EAGAIN). If the entry's may_block is true, it waits where another process takes the bytes
 * first. */
ssize_t srv_receive(const struct srv_entry *entry, void *buf, size_t len);
ssize_t srv_send(const struct srv_entry *entry, const struct cred *cred, const void *buf,
                 size_t len);
/* The number of bytes that could be received at once. */
uint64_t srv_queued(const struct srv_entry *entry);
/* Waits until the stream is ready for `events` (poll(2)), at most `ms` milliseconds, after
 * vfs_will_sleep(). */
void srv_wait(const struct srv_entry *entry, short events, int ms);
/* Whether the stream is ready now. */
bool srv_ready(const struct srv_entry *entry, short events);
/* Describes a descriptor for the list: "127.0.0.1:7 -> 127.0.0.1:40000", a path, .... */
void srv_describe(const struct srv_entry *entry, char *out, size_t size);

/* --- log.c and stream.c; called with the entry's lock held --- */

/* The size that clients see, in bytes: what was received, and what could be received at once. */
uint64_t srv_log_size(struct srvfs *srv, struct srv_entry *entry);
/* Reads from the log. Releases the lock while it waits, and takes it again. VFS_EJUKEBOX: other
 * threads are reading. */
int srv_log_read(struct srvfs *srv, struct srv_entry *entry, uint64_t offset, void *buf,
                 size_t *len, bool *eof);
void srv_log_finish(struct srv_entry *entry);
/* Writes to the stream. Releases the lock while it waits or sends, and takes it again. */
int srv_stream_write(struct srv_entry *entry, const struct cred *cred, uint64_t offset,
                     const void *buf, size_t *len);
/* Ends the message: the next write continues none, since a client has opened the file anew. */
void srv_stream_break(struct srv_entry *entry);
/* Notes bytes as if a client had written them there. */
void srv_stream_began(struct srv_entry *entry, uint64_t offset, const void *buf, size_t len);
int srv_stream_init(struct srv_entry *entry);
void srv_stream_finish(struct srv_entry *entry);

/* --- post.c --- */

/* Puts a descriptor into a placeholder, which then owns it. EBUSY: the entry is no placeholder any
 * more. */
int srv_post(struct srv_entry *entry, int fd, char *why, size_t size);
/* Handles "PID FD" that a client has written: fetches the descriptor out of that process, if the
 * caller may do that. */
int srv_post_text(const struct vctx *ctx, struct srv_entry *entry, const void *text, size_t len);

/* --- attr.c --- */
int srv_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr);
int srv_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                struct vchange *change);
int srv_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
               struct vattr *attr);
/* Whether the caller has the rights `want`: 0 or EACCES. The owner may always read and write, since
 * the client checked the owner's rights at the open. */
int srv_entry_may(const struct cred *cred, struct srv_entry *entry, uint32_t want);
int srv_root_may(const struct cred *cred, struct srvfs *srv, uint32_t want);
/* Whether the caller may remove the name of `entry`: EACCES, EPERM (sticky directory). */
int srv_remove_may(const struct cred *cred, struct srvfs *srv, struct srv_entry *entry);

/* --- io.c --- */
int srv_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
             bool *eof, struct vattr *attr);
int srv_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
              size_t *len, enum vstable *stable, struct vchange *change);
uint64_t srv_verifier(struct vnode *vn);
int srv_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
               struct vchange *change);

/* --- twin.c --- */
#define SRV_TWIN_ID_LEN (SRV_ID_LEN + 1)

/* Makes the node of the entry's twin. Takes over the reference on `entry`. */
int srv_twin_vnode(struct vfs *fs, struct srv_entry *entry, struct vnode **out);
/* Finds the entry whose twin is called `name`, with a reference; NULL: there is none. */
struct srv_entry *srv_twin_find(struct srvfs *srv, const char *name);
/* Makes the twin's name. False: the entry called `name` has no twin, or an entry has the twin's
 * name. */
bool srv_twin_name(struct srvfs *srv, struct srv_entry *entry, const char *name,
                   char twin[VNAME_MAX + 1]);
/* Turns the entry's attributes into the twin's. */
void srv_twin_attr(struct vattr *attr);
/* CREATE of a twin that exists, which an open for writing sends. EEXIST. */
int srv_twin_again(const struct vctx *ctx, struct srv_entry *entry, const struct vcreate *how);
/* READ of a twin: never returns bytes. EACCES: the caller may neither read nor write. */
int srv_twin_read(const struct vctx *ctx, struct srv_entry *entry, bool *eof);
/* SETATTR of a twin. EPERM: owner and mode are changed by the entry's own name. Ends the
 * message. */
int srv_twin_setattr(const struct vctx *ctx, struct srv_entry *entry, const struct vsetattr *set);

/* --- names.c --- */
int srv_vnode(struct vfs *fs, struct srv_entry *entry, struct vnode **out);
int srv_lookup(const struct vctx *ctx, struct vnode *dir, const char *name, struct vnode **out,
               struct vattr *attr);
int srv_create(const struct vctx *ctx, struct vnode *dir, const char *name,
               const struct vcreate *how, struct vnode **out, struct vattr *attr,
               struct vchange *dir_change);
int srv_remove(const struct vctx *ctx, struct vnode *dir, const char *name,
               struct vchange *dir_change);
int srv_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
               struct vnode *to_dir, const char *to, struct vchange *from_change,
               struct vchange *to_change);
int srv_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie, struct vdirents *page);

/* --- control.c --- */
int srv_control(struct vfs *fs, struct vcontrol *control);

#endif
