/*
 * locate.h - who an object of the host is: what the files of this wing do for the rest of hostfs.
 *
 * The wing goes from a name, a descriptor or a kernel handle to the id of a node (id.c, named.c,
 * ident_cache.c), and from an id back to the object (resolve.c, reconnect.c), over the mounts that
 * an export is made of (mounts.c, hold.c, points.c), and says whether the object is in the export
 * (containment.c, revisit.c). The structures are those of hostfs.h. The wing reads and writes no
 * data and changes no attributes.
 */
#ifndef HOSTFS_LOCATE_LOCATE_H
#define HOSTFS_LOCATE_LOCATE_H

#include "fs/hostfs/hostfs.h"

/* id.c */
int hostfs_statx(int fd, const char *name, struct statx *st);
/* The same of fd, asking FUSE's daemon where the kernel has attributes of a moment ago. */
int hostfs_statx_now(int fd, struct statx *st);
enum vtype hostfs_vtype(uint32_t mode);
/* Identifies `name` in directory dirfd, or with an empty name dirfd itself, acting as `as` before
 * and after. near: the mount it is likely on, or NULL. Fills st only where it had to. */
/* `place`: where the object was met, also where `name` is empty; NULL: that is not known, and an
 * object of a named mount can't be identified (EOPNOTSUPP). */
struct hostfs_place {
    const uint8_t *dir; /* the directory's id; borrowed */
    size_t dir_len;
    const char *name;
    bool peek; /* ENOENT for what has no id yet, where ids are by name */
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
/* The kernel's handle, or one that only identifies (Linux 6.5); opens: whether it is the former. */
struct hostfs_handle {
    struct file_handle head;
    unsigned char bytes[MAX_HANDLE_SZ];
};
int hostfs_handle_get(int dirfd, const char *name, struct hostfs_handle *handle, uint64_t *mount_id,
                      bool *opens);
/* Which part of its file system numbers the object with this id; 0 where there are no parts. */
uint64_t hostfs_part(const struct hostfs_mount *mount, const uint8_t *id, size_t len);

bool hostfs_id_equal(const struct vnode_id *a, const struct vnode_id *b);

/* ident_cache.c */
/* Has what is known of the object with this number, if anything is, brought into the cache. */
void hostfs_ident_fetch(const struct hostfs_mount *mount, uint64_t ino);
/* Before the first of the others; again whenever the table's bound may be another one. */
void hostfs_ident_init(void);
/* The id of what st is about, where it was noted. */
bool hostfs_ident_id(const struct hostfs_mount *mount, const struct statx *st, struct vnode_id *id);
/* Its node, with a reference; NULL where nothing was noted. */
int hostfs_ident_node(struct hostfs *h, struct hostfs_mount *mount, const struct statx *st,
                      struct vnode **out);
/* Whether, from now on, nothing else can have st's number and birth on this mount. To be asked
 * after st was taken, and before the handle is. */
bool hostfs_ident_settled(const struct hostfs_mount *mount, const struct statx *st);
bool hostfs_ident_same(const struct statx *a, const struct statx *b);
/* There is no object with this id any more, and there was no node of it. */
void hostfs_ident_stale(const struct vnode_id *id);
/* vnode_forget(), and nothing is known of its birth any more. */
void hostfs_forget(struct vnode *vn);
/* st, which was settled before vn's id was asked for, is about vn. */
void hostfs_ident_note(const struct statx *st, struct vnode *vn);

/* instance.c */
/* Which file system fd is on: no other has this number, and it keeps it for as long as handles of
 * its kind mean the same objects. Acts as the server: the caller took its identity. */
uint64_t hostfs_instance(int fd, const struct hostfs_below *below);
/* The same for the root of an export: where the number of a mount ends with it, what it is a mount
 * of. */
uint64_t hostfs_instance_root(int fd, const struct hostfs_below *below);
/* hostfs_below_numbers_paths() of what is mounted there. */
bool hostfs_instance_numbers_paths(int fd);

/* mounts.c */
/* What ids of the export's own mount say of it. */
static inline uint32_t hostfs_mount_tag(const struct hostfs_mount *mount)
{
    return (uint32_t)(mount->key ? mount->key : mount->instance);
}
int hostfs_mount_fill(struct hostfs *h, struct hostfs_mount *mount, int fd);
/* The mount that has, or had when it was given up, this id; NULL. */
struct hostfs_mount *hostfs_mount_find(struct hostfs *h, uint64_t id);
/* The one that has it for certain; NULL. */
struct hostfs_mount *hostfs_mount_known(struct hostfs *h, uint64_t id);
/* The one that `name` in dirfd (empty: dirfd) is on, which has this id, entered where it is new;
 * NULL where it stays hidden. May act as the server. */
struct hostfs_mount *hostfs_mount_sure(struct hostfs *h, int dirfd, const char *name, uint64_t id);
/* By stable key, looking at what is mounted now if need be; NULL. */
struct hostfs_mount *hostfs_mount_by_key(struct hostfs *h, uint64_t key);
struct hostfs_mount *hostfs_mount_by_tag(struct hostfs *h, uint32_t tag);
/* Makes the mount that `name` in dirfd (empty: dirfd) is on known; NULL where it stays hidden.
 * Acts as the server; the caller takes his identity again. */
struct hostfs_mount *hostfs_mount_enter(struct hostfs *h, int dirfd, const char *name, uint64_t id);
void hostfs_mounts_finish(struct hostfs *h);
/* Splits a line of mountinfo: its mount id, its disk, the directory of its file system that is its
 * root, and where it is mounted. */
bool hostfs_mountinfo(char *line, uint64_t *id, dev_t *dev, char **root, char **point);
/* The key of the place (base/wait_place.h) at which calls wait for this disk. */
uint64_t hostfs_place_key(dev_t dev);
bool hostfs_mount_is_whole(uint64_t id, int fd);
/* Undoes mountinfo's \ooo for blanks, in place. */
void hostfs_unescape(char *text);

/* hold.c */
/* A mount that was just found; point: where, or NULL: the descriptor says it. */
int hostfs_hold_init(struct hostfs_mount *mount, int fd, const char *point);
void hostfs_hold_finish(struct hostfs_mount *mount);
/* The mount's descriptor, until hostfs_drop(). May act as the server. ESTALE: it is gone. */
int hostfs_hold(struct hostfs *h, struct hostfs_mount *mount, int *fd);
void hostfs_drop(struct hostfs_mount *mount);
/* Another descriptor of the export's root, to be closed. */
int hostfs_hold_copy(struct hostfs *h, int *fd);
/* With the lock: fd, of a mount with the same number and this identity, becomes the descriptor of
 * one that was given up, if it is that. Else false, and it may be gone. Asks no file system. */
bool hostfs_hold_again(struct hostfs_mount *mount, int fd,
                       const struct hostfs_mount_identity *identity);
/* Gives up what is idle; or, now, what is not in use in this moment. */
void hostfs_hold_tick(struct hostfs *h, bool now);
void hostfs_hold_end(struct hostfs *h);

/* containment.c */
/* 0: fd is the root or below it; ESTALE: it is not. */
int hostfs_contained(struct hostfs *h, int fd, const struct statx *st);
/* Finds out about /proc: has_proc, proc_fds and proc_forks. */
void hostfs_proc_open(struct hostfs *h);

/* revisit.c */
void hostfs_revisit_begin(struct hostfs *h);
void hostfs_revisit_end(struct hostfs *h);
/* A RENAME below h: other exports may have lost something. */
void hostfs_revisit_all(const struct hostfs *h);
/* Whether a node that a request found in the table is still in the export. ESTALE. */
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
/* ENOSPC, EIO, ...: not noted. */
int hostfs_table_put(struct hostfs_table *table, uint64_t fsid, const struct vnode_id *id,
                     const struct hostfs_row *row);
/* Only where the row still says (parent, name). */
void hostfs_table_delete(struct hostfs_table *table, uint64_t fsid, const struct vnode_id *id,
                         const struct vnode_id *parent, const char *name);
void hostfs_table_tick(struct hostfs_table *table);
/* The name of a row, whatever the host's; false: it has no room for it. */
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
/* Notes that `vn` is `name` in `dir`, where the table is needed for it. */
void hostfs_name_note(struct hostfs *h, struct vnode *dir, const char *name, struct vnode *vn);
void hostfs_name_drop(struct hostfs *h, struct vnode *dir, const char *name,
                      const struct vnode_id *id);
/* An object without a node was moved. */
void hostfs_name_move(struct hostfs *h, struct vnode *from_dir, const char *from,
                      struct vnode *to_dir, const char *to, const struct vnode_id *id);
/* Opens (O_PATH) an object by the table. ESTALE, VFS_EJUKEBOX. */
int hostfs_resolve(struct hostfs *h, const struct vnode_id *id, int *fd);

/* reconnect.c */
/* Looks for an object in one directory; its name to `name`. ENOENT. */
int hostfs_reconnect_in(struct hostfs *h, int dirfd, const struct vnode_id *id, uint64_t ino,
                        char name[VNAME_MAX + 1]);
/* Looks for it in the whole export, within bounds; fills the row. ESTALE, VFS_EJUKEBOX. */
int hostfs_reconnect_walk(struct hostfs *h, const struct vnode_id *id, uint64_t ino,
                          struct hostfs_row *row);

#endif
