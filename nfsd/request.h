/*
 * request.h - a call of NFS3 between the gate and its reply; for the files of nfsd/.
 */
#ifndef NFSD_REQUEST_H
#define NFSD_REQUEST_H

#include "access/gate.h"

/* A call while its procedure runs; lives on the stack of its thread. */
struct nfs3_request {
    struct rpc_call *call;
    struct access access; /* access.vn is the node of the procedure's first handle */
    struct vnode *second; /* the second directory of RENAME or LINK, referenced; else NULL */
    /* The changes that the procedure made to the vnode and to `second`. They are kept here, so that
     * the wcc_data of a failing procedure can be made from them, too. */
    struct vchange change, second_change;
};

#endif
