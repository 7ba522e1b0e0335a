/*
 * connections.h - whether the connection a call came by still leads to its client.
 *
 * A connection has a number that no other of this process ever has (net_message.connection). rpc/
 * remembers by which one a call came, and asks here, mostly much later, whether its client can
 * still have the reply there. net/ enters each connection when it is made, and takes it out before
 * its descriptor is closed.
 */
#ifndef NET_CONNECTIONS_H
#define NET_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct source;

/* False: it is closed, by us or by its peer, or its peer has not taken what was sent for so long
 * that the kernel has sent it again. Two system calls for one that is open; from any thread. */
bool net_connection_is_open(uint64_t number);

/* --- for net/ --- */

/* Gives the source its number, and remembers its descriptor under it. */
void connections_add(struct source *source);
/* Forgets it; a source that was never added, or is out already, may be given. */
void connections_remove(struct source *source);

#endif
