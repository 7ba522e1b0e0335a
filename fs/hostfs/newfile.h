/*
 * newfile.h - making objects whole or not at all: newfile.c; and the records by which what is done
 * in steps survives the server's sudden end: kept.c. For the other files of hostfs.
 */
#ifndef HOSTFS_NEWFILE_H
#define HOSTFS_NEWFILE_H

#include "hostfs.h"

/* A record. */
struct hostfs_kept {
    char name[64]; /* "": none */
    bool durable;  /* it is removed from stable storage */
};

/* --- newfile.c --- */

/* The mode that is asked for; `otherwise` where none is. */
uint32_t hostfs_mode_of(const struct vsetattr *set, uint32_t otherwise);
/* A new regular file of this name, whole or not at all: its node, and attributes. EEXIST. *kept is
 * ended by the caller once the file is on stable storage: hostfs_make_ends(). */
int hostfs_make_file(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                     const struct vcreate *how, struct vnode **out, struct statx *st,
                     struct hostfs_kept *kept);
/* Whether a file was made by an exclusive create with this verifier; may act as the server. */
bool hostfs_verifier_matches(struct vnode *vn, const uint8_t verifier[8], const struct statx *st);
/* hostfs_apply() to an object that the caller has just made. An owner or group that the kernel does
 * not let him give is advice: the object stays his. Each is tried by itself, and the group first:
 * who gave the object away could not give it a group any more. */
int hostfs_dress(int fd, enum vtype type, const struct vsetattr *set);
/* Before an object is made in several steps under its name; hostfs_make_ends() after the last, when
 * it is on stable storage, or will not be. EEXIST. The thread acts as the caller, before and after
 * both. The end takes what the object's making has said, and gives it on, or why the record is not
 * certain to be gone: a host that lost its power would take the object away. */
int hostfs_make_begins(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                       enum vtype type, struct hostfs_kept *kept);
int hostfs_make_ends(const struct vctx *ctx, struct vnode *dir, int error,
                     struct hostfs_kept *kept);

/* --- kept.c: all of it acts as the server --- */

/* What is undone at the next start unless it is ended: an object that is being made, a mode that
 * was changed for a moment. ENOSPC, ...: no record could be made, and what it is for must not
 * begin. durable: the record is on stable storage, which takes flushes; others mean nothing once
 * the host has started again. */
int hostfs_keep_new(struct hostfs *h, struct vnode *dir, const char *name, enum vtype type,
                    bool durable, struct hostfs_kept *kept);
int hostfs_keep_mode(struct hostfs *h, struct vnode *vn, uint32_t before, uint32_t lent,
                     struct hostfs_kept *kept);
int hostfs_kept_end(struct hostfs *h, struct hostfs_kept *kept);
/* An exclusive create's verifier, until it is dropped; whether it is this one. */
int hostfs_keep_verifier(struct hostfs *h, const struct vnode_id *id, const uint8_t verifier[8],
                         bool durable);
bool hostfs_kept_verifier(struct hostfs *h, const struct vnode_id *id, const uint8_t verifier[8]);
void hostfs_drop_verifier(struct hostfs *h, const struct vnode_id *id);
/* At the start: undoes what was not ended. */
void hostfs_kept_undo(struct hostfs *h);

#endif
