/*
 * metrics.c - what net/ counts, as rows (base/metrics.h). Registered by server/, shown by ctl/.
 */
#include "base/metrics.h"
#include "net/net.h"

static const struct metric rows[] = {
    {"connections", METRIC_GAUGE, "TCP connections that are open"},
    {"messages", METRIC_COUNTER, "messages that were handled"},
    {"handovers", METRIC_COUNTER, "loops that were given away before a call slept"},
    {"takeovers", METRIC_COUNTER,
     "loops that were taken from a thread that slept or worked for long"},
    {"threads", METRIC_GAUGE, "threads that run loops, finish calls, or stand by"},
};

static void get(uint64_t values[METRICS_ROWS_MAX])
{
    struct net_stats stats;

    net_stats_get(&stats);
    values[0] = stats.connections;
    values[1] = stats.messages;
    values[2] = stats.handovers;
    values[3] = stats.takeovers;
    values[4] = stats.threads;
}

const struct metrics net_metrics = {rows, sizeof(rows) / sizeof(rows[0]), get};
