/*
 * table.c - the portmapper's table, network ids, universal addresses; see portmap/table.h.
 *
 * A plain array: it has some dozens of entries, and is searched only when a client mounts.
 */
#include "portmap/table.h"
#include "rpc/program.h"
#include <arpa/inet.h>
#include <netconfig.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* This server's entries take at most RPC_PROGRAMS_MAX programs x versions x transports. The rest is
 * for other programs of the host. */
#define PORTMAP_ENTRIES_MAX 512

const struct netid netids[NETID_COUNT] = {
    {"udp", AF_INET, IPPROTO_UDP, NC_TPI_CLTS, "inet", "udp"},
    {"tcp", AF_INET, IPPROTO_TCP, NC_TPI_COTS_ORD, "inet", "tcp"},
    {"udp6", AF_INET6, IPPROTO_UDP, NC_TPI_CLTS, "inet6", "udp"},
    {"tcp6", AF_INET6, IPPROTO_TCP, NC_TPI_COTS_ORD, "inet6", "tcp"},
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct portmap_entry entries[PORTMAP_ENTRIES_MAX]; /* guarded by lock */
static size_t count;                                      /* guarded by lock */

const struct netid *netid_find(struct view name)
{
    for (size_t i = 0; i < NETID_COUNT; i++)
        if (strlen(netids[i].name) == name.len && memcmp(netids[i].name, name.data, name.len) == 0)
            return &netids[i];
    return NULL;
}

const struct netid *netid_of(int family, int protocol)
{
    for (size_t i = 0; i < NETID_COUNT; i++)
        if (netids[i].family == family && netids[i].protocol == protocol)
            return &netids[i];
    return NULL;
}

void uaddr_format(const struct address *a, char buf[UADDR_MAX])
{
    char host[INET6_ADDRSTRLEN] = "";
    size_t len;
    unsigned port = address_port(a);

    inet_ntop(a->any.sa_family, address_bytes(a, &len), host, sizeof(host));
    snprintf(buf, UADDR_MAX, "%s.%u.%u", host, port >> 8, port & 0xff);
}

/* Takes the last ".N", N in 0..255, off the text. */
static bool uaddr_take_byte(char *text, unsigned *byte)
{
    char *dot = strrchr(text, '.');
    char *end;

    if (dot == NULL || dot[1] < '0' || dot[1] > '9')
        return false;
    unsigned long value = strtoul(dot + 1, &end, 10);
    if (*end != '\0' || value > 255)
        return false;
    *dot = '\0';
    *byte = (unsigned)value;
    return true;
}

bool uaddr_parse(struct view text, struct address *out)
{
    char host[UADDR_MAX];
    unsigned high, low;

    if (text.len >= sizeof(host) || memchr(text.data, '\0', text.len) != NULL)
        return false;
    memcpy(host, text.data, text.len);
    host[text.len] = '\0';
    if (!uaddr_take_byte(host, &low) || !uaddr_take_byte(host, &high))
        return false;
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, host, &out->in.sin_addr) == 1)
        out->any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &out->in6.sin6_addr) == 1)
        out->any.sa_family = AF_INET6;
    else
        return false;
    address_set_port(out, (uint16_t)(high << 8 | low));
    return true;
}

/* Whether clients are told of an entry: this server's own only where they are served. */
static bool entry_is_told(const struct portmap_entry *e)
{
    return !e->own || e->netid->protocol != IPPROTO_UDP || rpc_over_udp(e->program);
}

/* With the lock held. */
static bool program_is_own(uint32_t program)
{
    for (size_t i = 0; i < count; i++)
        if (entries[i].own && entries[i].program == program)
            return true;
    return false;
}

/* With the lock held. */
static struct portmap_entry *entry_find(uint32_t program, uint32_t version,
                                        const struct netid *netid)
{
    for (size_t i = 0; i < count; i++) {
        struct portmap_entry *e = &entries[i];
        if (e->program == program && e->version == version && e->netid == netid)
            return e;
    }
    return NULL;
}

bool portmap_table_set(const struct portmap_entry *entry)
{
    bool done = false;

    pthread_mutex_lock(&lock);
    const struct portmap_entry *known = entry_find(entry->program, entry->version, entry->netid);
    if (known != NULL) {
        done = known->own == entry->own && address_same_host(&known->address, &entry->address) &&
               address_port(&known->address) == address_port(&entry->address);
    } else if (count < PORTMAP_ENTRIES_MAX && (entry->own || !program_is_own(entry->program))) {
        entries[count++] = *entry;
        done = true;
    }
    pthread_mutex_unlock(&lock);
    return done;
}

bool portmap_table_unset(uint32_t program, uint32_t version, const struct netid *netid)
{
    size_t kept = 0;
    bool done = true;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++) {
        const struct portmap_entry *e = &entries[i];
        bool meant =
            e->program == program && e->version == version && (netid == NULL || e->netid == netid);
        if (!meant || e->own)
            entries[kept++] = *e;
        if (meant && e->own)
            done = false;
    }
    count = kept;
    pthread_mutex_unlock(&lock);
    return done;
}

bool portmap_table_find(uint32_t program, uint32_t version, const struct netid *netid, bool exact,
                        struct portmap_entry *out)
{
    pthread_mutex_lock(&lock);
    const struct portmap_entry *found = entry_find(program, version, netid);
    for (size_t i = 0; i < count && found == NULL && !exact; i++)
        if (entries[i].program == program && entries[i].netid == netid)
            found = &entries[i];
    if (found != NULL && !entry_is_told(found))
        found = NULL;
    if (found != NULL)
        *out = *found;
    pthread_mutex_unlock(&lock);
    return found != NULL;
}

void portmap_table_walk(bool (*each)(const struct portmap_entry *entry, void *arg), void *arg)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++)
        if (entry_is_told(&entries[i]) && !each(&entries[i], arg))
            break;
    pthread_mutex_unlock(&lock);
}

void portmap_table_clear(void)
{
    pthread_mutex_lock(&lock);
    count = 0;
    pthread_mutex_unlock(&lock);
}
