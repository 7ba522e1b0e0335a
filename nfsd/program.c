/*
 * program.c - the NFS3 program: its table of procedures, and the steps that all of them share.
 *
 * rpc/dispatch.c calls a row's `run`. All rows end in nfs3_run(), which passes the gate, refuses
 * changes to clients that may only read, calls the procedure, and makes status and failure arm from
 * the value that it returned. Registered by server/parts.c through nfsd_register().
 */
#include "nfsd/acl.h"
#include "nfsd/attributes.h"
#include "nfsd/nfsd.h"
#include "nfsd/procedures.h"
#include "nfsd/status.h"
#include <errno.h>

struct nfs3_procedure {
    int (*body)(struct nfs3_request *rq, const void *args, void *resok);
    enum nfs3_arm arm;
    uint32_t flags;
};

/* Fills in the attributes that RFC 1813 has in the failure arm, where the object is known. */
static void nfs3_fail(struct nfs3_request *rq, enum nfs3_arm kind, void *arm)
{
    RENAME3resfail *rename = arm;
    LINK3resfail *link = arm;

    switch (kind) {
    case ARM_VOID:
        break;
    case ARM_ATTR:
        nfs3_attr_now(rq, rq->access.vn, arm);
        break;
    case ARM_WCC:
        nfs3_wcc_now(rq, rq->access.vn, &rq->change, arm);
        break;
    case ARM_WCC_WCC:
        nfs3_wcc_now(rq, rq->access.vn, &rq->change, &rename->fromdir_wcc);
        nfs3_wcc_now(rq, rq->second, &rq->second_change, &rename->todir_wcc);
        break;
    case ARM_ATTR_WCC:
        nfs3_attr_now(rq, rq->access.vn, &link->file_attributes);
        nfs3_wcc_now(rq, rq->second, &rq->second_change, &link->linkdir_wcc);
        break;
    }
}

/* The steps that all procedures share: from the handle to the finished reply. */
static enum rpc_outcome nfs3_run(struct rpc_call *call, const struct nfs3_procedure *procedure,
                                 struct view handle, const void *args, nfsstat3 *status, void *arm)
{
    struct nfs3_request rq = {.call = call};
    int err = gate_by_handle(&rq.access, call, handle);

    if (err == 0 && (procedure->flags & MODIFIES) != 0 && !rq.access.client->options.rw)
        err = EROFS;
    call->refused = err != 0;
    if (err == 0)
        err = procedure->body(&rq, args, arm);
    *status = nfs3_status(call->procedure, err);
    /* The client will repeat this call, perhaps with its old xid, and it must then run again: so
     * the reply must not be kept in the reply cache. */
    if (*status == NFS3ERR_JUKEBOX)
        call->refused = true;
    if (err != 0)
        nfs3_fail(&rq, procedure->arm, arm);
    vnode_put(rq.second);
    gate_leave(&rq.access);
    return RPC_DONE;
}

/* A procedure's typed functions: from the table to its body, and from rpc/ to nfs3_run(). */
#define NFS3_THUNKS(NAME, verb, handle, kind, bits)                                              \
    static int body_##verb(struct nfs3_request *rq, const void *args, void *resok)               \
    {                                                                                            \
        return nfs3_##verb(rq, args, resok);                                                     \
    }                                                                                            \
    static enum rpc_outcome call_##verb(struct rpc_call *call, NAME##3args * args,               \
                                        NAME##3res * res)                                        \
    {                                                                                            \
        static const struct nfs3_procedure procedure = {                                         \
            .body = body_##verb, .arm = (kind), .flags = (bits)};                                \
        return nfs3_run(call, &procedure, args->handle, args, &res->status, &res->NAME##3res_u); \
    }                                                                                            \
    _Static_assert(sizeof(NAME##3args) <= RPC_ARGS_MAX && sizeof(NAME##3res) <= RPC_RESULTS_MAX, \
                   "a decoded " #NAME " must fit rpc's buffers");                                \
    RPC_PROC(call, verb, NAME##3args, NAME##3res)
NFS3_PROCEDURES(NFS3_THUNKS)

#define NFS3_ROW(NAME, verb, handle, arm, flags) \
    [NFSPROC3_##NAME] = RPC_ROW(call, verb, NAME##3args, NAME##3res, flags),
static const struct rpc_procedure nfs3_rows[] = {[NFSPROC3_NULL] = RPC_ROW_NULL,
                                                 NFS3_PROCEDURES(NFS3_ROW)
                                                     /* Its data may come by the pipe. */
                                                     [NFSPROC3_WRITE]
                                                         .payload_at = offsetof(WRITE3args, data)};

static const struct rpc_version nfs_versions[] = {
    {.version = NFS_V3, .count = sizeof(nfs3_rows) / sizeof(nfs3_rows[0]), .procedures = nfs3_rows},
};

static const struct rpc_program nfs_program = {
    .number = NFS_PROGRAM,
    .name = "nfs",
    .nversions = 1,
    .versions = nfs_versions,
};

const uint32_t nfsd_program_number = NFS_PROGRAM;

void nfsd_register(void)
{
    rpc_register(&nfs_program);
    acl_register();
}
