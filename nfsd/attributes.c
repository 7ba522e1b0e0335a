/*
 * attributes.c - converts attributes, times and handles to and from their wire types; see
 * attributes.h.
 */
#include "nfsd/attributes.h"
#include "access/handle.h"
#include "base/hash.h"
#include "vfs/vop.h"
#include <errno.h>
#include <string.h>

#define NSEC_MAX 999999999u

/* enum vtype uses ftype3's numbers, so types are cast and not translated. */
_Static_assert((int)VREG == NF3REG && (int)VDIR == NF3DIR && (int)VBLK == NF3BLK, "ftype3");
_Static_assert((int)VCHR == NF3CHR && (int)VLNK == NF3LNK && (int)VSOCK == NF3SOCK, "ftype3");
_Static_assert((int)VFIFO == NF3FIFO, "ftype3");

/* On the wire seconds are unsigned: 1970 to 2106. A time outside becomes the nearest that fits, so
 * that a file of 1969 does not turn up in the next century. */
static nfstime3 time_to_wire(const struct timespec *time)
{
    if (time->tv_sec < 0)
        return (nfstime3){0, 0};
    if (time->tv_sec > UINT32_MAX)
        return (nfstime3){UINT32_MAX, NSEC_MAX};
    return (nfstime3){(uint32_t)time->tv_sec, (uint32_t)time->tv_nsec};
}

int nfs3_time_from_wire(const nfstime3 *wire, struct timespec *time)
{
    if (wire->nseconds > NSEC_MAX)
        return EINVAL;
    *time = (struct timespec){.tv_sec = wire->seconds, .tv_nsec = wire->nseconds};
    return 0;
}

/* A number that fits into 32 bits stays as the host shows it; others are folded. */
uint64_t nfs3_fileid(const struct nfs3_request *rq, uint64_t fileid)
{
    if (!rq->access.client->options.ids_32bit || fileid <= UINT32_MAX)
        return fileid;
    uint32_t folded = (uint32_t)hash_mix(fileid);
    return folded != 0 ? folded : 1;
}

void nfs3_fattr(const struct nfs3_request *rq, const struct vattr *attr, fattr3 *out)
{
    *out = (fattr3){
        .type = (ftype3)attr->type,
        .mode = attr->mode,
        .nlink = attr->nlink,
        .uid = attr->uid,
        .gid = attr->gid,
        .size = attr->size,
        .used = attr->used,
        .rdev = {attr->rdev_major, attr->rdev_minor},
        .fsid = attr->fsid,
        .fileid = nfs3_fileid(rq, attr->fileid),
        .atime = time_to_wire(&attr->atime),
        .mtime = time_to_wire(&attr->mtime),
        .ctime = time_to_wire(&attr->ctime),
    };
}

void nfs3_attr(const struct nfs3_request *rq, const struct vattr *attr, post_op_attr *out)
{
    out->attributes_follow = attr->type != VNON;
    if (out->attributes_follow)
        nfs3_fattr(rq, attr, &out->post_op_attr_u.attributes);
}

void nfs3_attr_now(const struct nfs3_request *rq, struct vnode *vn, post_op_attr *out)
{
    struct vattr attr = {0};

    if (vn == NULL || vop_getattr(&rq->access.ctx, vn, &attr) != 0)
        attr.type = VNON;
    nfs3_attr(rq, &attr, out);
}

static void before_to_wire(const struct vchange *change, pre_op_attr *out)
{
    out->attributes_follow = change->has_before;
    out->pre_op_attr_u.attributes = (wcc_attr){
        .size = change->before_size,
        .mtime = time_to_wire(&change->before_mtime),
        .ctime = time_to_wire(&change->before_ctime),
    };
}

void nfs3_wcc(const struct nfs3_request *rq, const struct vchange *change, wcc_data *out)
{
    before_to_wire(change, &out->before);
    nfs3_attr(rq, &change->after, &out->after);
}

void nfs3_wcc_now(const struct nfs3_request *rq, struct vnode *vn, const struct vchange *change,
                  wcc_data *out)
{
    nfs3_wcc(rq, change, out);
    if (!out->after.attributes_follow)
        nfs3_attr_now(rq, vn, &out->after);
}

static int set_time(time_how how, const nfstime3 *wire, enum vset_time *which,
                    struct timespec *time)
{
    switch (how) {
    case DONT_CHANGE:
        *which = VTIME_KEEP;
        return 0;
    case SET_TO_SERVER_TIME:
        *which = VTIME_NOW;
        return 0;
    case SET_TO_CLIENT_TIME:
        *which = VTIME_GIVEN;
        return nfs3_time_from_wire(wire, time);
    }
    return EINVAL;
}

int nfs3_set_from_wire(const sattr3 *wire, struct vsetattr *set)
{
    *set = (struct vsetattr){
        .set_mode = wire->mode.set_it,
        .set_uid = wire->uid.set_it,
        .set_gid = wire->gid.set_it,
        .set_size = wire->size.set_it,
        .mode = wire->mode.set_mode3_u.mode & 07777,
        .uid = wire->uid.set_uid3_u.uid,
        .gid = wire->gid.set_gid3_u.gid,
        .size = wire->size.set_size3_u.size,
    };
    int err =
        set_time(wire->atime.set_it, &wire->atime.set_atime_u.atime, &set->set_atime, &set->atime);
    if (err != 0)
        return err;
    return set_time(wire->mtime.set_it, &wire->mtime.set_mtime_u.mtime, &set->set_mtime,
                    &set->mtime);
}

/* A reply has room for at least a datagram (net.h), so a handle near its beginning always fits. */
struct view nfs3_handle(const struct nfs3_request *rq, const uint8_t *id, uint8_t id_len,
                        size_t offset)
{
    struct handle handle;
    size_t room;
    uint8_t *at = rpc_call_payload(rq->call, offset, &room);

    handle_seal_id(rq->access.export->id, id, id_len, &handle);
    memcpy(at, handle.bytes, handle.len);
    return (struct view){.data = at, .len = handle.len};
}
