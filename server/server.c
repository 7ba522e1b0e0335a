/*
 * server.c - starts and stops everything; see server.h.
 *
 * Starting is a straight line of stages, in the order in which they need each other. Stopping goes
 * back along that line, and so does a start that fails on its way.
 */
#include "server/server.h"
#include "access/handle.h"
#include "access/handle_key.h"
#include "base/apart.h"
#include "base/cred.h"
#include "base/fds.h"
#include "base/log.h"
#include "base/wait_place.h"
#include "net/net.h"
#include "rpc/dispatch.h"
#include "rpc/peer.h"
#include "rpc/reply_cache.h"
#include "server/parts.h"
#include "server/process.h"
#include "server/state_dir.h"
#include "server/upkeep.h"
#include "vfs/module.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CACHE_NODES_DEFAULT 262144
#define REPLIES_MAX         32768
#define REPLIES_BYTES_MAX   (32 * 1024 * 1024)
/* Milliseconds that calls in progress get to end when the server stops. */
#define GRACE_MS 10000
/* Milliseconds that rpcbind gets to answer when the server stops. */
#define PORTMAP_MS 2000

/* How often, in seconds, server_tick() wants to be called: while messages come, and for
 * TICKS_TO_IDLE ticks after the last one, since what they leave behind expires; and later. */
#define TICK_BUSY_S   1
#define TICK_IDLE_S   30
#define TICKS_TO_IDLE 60

/* How far a start has come. */
enum stage { STOPPED, HAS_STATE, HAS_NODES, HAS_REPLIES, HAS_EXPORTS, HAS_NET, HAS_PORTMAP };

/* Used by the thread that starts and stops the server; `messages` and `quiet` by the one that calls
 * server_tick(). */
static struct {
    enum stage stage;
    char state_dir[PATH_MAX];
    uint64_t messages;
    unsigned quiet;
} server;

/* Where a function writes its line for the user. */
struct answer {
    char *text;
    size_t size;
};

static enum server_status __attribute__((format(printf, 2, 3)))
fail(const struct answer *answer, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(answer->text, answer->size, format, ap);
    va_end(ap);
    return SERVER_FAILURE;
}

void server_defaults(struct server_config *config)
{
    *config = (struct server_config){
        .spin_usec = -1,
        .cache_nodes = CACHE_NODES_DEFAULT,
        .waiting = WAIT_CALLS_DEFAULT,
        .portmap = PORTMAP_AUTO,
    };
}

void server_listen_default(struct server_config *config, uint16_t port)
{
    config->nlisten = 2;
    address_parse("127.0.0.1", port, &config->listen[0]);
    address_parse("::1", port, &config->listen[1]);
    config->listen_optional[0] = config->listen_optional[1] = true;
}

/* Once in a process: what is loaded stays. */
static enum server_status load_modules(const struct server_config *config,
                                       const struct answer *answer)
{
    char why[PATH_MAX + 512];

    for (size_t i = 0; i < config->nmodules; i++)
        if (module_load(config->modules[i], why, sizeof(why)) != 0)
            return fail(answer, "--module=%s: %s", config->modules[i], why);
    return SERVER_OK;
}

static enum server_status choose_state_dir(struct server_config *config,
                                           const struct answer *answer)
{
    int err = state_dir_choose(config->state_dir, server.state_dir, sizeof(server.state_dir));

    if (err != 0)
        return fail(answer, "no state directory (%s); name one with --state-dir", strerror(err));
    config->exports.state_dir = server.state_dir;
    return SERVER_OK;
}

static enum server_status start_state(struct server_config *config, const struct answer *answer)
{
    enum server_status status = choose_state_dir(config, answer);

    if (status != SERVER_OK)
        return status;
    if (state_dir_open(server.state_dir, answer->text, answer->size) != 0)
        return SERVER_FAILURE;
    server.stage = HAS_STATE;
    cred_init();
    struct handle_key_why why = {.text = ""};
    return handle_init(server.state_dir, &why) == 0 ? SERVER_OK : fail(answer, "%s", why.text);
}

static uint32_t cache_fds(const struct server_config *config)
{
    struct fds_shares shares;

    fds_share(&shares);
    return config->cache_fds != 0 ? config->cache_fds : shares.cache;
}

static enum server_status start_caches(const struct server_config *config,
                                       const struct answer *answer)
{
    wait_places_init(config->waiting);
    if (vnode_table_init(config->cache_nodes, cache_fds(config)) == 0) {
        server.stage = HAS_NODES;
        if (reply_cache_init(REPLIES_MAX, REPLIES_BYTES_MAX) == 0)
            server.stage = HAS_REPLIES;
    }
    if (server.stage != HAS_REPLIES)
        return fail(answer, "out of memory for the caches%s",
                    config->exports.made_up ? "" : "; try a smaller --cache-nodes");
    export_manage_gids(config->manage_gids);
    return SERVER_OK;
}

/* Finds out whether the kernel tells the users of clients on this host, and warns where ports mean
 * little. */
static void look_at_peers(const struct server_config *config)
{
    const bool checked = !config->local_peers_any && rpc_peer_look(true);
    unsigned first = process_first_free_port();

    if (!checked)
        rpc_peer_look(false);
    if (!checked && !config->local_peers_any)
        log_warning("the kernel does not tell whose a client's socket is (sock_diag): on this host "
                    "whoever has a port below 1024 is taken for root");
    if (first < IPPORT_RESERVED)
        log_warning("net.ipv4.ip_unprivileged_port_start is %u: every user of this host may have a "
                    "port below 1024%s",
                    first, checked ? "; who calls is told by the socket's owner" : ", and be root");
}

static enum server_status load_exports(const struct server_config *config,
                                       const struct answer *answer)
{
    answer->text[0] = '\0';
    int err = exports_load(&config->exports, answer->text, answer->size);

    if (err == 0)
        return SERVER_OK;
    return err == EINVAL || err == ENAMETOOLONG ? SERVER_USAGE : SERVER_FAILURE;
}

/* Listens on one address. *bound: whether that worked; an optional address that this host does not
 * have is left out without an error. */
static enum server_status start_listening(const struct server_config *config,
                                          struct address *address, bool is_optional, bool *bound,
                                          const struct answer *answer)
{
    char text[ADDRESS_TEXT_MAX];
    int err = net_listen(address);

    *bound = err == 0;
    if (err == 0)
        return SERVER_OK;
    address_format(address, true, text);
    if (is_optional && (err == EADDRNOTAVAIL || err == EAFNOSUPPORT)) {
        log_debug("not listening on %s: %s", text, strerror(err));
        return SERVER_OK;
    }
    switch (err) {
    case EADDRINUSE:
        return fail(answer,
                    "%s is in use by another server; end that, or use --listen with "
                    "another port",
                    text);
    case EACCES:
        return fail(answer, "no right to listen on %s; use --listen with a port above 1023", text);
    case EADDRNOTAVAIL:
        return fail(answer, "%s is not an address of this host; see `ip address`%s", text,
                    config->exports.made_up ? "" : ", or use --freebind for one that is to come");
    default:
        return fail(answer, "can't listen on %s: %s", text, strerror(err));
    }
}

/* Listens on all addresses; config->listen then has those that could be bound. */
static enum server_status start_sockets(struct server_config *config, const struct answer *answer)
{
    size_t count = config->nlisten, bound = 0;

    for (size_t i = 0; i < count; i++) {
        struct address *a = &config->listen[bound];
        bool is_bound;
        *a = config->listen[i];
        config->listen_optional[bound] = config->listen_optional[i];
        if (bound > 0) /* the port that the kernel chose for the first one, where it was 0 */
            address_set_port(a, address_port(&config->listen[0]));
        enum server_status status =
            start_listening(config, a, config->listen_optional[bound], &is_bound, answer);
        if (status != SERVER_OK)
            return status;
        bound += is_bound;
    }
    config->nlisten = bound;
    return bound > 0 ? SERVER_OK
                     : fail(answer, "this host has none of the addresses; use --listen");
}

static enum server_status start_network(struct server_config *config, const struct answer *answer)
{
    char described[256];
    const struct net_config network = {
        .loops = config->threads,
        .spin_usec = config->spin_usec,
        .freebind = config->freebind,
        .handler = rpc_dispatch,
    };

    int err = net_init(&network);
    if (err != 0)
        return fail(answer, "network: %s", strerror(err));
    server.stage = HAS_NET;
    enum server_status status = start_sockets(config, answer);
    if (status != SERVER_OK)
        return status;
    err = portmap_start(config->portmap, config->listen, config->nlisten, described,
                        sizeof(described));
    if (err != 0)
        return fail(answer, "--portmap: %s; try --portmap=auto or off", described);
    server.stage = HAS_PORTMAP;
    log_info("%s", described);
    err = net_start();
    if (err != 0)
        return fail(answer, "can't start threads: %s", strerror(err));
    return SERVER_OK;
}

enum server_status server_check(struct server_config *config, char *message, size_t size)
{
    const struct answer answer = {message, size};
    enum server_status status = load_modules(config, &answer);

    if (status == SERVER_OK)
        status = choose_state_dir(config, &answer);
    if (status != SERVER_OK)
        return status;
    if (state_dir_check(server.state_dir, message, size) != 0)
        return SERVER_FAILURE;
    status = load_exports(config, &answer);
    exports_finish();
    return status;
}

enum server_status server_start(struct server_config *config, char *message, size_t size)
{
    const struct answer answer = {message, size};

    if (server.stage != STOPPED)
        return fail(&answer, "there is a server in this process");
    enum server_status status = load_modules(config, &answer);
    if (status == SERVER_OK)
        status = start_state(config, &answer);
    if (status == SERVER_OK)
        status = start_caches(config, &answer);
    if (status == SERVER_OK)
        status = load_exports(config, &answer);
    if (status == SERVER_OK) {
        server.stage = HAS_EXPORTS;
        parts_register();
        parts_reloaded();
        look_at_peers(config);
        rpc_admission_set(exports_admit, exports_generation);
        status = start_network(config, &answer);
    }
    if (status == SERVER_OK && upkeep_start(server.state_dir) != 0)
        log_warning("no thread for upkeep: exports that are replaced are noticed by MNT only");
    if (status != SERVER_OK)
        server_stop();
    return status;
}

enum server_status server_reload(struct server_config *config, char *message, size_t size)
{
    const struct answer answer = {message, size};
    enum server_status status = load_exports(config, &answer);

    if (status == SERVER_OK)
        parts_reloaded();
    return status;
}

unsigned server_tick(void)
{
    struct net_stats stats;

    net_stats_get(&stats);
    server.quiet = stats.messages == server.messages ? server.quiet + 1 : 0;
    server.messages = stats.messages;
    unsigned seconds = server.quiet < TICKS_TO_IDLE ? TICK_BUSY_S : TICK_IDLE_S;
    parts_tick();
    return seconds;
}

static void leaving_run(struct apart *job)
{
    (void)job;
    portmap_finish();
}

/* Takes the registrations back, but does not wait for ever for an rpcbind that does not answer. */
static void leave_portmap(void)
{
    struct apart *leaving = calloc(1, sizeof(*leaving));

    if (leaving == NULL)
        return;
    leaving->run = leaving_run;
    if (apart_run(leaving, PORTMAP_MS) != ETIMEDOUT)
        free(leaving);
}

static bool leave_network(void)
{
    bool ended = true;

    if (server.stage >= HAS_PORTMAP)
        leave_portmap();
    if (server.stage >= HAS_NET)
        ended = net_finish(GRACE_MS);
    if (server.stage >= HAS_NET)
        server.stage = HAS_EXPORTS;
    return ended;
}

void server_leave(void)
{
    leave_network();
    state_dir_close();
}

/* Waits at most a second for threads of file systems, which may never end. True: all are gone. */
static bool wait_for_file_systems(void)
{
    for (int i = 0; i < 100 && !vfs_all_gone(); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    return vfs_all_gone();
}

bool server_stop(void)
{
    upkeep_stop();
    /* What a request still uses must not be freed; the kernel frees it when the process ends. */
    if (!leave_network())
        return false;
    if (server.stage >= HAS_EXPORTS && !exports_finish())
        return false;
    if (!wait_for_file_systems())
        return false;
    if (server.stage >= HAS_NODES)
        vnode_table_finish();
    if (server.stage >= HAS_REPLIES)
        reply_cache_finish();
    parts_finish();
    if (server.stage >= HAS_STATE)
        state_dir_close();
    server.stage = STOPPED;
    return true;
}
