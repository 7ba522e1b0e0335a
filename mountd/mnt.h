/*
 * mnt.h - MNT's work, apart from its two wire forms; used by mountd.c alone.
 */
#ifndef MOUNTD_MNT_H
#define MOUNTD_MNT_H

#include "access/handle.h"
#include "rpc/program.h"
#include "xdr/mount.h"

/* MOUNT paths have at most 1024 bytes (RFC 1813 MNTPATHLEN). */
#define MNT_PATH_MAX 1024
/* Names of hosts and groups (MNTNAMLEN). */
#define MNT_NAME_MAX 255

/* Not of the protocol, which has no such status: no reply is sent, and the client asks again. */
#define MNT_ASK_AGAIN ((mountstat3)20000)

/*
 * Finds the directory that `path` names for this caller: an export, or a directory below one
 * that the caller may search its way to. *out is its handle, of at most HANDLE_SHORT_MAX bytes
 * where is_short says so. MNT_ASK_AGAIN: the client's name is not known yet, or too many calls
 * wait for what is exported.
 */
mountstat3 mnt_resolve(const struct rpc_call *call, struct view path, bool is_short,
                       struct handle *out);

#endif
