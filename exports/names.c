/*
 * names.c - whether host names of clients fit an address. Used by match.c.
 *
 * A name is looked up forward. For a wildcard the peer's address is looked up in reverse, and the
 * name that is found counts only if it leads back to the address: the owner of a reverse zone could
 * claim any name.
 */
#include "exports/internal.h"
#include <fnmatch.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

struct name_addresses {
    struct ttl_answer answer;
    size_t count;
    struct address list[];
};

struct address_name {
    struct ttl_answer answer;
    char name[];
};

static enum ttl_kind failure_kind(int gai)
{
    return gai == EAI_AGAIN || gai == EAI_SYSTEM || gai == EAI_MEMORY ? TTL_FAILED : TTL_NONE;
}

/* Asks for a name's addresses; the key is the name with its NUL. */
static struct ttl_answer *ask_addresses(const void *key, size_t len)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *results = NULL;
    size_t count = 0;

    (void)len;
    int gai = getaddrinfo(key, NULL, &hints, &results);
    if (gai)
        results = NULL;
    for (struct addrinfo *at = results; at; at = at->ai_next)
        count++;

    struct name_addresses *names = calloc(1, sizeof(*names) + count * sizeof(names->list[0]));
    if (names) {
        names->answer.refs = 1;
        names->answer.kind = gai ? failure_kind(gai) : TTL_FOUND;
        for (struct addrinfo *at = results; at; at = at->ai_next) {
            struct address *address = &names->list[names->count];
            if (at->ai_addrlen > sizeof(*address))
                continue;
            memcpy(address, at->ai_addr, at->ai_addrlen);
            address_normalize(address);
            names->count++;
        }
    }
    if (results)
        freeaddrinfo(results);
    return names ? &names->answer : NULL;
}

static bool has_address(const struct ttl_answer *answer, const struct address *peer)
{
    const struct name_addresses *names = (const struct name_addresses *)answer;

    for (size_t i = 0; answer && i < names->count; i++)
        if (address_same_host(&names->list[i], peer))
            return true;
    return false;
}

/* Asks for an address' name; the key is a struct address without a port. */
static struct ttl_answer *ask_name(const void *key, size_t len)
{
    struct address address;
    char host[NI_MAXHOST] = "";

    memcpy(&address, key, len);
    int gai =
        getnameinfo(&address.any, address_len(&address), host, sizeof(host), NULL, 0, NI_NAMEREQD);
    if (gai)
        host[0] = '\0';

    struct address_name *answer = calloc(1, sizeof(*answer) + strlen(host) + 1);
    if (!answer)
        return NULL;
    answer->answer.refs = 1;
    answer->answer.kind = gai ? failure_kind(gai) : TTL_FOUND;
    strcpy(answer->name, host);
    /* Asked on this thread and not through the other cache's pool: names of strangers, of which
     * there can be any number, must not delay the names in the exports. */
    struct ttl_answer *back = gai ? NULL : ask_addresses(host, 0);
    if (!gai && !has_address(back, &address))
        answer->answer.kind = TTL_NONE;
    ttl_cache_put(back);
    return &answer->answer;
}

/* Names in the exports: a known answer is used until a newer one comes, however long that takes, so
 * that a host does not get other rights while its name is being asked for. */
static struct ttl_cache addresses_of_names = TTL_CACHE_INIT(ask_addresses, INT_MAX);
static struct ttl_cache names_of_addresses = TTL_CACHE_INIT(ask_name, TTL_OLD_SEC);

int names_has_address(const char *name, const struct address *peer, int wait, bool *has)
{
    struct ttl_answer *answer;
    int err = ttl_cache_get(&addresses_of_names, name, strlen(name) + 1, wait, &answer);

    *has = err == 0 && has_address(answer, peer);
    ttl_cache_put(answer);
    return err;
}

int names_fits(const char *pattern, const struct address *peer, int wait, bool *fits)
{
    struct address key;
    struct ttl_answer *answer;

    /* The key has only what identifies a host: flow labels and ports differ from call to call. */
    memset(&key, 0, sizeof(key));
    if (peer->any.sa_family == AF_INET6) {
        key.in6.sin6_family = AF_INET6;
        key.in6.sin6_addr = peer->in6.sin6_addr;
        key.in6.sin6_scope_id = peer->in6.sin6_scope_id;
    } else {
        key.in.sin_family = AF_INET;
        key.in.sin_addr = peer->in.sin_addr;
    }
    int err = ttl_cache_get(&names_of_addresses, &key, sizeof(key), wait, &answer);
    *fits = answer && answer->kind == TTL_FOUND &&
            !fnmatch(pattern, ((struct address_name *)answer)->name, FNM_NOESCAPE | FNM_CASEFOLD);
    ttl_cache_put(answer);
    return err;
}

int names_fetch(const char *name, int wait, enum ttl_kind *kind)
{
    struct ttl_answer *answer;
    int err = ttl_cache_get(&addresses_of_names, name, strlen(name) + 1, wait, &answer);

    *kind = answer ? answer->kind : TTL_FAILED;
    ttl_cache_put(answer);
    return err;
}

void names_clear(void)
{
    ttl_cache_clear(&addresses_of_names);
    ttl_cache_clear(&names_of_addresses);
}
