/*
 * bytes.c - XDR by hand; see bytes.h. Used by tests/lib/rpcclient.c, nfs3client.c and by tests that
 * write their messages themselves.
 */
#include "tests/lib/bytes.h"
#include "tests/lib/test.h"
#include <stdlib.h>
#include <string.h>

static uint8_t *bytes_extend(struct bytes *b, size_t more)
{
    if (b->len + more > b->room) {
        size_t room = b->room ? b->room : 512;
        while (room < b->len + more)
            room *= 2;
        b->data = realloc(b->data, room);
        assert_non_null(b->data);
        b->room = room;
    }
    b->len += more;
    return b->data + b->len - more;
}

void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}

void put_raw(struct bytes *b, const void *data, size_t len)
{
    if (len)
        memcpy(bytes_extend(b, len), data, len);
}

static void write_u32(uint8_t *to, uint32_t value)
{
    to[0] = value >> 24;
    to[1] = value >> 16;
    to[2] = value >> 8;
    to[3] = value;
}

void put_u32(struct bytes *b, uint32_t value)
{
    write_u32(bytes_extend(b, 4), value);
}

void put_u64(struct bytes *b, uint64_t value)
{
    put_u32(b, value >> 32);
    put_u32(b, value);
}

void put_fixed(struct bytes *b, const void *data, size_t len)
{
    static const uint8_t zeros[3];

    put_raw(b, data, len);
    put_raw(b, zeros, -len & 3);
}

void put_opaque(struct bytes *b, const void *data, size_t len)
{
    put_u32(b, len);
    put_fixed(b, data, len);
}

void put_string(struct bytes *b, const char *text)
{
    put_opaque(b, text, strlen(text));
}

void bytes_patch_u32(struct bytes *b, size_t at, uint32_t value)
{
    assert_true(at + 4 <= b->len);
    write_u32(b->data + at, value);
}

size_t cursor_left(const struct cursor *c)
{
    return c->end - c->at;
}

const uint8_t *get_fixed(struct cursor *c, size_t len)
{
    const uint8_t *data = c->at;
    size_t padding = -len & 3;

    if (len > cursor_left(c) || len + padding > cursor_left(c))
        fail_msg("the reply ends early: %zu bytes wanted, %zu left", len + padding, cursor_left(c));
    for (size_t i = 0; i < padding; i++)
        assert_int_equal(data[len + i], 0);
    c->at += len + padding;
    return data;
}

uint32_t get_u32(struct cursor *c)
{
    const uint8_t *p = get_fixed(c, 4);

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t get_u64(struct cursor *c)
{
    uint64_t high = get_u32(c);

    return high << 32 | get_u32(c);
}

bool get_bool(struct cursor *c)
{
    uint32_t value = get_u32(c);

    if (value > 1)
        fail_msg("a bool of the reply is %u", value);
    return value;
}

const uint8_t *get_opaque(struct cursor *c, size_t max, size_t *len)
{
    *len = get_u32(c);
    if (*len > max)
        fail_msg("an opaque of the reply has %zu bytes, more than %zu", *len, max);
    return get_fixed(c, *len);
}

void get_string(struct cursor *c, char *out, size_t size)
{
    size_t len;
    const uint8_t *data = get_opaque(c, size - 1, &len);

    memcpy(out, data, len);
    out[len] = 0;
}

void cursor_expect_end(const struct cursor *c)
{
    if (cursor_left(c))
        fail_msg("the reply has %zu bytes too many", cursor_left(c));
}
