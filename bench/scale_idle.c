/*
 * scale_idle.c - nfsscale idle: what do connections cost that only are there?
 *
 * GETATTR on one connection, in rounds with and without the idle ones, so that a machine that
 * drifts does so for both. At the end of a round all of them must be there still: a server that
 * ends some to have room would not be measured. Called by scale.c.
 */
#include "bench/scale.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An address of ours has some 28,000 ports; who needs more takes further ones of 127/8. */
#define PORTS_USED 8000u
/* Until a server has accepted the connections, or has seen their end. */
#define SETTLE_NS 400000000L

struct idlers {
    int *fds;
    unsigned count, wanted;
};

static int connect_one(const struct scale *scale, unsigned number)
{
    const struct sockaddr_in *to = (const struct sockaddr_in *)&scale->target.address;
    const struct linger reset = {.l_onoff = 1}; /* leaves no port in TIME_WAIT */
    const int on = 1;
    struct sockaddr_in own = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / PORTS_USED);
    bool loopback = ntohl(to->sin_addr.s_addr) >> 24 == 127;
    int err = 0;
    if (loopback && bind(fd, (const struct sockaddr *)&own, sizeof(own)) != 0)
        err = errno;
    if (err == 0 && connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0)
        err = errno;
    if (err != 0)
        close(fd);
    return err != 0 ? -err : fd;
}

static void settle(void)
{
    nanosleep(&(struct timespec){.tv_nsec = SETTLE_NS}, NULL);
}

static int idlers_connect(const struct scale *scale, struct idlers *idlers)
{
    for (; idlers->count < idlers->wanted; idlers->count++) {
        int fd = connect_one(scale, idlers->count);
        if (fd < 0) {
            fprintf(stderr, "nfsscale: idle connection %u: %s\n", idlers->count, strerror(-fd));
            return -fd;
        }
        idlers->fds[idlers->count] = fd;
    }
    settle();
    return 0;
}

/* How many the server has ended. */
static unsigned idlers_lost(const struct idlers *idlers)
{
    unsigned lost = 0;
    char byte;

    for (unsigned i = 0; i < idlers->count; i++)
        if (recv(idlers->fds[i], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
            lost++;
    return lost;
}

static void idlers_close(struct idlers *idlers)
{
    if (idlers->count == 0)
        return;
    while (idlers->count > 0)
        close(idlers->fds[--idlers->count]);
    settle();
}

static int busy_round(const struct scale *scale, struct site *site, const char *key)
{
    static const struct work work = {.shares = {{KIND_GETATTR, 100}}};
    struct run run = {.work = &work, .site = site};
    struct outcome outcome;
    int err = scale_run(scale, &run, SCALE_DEPTH, scale->seconds, key, &outcome);

    if (err == 0)
        scale_report(key, &outcome, outcome.calls);
    return err;
}

/* Without, with; or the other way round. */
static int pair(const struct scale *scale, struct site *site, struct idlers *idlers, bool first)
{
    int err = first ? 0 : busy_round(scale, site, "idle.without");

    if (err == 0)
        err = idlers_connect(scale, idlers);
    if (err == 0)
        err = busy_round(scale, site, "idle.with");
    unsigned lost = idlers_lost(idlers);
    if (err == 0)
        printf("idle.lost\t%u\t0\n", lost);
    idlers_close(idlers);
    return err == 0 && first ? busy_round(scale, site, "idle.without") : err;
}

int scale_idle(const struct scale *scale, int argc, char **argv)
{
    static struct site site;
    struct idlers idlers = {0};

    if (argc != 1)
        return EINVAL;
    idlers.wanted = (unsigned)strtoul(argv[0], NULL, 10);
    idlers.fds = calloc(idlers.wanted, sizeof(*idlers.fds));
    if (idlers.fds == NULL)
        return ENOMEM;
    int err = scale_site(scale, "idle", 0, &site);
    for (unsigned round = 0; err == 0 && round < scale->rounds; round++)
        err = pair(scale, &site, &idlers, round % 2 != 0);
    free(idlers.fds);
    return err;
}
