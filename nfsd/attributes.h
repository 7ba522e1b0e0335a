/*
 * attributes.h - converts between the attributes of file systems and those of RFC 1813.
 *
 * Used by the procedures (proc_*.c) and, for failure arms, by program.c.
 */
#ifndef NFSD_ATTRIBUTES_H
#define NFSD_ATTRIBUTES_H

#include "nfsd/request.h"
#include "xdr/nfs3.h"

/* Encoded sizes in bytes, for data that is put into the reply before the part in front of it is
 * encoded. */
enum nfs3_wire {
    WIRE_INT = 4, /* also: bool, enum, length */
    WIRE_HYPER = 8,
    WIRE_STATUS = WIRE_INT,
    WIRE_FATTR = 84,
    WIRE_NO_ATTR = WIRE_INT,
    WIRE_ATTR = WIRE_INT + WIRE_FATTR,
};
static inline size_t nfs3_wire_attr(const post_op_attr *attr)
{
    return attr->attributes_follow ? WIRE_ATTR : WIRE_NO_ATTR;
}

/* The fileid to send to this client (option 32bit_ids). Never 0. */
uint64_t nfs3_fileid(const struct nfs3_request *rq, uint64_t fileid);
void nfs3_fattr(const struct nfs3_request *rq, const struct vattr *attr, fattr3 *out);
/* Encodes attributes that an operation returned; none, where their type is VNON. */
void nfs3_attr(const struct nfs3_request *rq, const struct vattr *attr, post_op_attr *out);
/* Asks for a node's attributes now. None, where vn is NULL or the node can't tell. */
void nfs3_attr_now(const struct nfs3_request *rq, struct vnode *vn, post_op_attr *out);
/* Makes wcc_data of an operation's change; `before` only where it was captured together with the
 * change. */
void nfs3_wcc(const struct nfs3_request *rq, const struct vchange *change, wcc_data *out);
/* Makes wcc_data after a failure: asks for `after` now where the operation was not reached. */
void nfs3_wcc_now(const struct nfs3_request *rq, struct vnode *vn, const struct vchange *change,
                  wcc_data *out);
/* Convert times from the wire. EINVAL: a time has more than 999999999 ns. */
int nfs3_set_from_wire(const sattr3 *wire, struct vsetattr *set);
int nfs3_time_from_wire(const nfstime3 *wire, struct timespec *time);

/* Makes a node's handle and puts it into the reply, `offset` bytes behind the beginning of the
 * results. Returns a view of it there. */
struct view nfs3_handle(const struct nfs3_request *rq, const uint8_t *id, uint8_t id_len,
                        size_t offset);

#endif
