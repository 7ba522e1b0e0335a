/*
 * listen_option.c - reads the addresses to listen on; see listen_option.h.
 */
#include "server/listen_option.h"
#include "server/server.h"
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES  256
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define TOO_MANY        "that makes more than 16 addresses; listen on 0.0.0.0 or :: for all"

/* Whether an address is on the list already. Ports are compared only where both have one. */
static bool is_there(const struct listen_option *listen, const struct address *a, bool has_port)
{
    for (size_t i = 0; i < listen->count; i++)
        if (address_same_host(&listen->address[i], a) &&
            (!has_port || !listen->has_port[i] ||
             address_port(&listen->address[i]) == address_port(a)))
            return true;
    return false;
}

static int add(struct listen_option *listen, const struct address *a, bool has_port, bool optional,
               const char **why)
{
    if (is_there(listen, a, has_port))
        return 0;
    if (listen->count == SERVER_LISTEN_MAX) {
        *why = TOO_MANY;
        return EINVAL;
    }
    listen->address[listen->count] = *a;
    listen->has_port[listen->count] = has_port;
    listen->is_optional[listen->count] = optional;
    listen->count++;
    return 0;
}

/* Splits NAME or NAME:PORT into its parts. */
static int name_split(const char *text, char name[NAME_MAX_BYTES], uint16_t *port, bool *has_port)
{
    size_t len = strcspn(text, ":");
    char *end;

    if (len == 0 || len >= NAME_MAX_BYTES || strspn(text, NAME_CHARACTERS) != len)
        return EINVAL;
    memcpy(name, text, len);
    name[len] = '\0';
    *has_port = text[len] == ':';
    *port = NFS_PORT;
    if (!*has_port)
        return 0;
    const char *digits = text + len + 1;
    unsigned long value = strtoul(digits, &end, 10);
    if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || value > UINT16_MAX)
        return EINVAL;
    *port = (uint16_t)value;
    return 0;
}

static int add_name(struct listen_option *listen, const char *text, const char **why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char name[NAME_MAX_BYTES];
    uint16_t port;
    bool has_port;

    *why = LISTEN_EXPECTED;
    /* Digits and dots are a wrong address and not a name: "192.0.2" would become 192.0.0.2. */
    if (name_split(text, name, &port, &has_port) != 0 || name[strspn(name, "0123456789.")] == '\0')
        return EINVAL;
    int err = getaddrinfo(name, NULL, &hints, &found);
    if (err != 0) {
        bool none = err == EAI_NONAME || err == EAI_NODATA || err == EAI_ADDRFAMILY;
        *why = none ? "there is no host of this name; " LISTEN_EXPECTED : gai_strerror(err);
        return none ? EINVAL : EAGAIN;
    }
    err = 0;
    for (const struct addrinfo *one = found; one != NULL && err == 0; one = one->ai_next) {
        struct address a = {0};
        if (one->ai_family != AF_INET && one->ai_family != AF_INET6)
            continue;
        memcpy(&a, one->ai_addr, one->ai_addrlen);
        address_set_port(&a, port);
        err = add(listen, &a, has_port, found->ai_next != NULL, why);
    }
    freeaddrinfo(found);
    return err;
}

int listen_option_add(struct listen_option *listen, const char *text, const char **why)
{
    struct address a, other, all4;

    /* The text names a port if the result does not follow the default port. */
    if (address_parse(text, NFS_PORT, &a) != 0 || address_parse(text, 1, &other) != 0)
        return add_name(listen, text, why);
    bool has_port = address_port(&a) == address_port(&other);
    int err = add(listen, &a, has_port, false, why);
    if (err != 0 || a.any.sa_family != AF_INET6 || !IN6_IS_ADDR_UNSPECIFIED(&a.in6.sin6_addr))
        return err;
    address_parse("0.0.0.0", address_port(&a), &all4);
    return add(listen, &all4, has_port, true, why);
}

int listen_option_settle(const struct listen_option *listen, struct server_config *config,
                         const char **why)
{
    bool given = listen->has_common_port;
    uint16_t port = given ? listen->common_port : NFS_PORT;

    for (size_t i = 0; i < listen->count; i++) {
        uint16_t own = address_port(&listen->address[i]);
        if (!listen->has_port[i])
            continue;
        if (given && own != port) {
            *why = "two ports; give all addresses the same";
            return EINVAL;
        }
        given = true;
        port = own;
    }
    if (listen->count == 0) {
        server_listen_default(config, port);
        return 0;
    }
    for (size_t i = 0; i < listen->count; i++) {
        config->listen[i] = listen->address[i];
        address_set_port(&config->listen[i], port);
        config->listen_optional[i] = listen->is_optional[i];
    }
    config->nlisten = listen->count;
    return 0;
}
