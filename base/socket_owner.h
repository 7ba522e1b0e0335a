/*
 * socket_owner.h - whose socket is at the other end of a connection within this host.
 *
 * The kernel tells by sock_diag(7). rpc/peer.c asks, once a connection; server/server.c tries at
 * the start whether this kernel answers at all.
 */
#ifndef BASE_SOCKET_OWNER_H
#define BASE_SOCKET_OWNER_H

#include "base/address.h"
#include <sys/types.h>

/*
 * The user who made the socket that is bound to `from` and, for TCP, connected to `to`; for UDP,
 * of those that may have sent from there, where all have one owner. Both are addresses of this
 * host's network namespace. A user of another user namespace is who that is in ours; 65534 where
 * nobody is. ENOENT: there is none, or its process has given it up; others: the kernel can't be
 * asked now (EMFILE, ...).
 */
int socket_owner(const struct address *from, const struct address *to, bool is_datagram,
                 uid_t *uid);
/* Whether the kernel answers for TCP: it does for a socket that this function makes. */
bool socket_owner_works(void);

#endif
