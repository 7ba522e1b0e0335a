/*
 * links.c - hard links.
 */
#include "tests/conformance/conformance.h"
#include <stdio.h>

BODY(a_hard_link_is_the_same_file, PLAIN | LINKS)
{
    struct object file = make_file(here, "a", "text");
    expect_ok(t_link(file, here, "b"));
    expect_same(find(here, "b"), file);
    expect_number(attr_of(file).nlink, 2);
    expect_ok(t_write_text(find(here, "b"), 0, "other"));
    expect_text(find(here, "a"), "other");
    expect_number(list_count(here), 2);
}

BODY(a_link_outlives_the_name_it_was_made_of, PLAIN | LINKS)
{
    struct object file = make_file(here, "pink", "text");
    expect_ok(t_link(file, here, "floyd"));
    expect_ok(t_remove(here, "pink"));
    expect_entry(here, "floyd", file);
    expect_missing(here, "pink");
    expect_number(attr_of(file).nlink, 1);
    expect_text(file, "text");
    expect_ok(t_remove(here, "floyd"));
    expect_stale(file);
}

BODY(a_link_is_made_in_another_directory, PLAIN | LINKS)
{
    struct object dir = make_dir(here, "dir"), file = make_file(here, "a", "text");
    expect_ok(t_link(file, dir, "b"));
    expect_entry(dir, "b", file);
    expect_ok(t_remove(here, "a"));
    expect_text(find(dir, "b"), "text");
}

BODY(a_link_is_not_made_over_a_name, PLAIN | LINKS)
{
    struct object file = make_file(here, "a", "text"), other = make_file(here, "b", "other");
    struct object dir = make_dir(here, "dir");
    expect_error(t_link(file, here, "b"), EEXIST);
    expect_error(t_link(file, here, "a"), EEXIST);
    expect_error(t_link(file, here, "dir"), EEXIST);
    expect_number(attr_of(file).nlink, 1);
    expect_entry(here, "b", other);
    expect_entry(here, "dir", dir);
}

BODY(a_directory_has_no_hard_links, PLAIN | LINKS)
{
    struct object dir = make_dir(here, "dir");
    expect_error(t_link(dir, here, "other"), EPERM, EISDIR, EINVAL, EACCES);
    expect_missing(here, "other");
}

BODY(a_link_is_not_made_in_a_file, PLAIN | LINKS)
{
    struct object a = make_file(here, "a", ""), b = make_file(here, "b", "");
    expect_error(t_link(a, b, "c"), ENOTDIR);
    expect_number(attr_of(a).nlink, 1);
}

BODY(a_link_to_a_removed_file_is_not_made, PLAIN | LINKS)
{
    struct object file = make_file(here, "a", "text");
    expect_ok(t_remove(here, "a"));
    expect_error(t_link(file, here, "b"), ESTALE, ENOENT);
    expect_missing(here, "b");
}

BODY(a_link_in_a_removed_directory_is_not_made, PLAIN | LINKS)
{
    struct object dir = make_dir(here, "dir"), file = make_file(here, "a", "text");
    expect_ok(t_rmdir(here, "dir"));
    expect_error(t_link(file, dir, "b"), ESTALE, ENOENT);
    expect_number(attr_of(file).nlink, 1);
}

BODY(a_symlink_has_hard_links_of_its_own, PLAIN | LINKS | SYMLINKS)
{
    make_file(here, "file", "text");
    struct object link = make_symlink(here, "link", "file");
    expect_ok(t_link(link, here, "other"));
    expect_same(find(here, "other"), link);
    expect_number(attr_of(link).nlink, 2);
    expect_number(attr_of(find(here, "file")).nlink, 1);
    expect_target(find(here, "other"), "file");
}

BODY(a_fifo_has_hard_links, PLAIN | LINKS | SPECIALS)
{
    struct object fifo = make_fifo(here, "fifo");
    expect_ok(t_link(fifo, here, "other"));
    expect_same(find(here, "other"), fifo);
    expect_number(attr_of(fifo).nlink, 2);
}

BODY(a_hundred_links_are_counted, PLAIN | LINKS)
{
    struct object file = make_file(here, "file", "text");
    char name[16];
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "link %u", i);
        expect_ok(t_link(file, here, name));
        expect_number(attr_of(file).nlink, i + 2);
    }
    for (uint32_t i = 100; i > 0; i--) {
        snprintf(name, sizeof(name), "link %u", i - 1);
        expect_ok(t_remove(here, name));
        expect_number(attr_of(file).nlink, i);
    }
    expect_text(file, "text");
}

BODY(link_changes_ctime_and_the_directory, PLAIN | LINKS)
{
    struct object dir = make_dir(here, "dir"), file = make_file(here, "a", "text");
    struct vattr file_before = attr_of(file), dir_before = attr_of(dir);
    let_time_pass();
    expect_ok(t_link(file, dir, "b"));
    expect(before(file_before.ctime, attr_of(file).ctime));
    expect(same_time(file_before.mtime, attr_of(file).mtime));
    expect(before(dir_before.mtime, attr_of(dir).mtime));
    expect(before(dir_before.ctime, attr_of(dir).ctime));
}

BODY(attributes_are_the_files_and_not_the_names, PLAIN | LINKS)
{
    struct object file = make_file(here, "a", "text");
    expect_ok(t_link(file, here, "b"));
    expect_ok(t_chmod(find(here, "b"), 0600));
    expect_ok(t_truncate(find(here, "b"), 2));
    expect_number(attr_of(find(here, "a")).mode, 0600);
    expect_text(find(here, "a"), "te");
}

BODY(more_links_than_pathconf_says_are_refused, PLAIN | LINKS | ROOM)
{
    struct vpathconf pc;
    char name[16];
    expect_ok(driver->pathconf(&here, &pc));
    expect(pc.link_max >= 8);
    /* Where the limit is too far away to be reached in a test, the beginning has to do: ntfs-3g
     * takes longer for each link than for the one before. */
    uint32_t most = pc.link_max < 5000 ? pc.link_max : 500;
    struct object file = make_file(here, "file", "");
    for (uint32_t i = 1; i < most; i++) {
        snprintf(name, sizeof(name), "%u", i);
        expect_ok(t_link(file, here, name));
    }
    expect_number(attr_of(file).nlink, most);
    if (most == pc.link_max)
        expect_error(t_link(file, here, "one more"), EMLINK, ENOSPC);
}
