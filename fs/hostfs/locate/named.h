/*
 * named.h - objects of mounts where neither handles nor numbers last, known by their names:
 * named.c.
 *
 * Included by the files of hostfs that make, find, move or list objects.
 */
#ifndef HOSTFS_LOCATE_NAMED_H
#define HOSTFS_LOCATE_NAMED_H

#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/origin.h"

/* Identifies the export's root, which has no name. */
int hostfs_named_root(struct hostfs *h, struct hostfs_object *object);
/* hostfs_identify() for object->mount, which is a named mount. EXDEV: the object is on another
 * mount. */
int hostfs_named_identify(struct hostfs *h, const struct cred *as, const struct hostfs_place *place,
                          int dirfd, const char *name, struct hostfs_object *object);
/* Whether fd is open on the object with this id. same_place: fd was opened under the name that the
 * object had. Fills in the object. Acts as the server. ENOENT: it is another object. */
int hostfs_named_check(struct hostfs *h, const struct vnode_id *id, int fd, bool same_place,
                       struct hostfs_object *object);
/* The fileid that the object of this name will have, without a look at the object. False: it takes
 * a look. */
bool hostfs_named_fileid(struct hostfs *h, const struct hostfs_mount *mount,
                         const struct hostfs_place *place, uint64_t *fileid);
/* Whether an id was made for an object of this mount. */
bool hostfs_named_is_of(const struct vnode_id *id, const struct hostfs_mount *mount);
/* The mount that the id belongs to; looks at what is mounted now where that is needed. NULL: there
 * is none. */
struct hostfs_mount *hostfs_named_mount(struct hostfs *h, const struct vnode_id *id);
bool hostfs_named_exists(struct hostfs *h, const struct vnode_id *id);
/* To be called when a node was made of the object, whose attributes were just taken. */
void hostfs_named_begin(struct hostfs_node *node, const struct hostfs_object *object);
/* To be called with attributes st of fd, a descriptor of a node that is in use. False: st is of
 * another object. */
bool hostfs_named_look(struct vnode *vn, int fd, const struct statx *st);
/* Like hostfs_named_look(), but looks again although nothing seems to have changed: to be called
 * before data is read or written by fd. */
bool hostfs_named_sure(struct vnode *vn, int fd, const struct statx *st);
/* To be called after a change of names. moved: the object with this id is now `to` in to_dir, on
 * which to_fd is open. linked: vn, on which fd is open, has one name more. removed: the object with
 * this id lost this name; gone: it has no other one; vn is its node, or NULL. */
void hostfs_named_moved(struct vnode *from_dir, const char *from, struct vnode *to_dir,
                        const char *to, const struct vnode_id *id, int to_fd);
void hostfs_named_linked(struct vnode *vn, int fd, struct vnode *dir, const char *name);
void hostfs_named_removed(struct vnode *dir, const char *name, const struct vnode_id *id,
                          struct vnode *vn, bool gone);

/* proof.c */
/* What an object was like when it was last seen; 0: unknown. The handle table has the members in
 * this order. */
struct hostfs_proof {
    uint64_t number, handle, born;
    uint64_t content; /* hash of size and mtime */
    uint64_t fileid;
    uint8_t type, layer;
    /* Not in the table: all numbers that it has by the files of which it is a view. */
    uint64_t numbers[ORIGINS_MAX];
    unsigned origins;
};

static inline bool hostfs_has_layers(const struct hostfs_mount *mount)
{
    return mount->below->handles == HANDLES_LAYERS;
}
/* Fills in everything but the fileid for the object that fd is open on; st has its attributes. */
void hostfs_proof_look(const struct hostfs_mount *mount, int fd, const struct statx *st,
                       struct hostfs_proof *proof);
/* Whether the object that was found is the one that the proof is about. same_place: it was found
 * under the name that it had. */
bool hostfs_proof_agrees(const struct hostfs_mount *mount, const struct hostfs_proof *was,
                         const struct hostfs_proof *is, bool same_place);
/* Everything in an object's proof that may change while it is in use, as one number. */
uint64_t hostfs_proof_seen(const struct hostfs_mount *mount, const struct statx *st);
bool hostfs_proof_get(struct hostfs *h, const struct vnode_id *id, struct hostfs_proof *proof);
/* EIO, ENOSPC, ...: the proof is not kept. */
int hostfs_proof_put(struct hostfs *h, const struct vnode_id *id, const struct hostfs_proof *proof);
/* To be called when an object agrees with its proof: keeps what it is like now. */
void hostfs_proof_renew(struct hostfs *h, const struct hostfs_mount *mount,
                        const struct vnode_id *id, const struct hostfs_proof *was,
                        struct hostfs_proof *is);
void hostfs_proof_delete(struct hostfs *h, const struct vnode_id *id);

#endif
