/*
 * newfile.h - makes objects whole or not at all (newfile.c), and keeps records by which steps
 * survive the server's sudden end (kept.c). For the other files of hostfs.
 */
#ifndef HOSTFS_NEWFILE_H
#define HOSTFS_NEWFILE_H

#include "hostfs.h"

/* A record of kept.c. */
struct hostfs_kept {
    char name[64]; /* the record's file; "": there is no record */
    bool durable;  /* its removal has to reach stable storage, too */
};

/* --- newfile.c --- */

/* The mode that the client asks for; `otherwise` where it asks for none. */
uint32_t hostfs_mode_of(const struct vsetattr *set, uint32_t otherwise);
/* Makes a regular file of this name, whole or not at all. Returns its node, with a reference, and
 * attributes. EEXIST: the name exists. The caller ends *kept with hostfs_make_ends() once the file
 * is on stable storage. */
int hostfs_make_file(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                     const struct vcreate *how, struct vnode **out, struct statx *st,
                     struct hostfs_kept *kept);
/* Whether the file was made by an exclusive create with this verifier. May act as the server. */
bool hostfs_verifier_matches(struct vnode *vn, const uint8_t verifier[8], const struct statx *st);
/* Like hostfs_apply(), to an object that the caller has just made. Owner and group are advice only:
 * where the kernel does not let the caller give the object away, the object stays the caller's.
 * Each of them is tried by itself, the group first: a caller that has given the object away could
 * not set its group any more. */
int hostfs_dress(int fd, enum vtype type, const struct vsetattr *set);
/* hostfs_make_begins() is to be called before an object is made under its name in several steps;
 * EEXIST: the name exists. hostfs_make_ends() is to be called after the last step, when the object
 * is on stable storage or will not be. `error` is the error of the steps. It returns that error, or
 * else its own where the record may still be there: a host that lost its power would remove the
 * object in that case. The thread acts as the caller before and after both. */
int hostfs_make_begins(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                       enum vtype type, struct hostfs_kept *kept);
int hostfs_make_ends(const struct vctx *ctx, struct vnode *dir, int err, struct hostfs_kept *kept);

/* --- kept.c: all of it acts as the server --- */

/* Record what the next start has to undo, unless hostfs_kept_end() ends the record: an object that
 * is being made, or a mode that was changed for a moment. An error (ENOSPC, ...) means that there
 * is no record, and that the caller must not begin. durable: the record is on stable storage, which
 * takes flushes; others do not count once the host has started again. */
int hostfs_keep_new(struct hostfs *h, struct vnode *dir, const char *name, enum vtype type,
                    bool durable, struct hostfs_kept *kept);
int hostfs_keep_mode(struct hostfs *h, struct vnode *vn, uint32_t before, uint32_t lent,
                     struct hostfs_kept *kept);
int hostfs_kept_end(struct hostfs *h, struct hostfs_kept *kept);
/* Keeps an exclusive create's verifier until it is dropped; tells whether the kept one is this
 * one. */
int hostfs_keep_verifier(struct hostfs *h, const struct vnode_id *id, const uint8_t verifier[8],
                         bool durable);
bool hostfs_kept_verifier(struct hostfs *h, const struct vnode_id *id, const uint8_t verifier[8]);
void hostfs_drop_verifier(struct hostfs *h, const struct vnode_id *id);
/* To be called at the start: undoes what was not ended. */
void hostfs_kept_undo(struct hostfs *h);

#endif
