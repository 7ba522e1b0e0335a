/*
 * mnt.h - what MNT does, apart from its two forms on the wire; used by mountd.c alone.
 */
#ifndef MOUNTD_MNT_H
#define MOUNTD_MNT_H

#include "access/handle.h"
#include "rpc/program.h"
#include "xdr/mount.h"

/* The longest MOUNT path, in bytes (RFC 1813 MNTPATHLEN). */
#define MNT_PATH_MAX 1024
/* The longest name of a host or group, in bytes (RFC 1813 MNTNAMLEN). */
#define MNT_NAME_MAX 255

/* A status of this program only, since the protocol has none for it: no reply is sent, and the
 * client asks again. */
#define MNT_ASK_AGAIN ((mountstat3)20000)

/*
 * Finds the directory that `path` names for this caller: an export, or a directory below one that
 * the caller may search its way to. *out becomes the directory's handle, of at most
 * HANDLE_SHORT_MAX bytes where is_short is true. Returns the protocol's status, or MNT_ASK_AGAIN:
 * the client's name is not known yet, or too many calls wait for the export's file system.
 */
mountstat3 mnt_resolve(const struct rpc_call *call, struct view path, bool is_short,
                       struct handle *out);

#endif
