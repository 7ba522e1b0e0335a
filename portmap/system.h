/*
 * system.h - the system's rpcbind, as a client of it; used by portmap.c while starting
 * and ending, on main's thread. Nothing here waits longer than a few seconds.
 */
#ifndef PORTMAP_SYSTEM_H
#define PORTMAP_SYSTEM_H

#include "portmap/table.h"

/* Connects to the rpcbind that clients of this host's loopback find at port 111. ECONNREFUSED:
 * there is none; ETIMEDOUT, EPROTO: what listens there is no rpcbind that answers. */
int portmap_system_open(void);
/*
 * Registers an entry. An entry in its place is replaced where nobody listens at its port any more.
 * EADDRINUSE: another server has it; EACCES: rpcbind does not let us.
 */
int portmap_system_set(const struct portmap_entry *entry);
int portmap_system_unset(const struct portmap_entry *entry);
void portmap_system_close(void);

#endif
