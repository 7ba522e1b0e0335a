/*
 * caller.h - as whom a call runs: who may be believed to be whom, then squash and id map.
 *
 * For gate.c alone.
 */
#ifndef ACCESS_CALLER_H
#define ACCESS_CALLER_H

#include "exports/exports.h"

/*
 * The credential of a call under this client's options; `cred` borrows from the call and from
 * `storage`, which export_cred_release() gives back. EACCES, with a text in *why: `secure` wants a
 * port below 1024 of another host's client; and on this host, where the server can't act as the
 * caller, the server's own user or root. VFS_EJUKEBOX: as export_cred().
 */
int access_caller(const struct export_client *client, const struct rpc_call *call,
                  struct cred *cred, struct export_cred_storage *storage, const char **why);

#endif
