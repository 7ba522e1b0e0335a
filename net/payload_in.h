/*
 * payload_in.h - a connection's side of the payloads that its requests bring: WRITE's data, by the
 * pipe (base/payload.h).
 *
 * Who receives can't know beforehand that a message is a WRITE, but large ones come in rows. The
 * handler of one leaves in message->in where its payload began and how long the next one should be
 * at least. Of the next message the connection then receives no more than comes before the payload,
 * waits until the socket has all of the rest, and moves that to the pipe of the thread.
 *
 * Called by conn.c. struct payload_in is touched by payload_in.c only.
 */
#ifndef NET_PAYLOAD_IN_H
#define NET_PAYLOAD_IN_H

#include "base/payload.h"

struct conn;
struct net_message;

/* What a connection knows of the payloads that come. */
struct payload_in {
    struct payload now; /* of the message that is complete, or nearly so */
    size_t head;        /* bytes of the next message before its payload; 0: all of it is received to
                           memory */
    size_t least;       /* bytes of the next payload, to be worth the pipe */
    uint16_t pause;     /* messages until the pipe is tried again */
    uint16_t failed;    /* messages of the last pause */
    uint8_t slow;       /* payloads in a row that were long in coming */
    bool waits;         /* epoll tells of input only when all of a payload is there */
    int64_t since;      /* when that waiting began: CLOCK_MONOTONIC, ns */
    uint32_t room;      /* bytes that the socket was given room for at once */
};

enum payload_in_outcome {
    PAYLOAD_IN_TAKEN,   /* its message is complete */
    PAYLOAD_IN_LATER,   /* the socket does not have all of it yet */
    PAYLOAD_IN_REFUSED, /* it is to be received to memory */
};

/* Bytes of the next message that may be received before its payload; 0: there is no such bound. */
static inline size_t payload_in_head(const struct payload_in *in)
{
    return in->head;
}
/* The beginning of a message is there: moves its payload to the pipe, if that is expected. */
enum payload_in_outcome payload_in_receive(struct conn *conn);
/* The payload of the message that is complete. It belongs to this thread from here on, also
 * when another thread gets the connection. */
struct payload payload_in_take(struct conn *conn);
/* A message was handled; `piped`: a part of its payload came by the pipe. */
void payload_in_learn(struct conn *conn, const struct net_message *message, bool piped);
/* A message that is complete could not be handled at once: its payload leaves the pipe. */
void payload_in_settle(struct conn *conn);

#endif
