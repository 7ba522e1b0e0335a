/*
 * scale.c - nfsscale: options, and what all its measurements need; see scale.h.
 *
 *     nfsscale [-p PORT] [-m MOUNTPORT] [-P SERVERPID] [-r ROUNDS] [-s SECONDS] [-f FILE] [-x]
 *              dirs|learn|touch|start|idle HOST:PATH ARGUMENT...
 *
 * bench/scale runs it. Nothing that it makes in the export is removed again.
 */
#include "bench/scale.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(const struct scale *scale, int argc, char **argv);
    const char *arguments;
} measurements[] = {
    {"dirs", scale_dirs, "HOST:PATH ENTRIES..."},  {"learn", scale_learn, "HOST:DIRECTORY ENTRIES"},
    {"touch", scale_touch, "HOST:PATH FIT"},       {"start", scale_start, "HOST:PATH COMMAND..."},
    {"idle", scale_idle, "HOST:PATH CONNECTIONS"},
};
#define MEASUREMENTS (sizeof(measurements) / sizeof(measurements[0]))

static int complain(int err, const char *what)
{
    if (err != 0)
        fprintf(stderr, "nfsscale: %s: %s\n", what, strerror(err));
    return err;
}

double scale_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int scale_run(const struct scale *scale, struct run *run, uint32_t depth, double seconds,
              const char *what, struct outcome *outcome)
{
    struct target target = scale->target;

    target.connections = 1;
    target.depth = depth;
    if (run->random == 0)
        run->random = 88172645463325252u;
    run->issued = 0;
    int err = load_run(&target, run, seconds, outcome);
    if (err != 0)
        return complain(err, what);
    if (outcome->errors == 0)
        return 0;
    bool bad = outcome->first_error == CALL_BAD;
    fprintf(stderr, "nfsscale: %s: %lu of %lu replies were wrong; the first: %s %u\n", what,
            (unsigned long)outcome->errors, (unsigned long)outcome->calls,
            bad ? "not what was asked for" : "status", bad ? 0 : outcome->first_error);
    return EREMOTEIO;
}

int scale_site(const struct scale *scale, const char *name, uint32_t entries, struct site *site)
{
    const struct work work = {.name = "scale", .entries = entries};

    memset(site, 0, sizeof(*site));
    snprintf(site->top_name, sizeof(site->top_name), "%s", name);
    return site_prepare(site, &scale->target, scale->mount_port, scale->path, &work);
}

void scale_report(const char *key, const struct outcome *outcome, uint64_t per)
{
    printf("%s\t%.1f\t%.4f\n", key, (double)per / outcome->seconds,
           outcome->server_cpu * 1e6 / (double)per);
    fflush(stdout);
}

/* --- what is known --- */

int memory_create(struct memory *memory, uint32_t files)
{
    memory->files = files;
    memory->known = calloc(files, sizeof(*memory->known));
    return complain(memory->known == NULL ? ENOMEM : 0, "what is known of files");
}

void memory_destroy(struct memory *memory)
{
    free(memory->known);
    memory->known = NULL;
}

int memory_save(const struct memory *memory, const char *name)
{
    FILE *file = fopen(name, "we");
    bool written = file != NULL && fwrite(memory->known, sizeof(*memory->known), memory->files,
                                          file) == memory->files;

    if (file != NULL && fclose(file) != 0)
        written = false;
    return complain(written ? 0 : EIO, name);
}

int memory_load(struct memory *memory, const char *name)
{
    FILE *file = fopen(name, "re");
    long size = -1;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size <= 0 || fseek(file, 0, SEEK_SET) != 0) {
        if (file != NULL)
            fclose(file);
        return complain(EIO, name);
    }
    int err = memory_create(memory, (uint32_t)((size_t)size / sizeof(*memory->known)));
    if (err == 0 &&
        fread(memory->known, sizeof(*memory->known), memory->files, file) != memory->files) {
        memory_destroy(memory);
        err = complain(EIO, name);
    }
    fclose(file);
    return err;
}

int memory_learn(const struct scale *scale, struct site *site, struct memory *memory,
                 struct outcome *outcome)
{
    static const struct work work = {.shares = {{KIND_LIST, 100}}};
    struct run run = {
        .work = &work, .site = site, .listings = 1, .known = memory->known, .files = memory->files};
    int err = scale_run(scale, &run, 1, 0, "listing the directory", outcome);

    for (uint32_t i = 0; err == 0 && i < memory->files; i++)
        if (memory->known[i].fileid == 0) {
            fprintf(stderr, "nfsscale: the listing had no handle of file %u\n", i);
            err = ENOENT;
        }
    return err;
}

uint32_t *scale_order(uint32_t count, uint64_t seed)
{
    uint32_t *order = calloc(count, sizeof(*order));

    for (uint32_t i = 0; order != NULL && i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t other = (uint32_t)((seed >> 33) % (i + 1));
        order[i] = order[other];
        order[other] = i;
    }
    if (order == NULL)
        complain(ENOMEM, "the order of handles");
    return order;
}

/* --- options --- */

_Noreturn static void usage(void)
{
    fprintf(stderr, "usage: nfsscale [-p PORT] [-m MOUNTPORT] [-P SERVERPID] [-r ROUNDS] "
                    "[-s SECONDS] [-f FILE] [-x] MEASUREMENT\n");
    for (size_t i = 0; i < MEASUREMENTS; i++)
        fprintf(stderr, "       %s %s\n", measurements[i].name, measurements[i].arguments);
    exit(2);
}

static void resolve(struct scale *scale, uint16_t port, char *where)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET};
    struct addrinfo *found;
    char service[8];
    char *colon = strstr(where, ":/");

    if (colon == NULL)
        usage();
    *colon = '\0';
    scale->path = colon + 1;
    snprintf(service, sizeof(service), "%u", port);
    int err = getaddrinfo(where, service, &hints, &found);
    if (err != 0) {
        fprintf(stderr, "nfsscale: %s: %s\n", where, gai_strerror(err));
        exit(2);
    }
    memcpy(&scale->target.address, found->ai_addr, found->ai_addrlen);
    scale->target.address_len = found->ai_addrlen;
    freeaddrinfo(found);
}

/* Leaves optind at the measurement. */
static void parse(int argc, char **argv, struct scale *scale)
{
    uint16_t port = 2049;
    int option;

    *scale = (struct scale){.rounds = 3, .seconds = 1};
    while ((option = getopt(argc, argv, "+p:m:P:r:s:f:x")) != -1)
        switch (option) {
        case 'p':
            port = (uint16_t)atoi(optarg);
            break;
        case 'm':
            scale->mount_port = (uint16_t)atoi(optarg);
            break;
        case 'P':
            scale->target.server = (pid_t)atoi(optarg);
            break;
        case 'r':
            scale->rounds = (unsigned)atoi(optarg);
            break;
        case 's':
            scale->seconds = strtod(optarg, NULL);
            break;
        case 'f':
            scale->file = optarg;
            break;
        case 'x':
            scale->plus_only = true;
            break;
        default:
            usage();
        }
    if (argc - optind < 3 || scale->rounds == 0 || !(scale->seconds > 0))
        usage();
    if (scale->mount_port == 0)
        scale->mount_port = port;
    resolve(scale, port, argv[optind + 1]);
}

int main(int argc, char **argv)
{
    struct scale scale;
    struct rlimit files;

    parse(argc, argv, &scale);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    wire_credential(geteuid(), getegid());
    for (size_t i = 0; i < MEASUREMENTS; i++)
        if (strcmp(measurements[i].name, argv[optind]) == 0)
            return measurements[i].run(&scale, argc - optind - 2, argv + optind + 2) == 0 ? 0 : 1;
    usage();
}
