/*
 * put.h - XDR's words stored one after another, by who has made sure that they fit.
 *
 * For what is encoded by hand: attributes (attr.c) and listings (nfsd/proc_dir.c). Each function
 * gives the place behind what it stored, so that a run of them keeps it in a register.
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

/* opaque<>: its length, the bytes, zeros to a multiple of 4. */
static inline uint8_t *put_opaque(uint8_t *at, const void *data, size_t len)
{
    const uint32_t zero = 0;

    at = put_int(at, (uint32_t)len);
    if (len == 0)
        return at;
    /* The padding is the end of a last word, whose beginning the data then takes. */
    memcpy(at + (len - 1) / 4 * 4, &zero, sizeof(zero));
    memcpy(at, data, len);
    return at + (len + 3) / 4 * 4;
}

#endif
