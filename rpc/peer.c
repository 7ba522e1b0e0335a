/*
 * peer.c - see peer.h. The answer is kept in the connection's own memory (net_message.memory).
 */
#include "rpc/peer.h"
#include "base/log.h"
#include "base/socket_owner.h"
#include "net/net.h"
#include <errno.h>
#include <string.h>

static bool look; /* whether local clients are identified; set before the threads start */

bool rpc_peer_look(bool on)
{
    look = on && socket_owner_works();
    return look == on;
}

/* Asks the kernel which user owns the peer's socket. Every connection is asked about, not only
 * those from addresses that are known to be this host's: an address may have been added since, or
 * be routed to this host without being on an interface. Returns 0 also where no process of this
 * host has the socket. */
static int peer_ask(const struct rpc_call *call, struct rpc_peer *peer)
{
    int err = ENOENT;

    *peer = (struct rpc_peer){.kind = RPC_PEER_FAR};
    if (!call->is_datagram || address_is_own(call->peer))
        err = socket_owner(call->peer, call->local, call->is_datagram, &peer->uid);
    if (err == 0)
        peer->kind = peer->uid == 0 ? RPC_PEER_ROOT : RPC_PEER_USER;
    else if (address_is_own(call->peer))
        peer->kind = RPC_PEER_UNKNOWN;
    return err == ENOENT ? 0 : err;
}

/* How a peer is kept in a connection's memory: the kind in the lower 32 bits, the uid in the upper
 * 32. 0: not asked yet. */
static uint64_t peer_pack(const struct rpc_peer *peer)
{
    return (uint64_t)peer->kind | (uint64_t)peer->uid << 32;
}

struct rpc_peer rpc_peer_of(const struct rpc_call *call)
{
    static struct log_limit limit;
    struct rpc_peer peer;

    if (!look)
        return (struct rpc_peer){.kind = RPC_PEER_FAR};
    uint64_t kept = call->memory != NULL ? call->memory->peer : 0;
    if (kept != 0)
        return (struct rpc_peer){.kind = (enum rpc_peer_kind)(uint32_t)kept,
                                 .uid = (uid_t)(kept >> 32)};
    int err = peer_ask(call, &peer);
    if (peer.kind == RPC_PEER_UNKNOWN && log_limit_allows(&limit)) {
        char text[ADDRESS_TEXT_MAX];
        log_warning("%s: an address of this host, but no process of it has this socket%s%s; its "
                    "calls are anonymous (option `insecure` believes them)",
                    address_format(call->peer, true, text), err != 0 ? ": " : "",
                    err != 0 ? strerror(err) : "");
    }
    if (err == 0 && call->memory != NULL)
        call->memory->peer = peer_pack(&peer);
    return peer;
}
