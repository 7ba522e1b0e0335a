/*
 * main.c - loopnfs-conformance: the suite as a program, for the author of a file system as for our
 * own tests. It reads the command line; run.c does the rest.
 */
#include "tests/conformance/run.h"
#include "vfs/mount.h"
#include <argp.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXIT_NOT_HERE 77

const char *argp_program_version = "loopnfs-conformance " LOOPNFS_VERSION;

enum {
    OPT_FS = 256,
    OPT_SOURCE,
    OPT_SCRATCH,
    OPT_OPTIONS,
    OPT_HANDLES,
    OPT_LOAD,
    OPT_AS,
    OPT_SERVER,
    OPT_WIRE,
    OPT_PORT,
    OPT_MOUNT_PORT,
    OPT_ONLY,
    OPT_LIST,
    OPT_WITHOUT,
    OPT_DECLARED,
    OPT_TOPIC,
    OPT_LIMITS,
    OPT_SYNC,
    OPT_GRANULARITY,
    OPT_ONE_SERVER,
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What to look at:", 1},
    {"fs", OPT_FS, "TYPE", 0, "a file system, mounted in this process", 1},
    {"load", OPT_LOAD, "FILE.so", 0, "a shared object that registers one with VFS_TYPE()", 1},
    {"source", OPT_SOURCE, "SOURCE", 0, "what it is to mount", 1},
    {"scratch", OPT_SCRATCH, NULL, 0, "its source is a new, empty directory", 1},
    {"options", OPT_OPTIONS, "A=B,...", 0, "its mount options", 1},
    {"handles", OPT_HANDLES, "table", 0, "hostfs: as without the right to use kernel handles", 1},
    {"server", OPT_SERVER, "LOOPNFSD", 0, "over the wire, by this server, started for each body",
     1},
    {"wire", OPT_WIRE, "HOST:PATH", 0, "an NFSv3 server that runs already", 1},
    {"port", OPT_PORT, "PORT", 0, "where it listens; the portmapper is asked otherwise", 1},
    {"mount-port", OPT_MOUNT_PORT, "PORT", 0, "where its MOUNT program does; as --port", 1},
    {NULL, 0, NULL, 0, "How:", 2},
    {"as", OPT_AS, "root|UID", 0, "who runs it, and who asks at first", 2},
    {"only", OPT_ONLY, "PATTERN", 0, "only the bodies whose names match", 2},
    {"without", OPT_WITHOUT, "CAP,...", 0, "leave out what needs these capabilities", 2},
    {"declared", OPT_DECLARED, "CAP,...", 0, "fail where it has not exactly these", 2},
    {"topic", OPT_TOPIC, "NAME", 0, "only the bodies of this topic: names, rights, ...", 2},
    {"sync", OPT_SYNC, NULL, 0, "with --server: export it sync, not async", 2},
    {"limits", OPT_LIMITS, "PATTERN,...", 0, "these bodies can't pass there", 2},
    {"granularity", OPT_GRANULARITY, "NS", 0, "how finely it keeps times, in nanoseconds", 2},
    {"one-server", OPT_ONE_SERVER, NULL, 0,
     "with --server: one for all bodies that do not start it anew", 2},
    {"list", OPT_LIST, NULL, 0, "print the names of the bodies, and what each needs", 2},
    {NULL, 0, NULL, 0, NULL, 0},
};

static uint16_t parse_port(const char *text, struct argp_state *state)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (*end != '\0' || port == 0 || port > UINT16_MAX)
        argp_error(state, "%s is no port", text);
    return (uint16_t)port;
}

static uint32_t parse_caps(const char *text, struct argp_state *state)
{
    const char *unknown = text;
    uint32_t caps;

    if (!caps_parse(text, &caps, &unknown))
        argp_error(state, "unknown capability: %s; there are: plain,%s", unknown,
                   caps_text(~(uint32_t)PLAIN));
    return caps;
}

static void parse_wire(char *text, struct argp_state *state, struct target *target)
{
    char *colon = strstr(text, ":/");

    if (colon == NULL || colon == text) {
        argp_error(state, "--wire takes HOST:/PATH");
        return; /* argp_error() has ended the program */
    }
    *colon = '\0';
    target->host = text;
    target->path = colon + 1;
}

static uid_t parse_user(const char *text, struct argp_state *state)
{
    char *end = NULL;
    unsigned long uid = strcmp(text, "root") == 0 ? 0 : strtoul(text, &end, 10);

    if (end != NULL && (*end != '\0' || *text == '\0' || uid > UINT32_MAX - 1))
        argp_error(state, "%s is neither root nor a uid", text);
    /* Who is not root can only be himself. */
    if (geteuid() != 0 && uid == 0) {
        fprintf(stderr, "--as root takes root\n");
        exit(getenv("CI") != NULL ? EXIT_FAILURE : EXIT_NOT_HERE);
    }
    return geteuid() == 0 ? (uid_t)uid : geteuid();
}

static uint64_t parse_nsec(const char *text, struct argp_state *state)
{
    char *end;
    unsigned long long nsec = strtoull(text, &end, 10);

    if (*end != '\0' || nsec == 0 || nsec > 10000000000u)
        argp_error(state, "%s is no granularity of times", text);
    return nsec;
}

static void load(const char *file, struct argp_state *state)
{
    if (dlopen(file, RTLD_NOW | RTLD_GLOBAL) == NULL)
        argp_error(state, "%s", dlerror());
}

static void list(void)
{
    for (const struct body *body = body_first(); body != NULL; body = body->next)
        printf("%s\t%s\n", body->name, caps_text(body->needs));
    exit(EXIT_SUCCESS);
}

static void check_target(struct target *target, struct argp_state *state)
{
    if ((target->fs == NULL) == (target->path == NULL))
        argp_error(state, "give either --fs or --wire");
    if (target->fs != NULL && vfs_type_find(target->fs) == NULL)
        argp_error(state, "there is no file system called %s", target->fs);
    if (target->path != NULL && target->server != NULL)
        argp_error(state, "--wire is a server that runs already, and --server starts one");
    if (target->host == NULL)
        target->host = "127.0.0.1";
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
    struct run *run = state->input;
    struct target *target = &run->target;

    switch (key) {
    case OPT_FS:
        target->fs = arg;
        break;
    case OPT_SOURCE:
        target->source = arg;
        break;
    case OPT_SCRATCH:
        run->scratch = true;
        break;
    case OPT_OPTIONS:
        target->options = arg;
        break;
    case OPT_HANDLES:
        target->table_handles = strcmp(arg, "table") == 0;
        break;
    case OPT_LOAD:
        load(arg, state);
        break;
    case OPT_AS:
        target->uid = parse_user(arg, state);
        break;
    case OPT_SERVER:
        target->server = arg;
        break;
    case OPT_WIRE:
        parse_wire(arg, state, target);
        break;
    case OPT_PORT:
        target->port = parse_port(arg, state);
        break;
    case OPT_MOUNT_PORT:
        target->mount_port = parse_port(arg, state);
        break;
    case OPT_ONLY:
        run->pattern = arg;
        break;
    case OPT_LIST:
        list();
        break;
    case OPT_WITHOUT:
        run->without = parse_caps(arg, state);
        break;
    case OPT_DECLARED:
        run->declared = parse_caps(arg, state);
        run->has_declared = true;
        break;
    case ARGP_KEY_END:
        check_target(target, state);
        break;
    case OPT_TOPIC:
        run->topic = arg;
        break;
    case OPT_SYNC:
        target->sync = true;
        break;
    case OPT_LIMITS:
        run->limits = arg;
        break;
    case OPT_GRANULARITY:
        granularity = parse_nsec(arg, state);
        break;
    case OPT_ONE_SERVER:
        run->one_server = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct argp parser = {
        .options = options,
        .parser = parse_one,
        .doc = "Tries what a file system does with every operation of NFS, one behaviour at a "
               "time, and prints the results as TAP. Exit status: 0 all is as it should be, 1 "
               "something is not, 77 nothing of what was asked for applies.",
    };
    struct run run = {.target = {.uid = geteuid()},
                      .skip_is_failure = getenv("CI") != NULL,
                      .limits_hold = getenv("CI") != NULL};

    argp_parse(&parser, argc, argv, 0, NULL, &run);
    driver = run.target.path != NULL || run.target.server != NULL ? &driver_wire : &driver_vnode;
    return run_bodies(&run);
}
