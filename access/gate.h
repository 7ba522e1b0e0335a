/*
 * gate.h - the one door: from a file handle or a path to the export, the caller and the vnode.
 *
 * Every program that serves something exported passes here before it touches a file system
 * (nfsd/program.c, nfsd/acl.c, mountd/mnt.c). The steps have one order for all programs: the
 * export, the client's rights in it, the caller's credential after squash, the context of the
 * operations, the vnode. One struct keeps them for the length of the call, and gate_leave() gives
 * them back. handle.c makes handles and takes them apart.
 */
#ifndef ACCESS_GATE_H
#define ACCESS_GATE_H

#include "exports/exports.h"
#include "rpc/program.h"

/* What the gate has found for a call. Zeroed by the caller; lives on the stack of the call's
 * thread. */
struct access {
    const struct rpc_call *call;   /* borrowed */
    const struct exports *exports; /* held until gate_leave() */
    const struct export *export;
    const struct export_client *client; /* NULL: the call was refused */
    struct cred cred;                   /* borrows from the call and from cred_storage */
    struct export_cred_storage cred_storage;
    struct vctx ctx;
    struct vnode *vn; /* the handle's node, referenced; NULL for a path */
};

/*
 * Lets a call in by a file handle. Errors: VFS_EBADHANDLE; ESTALE (the export or the node does not
 * exist any more); EACCES (nothing is exported to this client, or not to its port, or not over
 * UDP), which is logged; VFS_EJUKEBOX (the client's name is not known yet, or the export's file
 * system is not there yet).
 */
int gate_by_handle(struct access *access, const struct rpc_call *call, struct view handle);
/*
 * Lets a call in by a path, as a client's MNT has it. *rest is the part behind the export's own
 * path, valid until this thread's next call. The export may have no file system now (export->fs
 * NULL). Errors: EACCES, and *why says in words what is wrong, for a log line; VFS_EJUKEBOX, and
 * *why is NULL.
 */
int gate_by_path(struct access *access, const struct rpc_call *call, struct view path,
                 struct view *rest, const char **why);
/* Finds the vnode of a second handle of the call; *out has a reference. EXDEV: the handle is of
 * another export. */
int gate_second(const struct access *access, struct view handle, struct vnode **out);
/* Gives back all that `access` holds. Called after a failure, too. */
void gate_leave(struct access *access);

#endif
