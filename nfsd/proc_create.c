/*
 * proc_create.c - CREATE, MKDIR, SYMLINK, MKNOD: new nodes.
 *
 * All four answer with the new node's handle and attributes, and the directory's wcc_data.
 */
#include "nfsd/attributes.h"
#include "nfsd/procedures.h"
#include "vfs/vop.h"

/* Fills in the reply for a new node. Takes over the reference on `vn`. */
static void made(struct nfs3_request *rq, struct vnode *vn, const struct vattr *attr,
                 post_op_fh3 *obj, post_op_attr *obj_attributes, wcc_data *dir_wcc)
{
    obj->handle_follows = TRUE;
    obj->post_op_fh3_u.handle = nfs3_handle(rq, vn->id, vn->id_len, WIRE_STATUS + 2 * WIRE_INT);
    vnode_put(vn);
    nfs3_attr(rq, attr, obj_attributes);
    nfs3_wcc(rq, &rq->change, dir_wcc);
}

static int create_from_wire(const struct nfs3_request *rq, struct view name, const createhow3 *wire,
                            struct vcreate *how)
{
    *how = (struct vcreate){0};
    switch (wire->mode) {
    case UNCHECKED:
        how->mode = VCREATE_UNCHECKED;
        return nfs3_set_from_wire(&wire->createhow3_u.obj_attributes, &how->attr);
    case GUARDED:
        how->mode = VCREATE_GUARDED;
        return nfs3_set_from_wire(&wire->createhow3_u.obj_attributes, &how->attr);
    case EXCLUSIVE:
        break;
    }
    how->mode = VCREATE_EXCLUSIVE;
    nfs3_exclusive(rq, name, wire->createhow3_u.verf, how->verifier);
    return 0;
}

int nfs3_create(struct nfs3_request *rq, const CREATE3args *args, CREATE3resok *res)
{
    struct vnode *vn = NULL;
    struct vattr attr = {0};
    struct vcreate how;
    int err = create_from_wire(rq, args->where.name, &args->how, &how);

    if (err == 0)
        err = vop_create(&rq->access.ctx, rq->access.vn, args->where.name, &how, &vn, &attr,
                         &rq->change);
    if (err == 0)
        made(rq, vn, &attr, &res->obj, &res->obj_attributes, &res->dir_wcc);
    return err;
}

int nfs3_mkdir(struct nfs3_request *rq, const MKDIR3args *args, MKDIR3resok *res)
{
    struct vnode *vn = NULL;
    struct vattr attr = {0};
    struct vsetattr set;
    int err = nfs3_set_from_wire(&args->attributes, &set);

    if (err == 0)
        err = vop_mkdir(&rq->access.ctx, rq->access.vn, args->where.name, &set, &vn, &attr,
                        &rq->change);
    if (err == 0)
        made(rq, vn, &attr, &res->obj, &res->obj_attributes, &res->dir_wcc);
    return err;
}

int nfs3_symlink(struct nfs3_request *rq, const SYMLINK3args *args, SYMLINK3resok *res)
{
    struct vnode *vn = NULL;
    struct vattr attr = {0};
    struct vsetattr set;
    int err = nfs3_set_from_wire(&args->symlink.symlink_attributes, &set);

    if (err == 0)
        err = vop_symlink(&rq->access.ctx, rq->access.vn, args->where.name,
                          args->symlink.symlink_data, &set, &vn, &attr, &rq->change);
    if (err == 0)
        made(rq, vn, &attr, &res->obj, &res->obj_attributes, &res->dir_wcc);
    return err;
}

/* The type of node that MKNOD asks for. VNON: MKNOD can't make that type; RFC 1813 has BADTYPE for
 * this. */
static enum vtype mknod_from_wire(const mknoddata3 *what, const sattr3 **attributes,
                                  specdata3 *rdev)
{
    switch (what->type) {
    case NF3CHR:
    case NF3BLK:
        *attributes = &what->mknoddata3_u.device.dev_attributes;
        *rdev = what->mknoddata3_u.device.spec;
        return (enum vtype)what->type;
    case NF3SOCK:
    case NF3FIFO:
        *attributes = &what->mknoddata3_u.pipe_attributes;
        return (enum vtype)what->type;
    default:
        return VNON;
    }
}

int nfs3_mknod(struct nfs3_request *rq, const MKNOD3args *args, MKNOD3resok *res)
{
    struct vnode *vn = NULL;
    struct vattr attr = {0};
    struct vsetattr set;
    specdata3 rdev = {0};
    const sattr3 *attributes;
    enum vtype type = mknod_from_wire(&args->what, &attributes, &rdev);

    if (type == VNON)
        return VFS_EBADTYPE;
    int err = nfs3_set_from_wire(attributes, &set);
    if (err == 0)
        err = vop_mknod(&rq->access.ctx, rq->access.vn, args->where.name, type, rdev.specdata1,
                        rdev.specdata2, &set, &vn, &attr, &rq->change);
    if (err == 0)
        made(rq, vn, &attr, &res->obj, &res->obj_attributes, &res->dir_wcc);
    return err;
}
