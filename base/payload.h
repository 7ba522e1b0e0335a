/*
 * payload.h - bytes on their way between a socket and a file: what a READ delivers, what a WRITE
 * brings.
 *
 * A payload lies in memory, or in the pipe of its thread, or its beginning there and its end in
 * memory. By the pipe, bytes pass from a file's pages to a socket, or back, without a copy
 * (splice(2)). Two files know the way: vfs/vop_data.c has the file's end and decides which way a
 * payload goes; net/ has the socket's end (payload_in.c, payload_out.c). All that is between them
 * passes the payload on.
 *
 * A payload belongs to the thread that handles its message. Each thread has one pipe, which is made
 * when it is first needed and closed when the thread ends. It is empty between two messages.
 */
#ifndef BASE_PAYLOAD_H
#define BASE_PAYLOAD_H

#include "base/view.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* This many bytes of a request's payload are at `data` even while they are in the pipe as well, so
 * that messages can be compared. */
#define PAYLOAD_PEEKED 256

struct payload {
    uint8_t *data; /* where the bytes are in memory, or belong */
    size_t len;    /* bytes */
    size_t piped;  /* the first `piped` of them are in the thread's pipe, and not yet at `data` */
    bool may_pipe; /* set by net/: the pipe can be used for a payload of this message */
    bool copied;   /* bytes were copied from the pipe to memory: the pipe spared nothing */
    bool lost;     /* bytes could not be read from the pipe, and are nowhere now */
    /* Set by vfs/ for a request: a payload of at least `pipe_next` bytes that comes next on the
     * connection should come by the pipe; 0: through memory. */
    size_t pipe_next;
};

/* The bytes that pad a payload to a multiple of 4 on the wire. */
static inline size_t payload_pad(size_t len)
{
    return -len & 3;
}
/* How a reply names its payload: without data where that is in the pipe (xdr/view.h). */
static inline struct view payload_view(const struct payload *payload)
{
    return (struct view){payload->piped > 0 ? NULL : payload->data, (uint32_t)payload->len};
}

/* Copies what is in the pipe to where it belongs; a payload in memory stays as it is. False: some
 * bytes are lost. Then the call can't be answered, and the client asks again. */
bool payload_to_memory(struct payload *payload);
/* What is in the pipe is not wanted: empties it. */
void payload_drop(struct payload *payload);

/* --- for the two ends --- */

struct payload_pipe {
    int from, to; /* borrowed until payload_pipe_empty(); neither blocks */
    size_t room;  /* bytes that fit when each piece is a whole page */
};

/* This thread's pipe. ENFILE, EMFILE. */
int payload_pipe(struct payload_pipe *out);
/* Empties the pipe, whatever is in it. */
void payload_pipe_empty(void);

#endif
