/*
 * client.c - the client part of an export: reads its text, and decides which client is tried first.
 *
 * draft.c makes clients with it; match.c compares peers with them.
 */
#include "exports/internal.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_NAME_LONGEST 253 /* bytes of text, RFC 1035 section 2.3.4 */

static bool numeric_parse(const char *text, struct address *out, unsigned *bits)
{
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &out->in.sin_addr) == 1) {
        out->in.sin_family = AF_INET;
        *bits = 32;
        return true;
    }
    if (inet_pton(AF_INET6, text, &out->in6.sin6_addr) == 1) {
        out->in6.sin6_family = AF_INET6;
        *bits = 128;
        return true;
    }
    return false;
}

static uint8_t *bytes_of(struct address *address)
{
    return address->any.sa_family == AF_INET ? (uint8_t *)&address->in.sin_addr
                                             : (uint8_t *)&address->in6.sin6_addr;
}

/* Counts the bits of a mask that is given as an address: ones, then zeros. */
static bool mask_parse(const char *text, int family, unsigned *prefix)
{
    struct address mask;
    unsigned bits, ones = 0;

    if (!numeric_parse(text, &mask, &bits) || mask.any.sa_family != family)
        return false;
    const uint8_t *bytes = bytes_of(&mask);
    while (ones < bits && bytes[ones / 8] & (0x80 >> ones % 8))
        ones++;
    for (unsigned bit = ones; bit < bits; bit++)
        if (bytes[bit / 8] & (0x80 >> bit % 8))
            return false;
    *prefix = ones;
    return true;
}

/* Reads what follows the '/': a number of bits, or a netmask. */
static bool prefix_parse(const char *text, int family, unsigned bits, unsigned *prefix)
{
    size_t digits = strspn(text, "0123456789");

    if (!digits || digits > 3 || text[digits])
        return mask_parse(text, family, prefix);
    *prefix = (unsigned)strtoul(text, NULL, 10);
    return *prefix <= bits;
}

/* Clears the bits behind the prefix. An IPv4-mapped network becomes the IPv4 network that it
 * means. */
static void network_clean(struct address *network, unsigned *prefix)
{
    if (network->any.sa_family == AF_INET6 && *prefix >= 96 &&
        IN6_IS_ADDR_V4MAPPED(&network->in6.sin6_addr)) {
        address_normalize(network);
        *prefix -= 96;
    }
    unsigned len = network->any.sa_family == AF_INET ? 4 : 16;
    uint8_t *bytes = bytes_of(network);
    for (unsigned bit = *prefix; bit < len * 8; bit++)
        bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static bool name_ok(const char *text, const char *also)
{
    size_t len = strlen(text);

    if (len > HOST_NAME_LONGEST)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-._", text[i]) && !strchr(also, text[i]))
            return false;
    return true;
}

/* Whether a pattern has only digits and the characters that may stand between them. Such a pattern
 * is compared with addresses only: it must not fit a host that calls itself
 * 192.168.1.example.com. */
static bool pattern_is_numeric(const char *text)
{
    return strpbrk(text, "0123456789") && strspn(text, "0123456789.*?[]!-") == strlen(text);
}

static int name_parse(const char *text, struct export_client *client, const char **why)
{
    *why = "neither an address, nor a network, nor a host name";
    if (strpbrk(text, "*?[")) {
        client->kind = pattern_is_numeric(text) ? EXPORT_CLIENT_PATTERN : EXPORT_CLIENT_WILDCARD;
        return name_ok(text, "*?[]!") ? 0 : EINVAL;
    }
    /* A text of digits and dots only was meant as an address, and is a wrong one. */
    if (strspn(text, "0123456789.") == strlen(text))
        return EINVAL;
    client->kind = EXPORT_CLIENT_NAME;
    return name_ok(text, "") ? 0 : EINVAL;
}

int client_parse(const char *text, struct export_client *client, const char **why)
{
    const char *slash = strchr(text, '/');
    char host[INET6_ADDRSTRLEN];
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    unsigned bits;

    if (!strcmp(text, "*")) {
        client->kind = EXPORT_CLIENT_ANY;
        return 0;
    }
    if (text[0] == '@') {
        *why = "netgroups are not supported: name hosts or networks";
        return EINVAL;
    }
    if (!strncmp(text, "gss/", 4) || !strncmp(text, "krb5", 4)) {
        *why = "Kerberos (RPCSEC_GSS) is not supported: name hosts or networks";
        return EINVAL;
    }
    if (len < sizeof(host)) {
        memcpy(host, text, len);
        host[len] = '\0';
        if (numeric_parse(host, &client->network, &bits)) {
            client->kind = EXPORT_CLIENT_NETWORK;
            client->prefix = bits;
            *why = "not a prefix length or netmask for this address";
            if (slash &&
                !prefix_parse(slash + 1, client->network.any.sa_family, bits, &client->prefix))
                return EINVAL;
            network_clean(&client->network, &client->prefix);
            return 0;
        }
    }
    return name_parse(text, client, why);
}

bool client_same(const struct export_client *a, const struct export_client *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case EXPORT_CLIENT_ANY:
    case EXPORT_CLIENT_SELF:
        return true;
    case EXPORT_CLIENT_NETWORK:
        return a->prefix == b->prefix && address_same_host(&a->network, &b->network);
    case EXPORT_CLIENT_NAME:
    case EXPORT_CLIENT_WILDCARD:
    case EXPORT_CLIENT_PATTERN:
        break;
    }
    return !strcasecmp(a->text, b->text);
}

/* The order in which clients are tried: one host, networks, wildcards, everybody; within a rank,
 * first those that need no name service. */
static int client_rank(const struct export_client *client)
{
    size_t len;

    switch (client->kind) {
    case EXPORT_CLIENT_NETWORK:
        address_bytes(&client->network, &len);
        return client->prefix == len * 8 ? 0 : 3;
    case EXPORT_CLIENT_PATTERN:
        return 3;
    case EXPORT_CLIENT_SELF:
        return 1;
    case EXPORT_CLIENT_NAME:
        return 2;
    case EXPORT_CLIENT_WILDCARD:
        return 4;
    case EXPORT_CLIENT_ANY:
        break;
    }
    return 5;
}

int client_order(const struct export_client *a, const struct export_client *b)
{
    int rank_a = client_rank(a), rank_b = client_rank(b);

    if (rank_a != rank_b)
        return rank_a - rank_b;
    if (a->kind == EXPORT_CLIENT_NETWORK && b->kind == EXPORT_CLIENT_NETWORK)
        return (int)b->prefix - (int)a->prefix;
    return 0;
}
