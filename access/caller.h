/*
 * caller.h - chooses the identity that a call runs with: which claims are believed, then squash and
 * id map.
 *
 * Used by gate.c alone.
 */
#ifndef ACCESS_CALLER_H
#define ACCESS_CALLER_H

#include "exports/exports.h"

/*
 * Makes the credential of a call under this client's options. `cred` borrows from the call and from
 * `storage`; the caller gives `storage` back with export_cred_release().
 *
 * EACCES, with a text in *why: on a `secure` export, a client of another host has a port of 1024 or
 * above; or, where the server can't switch identities, a client of this host is neither root nor
 * the server's own user. VFS_EJUKEBOX: as export_cred().
 */
int access_caller(const struct export_client *client, const struct rpc_call *call,
                  struct cred *cred, struct export_cred_storage *storage, const char **why);

#endif
