/*
 * view.c - XDR of views; see view.h. Called by the routines that rpcgen makes.
 */
#include "xdr/view.h"
#include "xdr/memory.h"

#define NFS3_FHSIZE 64
#define MNTPATHLEN  1024
#define MNTNAMLEN   255

static bool_t view_encode(XDR *xdrs, const struct view *view, uint32_t max)
{
    uint32_t len = view->len;
    uint32_t pad = -len & 3;

    if (len > max || !memory_u32(xdrs, &len))
        return FALSE;
    if (view->data == NULL)
        return TRUE; /* the payload ends the message and is sent from the pipe */
    uint8_t *at = len + pad < len ? NULL : memory_take(xdrs, len + pad);
    if (at == NULL)
        return FALSE;
    /* Data that lies in its place already is not copied onto itself. */
    if (view->data != at)
        memcpy(at, view->data, len);
    memset(at + len, 0, pad);
    return TRUE;
}

static bool_t view_decode(XDR *xdrs, struct view *view, uint32_t max)
{
    uint32_t len = 0;

    if (!memory_u32(xdrs, &len) || len > max || len > xdrs->x_handy)
        return FALSE;
    view->data = memory_take(xdrs, len + (-len & 3));
    view->len = len;
    return view->data != NULL;
}

bool_t xdr_view(XDR *xdrs, struct view *view, uint32_t max)
{
    switch (xdrs->x_op) {
    case XDR_ENCODE:
        return view_encode(xdrs, view, max);
    case XDR_DECODE:
        return view_decode(xdrs, view, max);
    case XDR_FREE:
        return TRUE;
    }
    return FALSE;
}

bool_t xdr_encoded(XDR *xdrs, struct view *view)
{
    if (xdrs->x_op == XDR_FREE)
        return TRUE;
    if (xdrs->x_op != XDR_ENCODE || view->len % 4 != 0)
        return FALSE;
    uint8_t *at = memory_take(xdrs, view->len);
    if (at == NULL)
        return FALSE;
    if (view->len > 0 && view->data != at)
        memcpy(at, view->data, view->len);
    return TRUE;
}

bool_t xdr_nfs_fh3(XDR *xdrs, nfs_fh3 *fh)
{
    return xdr_view(xdrs, fh, NFS3_FHSIZE);
}

bool_t xdr_filename3(XDR *xdrs, filename3 *name)
{
    return xdr_view(xdrs, name, UINT32_MAX);
}

bool_t xdr_nfspath3(XDR *xdrs, nfspath3 *path)
{
    return xdr_view(xdrs, path, UINT32_MAX);
}

bool_t xdr_payload3(XDR *xdrs, payload3 *data)
{
    return xdr_view(xdrs, data, UINT32_MAX);
}

bool_t xdr_encoded_entries(XDR *xdrs, encoded_entries *entries)
{
    return xdr_encoded(xdrs, entries);
}

bool_t xdr_fhandle3(XDR *xdrs, fhandle3 *fh)
{
    return xdr_view(xdrs, fh, NFS3_FHSIZE);
}

bool_t xdr_dirpath(XDR *xdrs, dirpath *path)
{
    return xdr_view(xdrs, path, MNTPATHLEN);
}

bool_t xdr_mountname(XDR *xdrs, mountname *name)
{
    return xdr_view(xdrs, name, MNTNAMLEN);
}

bool_t xdr_rpcb_text(XDR *xdrs, rpcb_text *text)
{
    return xdr_view(xdrs, text, UINT32_MAX);
}
