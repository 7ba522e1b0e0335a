/*
 * proc_fs.c - FSSTAT, FSINFO, PATHCONF: the file system of a node, its limits and the server's.
 */
#include "nfsd/attributes.h"
#include "nfsd/procedures.h"
#include "vfs/vop.h"

/* Largest READ or WRITE by datagram, in bytes. A transfer with its headers has to fit a datagram,
 * and a larger one would need more fragments, each of which may get lost. */
#define DATAGRAM_TRANSFER 32768
#define DATAGRAM_LISTING  8192
#define LISTING           65536
/* Transfers are best multiples of a page, in bytes, for clients and for file systems. */
#define TRANSFER_MULTIPLE 4096

int nfs3_fsstat(struct nfs3_request *rq, const FSSTAT3args *args, FSSTAT3resok *res)
{
    (void)args;
    struct vstatfs st = {0};
    int err = vop_statfs(&rq->access.ctx, rq->access.vn, &st);

    if (err != 0)
        return err;
    nfs3_attr_now(rq, rq->access.vn, &res->obj_attributes);
    res->tbytes = st.total_bytes;
    res->fbytes = st.free_bytes;
    res->abytes = st.avail_bytes;
    res->tfiles = st.total_files;
    res->ffiles = st.free_files;
    res->afiles = st.avail_files;
    res->invarsec = st.invarsec;
    return 0;
}

int nfs3_fsinfo(struct nfs3_request *rq, const FSINFO3args *args, FSINFO3resok *res)
{
    (void)args;
    uint32_t transfer = rq->call->is_datagram ? DATAGRAM_TRANSFER : RPC_PAYLOAD_MAX;
    uint32_t flags = rq->access.vn->fs->flags;

    nfs3_attr_now(rq, rq->access.vn, &res->obj_attributes);
    res->rtmax = res->rtpref = transfer;
    res->wtmax = res->wtpref = transfer;
    res->rtmult = res->wtmult = TRANSFER_MULTIPLE;
    res->dtpref = rq->call->is_datagram ? DATAGRAM_LISTING : LISTING;
    res->maxfilesize = INT64_MAX;
    res->time_delta = (nfstime3){.seconds = 0, .nseconds = 1};
    res->properties = FSF3_HOMOGENEOUS;
    if ((flags & VFS_LINKS) != 0)
        res->properties |= FSF3_LINK;
    if ((flags & VFS_SYMLINKS) != 0)
        res->properties |= FSF3_SYMLINK;
    if ((flags & VFS_READ_ONLY) == 0)
        res->properties |= FSF3_CANSETTIME;
    return 0;
}

int nfs3_pathconf(struct nfs3_request *rq, const PATHCONF3args *args, PATHCONF3resok *res)
{
    (void)args;
    struct vpathconf pc = {0};
    int err = vop_pathconf(&rq->access.ctx, rq->access.vn, &pc);

    if (err != 0)
        return err;
    nfs3_attr_now(rq, rq->access.vn, &res->obj_attributes);
    res->linkmax = pc.link_max;
    res->name_max = pc.name_max;
    res->no_trunc = pc.no_trunc;
    res->chown_restricted = pc.chown_restricted;
    res->case_insensitive = pc.case_insensitive;
    res->case_preserving = pc.case_preserving;
    return 0;
}
