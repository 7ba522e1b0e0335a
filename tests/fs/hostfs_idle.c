/*
 * hostfs_idle.c - what nobody uses is not held: the host can unmount it, and what is mounted there
 * next is never taken for it.
 */
#include "tests/fs/fixture.h"
#include "vfs/mount.h"
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* A tmpfs at base/disk that is shown (bind) at export/usb, and maybe as the export itself. */
static void begin_disk(struct fixture *f, bool whole)
{
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    f->crossmnt = true;
    fixture_begin(f);
    fixture_unmount(f);
    host_mkdir(f->base, "disk", 0755);
    host_mkdir(f->base, "other", 0755);
    host_mkdir(f->export, "usb", 0755);
    host_mkdir(f->export, "next", 0755);
    host_mount_tmpfs(host_path(f->base, "disk").text, "");
    host_mount_tmpfs(host_path(f->base, "other").text, "");
    host_mkdir(f->base, "disk/dir", 0755);
    host_write(f->base, "disk/dir/file", "on the disk");
    host_mkdir(f->base, "other/dir", 0755);
    host_write(f->base, "other/dir/file", "on another");
    host_mount_bind(host_path(f->base, "disk").text,
                    whole ? f->export : host_path(f->export, "usb").text);
    fixture_mount(f);
}

/* The housekeeping goes on until the host can unmount it. */
static void unmount_idle(const char *at)
{
    fixture_host();
    for (int i = 0; i < 300; i++) {
        if (umount2(at, UMOUNT_NOFOLLOW) == 0)
            return;
        assert_int_equal(errno, EBUSY);
        vfs_tick();
        host_sleep_ms(100);
    }
    fail_msg("%s is still in use after 30 s", at);
}

static void list(struct fixture *f, const char *path)
{
    uint64_t buf[512];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf), .plus = true};
    struct vnode *vn = fixture_find(f, path);

    assert_int_equal(vop_readdir(&f->ctx, vn, 0, &page), 0);
    vnode_put(vn);
}

TEST(a_crossed_mount_that_nobody_uses_can_be_unmounted)
{
    struct fixture f = {0};

    begin_disk(&f, false);
    struct host_path usb = host_path(f.export, "usb");
    struct vnode_id id = fixture_id(&f, "usb/dir/file");
    fixture_expect(&f, &id, "on the disk");
    list(&f, "usb/dir");
    unmount_idle(usb.text);
    fixture_expect_stale(&f, &id);
    /* The same file system again: the same file. */
    host_mount_bind(host_path(f.base, "disk").text, usb.text);
    struct vnode_id again = fixture_id(&f, "usb/dir/file");
    fixture_expect(&f, &again, "on the disk");
    if (!test_variant_is("table")) /* there an id that was not found is not looked for at once */
        fixture_expect(&f, &id, "on the disk");
    unmount_idle(usb.text);
    fixture_unmount(&f);
}

TEST(a_mount_that_was_given_up_is_used_again_where_it_is_still_there)
{
    struct fixture f = {0};

    begin_disk(&f, false);
    struct vnode_id id = fixture_id(&f, "usb/dir/file");
    for (int i = 0; i < 3; i++) {
        fixture_host();
        vfs_let_go();
        fixture_expect(&f, &id, "on the disk");
        list(&f, "usb");
        list(&f, "");
    }
    fixture_unmount(&f);
}

TEST(what_is_not_in_use_is_let_go_at_once_where_that_is_asked_for)
{
    struct fixture f = {0};

    begin_disk(&f, false);
    struct vnode_id id = fixture_id(&f, "usb/dir/file");
    fixture_expect(&f, &id, "on the disk");
    fixture_host();
    assert_int_equal(umount2(host_path(f.export, "usb").text, 0), -1);
    vfs_let_go();
    assert_int_equal(umount2(host_path(f.export, "usb").text, 0), 0);
    fixture_unmount(&f);
}

TEST(a_mount_that_gets_the_number_of_one_that_has_gone_is_not_taken_for_it)
{
    struct fixture f = {0};

    begin_disk(&f, false);
    struct vnode_id id = fixture_id(&f, "usb/dir/file");
    for (int i = 0; i < 4; i++) {
        const char *there = i % 2 ? "usb" : "next";
        char path[32];
        unmount_idle(host_path(f.export, i % 2 ? "next" : "usb").text);
        /* The kernel gives the number that has just become free. */
        host_mount_bind(host_path(f.base, i % 2 ? "disk" : "other").text,
                        host_path(f.export, there).text);
        snprintf(path, sizeof(path), "%s/dir/file", there);
        struct vnode_id now = fixture_id(&f, path);
        fixture_expect(&f, &now, i % 2 ? "on the disk" : "on another");
        if (i % 2 == 0)
            fixture_expect_stale(&f, &id);
    }
    fixture_unmount(&f);
}

TEST(an_idle_export_can_be_unmounted_and_never_becomes_what_is_below)
{
    struct fixture f = {0};
    struct vattr attr = {.type = VNON};

    begin_disk(&f, true);
    struct vnode_id id = fixture_id(&f, "dir/file");
    fixture_expect(&f, &id, "on the disk");
    list(&f, "");
    unmount_idle(f.export);
    fixture_expect_stale(&f, &id);
    assert_int_equal(vop_getattr(&f.ctx, f.root, &attr), ESTALE);
    fixture_unmount(&f);
    fixture_mount(&f);
    fixture_expect_stale(&f, &id);
    fixture_unmount(&f);
    host_mount_bind(host_path(f.base, "disk").text, f.export);
    fixture_mount(&f);
    struct vnode_id again = fixture_id(&f, "dir/file");
    fixture_expect(&f, &again, "on the disk");
    if (!test_variant_is("table"))
        fixture_expect(&f, &id, "on the disk");
    unmount_idle(f.export);
    fixture_unmount(&f);
}

TEST(an_idle_export_whose_parent_is_closed_to_the_server_is_not_stale)
{
    struct fixture f = {0};
    struct vnode *vn;
    struct vattr attr = {.type = VNON};

    test_skip_in_variant("root", "nothing is closed to root");
    test_skip_in_variant("table", "nothing is closed to root");
    fixture_begin(&f);
    host_write(f.export, "file", "hello");
    struct vnode_id id = fixture_id(&f, "file");
    vfs_let_go();
    host_chmod(f.base, NULL, 0);
    int err = fixture_load(&f, &id, &vn);
    if (err == 0) {
        err = vop_getattr(&f.ctx, vn, &attr);
        vnode_put(vn);
    }
    host_chmod(f.base, NULL, 0755);
    assert_int_equal(err, EACCES);
    fixture_expect(&f, &id, "hello");
    fixture_unmount(&f);
}
