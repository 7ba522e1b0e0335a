/*
 * memory.h - XDR's primitives for streams that lie in memory, inlined.
 *
 * libtirpc's primitives go through two functions and a pointer for each word, and rpcgen's code
 * calls one of them for each field: some 300 instructions for the arguments and results of a WRITE.
 * All streams of this server are made by xdrmem, whose state is in fields that <rpc/xdr.h> shows:
 * x_private points to the next byte, x_handy is the number of bytes from there to the end.
 *
 * The code that rpcgen makes is compiled with this header in front of it (CMakeLists.txt); attr.c
 * and view.c include it.
 */
#ifndef XDR_MEMORY_H
#define XDR_MEMORY_H

#include <arpa/inet.h>
#include <rpc/types.h>
#include <rpc/xdr.h>
#include <stdint.h>
#include <string.h>

/* Returns the next `len` bytes and moves the stream behind them. NULL: fewer are left. */
static inline uint8_t *memory_take(XDR *xdrs, uint32_t len)
{
    uint8_t *at = xdrs->x_private;

    if (xdrs->x_handy < len)
        return NULL;
    xdrs->x_private = at + len;
    xdrs->x_handy -= len;
    return at;
}

static inline bool_t memory_u32(XDR *xdrs, uint32_t *value)
{
    uint32_t word;

    if (xdrs->x_op == XDR_FREE)
        return TRUE;
    uint8_t *at = memory_take(xdrs, sizeof(word));
    if (at == NULL)
        return FALSE;
    if (xdrs->x_op == XDR_ENCODE) {
        word = htonl(*value);
        memcpy(at, &word, sizeof(word));
    } else {
        memcpy(&word, at, sizeof(word));
        *value = ntohl(word);
    }
    return TRUE;
}

/* The upper half comes first. */
static inline bool_t memory_u64(XDR *xdrs, uint64_t *value)
{
    uint32_t high = (uint32_t)(*value >> 32), low = (uint32_t)*value;

    if (!memory_u32(xdrs, &high) || !memory_u32(xdrs, &low))
        return FALSE;
    *value = (uint64_t)high << 32 | low;
    return TRUE;
}

/* Every value but 0 is read as TRUE. RFC 4506 section 4.4 allows 0 and 1 only; libtirpc accepts all
 * values, too. */
static inline bool_t memory_bool(XDR *xdrs, bool_t *value)
{
    uint32_t word = *value ? 1 : 0;

    if (!memory_u32(xdrs, &word))
        return FALSE;
    *value = word != 0;
    return TRUE;
}

/* For rpcgen's enumerations, each of which is an int to the compiler. */
static inline bool_t memory_enum(XDR *xdrs, enum_t *value)
{
    uint32_t word = (uint32_t)*value;

    if (!memory_u32(xdrs, &word))
        return FALSE;
    *value = (enum_t)word;
    return TRUE;
}

/* `opaque[len]`: `len` bytes, padded with zeros to a multiple of 4. */
static inline bool_t memory_opaque(XDR *xdrs, char *bytes, uint32_t len)
{
    uint32_t pad = -len & 3;

    if (xdrs->x_op == XDR_FREE)
        return TRUE;
    uint8_t *at = len + pad < len ? NULL : memory_take(xdrs, len + pad);
    if (at == NULL)
        return FALSE;
    if (xdrs->x_op == XDR_ENCODE) {
        memcpy(at, bytes, len);
        memset(at + len, 0, pad);
    } else {
        memcpy(bytes, at, len);
    }
    return TRUE;
}

#ifdef XDR_MEMORY_GENERATED
#define xdr_u_int(xdrs, value)       memory_u32(xdrs, value)
#define xdr_int(xdrs, value)         memory_enum(xdrs, value)
#define xdr_enum(xdrs, value)        memory_enum(xdrs, value)
#define xdr_bool(xdrs, value)        memory_bool(xdrs, value)
#define xdr_u_quad_t(xdrs, value)    memory_u64(xdrs, value)
#define xdr_opaque(xdrs, bytes, len) memory_opaque(xdrs, bytes, len)
#endif

#endif
