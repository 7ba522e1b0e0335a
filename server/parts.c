/*
 * parts.c - the table of parts; see parts.h.
 */
#include "server/parts.h"
#include "base/metrics.h"
#include "exports/exports.h"
#include "mountd/mountd.h"
#include "net/net.h"
#include "nfsd/nfsd.h"
#include "portmap/portmap.h"
#include "rpc/reply_cache.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAMS_MAX 2

/* Any member may be left out. */
struct part {
    void (*register_part)(void);   /* once in a process: programs for rpc/ */
    const struct metrics *metrics; /* what it counts; status shows it in the order of the rows */
    /* Programs that are served over UDP only where an export allows it. */
    const uint32_t *by_udp[PROGRAMS_MAX];
    void (*tick)(void);   /* as often as server_tick() is called */
    void (*finish)(void); /* no call is under way any more */
};

static const struct part parts[] = {
    {.metrics = &net_metrics},
    {.metrics = &vfs_metrics, .tick = vfs_tick},
    {.metrics = &rpc_metrics},
    {.tick = exports_collect},
    {.register_part = nfsd_register, .by_udp = {&nfsd_program_number, &nfsd_acl_program_number}},
    {.register_part = mountd_register, .finish = mountd_finish},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

void parts_register(void)
{
    static bool registered;

    for (size_t i = 0; i < PARTS && !registered; i++) {
        if (parts[i].register_part != NULL)
            parts[i].register_part();
        if (parts[i].metrics != NULL)
            metrics_register(parts[i].metrics);
    }
    registered = true;
}

void parts_reloaded(void)
{
    const bool udp = exports_get()->udp;

    exports_put();
    for (size_t i = 0; i < PARTS; i++)
        for (size_t k = 0; k < PROGRAMS_MAX && parts[i].by_udp[k] != NULL; k++)
            portmap_udp_set(*parts[i].by_udp[k], udp);
}

void parts_tick(void)
{
    for (size_t i = 0; i < PARTS; i++)
        if (parts[i].tick != NULL)
            parts[i].tick();
}

void parts_finish(void)
{
    for (size_t i = 0; i < PARTS; i++)
        if (parts[i].finish != NULL)
            parts[i].finish();
}
