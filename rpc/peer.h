/*
 * peer.h - who may be believed at the other end of a connection.
 *
 * A client on this host is known by the owner of its socket, which the kernel tells, and not by its
 * port: what a port below 1024 says depends on a sysctl and on capabilities. exports/ asks for each
 * call, the portmapper for registrations.
 */
#ifndef RPC_PEER_H
#define RPC_PEER_H

#include "rpc/program.h"
#include <sys/types.h>

enum rpc_peer_kind {
    RPC_PEER_FAR = 1, /* on another host, or not to be looked at: its port is all that is known */
    RPC_PEER_ROOT,    /* on this host: the kernel, or root */
    RPC_PEER_USER,    /* on this host: `uid` */
    RPC_PEER_UNKNOWN, /* on this host, but no process has its socket (any more) */
};

struct rpc_peer {
    enum rpc_peer_kind kind;
    uid_t uid;
};

/* Asks the kernel at a connection's first call, and at each datagram of this host. */
struct rpc_peer rpc_peer_of(const struct rpc_call *call);
/* Whether clients on this host are looked at (--local-peers); before net_start(). At first they
 * are. False: they are to be, but this kernel does not tell; they are not, then. */
bool rpc_peer_look(bool on);

#endif
