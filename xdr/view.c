/*
 * view.c - XDR of views; see view.h. Called by the routines rpcgen makes.
 */
#include "xdr/view.h"
#include <string.h>

#define NFS3_FHSIZE 64
#define MNTPATHLEN  1024
#define MNTNAMLEN   255

static bool_t view_encode(XDR *xdrs, const struct view *view, uint32_t max)
{
    static const char zeros[4];
    uint32_t len = view->len;
    uint32_t pad = -len & 3;

    if (len > max || !XDR_PUTINT32(xdrs, (int32_t *)&len))
        return FALSE;
    if (view->data == NULL)
        return TRUE; /* the last of the message, and sent from elsewhere */
    /* Unlike xdrmem_putbytes, which would copy bytes onto themselves. */
    char *at = xdrs->x_private;
    if (len > 0 && view->data == (const uint8_t *)at) {
        if (xdrs->x_handy < len)
            return FALSE;
        xdrs->x_private = at + len;
        xdrs->x_handy -= len;
    } else if (len > 0 && !XDR_PUTBYTES(xdrs, (const char *)view->data, len)) {
        return FALSE;
    }
    return pad == 0 || XDR_PUTBYTES(xdrs, zeros, pad);
}

static bool_t view_decode(XDR *xdrs, struct view *view, uint32_t max)
{
    int32_t len;

    if (!XDR_GETINT32(xdrs, &len) || (uint32_t)len > max || (uint32_t)len > xdrs->x_handy)
        return FALSE;
    uint32_t padded = ((uint32_t)len + 3) & ~3u;
    if (padded > xdrs->x_handy)
        return FALSE;
    view->data = xdrs->x_private;
    view->len = (uint32_t)len;
    xdrs->x_private = (char *)xdrs->x_private + padded;
    xdrs->x_handy -= padded;
    return TRUE;
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
    char *at = xdrs->x_private;

    if (xdrs->x_op == XDR_FREE)
        return TRUE;
    if (xdrs->x_op != XDR_ENCODE || xdrs->x_handy < view->len || view->len % 4 != 0)
        return FALSE;
    if (view->len > 0 && view->data != (const uint8_t *)at)
        memcpy(at, view->data, view->len);
    xdrs->x_private = at + view->len;
    xdrs->x_handy -= view->len;
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
