/*
 * status.h - turns errno and enum vfs_error into nfsstat3 (RFC 1813 section 2.6).
 */
#ifndef NFSD_STATUS_H
#define NFSD_STATUS_H

#include "xdr/nfs3.h"

/*
 * The status with which `procedure` (NFSPROC3_...) answers `error`: 0, a positive errno or an enum
 * vfs_error. Where the procedure may not answer with what the error means, this is the nearest
 * status that it may send.
 */
nfsstat3 nfs3_status(uint32_t procedure, int err);

#endif
