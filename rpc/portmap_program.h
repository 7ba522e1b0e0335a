/*
 * portmap_program.h - the portmapper as an RPC program (100000); used by portmap.c.
 */
#ifndef RPC_PORTMAP_PROGRAM_H
#define RPC_PORTMAP_PROGRAM_H

/* Registers versions 2, 3 and 4 with rpc/. Before net_start(). */
void portmap_program_register(void);

#endif
