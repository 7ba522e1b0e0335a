/*
 * rest.h - the end of a message that is not in memory: WRITE's data, in a pipe.
 *
 * The counterpart of a reply's tail (tail.h). Where the last message of a connection was a long one
 * whose handler said where it would take the next one's rest, the connection receives no more than
 * what comes before that, waits until the socket has all of the rest, and moves it to the pipe of
 * the thread (conn_rest.c), but for what has no room there. The handler takes it from there, or has
 * it copied to where it would have been received to. What it leaves is dropped when it returns.
 */
#ifndef NET_REST_H
#define NET_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many bytes of the rest are in memory as well, for who compares messages. */
#define NET_REST_PEEKED 256

struct net_rest {
    size_t len;    /* bytes in the pipe; 0: all of the message is in memory */
    size_t behind; /* and behind them, which found no room there: in memory, where they belong */
    uint8_t *at;   /* where those in the pipe belong: behind what is in memory of the beginning */
    bool copied;   /* they are there now */
    bool lost;     /* they are nowhere */
    /* The handler's: where, in this message, that begins which it would take from a pipe the next
     * time. NULL: it would not. */
    const uint8_t *begins;
};

/* Where to read from; never blocks. */
int net_rest_pipe(const struct net_rest *rest);
/* Copies the rest to memory, if there is one (`rest` may be NULL): then there is none any more.
 * False: it is lost, and the call can't be answered: the client asks again. */
bool net_rest_fill(struct net_rest *rest);

/* --- for net/ --- */

/* Takes `len` bytes, which a socket has, and which belong to memory at `at`; returns how many. */
size_t net_rest_take(struct net_rest *rest, int socket, uint8_t *at, size_t len);
/* What is left is not wanted. */
void net_rest_drop(struct net_rest *rest);

#endif
