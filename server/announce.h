/*
 * announce.h - what loopnfsd prints when it is ready: where it listens, and for each export how
 * each client's system mounts it. For main.
 */
#ifndef SERVER_ANNOUNCE_H
#define SERVER_ANNOUNCE_H

#include "base/address.h"
#include <stdbool.h>
#include <stddef.h>

/* `found`: clients find the port by themselves (portmap_active()). */
void announce_ready(const struct address *listen, size_t count, bool found);

#endif
