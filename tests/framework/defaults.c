/*
 * defaults.c - tests of tables that leave operations out, and of rights by attributes.
 */
#include "tests/framework/fixture.h"
#include "tests/lib/data.h"
#include "tests/lib/test.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include <errno.h>
#include <string.h>

static const struct vfs_type nothing = {.name = "nothing"};

TEST(an_empty_table_is_an_empty_read_only_file_system)
{
    struct vfs *fs = fixture_mount(&nothing);
    _Alignas(8) char buf[1024];
    struct vdirents page = {.buf = buf, .size = sizeof(buf)};
    struct vnode *root = fs->root, *vn;
    struct vattr attr;
    struct vchange change = {0};
    struct vsetattr set = {.set_mode = true};
    struct vstatfs st;
    struct vpathconf pc;
    uint32_t granted;

    assert_int_equal(vnode_number(root), VNODE_NUMBER_ROOT);
    assert_int_equal(vop_getattr(&fixture_nobody, root, &attr), 0);
    assert_int_equal(attr.type, VDIR);
    assert_int_equal(attr.mode, 0555);
    assert_int_equal(attr.nlink, 2);
    assert_int_equal(attr.fileid, VNODE_NUMBER_ROOT);
    assert_int_equal(attr.fsid, 7);
    assert_int_equal(attr.mtime.tv_sec, fs->mounted.tv_sec);
    assert_int_equal(vop_access(&fixture_nobody, root, 0x3f, &granted, &attr), 0);
    assert_int_equal(granted, VACCESS_READ | VACCESS_LOOKUP);
    assert_int_equal(vop_access(&fixture_root, root, 0x3f, &granted, &attr), 0);
    assert_int_equal(granted, VACCESS_READ | VACCESS_LOOKUP);
    assert_int_equal(vop_lookup(&fixture_nobody, root, fixture_name("x"), &vn, &attr), ENOENT);
    assert_int_equal(vop_lookup(&fixture_nobody, root, fixture_name(".."), &vn, &attr), 0);
    assert_ptr_equal(vn, root);
    vnode_put(vn);
    assert_int_equal(vop_readdir(&fixture_nobody, root, 0, &page), 0);
    assert_int_equal(page.count, 2);
    assert_true(page.eof);
    assert_int_equal(vop_mkdir(&fixture_root, root, fixture_name("x"), &set, &vn, &attr, &change),
                     EROFS);
    assert_int_equal(vop_setattr(&fixture_root, root, &set, &change), EROFS);
    assert_int_equal(vop_remove(&fixture_root, root, fixture_name("x"), &change), EROFS);
    assert_int_equal(vop_statfs(&fixture_nobody, root, &st), 0);
    assert_int_equal(vop_pathconf(&fixture_nobody, root, &pc), 0);
    assert_int_equal(pc.name_max, VNAME_MAX);
    assert_true(fs->flags & VFS_READ_ONLY);
    fixture_unmount(fs);
}

TEST(an_empty_table_is_served_to_a_client)
{
    struct loopnfs *server = fixture_serve(&nothing, 0);
    struct client client;
    struct fh root;
    struct listing listing = {0};
    struct nfs3_fsinfo info;

    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    expect_ok(ask_readdir_all(&client, &root, 4096, true, &listing));
    assert_int_equal(listing.count, 2);
    listing_free(&listing);
    expect_ok(ask_fsinfo(&client, &root, &info));
    assert_int_equal(info.properties, 8); /* homogeneous, and nothing else */
    expect_status(ask_mkdir(&client, &root, "x", NULL, NULL), NFS_ROFS);
    client_disconnect(&client);
    loopnfs_destroy(server);
}

static int some_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    vnode_attr_default(vn, attr);
    return 0;
}

static int some_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                       struct vnode **out, struct vattr *attr)
{
    (void)ctx, (void)dir, (void)name, (void)out, (void)attr;
    return ENOENT;
}

static int some_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                        struct vdirents *page)
{
    (void)ctx, (void)dir, (void)cookie, (void)page;
    return 0;
}

static int some_splice_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                             size_t *len, enum vstable *stable, struct vchange *change)
{
    (void)ctx, (void)vn, (void)offset, (void)pipe, (void)len, (void)stable, (void)change;
    return EIO;
}

static int root_is_a_file(struct vfs *fs, const struct vfs_mount_args *args)
{
    (void)args;
    return vnode_intern_number(fs, 5, VREG, &fs->root);
}

static int negative_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    (void)fs, (void)args;
    return -1;
}

TEST(a_table_that_makes_no_sense_is_refused_with_its_name_and_the_reason)
{
    static const struct vfs_type large = {.name = "large", .node_size = VNODE_PRIVATE_MAX + 1};
    static const struct vfs_type blind = {.name = "blind", .ops = {.lookup = some_lookup}};
    static const struct vfs_type lister = {
        .name = "lister", .ops = {.getattr = some_getattr, .readdir = some_readdir}};
    static const struct vfs_type splicer = {
        .name = "splicer", .ops = {.getattr = some_getattr, .splice_write = some_splice_write}};
    static const struct vfs_type flagged = {.name = "flagged", .flags = 1u << 30};
    static const struct vfs_type filed = {.name = "filed", .ops = {.mount = root_is_a_file}};
    static const struct vfs_type negative = {.name = "negative", .ops = {.mount = negative_mount}};
    static const struct vfs_type *const wrong[] = {&large,   &blind, &lister,  &splicer,
                                                   &flagged, &filed, &negative};
    static const char *const reasons[] = {
        "file system large: node_size",
        "file system blind: has lookup but no getattr",
        "file system lister: has readdir but no lookup",
        "file system splicer: has splice_write but no write",
        "file system flagged: unknown flags",
        "file system filed (nothing): mount gave a root that is no directory",
        "file system negative (nothing): mount returned an impossible error"};

    fixture_log_begin();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_null(fixture_mount(wrong[i]));
        assert_true(fixture_log_has(reasons[i]));
        vnode_table_finish();
    }
    static const struct vfs_type nameless = {.ops = {.getattr = some_getattr}};
    struct loopnfs *server;
    assert_int_equal(loopnfs_create(&nameless, NULL, &server), EINVAL);
    assert_true(fixture_log_has("file system without a proper name"));
    assert_int_equal(loopnfs_create(&blind, NULL, &server), EINVAL);
    assert_null(server);
}

/* --- rights --- */

static struct vattr rights_attr; /* of the one file, number 2 */

static int rights_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    vnode_attr_default(vn, attr);
    attr->uid = rights_attr.uid;
    attr->gid = rights_attr.gid;
    attr->mode = rights_attr.mode;
    attr->size = 4;
    if (vn->type == VDIR)
        attr->size = 0;
    return 0;
}

static int rights_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                         struct vnode **out, struct vattr *attr)
{
    (void)ctx, (void)attr;
    return strcmp(name, "file") == 0 ? vnode_intern_number(dir->fs, 2, VREG, out) : ENOENT;
}

static int rights_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                       size_t *len, bool *eof, struct vattr *attr)
{
    (void)ctx, (void)vn, (void)attr;
    *len = offset < 4 && *len >= 4 ? 4 : 0;
    memcpy(buf, "data", *len);
    *eof = true;
    return 0;
}

static int rights_remove(const struct vctx *ctx, struct vnode *dir, const char *name,
                         struct vchange *change)
{
    (void)ctx, (void)dir, (void)name, (void)change;
    return 0;
}

static int rights_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                          struct vchange *change)
{
    (void)ctx, (void)vn, (void)set, (void)change;
    return 0;
}

static const struct vfs_type rights_type = {.name = "rights",
                                            .ops = {.getattr = rights_getattr,
                                                    .setattr = rights_setattr,
                                                    .lookup = rights_lookup,
                                                    .read = rights_read,
                                                    .remove = rights_remove}};

TEST(without_access_callers_are_held_to_the_attributes)
{
    static const gid_t groups[] = {5, 77};
    static const struct cred member = {.uid = 1000, .gid = 4, .ngroups = 2, .groups = groups};
    static const struct cred owner = {.uid = 500};
    const struct vctx as_member = {.cred = &member}, as_owner = {.cred = &owner};
    struct vfs *fs = fixture_mount(&rights_type);
    struct vchange change = {0};
    struct vsetattr set = {.set_mode = true, .mode = 0777};
    struct vattr attr;
    struct vnode *vn;
    char buf[8];
    size_t len = sizeof(buf);
    bool eof;

    rights_attr = (struct vattr){.uid = 500, .gid = 77, .mode = 0750};
    assert_int_equal(vop_lookup(&as_owner, fs->root, fixture_name("file"), &vn, &attr), 0);
    assert_int_equal(data_read(&as_member, vn, 0, buf, &len, &eof, &attr), 0);
    len = sizeof(buf);
    assert_int_equal(data_read(&fixture_nobody, vn, 0, buf, &len, &eof, &attr), EACCES);
    struct vnode *other = NULL;
    assert_int_equal(vop_lookup(&fixture_nobody, fs->root, fixture_name("file"), &other, &attr),
                     EACCES);
    assert_int_equal(vop_remove(&as_member, fs->root, fixture_name("file"), &change), EACCES);
    assert_int_equal(vop_remove(&as_owner, fs->root, fixture_name("file"), &change), 0);
    assert_int_equal(vop_setattr(&as_member, vn, &set, &change), EPERM);
    assert_int_equal(vop_setattr(&as_owner, vn, &set, &change), 0);
    set = (struct vsetattr){.set_uid = true, .uid = 0};
    assert_int_equal(vop_setattr(&as_owner, vn, &set, &change), EPERM);
    assert_int_equal(vop_setattr(&fixture_root, vn, &set, &change), 0);
    rights_attr.mode = 01777;
    assert_int_equal(vop_remove(&as_member, fs->root, fixture_name("file"), &change), EPERM);
    rights_attr.mode = 0;
    len = sizeof(buf);
    assert_int_equal(data_read(&as_owner, vn, 0, buf, &len, &eof, &attr), 0);
    vnode_put(vn);
    fixture_unmount(fs);
}
