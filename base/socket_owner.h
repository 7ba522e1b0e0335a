/*
 * socket_owner.h - which user owns the other end of a connection within this host.
 *
 * The kernel tells by sock_diag(7). rpc/peer.c asks once for each connection; server/server.c tries
 * at the start whether this kernel answers at all.
 */
#ifndef BASE_SOCKET_OWNER_H
#define BASE_SOCKET_OWNER_H

#include "base/address.h"
#include <sys/types.h>

/*
 * Finds the user that made the socket which is bound to `from` and, for TCP, connected to `to`. For
 * UDP several sockets may have sent from that address; they must have one owner. Both are addresses
 * of this host's network namespace. *uid is in the server's user namespace: 65534 where the user
 * has no id there.
 *
 * ENOENT: there is no such socket, or its process has closed it. Others (EMFILE, ...): the kernel
 * can't be asked now.
 */
int socket_owner(const struct address *from, const struct address *to, bool is_datagram,
                 uid_t *uid);
/* Whether the kernel answers for TCP. Tried with a connection that this function makes. */
bool socket_owner_works(void);

#endif
