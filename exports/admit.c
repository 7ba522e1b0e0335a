/*
 * admit.c - whether anything at all is exported to a peer. rpc/admission.c asks by the hook that
 * server/server.c sets, before the first call of a connection and before each datagram is decoded.
 *
 * First the rules of all exports that are written as addresses are tried. The name service is asked
 * only about a peer that no address rule lets in, and only where an export has rules by name.
 */
#include "exports/internal.h"
#include <time.h>

static bool by_address(const struct export_client *client, const struct address *peer)
{
    switch (client->kind) {
    case EXPORT_CLIENT_ANY:
        return true;
    case EXPORT_CLIENT_SELF:
        return address_is_own(peer);
    case EXPORT_CLIENT_NETWORK:
        return client_network_has(client, peer);
    case EXPORT_CLIENT_PATTERN:
        return client_pattern_has(client, peer);
    case EXPORT_CLIENT_NAME:
    case EXPORT_CLIENT_WILDCARD:
        break;
    }
    return false;
}

static bool lets_in(const struct export *export, const struct address *peer, bool *has_names)
{
    bool in = false;

    for (size_t i = 0; i < export->nclients && !in; i++) {
        const struct export_client *client = &export->clients[i];
        in = by_address(client, peer);
        if (client->kind == EXPORT_CLIENT_NAME || client->kind == EXPORT_CLIENT_WILDCARD)
            *has_names = true;
    }
    return in;
}

enum rpc_verdict exports_admit(const struct address *peer)
{
    const struct exports *exports = exports_get();
    bool in = false, has_names = false, unknown = false;

    for (size_t i = 0; i < exports->count && !in; i++)
        in = lets_in(&exports->list[i], peer, &has_names);
    for (size_t i = 0; i < exports->count && !in && !unknown && has_names; i++) {
        const struct export_client *client;
        int err = export_ask(&exports->list[i], peer, &client);
        in = err == 0;
        unknown = err == VFS_EJUKEBOX;
    }
    exports_put();
    return in ? RPC_WELCOME : unknown ? RPC_UNKNOWN : RPC_STRANGER;
}
