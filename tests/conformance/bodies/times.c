/*
 * times.c - what changes which times, and what can be set.
 */
#include "tests/conformance/conformance.h"
#include <stdlib.h>
#include <time.h>

static const struct timespec past = {.tv_sec = 1000000000, .tv_nsec = 123456789};

/* mtime and ctime of a node before an operation, and what it did to them. */
struct watch {
    struct object node;
    struct vattr old;
};

static struct watch watch_begin(struct object node)
{
    struct watch watch = {.node = node, .old = attr_of(node)};
    return watch;
}

static void expect_times(const struct watch *watch, bool mtime, bool ctime, const char *what)
{
    struct vattr now = attr_of(watch->node);
    if (before(watch->old.mtime, now.mtime) != mtime)
        fail("%s: mtime has %schanged", what, mtime ? "not " : "");
    if (before(watch->old.ctime, now.ctime) != ctime)
        fail("%s: ctime has %schanged", what, ctime ? "not " : "");
}

BODY(times_are_set_to_the_nanosecond, PLAIN)
{
    const struct timespec later = {.tv_sec = 1500000000, .tv_nsec = 999999999};
    struct object file = make_file(here, "file", "text");
    expect_ok(t_times(file, past, later));
    expect(same_time(attr_of(file).atime, past));
    expect(same_time(attr_of(file).mtime, later));
}

BODY(times_of_a_directory_are_set, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    expect_ok(t_times(dir, past, past));
    expect(same_time(attr_of(dir).mtime, past));
    expect(same_time(attr_of(dir).atime, past));
}

BODY(one_time_is_set_and_the_other_stays, PLAIN)
{
    const struct timespec later = {.tv_sec = 1500000000, .tv_nsec = 1};
    struct object file = make_file(here, "file", "");
    expect_ok(t_times(file, past, past));
    expect_ok(t_set(file, .set_mtime = VTIME_GIVEN, .mtime = later));
    expect(same_time(attr_of(file).atime, past));
    expect(same_time(attr_of(file).mtime, later));
    expect_ok(t_times(file, past, past));
    expect_ok(t_set(file, .set_atime = VTIME_GIVEN, .atime = later));
    expect(same_time(attr_of(file).atime, later));
    expect(same_time(attr_of(file).mtime, past));
}

BODY(times_are_set_to_the_servers_now, PLAIN)
{
    struct object file = make_file(here, "file", "");
    expect_ok(t_times(file, past, past));
    expect_ok(t_set(file, .set_atime = VTIME_NOW, .set_mtime = VTIME_NOW));
    struct vattr attr = attr_of(file);
    expect(before(past, attr.atime));
    expect(before(past, attr.mtime));
    expect(!before(attr.ctime, attr.mtime));
}

BODY(times_up_to_2106_are_kept, PLAIN)
{
    static const int64_t seconds[] = {0, 1, INT32_MAX, INT32_MAX + 1LL, 4000000000LL};
    struct object file = make_file(here, "file", "");
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        struct timespec when = {.tv_sec = seconds[i], .tv_nsec = 500};
        expect_ok(t_times(file, when, when));
        expect_number((uint64_t)attr_of(file).mtime.tv_sec, (uint64_t)seconds[i]);
        expect_number((uint64_t)attr_of(file).atime.tv_sec, (uint64_t)seconds[i]);
    }
}

BODY(a_new_file_has_the_time_of_now, PLAIN)
{
    struct vattr first = attr_of(make_file(here, "a", ""));
    let_time_pass();
    struct vattr second = attr_of(make_file(here, "b", ""));
    expect(before(first.mtime, second.mtime));
    expect(before(first.ctime, second.ctime));
    expect(before(first.atime, second.atime));
    /* The server's clock may not be ours, but not by a year. */
    expect(llabs((long long)second.mtime.tv_sec - (long long)time(NULL)) < 366 * 86400LL);
}

BODY(a_write_changes_mtime_and_ctime, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct watch watch = watch_begin(file);
    let_time_pass();
    expect_ok(t_write_text(file, 0, "more"));
    expect_times(&watch, true, true, "write");
}

BODY(a_truncation_changes_mtime_and_ctime, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct watch watch = watch_begin(file);
    let_time_pass();
    expect_ok(t_truncate(file, 2));
    expect_times(&watch, true, true, "shorter");
    watch = watch_begin(file);
    let_time_pass();
    expect_ok(t_truncate(file, 20));
    expect_times(&watch, true, true, "longer");
}

BODY(a_read_changes_neither_mtime_nor_ctime, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct watch watch = watch_begin(file);
    let_time_pass();
    expect_text(file, "text");
    access_of(file);
    expect_same(find(here, "file"), file);
    expect_times(&watch, false, false, "read");
}

BODY(a_listing_changes_neither_mtime_nor_ctime, PLAIN)
{
    make_file(here, "file", "");
    struct watch watch = watch_begin(here);
    let_time_pass();
    expect_number(list_count(here), 1);
    expect_times(&watch, false, false, "readdir");
}

BODY(a_change_of_mode_changes_ctime_only, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct watch watch = watch_begin(file);
    let_time_pass();
    expect_ok(t_chmod(file, 0600));
    expect_times(&watch, false, true, "mode");
}

BODY(setting_times_changes_ctime_to_now, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct watch watch = watch_begin(file);
    let_time_pass();
    expect_ok(t_times(file, past, past));
    expect(before(watch.old.ctime, attr_of(file).ctime));
}

BODY(what_makes_a_name_changes_the_directorys_times, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    struct watch watch = watch_begin(dir);
    let_time_pass();
    make_file(dir, "a", "");
    expect_times(&watch, true, true, "create");
    watch = watch_begin(dir);
    let_time_pass();
    make_dir(dir, "b");
    expect_times(&watch, true, true, "mkdir");
}

BODY(a_new_link_or_fifo_changes_the_directorys_times, PLAIN | SYMLINKS | SPECIALS)
{
    struct object dir = make_dir(here, "dir");
    struct watch watch = watch_begin(dir);
    let_time_pass();
    make_symlink(dir, "a", "target");
    expect_times(&watch, true, true, "symlink");
    watch = watch_begin(dir);
    let_time_pass();
    make_fifo(dir, "b");
    expect_times(&watch, true, true, "mknod");
}

BODY(what_removes_a_name_changes_the_directorys_times, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    make_file(dir, "a", "");
    make_dir(dir, "b");
    struct watch watch = watch_begin(dir);
    let_time_pass();
    expect_ok(t_remove(dir, "a"));
    expect_times(&watch, true, true, "remove");
    watch = watch_begin(dir);
    let_time_pass();
    expect_ok(t_rmdir(dir, "b"));
    expect_times(&watch, true, true, "rmdir");
}

BODY(a_rename_changes_both_directories_times, PLAIN)
{
    struct object a = make_dir(here, "a"), b = make_dir(here, "b"), file = make_file(a, "f", "");
    struct watch from = watch_begin(a), to = watch_begin(b), moved = watch_begin(file);
    let_time_pass();
    expect_ok(t_rename(a, "f", b, "f"));
    expect_times(&from, true, true, "from");
    expect_times(&to, true, true, "to");
    expect(same_time(attr_of(file).mtime, moved.old.mtime));
}

BODY(what_fails_changes_no_times, PLAIN)
{
    struct object dir = make_dir(here, "dir"), out;
    struct object file = make_file(dir, "file", "text");
    struct watch watch = watch_begin(dir), inner = watch_begin(file);
    let_time_pass();
    expect_error(t_create(dir, "file", 0600, &out), EEXIST);
    expect_error(t_mkdir(dir, "file", 0700, &out), EEXIST);
    expect_error(t_remove(dir, "none"), ENOENT);
    expect_error(t_rmdir(dir, "file"), ENOTDIR);
    expect_error(t_rename(dir, "none", dir, "new"), ENOENT);
    expect_times(&watch, false, false, "failures");
    expect_times(&inner, false, false, "failures");
}

BODY(removing_one_of_two_names_changes_ctime, PLAIN | LINKS)
{
    struct object file = make_file(here, "a", "text");
    expect_ok(t_link(file, here, "b"));
    struct watch watch = watch_begin(file);
    let_time_pass();
    expect_ok(t_remove(here, "a"));
    expect_times(&watch, false, true, "remove");
}
