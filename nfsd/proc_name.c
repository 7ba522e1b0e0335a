/*
 * proc_name.c - LOOKUP, REMOVE, RMDIR, RENAME, LINK: names in directories.
 *
 * Names are passed on as they came; the wrappers of vfs/vop.h check them.
 */
#include "nfsd/attributes.h"
#include "nfsd/procedures.h"
#include "vfs/vop.h"

int nfs3_lookup(struct nfs3_request *rq, const LOOKUP3args *args, LOOKUP3resok *res)
{
    struct vnode_id id;
    struct vattr attr = {0};
    int err = vop_getattr_at(&rq->access.ctx, rq->access.vn, args->what.name, &id, &attr);

    if (err != 0)
        return err;
    res->object = nfs3_handle(rq, id.bytes, id.len, WIRE_STATUS + WIRE_INT);
    nfs3_attr(rq, &attr, &res->obj_attributes);
    nfs3_attr_now(rq, rq->access.vn, &res->dir_attributes);
    return 0;
}

int nfs3_remove(struct nfs3_request *rq, const REMOVE3args *args, REMOVE3resok *res)
{
    int err = vop_remove(&rq->access.ctx, rq->access.vn, args->object.name, &rq->change);

    if (err == 0)
        nfs3_wcc(rq, &rq->change, &res->dir_wcc);
    return err;
}

int nfs3_rmdir(struct nfs3_request *rq, const RMDIR3args *args, RMDIR3resok *res)
{
    int err = vop_rmdir(&rq->access.ctx, rq->access.vn, args->object.name, &rq->change);

    if (err == 0)
        nfs3_wcc(rq, &rq->change, &res->dir_wcc);
    return err;
}

int nfs3_rename(struct nfs3_request *rq, const RENAME3args *args, RENAME3resok *res)
{
    int err = gate_second(&rq->access, args->to.dir, &rq->second);

    if (err == 0)
        err = vop_rename(&rq->access.ctx, rq->access.vn, args->from.name, rq->second, args->to.name,
                         &rq->change, &rq->second_change);
    if (err != 0)
        return err;
    nfs3_wcc(rq, &rq->change, &res->fromdir_wcc);
    nfs3_wcc(rq, &rq->second_change, &res->todir_wcc);
    return 0;
}

int nfs3_link(struct nfs3_request *rq, const LINK3args *args, LINK3resok *res)
{
    struct vattr attr = {0};
    int err = gate_second(&rq->access, args->link.dir, &rq->second);

    if (err == 0)
        err = vop_link(&rq->access.ctx, rq->access.vn, rq->second, args->link.name, &attr,
                       &rq->second_change);
    if (err != 0)
        return err;
    nfs3_attr(rq, &attr, &res->file_attributes);
    nfs3_wcc(rq, &rq->second_change, &res->linkdir_wcc);
    return 0;
}
