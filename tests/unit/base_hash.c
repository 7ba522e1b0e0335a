/*
 * base_hash.c - hashes: every byte, the length and the seed count.
 */
#include "base/hash.h"
#include "tests/lib/test.h"
#include <string.h>

#define LONGEST 300

typedef uint64_t (*hasher)(const void *data, size_t len, uint64_t seed);

static void everything_counts(hasher hash)
{
    uint8_t data[LONGEST + 1];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= LONGEST; len++) {
        uint64_t whole = hash(data, len, 1);
        assert_true(hash(data, len, 1) == whole);
        assert_true(hash(data, len, 2) != whole);
        assert_true(hash(data, len + 1, 1) != whole);
        for (size_t i = 0; i < len; i++) {
            data[i] ^= 0x40;
            assert_true(hash(data, len, 1) != whole);
            data[i] ^= 0x40;
        }
    }
}

/* Zeros too, and words that change places. */
static void order_and_zeros_count(hasher hash)
{
    uint8_t data[128] = {0}, other[128] = {0};

    for (size_t len = 0; len < sizeof(data); len++)
        assert_true(hash(data, len, 5) != hash(data, len + 1, 5));
    for (size_t word = 0; word < 16; word++) {
        for (size_t to = word + 1; to < 16; to++) {
            memset(data, 0, sizeof(data));
            memset(other, 0, sizeof(other));
            data[word * 8] = other[to * 8] = 1;
            assert_true(hash(data, sizeof(data), 5) != hash(other, sizeof(other), 5));
        }
    }
}

TEST(every_byte_the_length_and_the_seed_count_for_a_hash)
{
    everything_counts(hash_bytes);
    order_and_zeros_count(hash_bytes);
}

TEST(every_byte_the_length_and_the_seed_count_for_a_long_hash)
{
    everything_counts(hash_long);
    order_and_zeros_count(hash_long);
}
