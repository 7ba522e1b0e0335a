/*
 * mountd.h - the MOUNT program (RFC 1813 section 5, RFC 1094 appendix A): from a path to the first
 * file handle. server/server.c registers it. Everything else in mountd/ is private to this folder.
 */
#ifndef MOUNTD_MOUNTD_H
#define MOUNTD_MOUNTD_H

/* Registers the program, versions 1 to 3, with rpc/. Called before net_start(). */
void mountd_register(void);
/* Frees the list of mounts. Called after net_finish(). */
void mountd_finish(void);

#endif
