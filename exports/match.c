/*
 * match.c - finds a client's rights by its address. The gate asks for every request.
 *
 * Clients of an export are sorted (client_order), so the first that fits is the answer. A thread
 * remembers its last answer for a second: the next request mostly comes from that peer, and then
 * nothing is locked or looked up, whatever kind of client it is.
 */
#include "exports/internal.h"
#include "exports/resolver.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
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

bool client_pattern_has(const struct export_client *client, const struct address *peer)
{
    char text[INET_ADDRSTRLEN];

    return peer->any.sa_family == AF_INET &&
           inet_ntop(AF_INET, &peer->in.sin_addr, text, sizeof(text)) != NULL &&
           fnmatch(client->text, text, FNM_NOESCAPE) == 0;
}

/* Whether a client's rule fits a peer. VFS_EJUKEBOX: the name service has not answered yet. */
static int client_has(const struct export_client *client, const struct address *peer, int wait,
                      bool *has)
{
    *has = false;
    switch (client->kind) {
    case EXPORT_CLIENT_ANY:
        *has = true;
        break;
    case EXPORT_CLIENT_SELF:
        *has = address_is_own(peer);
        break;
    case EXPORT_CLIENT_NETWORK:
        *has = client_network_has(client, peer);
        break;
    case EXPORT_CLIENT_NAME:
        return names_has_address(client->text, peer, wait, has);
    case EXPORT_CLIENT_WILDCARD:
        return names_fits(client->text, peer, wait, has);
    case EXPORT_CLIENT_PATTERN:
        *has = client_pattern_has(client, peer);
        break;
    }
    return 0;
}

/*
 * Finds the first client that fits. A rule by name whose answer is not known yet is passed over
 * where an address or network rule fits, so a peer that such a rule fits never waits for a name
 * service. The rule `*` settles nothing while a name is unknown, since the peer may have other
 * rights by its name.
 */
static int match(const struct export *export, const struct address *peer, int wait,
                 const struct export_client **out)
{
    int err = 0;

    *out = NULL;
    for (size_t i = 0; i < export->nclients && !*out; i++) {
        const struct export_client *client = &export->clients[i];
        bool has;
        if (err != 0 && client->kind == EXPORT_CLIENT_ANY)
            return err;
        int unknown = client_has(client, peer, wait, &has);
        if (unknown)
            err = unknown;
        else if (has)
            *out = client;
    }
    return *out ? 0 : err != 0 ? err : EACCES;
}

int export_ask(const struct export *export, const struct address *peer,
               const struct export_client **out)
{
    /* `client` may dangle. It is used only when its export, recognised by its serial, is held. */
    static _Thread_local struct {
        uint64_t serial; /* 0: nothing yet */
        time_t second;
        struct address peer;
        const struct export_client *client;
    } memo;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (memo.serial == export->serial && memo.second == now.tv_sec &&
        address_same_host(&memo.peer, peer)) {
        *out = memo.client;
        return memo.client ? 0 : EACCES;
    }

    int err = match(export, peer, 0, out);
    if (err == VFS_EJUKEBOX)
        err = match(export, peer, RESOLVER_WAIT, out);
    if (err == VFS_EJUKEBOX)
        return err;
    memo.client = *out;
    memo.serial = export->serial;
    memo.second = now.tv_sec;
    memo.peer = *peer;
    return err;
}

const struct export_client *export_match(const struct export *export, const struct address *peer)
{
    const struct export_client *client;

    return export_ask(export, peer, &client) ? NULL : client;
}
