/*
 * portmap.h - being found by program number (RFC 1833): rpcbind of the system, or our own.
 *
 * main calls portmap_start() after net_listen() and before net_start(). The portmapper program
 * (100000 v2, v3, v4) itself is registered with rpc/ in every mode but `off`, so that it answers on
 * the NFS port too.
 */
#ifndef PORTMAP_PORTMAP_H
#define PORTMAP_PORTMAP_H

#include "base/address.h"
#include <stdbool.h>
#include <stddef.h>

enum portmap_mode { PORTMAP_AUTO, PORTMAP_BUILTIN, PORTMAP_SYSTEM, PORTMAP_OFF };
bool portmap_mode_parse(const char *text, enum portmap_mode *mode);

/*
 * `listen`: the addresses net_listen() bound, all with our one port. BUILTIN also binds port 111
 * on each of them (through net_listen). AUTO: where an rpcbind answers, registers there; else
 * BUILTIN when port 111 may be bound; else goes on without and logs that. SYSTEM and BUILTIN fail
 * with an errno where they can't be had. *described: one line that says what was chosen.
 */
int portmap_start(enum portmap_mode mode, const struct address *listen, size_t count,
                  char *described, size_t described_size);
/* Whether clients find us without port= options. */
bool portmap_active(void);
/* rpc_over_udp_set(), and clients are told so; for main's thread. */
void portmap_udp_set(uint32_t program, bool on);
/* Takes registrations back. */
void portmap_finish(void);

#endif
