/*
 * proc_data.c - READ, WRITE, COMMIT, READLINK: what is inside files and links.
 *
 * READ data and a link's target are read to where they go in the reply; WRITE data is written from
 * where it arrived (base/payload.h). The write verifier tells a client whether data it has not
 * committed is still there, so the order in which it is asked for matters; see nfs3_write() and
 * nfs3_commit().
 */
#include "nfsd/attributes.h"
#include "nfsd/procedures.h"
#include "vfs/vop.h"
#include <errno.h>
#include <string.h>

_Static_assert((int)VSTABLE_UNSTABLE == UNSTABLE && (int)VSTABLE_DATA == DATA_SYNC &&
                   (int)VSTABLE_FILE == FILE_SYNC,
               "stable_how");

static void verifier_to_wire(uint64_t verifier, writeverf3 out)
{
    _Static_assert(sizeof(writeverf3) == sizeof(verifier), "writeverf3");
    memcpy(out, &verifier, sizeof(verifier));
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

int nfs3_read(struct nfs3_request *rq, const READ3args *args, READ3resok *res)
{
    const size_t before_data = WIRE_STATUS + WIRE_ATTR + 3 * WIRE_INT;
    struct payload *out = rq->call->out;
    size_t room;
    /* An offset no file can have is past the end: nothing, and eof. */
    uint64_t offset = smaller(args->offset, INT64_MAX);
    bool eof = false;
    struct vattr attr = {0};

    /* The data's place is that in a reply with attributes, which vop_read() always has. */
    out->data = rpc_call_payload(rq->call, before_data, &room);
    out->len = smaller(smaller(args->count, room), INT64_MAX - offset);
    int err = vop_read(&rq->access.ctx, rq->access.vn, offset, out, &eof, &attr);
    if (err != 0)
        return err;
    nfs3_attr(rq, &attr, &res->file_attributes);
    res->count = (count3)out->len;
    res->eof = eof;
    res->data = payload_view(out);
    return 0;
}

int nfs3_write(struct nfs3_request *rq, const WRITE3args *args, WRITE3resok *res)
{
    /* Of data longer than count, count says what is meant; data that is missing can't be written.
     */
    size_t len = args->count;
    if (len > args->data.len || args->stable < UNSTABLE || args->stable > FILE_SYNC)
        return EINVAL;

    /* From before the write: should the verifier change meanwhile, this data may be what was lost,
     * and the client must find another one at COMMIT. */
    uint64_t verifier = vop_verifier(rq->access.vn);
    enum vstable stable = (enum vstable)args->stable;
    int err = vop_write(&rq->access.ctx, rq->access.vn, args->offset, rq->call->in, &len, &stable,
                        &rq->change);
    if (err != 0)
        return err;
    nfs3_wcc(rq, &rq->change, &res->file_wcc);
    res->count = (count3)len;
    res->committed = (stable_how)stable;
    verifier_to_wire(verifier, res->verf);
    return 0;
}

int nfs3_commit(struct nfs3_request *rq, const COMMIT3args *args, COMMIT3resok *res)
{
    int err = vop_commit(&rq->access.ctx, rq->access.vn, args->offset, args->count, &rq->change);

    if (err != 0)
        return err;
    nfs3_wcc(rq, &rq->change, &res->file_wcc);
    /* From after the flush: the kernel tells of a write-back error once, maybe to another call's
     * flush of this file at the same time, and that one renews the verifier before ours is done. */
    verifier_to_wire(vop_verifier(rq->access.vn), res->verf);
    return 0;
}

int nfs3_readlink(struct nfs3_request *rq, const READLINK3args *args, READLINK3resok *res)
{
    (void)args;
    size_t room, len = 0;
    uint8_t *target = rpc_call_payload(rq->call, WIRE_STATUS + WIRE_ATTR + WIRE_INT, &room);
    struct vattr attr = {0};
    int err = vop_readlink(&rq->access.ctx, rq->access.vn, (char *)target, smaller(room, VPATH_MAX),
                           &len);

    /* The target's place, too, was chosen for a reply with attributes; without them it is gone. */
    if (err == 0)
        err = vop_getattr(&rq->access.ctx, rq->access.vn, &attr);
    if (err != 0)
        return err;
    nfs3_attr(rq, &attr, &res->symlink_attributes);
    res->data = (nfspath3){.data = target, .len = (uint32_t)len};
    return 0;
}
