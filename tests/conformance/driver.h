/*
 * driver.h - the two ways to ask a file system: by the wrappers of vfs/ within this process
 * (vnode.c), and over the wire (wire.c).
 *
 * A driver's calls are those of vfs/vop.h, but nodes are named by what a client would hold of them:
 * their handles, as bytes. Results are errnos (enum vfs_error beside them) in both; the wire's
 * statuses are turned back. The bodies call these through the words of conformance.h.
 */
#ifndef TESTS_CONFORMANCE_DRIVER_H
#define TESTS_CONFORMANCE_DRIVER_H

#include "base/view.h"
#include <loopnfs/vnode.h>

#define OBJECT_ID_MAX 64

/* What a client knows a node by. */
struct object {
    uint32_t len;
    uint8_t id[OBJECT_ID_MAX];
};

#define WHO_GROUPS_MAX 16
struct who {
    uid_t uid;
    gid_t gid;
    uint32_t ngroups;
    gid_t groups[WHO_GROUPS_MAX];
};

/* A page of a listing; the bodies own it, and use it again for the next page. */
#define PAGE_ITEMS_MAX 512
struct item {
    uint64_t fileid, cookie;
    uint32_t namelen;
    char name[256];
};
struct page {
    uint64_t verifier; /* the wire's: 0 at first, then what came with the page before */
    bool eof;
    uint32_t count;
    struct item items[PAGE_ITEMS_MAX];
};

/* What the command line says of the file system, for both drivers. */
struct target {
    const char *fs, *source, *options;
    bool table_handles;
    bool sync; /* the wire: what is acknowledged is on the disk; else the export is async */
    uid_t uid; /* whom the server runs as, and who asks at first */
    const char *server;        /* the wire: this loopnfsd is started on it; or, where NULL, */
    const char *host, *path;   /* a server that runs already */
    uint16_t port, mount_port; /* 0: the portmapper knows */
    char base[64];             /* a directory of the body's own; "" where none is needed */
    char scratch[80]; /* a directory in it: the source of file systems that want a new one */
};

struct driver {
    /* Whether a name given to restart() exists at all for this target. */
    bool (*can_restart)(const struct target *target);
    /* Mounts; what goes wrong ends the process. `target` is borrowed until end(). */
    void (*begin)(const struct target *target, struct object *root);
    void (*end)(void);
    /* As after a new start of the server: nothing is remembered but what file system and server
     * keep. `between` is called while there is none; it may be NULL. */
    void (*restart)(void (*between)(void));
    /* Who asks from now on. */
    void (*become)(const struct who *who);
    /* The flags the file system claims: enum vfs_flags. */
    uint32_t (*flags)(void);

    int (*getattr)(const struct object *node, struct vattr *attr);
    int (*setattr)(const struct object *node, const struct vsetattr *set, struct vchange *change);
    int (*access)(const struct object *node, uint32_t want, uint32_t *granted);
    int (*lookup)(const struct object *dir, struct view name, struct object *out,
                  struct vattr *attr);
    int (*readlink)(const struct object *node, char *buf, size_t size, size_t *len);
    int (*read)(const struct object *node, uint64_t offset, void *buf, size_t *len, bool *eof,
                struct vattr *attr);
    int (*write)(const struct object *node, uint64_t offset, const void *buf, size_t *len,
                 enum vstable *stable, struct vchange *change);
    int (*create)(const struct object *dir, struct view name, const struct vcreate *how,
                  struct object *out, struct vattr *attr, struct vchange *change);
    int (*mkdir)(const struct object *dir, struct view name, const struct vsetattr *set,
                 struct object *out, struct vattr *attr, struct vchange *change);
    int (*symlink)(const struct object *dir, struct view name, struct view target,
                   const struct vsetattr *set, struct object *out, struct vattr *attr,
                   struct vchange *change);
    int (*mknod)(const struct object *dir, struct view name, enum vtype type, uint32_t rdev_major,
                 uint32_t rdev_minor, const struct vsetattr *set, struct object *out,
                 struct vattr *attr, struct vchange *change);
    int (*remove)(const struct object *dir, struct view name, struct vchange *change);
    int (*rmdir)(const struct object *dir, struct view name, struct vchange *change);
    int (*rename)(const struct object *from_dir, struct view from, const struct object *to_dir,
                  struct view to, struct vchange *from_change, struct vchange *to_change);
    int (*link)(const struct object *node, const struct object *dir, struct view name,
                struct vattr *attr, struct vchange *change);
    /* `size`: about how many bytes the page may take. */
    int (*readdir)(const struct object *dir, uint64_t cookie, uint32_t size, struct page *page);
    int (*statfs)(const struct object *node, struct vstatfs *st);
    int (*pathconf)(const struct object *node, struct vpathconf *pc);
    int (*commit)(const struct object *node, uint64_t offset, uint32_t count);
};

extern const struct driver driver_vnode, driver_wire;

#endif
