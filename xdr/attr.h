/*
 * attr.h - the attributes of RFC 1813, section 2.5, with XDR routines written by hand.
 *
 * Nearly every reply carries one or two fattr3. rpcgen's routine calls a function through two
 * pointers for each word of them, which took a quarter of the server's own time for a GETATTR.
 * nfs3.x therefore names these types instead of defining them. The types are what rpcgen made of
 * the RFC's text, and rpcgen's code calls these routines.
 *
 * Works on memory streams (xdrmem) only.
 */
#ifndef XDR_ATTR_H
#define XDR_ATTR_H

#include <rpc/types.h>
#include <rpc/xdr.h>
#include <stdint.h>

enum ftype3 {
    NF3REG = 1,
    NF3DIR = 2,
    NF3BLK = 3,
    NF3CHR = 4,
    NF3LNK = 5,
    NF3SOCK = 6,
    NF3FIFO = 7
};
typedef enum ftype3 ftype3;

struct specdata3 {
    uint32_t specdata1;
    uint32_t specdata2;
};
typedef struct specdata3 specdata3;

struct nfstime3 {
    uint32_t seconds;
    uint32_t nseconds;
};
typedef struct nfstime3 nfstime3;

struct fattr3 {
    ftype3 type;
    uint32_t mode;
    uint32_t nlink;
    uint32_t uid;
    uint32_t gid;
    uint64_t size;
    uint64_t used;
    specdata3 rdev;
    uint64_t fsid;
    uint64_t fileid;
    nfstime3 atime;
    nfstime3 mtime;
    nfstime3 ctime;
};
typedef struct fattr3 fattr3;

struct post_op_attr {
    bool_t attributes_follow;
    union {
        fattr3 attributes;
    } post_op_attr_u;
};
typedef struct post_op_attr post_op_attr;

struct wcc_attr {
    uint64_t size;
    nfstime3 mtime;
    nfstime3 ctime;
};
typedef struct wcc_attr wcc_attr;

struct pre_op_attr {
    bool_t attributes_follow;
    union {
        wcc_attr attributes;
    } pre_op_attr_u;
};
typedef struct pre_op_attr pre_op_attr;

struct wcc_data {
    pre_op_attr before;
    post_op_attr after;
};
typedef struct wcc_data wcc_data;

/* These occur in arguments and in results: they encode and decode. */
bool_t xdr_ftype3(XDR *xdrs, ftype3 *type);
bool_t xdr_specdata3(XDR *xdrs, specdata3 *data);
bool_t xdr_nfstime3(XDR *xdrs, nfstime3 *time);

/* These occur in replies only: they encode, and fail when asked to decode. */
bool_t xdr_fattr3(XDR *xdrs, fattr3 *attr);
bool_t xdr_post_op_attr(XDR *xdrs, post_op_attr *attr);
bool_t xdr_wcc_data(XDR *xdrs, wcc_data *wcc);
/* Encodes a fattr3 without a stream, for listings that are encoded in place (READDIRPLUS). `at`
 * must have room for 84 bytes. Returns the end of what was written. */
uint8_t *attr_put_fattr3(uint8_t *at, const fattr3 *attr);

#endif
