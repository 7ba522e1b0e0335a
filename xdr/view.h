/*
 * view.h - the one type by which payloads go around rpcgen's routines.
 *
 * Where the RFCs have variable-length opaque data or a string, the .x files name one of these
 * types, each of which is a struct view. Decoding makes the view point into the message: nothing is
 * allocated and nothing copied, and a NUL within a string is a part of the view. Encoding copies
 * the bytes of the view, unless they lie in their place already (READ data, which was read into the
 * room of rpc_call_payload()).
 *
 * Works on memory streams (xdrmem) only. Decoding takes the address of a view's bytes and does not
 * look at them, so they may still be on their way.
 */
#ifndef XDR_VIEW_H
#define XDR_VIEW_H

#include "base/view.h"
#include <rpc/types.h>
#include <rpc/xdr.h>

/* `opaque<max>`: a length in one word and that number of bytes, padded with zeros to a multiple of
 * 4. Of a view without data only the length is encoded. */
bool_t xdr_view(XDR *xdrs, struct view *view, uint32_t max);
/* Bytes that are XDR already (the entries of a directory listing): no length, no padding. Encode
 * only. */
bool_t xdr_encoded(XDR *xdrs, struct view *view);

/* RFC 1813. filename3 and nfspath3 have no bound there; the message is the bound, and the
 * server answers NAMETOOLONG. */
typedef struct view nfs_fh3;
typedef struct view filename3;
typedef struct view nfspath3;
typedef struct view payload3;        /* `opaque data<>` of READ and WRITE */
typedef struct view encoded_entries; /* `entry3 *entries`, `entryplus3 *entries` */
bool_t xdr_nfs_fh3(XDR *xdrs, nfs_fh3 *fh);
bool_t xdr_filename3(XDR *xdrs, filename3 *name);
bool_t xdr_nfspath3(XDR *xdrs, nfspath3 *path);
bool_t xdr_payload3(XDR *xdrs, payload3 *data);
bool_t xdr_encoded_entries(XDR *xdrs, encoded_entries *entries);

/* MOUNT: fhandle3<64>, dirpath<1024>, name<255>. */
typedef struct view fhandle3;
typedef struct view dirpath;
typedef struct view mountname;
bool_t xdr_fhandle3(XDR *xdrs, fhandle3 *fh);
bool_t xdr_dirpath(XDR *xdrs, dirpath *path);
bool_t xdr_mountname(XDR *xdrs, mountname *name);

/* RFC 1833: `string<>` of rpcbind (netid, universal address, owner); the message is the bound. */
typedef struct view rpcb_text;
bool_t xdr_rpcb_text(XDR *xdrs, rpcb_text *text);

#endif
