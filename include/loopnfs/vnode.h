/*
 * vnode.h - the nodes of a file system, and what is said about them.
 *
 * A vnode stands for one file, directory, link, ... of one mounted file system. The vnode table
 * (vfs/vnode_table.c) owns all nodes. A file system gives each node an id, opaque and stable, by
 * which the node can be found again after it left the table or after the server was restarted.
 * Types follow the field's use (RFC 1813 section 2.5, vnode(9)); none is a wire type.
 */
#ifndef LOOPNFS_VNODE_H
#define LOOPNFS_VNODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* For members that only the library changes. C++ has no C atomic types and does not need them: it
 * sees plain members of an equal layout, which it must not touch. */
#ifdef __cplusplus
#define LOOPNFS_ATOMIC(type) type
#define LOOPNFS_ASSERT       static_assert
extern "C" {
#else
#include <stdatomic.h>
#define LOOPNFS_ATOMIC(type) _Atomic type
#define LOOPNFS_ASSERT       _Static_assert
#endif

struct vfs;

/* Bytes of an id. A file handle on the wire has 64 bytes, of which version, export and MAC take
 * 16. */
#define VNODE_ID_MAX 48
#define VNAME_MAX    255  /* bytes in a name */
#define VPATH_MAX    4096 /* bytes in a symbolic link's target, with its NUL */

enum vtype { VNON = 0, VREG, VDIR, VBLK, VCHR, VLNK, VSOCK, VFIFO };

/* A node's identity within its file system. It is opaque to the layers above, never a pointer, and
 * never given to another node again (an inode number needs its generation beside it). */
struct vnode_id {
    uint8_t len; /* 1..VNODE_ID_MAX */
    uint8_t bytes[VNODE_ID_MAX];
};

/*
 * A node. `fs`, `type`, `id_len` and `id` never change, and are for everybody to read. What begins
 * with `table` is the vnode table's own: no file system may touch it, and it may change with the
 * library. The file system's own part (vfs_type.node_size bytes) follows the id: vnode_private().
 * Only the table makes nodes.
 */
struct vnode {
    struct vfs *fs;
    struct {
        struct vnode *hash_next;           /* guarded by the shard's lock: chain of the bucket */
        struct vnode *lru_next, *lru_prev; /* guarded by it, too: one of the shard's rings */
        LOOPNFS_ATOMIC(uint32_t) refs;     /* from 0 to 1 only under that lock */
        uint32_t hash;
    } table;
    LOOPNFS_ATOMIC(uint16_t) table_flags; /* vfs/node_life.h */
    uint8_t type;                         /* enum vtype */
    uint8_t id_len;                       /* the id, as in struct vnode_id */
    uint8_t id[];
};

/* The attributes of a node now (RFC 1813 fattr3). */
struct vattr {
    enum vtype type; /* VNON: not filled in */
    uint32_t mode;   /* permission bits, suid, sgid, sticky: within 07777 */
    uint32_t nlink;
    uint32_t uid, gid;
    uint64_t size;                   /* bytes */
    uint64_t used;                   /* bytes of storage taken */
    uint32_t rdev_major, rdev_minor; /* VBLK and VCHR only */
    uint64_t fsid;                   /* equal for all nodes of one host file system */
    uint64_t fileid;                 /* unique within fsid */
    struct timespec atime, mtime, ctime;
};

/* Which attributes are to be set, and to what (RFC 1813 sattr3). */
enum vset_time { VTIME_KEEP = 0, VTIME_NOW, VTIME_GIVEN };
struct vsetattr {
    bool set_mode, set_uid, set_gid, set_size;
    uint32_t mode; /* 07777 */
    uint32_t uid, gid;
    uint64_t size;
    enum vset_time set_atime, set_mtime;
    struct timespec atime, mtime;
    bool guarded; /* change only if the node's ctime equals guard, else VFS_ENOTSYNC */
    struct timespec guard;
};

/*
 * What an operation changed about a node, for the client's weak cache consistency (RFC 1813
 * wcc_data). A file system sets has_before only when the values were taken atomically with the
 * change. It may leave `after` with type VNON; the wrapper asks getattr in that case.
 */
struct vchange {
    bool has_before;
    uint64_t before_size;
    struct timespec before_mtime, before_ctime;
    struct vattr after;
};

/* The modes of CREATE (RFC 1813 createhow3). */
enum vcreate_mode { VCREATE_UNCHECKED = 0, VCREATE_GUARDED, VCREATE_EXCLUSIVE };
struct vcreate {
    enum vcreate_mode mode;
    struct vsetattr attr; /* for UNCHECKED and GUARDED */
    uint8_t verifier[8];  /* EXCLUSIVE: all 8 bytes are kept until the first SETATTR */
};

/* How stable data has to be before a WRITE is answered (RFC 1813 stable_how). */
enum vstable { VSTABLE_UNSTABLE = 0, VSTABLE_DATA = 1, VSTABLE_FILE = 2 };

/* ACCESS bits, with the values of RFC 1813 section 3.3.4. */
enum vaccess {
    VACCESS_READ = 0x01,
    VACCESS_LOOKUP = 0x02,
    VACCESS_MODIFY = 0x04,
    VACCESS_EXTEND = 0x08,
    VACCESS_DELETE = 0x10,
    VACCESS_EXECUTE = 0x20,
};

/* Space of the file system, as the caller may use it (RFC 1813 FSSTAT): bytes and nodes. */
struct vstatfs {
    uint64_t total_bytes, free_bytes, avail_bytes;
    uint64_t total_files, free_files, avail_files;
    uint32_t invarsec; /* seconds for which these figures are not expected to change */
};

/* Limits and properties of names (RFC 1813 PATHCONF). */
struct vpathconf {
    uint32_t link_max, name_max;
    bool no_trunc, chown_restricted, case_insensitive, case_preserving;
};

/*
 * A page of directory entries, which readdir fills by vdirents_add(). Entries lie packed in `buf`
 * and are walked by vdirents_next(). readdir must not add `.` and `..`, which the wrapper adds.
 */
struct vdirents {
    char *buf; /* owned by the caller, aligned to 8 */
    size_t size, used;
    uint32_t count;
    uint32_t max; /* the most entries; 0: no such limit */
    bool eof;     /* set by readdir: no entry follows the last one in the page */
    bool plus;    /* attributes and ids of entries are wanted, too: vdirents_add_plus() */
    /* A second limit, in the size of the reply: each entry takes `each` bytes and its name, padded
     * to a multiple of 4, of the `room` that is left. each 0: there is no such limit. */
    uint32_t each;
    size_t room;
};
struct vdirent {
    uint64_t fileid;
    uint64_t cookie; /* a position: readdir from here gives what follows this entry */
    uint16_t reclen; /* bytes to the next entry */
    uint16_t namelen;
    uint16_t plus; /* bytes from the entry to its struct vdirent_plus; 0: it has none */
    uint8_t type;  /* enum vtype; VNON where unknown */
    char name[];   /* namelen bytes and a NUL */
};
/* What lookup would say of an entry: its attributes, and the id of its node. */
struct vdirent_plus {
    struct vattr attr;
    struct vnode_id id;
};
/* Appends an entry. fileid: its number. cookie: VCOOKIE_FIRST to VCOOKIE_LAST. Returns false, and
 * appends nothing, where it does not fit. */
bool vdirents_add(struct vdirents *page, uint64_t fileid, uint64_t cookie, enum vtype type,
                  const char *name, size_t namelen);
/* Appends an entry to a page with `plus`, for a file system that gets attributes and id for less
 * than a lookup costs. Returns the place for them, which is zeroed, and is to be filled in before
 * the next entry is added; NULL: the entry does not fit. Where it stays zeroed, or vdirents_add()
 * was called instead, the entry is looked up by itself. */
struct vdirent_plus *vdirents_add_plus(struct vdirents *page, uint64_t fileid, uint64_t cookie,
                                       enum vtype type, const char *name, size_t namelen);
/* Attributes and id that were added with the entry; NULL: none. */
static inline const struct vdirent_plus *vdirent_plus(const struct vdirent *entry)
{
    const void *at = (const char *)entry + entry->plus;
    return entry->plus != 0 ? (const struct vdirent_plus *)at : NULL;
}
/* Returns the entry after `previous` (NULL: the first entry), or NULL at the end. */
const struct vdirent *vdirents_next(const struct vdirents *page, const struct vdirent *previous);

/* The cookies that a file system may give. 0 is the start, and 1 and 2 are the wrapper's `.` and
 * `..`. macOS and 32-bit clients need cookies below 2^63. */
#define VCOOKIE_FIRST 3
#define VCOOKIE_LAST  INT64_MAX

/* The file system's own part of a node, vfs_type.node_size bytes, aligned to 8. */
static inline void *vnode_private(struct vnode *vn)
{
    size_t at = offsetof(struct vnode, id) + vn->id_len;
    return (char *)vn + ((at + 7) & ~(size_t)7);
}

#ifdef __cplusplus
}
#endif

#endif
