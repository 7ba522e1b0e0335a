/*
 * serve.c - loopnfs_serve(): a whole program around a file system.
 *
 * Does what loopnfsd's main() does, for one file system whose author needs nothing else: reads the
 * command line, prints the mount commands, and waits for the signal that ends the program.
 */
#include "base/log.h"
#include "base/option_words.h"
#include "lib/internal.h"
#include "portmap/portmap.h"
#include "server/announce.h"
#include "server/process.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_FAILURE 1
#define STATUS_USAGE   2

enum option_key {
    OPT_LISTEN = 'l',
    OPT_OPTIONS = 'o',
    OPT_PORT = 'p',
    OPT_HELP = 'h',
    OPT_VERSION = 'V',
    OPT_PATH = 0x100,
    OPT_CLIENT,
    OPT_INSECURE,
    OPT_PORTMAP,
    OPT_STATE_DIR,
    OPT_THREADS,
    OPT_LOG_LEVEL,
};

static const struct option rows[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"port", required_argument, NULL, OPT_PORT},
    {"path", required_argument, NULL, OPT_PATH},
    {"client", required_argument, NULL, OPT_CLIENT},
    {"options", required_argument, NULL, OPT_OPTIONS},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"portmap", required_argument, NULL, OPT_PORTMAP},
    {"state-dir", required_argument, NULL, OPT_STATE_DIR},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static const char help[] =
    "Usage: %s [OPTION...] [SOURCE]\n"
    "Serves the file system '%s' over NFSv3, to this host only unless --client says else.\n\n"
    "  -l, --listen=ADDR[:PORT]  listen here, an address or a name (default: 127.0.0.1 and ::1;\n"
    "                            may repeat)\n"
    "  -p, --port=PORT           default: 2049; 0: any free one\n"
    "      --path=PATH           what clients mount (default: /%s)\n"
    "      --client=SPEC         who may mount, as in exports(5) (may repeat)\n"
    "  -o, --options=A,B=C...    options of the export (ro, root_squash, ...) and of the file "
    "system\n"
    "      --insecure            clients need no reserved source port: any user of a client\n"
    "      --portmap=MODE        off (default), auto, builtin, system\n"
    "      --state-dir=DIR       where what must survive a restart is kept\n"
    "      --threads=N           loops that serve (default: as many as CPUs, at most 8)\n"
    "      --log-level=LEVEL     error, warning, info (default), debug\n"
    "  -h, --help                print this and exit\n"
    "  -V, --version             print the version and exit\n";

struct line {
    struct loopnfs_config config;
    const char **listen, **clients; /* room for all arguments, and a NULL */
    size_t nlisten, nclients;
    char *options;
};

static int usage(const char *what, const char *value, const char *advice)
{
    fprintf(stderr, "%s: %s%s: %s; see --help\n", program_invocation_short_name, what, value,
            advice);
    return STATUS_USAGE;
}

/* Appends to the options, which are passed on as one string. */
static int options_add(struct line *line, const char *more)
{
    char *joined;

    if (asprintf(&joined, "%s%s%s", line->options != NULL ? line->options : "",
                 line->options != NULL ? "," : "", more) < 0)
        return ENOMEM;
    free(line->options);
    line->options = joined;
    line->config.options = joined;
    return 0;
}

static int number_parse(const char *text, int max, int *out)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > max)
        return EINVAL;
    *out = (int)value;
    return 0;
}

/* Applies one option. Returns 0, or an exit status. */
static int option_apply(struct line *line, int key, char *arg)
{
    struct loopnfs_config *config = &line->config;
    int number;

    switch (key) {
    case OPT_LISTEN:
        line->listen[line->nlisten++] = arg;
        config->listen = line->listen;
        return 0;
    case OPT_CLIENT:
        line->clients[line->nclients++] = arg;
        config->clients = line->clients;
        return 0;
    case OPT_PORT:
        if (number_parse(arg, UINT16_MAX, &number) != 0)
            return usage("--port=", arg, "give 0 to 65535");
        config->port = number == 0 ? LOOPNFS_PORT_ANY : number;
        return 0;
    case OPT_THREADS:
        if (number_parse(arg, 64, &number) != 0 || number == 0)
            return usage("--threads=", arg, "give 1 to 64");
        config->threads = (unsigned)number;
        return 0;
    case OPT_OPTIONS:
        return options_add(line, arg) == 0 ? 0 : STATUS_FAILURE;
    case OPT_INSECURE:
        return options_add(line, "insecure") == 0 ? 0 : STATUS_FAILURE;
    case OPT_PATH:
        config->path = arg;
        return 0;
    case OPT_PORTMAP:
        config->portmap = arg;
        return 0;
    case OPT_STATE_DIR:
        config->state_dir = arg;
        return 0;
    case OPT_LOG_LEVEL:
        config->log_level = arg;
        return 0;
    default: /* getopt_long() has printed what is wrong */
        return STATUS_USAGE;
    }
}

static const char *expected(int key)
{
    (void)key;
    return "give one, as --help says";
}

static bool repeats(int key)
{
    return key == OPT_LISTEN || key == OPT_CLIENT || key == OPT_OPTIONS;
}

/* Reads the command line. Returns 0 to go on. Otherwise, or with *done, returns the exit status. */
static int line_parse(struct line *line, const char *name, int argc, char **argv, bool *done)
{
    char message[MESSAGE_MAX];
    int key, status = 0;

    *done = false;
    if (option_words_check(argc, argv, rows, expected, repeats, false, message, sizeof(message)) !=
        0) {
        fprintf(stderr, "%s: %s\n", program_invocation_short_name, message);
        return STATUS_USAGE;
    }
    line->config.log_level = "info";
    line->listen = calloc((size_t)argc + 1, sizeof(char *));
    line->clients = calloc((size_t)argc + 1, sizeof(char *));
    if (line->listen == NULL || line->clients == NULL)
        return STATUS_FAILURE;
    while (status == 0 && (key = getopt_long(argc, argv, "l:o:p:hV", rows, NULL)) >= 0) {
        if (key == OPT_HELP)
            printf(help, program_invocation_short_name, name, name);
        else if (key == OPT_VERSION)
            printf("%s (loopnfs %s)\n", program_invocation_short_name, LOOPNFS_VERSION);
        else
            status = option_apply(line, key, optarg);
        *done = key == OPT_HELP || key == OPT_VERSION;
        if (*done)
            return 0;
    }
    if (status == 0 && argc - optind > 1)
        return usage("", argv[optind + 1], "there is one source at most");
    line->config.source = optind < argc ? argv[optind] : NULL;
    return status;
}

static void line_finish(struct line *line)
{
    free(line->listen);
    free(line->clients);
    free(line->options);
}

static int run(const struct vfs_type *type, size_t size, const struct loopnfs_config *config)
{
    struct loopnfs *server;
    sigset_t waited;
    int caught, err;

    process_prepare(&waited);
    process_raise_files();
    process_set_io_flusher();
    err = loopnfs_create_sized(type, size, config, sizeof(*config), &server);
    if (err != 0) {
        if (err != EINVAL) /* EINVAL has been logged */
            log_error("can't begin: %s", strerror(err));
        return err == EINVAL ? STATUS_USAGE : STATUS_FAILURE;
    }
    err = loopnfs_start(server);
    if (err != 0) {
        log_error("%s", server->message);
        loopnfs_destroy(server);
        return err == EINVAL ? STATUS_USAGE : STATUS_FAILURE;
    }
    announce_ready(server->config.listen, server->config.nlisten, portmap_active());
    process_notify_ready();
    do
        caught = sigwaitinfo(&waited, NULL);
    while (caught != SIGTERM && caught != SIGINT);
    log_info("%s: ending", strsignal(caught));
    process_notify_stopping();
    loopnfs_destroy(server);
    return 0;
}

int loopnfs_serve_sized(const struct vfs_type *type, size_t type_size, int argc, char **argv)
{
    struct line line = {0};
    bool done;

    if (type == NULL || type->name == NULL)
        return usage("the file system", "", "its table has no name");
    int status = line_parse(&line, type->name, argc, argv, &done);
    if (status == 0 && !done)
        status = run(type, type_size, &line.config);
    line_finish(&line);
    return status;
}
