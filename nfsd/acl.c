/*
 * acl.c - the NFSACL program, as far as the mode of a file goes.
 *
 * Linux asks for ACLs on the NFS connection itself, whatever the portmapper says. overlayfs with
 * its lower layer on an NFS mount (Docker, podman) reads the ACL of each file that its user does
 * not own, and fails with EOPNOTSUPP where no program answers. So GETACL answers with an ACL that
 * says what the mode says: owner, group, mask, others. SETACL is refused with NOTSUPP, as a file
 * system without ACLs does. The host decides what a client may do, its ACLs included (ACCESS).
 *
 * Calls pass the gate as NFS3's do. Registered by nfsd_register(). Owns nothing.
 */
#include "nfsd/acl.h"
#include "nfsd/attributes.h"
#include "nfsd/nfsd.h"
#include "nfsd/status.h"
#include "vfs/vop.h"
#include "xdr/nfsacl.h"
#include <errno.h>

#define ACL_MASK    (NFS_ACL | NFS_ACLCNT | NFS_DFACL | NFS_DFACLCNT)
#define ACL_ENTRIES 4 /* Solaris expects the mask even where the ACL names no other user */

/* The entries of one call's reply. The thread that ran the procedure encodes them after it has
 * returned. */
static _Thread_local aclent acl_entries[ACL_ENTRIES];

static void acl_of_mode(const struct vattr *attr, uint32_t mask, secattr *acl)
{
    const uint32_t group = attr->mode >> 3 & 7;

    acl_entries[0] = (aclent){NA_USER_OBJ, attr->uid, attr->mode >> 6 & 7};
    acl_entries[1] = (aclent){NA_GROUP_OBJ, attr->gid, group};
    acl_entries[2] = (aclent){NA_CLASS_OBJ, 0, group};
    acl_entries[3] = (aclent){NA_OTHER_OBJ, 0, attr->mode & 7};
    acl->mask = mask;
    if (mask & (NFS_ACL | NFS_ACLCNT))
        acl->aclcnt = ACL_ENTRIES;
    acl->aclents.aclents_val = acl_entries;
    if (mask & NFS_ACL)
        acl->aclents.aclents_len = ACL_ENTRIES;
}

static enum rpc_outcome acl3_getacl(struct rpc_call *call, GETACL3args *args, GETACL3res *res)
{
    struct nfs3_request rq = {.call = call};
    struct vattr attr = {0};

    int err = gate_by_handle(&rq.access, call, args->fh);
    if (err == 0 && (args->mask & ~(uint32_t)ACL_MASK) != 0)
        err = EINVAL;
    if (err == 0)
        err = vop_getattr(&rq.access.ctx, rq.access.vn, &attr);
    res->status = nfs3_status(NFSPROC3_ACCESS, err);
    if (err == EINVAL)
        res->status = NFS3ERR_INVAL;
    if (err == 0) {
        nfs3_attr(&rq, &attr, &res->GETACL3res_u.resok.attr);
        acl_of_mode(&attr, args->mask, &res->GETACL3res_u.resok.acl);
    } else {
        nfs3_attr_now(&rq, rq.access.vn, &res->GETACL3res_u.attr);
    }
    gate_leave(&rq.access);
    return RPC_DONE;
}

static enum rpc_outcome acl3_setacl(struct rpc_call *call, SETACL3args *args, SETACL3res *res)
{
    struct nfs3_request rq = {.call = call};

    int err = gate_by_handle(&rq.access, call, args->fh);
    res->status = err == 0 ? NFS3ERR_NOTSUPP : nfs3_status(NFSPROC3_SETATTR, err);
    nfs3_attr_now(&rq, rq.access.vn, &res->attr);
    gate_leave(&rq.access);
    return RPC_DONE;
}

RPC_PROC(acl3, getacl, GETACL3args, GETACL3res)
RPC_PROC(acl3, setacl, SETACL3args, SETACL3res)

static const struct rpc_procedure acl3_rows[] = {
    [ACLPROC3_NULL] = RPC_ROW_NULL,
    [ACLPROC3_GETACL] = RPC_ROW(acl3, getacl, GETACL3args, GETACL3res, 0),
    [ACLPROC3_SETACL] = RPC_ROW(acl3, setacl, SETACL3args, SETACL3res, 0),
};

static const struct rpc_version acl_versions[] = {
    {NFS_ACL_V3, sizeof(acl3_rows) / sizeof(acl3_rows[0]), acl3_rows},
};

static const struct rpc_program acl_program = {
    .number = NFS_ACL_PROGRAM,
    .name = "nfsacl",
    .nversions = sizeof(acl_versions) / sizeof(acl_versions[0]),
    .versions = acl_versions,
};

const uint32_t nfsd_acl_program_number = NFS_ACL_PROGRAM;

void acl_register(void)
{
    rpc_register(&acl_program);
}
