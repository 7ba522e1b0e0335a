/*
 * hostfs_mounts.c - file systems mounted below the export: crossed into, or hidden.
 */
#include "tests/fs/fixture.h"
#include "vfs/vnode_table.h"
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

static void begin_mounted(struct fixture *f)
{
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(f);
    host_mkdir(f->export, "mnt", 0755);
    host_write(f->export, "mnt/below", "covered");
    struct host_path at = host_path(f->export, "mnt");
    host_mount_tmpfs(at.text, "");
    host_write(f->export, "mnt/file", "in the mount");
    host_mkdir(f->export, "mnt/dir", 0755);
    host_write(f->export, "mnt/dir/file", "deep in the mount");
}

static void end_mounted(struct fixture *f)
{
    struct host_path at = host_path(f->export, "mnt");
    fixture_unmount(f);
    assert_int_equal(umount(at.text), 0);
}

TEST(a_mount_is_hidden_without_crossmnt)
{
    struct fixture f = {0};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn, *up;
    uint64_t buf[64];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf)};

    begin_mounted(&f);
    struct vnode *mnt = fixture_find(&f, "mnt");
    assert_int_equal(vop_getattr(&f.ctx, mnt, &attr), 0);
    assert_int_equal(attr.type, VDIR);
    assert_int_equal(attr.mode, 0555);
    assert_int_equal(attr.fsid, 7);
    assert_int_equal(fixture_lookup(&f, mnt, "file", &vn), ENOENT);
    assert_int_equal(fixture_lookup(&f, mnt, "below", &vn), ENOENT);
    assert_int_equal(fixture_lookup(&f, mnt, "..", &up), 0);
    vnode_put(up);
    assert_int_equal(fixture_create(&f, mnt, "new", 0644, &vn), EACCES);
    assert_int_equal(fixture_remove(&f, mnt, "file"), EACCES);
    assert_int_equal(vop_readdir(&f.ctx, mnt, 2, &page), 0);
    assert_int_equal(page.count, 0);
    assert_true(page.eof);
    assert_int_equal(vop_rmdir(&f.ctx, f.root, fixture_view("mnt"), &change), EBUSY);
    assert_int_equal(fixture_rename(&f, f.root, "mnt", f.root, "moved"), EBUSY);
    vnode_put(mnt);
    struct vnode_id id = fixture_id(&f, "mnt");
    fixture_restart(&f);
    assert_int_equal(fixture_load(&f, &id, &mnt), 0);
    vnode_put(mnt);
    end_mounted(&f);
}

TEST(a_mount_is_crossed_with_crossmnt)
{
    struct fixture f = {.crossmnt = true};
    struct vattr root = {.type = VNON}, attr = {.type = VNON};
    struct vnode *vn, *up;

    begin_mounted(&f);
    vn = fixture_find(&f, "mnt");
    assert_int_equal(vop_getattr(&f.ctx, f.root, &root), 0);
    assert_int_equal(vop_getattr(&f.ctx, vn, &attr), 0);
    assert_int_not_equal(root.fsid, attr.fsid);
    assert_int_not_equal(root.fileid, attr.fileid);
    assert_int_equal(fixture_lookup(&f, vn, "..", &up), 0);
    assert_ptr_equal(up, f.root);
    vnode_put(up);
    vnode_put(vn);
    struct vnode_id id = fixture_id(&f, "mnt/file"), deep = fixture_id(&f, "mnt/dir/file");
    fixture_expect(&f, &id, "in the mount");
    fixture_restart(&f);
    fixture_expect(&f, &id, "in the mount");
    fixture_expect(&f, &deep, "deep in the mount");
    vn = fixture_find(&f, "mnt");
    assert_int_equal(fixture_rename(&f, vn, "file", f.root, "file"), EXDEV);
    vnode_put(vn);
    end_mounted(&f);
}

TEST(a_crossed_mount_of_part_of_the_same_file_system_has_its_own_ids)
{
    struct fixture f = {.crossmnt = true};

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(&f);
    host_mkdir(f.export, "mnt", 0755);
    host_mkdir(f.base, "outside", 0755);
    host_write(f.base, "outside/file", "outside");
    struct host_path source = host_path(f.base, "outside"), at = host_path(f.export, "mnt");
    host_mount_bind(source.text, at.text);
    struct vnode_id id = fixture_id(&f, "mnt/file");
    fixture_restart(&f);
    fixture_expect(&f, &id, "outside");
    fixture_unmount(&f);
    /* Without crossmnt the same id leads nowhere. */
    f.crossmnt = false;
    fixture_mount(&f);
    fixture_expect_stale(&f, &id);
    fixture_unmount(&f);
    assert_int_equal(umount(at.text), 0);
}

TEST(a_whole_file_system_can_be_exported)
{
    struct fixture f = {0};

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(&f);
    fixture_unmount(&f);
    host_mount_tmpfs(f.export, "");
    fixture_mount(&f);
    host_mkdir(f.export, "dir", 0755);
    host_write(f.export, "dir/file", "hello");
    struct vnode_id id = fixture_id(&f, "dir/file");
    fixture_restart(&f);
    fixture_expect(&f, &id, "hello");
    host_unlink(f.export, "dir/file");
    fixture_expect_stale(&f, &id);
    fixture_unmount(&f);
    assert_int_equal(umount(f.export), 0);
}

/* overlayfs gives no handles that can be opened (without nfs_export): ids are hashes, found by the
 * table, whoever runs the server. */
TEST(a_file_system_without_handles_is_served_by_the_table)
{
    struct fixture f = {0};
    char options[3 * sizeof(struct host_path) + 64];

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(&f);
    fixture_unmount(&f);
    host_mkdir(f.base, "layers", 0755);
    struct host_path layers = host_path(f.base, "layers");
    host_mount_tmpfs(layers.text, ""); /* overlayfs does not lie over every file system */
    host_mkdir(layers.text, "lower", 0755);
    host_mkdir(layers.text, "upper", 0755);
    host_mkdir(layers.text, "work", 0755);
    host_mkdir(layers.text, "lower/dir", 0755);
    host_write(layers.text, "lower/dir/file", "hello");
    snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
             layers.text, layers.text, layers.text);
    if (mount("overlay", f.export, "overlay", 0, options) != 0)
        test_skip("no overlayfs here: %s", strerror(errno));
    fixture_mount(&f);
    struct vnode_id id = fixture_id(&f, "dir/file");
    fixture_restart(&f);
    fixture_expect(&f, &id, "hello");
    host_write(f.export, "new", "new");
    struct vnode_id new_id = fixture_id(&f, "new");
    fixture_restart(&f);
    host_rename(f.export, "new", f.export, "dir/moved");
    fixture_expect(&f, &new_id, "new");
    host_unlink(f.export, "dir/moved");
    fixture_expect_stale(&f, &new_id);
    fixture_unmount(&f);
    assert_int_equal(umount(f.export), 0);
    assert_int_equal(umount(layers.text), 0);
}
