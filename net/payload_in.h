/*
 * payload_in.h - a connection's side of the payloads that its requests bring: WRITE's data, by the
 * pipe (base/payload.h).
 *
 * A receiver can't know beforehand that a message is a WRITE, but large WRITEs come in a row. The
 * handler of one leaves in message->in where its payload began, and how long the next one should be
 * at least. Of the next message the connection receives only what comes before the payload. It then
 * waits until the socket has the rest, and moves that to the pipe of the thread.
 *
 * Called by conn.c. Only payload_in.c uses the members of struct payload_in.
 */
#ifndef NET_PAYLOAD_IN_H
#define NET_PAYLOAD_IN_H

#include "base/payload.h"

struct conn;
struct net_message;

/* What a connection knows of the payloads that are to come. */
struct payload_in {
    struct payload now; /* the payload of the message that is complete, or nearly complete */
    /* bytes of the next message before its payload; 0: receive all of it to memory */
    size_t head;
    size_t least;    /* bytes that the next payload must have to be worth the pipe */
    uint16_t pause;  /* messages until the pipe is tried again */
    uint16_t failed; /* messages of the last pause */
    uint8_t slow;    /* slow payloads in a row */
    bool waits;      /* epoll reports input only when the whole payload is there */
    int64_t since;   /* CLOCK_MONOTONIC, ns: when that waiting began */
    uint32_t room;   /* the largest number of bytes for which the socket was given room */
};

enum payload_in_outcome {
    PAYLOAD_IN_TAKEN,   /* the message is complete */
    PAYLOAD_IN_LATER,   /* the socket does not have the whole payload yet */
    PAYLOAD_IN_REFUSED, /* receive the payload to memory */
};

/* How many bytes of the next message may be received, up to its payload; 0: there is no such
 * bound. */
static inline size_t payload_in_head(const struct payload_in *in)
{
    return in->head;
}
/* To be called when the beginning of a message is there: moves its payload to the pipe, if that is
 * expected. */
enum payload_in_outcome payload_in_receive(struct conn *conn);
/* Takes the payload of the message that is complete. It belongs to the thread from now on, even if
 * another thread gets the connection. */
struct payload payload_in_take(struct conn *conn);
/* To be called after a message was handled. piped: a part of its payload came by the pipe. */
void payload_in_learn(struct conn *conn, const struct net_message *message, bool piped);
/* To be called when a complete message could not be handled at once: its payload leaves the
 * pipe. */
void payload_in_settle(struct conn *conn);

#endif
