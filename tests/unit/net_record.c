/*
 * net_record.c - tests of record marking (net/record.h): every split of a stream gives the same
 * messages.
 */
#include "net/record.h"
#include "tests/lib/test.h"
#include <arpa/inet.h>
#include <string.h>

#define MAX 64

/* Appends a fragment. */
static size_t fragment(uint8_t *at, bool last, const char *bytes, size_t len)
{
    uint32_t mark = htonl((uint32_t)len | (last ? RECORD_LAST : 0));

    memcpy(at, &mark, 4);
    memcpy(at + 4, bytes, len);
    return 4 + len;
}

/* Feeds `stream` in pieces of `step` bytes; writes the messages, each ended by '|', to `out`. */
static enum record_state feed(const uint8_t *stream, size_t len, size_t step, char *out)
{
    _Alignas(8) uint8_t buf[256];
    struct record record = {0};
    size_t pos = 0, end = 0, given = 0;
    enum record_state state = RECORD_MORE;

    while (given < len) {
        size_t n = len - given < step ? len - given : step;
        if (end + n > sizeof(buf))
            end = record_compact(&record, buf, buf, &pos, end);
        assert_true(end + n <= sizeof(buf));
        memcpy(buf + end, stream + given, n);
        end += n;
        given += n;
        while ((state = record_parse(&record, buf, &pos, end, MAX)) == RECORD_COMPLETE) {
            assert_int_equal(record.offset % 4, 0);
            memcpy(out, buf + record.offset, record.len);
            out += record.len;
            *out++ = '|';
        }
        if (state == RECORD_TOO_LONG)
            break;
    }
    *out = '\0';
    return state;
}

TEST(messages_are_the_same_in_any_split_and_any_fragments)
{
    uint8_t stream[1024];
    char out[1024];
    size_t len = 0;

    len += fragment(stream + len, true, "whole", 5); /* odd: the next one is not aligned */
    len += fragment(stream + len, false, "in ", 3);
    len += fragment(stream + len, false, "", 0);
    len += fragment(stream + len, false, "three ", 6);
    len += fragment(stream + len, true, "pieces", 6);
    len += fragment(stream + len, true, "", 0);
    len += fragment(stream + len, false, "a", 1);
    len += fragment(stream + len, true, "", 0);
    len += fragment(stream + len, true, "last", 4);
    for (size_t step = 1; step <= len; step++) {
        assert_int_equal(feed(stream, len, step, out), RECORD_MORE);
        assert_string_equal(out, "whole|in three pieces||a|last|");
    }
}

TEST(a_long_stream_is_compacted_without_losing_a_byte)
{
    uint8_t stream[8192];
    char out[8192], expected[8192], body[40];
    size_t len = 0, at = 0;

    for (int i = 0; i < 150; i++) {
        size_t n = (size_t)(i * 7 % 31);
        memset(body, 'a' + i % 26, sizeof(body));
        len += fragment(stream + len, i % 3 != 0, body, n);
        memcpy(expected + at, body, n);
        at += n;
        if (i % 3 != 0)
            expected[at++] = '|';
    }
    expected[at] = '\0';
    for (size_t step = 1; step < 60; step++) {
        feed(stream, len, step, out);
        assert_string_equal(out, expected);
    }
}

TEST(a_record_over_the_limit_is_too_long_however_it_is_cut)
{
    uint8_t stream[512];
    char out[512], body[MAX + 1];
    size_t len;

    memset(body, 'x', sizeof(body));
    len = fragment(stream, true, body, MAX + 1);
    assert_int_equal(feed(stream, len, 4, out), RECORD_TOO_LONG);
    len = fragment(stream, false, body, MAX / 2);
    len += fragment(stream + len, true, body, MAX / 2 + 1);
    assert_int_equal(feed(stream, len, 1, out), RECORD_TOO_LONG);
    len = fragment(stream, true, body, MAX);
    assert_int_equal(feed(stream, len, 1, out), RECORD_MORE);
    assert_int_equal(strlen(out), MAX + 1);
}
