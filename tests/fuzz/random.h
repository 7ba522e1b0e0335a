/*
 * random.h - where the choices of a fuzz test come from, and for how long it goes on.
 *
 * Choices come from a seed (the same seed: the same choices, in the same order), or from bytes that
 * libFuzzer gives, so that one generator serves both. Every test prints its seed.
 */
#ifndef TESTS_FUZZ_RANDOM_H
#define TESTS_FUZZ_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
    const uint8_t *data; /* NULL: by the seed */
    size_t left;         /* of data */
};

void random_seed(struct random *random, uint64_t seed);
/* Borrows the bytes; after their end every choice is the first one. */
void random_from_bytes(struct random *random, const uint8_t *data, size_t len);
uint32_t random_u32(struct random *random);
/* 0 .. n-1; n > 0. */
uint32_t random_below(struct random *random, uint32_t n);
bool random_one_in(struct random *random, uint32_t n);
/* A word at which length and sign checks go wrong. */
uint32_t random_edge(struct random *random);
void random_fill(struct random *random, void *to, size_t len);

/*
 * A test that runs for LOOPNFS_FUZZ_SECONDS (a few seconds where that is not set), with the seed
 * LOOPNFS_FUZZ_SEED (else its own). One that hangs is ended by SIGALRM.
 *     for (fuzz_begin(&fuzz, 7); fuzz_goes_on(&fuzz);)
 */
struct fuzz {
    struct random random;
    int64_t until_ms;
    uint64_t rounds;
};
void fuzz_begin(struct fuzz *fuzz, uint64_t seed);
bool fuzz_goes_on(struct fuzz *fuzz);
int64_t fuzz_now_ms(void);

#endif
