/*
 * caller.c - as whom a call runs: who may be believed to be whom, then squash and id map.
 *
 * Called by gate.c once the client's rights in the export are known. On an `insecure` export any
 * client that reaches the port is believed. On a `secure` one a client on another host is believed
 * where its port is reserved; on this host (rpc/peer.h) the kernel and root are believed whatever
 * their port, any other user is who owns the socket, in that user's groups, or else anonymous.
 */
#include "access/caller.h"
#include "base/cred.h"
#include "rpc/peer.h"
#include <errno.h>

static const struct rpc_auth anonymous = {.flavor = RPC_AUTH_NONE};

/* Where everything happens as the user who runs the server, nobody can be let in as less. */
static bool may_come_in(const struct rpc_call *call, const struct rpc_peer *peer, const char **why)
{
    if (peer->kind == RPC_PEER_FAR && address_port(call->peer) >= IPPORT_RESERVED) {
        *why = "its source port is 1024 or above (mount as root, for macOS with resvport; or "
               "export with `insecure`)";
        return false;
    }
    if (peer->kind == RPC_PEER_FAR || peer->kind == RPC_PEER_ROOT || cred_can_switch() ||
        (peer->kind == RPC_PEER_USER && peer->uid == cred_server()->uid))
        return true;
    *why = "it is another user's, and this server acts as its own user for everybody (mount as "
           "root; or export with `insecure`)";
    return false;
}

int access_caller(const struct export_client *client, const struct rpc_call *call,
                  struct cred *cred, struct export_cred_storage *storage, const char **why)
{
    struct rpc_peer peer = {.kind = RPC_PEER_FAR};

    if (client->options.secure) {
        peer = rpc_peer_of(call);
        if (!may_come_in(call, &peer, why))
            return EACCES;
    }
    if (peer.kind == RPC_PEER_FAR || peer.kind == RPC_PEER_ROOT || !cred_can_switch())
        return export_cred(client, &call->auth, cred, storage);
    if (peer.kind == RPC_PEER_USER && call->auth.flavor == RPC_AUTH_SYS &&
        call->auth.uid == peer.uid)
        return export_cred_of_user(client, &call->auth, cred, storage);
    return export_cred(client, &anonymous, cred, storage);
}
