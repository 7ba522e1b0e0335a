/*
 * portmap.h - lets clients find this server by program number (RFC 1833), through the system's
 * rpcbind or a portmapper of its own.
 *
 * server/server.c calls portmap_start() after net_listen() and before net_start(). The portmapper
 * program (100000 v2, v3, v4) itself is registered with rpc/ in every mode but `off`, so that it
 * answers on the NFS port, too.
 */
#ifndef PORTMAP_PORTMAP_H
#define PORTMAP_PORTMAP_H

#include "base/address.h"
#include <stdbool.h>
#include <stddef.h>

enum portmap_mode { PORTMAP_AUTO, PORTMAP_BUILTIN, PORTMAP_SYSTEM, PORTMAP_OFF };
bool portmap_mode_parse(const char *text, enum portmap_mode *mode);

/*
 * Makes the programs findable. `listen` has the `count` addresses that net_listen() bound, all with
 * one port. BUILTIN also binds port 111 on each of them. AUTO registers with rpcbind where one
 * answers; else does what BUILTIN does where port 111 may be bound; else goes on without a
 * portmapper and logs that. SYSTEM and BUILTIN fail with an errno where they can't be had.
 * *described becomes one line that says what was chosen.
 */
int portmap_start(enum portmap_mode mode, const struct address *listen, size_t count,
                  char *described, size_t described_size);
/* Whether clients find the server without port= options. */
bool portmap_active(void);
/* Calls rpc_over_udp_set(), and changes the entries that clients find to match. Called on the main
 * thread. */
void portmap_udp_set(uint32_t program, bool on);
/* Takes the registrations with rpcbind back. */
void portmap_finish(void);

#endif
