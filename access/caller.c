/*
 * caller.c - chooses the identity that a call runs with: which claims are believed, then squash and
 * id map.
 *
 * gate.c calls this once it has found the client's rights in the export. On an `insecure` export
 * the ids in a call are believed, whichever client sent it. On a `secure` one another host's client
 * is believed if its port is reserved. On this host (rpc/peer.h) the kernel and root are believed
 * whatever their port. Any other user of this host runs as the owner of the socket, in that user's
 * groups, if the call claims that user's id, and as the anonymous user if it claims another.
 */
#include "access/caller.h"
#include "base/cred.h"
#include "rpc/peer.h"
#include <errno.h>

static const struct rpc_auth anonymous = {.flavor = RPC_AUTH_NONE};

/* Whether the caller is let in at all. Where the server can't switch identities, everything happens
 * as the server's user, so another user of this host can't be given fewer rights and is refused. */
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
