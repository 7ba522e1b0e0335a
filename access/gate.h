/*
 * gate.h - the one door: from a file handle or a path to the export, the caller and the vnode.
 *
 * Every program that serves something exported passes here before it touches a file system
 * (nfsd/program.c, nfsd/acl.c, mountd/mnt.c). The order is the same for all: the export, the rights
 * that the client has in it, the caller's credential after squash, the context of the operations,
 * the vnode. All of it is kept in one struct for the length of the call, and given back at its end.
 * Handles are made and taken apart in handle.c.
 */
#ifndef ACCESS_GATE_H
#define ACCESS_GATE_H

#include "exports/exports.h"
#include "rpc/program.h"

/* What a call has been let in to. Arrives zeroed; lives on the stack of the call's thread. */
struct access {
    const struct rpc_call *call;   /* borrowed */
    const struct exports *exports; /* held until gate_leave() */
    const struct export *export;
    const struct export_client *client; /* NULL: the call was refused */
    struct cred cred;                   /* borrows from the call and from cred_storage */
    struct export_cred_storage cred_storage;
    struct vctx ctx;
    struct vnode *vn; /* what the handle names; referenced. NULL for a path, whose walk begins at
                         export->fs->root */
};

/*
 * By a handle. Errors: VFS_EBADHANDLE; ESTALE (no such export any more, no such node); EACCES
 * (nothing is exported to this client, or not to its port, or not over UDP), which is logged;
 * VFS_EJUKEBOX (the client's name is not known yet, or the export's file system is not there yet).
 */
int gate_by_handle(struct access *access, const struct rpc_call *call, struct view handle);
/*
 * By a path, as a client's MNT has it; *rest is what follows the export's own path, valid until
 * this thread's next call. Errors: EACCES, and *why says in words what is wrong, for a log line;
 * VFS_EJUKEBOX, and *why is NULL. The export may have no file system now (export->fs NULL).
 */
int gate_by_path(struct access *access, const struct rpc_call *call, struct view path,
                 struct view *rest, const char **why);
/* The vnode of another handle of the call, referenced. EXDEV: it is of another export. */
int gate_second(const struct access *access, struct view handle, struct vnode **out);
/* Gives everything back; after a failure, too. */
void gate_leave(struct access *access);

#endif
