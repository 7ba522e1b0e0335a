/*
 * named.h - objects of mounts where no handle and no number lasts, known by their names: named.c.
 *
 * Included by those files of hostfs that make, find, move or list objects.
 */
#ifndef HOSTFS_LOCATE_NAMED_H
#define HOSTFS_LOCATE_NAMED_H

#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/origin.h"

/* The id of the export's root, which has no name. */
int hostfs_named_root(struct hostfs *h, struct hostfs_object *object);
/* hostfs_identify() on object->mount, which is named. EXDEV: it is on another mount. */
int hostfs_named_identify(struct hostfs *h, const struct cred *as, const struct hostfs_place *place,
                          int dirfd, const char *name, struct hostfs_object *object);
/* Whether fd is of the object with this id; same_place: and was opened under the name that it had.
 * Fills the object. Acts as the server. ENOENT: it is not. */
int hostfs_named_check(struct hostfs *h, const struct vnode_id *id, int fd, bool same_place,
                       struct hostfs_object *object);
/* The fileid that what has this name will have, without looking at it; false: it takes a look. */
bool hostfs_named_fileid(struct hostfs *h, const struct hostfs_mount *mount,
                         const struct hostfs_place *place, uint64_t *fileid);
/* Whether an id was given to an object of this mount, and there is one with it as far as is known.
 */
bool hostfs_named_is_of(const struct vnode_id *id, const struct hostfs_mount *mount);
/* The mount that the id is of, looking at what is mounted now if need be; NULL. */
struct hostfs_mount *hostfs_named_mount(struct hostfs *h, const struct vnode_id *id);
bool hostfs_named_exists(struct hostfs *h, const struct vnode_id *id);
/* A node was made of the object; its descriptor fd was looked at. */
void hostfs_named_begin(struct hostfs_node *node, const struct hostfs_object *object);
/* The same of one that is in use; false: it is another object that st, of fd, is about. */
bool hostfs_named_look(struct vnode *vn, int fd, const struct statx *st);
/* The same, though nothing seems to have changed: before data is read or written by fd. */
bool hostfs_named_sure(struct vnode *vn, int fd, const struct statx *st);
/* The object with this id was moved, and is `to` in to_dir, which to_fd is of; it was given one
 * name more (fd is vn's); it lost this name, gone: and has no other (vn is its node, or NULL). */
void hostfs_named_moved(struct vnode *from_dir, const char *from, struct vnode *to_dir,
                        const char *to, const struct vnode_id *id, int to_fd);
void hostfs_named_linked(struct vnode *vn, int fd, struct vnode *dir, const char *name);
void hostfs_named_removed(struct vnode *dir, const char *name, const struct vnode_id *id,
                          struct vnode *vn, bool gone);

/* proof.c */
/* Of an object, when it was last seen; 0 is unknown. In the table in this order. */
struct hostfs_proof {
    uint64_t number, handle, born;
    uint64_t content; /* size and mtime */
    uint64_t fileid;
    uint8_t type, layer;
    /* Not in the table: all numbers that it has by what it is a view of. */
    uint64_t numbers[ORIGINS_MAX];
    unsigned origins;
};

static inline bool hostfs_has_layers(const struct hostfs_mount *mount)
{
    return mount->below->handles == HANDLES_LAYERS;
}
/* All but the fileid, of what fd is; st was taken from it. */
void hostfs_proof_look(const struct hostfs_mount *mount, int fd, const struct statx *st,
                       struct hostfs_proof *proof);
/* Whether what was found is the object that the proof is of; same_place: under the name it had. */
bool hostfs_proof_agrees(const struct hostfs_mount *mount, const struct hostfs_proof *was,
                         const struct hostfs_proof *is, bool same_place);
/* What may change of an object's proof while it is in use, in one word. */
uint64_t hostfs_proof_seen(const struct hostfs_mount *mount, const struct statx *st);
bool hostfs_proof_get(struct hostfs *h, const struct vnode_id *id, struct hostfs_proof *proof);
/* EIO, ENOSPC, ...: it is not kept. */
int hostfs_proof_put(struct hostfs *h, const struct vnode_id *id, const struct hostfs_proof *proof);
/* The object agrees with what was known of it: that is what it is like now. */
void hostfs_proof_renew(struct hostfs *h, const struct hostfs_mount *mount,
                        const struct vnode_id *id, const struct hostfs_proof *was,
                        struct hostfs_proof *is);
void hostfs_proof_delete(struct hostfs *h, const struct vnode_id *id);

#endif
