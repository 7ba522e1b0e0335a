/*
 * record.c - see record.h.
 */
#include "net/record.h"
#include <arpa/inet.h>
#include <string.h>

/* The most fragments of one message. Clients send one to a few; an endless row of empty ones would
 * otherwise never be too long. */
#define FRAGMENTS_MAX (2u * 1024 * 1024)

static void fragment_begin(struct record *record, const uint8_t *data, size_t *pos)
{
    uint32_t header;

    memcpy(&header, data + *pos, RECORD_HEADER);
    header = ntohl(header);
    *pos += RECORD_HEADER;
    record->last = (header & RECORD_LAST) != 0;
    record->left = header & ~RECORD_LAST;
    record->in_fragment = true;
    if (record->fragments++ == 0) {
        /* The message begins at the next lower multiple of 4, which lies in its own header; the
         * header is not needed any more. */
        record->offset = *pos & ~(size_t)3;
        record->len = 0;
    }
}

enum record_state record_parse(struct record *record, uint8_t *data, size_t *pos, size_t end,
                               size_t max)
{
    if (record->in_fragment && record->left == 0 && record->last)
        *record = (struct record){0}; /* the message that was returned last */
    for (;;) {
        if (!record->in_fragment) {
            if (end - *pos < RECORD_HEADER)
                return RECORD_MORE;
            fragment_begin(record, data, pos);
            if (record->left > max - record->len || record->fragments > FRAGMENTS_MAX)
                return RECORD_TOO_LONG;
        }
        size_t take = end - *pos;
        if (take > record->left)
            take = record->left;
        uint8_t *to = data + record->offset + record->len;
        if (take > 0 && to != data + *pos)
            memmove(to, data + *pos, take);
        record->len += take;
        record->left -= (uint32_t)take;
        *pos += take;
        if (record->left > 0)
            return RECORD_MORE;
        if (record->last)
            return RECORD_COMPLETE;
        record->in_fragment = false;
    }
}

size_t record_compact(struct record *record, const uint8_t *data, uint8_t *to, size_t *pos,
                      size_t end)
{
    size_t kept = record->fragments > 0 ? record->len : 0;
    size_t rest = end - *pos;

    if (kept > 0)
        memmove(to, data + record->offset, kept);
    if (rest > 0)
        memmove(to + kept, data + *pos, rest);
    record->offset = 0;
    *pos = kept;
    return kept + rest;
}

void record_mark(uint8_t header[RECORD_HEADER], size_t len)
{
    uint32_t word = htonl((uint32_t)len | RECORD_LAST);

    memcpy(header, &word, RECORD_HEADER);
}
