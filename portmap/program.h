/*
 * program.h - the portmapper as an RPC program (100000); used by portmap.c.
 */
#ifndef PORTMAP_PROGRAM_H
#define PORTMAP_PROGRAM_H

/* Registers versions 2, 3 and 4 with rpc/. Before net_start(). */
void portmap_program_register(void);

#endif
