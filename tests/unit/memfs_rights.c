/*
 * memfs_rights.c - memfs: who may do what, as on a local file system of Linux.
 */
#include "tests/unit/memfs_fixture.h"

enum { ALICE = 1000, BOB = 1001, STAFF = 50, WHEEL = 51 };

TEST(memfs_grants_by_owner_group_and_mode)
{
    struct vnode *vn, *dir;
    char byte;
    size_t len = 1;
    bool eof;
    const uint32_t all = VACCESS_READ | VACCESS_MODIFY | VACCESS_EXTEND;

    mem_mount(NULL);
    mem_as(ALICE, ALICE, STAFF, -1);
    assert_int_equal(mem_create(mem_root, "f", 0640, &vn), 0);
    assert_int_equal(mem_chown(vn, -1, STAFF), 0);
    assert_int_equal(mem_access(vn), all);
    mem_as(BOB, BOB, STAFF, -1);
    assert_int_equal(mem_access(vn), VACCESS_READ);
    assert_int_equal(mem_read(vn, 0, &byte, &len, &eof), 0);
    assert_int_equal(mem_write(vn, 0, "x", 1), EACCES);
    assert_int_equal(mem_truncate(vn, 0), EACCES);
    mem_as(BOB, STAFF, -1);
    assert_int_equal(mem_access(vn), VACCESS_READ);
    mem_as(BOB, BOB, WHEEL, -1);
    assert_int_equal(mem_access(vn), 0);
    assert_int_equal(mem_read(vn, 0, &byte, &len, &eof), EACCES);
    mem_as(0, 0, -1);
    assert_int_equal(mem_access(vn), all);
    assert_int_equal(mem_chmod(vn, 0010), 0);
    assert_int_equal(mem_access(vn), all | VACCESS_EXECUTE);
    /* The owner is no member of the group; but may go on with what he opened. */
    mem_as(ALICE, ALICE, STAFF, -1);
    assert_int_equal(mem_access(vn), 0);
    assert_int_equal(mem_read(vn, 0, &byte, &len, &eof), 0);
    assert_int_equal(mem_write(vn, 0, "x", 1), 0);
    /* What may be executed may be read. */
    mem_as(BOB, STAFF, -1);
    assert_int_equal(mem_access(vn), VACCESS_EXECUTE);
    assert_int_equal(mem_read(vn, 0, &byte, &len, &eof), 0);
    vnode_put(vn);
    mem_as(ALICE, ALICE, -1);
    assert_int_equal(mem_mkdir(mem_root, "d", 0711, &dir), 0);
    assert_int_equal(mem_create(dir, "f", 0644, NULL), 0);
    mem_as(BOB, BOB, -1);
    assert_int_equal(mem_access(dir), VACCESS_LOOKUP);
    vnode_put(mem_find("d/f"));
    struct vdirents page = {.buf = (char *)(uint64_t[64]){0}, .size = 512};
    assert_int_equal(vop_readdir(&mem_ctx, dir, 2, &page), EACCES);
    assert_int_equal(mem_create(dir, "f", 0644, NULL), EEXIST);
    assert_int_equal(mem_create(dir, "g", 0644, NULL), EACCES);
    assert_int_equal(mem_remove(dir, "f"), EACCES);
    assert_int_equal(mem_rename(dir, "f", mem_root, "x"), EACCES);
    mem_as(0, 0, -1);
    assert_int_equal(mem_chmod(dir, 0), 0);
    mem_as(BOB, BOB, -1);
    assert_int_equal(mem_lookup(dir, "f", &vn), EACCES);
    mem_as(0, 0, -1);
    assert_int_equal(mem_remove(dir, "f"), 0);
    vnode_put(dir);
    mem_unmount();
}

TEST(memfs_lets_only_root_give_files_away)
{
    struct vnode *vn;

    mem_mount(NULL);
    mem_as(ALICE, ALICE, STAFF, -1);
    assert_int_equal(mem_create(mem_root, "f", 0644, &vn), 0);
    assert_int_equal(mem_chown(vn, BOB, -1), EPERM);
    assert_int_equal(mem_chown(vn, ALICE, STAFF), 0);
    assert_int_equal(mem_chown(vn, -1, WHEEL), EPERM);
    assert_int_equal(mem_chown(vn, -1, STAFF), 0);
    mem_as(BOB, BOB, STAFF, -1);
    assert_int_equal(mem_chown(vn, -1, STAFF), EPERM);
    assert_int_equal(mem_chmod(vn, 0666), EPERM);
    mem_as(0, 0, -1);
    assert_int_equal(mem_chown(vn, BOB, WHEEL), 0);
    assert_int_equal(mem_attr(vn).uid, BOB);
    assert_int_equal(mem_attr(vn).gid, WHEEL);
    vnode_put(vn);
    mem_unmount();
}

TEST(memfs_takes_suid_from_what_is_changed)
{
    struct vnode *vn;

    mem_mount(NULL);
    mem_as(ALICE, ALICE, STAFF, -1);
    assert_int_equal(mem_create(mem_root, "f", 06755, &vn), 0);
    assert_int_equal(mem_attr(vn).mode, 06755);
    assert_int_equal(mem_write(vn, 0, "x", 1), 0);
    assert_int_equal(mem_attr(vn).mode, 0755);
    assert_int_equal(mem_chmod(vn, 06755), 0);
    assert_int_equal(mem_truncate(vn, 0), 0);
    assert_int_equal(mem_attr(vn).mode, 0755);
    assert_int_equal(mem_chmod(vn, 06745), 0);
    assert_int_equal(mem_chown(vn, -1, STAFF), 0);
    assert_int_equal(mem_attr(vn).mode, 02745); /* without x it is no sgid */
    mem_as(0, 0, -1);
    assert_int_equal(mem_chmod(vn, 06755), 0);
    assert_int_equal(mem_write(vn, 0, "x", 1), 0);
    assert_int_equal(mem_attr(vn).mode, 06755);
    assert_int_equal(mem_chown(vn, ALICE, WHEEL), 0);
    assert_int_equal(mem_attr(vn).mode, 0755);
    /* Nobody makes sgid what is of a group that he is not in. */
    mem_as(ALICE, ALICE, -1);
    assert_int_equal(mem_chmod(vn, 02755), 0);
    assert_int_equal(mem_attr(vn).mode, 0755);
    vnode_put(vn);
    mem_unmount();
}

TEST(memfs_directories_with_sgid_give_their_group)
{
    struct vnode *dir;

    mem_mount(NULL);
    assert_int_equal(mem_mkdir(mem_root, "d", 0755, &dir), 0);
    assert_int_equal(mem_chown(dir, -1, WHEEL), 0);
    assert_int_equal(mem_chmod(dir, 02777), 0);
    mem_as(ALICE, ALICE, -1);
    assert_int_equal(mem_create(dir, "f", 02755, NULL), 0);
    assert_int_equal(mem_mkdir(dir, "sub", 0755, NULL), 0);
    assert_int_equal(mem_symlink(dir, "link", "f", NULL), 0);
    assert_int_equal(mem_stat("d/f").gid, WHEEL);
    assert_int_equal(mem_stat("d/f").mode, 0755);
    assert_int_equal(mem_stat("d/sub").gid, WHEEL);
    assert_int_equal(mem_stat("d/sub").mode, 02755);
    assert_int_equal(mem_stat("d/link").gid, WHEEL);
    vnode_put(dir);
    mem_unmount();
}

TEST(memfs_sticky_directories_keep_what_others_made)
{
    struct vnode *dir;

    mem_mount(NULL);
    assert_int_equal(mem_mkdir(mem_root, "tmp", 01777, &dir), 0);
    mem_as(ALICE, ALICE, -1);
    assert_int_equal(mem_create(dir, "alice", 0666, NULL), 0);
    assert_int_equal(mem_mkdir(dir, "alices", 0777, NULL), 0);
    mem_as(BOB, BOB, -1);
    assert_int_equal(mem_create(dir, "bob", 0666, NULL), 0);
    assert_int_equal(mem_remove(dir, "alice"), EPERM);
    assert_int_equal(mem_rmdir(dir, "alices"), EPERM);
    assert_int_equal(mem_rename(dir, "alice", dir, "mine"), EPERM);
    assert_int_equal(mem_rename(dir, "bob", dir, "alice"), EPERM);
    assert_int_equal(mem_rename(dir, "bob", dir, "mine"), 0);
    mem_as(ALICE, ALICE, -1);
    assert_int_equal(mem_remove(dir, "alice"), 0);
    mem_as(0, 0, -1);
    assert_int_equal(mem_rmdir(dir, "alices"), 0);
    vnode_put(dir);
    mem_unmount();
}

TEST(memfs_moving_a_directory_needs_the_right_to_change_it)
{
    struct vnode *a, *b, *moved;

    mem_mount(NULL);
    assert_int_equal(mem_mkdir(mem_root, "a", 0777, &a), 0);
    assert_int_equal(mem_mkdir(mem_root, "b", 0777, &b), 0);
    assert_int_equal(mem_mkdir(a, "moved", 0755, &moved), 0);
    mem_as(BOB, BOB, -1);
    assert_int_equal(mem_rename(a, "moved", b, "moved"), EACCES);
    assert_int_equal(mem_rename(a, "moved", a, "moved2"), 0); /* `..` stays */
    mem_as(0, 0, -1);
    assert_int_equal(mem_chmod(moved, 0777), 0);
    mem_as(BOB, BOB, -1);
    assert_int_equal(mem_rename(a, "moved2", b, "moved"), 0);
    vnode_put(a);
    vnode_put(b);
    vnode_put(moved);
    mem_unmount();
}

TEST(memfs_times_are_the_owners_now_is_any_writers)
{
    const struct vsetattr now = {.set_atime = VTIME_NOW, .set_mtime = VTIME_NOW};
    const struct vsetattr given = {.set_mtime = VTIME_GIVEN, .mtime = {1, 2}};
    struct vnode *vn;

    mem_mount(NULL);
    mem_as(ALICE, ALICE, -1);
    assert_int_equal(mem_create(mem_root, "f", 0666, &vn), 0);
    assert_int_equal(mem_set(vn, &given), 0);
    mem_as(BOB, BOB, -1);
    assert_int_equal(mem_set(vn, &given), EPERM);
    assert_int_equal(mem_set(vn, &now), 0);
    mem_as(ALICE, ALICE, -1);
    assert_int_equal(mem_chmod(vn, 0444), 0);
    assert_int_equal(mem_set(vn, &now), 0);
    mem_as(BOB, BOB, -1);
    assert_int_equal(mem_set(vn, &now), EACCES);
    vnode_put(vn);
    mem_unmount();
}
