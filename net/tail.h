/*
 * tail.h - the end of a reply that is sent without being copied: READ's data, in a pipe.
 *
 * A pipe takes pages of the page cache as they are, and so does a socket from a pipe (splice(2)).
 * Each thread has one. Who handles a message may put the reply's last bytes into it, and say how
 * many in the message's tail; the connection sends them behind the reply as soon as the handler
 * returns, and copies what the socket does not take, or all of it where others have to go first.
 * So the pipe is empty between two messages, and a tail belongs to the thread that handles its
 * message.
 */
#ifndef NET_TAIL_H
#define NET_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_tail {
    size_t len;  /* bytes in the pipe; 0: there is no tail. The reply is padded behind it. */
    size_t sent; /* of them, by the connection */
};

/* This thread's pipe: *fd, borrowed, is where to write to and never blocks; *room is what fits when
 * all of it is pages that begin at a multiple of the page's size. ENFILE, EMFILE. */
int net_tail_pipe(int *fd, size_t *room);
/* There is no tail after all: empties the pipe. */
void net_tail_drop(struct net_tail *tail);

/* --- for net/ --- */

/* The bytes that follow a tail of this length. */
static inline size_t net_tail_pad(size_t len)
{
    return -len & 3;
}
/* Sends what a socket takes now of the `len` bytes at `head` and of the tail behind them; returns
 * how many of the head. What goes wrong will do so again with what is left. */
size_t net_tail_send(struct net_tail *tail, int socket, const uint8_t *head, size_t len);
/* Copies what is not sent, with the padding; *len grows by as much. Ends the tail. NULL: there is
 * none. False: it can't be read any more, so the reply can't be sent. */
bool net_tail_take(struct net_tail *tail, uint8_t *to, size_t *len);

#endif
