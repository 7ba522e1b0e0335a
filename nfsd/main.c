/*
 * main.c - loopnfsd: puts the house together, waits for signals, takes it apart.
 *
 * The one file that sees every layer. Starting is a straight line, in the order in which things
 * need each other; whatever fails ends the program with one line and exit status 1 (2 for
 * the command line). The main thread then keeps house: signals, and a tick a second while there
 * is something to do.
 */
#include "base/cred.h"
#include "base/log.h"
#include "ctl/control.h"
#include "exports/exports.h"
#include "exports/handle.h"
#include "mountd/mountd.h"
#include "net/net.h"
#include "nfsd/announce.h"
#include "nfsd/nfsd.h"
#include "nfsd/options.h"
#include "nfsd/process.h"
#include "nfsd/state_dir.h"
#include "rpc/dispatch.h"
#include "rpc/portmap.h"
#include "rpc/reply_cache.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define STATUS_FAILURE 1
#define STATUS_USAGE   2

#define REPLIES_MAX       32768
#define REPLIES_BYTES_MAX (32 * 1024 * 1024)
/* Descriptors left to connections and to ourselves when the cache has its share. */
#define CACHE_FDS_MAX 65536
/* Calls that have begun are given so long to end. */
#define GRACE_MS 10000

/* How often main keeps house: while messages come and some time after, for what they leave behind
 * ages; and when nothing has come for longer. */
#define TICK_BUSY_S   1
#define TICK_IDLE_S   30
#define TICKS_TO_IDLE 60

static void start_state(struct options *options, char state_dir[PATH_MAX])
{
    char message[PATH_MAX + 200];

    int error = state_dir_choose(options->state_dir, state_dir, PATH_MAX);
    if (error != 0)
        fatal(STATUS_FAILURE, "no state directory (%s); name one with --state-dir",
              strerror(error));
    options->exports.state_dir = state_dir;
    if (options->check)
        error = state_dir_check(state_dir, message, sizeof(message));
    else
        error = state_dir_open(state_dir, message, sizeof(message));
    if (error != 0)
        fatal(STATUS_FAILURE, "%s", message);
    if (options->check)
        return;
    cred_init();
    error = handle_init(state_dir);
    if (error != 0)
        fatal(STATUS_FAILURE, "%s/handle.key: %s; mend it, or remove it (clients must mount again)",
              state_dir, strerror(error));
}

static void start_caches(const struct options *options, uint64_t files_max)
{
    uint64_t fds = options->cache_fds;

    if (fds == 0)
        fds = files_max / 2 < CACHE_FDS_MAX ? files_max / 2 : CACHE_FDS_MAX;
    vfs_verifier_init();
    if (vnode_table_init(options->cache_nodes, (uint32_t)fds) != 0 ||
        reply_cache_init(REPLIES_MAX, REPLIES_BYTES_MAX) != 0)
        fatal(STATUS_FAILURE, "out of memory for the caches; try a smaller --cache-nodes");
    export_manage_gids(options->manage_gids);
}

static void start_exports(const struct options *options)
{
    char message[1024] = "";

    int error = exports_load(&options->exports, message, sizeof(message));
    if (error != 0)
        fatal(error == EINVAL ? STATUS_USAGE : STATUS_FAILURE, "%s", message);
}

/* One address. False: it was a default that this host does not have. */
static bool start_listening(struct address *address, bool is_default)
{
    char text[ADDRESS_TEXT_MAX];
    int error = net_listen(address);

    if (error == 0)
        return true;
    address_format(address, true, text);
    if (is_default && (error == EADDRNOTAVAIL || error == EAFNOSUPPORT)) {
        log_debug("not listening on %s: %s", text, strerror(error));
        return false;
    }
    switch (error) {
    case EADDRINUSE:
        fatal(STATUS_FAILURE,
              "%s is in use by another server; end that, or use --listen with "
              "another port",
              text);
    case EACCES:
        fatal(STATUS_FAILURE, "no right to listen on %s; use --listen with a port above 1023",
              text);
    case EADDRNOTAVAIL:
        fatal(STATUS_FAILURE, "%s is not an address of this host; see `ip address`", text);
    default:
        fatal(STATUS_FAILURE, "can't listen on %s: %s", text, strerror(error));
    }
}

/* Listens and tells the portmapper; options->listen becomes what is listened on. */
static void start_network(struct options *options)
{
    char described[256];
    size_t bound = 0;
    const struct net_config config = {
        .loops = options->threads,
        .spin_usec = options->spin_usec,
        .handler = rpc_dispatch,
    };

    int error = net_init(&config);
    if (error != 0)
        fatal(STATUS_FAILURE, "network: %s", strerror(error));
    for (size_t i = 0; i < options->nlisten; i++) {
        struct address *a = &options->listen[bound];
        *a = options->listen[i];
        if (bound > 0) /* the port that was chosen for the first, where it was 0 */
            address_set_port(a, address_port(&options->listen[0]));
        if (start_listening(a, options->listen_is_default))
            bound++;
    }
    options->nlisten = bound;
    if (bound == 0)
        fatal(STATUS_FAILURE, "this host has no loopback address; use --listen");
    error = portmap_start(options->portmap, options->listen, bound, described, sizeof(described));
    if (error != 0)
        fatal(STATUS_FAILURE, "--portmap: %s; try --portmap=auto or off", described);
    log_info("%s", described);
    error = net_start();
    if (error != 0) {
        portmap_finish();
        fatal(STATUS_FAILURE, "can't start threads: %s", strerror(error));
    }
}

/* The server is of use without it: a warning, no more. */
static void start_control(const struct options *options, const char *state_dir)
{
    char path[PATH_MAX];

    int error = 0;
    if (options->control != NULL)
        error = snprintf(path, sizeof(path), "%s", options->control) < PATH_MAX ? 0 : ENAMETOOLONG;
    else
        error = control_default_path(state_dir, path, sizeof(path));
    if (error == 0)
        error = control_start(path);
    if (error != 0)
        log_warning("no control socket at %s: %s; loopnfs(1) won't work (see --control)", path,
                    strerror(error));
}

static void reload(const struct options *options)
{
    char message[1024] = "";

    process_notify_reloading();
    if (exports_load(&options->exports, message, sizeof(message)) != 0) {
        log_error("exports not reloaded, nothing is changed: %s", message);
    } else {
        log_info("exports reloaded: %zu", exports_get()->count);
        exports_put();
    }
    process_notify_ready();
}

/* Until SIGTERM or SIGINT. */
static void keep_house(const struct options *options, const sigset_t *waited)
{
    uint64_t messages = 0;
    unsigned quiet = 0;

    for (;;) {
        struct timespec wait = {.tv_sec = quiet < TICKS_TO_IDLE ? TICK_BUSY_S : TICK_IDLE_S};
        struct net_stats stats;
        int caught = sigtimedwait(waited, NULL, &wait);

        if (caught == SIGTERM || caught == SIGINT) {
            log_info("%s: ending", strsignal(caught));
            return;
        }
        if (caught == SIGHUP)
            reload(options);
        if (caught > 0)
            continue;
        vfs_tick();
        exports_collect();
        net_stats_get(&stats);
        quiet = stats.messages == messages ? quiet + 1 : 0;
        messages = stats.messages;
    }
}

static void finish(struct options *options)
{
    process_notify_stopping();
    portmap_finish();
    control_finish();
    /* What a request still uses can't be freed; the kernel does it. */
    if (!net_finish(GRACE_MS))
        return;
    exports_finish();
    vnode_table_finish();
    reply_cache_finish();
    mountd_finish();
    state_dir_close();
    options_finish(options);
}

int main(int argc, char **argv)
{
    static struct options options;
    static char state_dir[PATH_MAX];
    sigset_t waited;

    process_prepare(&waited);
    options_parse(argc, argv, &options);
    log_init(options.log_level);
    uint64_t files_max = process_raise_files();
    start_state(&options, state_dir);
    if (options.check) {
        start_exports(&options);
        exports_finish();
        options_finish(&options);
        return 0;
    }
    process_set_io_flusher();
    start_caches(&options, files_max);
    start_exports(&options);
    nfsd_register();
    mountd_register();
    start_network(&options);
    start_control(&options, state_dir);
    announce_ready(options.listen, options.nlisten, portmap_active());
    process_notify_ready();
    keep_house(&options, &waited);
    finish(&options);
    return 0;
}
