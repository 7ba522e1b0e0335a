/*
 * record.c - record marking (net/record.h) against a simple way of doing it: any stream of
 * fragments, cut anywhere, gives the same messages.
 */
#include "net/record.h"
#include "tests/fuzz/random.h"
#include "tests/lib/bytes.h"
#include "tests/lib/test.h"
#include <string.h>

#define MESSAGE_MAX 500
#define STREAM_MAX  6000

/* What a stream holds: messages one after the other, each behind its length; and how it ends. */
struct outcome {
    struct bytes messages;
    enum record_state end;
};

/* Marks that are lies among many that are not. */
static void make_stream(struct random *random, struct bytes *stream)
{
    uint8_t body[MESSAGE_MAX];

    random_fill(random, body, sizeof(body));
    while (stream->len < STREAM_MAX - sizeof(body) && !random_one_in(random, 60)) {
        uint32_t len =
            random_one_in(random, 3) ? random_below(random, 300) : random_below(random, 12);
        uint32_t mark = len | (random_one_in(random, 2) ? RECORD_LAST : 0);

        put_u32(stream, random_one_in(random, 100) ? random_edge(random) : mark);
        put_raw(stream, body, len);
    }
    if (random_one_in(random, 2) && stream->len > 0)
        stream->len -= random_below(random, stream->len < 8 ? (uint32_t)stream->len : 8);
}

/* The simple way: the whole stream lies there. */
static void parse_simply(const struct bytes *stream, struct outcome *out)
{
    struct bytes message = {0};
    size_t at = 0;

    out->end = RECORD_MORE;
    while (stream->len - at >= 4) {
        struct cursor c = {stream->data + at, stream->data + stream->len};
        uint32_t mark = get_u32(&c);
        uint32_t len = mark & ~RECORD_LAST;

        if (len > MESSAGE_MAX - message.len) {
            out->end = RECORD_TOO_LONG;
            break;
        }
        if (stream->len - at - 4 < len)
            break;
        put_raw(&message, stream->data + at + 4, len);
        at += 4 + (size_t)len;
        if (mark & RECORD_LAST) {
            put_u32(&out->messages, (uint32_t)message.len);
            put_raw(&out->messages, message.data, message.len);
            message.len = 0;
        }
    }
    bytes_free(&message);
}

/* By record_parse(), as conn.c does it, in pieces of any size; the buffer is now and then changed
 * for another, and has no room to spare. */
static void parse_in_pieces(struct random *random, const struct bytes *stream, struct outcome *out)
{
    _Alignas(8) uint8_t buffers[2][MESSAGE_MAX + 600];
    struct record record = {0};
    size_t pos = 0, end = 0, given = 0;
    int current = 0;

    out->end = RECORD_MORE;
    while (given < stream->len) {
        size_t n = 1 + random_below(random, random_one_in(random, 4) ? 400 : 9);
        if (n > stream->len - given)
            n = stream->len - given;
        if (end + n > sizeof(buffers[0]) || random_one_in(random, 6)) {
            int next = (int)random_below(random, 2);
            end = record_compact(&record, buffers[current], buffers[next], &pos, end);
            current = next;
        }
        uint8_t *data = buffers[current];
        assert_true(pos <= end && end + n <= sizeof(buffers[0]));
        memcpy(data + end, stream->data + given, n);
        end += n;
        given += n;
        while ((out->end = record_parse(&record, data, &pos, end, MESSAGE_MAX)) ==
               RECORD_COMPLETE) {
            assert_int_equal(record.offset % 4, 0);
            assert_true(record.offset + record.len <= end);
            put_u32(&out->messages, (uint32_t)record.len);
            put_raw(&out->messages, data + record.offset, record.len);
        }
        if (out->end == RECORD_TOO_LONG)
            return;
        assert_true(end - pos < RECORD_HEADER);
    }
}

TEST(any_stream_of_fragments_gives_the_messages_of_a_simple_parser)
{
    struct fuzz fuzz;

    for (fuzz_begin(&fuzz, 20260104); fuzz_goes_on(&fuzz);) {
        struct outcome simple = {.end = RECORD_MORE}, pieces = {.end = RECORD_MORE};
        struct bytes stream = {0};

        make_stream(&fuzz.random, &stream);
        parse_simply(&stream, &simple);
        parse_in_pieces(&fuzz.random, &stream, &pieces);
        if (simple.end != pieces.end || simple.messages.len != pieces.messages.len ||
            (simple.messages.len > 0 &&
             memcmp(simple.messages.data, pieces.messages.data, simple.messages.len) != 0))
            fail_msg("round %llu: the messages differ", (unsigned long long)fuzz.rounds);
        bytes_free(&stream);
        bytes_free(&simple.messages);
        bytes_free(&pieces.messages);
    }
}
