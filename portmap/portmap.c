/*
 * portmap.c - chooses the way in which clients find this server's programs; see portmap.h.
 *
 * Called by server/server.c while starting and ending only. The programs' entries are in the table
 * (portmap/table.c) whichever way was chosen. Where the system's rpcbind was chosen, they are
 * registered there as well and taken back at the end.
 */
#include "portmap/portmap.h"
#include "base/log.h"
#include "portmap/program.h"
#include "portmap/system.h"
#include "portmap/table.h"
#include "rpc/program.h"
#include <errno.h>
#include <rpc/pmap_prot.h>
#include <stdio.h>
#include <string.h>

/* This server's entries: each program in each version on each transport. */
#define OURS_MAX (RPC_PROGRAMS_MAX * 4 * NETID_COUNT)
static struct portmap_entry ours[OURS_MAX];
static size_t ours_count;
static size_t registered; /* rpcbind has the first `registered` entries of ours[] */
static bool active;       /* clients find the server by its program number */

static const char *const mode_names[] = {
    [PORTMAP_AUTO] = "auto",
    [PORTMAP_BUILTIN] = "builtin",
    [PORTMAP_SYSTEM] = "system",
    [PORTMAP_OFF] = "off",
};

bool portmap_mode_parse(const char *text, enum portmap_mode *mode)
{
    for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
        if (strcmp(text, mode_names[i]) == 0) {
            *mode = (enum portmap_mode)i;
            return true;
        }
    return false;
}

bool portmap_active(void)
{
    return active;
}

/*
 * The one address to register for a family, since rpcbind has one entry for each transport. Where
 * the server listens on several, this is the wildcard address; GETADDR then answers with the
 * address that the client asked. False: the server listens on no address of the family.
 */
static bool family_address(int family, const struct address *listen, size_t count,
                           struct address *out)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (listen[i].any.sa_family != family)
            continue;
        if (found++ == 0)
            *out = listen[i];
    }
    if (found > 1) {
        uint16_t port = address_port(out);
        memset(out, 0, sizeof(*out));
        out->any.sa_family = (sa_family_t)family;
        address_set_port(out, port);
    }
    return found > 0;
}

static void table_fill_program(const struct rpc_program *program, const struct address *listen,
                               size_t count, uint16_t port)
{
    for (size_t v = 0; v < program->nversions; v++)
        for (size_t n = 0; n < NETID_COUNT; n++) {
            struct portmap_entry entry = {
                .program = program->number,
                .version = program->versions[v].version,
                .netid = &netids[n],
                .own = true,
            };
            if (!family_address(netids[n].family, listen, count, &entry.address))
                continue;
            address_set_port(&entry.address, port);
            if (ours_count < OURS_MAX && portmap_table_set(&entry))
                ours[ours_count++] = entry;
        }
}

/* Enters all of this server's programs at the port of `listen`, and the portmapper at
 * `portmap_port`. */
static void table_fill(const struct address *listen, size_t count, uint16_t portmap_port)
{
    const struct rpc_program *program;

    portmap_table_clear();
    ours_count = 0;
    for (unsigned i = 0; (program = rpc_registered(i)) != NULL; i++) {
        bool is_portmap = program->number == PMAPPROG;
        table_fill_program(program, listen, count,
                           is_portmap ? portmap_port : address_port(&listen[0]));
    }
}

/* Listens on port 111 of each address. Succeeds when at least one could be bound. */
static int builtin_listen(const struct address *listen, size_t count)
{
    int first_error = 0;
    size_t bound = 0;

    if (address_port(&listen[0]) == PORTMAP_PORT)
        return 0; /* all programs, and so the portmapper, are at port 111 already */
    for (size_t i = 0; i < count; i++) {
        struct address at = listen[i];
        char text[ADDRESS_TEXT_MAX];

        address_set_port(&at, PORTMAP_PORT);
        int err = rpc_listen(&at);
        if (err == 0) {
            bound++;
            continue;
        }
        log_debug("portmapper: %s: %s", address_format(&at, true, text), strerror(err));
        if (first_error == 0)
            first_error = err;
    }
    return bound > 0 ? 0 : first_error;
}

/* --- the system's rpcbind --- */

/* Whether an entry is registered with rpcbind: not the portmapper's, which rpcbind has itself, and
 * not one for UDP where the program is not served over UDP. */
static bool is_for_rpcbind(const struct portmap_entry *entry)
{
    return entry->program != PMAPPROG &&
           (entry->netid->protocol != IPPROTO_UDP || rpc_over_udp(entry->program));
}

/* Takes all registrations back. The connection to rpcbind is open. */
static void system_unregister(void)
{
    for (size_t i = 0; i < registered; i++)
        if (is_for_rpcbind(&ours[i]) && portmap_system_unset(&ours[i]) == EPROTO)
            break; /* rpcbind does not answer, and would not for the other entries */
    registered = 0;
}

/* Registers all entries. Where one fails, none stays: half a registration would send clients to two
 * servers. */
static int system_register(void)
{
    int err = 0;

    while (registered < ours_count && err == 0) {
        const struct portmap_entry *entry = &ours[registered];
        if (is_for_rpcbind(entry))
            err = portmap_system_set(entry);
        if (err == 0)
            registered++;
    }
    if (err != 0)
        system_unregister();
    portmap_system_close();
    return err;
}

/* --- modes --- */

static int start_builtin(const struct address *listen, size_t count, char *described, size_t size)
{
    int err = builtin_listen(listen, count);

    if (err != 0) {
        snprintf(described, size, "can't serve the portmapper at port 111: %s", strerror(err));
        return err;
    }
    active = true;
    table_fill(listen, count, PORTMAP_PORT);
    snprintf(described, size, "serving the portmapper at port 111");
    return 0;
}

static int start_system(const struct address *listen, size_t count, char *described, size_t size)
{
    int err = portmap_system_open();

    if (err != 0) {
        snprintf(described, size, "no rpcbind answers at port 111 of this host: %s", strerror(err));
        return err;
    }
    table_fill(listen, count, address_port(&listen[0]));
    err = system_register();
    if (err == 0)
        snprintf(described, size, "registered with the system's rpcbind");
    else
        snprintf(described, size, "the system's rpcbind does not register us (%s)",
                 err == EADDRINUSE ? "another server is registered" : strerror(err));
    active = err == 0;
    return err;
}

static int start_auto(const struct address *listen, size_t count, char *described, size_t size)
{
    char why[160];

    int err = start_system(listen, count, why, sizeof(why));
    if (err == 0) {
        snprintf(described, size, "%s", why);
        return 0;
    }
    /* Only where rpcbind refused the connection can port 111 be free. */
    if (err == ECONNREFUSED && start_builtin(listen, count, why, sizeof(why)) == 0) {
        snprintf(described, size, "%s", why);
        return 0;
    }
    snprintf(described, size,
             "no portmapper (%s): clients need the options port, mountport and tcp", why);
    table_fill(listen, count, address_port(&listen[0]));
    return 0;
}

int portmap_start(enum portmap_mode mode, const struct address *listen, size_t count,
                  char *described, size_t described_size)
{
    if (mode == PORTMAP_OFF) {
        snprintf(described, described_size,
                 "no portmapper: clients need the options port, mountport and tcp");
        return 0;
    }
    portmap_program_register();
    switch (mode) {
    case PORTMAP_BUILTIN:
        return start_builtin(listen, count, described, described_size);
    case PORTMAP_SYSTEM:
        return start_system(listen, count, described, described_size);
    default:
        return start_auto(listen, count, described, described_size);
    }
}

void portmap_udp_set(uint32_t program, bool on)
{
    if (rpc_over_udp(program) == on)
        return;
    const bool is_registered = registered > 0 && portmap_system_open() == 0;
    for (size_t i = 0; is_registered && i < ours_count; i++) {
        const struct portmap_entry *entry = &ours[i];
        if (entry->program == program && entry->netid->protocol == IPPROTO_UDP &&
            (on ? portmap_system_set : portmap_system_unset)(entry) == EPROTO)
            break; /* rpcbind does not answer */
    }
    if (is_registered)
        portmap_system_close();
    rpc_over_udp_set(program, on);
}

void portmap_finish(void)
{
    if (registered > 0 && portmap_system_open() == 0) {
        system_unregister();
        portmap_system_close();
    }
    registered = ours_count = 0;
    active = false;
    portmap_table_clear();
}
