/*
 * attr.c - XDR of attributes; see attr.h. Called by the routines that rpcgen makes.
 *
 * Each function takes room for a whole structure once, and then stores its words one after another.
 */
#include "xdr/attr.h"
#include "xdr/memory.h"
#include "xdr/put.h"

#define FATTR_SIZE    84
#define WCC_ATTR_SIZE 24

/* Takes `len` bytes of the stream that is being encoded. NULL: the stream has no room, or is not
 * being encoded. */
static uint8_t *room_take(XDR *xdrs, uint32_t len)
{
    return xdrs->x_op == XDR_ENCODE ? memory_take(xdrs, len) : NULL;
}

static uint8_t *put_time(uint8_t *at, const nfstime3 *time)
{
    at = put_int(at, time->seconds);
    return put_int(at, time->nseconds);
}

uint8_t *attr_put_fattr3(uint8_t *at, const fattr3 *attr)
{
    at = put_int(at, attr->type);
    at = put_int(at, attr->mode);
    at = put_int(at, attr->nlink);
    at = put_int(at, attr->uid);
    at = put_int(at, attr->gid);
    at = put_hyper(at, attr->size);
    at = put_hyper(at, attr->used);
    at = put_int(at, attr->rdev.specdata1);
    at = put_int(at, attr->rdev.specdata2);
    at = put_hyper(at, attr->fsid);
    at = put_hyper(at, attr->fileid);
    at = put_time(at, &attr->atime);
    at = put_time(at, &attr->mtime);
    return put_time(at, &attr->ctime);
}

bool_t xdr_fattr3(XDR *xdrs, fattr3 *attr)
{
    uint8_t *at = room_take(xdrs, FATTR_SIZE);

    if (at == NULL)
        return FALSE;
    attr_put_fattr3(at, attr);
    return TRUE;
}

bool_t xdr_post_op_attr(XDR *xdrs, post_op_attr *attr)
{
    uint8_t *at = room_take(xdrs, attr->attributes_follow ? 4 + FATTR_SIZE : 4);

    if (at == NULL)
        return FALSE;
    at = put_int(at, attr->attributes_follow ? TRUE : FALSE);
    if (attr->attributes_follow)
        attr_put_fattr3(at, &attr->post_op_attr_u.attributes);
    return TRUE;
}

static bool_t encode_before(XDR *xdrs, const pre_op_attr *before)
{
    uint8_t *at = room_take(xdrs, before->attributes_follow ? 4 + WCC_ATTR_SIZE : 4);
    const wcc_attr *attr = &before->pre_op_attr_u.attributes;

    if (at == NULL)
        return FALSE;
    at = put_int(at, before->attributes_follow ? TRUE : FALSE);
    if (before->attributes_follow) {
        at = put_hyper(at, attr->size);
        at = put_time(at, &attr->mtime);
        put_time(at, &attr->ctime);
    }
    return TRUE;
}

bool_t xdr_wcc_data(XDR *xdrs, wcc_data *wcc)
{
    return encode_before(xdrs, &wcc->before) && xdr_post_op_attr(xdrs, &wcc->after);
}

bool_t xdr_ftype3(XDR *xdrs, ftype3 *type)
{
    return memory_enum(xdrs, (enum_t *)type);
}

bool_t xdr_specdata3(XDR *xdrs, specdata3 *data)
{
    return memory_u32(xdrs, &data->specdata1) && memory_u32(xdrs, &data->specdata2);
}

bool_t xdr_nfstime3(XDR *xdrs, nfstime3 *time)
{
    return memory_u32(xdrs, &time->seconds) && memory_u32(xdrs, &time->nseconds);
}
