/*
 * net.c - net/ as a whole: start, end, figures. Called by server/ (net.h).
 */
#include "net/net.h"
#include "base/fds.h"
#include "base/log.h"
#include "net/loop.h"
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* How long the end waits for peers that do not take their replies. */
#define PATIENCE_MS 2000

/* The most loops where the configuration does not say how many: few machines gain from more. */
#define LOOPS_DEFAULT_MAX 8

/* How long a loop polls before it sleeps, where there is a CPU to spare (docs/PERFORMANCE.md). */
#define SPIN_USEC_AUTO 50

struct net net;

static unsigned cpus(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

int net_init(const struct net_config *config)
{
    struct fds_shares shares;
    int err = 0;

    memset(&net, 0, sizeof(net));
    net.config = *config;
    list_init(&net.listeners);
    unsigned most = config->loops > 0 ? NET_LOOPS_MAX : LOOPS_DEFAULT_MAX;
    net.nloops = config->loops > 0 ? config->loops : cpus();
    if (net.nloops > most)
        net.nloops = most;
    net.spin_auto = config->spin_usec < 0;
    if (net.spin_auto)
        net.config.spin_usec = cpus() > 1 ? SPIN_USEC_AUTO : 0;
    fds_share(&shares);
    uint32_t share = shares.connections / net.nloops;
    net.connections_max = (share > 4 ? share : 4) * net.nloops;
    for (unsigned i = 0; i < net.nloops && err == 0; i++) {
        net.loops[i].connections_max = net.connections_max / net.nloops;
        err = loop_init(&net.loops[i]);
    }
    return err;
}

int net_start(void)
{
    struct list *item;

    while ((item = list_pop(&net.listeners)) != NULL) {
        struct source *source = list_entry(item, struct source, link);
        int err = loop_add(&net.loops[0], source, EPOLLIN);
        if (err != 0)
            return err;
    }
    net.started = true;
    return workers_start();
}

bool net_finish(unsigned grace_ms)
{
    struct list *item;

    net.deadline_ms = net_now_ms() + grace_ms;
    net.patience_ms = net_now_ms() + (grace_ms < PATIENCE_MS ? grace_ms : PATIENCE_MS);
    net.stopping = true;
    for (unsigned i = 0; i < net.nloops; i++)
        loop_wake(&net.loops[i]);
    if (net.started && !workers_join()) {
        log_warning("some requests did not finish within %u ms", grace_ms);
        return false;
    }
    while ((item = list_pop(&net.listeners)) != NULL) { /* never started */
        struct source *source = list_entry(item, struct source, link);
        close(source->fd);
        source->ops->destroy(source);
    }
    for (unsigned i = 0; i < net.nloops; i++)
        loop_finish(&net.loops[i]);
    return true;
}

bool net_alive(void)
{
    bool alive = true;

    for (unsigned i = 0; i < net.nloops; i++) {
        struct loop *loop = &net.loops[i];
        alive &= loop->beats;
        loop->beats = false;
        loop_wake(loop);
    }
    return alive;
}

void net_stats_get(struct net_stats *stats)
{
    *stats = (struct net_stats){.connections = net.connections,
                                .handovers = net.handovers,
                                .takeovers = net.takeovers,
                                .threads = workers_count()};
    for (unsigned i = 0; i < net.nloops; i++)
        stats->messages += net.loops[i].messages;
}
