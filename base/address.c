/*
 * address.c - see address.h.
 */
#include "base/address.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The list of the host's own addresses is read again when it is older than this, in seconds. */
#define OWN_FRESH_SECONDS 5

void address_normalize(struct address *a)
{
    if (a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
        return;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = a->in6.sin6_port};
    memcpy(&in.sin_addr, &a->in6.sin6_addr.s6_addr[12], 4);
    memset(a, 0, sizeof(*a));
    a->in = in;
}

socklen_t address_len(const struct address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

uint16_t address_port(const struct address *a)
{
    return ntohs(a->any.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

void address_set_port(struct address *a, uint16_t port)
{
    if (a->any.sa_family == AF_INET6)
        a->in6.sin6_port = htons(port);
    else
        a->in.sin_port = htons(port);
}

const uint8_t *address_bytes(const struct address *a, size_t *len)
{
    if (a->any.sa_family == AF_INET6) {
        *len = 16;
        return a->in6.sin6_addr.s6_addr;
    }
    *len = 4;
    return (const uint8_t *)&a->in.sin_addr;
}

bool address_same_host(const struct address *a, const struct address *b)
{
    size_t alen, blen;
    const uint8_t *abytes = address_bytes(a, &alen);
    const uint8_t *bbytes = address_bytes(b, &blen);

    return a->any.sa_family == b->any.sa_family && memcmp(abytes, bbytes, alen) == 0 &&
           (a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr) ||
            a->in6.sin6_scope_id == b->in6.sin6_scope_id);
}

bool address_is_loopback(const struct address *a)
{
    if (a->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
    return ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
}

const char *address_format(const struct address *a, bool with_port, char buf[ADDRESS_TEXT_MAX])
{
    char text[INET6_ADDRSTRLEN] = "?";
    size_t len;
    const uint8_t *bytes = address_bytes(a, &len);

    inet_ntop(a->any.sa_family, bytes, text, sizeof(text));
    bool v6 = a->any.sa_family == AF_INET6;
    int n;
    if (v6 && a->in6.sin6_scope_id != 0)
        n = snprintf(buf, ADDRESS_TEXT_MAX, "[%s%%%u]", text, (unsigned)a->in6.sin6_scope_id);
    else
        n = snprintf(buf, ADDRESS_TEXT_MAX, v6 ? "[%s]" : "%s", text);
    if (with_port)
        snprintf(buf + n, (size_t)(ADDRESS_TEXT_MAX - n), ":%u", (unsigned)address_port(a));
    return buf;
}

/* Accepts decimal digits only: strtoul() alone would take spaces and signs, too. */
static int port_parse(const char *text, uint16_t *port)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value > UINT16_MAX)
        return EINVAL;
    *port = (uint16_t)value;
    return 0;
}

static int host6_parse(char *host, struct address *out)
{
    char *scope = strchr(host, '%');

    out->in6.sin6_family = AF_INET6;
    if (scope != NULL) {
        *scope++ = '\0';
        out->in6.sin6_scope_id = if_nametoindex(scope);
        if (out->in6.sin6_scope_id == 0)
            out->in6.sin6_scope_id = (uint32_t)strtoul(scope, NULL, 10);
        if (out->in6.sin6_scope_id == 0)
            return EINVAL;
    }
    return inet_pton(AF_INET6, host, &out->in6.sin6_addr) == 1 ? 0 : EINVAL;
}

int address_parse(const char *text, uint16_t default_port, struct address *out)
{
    char host[ADDRESS_TEXT_MAX];
    const char *port_text = NULL;
    uint16_t port = default_port;
    bool v6 = false;

    memset(out, 0, sizeof(*out));
    if (strlen(text) >= sizeof(host))
        return EINVAL;
    strcpy(host, text);
    const char *first_colon = strchr(text, ':');
    if (host[0] == '[') {
        char *close = strchr(host, ']');
        if (close == NULL || (close[1] != '\0' && close[1] != ':'))
            return EINVAL;
        if (close[1] == ':')
            port_text = text + (close - host) + 2;
        *close = '\0';
        memmove(host, host + 1, strlen(host + 1) + 1);
        v6 = true;
    } else if (first_colon != NULL && strchr(first_colon + 1, ':') != NULL) {
        v6 = true;
    } else if (first_colon != NULL) {
        host[first_colon - text] = '\0';
        port_text = first_colon + 1;
    }
    if (port_text != NULL && port_parse(port_text, &port) != 0)
        return EINVAL;
    if (v6) {
        int err = host6_parse(host, out);
        if (err != 0)
            return err;
    } else {
        out->in.sin_family = AF_INET;
        if (inet_pton(AF_INET, host, &out->in.sin_addr) != 1)
            return EINVAL;
    }
    address_set_port(out, port);
    return 0;
}

/* --- the host's own addresses --- */

static struct {
    pthread_mutex_t lock;
    struct address *list; /* guarded by lock, like the rest */
    size_t count;
    time_t read_at;
} own = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Called with own.lock held. Where the interfaces can't be read, the old list stays. */
static void own_refresh(time_t now)
{
    struct ifaddrs *all, *one;
    size_t count = 0;

    own.read_at = now;
    if (getifaddrs(&all) != 0)
        return;
    for (one = all; one != NULL; one = one->ifa_next)
        count++;
    struct address *list = calloc(count + 1, sizeof(*list));
    if (list != NULL) {
        count = 0;
        for (one = all; one != NULL; one = one->ifa_next) {
            if (one->ifa_addr == NULL)
                continue;
            if (one->ifa_addr->sa_family == AF_INET)
                memcpy(&list[count++].in, one->ifa_addr, sizeof(struct sockaddr_in));
            else if (one->ifa_addr->sa_family == AF_INET6)
                memcpy(&list[count++].in6, one->ifa_addr, sizeof(struct sockaddr_in6));
        }
        free(own.list);
        own.list = list;
        own.count = count;
    }
    freeifaddrs(all);
}

bool address_is_own(const struct address *a)
{
    struct timespec now;
    bool found = false;

    if (address_is_loopback(a))
        return true;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    pthread_mutex_lock(&own.lock);
    if (own.list == NULL || now.tv_sec - own.read_at >= OWN_FRESH_SECONDS)
        own_refresh(now.tv_sec);
    for (size_t i = 0; own.list != NULL && i < own.count && !found; i++)
        found = address_same_host(&own.list[i], a);
    pthread_mutex_unlock(&own.lock);
    return found;
}
