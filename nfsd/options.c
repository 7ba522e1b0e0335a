/*
 * options.c - loopnfsd's command line by argp(3); see options.h.
 *
 * argp would print two lines for a mistake; the house's rule is one that says what and how to mend
 * it, so argp is kept silent (ARGP_NO_ERRS; --help is silent then, too) and all of it is told here.
 */
#include "nfsd/options.h"
#include "nfsd/server.h"
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_USAGE  2
#define THREADS_MAX   64
#define SPIN_USEC_MAX 10000

enum option_key {
    OPT_LISTEN = 'l',
    OPT_EXPORTS = 'f',
    OPT_EXPORT = 'e',
    OPT_HELP = 'h',
    OPT_VERSION = 'V',
    OPT_PORTMAP = 0x100,
    OPT_STATE_DIR,
    OPT_CONTROL,
    OPT_THREADS,
    OPT_SPIN,
    OPT_MANAGE_GIDS,
    OPT_LOCAL_PEERS,
    OPT_UDP,
    OPT_LOG_LEVEL,
    OPT_CHECK,
    OPT_CACHE_NODES,
    OPT_CACHE_FDS,
    OPT_HANDLES,
};

static const struct argp_option option_rows[] = {
    {"listen", OPT_LISTEN, "ADDR[:PORT]", 0,
     "listen here, over TCP and UDP (default: 127.0.0.1 and ::1, port 2049; port 0: any free one)",
     0},
    {"export", OPT_EXPORT, "PATH[,fs=TYPE][,source=SRC][,client=SPEC]...[,OPTION]...", 0,
     "export PATH; options as in exports(5); without client=, to this host only", 0},
    {"exports", OPT_EXPORTS, "FILE", 0, "export what FILE says, in the syntax of exports(5)", 0},
    {"portmap", OPT_PORTMAP, "auto|builtin|system|off", 0,
     "how clients find the port (default: auto)", 0},
    {"state-dir", OPT_STATE_DIR, "DIR", 0, "where what must survive a restart is kept", 0},
    {"control", OPT_CONTROL, "PATH", 0, "the control socket, for loopnfs(1)", 0},
    {"threads", OPT_THREADS, "N", 0, "loops that serve (default: as many as CPUs, at most 8)", 0},
    {"spin", OPT_SPIN, "USEC", 0, "poll so long before sleeping (default: automatic; 0: never)", 0},
    {"manage-gids", OPT_MANAGE_GIDS, NULL, 0,
     "take a caller's groups from this host's user database, not from the call", 0},
    {"udp", OPT_UDP, NULL, 0, "serve NFS over UDP, too, where anybody may write any sender", 0},
    {"local-peers", OPT_LOCAL_PEERS, "checked|any", 0,
     "any: believe whoever has a port below 1024 on this host (default: checked)", 0},
    {"cache-nodes", OPT_CACHE_NODES, "N", 0, "cache at most N nodes (default: 262144)", 0},
    {"cache-fds", OPT_CACHE_FDS, "N", 0, "keep at most N files open (default: by RLIMIT_NOFILE)",
     0},
    {"handles", OPT_HANDLES, "auto|table", 0,
     "table: do without the kernel's file handles, for tests (default: auto)", 0},
    {"log-level", OPT_LOG_LEVEL, "error|warning|info|debug", 0, "(default: info)", 0},
    {"check", OPT_CHECK, NULL, 0, "check options and exports, and exit", 0},
    {"help", OPT_HELP, NULL, 0, "print this and exit", -1},
    {"version", OPT_VERSION, NULL, 0, "print the version and exit", -1},
    {0},
};

static unsigned long number_parse(const char *name, const char *text, unsigned long min,
                                  unsigned long max)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < min || value > max)
        fatal(STATUS_USAGE, "--%s=%s: give a number from %lu to %lu", name, text, min, max);
    return value;
}

/* --listen while the line is being read: an address without a port takes the port of the others. */
struct listen_option {
    struct address address;
    bool has_port;
};

struct parse_state {
    struct options *options;
    struct listen_option listen[OPTIONS_LISTEN_MAX];
    size_t nlisten;
};

static void listen_parse(struct parse_state *state, const char *text)
{
    struct listen_option *l = &state->listen[state->nlisten];
    struct address other;

    if (state->nlisten == OPTIONS_LISTEN_MAX)
        fatal(STATUS_USAGE, "--listen=%s: at most %d addresses; listen on 0.0.0.0 or :: for all",
              text, OPTIONS_LISTEN_MAX);
    /* A port of its own is one that does not follow the default. */
    if (address_parse(text, NFS_PORT, &l->address) != 0 || address_parse(text, 1, &other) != 0)
        fatal(STATUS_USAGE,
              "--listen=%s: give a numeric address, as 192.0.2.1, 192.0.2.1:2049 or [::1]:2049",
              text);
    l->has_port = address_port(&l->address) == address_port(&other);
    state->nlisten++;
}

/* One port carries every program: all addresses have the same. */
static void listen_finish(struct parse_state *state)
{
    struct options *options = state->options;
    const struct listen_option *given = NULL;
    uint16_t port = NFS_PORT;

    for (size_t i = 0; i < state->nlisten; i++) {
        const struct listen_option *l = &state->listen[i];
        if (!l->has_port)
            continue;
        if (given != NULL && address_port(&given->address) != address_port(&l->address))
            fatal(STATUS_USAGE, "--listen: ports %u and %u; give all addresses the same port",
                  address_port(&given->address), address_port(&l->address));
        given = l;
        port = address_port(&l->address);
    }
    for (size_t i = 0; i < state->nlisten; i++) {
        options->listen[i] = state->listen[i].address;
        address_set_port(&options->listen[i], port);
    }
    options->nlisten = state->nlisten;
    if (state->nlisten == 0)
        server_listen_default(options, NFS_PORT);
}

/* DIR as clients are to name it: absolute. What can't be found is exports_load()'s to say. */
static void dir_add(struct options *options, const char *dir)
{
    char *path = dir[0] == '/' ? strdup(dir) : realpath(dir, NULL);
    char cwd[PATH_MAX];

    if (path == NULL && getcwd(cwd, sizeof(cwd)) != NULL && asprintf(&path, "%s/%s", cwd, dir) < 0)
        path = NULL;
    if (path == NULL)
        fatal(1, "%s: %s", dir, strerror(errno));
    options->exports.dirs[options->exports.ndirs++] = path;
}

/* Options that only say yes, and those whose value is a plain string. False: not one of them. */
static bool option_simple(struct options *options, int key, const char *arg)
{
    switch (key) {
    case OPT_EXPORT:
        options->exports.specs[options->exports.nspecs++] = arg;
        return true;
    case OPT_EXPORTS:
        if (options->exports.file != NULL)
            fatal(STATUS_USAGE, "--exports=%s: only one file can be given", arg);
        options->exports.file = arg;
        return true;
    case OPT_STATE_DIR:
        options->state_dir = arg;
        return true;
    case OPT_CONTROL:
        options->control = arg;
        return true;
    case OPT_MANAGE_GIDS:
        options->manage_gids = true;
        return true;
    case OPT_UDP:
        options->exports.udp = true;
        return true;
    case OPT_CHECK:
        options->check = options->exports.check_only = true;
        return true;
    default:
        return false;
    }
}

/* Options whose value has to be understood. False: not one of them. */
static bool option_value(struct options *options, int key, const char *arg)
{
    switch (key) {
    case OPT_PORTMAP:
        if (!portmap_mode_parse(arg, &options->portmap))
            fatal(STATUS_USAGE, "--portmap=%s: give auto, builtin, system or off", arg);
        return true;
    case OPT_THREADS:
        options->threads = (unsigned)number_parse("threads", arg, 1, THREADS_MAX);
        return true;
    case OPT_SPIN:
        options->spin_usec = (int)number_parse("spin", arg, 0, SPIN_USEC_MAX);
        return true;
    case OPT_CACHE_NODES:
        options->cache_nodes = (uint32_t)number_parse("cache-nodes", arg, 256, 1u << 30);
        return true;
    case OPT_CACHE_FDS:
        options->cache_fds = (uint32_t)number_parse("cache-fds", arg, 16, 1u << 30);
        return true;
    case OPT_LOG_LEVEL:
        if (!log_level_parse(arg, &options->log_level))
            fatal(STATUS_USAGE, "--log-level=%s: give error, warning, info or debug", arg);
        return true;
    case OPT_LOCAL_PEERS:
        options->local_peers_any = strcmp(arg, "any") == 0;
        if (!options->local_peers_any && strcmp(arg, "checked") != 0)
            fatal(STATUS_USAGE, "--local-peers=%s: give checked or any", arg);
        return true;
    case OPT_HANDLES:
        options->exports.table_handles = strcmp(arg, "table") == 0;
        if (!options->exports.table_handles && strcmp(arg, "auto") != 0)
            fatal(STATUS_USAGE, "--handles=%s: give auto or table", arg);
        return true;
    default:
        return false;
    }
}

static const struct argp parser;

static error_t option_parse(int key, char *arg, struct argp_state *argp)
{
    struct parse_state *state = argp->input;

    if (option_simple(state->options, key, arg) || option_value(state->options, key, arg))
        return 0;
    switch (key) {
    case OPT_LISTEN:
        listen_parse(state, arg);
        return 0;
    case ARGP_KEY_ARG:
        dir_add(state->options, arg);
        return 0;
    case OPT_HELP:
        argp_help(&parser, stdout, ARGP_HELP_STD_HELP & ~ARGP_HELP_BUG_ADDR, argp->name);
        exit(0);
    case OPT_VERSION:
        puts("loopnfsd " LOOPNFS_VERSION);
        exit(0);
    case ARGP_KEY_ERROR:
        fatal(STATUS_USAGE, "%s: no such option, or its value is missing; see loopnfsd --help",
              argp->argv[argp->next > 1 ? argp->next - 1 : 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = option_rows,
    .parser = option_parse,
    .args_doc = "[DIR...]",
    .doc = "Serves directories over NFSv3. Each DIR is exported to this host only, "
           "rw,no_root_squash,secure."
           "\vloopnfsd(8) has the details, and how clients mount.",
};

void options_parse(int argc, char **argv, struct options *options)
{
    struct parse_state state = {.options = options};

    server_defaults(options);
    options->exports.specs = calloc((size_t)argc, sizeof(char *));
    options->exports.dirs = calloc((size_t)argc, sizeof(char *));
    if (options->exports.specs == NULL || options->exports.dirs == NULL)
        fatal(1, "out of memory");
    if (argp_parse(&parser, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &state) != 0)
        fatal(STATUS_USAGE, "wrong options; see loopnfsd --help");
    listen_finish(&state);
    const struct exports_source *exports = &options->exports;
    if (exports->ndirs == 0 && exports->nspecs == 0 && exports->file == NULL)
        fatal(STATUS_USAGE, "nothing to serve: name a directory, --export or --exports; "
                            "see loopnfsd --help");
}

void options_finish(struct options *options)
{
    for (size_t i = 0; i < options->exports.ndirs; i++)
        free((void *)(uintptr_t)options->exports.dirs[i]);
    free(options->exports.dirs);
    free(options->exports.specs);
}
