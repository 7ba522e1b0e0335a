/*
 * gate.c - the one door; see gate.h. Called by the programs (nfsd/, mountd/) for each call.
 *
 * A client keeps its handles when the exports are reloaded. So the client's rights are checked for
 * each call, and not only when it mounts.
 */
#include "access/gate.h"
#include "access/caller.h"
#include "access/handle.h"
#include "base/log.h"
#include "base/wait_place.h"
#include "vfs/vnode_table.h"
#include <errno.h>

/* Finds the client's rights in the export, and makes the caller's credential and context. */
static int admit(struct access *access, const char **why)
{
    const struct export_client *client;
    int err = export_ask(access->export, access->call->peer, &client);

    *why = err == EACCES ? "not exported to this client" : NULL;
    if (err != 0)
        return err;
    err = access_caller(client, access->call, &access->cred, &access->cred_storage, why);
    if (err != 0)
        return err;
    access->client = client;
    wait_user(access->cred.uid);
    access->ctx = (struct vctx){.cred = &access->cred,
                                .async = client->options.async,
                                .peer = access->call->peer,
                                .batch = access->call->batch,
                                .last_in_batch = access->call->last_in_batch};
    return 0;
}

static void log_refusal(const struct access *access, const char *why)
{
    static struct log_limit limit;
    char text[ADDRESS_TEXT_MAX];

    if (log_limit_allows(&limit))
        log_warning("%s: refused %s: %s", access->export->path,
                    address_format(access->call->peer, true, text), why);
}

int gate_by_handle(struct access *access, const struct rpc_call *call, struct view handle)
{
    struct vnode_id id;
    uint32_t export_id;
    const char *why;
    int err = handle_open(handle, &export_id, &id);

    if (err != 0)
        return err;
    access->call = call;
    access->exports = exports_get();
    access->export = exports_by_id(access->exports, export_id);
    if (access->export == NULL)
        return ESTALE;
    err = admit(access, &why);
    if (err == 0 && call->is_datagram && !access->client->options.udp) {
        why = "it came over UDP (option `udp` allows)";
        err = EACCES;
    }
    if (err == EACCES)
        log_refusal(access, why);
    if (err != 0)
        return err;
    if (access->export->fs == NULL)
        return export_absent_error(access->export);
    return vnode_load(&access->ctx, access->export->fs, &id, &access->vn);
}

int gate_by_path(struct access *access, const struct rpc_call *call, struct view path,
                 struct view *rest, const char **why)
{
    access->call = call;
    access->exports = exports_get();
    access->export = exports_by_path(access->exports, path, rest);
    *why = "it is not exported";
    return access->export != NULL ? admit(access, why) : EACCES;
}

int gate_second(const struct access *access, struct view handle, struct vnode **out)
{
    struct vnode_id id;
    uint32_t export_id;
    int err = handle_open(handle, &export_id, &id);

    if (err != 0)
        return err;
    if (export_id != access->export->id)
        return EXDEV;
    return vnode_load(&access->ctx, access->export->fs, &id, out);
}

void gate_leave(struct access *access)
{
    vnode_put(access->vn);
    if (access->client != NULL)
        export_cred_release(&access->cred_storage);
    if (access->exports != NULL)
        exports_put();
}
