/*
 * bytes.h - XDR (RFC 4506) by hand, for the tests' own client.
 *
 * The tests write and read every message byte by byte and share nothing with xdr/: an error in the
 * server's .x files must not cancel out. `struct bytes` grows as it is written; reading past the
 * end of a message, or a padding byte that is not 0, fails the running test.
 */
#ifndef TESTS_LIB_BYTES_H
#define TESTS_LIB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message being written. Zero-initialised is empty; bytes_free() gives the memory back. */
struct bytes {
    uint8_t *data;
    size_t len, room;
};

void bytes_free(struct bytes *b);
void put_raw(struct bytes *b, const void *data, size_t len); /* as they are: no padding */
void put_u32(struct bytes *b, uint32_t value);
void put_u64(struct bytes *b, uint64_t value);
void put_fixed(struct bytes *b, const void *data, size_t len); /* opaque[len]: padded to 4 */
void put_opaque(struct bytes *b, const void *data,
                size_t len); /* opaque<>: length, then as above */
void put_string(struct bytes *b, const char *text);
/* Overwrites the word at `at`, for messages that are to lie. */
void bytes_patch_u32(struct bytes *b, size_t at, uint32_t value);

/* A message being read: borrowed. */
struct cursor {
    const uint8_t *at, *end;
};

size_t cursor_left(const struct cursor *c);
uint32_t get_u32(struct cursor *c);
uint64_t get_u64(struct cursor *c);
bool get_bool(struct cursor *c); /* 0 or 1: anything else fails the test */
const uint8_t *get_fixed(struct cursor *c, size_t len);
const uint8_t *get_opaque(struct cursor *c, size_t max, size_t *len);
/* A string of at most size - 1 bytes, copied with a NUL. */
void get_string(struct cursor *c, char *out, size_t size);
/* The message must end here. */
void cursor_expect_end(const struct cursor *c);

#endif
