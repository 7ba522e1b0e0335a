/*
 * random.c - see random.h.
 */
#include "tests/fuzz/random.h"
#include "base/hash.h"
#include "tests/lib/test.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_DEFAULT 2
/* A test may take so much longer than its time: the steps before and after, on a busy machine. */
#define HANG_S 50

void random_seed(struct random *random, uint64_t seed)
{
    *random = (struct random){.state = seed};
}

void random_from_bytes(struct random *random, const uint8_t *data, size_t len)
{
    *random = (struct random){.data = data, .left = len};
}

/* `n` bytes of data as a number, fewer at the end. */
static uint32_t take(struct random *random, size_t n)
{
    uint32_t value = 0;

    for (; n > 0 && random->left > 0; n--, random->left--)
        value = value << 8 | *random->data++;
    return value;
}

uint32_t random_u32(struct random *random)
{
    if (random->data != NULL)
        return take(random, 4);
    random->state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_mix(random->state) >> 32);
}

uint32_t random_below(struct random *random, uint32_t n)
{
    /* Small choices take one byte, so that libFuzzer's mutations of a byte change one choice. */
    if (random->data != NULL && n <= 256)
        return take(random, 1) % n;
    return random_u32(random) % n;
}

bool random_one_in(struct random *random, uint32_t n)
{
    return random_below(random, n) == n - 1;
}

uint32_t random_edge(struct random *random)
{
    static const uint32_t edges[] = {
        0,          1,          2,          3,         4,          5,          8,
        16,         31,         32,         63,        64,         65,         255,
        256,        400,        401,        1024,      4096,       65535,      65536,
        0x100000,   0x100001,   0x7ffffffc, INT32_MAX, 0x80000000, 0x80000001, 0xfffffff0,
        0xfffffffc, 0xfffffffd, 0xfffffffe, UINT32_MAX};

    return edges[random_below(random, sizeof(edges) / sizeof(edges[0]))];
}

void random_fill(struct random *random, void *to, size_t len)
{
    uint8_t *at = to;

    if (random->data != NULL) {
        while (len-- > 0)
            *at++ = (uint8_t)take(random, 1);
        return;
    }
    for (; len >= 4; len -= 4, at += 4) {
        uint32_t word = random_u32(random);
        memcpy(at, &word, 4);
    }
    while (len-- > 0)
        *at++ = (uint8_t)random_u32(random);
}

int64_t fuzz_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void fuzz_begin(struct fuzz *fuzz, uint64_t seed)
{
    const char *seconds_text = getenv("LOOPNFS_FUZZ_SECONDS");
    const char *seed_text = getenv("LOOPNFS_FUZZ_SEED");
    unsigned seconds = seconds_text ? (unsigned)strtoul(seconds_text, NULL, 10) : SECONDS_DEFAULT;

    if (seed_text)
        seed = strtoull(seed_text, NULL, 0);
    test_note("seed %llu, %u seconds", (unsigned long long)seed, seconds);
    alarm(seconds + HANG_S);
    random_seed(&fuzz->random, seed);
    fuzz->until_ms = fuzz_now_ms() + (int64_t)seconds * 1000;
    fuzz->rounds = 0;
}

bool fuzz_goes_on(struct fuzz *fuzz)
{
    if (fuzz_now_ms() < fuzz->until_ms) {
        fuzz->rounds++;
        return true;
    }
    alarm(0);
    test_note("%llu rounds", (unsigned long long)fuzz->rounds);
    return false;
}
