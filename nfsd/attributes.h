/*
 * attributes.h - between what file systems say about nodes and what RFC 1813 sends of it.
 *
 * Used by the procedures (proc_*.c) and, for failure arms, by program.c.
 */
#ifndef NFSD_ATTRIBUTES_H
#define NFSD_ATTRIBUTES_H

#include "nfsd/request.h"
#include "xdr/nfs3.h"

/* Encoded sizes, for what is put into the reply at its place before the rest is encoded. */
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

/* A fileid as this client is to see it (option 32bit_ids). Never 0. */
uint64_t nfs3_fileid(const struct nfs3_request *rq, uint64_t fileid);
void nfs3_fattr(const struct nfs3_request *rq, const struct vattr *attr, fattr3 *out);
/* Attributes an operation gave; of type VNON: none. */
void nfs3_attr(const struct nfs3_request *rq, const struct vattr *attr, post_op_attr *out);
/* Attributes asked for now. A NULL node, or one that can't say: none. */
void nfs3_attr_now(const struct nfs3_request *rq, struct vnode *vn, post_op_attr *out);
/* What an operation said about its change; `before` only where it was captured with it. */
void nfs3_wcc(const struct nfs3_request *rq, const struct vchange *change, wcc_data *out);
/* The same after a failure: `after` is asked for now where the operation was not reached. */
void nfs3_wcc_now(const struct nfs3_request *rq, struct vnode *vn, const struct vchange *change,
                  wcc_data *out);
/* EINVAL: a time with more than 999999999 ns. */
int nfs3_set_from_wire(const sattr3 *wire, struct vsetattr *set);
int nfs3_time_from_wire(const nfstime3 *wire, struct timespec *time);

/* A node's handle, put into the reply where `offset` bytes of results come before it. */
struct view nfs3_handle(const struct nfs3_request *rq, const uint8_t *id, uint8_t id_len,
                        size_t offset);

#endif
