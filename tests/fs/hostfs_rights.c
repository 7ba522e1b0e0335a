/*
 * hostfs_rights.c - the kernel decides, for whoever asks; the owner may go on writing.
 */
#include "base/cred.h"
#include "tests/fs/fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

static uint32_t granted(struct fixture *f, struct vnode *vn)
{
    uint32_t bits = 0;
    struct vattr attr;
    assert_int_equal(vop_access(&f->ctx, vn, 0x3f, &bits, &attr), 0);
    return bits;
}

TEST(the_owner_writes_and_reads_whatever_the_mode_says)
{
    struct fixture f = {0};
    struct vnode *vn;
    char text[4096];

    fixture_begin(&f);
    host_chmod(f.export, NULL, 0777);
    if (fixture_is_root())
        fixture_as(&f, 1000, 1000, -1);
    assert_int_equal(fixture_create(&f, f.root, "file", 0444, &vn), 0);
    assert_int_equal(fixture_write(&f, vn, "one", VSTABLE_UNSTABLE), 0);
    vnode_put(vn);
    fixture_restart(&f); /* the descriptor of the creation is gone */
    vn = fixture_find(&f, "file");
    assert_int_equal(fixture_write(&f, vn, "two", VSTABLE_FILE), 0);
    fixture_host();
    assert_int_equal(host_stat(f.export, "file").st_mode & 07777, 0444);
    /* But ACCESS says what the kernel says. */
    assert_int_equal(granted(&f, vn), VACCESS_READ);
    fixture_host();
    host_chmod(f.export, "file", 0);
    vnode_put(vn);
    fixture_restart(&f);
    vn = fixture_find(&f, "file");
    assert_int_equal(fixture_read(&f, vn, text), 0);
    assert_string_equal(text, "two");
    vnode_put(vn);
    fixture_unmount(&f);
}

/* The server, as an ordinary user, lends itself a right in the middle of a guarded change. */
TEST(the_owner_truncates_a_read_only_file_with_a_guard)
{
    struct fixture f = {0};
    struct vattr attr = {.type = VNON};
    struct vsetattr set = {.set_size = true, .size = 2, .guarded = true};
    struct vchange change = {.has_before = false};

    fixture_begin(&f);
    host_write(f.export, "file", "text");
    host_chmod(f.export, "file", 0444);
    struct vnode *vn = fixture_find(&f, "file");
    assert_int_equal(vop_getattr(&f.ctx, vn, &attr), 0);
    set.guard = attr.ctime;
    assert_int_equal(vop_setattr(&f.ctx, vn, &set, &change), 0);
    fixture_host();
    host_expect(f.export, "file", "te");
    assert_int_equal(host_stat(f.export, "file").st_mode & 07777, 0444);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(others_read_and_write_only_with_the_right_to)
{
    struct fixture f = {0};
    struct vnode *vn;
    char text[4096];

    test_skip_in_variant("user", "one user only");
    fixture_begin(&f);
    host_write(f.export, "file", "secret");
    host_chmod(f.export, "file", 0600);
    vn = fixture_find(&f, "file");
    assert_int_equal(fixture_read(&f, vn, text), 0);
    assert_int_equal(fixture_write(&f, vn, "SECRET", VSTABLE_UNSTABLE), 0);
    /* Descriptors are open now, and must not help anybody else. */
    fixture_as(&f, 1000, 1000, -1);
    assert_int_equal(fixture_read(&f, vn, text), EACCES);
    assert_int_equal(fixture_write(&f, vn, "mine", VSTABLE_UNSTABLE), EACCES);
    assert_int_equal(granted(&f, vn), 0);
    fixture_host();
    host_chmod(f.export, "file", 0644);
    assert_int_equal(fixture_read(&f, vn, text), 0);
    assert_string_equal(text, "SECRET");
    assert_int_equal(fixture_write(&f, vn, "mine", VSTABLE_UNSTABLE), EACCES);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_right_taken_away_is_gone_at_once)
{
    struct fixture f = {0};
    struct vnode *vn;
    char text[4096];

    test_skip_in_variant("user", "one user only");
    fixture_begin(&f);
    host_write(f.export, "file", "text");
    vn = fixture_find(&f, "file");
    fixture_as(&f, 1000, 1000, -1);
    for (int i = 0; i < 20; i++) {
        fixture_host();
        host_chmod(f.export, "file", 0644);
        if (i % 2)
            host_sleep_ms(25); /* a verdict is kept only of a ctime this old */
        assert_int_equal(fixture_read(&f, vn, text), 0);
        assert_int_equal(fixture_read(&f, vn, text), 0);
        fixture_host();
        host_chmod(f.export, "file", 0600);
        assert_int_equal(fixture_read(&f, vn, text), EACCES);
    }
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_group_gives_its_rights)
{
    struct fixture f = {0};
    struct vnode *vn;
    char text[4096];

    test_skip_in_variant("user", "one user only");
    fixture_begin(&f);
    host_write(f.export, "file", "text");
    host_chown(f.export, "file", 0, 4242);
    host_chmod(f.export, "file", 0660);
    vn = fixture_find(&f, "file");
    host_sleep_ms(25);
    fixture_as(&f, 1000, 1000, 4242);
    assert_int_equal(fixture_read(&f, vn, text), 0);
    assert_int_equal(fixture_write(&f, vn, "TEXT", VSTABLE_UNSTABLE), 0);
    fixture_as(&f, 1000, 1000, 4243);
    assert_int_equal(fixture_read(&f, vn, text), EACCES);
    fixture_as(&f, 1000, 4242, -1);
    assert_int_equal(fixture_read(&f, vn, text), 0);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(who_may_execute_may_read)
{
    struct fixture f = {0};
    struct vnode *vn;
    char text[4096];

    test_skip_in_variant("user", "one user only");
    fixture_begin(&f);
    host_write(f.export, "program", "text");
    host_chmod(f.export, "program", 0711);
    vn = fixture_find(&f, "program");
    fixture_as(&f, 1000, 1000, -1);
    assert_int_equal(fixture_read(&f, vn, text), 0);
    assert_int_equal(granted(&f, vn), VACCESS_EXECUTE);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_directory_of_root_stays_as_it_is)
{
    struct fixture f = {0};
    struct vnode *vn;
    struct vsetattr set = {.set_mode = true, .mode = 0777};
    struct vchange change = {.has_before = false};

    test_skip_in_variant("user", "one user only");
    fixture_begin(&f);
    host_write(f.export, "file", "text");
    fixture_as(&f, 1000, 1000, -1);
    assert_int_equal(fixture_create(&f, f.root, "mine", 0644, &vn), EACCES);
    assert_int_equal(fixture_remove(&f, f.root, "file"), EACCES);
    assert_int_equal(fixture_rename(&f, f.root, "file", f.root, "mine"), EACCES);
    assert_int_equal(vop_setattr(&f.ctx, f.root, &set, &change), EPERM);
    assert_int_equal(granted(&f, f.root), VACCESS_READ | VACCESS_LOOKUP);
    fixture_unmount(&f);
}

TEST(a_closed_directory_is_not_searched_and_not_listed)
{
    struct fixture f = {0};
    struct vnode *dir, *vn;
    uint64_t buf[512];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf)};

    test_skip_in_variant("user", "one user only");
    fixture_begin(&f);
    host_mkdir(f.export, "dir", 0700);
    host_write(f.export, "dir/file", "text");
    dir = fixture_find(&f, "dir");
    vnode_put(fixture_find(&f, "dir/file"));
    fixture_as(&f, 1000, 1000, -1);
    assert_int_equal(fixture_lookup(&f, dir, "file", &vn), EACCES);
    assert_int_equal(vop_readdir(&f.ctx, dir, 0, &page), EACCES);
    fixture_host();
    host_chmod(f.export, "dir", 0711);
    assert_int_equal(fixture_lookup(&f, dir, "file", &vn), 0);
    vnode_put(vn);
    assert_int_equal(vop_readdir(&f.ctx, dir, 0, &page), EACCES);
    vnode_put(dir);
    fixture_unmount(&f);
}

TEST(what_a_caller_makes_is_his)
{
    struct fixture f = {0};
    struct vnode *vn;

    test_skip_in_variant("user", "one user only");
    fixture_begin(&f);
    host_chmod(f.export, NULL, 01777);
    fixture_as(&f, 1000, 1001, -1);
    assert_int_equal(fixture_create(&f, f.root, "file", 0640, &vn), 0);
    vnode_put(vn);
    fixture_host();
    struct stat st = host_stat(f.export, "file");
    assert_int_equal(st.st_uid, 1000);
    assert_int_equal(st.st_gid, 1001);
    assert_int_equal(st.st_mode & 07777, 0640);
    fixture_unmount(&f);
}

TEST(writing_drops_the_suid_bit_of_another_owner)
{
    struct fixture f = {0};
    struct vnode *vn;

    test_skip_in_variant("user", "one user only");
    fixture_begin(&f);
    host_write(f.export, "program", "text");
    host_chmod(f.export, "program", 04777);
    fixture_as(&f, 1000, 1000, -1);
    vn = fixture_find(&f, "program");
    assert_int_equal(fixture_write(&f, vn, "evil", VSTABLE_UNSTABLE), 0);
    fixture_host();
    assert_int_equal(host_stat(f.export, "program").st_mode & 07777, 0777);
    vnode_put(vn);
    fixture_unmount(&f);
}

/* Ids that the caller may not give are advice, and the object is his. */
TEST(what_is_made_for_another_owner_is_the_callers)
{
    static const char *const names[] = {"file", "dir", "link", "fifo"};
    struct fixture f = {0};
    struct vsetattr set = {.set_mode = true, .mode = 0750, .set_uid = true, .set_gid = true};
    struct vcreate how = {.mode = VCREATE_UNCHECKED, .attr = set};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn;

    test_skip_in_variant("user", "one user only");
    fixture_begin(&f);
    host_chmod(f.export, NULL, 01777);
    fixture_as(&f, 1000, 1001, 1002);
    how.attr.gid = 1002;
    assert_int_equal(vop_create(&f.ctx, f.root, fixture_view("file"), &how, &vn, &attr, &change),
                     0);
    vnode_put(vn);
    assert_int_equal(vop_mkdir(&f.ctx, f.root, fixture_view("dir"), &set, &vn, &attr, &change), 0);
    vnode_put(vn);
    assert_int_equal(vop_symlink(&f.ctx, f.root, fixture_view("link"), fixture_view("target"), &set,
                                 &vn, &attr, &change),
                     0);
    vnode_put(vn);
    assert_int_equal(
        vop_mknod(&f.ctx, f.root, fixture_view("fifo"), VFIFO, 0, 0, &set, &vn, &attr, &change), 0);
    vnode_put(vn);
    fixture_host();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct stat st = host_stat(f.export, names[i]);
        assert_int_equal(st.st_uid, 1000);
        assert_int_equal(st.st_gid, i == 0 ? 1002 : 1001);
        if (!S_ISLNK(st.st_mode))
            assert_int_equal(st.st_mode & 07777, 0750);
    }
    fixture_unmount(&f);
}

/* What is made in several steps, too: the set-id bits come after the owner. */
TEST(a_default_list_takes_from_the_mode_of_what_is_made_with_set_id_bits)
{
    /* acl(5) as the kernel has it: owner rwx, group r-x, others r--. */
    static const struct {
        uint32_t version;
        struct {
            uint16_t tag, rights;
            uint32_t id;
        } entries[3];
    } list = {2, {{0x01, 07, UINT32_MAX}, {0x04, 05, UINT32_MAX}, {0x20, 04, UINT32_MAX}}};
    struct fixture f = {0};
    struct vsetattr set = {
        .set_mode = true, .mode = 06777, .set_gid = true, .gid = getgid(), .set_mtime = VTIME_NOW};
    struct vcreate how = {.mode = VCREATE_GUARDED, .attr = set};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn;

    fixture_begin(&f);
    assert_int_equal(setxattr(f.export, "system.posix_acl_default", &list, sizeof(list), 0), 0);
    assert_int_equal(vop_create(&f.ctx, f.root, fixture_view("file"), &how, &vn, &attr, &change),
                     0);
    vnode_put(vn);
    assert_int_equal(vop_mkdir(&f.ctx, f.root, fixture_view("dir"), &set, &vn, &attr, &change), 0);
    vnode_put(vn);
    fixture_host();
    assert_int_equal(host_stat(f.export, "file").st_mode & 07777, 06754);
    assert_int_equal(host_stat(f.export, "dir").st_mode & 07777, 06754);
    fixture_unmount(&f);
}

TEST(a_mode_for_a_symbolic_link_is_left_and_the_rest_is_done)
{
    struct fixture f = {0};
    struct vsetattr set = {
        .set_mode = true, .mode = 0600, .set_mtime = VTIME_GIVEN, .mtime = {.tv_sec = 1000000}};
    struct vchange change = {.has_before = false};

    fixture_begin(&f);
    host_symlink("target", f.export, "link");
    struct vnode *vn = fixture_find(&f, "link");
    assert_int_equal(vop_setattr(&f.ctx, vn, &set, &change), 0);
    fixture_host();
    assert_int_equal(host_stat(f.export, "link").st_mtim.tv_sec, 1000000);
    vnode_put(vn);
    fixture_unmount(&f);
}

/* An ext4 with small inodes keeps whole seconds: the ctime is the same after the chmod. */
TEST(a_right_taken_away_within_the_second_of_the_ctime_is_gone_at_once)
{
    struct fixture f = {0};
    struct vnode *vn;
    char text[4096], command[800];

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(&f);
    fixture_unmount(&f);
    snprintf(command, sizeof(command),
             "truncate -s 16M %s/image && mkfs.ext4 -q -I 128 %s/image 2>&1 && "
             "mount -o loop %s/image %s && chmod 755 %s",
             f.base, f.base, f.base, f.export, f.export);
    if (system(command) != 0)
        test_skip("no ext4 can be made and mounted here");
    fixture_mount(&f);
    host_write(f.export, "file", "text");
    vn = fixture_find(&f, "file");
    fixture_as(&f, 1000, 1000, -1);
    for (int i = 0; i < 10; i++) {
        fixture_host();
        host_chmod(f.export, "file", 0644);
        host_sleep_ms(50); /* longer than a tick: as a fine ctime it would be old */
        assert_int_equal(fixture_read(&f, vn, text), 0);
        assert_int_equal(fixture_read(&f, vn, text), 0);
        fixture_host();
        host_chmod(f.export, "file", 0600);
        assert_int_equal(fixture_read(&f, vn, text), EACCES);
    }
    vnode_put(vn);
    fixture_unmount(&f);
    assert_int_equal(umount2(f.export, MNT_DETACH), 0);
}
