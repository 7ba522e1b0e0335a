/*
 * proc_attr.c - GETATTR, SETATTR, ACCESS: a node's attributes, and what the caller may do with the
 * node.
 */
#include "nfsd/attributes.h"
#include "nfsd/procedures.h"
#include "vfs/vop.h"

/* VACCESS_* and ACCESS3_* have equal numbers, so masks are passed through. */
_Static_assert((int)VACCESS_READ == ACCESS3_READ && (int)VACCESS_LOOKUP == ACCESS3_LOOKUP,
               "access");
_Static_assert((int)VACCESS_MODIFY == ACCESS3_MODIFY && (int)VACCESS_EXTEND == ACCESS3_EXTEND,
               "access");
_Static_assert((int)VACCESS_DELETE == ACCESS3_DELETE && (int)VACCESS_EXECUTE == ACCESS3_EXECUTE,
               "access");

int nfs3_getattr(struct nfs3_request *rq, const GETATTR3args *args, GETATTR3resok *res)
{
    (void)args;
    struct vattr attr = {0};
    int err = vop_getattr(&rq->access.ctx, rq->access.vn, &attr);

    if (err == 0)
        nfs3_fattr(rq, &attr, &res->obj_attributes);
    return err;
}

int nfs3_setattr(struct nfs3_request *rq, const SETATTR3args *args, SETATTR3resok *res)
{
    struct vsetattr set;
    int err = nfs3_set_from_wire(&args->new_attributes, &set);

    set.guarded = args->guard.check;
    if (err == 0 && set.guarded)
        err = nfs3_time_from_wire(&args->guard.sattrguard3_u.obj_ctime, &set.guard);
    if (err == 0)
        err = vop_setattr(&rq->access.ctx, rq->access.vn, &set, &rq->change);
    if (err == 0)
        nfs3_wcc(rq, &rq->change, &res->obj_wcc);
    return err;
}

int nfs3_access(struct nfs3_request *rq, const ACCESS3args *args, ACCESS3resok *res)
{
    const uint32_t changing = VACCESS_MODIFY | VACCESS_EXTEND | VACCESS_DELETE;
    const uint32_t known = changing | VACCESS_READ | VACCESS_LOOKUP | VACCESS_EXECUTE;
    uint32_t granted = 0;
    struct vattr attr;
    int err = vop_access(&rq->access.ctx, rq->access.vn, args->access & known, &granted, &attr);

    if (err != 0)
        return err;
    /* A client that may only read gets no right to change, whatever the file's mode, as nfs3_run()
     * refuses the calls themselves. */
    res->access = rq->access.client->options.rw ? granted : granted & ~changing;
    nfs3_attr(rq, &attr, &res->obj_attributes);
    return 0;
}
