/*
 * hash.h - hashes for tables and checksums.
 *
 * hash_bytes() is for tables whose keys a client can't choose at will, or where a collision only
 * costs time. What must not be forged (handles, credentials) takes SipHash from libsodium.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* A 64-bit hash of `len` bytes; different seeds give different hashes. */
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);
/* A faster hash for 64 bytes and more, with values of its own: takes four words at a time. */
uint64_t hash_long(const void *data, size_t len, uint64_t seed);

/* Mixes a 64-bit number: every bit of the result depends on every bit of x. */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return x;
}

#endif
