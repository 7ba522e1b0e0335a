/*
 * metrics.c - what rpc/ counts, as rows (base/metrics.h). Registered by server/, shown by ctl/.
 */
#include "base/metrics.h"
#include "rpc/reply_cache.h"

static const struct metric rows[] = {
    {"replies kept", METRIC_GAUGE, "replies in the reply cache"},
    {"replies repeated", METRIC_COUNTER, "retransmissions that were answered from the reply cache"},
    {"repeats dropped", METRIC_COUNTER, "retransmissions of a call that was still running"},
};

static void get(uint64_t values[METRICS_ROWS_MAX])
{
    struct reply_cache_stats stats;

    reply_cache_stats_get(&stats);
    values[0] = stats.entries;
    values[1] = stats.hits;
    values[2] = stats.dropped_running;
}

const struct metrics rpc_metrics = {rows, sizeof(rows) / sizeof(rows[0]), get};
