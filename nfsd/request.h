/*
 * request.h - a call of NFS3 between the gate and its reply; for the files of this room.
 */
#ifndef NFSD_REQUEST_H
#define NFSD_REQUEST_H

#include "access/gate.h"

/* A call on the way through its procedure; lives on the stack of its thread. */
struct nfs3_request {
    struct rpc_call *call;
    struct access access; /* access.vn: what the procedure's first handle names */
    struct vnode *second; /* RENAME's and LINK's other directory, referenced; else NULL */
    /* What the procedure changed about the vnode and about `second`: here, so that a failing
     * procedure's wcc_data can be made from them, too. */
    struct vchange change, second_change;
};

#endif
