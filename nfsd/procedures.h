/*
 * procedures.h - the procedures of NFS3, one row each.
 *
 * A row P(NAME, verb, handle, arm, flags) says which member of NAME3args is the handle that the
 * gate opens, what the failure arm of NAME3res holds, and the flags. nfsd/program.c makes the
 * program's table of these rows; here they make the prototypes.
 *
 * A procedure gets a request that passed the gate, its arguments, and the success arm of its result
 * to fill in. It returns 0, an errno or an enum vfs_error. program.c makes the status and the
 * failure arm from that, in one place for all. A procedure notes its changes in rq->change and
 * rq->second_change. Views in its results point into the reply (rpc_call_payload) or into the
 * message, nowhere else.
 */
#ifndef NFSD_PROCEDURES_H
#define NFSD_PROCEDURES_H

#include "nfsd/request.h"
#include "xdr/nfs3.h"

/* What a failure arm holds. */
enum nfs3_arm {
    ARM_VOID,
    ARM_ATTR,     /* post_op_attr of the object */
    ARM_WCC,      /* wcc_data of the object */
    ARM_WCC_WCC,  /* RENAME: of both directories */
    ARM_ATTR_WCC, /* LINK: of the file, of the directory */
};

enum nfs3_flags {
    MODIFIES = RPC_FLAG_USER, /* answered with ROFS to a client that may only read */
};

#define CHANGES (MODIFIES | RPC_REPLAY)
#define AGAIN   RPC_IDEMPOTENT

#define NFS3_PROCEDURES(P)                            \
    P(GETATTR, getattr, object, ARM_VOID, 0)          \
    P(SETATTR, setattr, object, ARM_WCC, CHANGES)     \
    P(LOOKUP, lookup, what.dir, ARM_ATTR, 0)          \
    P(ACCESS, access, object, ARM_ATTR, 0)            \
    P(READLINK, readlink, symlink, ARM_ATTR, 0)       \
    P(READ, read, file, ARM_ATTR, 0)                  \
    P(WRITE, write, file, ARM_WCC, CHANGES | AGAIN)   \
    P(CREATE, create, where.dir, ARM_WCC, CHANGES)    \
    P(MKDIR, mkdir, where.dir, ARM_WCC, CHANGES)      \
    P(SYMLINK, symlink, where.dir, ARM_WCC, CHANGES)  \
    P(MKNOD, mknod, where.dir, ARM_WCC, CHANGES)      \
    P(REMOVE, remove, object.dir, ARM_WCC, CHANGES)   \
    P(RMDIR, rmdir, object.dir, ARM_WCC, CHANGES)     \
    P(RENAME, rename, from.dir, ARM_WCC_WCC, CHANGES) \
    P(LINK, link, file, ARM_ATTR_WCC, CHANGES)        \
    P(READDIR, readdir, dir, ARM_ATTR, 0)             \
    P(READDIRPLUS, readdirplus, dir, ARM_ATTR, 0)     \
    P(FSSTAT, fsstat, fsroot, ARM_ATTR, 0)            \
    P(FSINFO, fsinfo, fsroot, ARM_ATTR, 0)            \
    P(PATHCONF, pathconf, object, ARM_ATTR, 0)        \
    P(COMMIT, commit, file, ARM_WCC, MODIFIES)

#define NFS3_PROTOTYPE(NAME, verb, handle, arm, flags) \
    int nfs3_##verb(struct nfs3_request *rq, const NAME##3args * args, NAME##3resok * res);
NFS3_PROCEDURES(NFS3_PROTOTYPE)
#undef NFS3_PROTOTYPE

/* What the file system is given as an EXCLUSIVE create's verifier, of a file of this name in the
 * request's directory (exclusive.c). */
void nfs3_exclusive(const struct nfs3_request *rq, struct view name, const createverf3 wire,
                    uint8_t verifier[8]);

#endif
