/*
 * metrics.c - what vfs/ counts, as rows (base/metrics.h). Registered by server/, shown by ctl/.
 */
#include "base/metrics.h"
#include "vfs/vnode_table.h"

static const struct metric rows[] = {
    {"nodes", METRIC_GAUGE, "vnodes in the table"},
    {"descriptors", METRIC_GAUGE, "descriptors that vnodes hold"},
    {"node hits", METRIC_COUNTER, "handles whose vnode was in the table"},
    {"node misses", METRIC_COUNTER, "handles whose vnode had to be loaded"},
    {"node evictions", METRIC_COUNTER, "vnodes that had to make room"},
};

static void get(uint64_t values[METRICS_ROWS_MAX])
{
    struct vnode_table_stats stats;

    vnode_table_stats_get(&stats);
    values[0] = stats.nodes;
    values[1] = stats.fds;
    values[2] = stats.hits;
    values[3] = stats.misses;
    values[4] = stats.evictions;
}

const struct metrics vfs_metrics = {rows, sizeof(rows) / sizeof(rows[0]), get};
