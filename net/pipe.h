/*
 * pipe.h - a thread's own pipe: how bytes pass from a file to a socket, or back, without a copy
 * (splice(2)).
 *
 * Made when it is first needed, closed when its thread ends. Inside net/ it is the tail's (tail.h)
 * or the rest's (rest.h), never both: it is empty between two messages.
 */
#ifndef NET_PIPE_H
#define NET_PIPE_H

#include <stddef.h>

struct net_pipe {
    int from, to; /* neither blocks */
    size_t room;  /* bytes, when all of it is pages that begin at a multiple of the page's size */
};

/* This thread's pipe; the descriptors are borrowed until net_pipe_drop(). ENFILE, EMFILE. */
int net_pipe_get(struct net_pipe *out);
/* Empties it: there is none until it is asked for again. */
void net_pipe_drop(void);

#endif
