/*
 * libnfs_raw.c - each of the 22 procedures once through libnfs's raw API: a second opinion on XDR,
 * by code that neither the server nor tests/lib/ shares.
 *
 * One connection of libnfs beside the ordinary client, which supplies the handles. Results that
 * are pointers live only within libnfs's callback, where `look` sees them.
 */
#include "tests/wire/wire.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* In libnfs's order: each needs the one before it. */
#include <nfsc/libnfs.h>

#include <nfsc/libnfs-raw.h>

#include <nfsc/libnfs-raw-nfs.h>

struct raw {
    struct mounted m;
    struct nfs_context *nfs;
    struct rpc_context *rpc;
    bool done;
    int rpc_status;
    void *result; /* where the result structure goes */
    size_t size;
    void (*look)(const void *result);
};

static void took(struct rpc_context *rpc __attribute__((unused)), int status, void *data,
                 void *private_data)
{
    struct raw *r = private_data;

    r->done = true;
    r->rpc_status = status;
    if (status != RPC_STATUS_SUCCESS)
        return;
    if (r->size)
        memcpy(r->result, data, r->size);
    if (r->look)
        r->look(data);
}

static void raw_wait(struct raw *r)
{
    for (int i = 0; i < 100 && !r->done; i++) {
        struct pollfd p = {.fd = rpc_get_fd(r->rpc), .events = rpc_which_events(r->rpc)};
        if (poll(&p, 1, 100) > 0 && rpc_service(r->rpc, p.revents) < 0)
            fail_msg("libnfs: %s", rpc_get_error(r->rpc));
    }
    assert_true(r->done);
    assert_int_equal(r->rpc_status, RPC_STATUS_SUCCESS);
}

/* Asks by libnfs and waits for the result structure. */
#define ASK_LOOK(r, verb, args, res, looker)                                       \
    do {                                                                           \
        (r)->done = false;                                                         \
        (r)->result = (res);                                                       \
        (r)->size = sizeof(*(res));                                                \
        (r)->look = (looker);                                                      \
        assert_int_equal(rpc_nfs3_##verb##_async((r)->rpc, took, (args), (r)), 0); \
        raw_wait(r);                                                               \
        assert_int_equal((res)->status, NFS3_OK);                                  \
    } while (0)
#define ASK(r, verb, args, res) ASK_LOOK(r, verb, args, res, NULL)

static void raw_begin(struct raw *r)
{
    char url[300];

    memset(r, 0, sizeof(*r));
    mounted_begin(&r->m);
    r->nfs = nfs_init_context();
    assert_non_null(r->nfs);
    snprintf(url, sizeof(url), "nfs://127.0.0.1%s?version=3&nfsport=%u&mountport=%u", r->m.dir,
             r->m.server.port, r->m.server.port);
    struct nfs_url *parsed = nfs_parse_url_dir(r->nfs, url);
    assert_non_null(parsed);
    if (nfs_mount(r->nfs, parsed->server, parsed->path))
        fail_msg("libnfs: %s", nfs_get_error(r->nfs));
    nfs_destroy_url(parsed);
    r->rpc = nfs_get_rpc_context(r->nfs);
}

static void raw_end(struct raw *r)
{
    nfs_destroy_context(r->nfs);
    mounted_end(&r->m);
}

static nfs_fh3 raw_fh(struct fh *fh)
{
    return (nfs_fh3){.data = {fh->len, (char *)fh->data}};
}

/* libnfs has names as char *, and does not write to them. */
static diropargs3 raw_name(struct fh *dir, const char *name)
{
    return (diropargs3){.dir = raw_fh(dir), .name = (char *)(uintptr_t)name};
}

static void same_attr(const fattr3 *a, const char *dir, const char *name)
{
    struct attr attr = {.present = true,
                        .type = a->type,
                        .mode = a->mode,
                        .nlink = a->nlink,
                        .uid = a->uid,
                        .gid = a->gid,
                        .size = a->size,
                        .used = a->used,
                        .rdev_major = a->rdev.specdata1,
                        .rdev_minor = a->rdev.specdata2,
                        .fsid = a->fsid,
                        .fileid = a->fileid,
                        .atime = {a->atime.seconds, a->atime.nseconds},
                        .mtime = {a->mtime.seconds, a->mtime.nseconds},
                        .ctime = {a->ctime.seconds, a->ctime.nseconds}};

    expect_attr_but_atime(&attr, dir, name);
}

static void same_post(const post_op_attr *a, const char *dir, const char *name)
{
    assert_int_equal(a->attributes_follow, 1);
    same_attr(&a->post_op_attr_u.attributes, dir, name);
}

TEST(libnfs_takes_null_getattr_setattr_and_access)
{
    struct raw r;
    GETATTR3res got;
    SETATTR3res set;
    ACCESS3res access;

    raw_begin(&r);
    struct fh fh = make_file(&r.m, "file", "text");
    r.done = false;
    r.size = 0;
    assert_int_equal(rpc_nfs3_null_async(r.rpc, took, &r), 0);
    raw_wait(&r);
    GETATTR3args get_args = {raw_fh(&fh)};
    ASK(&r, getattr, &get_args, &got);
    same_attr(&got.GETATTR3res_u.resok.obj_attributes, r.m.dir, "file");
    SETATTR3args set_args = {.object = raw_fh(&fh)};
    set_args.new_attributes.mode.set_it = 1;
    set_args.new_attributes.mode.set_mode3_u.mode = 0640;
    set_args.new_attributes.mtime.set_it = SET_TO_CLIENT_TIME;
    set_args.new_attributes.mtime.set_mtime_u.mtime = (nfstime3){1234567, 89};
    ASK(&r, setattr, &set_args, &set);
    same_post(&set.SETATTR3res_u.resok.obj_wcc.after, r.m.dir, "file");
    assert_int_equal(host_stat(r.m.dir, "file").st_mtim.tv_sec, 1234567);
    ACCESS3args access_args = {raw_fh(&fh), ACCESS3_READ | ACCESS3_MODIFY};
    ASK(&r, access, &access_args, &access);
    assert_int_equal(access.ACCESS3res_u.resok.access, ACCESS3_READ | ACCESS3_MODIFY);
    same_post(&access.ACCESS3res_u.resok.obj_attributes, r.m.dir, "file");
    raw_end(&r);
}

static void look_at_target(const void *result)
{
    const READLINK3res *res = result;

    assert_string_equal(res->READLINK3res_u.resok.data, "the target");
}

TEST(libnfs_takes_lookup_and_readlink)
{
    struct raw r;
    LOOKUP3res found;
    READLINK3res target;

    raw_begin(&r);
    host_symlink("the target", r.m.dir, "link");
    struct fh link = mounted_lookup(&r.m, "link");
    LOOKUP3args args = {raw_name(&r.m.root, "link")};
    ASK(&r, lookup, &args, &found);
    assert_int_equal(found.LOOKUP3res_u.resok.object.data.data_len, link.len);
    same_post(&found.LOOKUP3res_u.resok.obj_attributes, r.m.dir, "link");
    same_post(&found.LOOKUP3res_u.resok.dir_attributes, r.m.dir, NULL);
    READLINK3args link_args = {raw_fh(&link)};
    ASK_LOOK(&r, readlink, &link_args, &target, look_at_target);
    same_post(&target.READLINK3res_u.resok.symlink_attributes, r.m.dir, "link");
    raw_end(&r);
}

static void look_at_data(const void *result)
{
    const READ3resok *ok = &((const READ3res *)result)->READ3res_u.resok;

    assert_int_equal(ok->data.data_len, 7);
    assert_memory_equal(ok->data.data_val, "written", 7);
}

TEST(libnfs_takes_write_commit_and_read)
{
    struct raw r;
    WRITE3res wrote;
    COMMIT3res committed;
    READ3res got;
    char text[] = "written";

    raw_begin(&r);
    struct fh fh = make_file(&r.m, "file", "");
    WRITE3args write_args = {raw_fh(&fh), 0, 7, UNSTABLE, {7, text}};
    ASK(&r, write, &write_args, &wrote);
    assert_int_equal(wrote.WRITE3res_u.resok.count, 7);
    same_post(&wrote.WRITE3res_u.resok.file_wcc.after, r.m.dir, "file");
    COMMIT3args commit_args = {raw_fh(&fh), 0, 0};
    ASK(&r, commit, &commit_args, &committed);
    same_post(&committed.COMMIT3res_u.resok.file_wcc.after, r.m.dir, "file");
    assert_memory_equal(committed.COMMIT3res_u.resok.verf, wrote.WRITE3res_u.resok.verf, 8);
    READ3args read_args = {raw_fh(&fh), 0, 100};
    ASK_LOOK(&r, read, &read_args, &got, look_at_data);
    assert_int_equal(got.READ3res_u.resok.count, 7);
    assert_int_equal(got.READ3res_u.resok.eof, 1);
    same_post(&got.READ3res_u.resok.file_attributes, r.m.dir, "file");
    raw_end(&r);
}

TEST(libnfs_takes_create_mkdir_symlink_and_mknod)
{
    struct raw r;
    CREATE3res created;
    MKDIR3res dir;
    SYMLINK3res link;
    MKNOD3res fifo;
    char target[] = "the target";

    raw_begin(&r);
    CREATE3args create = {.where = raw_name(&r.m.root, "file"), .how.mode = GUARDED};
    ASK(&r, create, &create, &created);
    assert_int_equal(created.CREATE3res_u.resok.obj.handle_follows, 1);
    same_post(&created.CREATE3res_u.resok.obj_attributes, r.m.dir, "file");
    same_post(&created.CREATE3res_u.resok.dir_wcc.after, r.m.dir, NULL);
    MKDIR3args mkdir_args = {.where = raw_name(&r.m.root, "dir")};
    ASK(&r, mkdir, &mkdir_args, &dir);
    same_post(&dir.MKDIR3res_u.resok.obj_attributes, r.m.dir, "dir");
    same_post(&dir.MKDIR3res_u.resok.dir_wcc.after, r.m.dir, NULL);
    SYMLINK3args symlink_args = {.where = raw_name(&r.m.root, "link"),
                                 .symlink.symlink_data = target};
    ASK(&r, symlink, &symlink_args, &link);
    same_post(&link.SYMLINK3res_u.resok.obj_attributes, r.m.dir, "link");
    MKNOD3args mknod_args = {.where = raw_name(&r.m.root, "fifo"), .what.type = NF3FIFO};
    ASK(&r, mknod, &mknod_args, &fifo);
    same_post(&fifo.MKNOD3res_u.resok.obj_attributes, r.m.dir, "fifo");
    same_post(&fifo.MKNOD3res_u.resok.dir_wcc.after, r.m.dir, NULL);
    raw_end(&r);
}

TEST(libnfs_takes_link_rename_remove_and_rmdir)
{
    struct raw r;
    LINK3res linked;
    RENAME3res renamed;
    REMOVE3res removed;
    RMDIR3res gone;

    raw_begin(&r);
    struct fh fh = make_file(&r.m, "file", ""), dir = make_dir(&r.m, "dir");
    LINK3args link_args = {raw_fh(&fh), raw_name(&dir, "second")};
    ASK(&r, link, &link_args, &linked);
    same_post(&linked.LINK3res_u.resok.file_attributes, r.m.dir, "file");
    same_post(&linked.LINK3res_u.resok.linkdir_wcc.after, r.m.dir, "dir");
    RENAME3args rename_args = {raw_name(&dir, "second"), raw_name(&r.m.root, "third")};
    ASK(&r, rename, &rename_args, &renamed);
    same_post(&renamed.RENAME3res_u.resok.fromdir_wcc.after, r.m.dir, "dir");
    same_post(&renamed.RENAME3res_u.resok.todir_wcc.after, r.m.dir, NULL);
    REMOVE3args remove_args = {raw_name(&r.m.root, "third")};
    ASK(&r, remove, &remove_args, &removed);
    same_post(&removed.REMOVE3res_u.resok.dir_wcc.after, r.m.dir, NULL);
    RMDIR3args rmdir_args = {raw_name(&r.m.root, "dir")};
    ASK(&r, rmdir, &rmdir_args, &gone);
    same_post(&gone.RMDIR3res_u.resok.dir_wcc.after, r.m.dir, NULL);
    assert_false(host_exists(r.m.dir, "dir"));
    raw_end(&r);
}

/* libnfs does not align the entries it decodes: they are looked at in a copy. */
static void look_at_entries(const void *result)
{
    const READDIR3resok *ok = &((const READDIR3res *)result)->READDIR3res_u.resok;
    entry3 entry;
    int n = 0;

    for (const void *at = ok->reply.entries; at; at = entry.nextentry, n++)
        memcpy(&entry, at, sizeof(entry));
    assert_int_equal(n, 3);
}

/* The directory whose entries look_at_plus() is to compare with. */
static const char *plus_dir;

static void look_at_plus(const void *result)
{
    const READDIRPLUS3resok *ok = &((const READDIRPLUS3res *)result)->READDIRPLUS3res_u.resok;
    entryplus3 entry;
    int n = 0;

    for (const void *at = ok->reply.entries; at; at = entry.nextentry, n++) {
        memcpy(&entry, at, sizeof(entry));
        if (strcmp(entry.name, "file") == 0)
            same_post(&entry.name_attributes, plus_dir, "file");
    }
    assert_int_equal(n, 3);
}

TEST(libnfs_takes_readdir_and_readdirplus)
{
    struct raw r;
    READDIR3res plain;
    READDIRPLUS3res plus;

    raw_begin(&r);
    make_file(&r.m, "file", "text");
    plus_dir = r.m.dir;
    READDIR3args args = {.dir = raw_fh(&r.m.root), .count = 4096};
    ASK_LOOK(&r, readdir, &args, &plain, look_at_entries);
    assert_int_equal(plain.READDIR3res_u.resok.reply.eof, 1);
    READDIRPLUS3args plus_args = {.dir = raw_fh(&r.m.root), .dircount = 4096, .maxcount = 8192};
    ASK_LOOK(&r, readdirplus, &plus_args, &plus, look_at_plus);
    assert_int_equal(plus.READDIRPLUS3res_u.resok.reply.eof, 1);
    same_post(&plus.READDIRPLUS3res_u.resok.dir_attributes, r.m.dir, NULL);
    raw_end(&r);
}

TEST(libnfs_takes_fsstat_fsinfo_and_pathconf)
{
    struct raw r;
    FSSTAT3res st;
    FSINFO3res info;
    PATHCONF3res conf;

    raw_begin(&r);
    FSSTAT3args st_args = {raw_fh(&r.m.root)};
    ASK(&r, fsstat, &st_args, &st);
    assert_true(st.FSSTAT3res_u.resok.tbytes > 0);
    FSINFO3args info_args = {raw_fh(&r.m.root)};
    ASK(&r, fsinfo, &info_args, &info);
    assert_int_equal(info.FSINFO3res_u.resok.rtmax, 1 << 20);
    assert_int_equal(info.FSINFO3res_u.resok.properties, 0x1b);
    PATHCONF3args conf_args = {raw_fh(&r.m.root)};
    ASK(&r, pathconf, &conf_args, &conf);
    assert_int_equal(conf.PATHCONF3res_u.resok.name_max, 255);
    assert_int_equal(conf.PATHCONF3res_u.resok.case_preserving, 1);
    same_post(&conf.PATHCONF3res_u.resok.obj_attributes, r.m.dir, NULL);
    raw_end(&r);
}
