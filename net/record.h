/*
 * record.h - record marking (RFC 5531 section 11): messages out of a stream of fragments.
 *
 * Pure computation on a buffer that the connection (conn.c) owns and fills. The fragments of a
 * message are moved together in place, so that a message is always one piece, aligned to 4. Clients
 * send messages of one fragment, which are not moved at all.
 */
#ifndef NET_RECORD_H
#define NET_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_HEADER 4
#define RECORD_LAST   0x80000000u

/* Where in the stream the bytes of the buffer stand. All 0 at the start of a connection. */
struct record {
    size_t offset;      /* where in the buffer the message begins (valid while gathering) */
    size_t len;         /* bytes of the message gathered so far */
    uint32_t left;      /* bytes of the current fragment still to come */
    uint32_t fragments; /* fragments of this message so far; 0: between messages */
    bool in_fragment;
    bool last;
};

enum record_state { RECORD_MORE, RECORD_COMPLETE, RECORD_TOO_LONG };

/*
 * Takes bytes of `data` from *pos up to `end`. RECORD_COMPLETE: the message is at data +
 * record->offset and has record->len bytes; the next call begins the next message. RECORD_MORE: all
 * bytes were taken, but for at most 3 bytes of an incomplete header. RECORD_TOO_LONG: the message
 * has more than `max` bytes, or fragments without end; the stream can't be used any more.
 */
enum record_state record_parse(struct record *record, uint8_t *data, size_t *pos, size_t end,
                               size_t max);
/*
 * To be called after RECORD_MORE. Moves the incomplete message, and the bytes in [*pos, end), to
 * the front of `to` (which may be `data` itself). Returns the new end; *pos is set.
 */
size_t record_compact(struct record *record, const uint8_t *data, uint8_t *to, size_t *pos,
                      size_t end);
/* Writes the mark of a reply of `len` bytes in one fragment. */
void record_mark(uint8_t header[RECORD_HEADER], size_t len);

#endif
