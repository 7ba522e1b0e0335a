/*
 * nfsd.h - the NFS3 program (100003 version 3, RFC 1813), for server/server.c.
 */
#ifndef NFSD_NFSD_H
#define NFSD_NFSD_H

#include <stdint.h>

extern const uint32_t nfsd_program_number, nfsd_acl_program_number;

/* Registers the program with rpc/. Called once, before net_start(). */
void nfsd_register(void);

#endif
