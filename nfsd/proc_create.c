/*
 * proc_create.c - CREATE, MKDIR, SYMLINK, MKNOD: new nodes.
 *
 * The four answer alike: the new node's handle and attributes, and the directory's wcc_data.
 */
#include "base/address.h"
#include "nfsd/attributes.h"
#include "nfsd/procedures.h"
#include "vfs/vop.h"
#include <sodium.h>
#include <string.h>

/* Takes over the reference on `vn`. */
static void made(struct nfs3_request *rq, struct vnode *vn, const struct vattr *attr,
                 post_op_fh3 *obj, post_op_attr *obj_attributes, wcc_data *dir_wcc)
{
    obj->handle_follows = TRUE;
    obj->post_op_fh3_u.handle = nfs3_handle(rq, vn->id, vn->id_len, WIRE_STATUS + 2 * WIRE_INT);
    vnode_put(vn);
    nfs3_attr(rq, attr, obj_attributes);
    nfs3_wcc(rq, &rq->change, dir_wcc);
}

/*
 * What file systems keep as the verifier says whose it is, too: clones of one machine choose equal
 * ones, and only one of them may believe that it made the file. The key is public and never
 * changes, since what was kept outlives the server.
 */
static void verifier_of(const struct rpc_call *call, const createverf3 wire, uint8_t verifier[8])
{
    static const unsigned char key[crypto_shorthash_KEYBYTES + 1] = "loopnfs creators";
    unsigned char text[NFS3_CREATEVERFSIZE + 16 + 256] = {0};
    size_t len;
    const uint8_t *address = address_bytes(call->peer, &len);
    size_t machine = call->auth.machine.len < 256 ? call->auth.machine.len : 256;

    _Static_assert(crypto_shorthash_BYTES == NFS3_CREATEVERFSIZE, "one for the other");
    memcpy(text, wire, NFS3_CREATEVERFSIZE);
    memcpy(text + NFS3_CREATEVERFSIZE, address, len < 16 ? len : 16);
    if (machine > 0)
        memcpy(text + NFS3_CREATEVERFSIZE + 16, call->auth.machine.data, machine);
    crypto_shorthash(verifier, text, NFS3_CREATEVERFSIZE + 16 + machine, key);
}

static int create_from_wire(const struct rpc_call *call, const createhow3 *wire,
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
    verifier_of(call, wire->createhow3_u.verf, how->verifier);
    return 0;
}

int nfs3_create(struct nfs3_request *rq, const CREATE3args *args, CREATE3resok *res)
{
    struct vnode *vn = NULL;
    struct vattr attr = {0};
    struct vcreate how;
    int error = create_from_wire(rq->call, &args->how, &how);

    if (error == 0)
        error = vop_create(&rq->access.ctx, rq->access.vn, args->where.name, &how, &vn, &attr,
                           &rq->change);
    if (error == 0)
        made(rq, vn, &attr, &res->obj, &res->obj_attributes, &res->dir_wcc);
    return error;
}

int nfs3_mkdir(struct nfs3_request *rq, const MKDIR3args *args, MKDIR3resok *res)
{
    struct vnode *vn = NULL;
    struct vattr attr = {0};
    struct vsetattr set;
    int error = nfs3_set_from_wire(&args->attributes, &set);

    if (error == 0)
        error = vop_mkdir(&rq->access.ctx, rq->access.vn, args->where.name, &set, &vn, &attr,
                          &rq->change);
    if (error == 0)
        made(rq, vn, &attr, &res->obj, &res->obj_attributes, &res->dir_wcc);
    return error;
}

int nfs3_symlink(struct nfs3_request *rq, const SYMLINK3args *args, SYMLINK3resok *res)
{
    struct vnode *vn = NULL;
    struct vattr attr = {0};
    struct vsetattr set;
    int error = nfs3_set_from_wire(&args->symlink.symlink_attributes, &set);

    if (error == 0)
        error = vop_symlink(&rq->access.ctx, rq->access.vn, args->where.name,
                            args->symlink.symlink_data, &set, &vn, &attr, &rq->change);
    if (error == 0)
        made(rq, vn, &attr, &res->obj, &res->obj_attributes, &res->dir_wcc);
    return error;
}

/* VNON: not a type MKNOD makes; RFC 1813 has BADTYPE for it. */
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
    int error = nfs3_set_from_wire(attributes, &set);
    if (error == 0)
        error = vop_mknod(&rq->access.ctx, rq->access.vn, args->where.name, type, rdev.specdata1,
                          rdev.specdata2, &set, &vn, &attr, &rq->change);
    if (error == 0)
        made(rq, vn, &attr, &res->obj, &res->obj_attributes, &res->dir_wcc);
    return error;
}
