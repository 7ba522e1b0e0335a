/*
 * gate.c - who may pass to which node; see gate.h. Called by nfsd/program.c for each call, and by
 * the procedures with two handles.
 */
#include "nfsd/gate.h"
#include "access/handle.h"
#include "base/log.h"
#include "base/wait_place.h"
#include "vfs/vnode_table.h"
#include <errno.h>

/*
 * A handle stays with its client when the exports are reloaded, so its rights are looked at for
 * each call, not only by MOUNT.
 */
static int gate_client(struct nfs3_request *rq)
{
    static struct log_limit limit;
    const struct address *peer = rq->call->peer;
    const struct export_client *client;
    const char *why = "not exported to it";
    int error = export_ask(rq->export, peer, &client);

    if (error == VFS_EJUKEBOX)
        return error;
    error = EACCES;
    if (client != NULL && rq->call->is_datagram && !client->options.udp)
        why = "it came over UDP (option `udp` allows)";
    else if (client != NULL)
        error = export_caller(client, rq->call, &rq->cred, &rq->cred_storage, &why);
    if (error == 0)
        rq->client = client;
    else if (error != VFS_EJUKEBOX && log_limit_allows(&limit)) {
        char text[ADDRESS_TEXT_MAX];
        log_warning("%s: refused %s: %s", rq->export->path, address_format(peer, true, text), why);
    }
    return error;
}

int gate_begin(struct nfs3_request *rq, struct view handle)
{
    struct vnode_id id;
    uint32_t export_id;
    int error = handle_open(handle, &export_id, &id);

    if (error != 0)
        return error;
    rq->exports = exports_get();
    rq->export = exports_by_id(rq->exports, export_id);
    if (rq->export == NULL)
        return ESTALE;
    error = gate_client(rq);
    if (error != 0)
        return error;
    wait_user(rq->cred.uid);
    rq->ctx = (struct vctx){
        .cred = &rq->cred, .async = rq->client->options.async, .peer = rq->call->peer};
    if (rq->export->fs == NULL)
        return export_absent_error(rq->export);
    return vnode_load(rq->export->fs, &id, &rq->vn);
}

int gate_second(struct nfs3_request *rq, struct view handle)
{
    struct vnode_id id;
    uint32_t export_id;
    int error = handle_open(handle, &export_id, &id);

    if (error != 0)
        return error;
    if (export_id != rq->export->id)
        return EXDEV;
    return vnode_load(rq->export->fs, &id, &rq->second);
}

void gate_end(struct nfs3_request *rq)
{
    vnode_put(rq->second);
    vnode_put(rq->vn);
    if (rq->client != NULL)
        export_cred_release(&rq->cred_storage);
    if (rq->exports != NULL)
        exports_put();
}
