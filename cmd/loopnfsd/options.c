/*
 * options.c - loopnfsd's command line by argp(3); see options.h.
 *
 * argp would print two lines for a mistake. The house's rule is one line that names the option and
 * says what is expected. So argp is kept silent (ARGP_NO_ERRS, which also silences --help), and
 * this file prints everything. An option must not be abbreviated either, as argp allows: `--port`
 * meant `--portmap` once. So the words are checked before argp sees them.
 */
#include "cmd/loopnfsd/options.h"
#include "base/option_words.h"
#include "base/wait_place.h"
#include "net/net.h"
#include "server/listen_option.h"
#include "server/server.h"
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define STATUS_USAGE  2
#define SPIN_USEC_MAX 10000
#define CACHE_MAX     (1u << 30)
#define MESSAGE_MAX   1024

enum option_key {
    OPT_LISTEN = 'l',
    OPT_EXPORTS = 'f',
    OPT_EXPORT = 'e',
    OPT_PORT = 'p',
    OPT_HELP = 'h',
    OPT_VERSION = 'V',
    OPT_PORTMAP = 0x100,
    OPT_STATE_DIR,
    OPT_CONTROL,
    OPT_THREADS,
    OPT_SPIN,
    OPT_WAITING,
    OPT_MANAGE_GIDS,
    OPT_LOCAL_PEERS,
    OPT_UDP,
    OPT_LOG_LEVEL,
    OPT_CHECK,
    OPT_CACHE_NODES,
    OPT_CACHE_FDS,
    OPT_HANDLES,
    OPT_MODULE,
    OPT_FREEBIND,
    OPT_RUNNING,
};

static const struct argp_option option_rows[] = {
    {"listen", OPT_LISTEN, "ADDR[:PORT]", 0,
     "listen here, over TCP and UDP; an address or a name of this host, 0.0.0.0 for all of IPv4, "
     ":: for all (default: 127.0.0.1 and ::1)",
     0},
    {"port", OPT_PORT, "PORT", 0, "the port of all addresses (default: 2049; 0: any free one)", 0},
    {"freebind", OPT_FREEBIND, NULL, 0,
     "listen on addresses that this host does not have yet, for when they come", 0},
    {"export", OPT_EXPORT, "PATH[,fs=TYPE][,source=SRC][,client=SPEC]...[,OPTION]...", 0,
     "export PATH; options as in exports(5); without client=, to this host only", 0},
    {"exports", OPT_EXPORTS, "FILE", 0, "export what FILE says, in the syntax of exports(5)", 0},
    {"module", OPT_MODULE, "FILE.so", 0,
     "load file systems of others, for fs= of exports (may repeat)", 0},
    {"portmap", OPT_PORTMAP, "auto|builtin|system|off", 0,
     "how clients find the port (default: auto)", 0},
    {"state-dir", OPT_STATE_DIR, "DIR", 0, "where what must survive a restart is kept", 0},
    {"control", OPT_CONTROL, "PATH", 0, "the control socket, for loopnfs(1)", 0},
    {"threads", OPT_THREADS, "N", 0, "loops that serve (default: as many as CPUs, at most 8)", 0},
    {"spin", OPT_SPIN, "USEC", 0, "poll so long before sleeping (default: automatic; 0: never)", 0},
    {"waiting", OPT_WAITING, "N", 0, "let N calls wait for disks at once (default: 512)", 0},
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
    {"running", OPT_RUNNING, "PID", 0,
     "with --check: whether the server that is this process has these options", 0},
    {"help", OPT_HELP, NULL, 0, "print this and exit", -1},
    {"version", OPT_VERSION, NULL, 0, "print the version and exit", -1},
    {0},
};

/* What an option takes, for messages: "give ...". */
static const char *expected(int key)
{
    switch (key) {
    case OPT_LISTEN:
        return LISTEN_EXPECTED;
    case OPT_EXPORT:
        return "give the path of a directory, and options of the export after commas";
    case OPT_EXPORTS:
        return "give the path of an exports file";
    case OPT_MODULE:
        return "give the path of a shared object";
    case OPT_PORT:
        return "give a number from 0 to 65535";
    case OPT_PORTMAP:
        return "give auto, builtin, system or off";
    case OPT_STATE_DIR:
        return "give the path of a directory for the server's state";
    case OPT_CONTROL:
        return "give the path of a socket";
    case OPT_HANDLES:
        return "give auto or table";
    case OPT_LOCAL_PEERS:
        return "give checked or any";
    case OPT_LOG_LEVEL:
        return "give error, warning, info or debug";
    default:
        return "give a number";
    }
}

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

#define ROWS (sizeof(option_rows) / sizeof(option_rows[0]) - 1)

struct parse_state {
    struct options *options;
    struct listen_option listen;
};

static const struct argp_option *row_of(int key)
{
    for (size_t i = 0; i < ROWS; i++)
        if (option_rows[i].key == key)
            return &option_rows[i];
    return NULL;
}

static bool repeats(int key)
{
    return key == OPT_LISTEN || key == OPT_EXPORT || key == OPT_MODULE;
}

/* Refuses a path that the kernel could never take. The message shows its beginning. */
static void path_check(int key, const char *path)
{
    size_t most =
        key == OPT_CONTROL ? sizeof(((struct sockaddr_un *)0)->sun_path) - 1 : PATH_MAX - 1;

    if (strlen(path) > most)
        fatal(STATUS_USAGE, "--%s=%.40s...: it has more than %zu bytes; %s", row_of(key)->name,
              path, most, expected(key));
}

static void listen_parse(struct parse_state *state, const char *text)
{
    const char *why = "";
    int err = listen_option_add(&state->listen, text, &why);

    if (err != 0)
        fatal(err == EINVAL ? STATUS_USAGE : 1, "--listen=%s: %s", text, why);
}

/* Options that are switches or whose value is a plain string. False: `key` is none of these. */
static bool option_simple(struct options *options, int key, const char *arg)
{
    switch (key) {
    case OPT_EXPORT:
        options->server.exports.specs[options->server.exports.nspecs++] = arg;
        return true;
    case OPT_EXPORTS:
        options->server.exports.file = arg;
        return true;
    case OPT_MODULE:
        options->server.modules[options->server.nmodules++] = arg;
        return true;
    case OPT_STATE_DIR:
        options->server.state_dir = arg;
        return true;
    case OPT_CONTROL:
        options->control = arg;
        return true;
    case OPT_MANAGE_GIDS:
        options->server.manage_gids = true;
        return true;
    case OPT_UDP:
        options->server.exports.udp = true;
        return true;
    case OPT_FREEBIND:
        options->server.freebind = true;
        return true;
    case OPT_CHECK:
        options->check = options->server.exports.check_only = true;
        return true;
    default:
        return false;
    }
}

static void word_refuse(int key, const char *arg)
{
    fatal(STATUS_USAGE, "--%s=%s: %s", row_of(key)->name, arg, expected(key));
}

/* Options whose value has to be parsed. False: `key` is none of these. */
static bool option_value(struct options *options, int key, const char *arg)
{
    switch (key) {
    case OPT_PORTMAP:
        if (!portmap_mode_parse(arg, &options->server.portmap))
            word_refuse(key, arg);
        return true;
    case OPT_THREADS:
        options->server.threads = (unsigned)number_parse("threads", arg, 1, NET_LOOPS_MAX);
        return true;
    case OPT_SPIN:
        options->server.spin_usec = (int)number_parse("spin", arg, 0, SPIN_USEC_MAX);
        return true;
    case OPT_WAITING:
        options->server.waiting =
            (uint32_t)number_parse("waiting", arg, WAIT_CALLS_MIN, WAIT_CALLS_MAX);
        return true;
    case OPT_RUNNING:
        options->running = (pid_t)number_parse("running", arg, 1, INT_MAX);
        return true;
    case OPT_CACHE_NODES:
        options->server.cache_nodes = (uint32_t)number_parse("cache-nodes", arg, 256, CACHE_MAX);
        return true;
    case OPT_CACHE_FDS:
        options->server.cache_fds = (uint32_t)number_parse("cache-fds", arg, 16, CACHE_MAX);
        return true;
    case OPT_LOG_LEVEL:
        if (!log_level_parse(arg, &options->log_level))
            word_refuse(key, arg);
        return true;
    case OPT_LOCAL_PEERS:
        options->server.local_peers_any = strcmp(arg, "any") == 0;
        if (!options->server.local_peers_any && strcmp(arg, "checked") != 0)
            word_refuse(key, arg);
        return true;
    case OPT_HANDLES:
        options->server.exports.table_handles = strcmp(arg, "table") == 0;
        if (!options->server.exports.table_handles && strcmp(arg, "auto") != 0)
            word_refuse(key, arg);
        return true;
    default:
        return false;
    }
}

static const struct argp parser;

static error_t option_parse(int key, char *arg, struct argp_state *argp)
{
    struct parse_state *state = argp->input;

    if (key == OPT_EXPORTS || key == OPT_MODULE || key == OPT_STATE_DIR || key == OPT_CONTROL)
        path_check(key, arg);
    if (option_simple(state->options, key, arg) || option_value(state->options, key, arg))
        return 0;
    switch (key) {
    case OPT_LISTEN:
        listen_parse(state, arg);
        return 0;
    case OPT_PORT:
        state->listen.has_common_port = true;
        state->listen.common_port = (uint16_t)number_parse("port", arg, 0, UINT16_MAX);
        return 0;
    case ARGP_KEY_ARG:
        state->options->server.exports.dirs[state->options->server.exports.ndirs++] = arg;
        return 0;
    case OPT_HELP:
        argp_help(&parser, stdout, ARGP_HELP_STD_HELP & ~ARGP_HELP_BUG_ADDR, argp->name);
        exit(0);
    case OPT_VERSION:
        puts("loopnfsd " LOOPNFS_VERSION);
        exit(0);
    case ARGP_KEY_ERROR:
        fatal(STATUS_USAGE, "%s: no such option; see loopnfsd --help",
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

/* Checks the words, with argp's rows in the form that option_words.h takes. */
static void words_check(int argc, char **argv)
{
    struct option rows[ROWS + 1] = {0};
    char message[MESSAGE_MAX];

    for (size_t i = 0; i < ROWS; i++)
        rows[i] = (struct option){
            .name = option_rows[i].name,
            .has_arg = option_rows[i].arg != NULL ? required_argument : no_argument,
            .val = option_rows[i].key,
        };
    if (option_words_check(argc, argv, rows, expected, repeats, false, message, sizeof(message)) !=
        0)
        fatal(STATUS_USAGE, "%s", message);
}

void options_parse(int argc, char **argv, struct options *options)
{
    struct parse_state state = {.options = options};
    const char *why = "";

    *options = (struct options){.log_level = LOG_LEVEL_INFO};
    server_defaults(&options->server);
    options->server.exports.specs = calloc((size_t)argc, sizeof(char *));
    options->server.exports.dirs = calloc((size_t)argc, sizeof(char *));
    options->server.modules = calloc((size_t)argc, sizeof(char *));
    if (options->server.exports.specs == NULL || options->server.exports.dirs == NULL ||
        options->server.modules == NULL)
        fatal(1, "out of memory");
    words_check(argc, argv);
    if (argp_parse(&parser, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &state) != 0)
        fatal(STATUS_USAGE, "wrong options; see loopnfsd --help");
    if (listen_option_settle(&state.listen, &options->server, &why) != 0)
        fatal(STATUS_USAGE, "--listen, --port: %s", why);
    if (options->running != 0 && !options->check)
        fatal(STATUS_USAGE, "--running: it looks at another server; give it with --check");
    const struct exports_source *exports = &options->server.exports;
    if (exports->ndirs == 0 && exports->nspecs == 0 && exports->file == NULL)
        fatal(STATUS_USAGE, "nothing to serve: name a directory, --export or --exports; "
                            "see loopnfsd --help");
}

void options_finish(struct options *options)
{
    free(options->server.modules);
    free(options->server.exports.dirs);
    free(options->server.exports.specs);
}
