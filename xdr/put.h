/*
 * put.h - stores XDR's words one after another, without a check of the room.
 *
 * Used where a reply is encoded by hand: attributes (attr.c) and listings (nfsd/proc_dir.c). The
 * caller makes sure that everything fits. Each function returns the place behind what it stored, so
 * that a sequence of calls keeps that place in a register.
 */
#ifndef XDR_PUT_H
#define XDR_PUT_H

#include <arpa/inet.h>
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint8_t *put_int(uint8_t *at, uint32_t value)
{
    value = htonl(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static inline uint8_t *put_hyper(uint8_t *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

/* `opaque<>`: a length in one word, the bytes, and zeros up to a multiple of 4. */
static inline uint8_t *put_opaque(uint8_t *at, const void *data, size_t len)
{
    const uint32_t zero = 0;

    at = put_int(at, (uint32_t)len);
    if (len == 0)
        return at;
    /* The last word is cleared first, so that its end is the padding; the data then overwrites its
     * beginning. */
    memcpy(at + (len - 1) / 4 * 4, &zero, sizeof(zero));
    memcpy(at, data, len);
    return at + (len + 3) / 4 * 4;
}

#endif
