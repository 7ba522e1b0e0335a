/*
 * announce.h - prints, when loopnfsd is ready, where it listens and how each client's system mounts
 * each export.
 */
#ifndef SERVER_ANNOUNCE_H
#define SERVER_ANNOUNCE_H

#include "base/address.h"
#include <stdbool.h>
#include <stddef.h>

/* `found`: clients find the port through a portmapper (portmap_active()). */
void announce_ready(const struct address *listen, size_t count, bool found);

#endif
