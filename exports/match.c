/*
 * match.c - the rights of a client, by its address. The gate asks for every request.
 *
 * Clients of an export are sorted (client_order), so the first that fits is the answer. A thread
 * remembers its last answer for a second: the next request mostly comes from the same peer, and
 * then nothing is locked or looked up, whatever kind of client it is.
 */
#include "exports/internal.h"
#include <string.h>
#include <time.h>

bool client_network_has(const struct export_client *client, const struct address *peer)
{
    size_t len, peer_len;
    const uint8_t *network = address_bytes(&client->network, &len);
    const uint8_t *bytes = address_bytes(peer, &peer_len);
    unsigned whole = client->prefix / 8, bits = client->prefix % 8;

    if (len != peer_len || memcmp(network, bytes, whole))
        return false;
    return !bits || !((network[whole] ^ bytes[whole]) >> (8 - bits));
}

static bool client_has(const struct export_client *client, const struct address *peer)
{
    switch (client->kind) {
    case EXPORT_CLIENT_ANY:
        return true;
    case EXPORT_CLIENT_SELF:
        return address_is_own(peer);
    case EXPORT_CLIENT_NETWORK:
        return client_network_has(client, peer);
    case EXPORT_CLIENT_NAME:
        return names_has_address(client->text, peer);
    case EXPORT_CLIENT_WILDCARD:
        return names_fits(client->text, peer);
    }
    return false;
}

const struct export_client *export_match(const struct export *export, const struct address *peer)
{
    /* `client` may dangle, but is looked at only while its export, known by serial, is held. */
    static _Thread_local struct {
        uint64_t serial; /* 0: nothing yet */
        time_t second;
        struct address peer;
        const struct export_client *client;
    } memo;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (memo.serial == export->serial && memo.second == now.tv_sec &&
        address_same_host(&memo.peer, peer))
        return memo.client;

    memo.client = NULL;
    for (size_t i = 0; i < export->nclients && !memo.client; i++)
        if (client_has(&export->clients[i], peer))
            memo.client = &export->clients[i];
    memo.serial = export->serial;
    memo.second = now.tv_sec;
    memo.peer = *peer;
    return memo.client;
}
