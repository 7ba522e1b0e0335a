/*
 * nfsd_gate.c - tests of the way into a procedure (access/gate.c, nfsd/program.c): whose handles
 * and which clients pass, and what the failure arms of those who don't hold.
 *
 * Calls the program's rows as rpc/ does, on two exports of a file system that lives here only: a
 * root directory with one file in it.
 */
#include "access/gate.h"
#include "access/handle.h"
#include "nfsd/nfsd.h"
#include "nfsd/procedures.h"
#include "tests/lib/test.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <string.h>

#define RW_ID 7
#define RO_ID 8

static int pair_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    static const struct vnode_id id = {.len = 1, .bytes = "r"};

    (void)args;
    return vnode_intern(fs, &id, VDIR, NULL, NULL, &fs->root, NULL);
}

static int pair_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    /* The owner tells the test as whom the request ran. */
    *attr = (struct vattr){.type = vn->type, .uid = ctx->cred->uid, .fileid = vn->id[0]};
    return 0;
}

static int pair_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                       struct vnode **out, struct vattr *attr)
{
    static const struct vnode_id id = {.len = 1, .bytes = "f"};

    (void)ctx;
    (void)attr;
    if (strcmp(name, "file") != 0)
        return ENOENT;
    return vnode_intern(dir->fs, &id, VREG, NULL, NULL, out, NULL);
}

static int pair_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out)
{
    (void)fs;
    (void)id;
    (void)out;
    return ESTALE;
}

static int pair_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                      size_t *len, enum vstable *stable, struct vchange *change)
{
    (void)vn;
    (void)offset;
    (void)buf;
    (void)len;
    (void)change;
    *stable = ctx->async ? VSTABLE_FILE : *stable;
    return 0;
}

static int pair_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
                       struct vattr *attr)
{
    (void)ctx;
    (void)vn;
    (void)attr; /* left to getattr */
    *granted = want;
    return 0;
}

static const struct vfs_type pairfs = {
    .name = "pairfs",
    .flags = VFS_LINKS,
    .ops = {.mount = pair_mount,
            .load = pair_load,
            .getattr = pair_getattr,
            .lookup = pair_lookup,
            .write = pair_write,
            .access = pair_access},
};
VFS_TYPE(pairfs);

static const struct rpc_program *program;
static struct address peer;
static uint32_t reply[1024];

static void begin_with(bool udp)
{
    static const uint8_t key[16] = "a key for tests";
    static const char *specs[] = {
        "/rw,fs=pairfs,client=192.0.2.0/24,rw,secure,async,all_squash,anonuid=4242,fsid=7",
        "/ro,fs=pairfs,client=192.0.2.0/24,ro,insecure,no_root_squash,fsid=8"};
    const struct exports_source source = {.specs = specs, .nspecs = 2, .udp = udp};
    char message[256] = "";

    cred_init();
    handle_init_key(key);
    assert_int_equal(vnode_table_init(1000, 100), 0);
    if (exports_load(&source, message, sizeof(message)) != 0)
        fail_msg("%s", message);
    assert_int_equal(address_parse("192.0.2.1:1000", 0, &peer), 0);
    nfsd_register();
    for (unsigned i = 0; program == NULL || program->number != NFS_PROGRAM; i++)
        program = rpc_registered(i);
}

static void begin(void)
{
    begin_with(false);
}

static struct handle root_of(uint32_t id)
{
    struct handle handle;
    const struct exports *exports = exports_get();

    handle_seal(id, exports_by_id(exports, id)->fs->root, &handle);
    exports_put();
    return handle;
}

static struct view view_of(const struct handle *handle)
{
    return (struct view){.data = handle->bytes, .len = handle->len};
}

static void run(uint32_t procedure, void *args, void *results)
{
    const struct rpc_procedure *row = &program->versions[0].procedures[procedure];
    struct payload in = {0}, out = {0};
    struct rpc_call call = {.procedure = procedure,
                            .auth = {.flavor = RPC_AUTH_SYS},
                            .peer = &peer,
                            .in = &in,
                            .results = (uint8_t *)reply,
                            .results_room = sizeof(reply),
                            .out = &out};

    if (row->payload_at > 0) {
        const struct view *view = (const void *)((const char *)args + row->payload_at);
        in = (struct payload){.data = (uint8_t *)(uintptr_t)view->data, .len = view->len};
    }
    assert_int_equal(row->run(&call, args, results), RPC_DONE);
}

static nfsstat3 getattr(struct view handle, GETATTR3res *res)
{
    GETATTR3args args = {.object = handle};

    *res = (GETATTR3res){0};
    run(NFSPROC3_GETATTR, &args, res);
    return res->status;
}

TEST(every_procedure_of_rfc_1813_has_its_row)
{
    static const char *const names[] = {
        "null",    "getattr",     "setattr", "lookup", "access",   "readlink", "read",   "write",
        "create",  "mkdir",       "symlink", "mknod",  "remove",   "rmdir",    "rename", "link",
        "readdir", "readdirplus", "fsstat",  "fsinfo", "pathconf", "commit"};

    begin();
    assert_int_equal(program->nversions, 1);
    assert_int_equal(program->versions[0].version, 3);
    assert_int_equal(program->versions[0].count, 22);
    for (int i = 0; i < 22; i++)
        assert_string_equal(program->versions[0].procedures[i].name, names[i]);
}

TEST(what_changes_something_is_kept_for_retransmissions)
{
    static const uint32_t changing[] = {
        NFSPROC3_SETATTR, NFSPROC3_WRITE,  NFSPROC3_CREATE, NFSPROC3_MKDIR,  NFSPROC3_SYMLINK,
        NFSPROC3_MKNOD,   NFSPROC3_REMOVE, NFSPROC3_RMDIR,  NFSPROC3_RENAME, NFSPROC3_LINK};
    uint32_t kept = 0, expected = 0;

    begin();
    for (uint32_t i = 0; i < 22; i++)
        if ((program->versions[0].procedures[i].flags & RPC_REPLAY) != 0)
            kept |= 1u << i;
    for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
        expected |= 1u << changing[i];
    assert_int_equal(kept, expected);
}

TEST(a_handle_that_was_not_made_here_is_badhandle)
{
    GETATTR3res res;

    begin();
    struct handle good = root_of(RW_ID), bad = good;
    bad.bytes[bad.len - 1] ^= 1;
    assert_int_equal(getattr(view_of(&good), &res), NFS3_OK);
    assert_int_equal(getattr(view_of(&bad), &res), NFS3ERR_BADHANDLE);
    assert_int_equal(getattr((struct view){0}, &res), NFS3ERR_BADHANDLE);
    good.len--;
    assert_int_equal(getattr(view_of(&good), &res), NFS3ERR_BADHANDLE);
}

TEST(a_handle_of_an_export_that_is_no_more_is_stale)
{
    struct handle handle;
    GETATTR3res res;

    begin();
    handle_seal(99, exports_by_id(exports_get(), RW_ID)->fs->root, &handle);
    exports_put();
    assert_int_equal(getattr(view_of(&handle), &res), NFS3ERR_STALE);
}

TEST(a_client_without_rights_gets_acces_even_with_a_good_handle)
{
    GETATTR3res res;

    begin();
    struct handle handle = root_of(RW_ID);
    assert_int_equal(address_parse("198.51.100.1:1000", 0, &peer), 0);
    assert_int_equal(getattr(view_of(&handle), &res), NFS3ERR_ACCES);
}

TEST(a_secure_export_wants_a_reserved_port_and_an_insecure_one_does_not)
{
    GETATTR3res res;

    begin();
    struct handle secure = root_of(RW_ID), insecure = root_of(RO_ID);
    address_set_port(&peer, 1024);
    assert_int_equal(getattr(view_of(&secure), &res), NFS3ERR_ACCES);
    assert_int_equal(getattr(view_of(&insecure), &res), NFS3_OK);
}

TEST(a_request_runs_as_whom_the_export_makes_of_its_caller)
{
    GETATTR3res res;

    begin();
    struct handle squashed = root_of(RW_ID), trusted = root_of(RO_ID);
    assert_int_equal(getattr(view_of(&squashed), &res), NFS3_OK);
    assert_int_equal(res.GETATTR3res_u.resok.obj_attributes.uid, 4242);
    assert_int_equal(getattr(view_of(&trusted), &res), NFS3_OK);
    assert_int_equal(res.GETATTR3res_u.resok.obj_attributes.uid, 0);
}

TEST(a_read_only_client_gets_rofs_and_the_attributes)
{
    REMOVE3res res = {0};

    begin();
    struct handle handle = root_of(RO_ID);
    REMOVE3args args = {.object = {view_of(&handle), {(const uint8_t *)"file", 4}}};
    run(NFSPROC3_REMOVE, &args, &res);
    assert_int_equal(res.status, NFS3ERR_ROFS);
    const wcc_data *wcc = &res.REMOVE3res_u.resfail.dir_wcc;
    assert_false(wcc->before.attributes_follow);
    assert_true(wcc->after.attributes_follow);
    assert_int_equal(wcc->after.post_op_attr_u.attributes.type, NF3DIR);
}

TEST(access_grants_no_change_to_a_read_only_client)
{
    ACCESS3res res = {0};

    begin();
    struct handle ro = root_of(RO_ID), rw = root_of(RW_ID);
    ACCESS3args args = {.object = view_of(&ro), .access = UINT32_MAX};
    run(NFSPROC3_ACCESS, &args, &res);
    assert_int_equal(res.status, NFS3_OK);
    assert_int_equal(res.ACCESS3res_u.resok.access,
                     ACCESS3_READ | ACCESS3_LOOKUP | ACCESS3_EXECUTE);
    args.object = view_of(&rw);
    run(NFSPROC3_ACCESS, &args, &res);
    assert_int_equal(res.ACCESS3res_u.resok.access, 0x3f);
}

TEST(a_failed_lookup_tells_about_the_directory)
{
    LOOKUP3res res = {0};

    begin();
    struct handle handle = root_of(RO_ID);
    LOOKUP3args args = {.what = {view_of(&handle), {(const uint8_t *)"missing", 7}}};
    run(NFSPROC3_LOOKUP, &args, &res);
    assert_int_equal(res.status, NFS3ERR_NOENT);
    assert_true(res.LOOKUP3res_u.resfail.dir_attributes.attributes_follow);
}

TEST(a_handle_given_is_encoded_where_it_lies)
{
    LOOKUP3res res = {0};
    GETATTR3res attributes;
    XDR xdrs;

    begin();
    struct handle handle = root_of(RO_ID);
    LOOKUP3args args = {.what = {view_of(&handle), {(const uint8_t *)"file", 4}}};
    run(NFSPROC3_LOOKUP, &args, &res);
    assert_int_equal(res.status, NFS3_OK);
    nfs_fh3 object = res.LOOKUP3res_u.resok.object;
    assert_ptr_equal(object.data, (uint8_t *)reply + 8);
    xdrmem_create(&xdrs, (char *)reply, sizeof(reply), XDR_ENCODE);
    assert_true(xdr_LOOKUP3res(&xdrs, &res));
    assert_int_equal(getattr(object, &attributes), NFS3_OK);
    assert_int_equal(attributes.GETATTR3res_u.resok.obj_attributes.type, NF3REG);
}

TEST(two_handles_of_different_exports_are_xdev)
{
    RENAME3res renamed = {0};
    LINK3res linked = {0};

    begin();
    struct handle here = root_of(RW_ID), there = root_of(RO_ID), bad = there;
    bad.bytes[3] ^= 0x40;
    const struct view name = {(const uint8_t *)"file", 4};
    RENAME3args args = {.from = {view_of(&here), name}, .to = {view_of(&there), name}};
    run(NFSPROC3_RENAME, &args, &renamed);
    assert_int_equal(renamed.status, NFS3ERR_XDEV);
    assert_true(renamed.RENAME3res_u.resfail.fromdir_wcc.after.attributes_follow);
    assert_false(renamed.RENAME3res_u.resfail.todir_wcc.after.attributes_follow);
    args.to.dir = view_of(&bad);
    run(NFSPROC3_RENAME, &args, &renamed);
    assert_int_equal(renamed.status, NFS3ERR_BADHANDLE);

    LINK3args link = {.file = view_of(&here), .link = {view_of(&there), name}};
    run(NFSPROC3_LINK, &link, &linked);
    assert_int_equal(linked.status, NFS3ERR_XDEV);
    assert_true(linked.LINK3res_u.resfail.file_attributes.attributes_follow);
}

TEST(write_takes_count_bytes_of_longer_data_and_refuses_shorter)
{
    LOOKUP3res found = {0};
    WRITE3res res = {0};

    begin();
    struct handle handle = root_of(RW_ID);
    LOOKUP3args lookup = {.what = {view_of(&handle), {(const uint8_t *)"file", 4}}};
    run(NFSPROC3_LOOKUP, &lookup, &found);
    WRITE3args args = {.file = found.LOOKUP3res_u.resok.object,
                       .count = 3,
                       .stable = UNSTABLE,
                       .data = {(const uint8_t *)"abcd", 4}};
    run(NFSPROC3_WRITE, &args, &res);
    assert_int_equal(res.status, NFS3_OK);
    assert_int_equal(res.WRITE3res_u.resok.count, 3);
    /* The export is async: pairfs then says that all is done. */
    assert_int_equal(res.WRITE3res_u.resok.committed, FILE_SYNC);
    args.count = 5;
    run(NFSPROC3_WRITE, &args, &res);
    assert_int_equal(res.status, NFS3ERR_INVAL);
    args.count = 4;
    args.stable = (stable_how)3;
    run(NFSPROC3_WRITE, &args, &res);
    assert_int_equal(res.status, NFS3ERR_INVAL);
}

TEST(an_operation_is_told_of_the_batch_that_its_call_came_in)
{
    static const struct view path = {.data = (const uint8_t *)"/rw", .len = 3};
    struct access by_handle = {0}, by_path = {0};
    const char *why;
    struct view rest;

    begin();
    struct handle handle = root_of(RW_ID);
    struct rpc_call call = {.auth = {.flavor = RPC_AUTH_SYS},
                            .peer = &peer,
                            .batch = (uint64_t)5 << 40,
                            .last_in_batch = true};
    assert_int_equal(gate_by_handle(&by_handle, &call, view_of(&handle)), 0);
    assert_true(by_handle.ctx.batch == call.batch);
    assert_true(by_handle.ctx.last_in_batch);
    gate_leave(&by_handle);
    call.last_in_batch = false;
    assert_int_equal(gate_by_path(&by_path, &call, path, &rest, &why), 0);
    assert_true(by_path.ctx.batch == call.batch);
    assert_false(by_path.ctx.last_in_batch);
    gate_leave(&by_path);
}

TEST(fsinfo_over_a_datagram_is_about_what_fits_one)
{
    FSINFO3res res = {0};

    begin_with(true);
    struct handle handle = root_of(RW_ID);
    FSINFO3args args = {.fsroot = view_of(&handle)};
    struct rpc_call call = {.procedure = NFSPROC3_FSINFO,
                            .peer = &peer,
                            .is_datagram = true,
                            .results = (uint8_t *)reply,
                            .results_room = sizeof(reply)};
    program->versions[0].procedures[NFSPROC3_FSINFO].run(&call, &args, &res);
    assert_in_range(res.FSINFO3res_u.resok.rtmax, 8192, 61440);
    assert_in_range(res.FSINFO3res_u.resok.wtmax, 8192, 61440);
    run(NFSPROC3_FSINFO, &args, &res);
    assert_int_equal(res.FSINFO3res_u.resok.rtmax, 1 << 20);
    assert_int_equal(res.FSINFO3res_u.resok.wtpref, 1 << 20);
    assert_int_equal(res.FSINFO3res_u.resok.dtpref, 1 << 16);
    /* The table says links, but has no operation for them. */
    assert_int_equal(res.FSINFO3res_u.resok.properties, FSF3_HOMOGENEOUS | FSF3_CANSETTIME);
}
