/*
 * hash.c - see hash.h. Each step multiplies 8 bytes to 128 bits and folds the product to 64.
 */
#include "base/hash.h"
#include <string.h>

#define K0 0x9e3779b97f4a7c15u
#define K1 0xc2b2ae3d27d4eb4fu

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
    const uint8_t *p = data;
    uint64_t h = seed ^ (len * K1);
    uint64_t word;

    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        h = fold(h ^ word ^ K0, K1);
    }
    if (len > 0) {
        word = 0;
        memcpy(&word, p, len);
        h = fold(h ^ word ^ K1, K0);
    }
    return hash_mix(h);
}

uint64_t hash_long(const void *data, size_t len, uint64_t seed)
{
    const uint8_t *p = data;
    uint64_t lanes[4] = {seed, K0, K1, ~seed};
    uint64_t word;

    for (; len >= 32; p += 32, len -= 32) {
        for (int i = 0; i < 4; i++) {
            memcpy(&word, p + 8 * i, 8);
            lanes[i] = fold(lanes[i] ^ word ^ K0, K1);
        }
    }
    return hash_bytes(p, len, fold(lanes[0] ^ K0, lanes[1]) ^ fold(lanes[2] ^ K1, lanes[3]));
}
