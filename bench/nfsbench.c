/*
 * nfsbench.c - a load generator for NFSv3 servers: options, and the report.
 *
 *     nfsbench [-c CONNECTIONS] [-d DEPTH] [-s SECONDS] [-p PORT] [-m MOUNTPORT] [-i IDLE]
 *              [-y USEC] [-P SERVERPID] [-j] HOST:PATH WORK...
 *
 * Speaks raw RPC, so that no client's cache is measured. Works in a directory of its own in the
 * export, and removes it. docs/PERFORMANCE.md says how it is used; bench/compare runs it.
 */
#include "bench/nfsbench.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PORT 2049

struct options {
    struct target target;
    const char *path;
    uint16_t port, mount_port;
    unsigned idle;
    double seconds;
    bool json;
};

_Noreturn static void usage(void)
{
    fprintf(stderr, "usage: nfsbench [-c CONNECTIONS] [-d DEPTH] [-s SECONDS] [-p PORT] "
                    "[-m MOUNTPORT] [-i IDLE] [-y USEC] [-P SERVERPID] [-j] HOST:PATH "
                    "WORK...\nworks:");
    work_list(stderr);
    exit(2);
}

static unsigned number(const char *text, unsigned min, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value < min || value > max) {
        fprintf(stderr, "nfsbench: %s: give a number from %u to %u\n", text, min, max);
        exit(2);
    }
    return (unsigned)value;
}

static void resolve(struct options *options, char *where)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];
    char *colon = strstr(where, ":/");

    if (colon == NULL)
        usage();
    *colon = '\0';
    options->path = colon + 1;
    snprintf(service, sizeof(service), "%u", options->port);
    int err = getaddrinfo(where, service, &hints, &found);
    if (err != 0) {
        fprintf(stderr, "nfsbench: %s: %s\n", where, gai_strerror(err));
        exit(1);
    }
    /* sizes are bounded by sockaddr_storage's purpose */
    memcpy(&options->target.address, found->ai_addr, found->ai_addrlen);
    options->target.address_len = found->ai_addrlen;
    freeaddrinfo(found);
}

static void parse(int argc, char **argv, struct options *options)
{
    int option;

    *options =
        (struct options){.target = {.connections = 1, .depth = 32}, .port = PORT, .seconds = 3};
    while ((option = getopt(argc, argv, "c:d:s:p:m:i:y:P:j")) != -1)
        switch (option) {
        case 'c':
            options->target.connections = number(optarg, 1, 100000);
            break;
        case 'd':
            options->target.depth = number(optarg, 1, DEPTH_MAX);
            break;
        case 's':
            options->seconds = strtod(optarg, NULL);
            break;
        case 'p':
            options->port = (uint16_t)number(optarg, 1, 65535);
            break;
        case 'm':
            options->mount_port = (uint16_t)number(optarg, 1, 65535);
            break;
        case 'i':
            options->idle = number(optarg, 0, 100000);
            break;
        case 'y':
            options->target.spin_usec = number(optarg, 0, 1000000);
            break;
        case 'P':
            options->target.server = (pid_t)number(optarg, 1, 1u << 30);
            break;
        case 'j':
            options->json = true;
            break;
        default:
            usage();
        }
    if (argc - optind < 2 || !(options->seconds > 0 && options->seconds < 1e6))
        usage();
    if (options->mount_port == 0)
        options->mount_port = options->port;
    resolve(options, argv[optind]);
}

static void report(const struct options *options, const struct work *work,
                   const struct outcome *outcome)
{
    double rate = (double)outcome->calls / outcome->seconds;
    double units = (double)outcome->units / outcome->seconds;
    double cpu = options->target.server == 0 || outcome->calls == 0
                     ? 0
                     : outcome->server_cpu * 1e6 / (double)outcome->calls;

    if (options->json) {
        printf("{\"work\":\"%s\",\"connections\":%u,\"depth\":%u,\"seconds\":%.3f,\"calls\":%lu,"
               "\"calls_per_s\":%.1f,\"units_per_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
               "\"max_us\":%.1f,\"cpu_us\":%.3f,\"errors\":%lu}\n",
               work->name, options->target.connections, options->target.depth, outcome->seconds,
               (unsigned long)outcome->calls, rate, units, (double)outcome->p50 / 1e3,
               (double)outcome->p99 / 1e3, (double)outcome->max / 1e3, cpu,
               (unsigned long)outcome->errors);
        return;
    }
    printf("%-16s %9.0f calls/s", work->name, rate);
    if (work->entries != 0)
        printf(" %9.0f entries/s", units);
    else if (outcome->units != 0)
        printf(" %9.1f MB/s     ", units / 1e6);
    printf("  p50 %.1f us, p99 %.1f us", (double)outcome->p50 / 1e3, (double)outcome->p99 / 1e3);
    if (cpu > 0)
        printf(", server CPU %.2f us/call", cpu);
    if (cpu > 0 && work->entries != 0)
        printf(" (%.3f us/entry)", outcome->server_cpu * 1e6 / (double)outcome->units);
    printf(", errors %lu", (unsigned long)outcome->errors);
    if (outcome->errors > 0)
        printf(" (first: %s %u)", outcome->first_error == CALL_BAD ? "bad reply" : "status",
               outcome->first_error == CALL_BAD ? 0 : outcome->first_error);
    putchar('\n');
}

static int work_run(const struct options *options, const char *name)
{
    static struct site site;
    const struct work *work = work_find(name);
    struct outcome outcome = {0};

    if (work == NULL)
        usage();
    memset(&site, 0, sizeof(site));
    uint8_t *block = malloc(BLOCK_SIZE);
    if (block == NULL)
        return ENOMEM;
    block_fill(block);
    struct run run = {.work = work, .site = &site, .block = block, .random = 88172645463325252u};
    int err = site_prepare(&site, &options->target, options->mount_port, options->path, work);
    if (err == 0) {
        err = load_run(&options->target, &run, options->seconds, &outcome);
        if (err != 0)
            fprintf(stderr, "nfsbench: %s: %s\n", name, strerror(err));
        else
            report(options, work, &outcome);
    }
    load_stop = 0;
    int late = site_remove(&site, &options->target, work);
    free(block);
    if (err == 0 && outcome.errors > 0)
        err = EREMOTEIO;
    return err != 0 ? err : late;
}

static void stop(int signal)
{
    load_stop = signal;
}

/* Connections that only are there. */
static void connect_idle(const struct options *options)
{
    for (unsigned i = 0; i < options->idle; i++) {
        int fd = load_connect(&options->target.address, options->target.address_len, false);
        if (fd < 0) {
            fprintf(stderr, "nfsbench: idle connection %u: %s\n", i, strerror(-fd));
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct rlimit files;
    int err = 0;

    parse(argc, argv, &options);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    wire_credential(geteuid(), getegid());
    connect_idle(&options);
    for (int i = optind + 1; i < argc && err == 0; i++)
        err = work_run(&options, argv[i]);
    return err == 0 ? 0 : 1;
}
