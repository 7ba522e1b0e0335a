/*
 * connections.h - whether the connection that a call came by still leads to its client.
 *
 * A connection has a number (net_message.connection), which no other connection of this process
 * ever has. rpc/ remembers the number with a call, and asks here, mostly much later, whether the
 * client can still receive the reply there. net/ adds each connection when it is made, and removes
 * it before its descriptor is closed.
 */
#ifndef NET_CONNECTIONS_H
#define NET_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct source;

/* False: the server or the client has closed it, or the client has not acknowledged what was sent
 * to it for as long as it takes the kernel to send it again. Two system calls for an open
 * connection; may be called from any thread. */
bool net_connection_is_open(uint64_t number);

/* --- for net/ --- */

/* Gives the source its number, and remembers the source under it. */
void connections_add(struct source *source);
/* Removes the source. A source that was never added, or was removed before, is accepted. */
void connections_remove(struct source *source);

#endif
