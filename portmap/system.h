/*
 * system.h - a client of the system's rpcbind. portmap.c uses it while starting and ending, on the
 * main thread. No function waits longer than a few seconds.
 */
#ifndef PORTMAP_SYSTEM_H
#define PORTMAP_SYSTEM_H

#include "portmap/table.h"

/* Connects to the rpcbind that clients of this host's loopback find at port 111. ECONNREFUSED:
 * nothing listens there. ETIMEDOUT, EPROTO: something listens there that does not answer as
 * rpcbind. */
int portmap_system_open(void);
/*
 * Registers an entry. Replaces another entry for that program, version and transport if no server
 * listens at its port any more. EADDRINUSE: another server has it. EACCES: rpcbind refuses.
 */
int portmap_system_set(const struct portmap_entry *entry);
int portmap_system_unset(const struct portmap_entry *entry);
void portmap_system_close(void);

#endif
