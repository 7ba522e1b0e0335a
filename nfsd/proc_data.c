/*
 * proc_data.c - READ, WRITE, COMMIT, READLINK: what is inside files and links.
 *
 * READ data and a link's target are read to where they go in the reply; WRITE data is written from
 * the receive buffer. Large data of either goes by a pipe instead where the file system can. The
 * write verifier tells a client whether data it has not committed is still there, so the order in
 * which it is asked for matters; see nfs3_write() and nfs3_commit().
 */
#include "net/rest.h"
#include "net/tail.h"
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

/* READs of less are copied: the pipe costs as much. The same for WRITEs. */
#define SPLICE_MIN       (16u * 1024)
#define SPLICE_WRITE_MIN (128u * 1024)

/* The data goes from the file's pages into the reply's tail. EOPNOTSUPP: it has to be copied. */
static int read_spliced(struct nfs3_request *rq, uint64_t offset, size_t *len, bool *eof,
                        struct vattr *attr)
{
    struct net_tail *tail = rq->call->tail;
    size_t room;
    int pipe;

    if (tail == NULL || *len < SPLICE_MIN || net_tail_pipe(&pipe, &room) != 0)
        return EOPNOTSUPP;
    int error = vop_splice(&rq->access.ctx, rq->access.vn, offset, pipe, room, len, eof, attr);
    if (error == 0)
        tail->len = *len;
    else if (error != EOPNOTSUPP)
        net_tail_drop(tail);
    return error;
}

int nfs3_read(struct nfs3_request *rq, const READ3args *args, READ3resok *res)
{
    const size_t before_data = WIRE_STATUS + WIRE_ATTR + 3 * WIRE_INT;
    size_t room;
    uint8_t *data = rpc_call_payload(rq->call, before_data, &room);
    /* An offset no file can have is past the end: nothing, and eof. */
    uint64_t offset = smaller(args->offset, INT64_MAX);
    size_t len = smaller(smaller(args->count, room), INT64_MAX - offset);
    bool eof = false;
    struct vattr attr = {0};
    size_t asked = len;
    int error = read_spliced(rq, offset, &len, &eof, &attr);
    bool spliced = error == 0 && len > 0;

    if (error == EOPNOTSUPP) {
        len = asked;
        error = vop_read(&rq->access.ctx, rq->access.vn, offset, data, &len, &eof, &attr);
    }
    if (error != 0)
        return error;
    /* The data's place was chosen for a reply with attributes. */
    if (attr.type == VNON) {
        if (spliced)
            net_tail_drop(rq->call->tail);
        return VFS_ESERVERFAULT;
    }
    nfs3_attr(rq, &attr, &res->file_attributes);
    res->count = (count3)len;
    res->eof = eof;
    res->data = (payload3){.data = spliced ? NULL : data, .len = (uint32_t)len};
    return 0;
}

/* What follows the data in the pipe, in memory. An error of its own is what the client will get
 * when it asks for that again. */
static void write_behind(struct nfs3_request *rq, const WRITE3args *args, size_t *len,
                         size_t behind, enum vstable *stable)
{
    enum vstable done = *stable;
    struct vchange change = {.after.type = VNON};

    if (vop_write(&rq->access.ctx, rq->access.vn, args->offset + *len, args->data.data + *len,
                  &behind, &done, &change) != 0)
        return;
    *len += behind;
    *stable = done < *stable ? done : *stable;
    rq->change.after = change.after;
}

/* The data goes from a pipe into the file's pages. EOPNOTSUPP: it has to be in memory. */
static int write_spliced(struct nfs3_request *rq, const WRITE3args *args, size_t *len,
                         enum vstable *stable)
{
    struct net_rest *rest = rq->call->rest;

    if (rest == NULL || rest->len == 0 || *len < args->data.len ||
        (rest->behind > 0 && *stable != VSTABLE_UNSTABLE))
        return EOPNOTSUPP;
    const size_t in_pipe = smaller(rest->len, *len), behind = *len - in_pipe;
    size_t done = in_pipe;
    int error = vop_splice_write(&rq->access.ctx, rq->access.vn, args->offset, net_rest_pipe(rest),
                                 &done, stable, &rq->change);
    if (error)
        return error;
    rest->len -= done;
    if (done == in_pipe && behind > 0)
        write_behind(rq, args, &done, behind, stable);
    *len = done;
    return 0;
}

/* Large data, of a file system that takes it so: a client that sends it will send more. */
static void expect_more(const struct nfs3_request *rq, const WRITE3args *args)
{
    if (rq->call->rest != NULL && args->data.len >= SPLICE_WRITE_MIN &&
        vop_can_splice_write(rq->access.vn))
        rq->call->rest->begins = args->data.data;
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
    bool in_pipe = rq->call->rest != NULL && rq->call->rest->len > 0;
    int error = write_spliced(rq, args, &len, &stable);
    if (error != EOPNOTSUPP || !in_pipe)
        expect_more(rq, args);
    if (error == EOPNOTSUPP && !net_rest_fill(rq->call->rest))
        return VFS_ESERVERFAULT;
    if (error == EOPNOTSUPP)
        error = vop_write(&rq->access.ctx, rq->access.vn, args->offset, args->data.data, &len,
                          &stable, &rq->change);
    if (error != 0)
        return error;
    nfs3_wcc(rq, &rq->change, &res->file_wcc);
    res->count = (count3)len;
    res->committed = (stable_how)stable;
    verifier_to_wire(verifier, res->verf);
    return 0;
}

int nfs3_commit(struct nfs3_request *rq, const COMMIT3args *args, COMMIT3resok *res)
{
    int error = vop_commit(&rq->access.ctx, rq->access.vn, args->offset, args->count, &rq->change);

    if (error != 0)
        return error;
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
    int error = vop_readlink(&rq->access.ctx, rq->access.vn, (char *)target,
                             smaller(room, VPATH_MAX), &len);

    /* The target's place, too, was chosen for a reply with attributes; without them it is gone. */
    if (error == 0)
        error = vop_getattr(&rq->access.ctx, rq->access.vn, &attr);
    if (error != 0)
        return error;
    nfs3_attr(rq, &attr, &res->symlink_attributes);
    res->data = (nfspath3){.data = target, .len = (uint32_t)len};
    return 0;
}
