/*
 * peer.h - which user of this host is at the other end of a connection.
 *
 * A client on this host is known by the owner of its socket, which the kernel tells, and not by its
 * port: who may use a port below 1024 depends on a sysctl and on capabilities. The gate asks for
 * each call, the portmapper for registrations.
 */
#ifndef RPC_PEER_H
#define RPC_PEER_H

#include "rpc/program.h"
#include <sys/types.h>

enum rpc_peer_kind {
    RPC_PEER_FAR = 1, /* on another host, or local peers are not identified: only its port is
                       * known */
    RPC_PEER_ROOT,    /* on this host: the kernel, or a process of root */
    RPC_PEER_USER,    /* on this host: a process of the user `uid` */
    RPC_PEER_UNKNOWN, /* on this host, but no process has its socket (any more) */
};

struct rpc_peer {
    enum rpc_peer_kind kind;
    uid_t uid;
};

/* Asks the kernel at a connection's first call, and at each datagram that comes from this host. */
struct rpc_peer rpc_peer_of(const struct rpc_call *call);
/* Sets whether clients on this host are identified by the owners of their sockets (--local-peers);
 * to be called before net_start(). At first they are not. Returns false where `on` is true but this
 * kernel does not tell the owners; local clients are then not identified. */
bool rpc_peer_look(bool on);

#endif
