/*
 * mountd.h - the MOUNT program (RFC 1813 section 5, RFC 1094 appendix A): from a path to the first
 * file handle. main registers it; everything else is in mountd/.
 */
#ifndef MOUNTD_MOUNTD_H
#define MOUNTD_MOUNTD_H

/* Registers the program, versions 1 and 3, with rpc/. Before net_start(). */
void mountd_register(void);
/* Frees the list of mounts. After net_finish(). */
void mountd_finish(void);

#endif
