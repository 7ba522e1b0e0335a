/*
 * symlink.c - symbolic links: their content is bytes, and the server never follows them.
 */
#include "tests/conformance/conformance.h"
#include <stdio.h>

BODY(a_symlink_has_its_target, PLAIN | SYMLINKS)
{
    struct object link = make_symlink(here, "link", "some/where");
    struct vattr attr = attr_of(link);
    expect_number(attr.type, VLNK);
    expect_number(attr.size, strlen("some/where"));
    expect_number(attr.nlink, 1);
    expect_number(attr.uid, myself.uid);
    expect_entry(here, "link", link);
    expect_target(link, "some/where");
}

BODY(a_target_is_any_text, PLAIN | SYMLINKS)
{
    static const char *const targets[] = {"x",
                                          "/",
                                          "/absolute/path",
                                          "..",
                                          "../../../../etc",
                                          "a//b///",
                                          "with space\nand newline",
                                          "\xff\xfe",
                                          "%s%n",
                                          "link 4",
                                          "host:/path"};
    char name[16];
    for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        snprintf(name, sizeof(name), "link %u", i);
        expect_target(make_symlink(here, name, targets[i]), targets[i]);
    }
}

BODY(a_symlink_is_not_made_over_a_name, PLAIN | SYMLINKS)
{
    struct object out, file = make_file(here, "file", "text"), dir = make_dir(here, "dir");
    struct object link = make_symlink(here, "link", "old");
    expect_error(t_symlink(here, "file", "target", &out), EEXIST);
    expect_error(t_symlink(here, "dir", "target", &out), EEXIST);
    expect_error(t_symlink(here, "link", "new", &out), EEXIST);
    expect_entry(here, "file", file);
    expect_entry(here, "dir", dir);
    expect_target(link, "old");
}

BODY(an_empty_target_is_refused, PLAIN | SYMLINKS)
{
    struct object out;
    expect_error(t_symlink(here, "link", "", &out), EINVAL, ENOENT, EACCES);
    expect_missing(here, "link");
}

BODY(a_target_with_a_nul_is_refused, PLAIN | SYMLINKS)
{
    struct object out;
    struct vattr attr;
    struct vchange change;
    struct vsetattr set = {.set_mode = false};
    expect_error(
        driver->symlink(&here, text_view("link"), BYTES("a\0b"), &set, &out, &attr, &change),
        EINVAL, EACCES);
    expect_missing(here, "link");
}

BODY(a_target_has_up_to_4095_bytes, PLAIN | SYMLINKS)
{
    static const size_t lengths[] = {59, 60, 61, 1023, 1024, 4094, 4095};
    char target[VPATH_MAX], name[16];
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        memset(target, 'a' + (int)i, lengths[i]);
        target[lengths[i]] = '\0';
        snprintf(name, sizeof(name), "link %u", i);
        struct object link = make_symlink(here, name, target);
        expect_target(link, target);
        expect_number(attr_of(link).size, lengths[i]);
    }
}

BODY(a_target_of_4096_bytes_is_too_long, PLAIN | SYMLINKS)
{
    char target[VPATH_MAX + 1];
    struct object out;
    memset(target, 'x', VPATH_MAX);
    target[VPATH_MAX] = '\0';
    expect_error(t_symlink(here, "link", target, &out), ENAMETOOLONG, EINVAL);
    expect_missing(here, "link");
}

BODY(lookup_gives_the_link_and_not_its_target, PLAIN | SYMLINKS)
{
    struct object file = make_file(here, "file", "text"), dir = make_dir(here, "dir");
    make_symlink(here, "to file", "file");
    make_symlink(here, "to dir", "dir");
    expect_number(attr_of(find(here, "to file")).type, VLNK);
    expect_number(attr_of(find(here, "to dir")).type, VLNK);
    expect(!same(find(here, "to file"), file));
    expect(!same(find(here, "to dir"), dir));
}

BODY(a_symlink_may_point_to_nothing_and_to_itself, PLAIN | SYMLINKS)
{
    expect_target(make_symlink(here, "dangling", "none"), "none");
    expect_target(make_symlink(here, "loop", "loop"), "loop");
    struct object target = make_file(here, "none", "");
    expect_ok(t_remove(here, "none"));
    expect_stale(target);
    expect_target(find(here, "dangling"), "none");
}

BODY(only_a_symlink_has_a_target, PLAIN)
{
    char buf[VPATH_MAX + 1];
    expect_error(t_readlink(make_file(here, "file", "text"), buf), EINVAL);
    expect_error(t_readlink(make_dir(here, "dir"), buf), EINVAL);
}

BODY(a_symlink_has_no_data, PLAIN | SYMLINKS)
{
    struct object file = make_file(here, "file", "text"), link = make_symlink(here, "link", "file");
    char buf[8];
    size_t len = sizeof(buf);
    expect_error(t_read(link, 0, buf, &len, NULL), EINVAL);
    expect_error(t_write_text(link, 0, "more"), EINVAL);
    expect_error(t_truncate(link, 0), EINVAL);
    expect_text(file, "text");
    expect_target(link, "file");
}

BODY(attributes_of_a_symlink_are_not_its_targets, PLAIN | SYMLINKS)
{
    const struct timespec when = {.tv_sec = 1000000000, .tv_nsec = 0};
    struct object file = make_file(here, "file", "text"), link = make_symlink(here, "link", "file");
    struct vattr old = attr_of(file);
    expect_ok(t_times(link, when, when));
    expect(same_time(attr_of(link).mtime, when));
    /* A link's mode means nothing: to refuse it is right, and so is to ignore it. */
    expect_error(t_chmod(link, 0600), 0, EOPNOTSUPP, EINVAL);
    expect_number(attr_of(file).mode, old.mode);
    expect(same_time(attr_of(file).mtime, old.mtime));
}

BODY(a_symlink_changes_owner_by_itself, PLAIN | SYMLINKS | USERS)
{
    struct object file = make_file(here, "file", "text"), link = make_symlink(here, "link", "file");
    expect_ok(t_chown(link, 1000, 1001));
    expect_number(attr_of(link).uid, 1000);
    expect_number(attr_of(link).gid, 1001);
    expect_number(attr_of(file).uid, 0);
}
