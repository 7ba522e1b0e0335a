/*
 * gate.h - the one way from a file handle to a vnode.
 *
 * Every NFS3 procedure (nfsd/program.c) passes here before it touches a file system: handle ->
 * export -> the client's rights in it -> the caller's credential -> vnode. All of it is kept in one
 * struct for the length of the call, and given back at its end.
 */
#ifndef NFSD_GATE_H
#define NFSD_GATE_H

#include "exports/exports.h"
#include "rpc/program.h"

/* A call on the way through its procedure; lives on the stack of its thread. */
struct nfs3_request {
    struct rpc_call *call;
    const struct exports *exports; /* held until gate_end() */
    const struct export *export;
    const struct export_client *client;
    struct cred cred; /* borrows from the call and from cred_storage */
    struct export_cred_storage cred_storage;
    struct vctx ctx;
    struct vnode *vn;     /* what the procedure's first handle names; referenced */
    struct vnode *second; /* RENAME's and LINK's other directory, referenced; else NULL */
    /* What the procedure changed about vn and second: here, so that a failing procedure's
     * wcc_data can be made from them too. */
    struct vchange change, second_change;
};

/*
 * Fills in `rq` (which arrives zeroed but for `call`). Errors: VFS_EBADHANDLE, ESTALE (no such
 * export any more, no such node), EACCES (nothing is exported to this client, or not to its port).
 * gate_end() is called in any case.
 */
int gate_begin(struct nfs3_request *rq, struct view handle);
/* Loads rq->second. EXDEV: a handle of another export. */
int gate_second(struct nfs3_request *rq, struct view handle);
void gate_end(struct nfs3_request *rq);

#endif
