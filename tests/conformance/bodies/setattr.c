/*
 * setattr.c - SETATTR: the guard, several attributes at once, modes of all kinds of nodes.
 */
#include "tests/conformance/conformance.h"

BODY(a_guard_that_holds_lets_the_change_through, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct timespec guard = attr_of(file).ctime;
    expect_ok(t_set(file, .set_mode = true, .mode = 0600, .guarded = true, .guard = guard));
    expect_number(attr_of(file).mode, 0600);
    guard = attr_of(file).ctime;
    expect_ok(t_set(file, .set_size = true, .size = 2, .guarded = true, .guard = guard));
    expect_text(file, "te");
}

BODY(a_guard_that_does_not_hold_changes_nothing, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct timespec guard = attr_of(file).ctime;
    guard.tv_sec--;
    expect_error(t_set(file, .set_mode = true, .mode = 0600, .guarded = true, .guard = guard),
                 VFS_ENOTSYNC);
    expect_error(t_set(file, .set_size = true, .size = 0, .guarded = true, .guard = guard),
                 VFS_ENOTSYNC);
    expect_error(t_set(file, .guarded = true, .guard = guard), VFS_ENOTSYNC);
    expect_number(attr_of(file).mode, 0644);
    expect_text(file, "text");
}

BODY(a_guard_is_compared_to_the_nanosecond, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct timespec guard = attr_of(file).ctime;
    guard.tv_nsec = guard.tv_nsec == 0 ? 1 : guard.tv_nsec - 1;
    expect_error(t_set(file, .set_mode = true, .mode = 0600, .guarded = true, .guard = guard),
                 VFS_ENOTSYNC);
    expect_number(attr_of(file).mode, 0644);
}

BODY(a_guard_sees_a_change_in_between, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct timespec guard = attr_of(file).ctime;
    let_time_pass();
    expect_ok(t_write_text(file, 0, "more"));
    expect_error(t_set(file, .set_size = true, .size = 0, .guarded = true, .guard = guard),
                 VFS_ENOTSYNC);
    expect_text(file, "more");
}

BODY(setting_nothing_is_no_error, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct vattr old = attr_of(file);
    expect_ok(t_setattr(file, &(struct vsetattr){.set_mode = false}));
    expect_number(attr_of(file).mode, old.mode);
    expect(same_time(attr_of(file).mtime, old.mtime));
}

BODY(all_attributes_are_set_at_once, PLAIN)
{
    const struct timespec when = {.tv_sec = 1000000000, .tv_nsec = 1};
    struct object file = make_file(here, "file", "0123456789");
    expect_ok(t_set(file, .set_mode = true, .mode = 0751, .set_uid = true, .uid = myself.uid,
                    .set_gid = true, .gid = myself.gid, .set_size = true, .size = 5,
                    .set_atime = VTIME_GIVEN, .atime = when, .set_mtime = VTIME_GIVEN,
                    .mtime = when));
    struct vattr attr = attr_of(file);
    expect_number(attr.mode, 0751);
    expect_number(attr.uid, myself.uid);
    expect_number(attr.size, 5);
    expect(same_time(attr.atime, when));
    expect(same_time(attr.mtime, when));
}

BODY(every_mode_can_be_set_on_a_file, PLAIN)
{
    struct object file = make_file(here, "file", "");
    for (uint32_t mode = 0; mode <= 0777; mode += 011) {
        expect_ok(t_chmod(file, mode));
        expect_number(attr_of(file).mode, mode);
    }
    for (uint32_t bit = 1; bit <= 04000; bit <<= 1) {
        expect_ok(t_chmod(file, bit));
        /* The sticky bit of a file means nothing, and some drop it. */
        if (bit != 01000)
            expect_number(attr_of(file).mode, bit);
    }
}

BODY(every_mode_can_be_set_on_a_directory, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    for (uint32_t bit = 1; bit <= 04000; bit <<= 1) {
        expect_ok(t_chmod(dir, 0700 | bit));
        if (bit != 04000)
            expect_number(attr_of(dir).mode, 0700 | bit);
    }
}

BODY(a_size_can_be_set_only_on_files, PLAIN | SYMLINKS | SPECIALS)
{
    expect_error(t_truncate(make_dir(here, "dir"), 0), EISDIR, EINVAL);
    expect_error(t_truncate(make_symlink(here, "link", "x"), 0), EINVAL);
    expect_error(t_truncate(make_fifo(here, "fifo"), 0), EINVAL);
}

BODY(root_gives_files_away, PLAIN | USERS)
{
    struct object file = make_file(here, "file", "");
    expect_ok(t_chown(file, 1000, 1001));
    expect_number(attr_of(file).uid, 1000);
    expect_number(attr_of(file).gid, 1001);
    expect_ok(t_set(file, .set_uid = true, .uid = 2000));
    expect_number(attr_of(file).uid, 2000);
    expect_number(attr_of(file).gid, 1001);
    expect_ok(t_set(file, .set_gid = true, .gid = 2001));
    expect_number(attr_of(file).uid, 2000);
    expect_number(attr_of(file).gid, 2001);
}

BODY(ids_beyond_16_and_31_bits_are_kept, PLAIN | USERS)
{
    struct object file = make_file(here, "file", "");
    expect_ok(t_chown(file, 100000, 200000));
    expect_number(attr_of(file).uid, 100000);
    expect_number(attr_of(file).gid, 200000);
    expect_ok(t_chown(file, 0xfffffff0u, 0xfffffff1u));
    expect_number(attr_of(file).uid, 0xfffffff0u);
    expect_number(attr_of(file).gid, 0xfffffff1u);
}

BODY(a_setattr_that_may_not_do_all_does_nothing, PLAIN | USERS)
{
    struct object file = make_file(here, "file", "text");
    expect_ok(t_chown(file, 1000, 1000));
    as(1000, 1000);
    expect_error(t_set(file, .set_mode = true, .mode = 0600, .set_uid = true, .uid = 2000), EPERM,
                 EACCES);
    expect_error(t_set(file, .set_uid = true, .uid = 2000, .set_size = true, .size = 0), EPERM,
                 EACCES);
    expect_number(attr_of(file).uid, 1000);
    expect_number(attr_of(file).mode, 0644);
    expect_text(file, "text");
}
