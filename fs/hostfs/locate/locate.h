/*
 * locate.h - identifies objects of the host: what the files of this folder do for the rest of
 * hostfs.
 *
 * They go from a name, a descriptor or a kernel handle to the id of a node (id.c, named.c,
 * ident_cache.c), and from an id back to the object (resolve.c, reconnect.c), across the mounts of
 * which an export is made (mounts.c, hold.c, points.c). They also tell whether the object is in the
 * export (containment.c, revisit.c). The structures are those of hostfs.h. Nothing here reads or
 * writes data, or changes attributes.
 */
#ifndef HOSTFS_LOCATE_LOCATE_H
#define HOSTFS_LOCATE_LOCATE_H

#include "fs/hostfs/hostfs.h"
#include <limits.h>

/* id.c */
int hostfs_statx(int fd, const char *name, struct statx *st);
/* Takes the attributes of fd. FUSE's daemon is asked even where the kernel has cached
 * attributes. */
int hostfs_statx_now(int fd, struct statx *st);
enum vtype hostfs_vtype(uint32_t mode);
/* Identifies `name` in the directory dirfd, or dirfd itself where `name` is empty. The thread acts
 * as `as` before and after. near: the mount on which it is likely to be, or NULL. Fills in st only
 * where attributes had to be taken. */
/* Where an object was met, also where hostfs_identify() gets a descriptor and no name. NULL
 * instead of a place: that is not known, and an object of a named mount can't be identified
 * (EOPNOTSUPP). */
struct hostfs_place {
    const uint8_t *dir; /* id of the directory; borrowed */
    size_t dir_len;
    const char *name;
    bool peek; /* ENOENT for an object that has no id yet, where ids are by name */
};
int hostfs_identify(struct hostfs *h, const struct cred *as, struct hostfs_mount *near,
                    const struct hostfs_place *place, int dirfd, const char *name,
                    struct hostfs_object *object);
static inline struct hostfs_place hostfs_place_in(const struct vnode *dir, const char *name)
{
    return (struct hostfs_place){.dir = dir->id, .dir_len = dir->id_len, .name = name};
}
static inline void hostfs_id_of(const struct vnode *vn, struct vnode_id *id)
{
    id->len = vn->id_len;
    memcpy(id->bytes, vn->id, vn->id_len);
}
/* The kernel's handle, or one that only identifies the object (Linux 6.5). *opens: the kernel can
 * open it. */
struct hostfs_handle {
    struct file_handle head;
    unsigned char bytes[MAX_HANDLE_SZ];
};
int hostfs_handle_get(int dirfd, const char *name, struct hostfs_handle *handle, uint64_t *mount_id,
                      bool *opens);
/* The part (subvolume) to which the inode number of the object with this id belongs; 0 where there
 * are no parts. */
uint64_t hostfs_part(const struct hostfs_mount *mount, const uint8_t *id, size_t len);

bool hostfs_id_equal(const struct vnode_id *a, const struct vnode_id *b);

/* ident_cache.c */
/* Brings what is known of the object with this number, if anything is, into the CPU's cache. */
void hostfs_ident_fetch(const struct hostfs_mount *mount, uint64_t ino);
/* To be called before the other functions of ident_cache.c, and again whenever the vnode table's
 * bound may have changed. */
void hostfs_ident_init(void);
/* The id of the object that st is about. False: it was not noted. */
bool hostfs_ident_id(const struct hostfs_mount *mount, const struct statx *st, struct vnode_id *id);
/* The node of the object that st is about, with a reference; *out is NULL where nothing was
 * noted. */
int hostfs_ident_node(struct hostfs *h, struct hostfs_mount *mount, const struct statx *st,
                      struct vnode **out);
/* Whether no other object can have st's number and birth on this mount from now on. To be called
 * after st was taken, and before the handle is asked for. */
bool hostfs_ident_settled(const struct hostfs_mount *mount, const struct statx *st);
bool hostfs_ident_same(const struct statx *a, const struct statx *b);
/* To be called when there is no object with this id any more, and no node of it. */
void hostfs_ident_stale(const struct vnode_id *id);
/* vnode_forget(), and drops what was noted of the node. */
void hostfs_forget(struct vnode *vn);
/* Notes that st is about vn. st must have been settled before vn's id was asked for. */
void hostfs_ident_note(const struct statx *st, struct vnode *vn);

/* instance.c */
/* The number of the file system that fd is on. No other one has it, and it stays as long as handles
 * of its kind mean the objects that they were made for. Acts as the server; the calling function
 * has taken that identity. */
uint64_t hostfs_instance(int fd, const struct hostfs_below *below);
/* hostfs_instance() for the root of an export. Where the number of a mount ends with the mount, it
 * is made of what is mounted. */
uint64_t hostfs_instance_root(int fd, const struct hostfs_below *below);
/* hostfs_below_numbers_paths() for the file system that fd is on. */
bool hostfs_instance_numbers_paths(int fd);

/* mounts.c */
/* The tag by which ids name a mount. */
static inline uint32_t hostfs_mount_tag(const struct hostfs_mount *mount)
{
    return (uint32_t)(mount->key ? mount->key : mount->instance);
}
int hostfs_mount_fill(struct hostfs *h, struct hostfs_mount *mount, int fd);
/* The mount that has this id, or had it when it was given up; NULL: there is none. */
struct hostfs_mount *hostfs_mount_find(struct hostfs *h, uint64_t id);
/* The mount that has this id for certain; NULL: there is none. */
struct hostfs_mount *hostfs_mount_known(struct hostfs *h, uint64_t id);
/* The mount with this id, on which `name` in dirfd is (empty: dirfd itself). Enters it where it is
 * new; NULL: it stays hidden. May act as the server. */
struct hostfs_mount *hostfs_mount_sure(struct hostfs *h, int dirfd, const char *name, uint64_t id);
/* The mount with this stable key, or this tag. Looks at what is mounted now where that is needed.
 * NULL: there is none. */
struct hostfs_mount *hostfs_mount_by_key(struct hostfs *h, uint64_t key);
struct hostfs_mount *hostfs_mount_by_tag(struct hostfs *h, uint32_t tag);
/* Makes the mount known on which `name` in dirfd is (empty: dirfd itself); NULL: it stays hidden.
 * Acts as the server; the calling function takes the caller's identity again. */
struct hostfs_mount *hostfs_mount_enter(struct hostfs *h, int dirfd, const char *name, uint64_t id);
void hostfs_mounts_finish(struct hostfs *h);
/* Splits a line of mountinfo into the mount's id, its disk, the directory of its file system that
 * is its root, and where it is mounted. *root and *point point into the line. */
bool hostfs_mountinfo(char *line, uint64_t *id, dev_t *dev, char **root, char **point);
/* The key of the place (base/wait_place.h) at which calls wait for this disk. */
uint64_t hostfs_place_key(dev_t dev);
bool hostfs_mount_is_whole(uint64_t id, int fd);
/* Replaces mountinfo's \ooo, which stand for blanks and such, in place. */
void hostfs_unescape(char *text);

/* hold.c */
/* Begins to hold a mount that was just found. point: the path; NULL: the descriptor's path. */
int hostfs_hold_init(struct hostfs_mount *mount, int fd, const char *point);
void hostfs_hold_finish(struct hostfs_mount *mount);
/* The mount's descriptor, which may be used until hostfs_drop(). May act as the server. ESTALE: the
 * mount is gone. */
int hostfs_hold(struct hostfs *h, struct hostfs_mount *mount, int *fd);
void hostfs_drop(struct hostfs_mount *mount);
/* Another descriptor of the export's root, which the caller closes. */
int hostfs_hold_copy(struct hostfs *h, int *fd);
/* To be called with mounts_lock held. fd is open on a mount with the id of `mount`, and with this
 * identity. If it is `mount`, which was given up, fd becomes its descriptor. Returns false
 * otherwise; `mount` may be gone then. Asks no file system. */
bool hostfs_hold_again(struct hostfs_mount *mount, int fd,
                       const struct hostfs_mount_identity *identity);
/* Gives up mounts that are idle; with `now`, all that are not in use in this moment. */
void hostfs_hold_tick(struct hostfs *h, bool now);
void hostfs_hold_end(struct hostfs *h);

/* containment.c */
/* Whether fd is the export's root or below it. ESTALE: it is not. */
int hostfs_contained(const struct vctx *ctx, struct hostfs *h, int fd, const struct statx *st);
/* Whether /proc/self/fd is there, and leads to what fd is open on. */
bool hostfs_proc_works(int fd);
/* The path of the export's root; returns its length, -1 where nobody knows. */
ssize_t hostfs_root_path(struct hostfs *h, char path[PATH_MAX]);

/* revisit.c */
void hostfs_revisit_begin(struct hostfs *h);
void hostfs_revisit_end(struct hostfs *h);
/* To be called after a RENAME below h, by which other exports may have lost objects. */
void hostfs_revisit_all(const struct hostfs *h);
/* Checks whether a node that a request found in the vnode table is still in the export. ESTALE: it
 * is not. */
int hostfs_revisit(struct vnode *vn);

/* name_table.c */
struct hostfs_row {
    struct vnode_id parent;
    uint64_t ino;
    char name[VNAME_MAX + 1];
};
int hostfs_table_open(const char *state_dir, struct hostfs_table **out);
void hostfs_table_close(struct hostfs_table *table);
int hostfs_table_get(struct hostfs_table *table, uint64_t fsid, const struct vnode_id *id,
                     struct hostfs_row *row);
/* ENOSPC, EIO, ...: the row is not kept. */
int hostfs_table_put(struct hostfs_table *table, uint64_t fsid, const struct vnode_id *id,
                     const struct hostfs_row *row);
/* Deletes the row, if it still has this parent and name. */
void hostfs_table_delete(struct hostfs_table *table, uint64_t fsid, const struct vnode_id *id,
                         const struct vnode_id *parent, const char *name);
void hostfs_table_tick(struct hostfs_table *table);
/* Sets the name of a row. False: the name is too long for it. */
static inline bool hostfs_row_name(struct hostfs_row *row, const char *name, size_t len)
{
    if (len > VNAME_MAX)
        return false;
    memcpy(row->name, name, len);
    row->name[len] = '\0';
    return true;
}

/* resolve.c */
struct hostfs_table *hostfs_table(struct hostfs *h);
/* Notes in the table that `vn` is `name` in `dir`, if the node needs the table. */
void hostfs_name_note(struct hostfs *h, struct vnode *dir, const char *name, struct vnode *vn);
void hostfs_name_drop(struct hostfs *h, struct vnode *dir, const char *name,
                      const struct vnode_id *id);
/* Notes that an object without a node was moved. */
void hostfs_name_move(struct hostfs *h, struct vnode *from_dir, const char *from,
                      struct vnode *to_dir, const char *to, const struct vnode_id *id);
/* Opens an object (O_PATH) by the table. ESTALE, VFS_EJUKEBOX. */
int hostfs_resolve(struct hostfs *h, const struct vnode_id *id, int *fd);

/* reconnect.c */
/* Looks for an object in one directory, and returns its name. ENOENT: it is not there. */
int hostfs_reconnect_in(struct hostfs *h, int dirfd, const struct vnode_id *id, uint64_t ino,
                        char name[VNAME_MAX + 1]);
/* Looks for an object in the whole export, within bounds of time and entries, and fills in the row.
 * ESTALE: it was not found; VFS_EJUKEBOX: not now. */
int hostfs_reconnect_walk(struct hostfs *h, const struct vnode_id *id, uint64_t ino,
                          struct hostfs_row *row);

#endif
