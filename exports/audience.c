/*
 * audience.c - which hosts an export is for, as far as that can be told without asking a name
 * service.
 *
 * For the mount commands (server/announce.c), which are printed while the server starts: a name
 * server that does not answer must not delay them. So a client that is given by its name counts as
 * another host, unless the name is plainly this host's.
 */
#include "exports/internal.h"
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HOST_NAME_SIZE 256

static bool is_our_name(const char *name)
{
    char host[HOST_NAME_SIZE] = "";

    if (!strcasecmp(name, "localhost"))
        return true;
    if (gethostname(host, sizeof(host) - 1))
        return false;
    return !strcasecmp(name, host);
}

bool export_admits_us(const struct export *export, const struct address *from)
{
    for (size_t i = 0; i < export->nclients; i++) {
        const struct export_client *client = &export->clients[i];

        if (client->kind == EXPORT_CLIENT_ANY || client->kind == EXPORT_CLIENT_SELF)
            return true;
        if (client->kind == EXPORT_CLIENT_NETWORK && client_network_has(client, from))
            return true;
        if (client->kind == EXPORT_CLIENT_NAME && is_our_name(client->text))
            return true;
    }
    return false;
}

/* A network of one address that is this host's own has no other host in it; nor has 127.0.0.0/8. */
static bool network_is_ours(const struct export_client *client)
{
    size_t len;

    address_bytes(&client->network, &len);
    return address_is_loopback(&client->network) ||
           (client->prefix == len * 8 && address_is_own(&client->network));
}

bool export_admits_others(const struct export *export, int family, const struct address *near)
{
    for (size_t i = 0; i < export->nclients; i++) {
        const struct export_client *client = &export->clients[i];
        bool fits = false;

        switch (client->kind) {
        case EXPORT_CLIENT_ANY:
        case EXPORT_CLIENT_WILDCARD:
            fits = true;
            break;
        case EXPORT_CLIENT_PATTERN:
            fits = family == AF_INET && (!near || client_pattern_has(client, near));
            break;
        case EXPORT_CLIENT_NAME:
            fits = !is_our_name(client->text);
            break;
        case EXPORT_CLIENT_NETWORK:
            fits = client->network.any.sa_family == family && !network_is_ours(client) &&
                   (!near || client_network_has(client, near));
            break;
        case EXPORT_CLIENT_SELF:
            break;
        }
        if (fits)
            return true;
    }
    return false;
}
