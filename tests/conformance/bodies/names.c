/*
 * names.c - what is a name, and how names are looked up.
 */
#include "tests/conformance/conformance.h"
#include <loopnfs/vfs.h>
#include <stdio.h>

static void fill_name(char *name, char c, size_t len)
{
    memset(name, c, len);
    name[len] = '\0';
}

static int look_up(struct view name)
{
    struct object out;
    struct vattr attr;
    return driver->lookup(&here, name, &out, &attr);
}

/* Whatever makes a name: create, mkdir, symlink, mknod, link, rename. Each has to answer so. */
static void expect_all_makers(struct object file, struct view name, const int *errors)
{
    const struct vcreate how = {.mode = VCREATE_GUARDED};
    const struct vsetattr set = {.set_mode = false};
    const struct view source = text_view("source"), target = text_view("target");
    struct object out;
    struct vattr attr;
    struct vchange c1 = {.has_before = false}, c2 = {.has_before = false};

    expect_error_at(driver->create(&here, name, &how, &out, &attr, &c1), errors, "create", __FILE__,
                    __LINE__);
    expect_error_at(driver->mkdir(&here, name, &set, &out, &attr, &c1), errors, "mkdir", __FILE__,
                    __LINE__);
    if (driver->flags() & VFS_SYMLINKS)
        expect_error_at(driver->symlink(&here, name, target, &set, &out, &attr, &c1), errors,
                        "symlink", __FILE__, __LINE__);
    if (driver->flags() & VFS_SPECIALS)
        expect_error_at(driver->mknod(&here, name, VFIFO, 0, 0, &set, &out, &attr, &c1), errors,
                        "mknod", __FILE__, __LINE__);
    if (driver->flags() & VFS_LINKS)
        expect_error_at(driver->link(&file, &here, name, &attr, &c1), errors, "link", __FILE__,
                        __LINE__);
    expect_error_at(driver->rename(&here, source, &here, name, &c1, &c2), errors, "rename",
                    __FILE__, __LINE__);
    expect_number(list_count(here), 1);
    expect_same(find(here, "source"), file);
}

#define EXPECT_ALL_MAKERS(file, name, ...) \
    expect_all_makers(file, name, (const int[]){__VA_ARGS__, 0})

BODY(what_was_made_is_found, PLAIN)
{
    struct object file = make_file(here, "file", ""), dir = make_dir(here, "dir");
    expect_entry(here, "file", file);
    expect_entry(here, "dir", dir);
    expect(!same(file, dir));
    expect(attr_of(file).fileid != attr_of(dir).fileid);
}

BODY(a_name_that_is_not_there_is_not_found, PLAIN)
{
    make_file(here, "name", "");
    expect_missing(here, "nam");
    expect_missing(here, "names");
    expect_missing(here, "Name ");
}

BODY(nothing_is_looked_up_in_a_file, PLAIN)
{
    struct object file = make_file(here, "file", ""), out;
    expect_error(t_lookup(file, "name", &out), ENOTDIR);
    expect_error(t_lookup(file, ".", &out), ENOTDIR);
    expect_error(t_lookup(file, "..", &out), ENOTDIR);
}

BODY(nothing_is_looked_up_in_a_symlink, PLAIN | SYMLINKS)
{
    struct object link = make_symlink(here, "link", "dir"), out;
    make_file(make_dir(here, "dir"), "name", "");
    expect_error(t_lookup(link, "name", &out), ENOTDIR);
}

BODY(dot_is_the_directory_itself, 0)
{
    expect_same(find(here, "."), here);
    expect_same(find(root, "."), root);
}

BODY(dotdot_is_the_parent, PLAIN)
{
    struct object a = make_dir(here, "a"), b = make_dir(a, "b");
    expect_same(find(b, ".."), a);
    expect_same(find(a, ".."), here);
}

BODY(dotdot_of_the_root_is_the_root, 0)
{
    expect_same(find(root, ".."), root);
}

BODY(an_empty_name_is_refused, 0)
{
    expect_error(look_up(BYTES("")), EINVAL, EACCES, ENOENT);
}

BODY(a_name_with_a_slash_is_refused, 0)
{
    expect_error(look_up(BYTES("a/b")), EINVAL, EACCES, ENOENT);
    expect_error(look_up(BYTES("/")), EINVAL, EACCES, ENOENT);
    expect_error(look_up(BYTES("../..")), EINVAL, EACCES, ENOENT);
}

BODY(a_name_with_a_nul_is_refused, 0)
{
    expect_error(look_up(BYTES("a\0b")), EINVAL, EACCES, ENOENT);
    expect_error(look_up(BYTES("\0")), EINVAL, EACCES, ENOENT);
}

BODY(no_operation_makes_an_empty_name, PLAIN)
{
    EXPECT_ALL_MAKERS(make_file(here, "source", ""), BYTES(""), EINVAL, EACCES, EEXIST, ENOENT);
}

BODY(no_operation_makes_a_name_with_a_slash, PLAIN)
{
    EXPECT_ALL_MAKERS(make_file(here, "source", ""), BYTES("a/b"), EINVAL, EACCES);
}

BODY(no_operation_makes_a_name_with_a_nul, PLAIN)
{
    EXPECT_ALL_MAKERS(make_file(here, "source", ""), BYTES("a\0b"), EINVAL, EACCES);
}

BODY(no_operation_makes_dot, PLAIN)
{
    EXPECT_ALL_MAKERS(make_file(here, "source", ""), BYTES("."), EEXIST, EINVAL, EISDIR, ENOTEMPTY);
}

BODY(no_operation_makes_dotdot, PLAIN)
{
    EXPECT_ALL_MAKERS(make_file(here, "source", ""), BYTES(".."), EEXIST, EINVAL, EISDIR,
                      ENOTEMPTY);
}

BODY(dot_and_dotdot_are_not_removed, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    expect_error(t_rmdir(dir, "."), EINVAL, EEXIST, ENOTEMPTY);
    expect_error(t_rmdir(dir, ".."), EINVAL, EEXIST, ENOTEMPTY);
    expect_error(t_remove(dir, "."), EINVAL, EISDIR, EPERM, EEXIST);
    expect_error(t_remove(dir, ".."), EINVAL, EISDIR, EPERM, EEXIST);
    expect_entry(here, "dir", dir);
}

BODY(dot_and_dotdot_are_not_renamed, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    expect_error(t_rename(dir, ".", here, "new"), EINVAL, EEXIST);
    expect_error(t_rename(dir, "..", here, "new"), EINVAL, EEXIST);
    expect_missing(here, "new");
    expect_entry(here, "dir", dir);
}

BODY(a_name_has_up_to_255_bytes, PLAIN)
{
    char name[257], other[257];
    fill_name(name, 'x', 255);
    fill_name(other, 'y', 255);
    struct object file = make_file(here, name, "text");
    expect_entry(here, name, file);
    expect_ok(t_rename(here, name, here, other));
    expect_entry(here, other, file);
    expect_ok(t_remove(here, other));
    struct object dir = make_dir(here, name);
    expect_entry(here, name, dir);
    expect_ok(t_rmdir(here, name));
}

BODY(a_link_has_a_name_of_255_bytes, PLAIN | LINKS | SYMLINKS)
{
    char name[257], other[257];
    fill_name(name, 'x', 255);
    fill_name(other, 'y', 255);
    struct object file = make_file(here, "file", "text");
    expect_ok(t_link(file, here, name));
    expect_entry(here, name, file);
    expect_target(make_symlink(here, other, name), name);
}

BODY(a_name_of_256_bytes_is_too_long_to_look_up, 0)
{
    char name[257];
    fill_name(name, 'x', 256);
    expect_error(look_up(text_view(name)), ENAMETOOLONG);
}

BODY(a_name_of_256_bytes_is_too_long_to_make, PLAIN)
{
    char name[257];
    fill_name(name, 'x', 256);
    EXPECT_ALL_MAKERS(make_file(here, "source", ""), text_view(name), ENAMETOOLONG);
}

BODY(a_name_of_256_bytes_is_too_long_to_remove, PLAIN)
{
    char name[257];
    fill_name(name, 'x', 256);
    expect_error(t_remove(here, name), ENAMETOOLONG);
    expect_error(t_rmdir(here, name), ENAMETOOLONG);
    expect_error(t_rename(here, name, here, "x"), ENAMETOOLONG);
}

BODY(names_are_told_apart_by_their_last_byte, PLAIN)
{
    char name[256];
    struct object files[4];
    for (int i = 0; i < 4; i++) {
        fill_name(name, 'x', 254);
        name[254] = (char)('a' + i);
        name[255] = '\0';
        files[i] = make_file(here, name, name + 250);
    }
    for (int i = 0; i < 4; i++) {
        fill_name(name, 'x', 254);
        name[254] = (char)('a' + i);
        name[255] = '\0';
        expect_entry(here, name, files[i]);
        expect_text(files[i], name + 250);
    }
}

BODY(a_name_may_have_any_byte_but_slash_and_nul, PLAIN)
{
    struct object files[256];
    char name[8];
    for (int c = 1; c < 256; c++) {
        snprintf(name, sizeof(name), "n%c", c);
        if (c != '/')
            files[c] = make_file(here, name, "");
    }
    for (int c = 1; c < 256; c++) {
        snprintf(name, sizeof(name), "n%c", c);
        if (c != '/')
            expect_same(find(here, name), files[c]);
    }
    expect_number(list_count(here), 254);
}

BODY(names_that_look_odd_are_names_like_others, PLAIN)
{
    static const char *const odd[] = {"...",      ". ",        " ",        "  ",  ".hidden", "-rf",
                                      "a\nb",     "\\",        "*",        "a:b", "a.",      "a ",
                                      "con",      "%s%n",      "\x7f",     "\t",  "~",       "a\\b",
                                      "\xc3\xa9", "e\xcc\x81", "\xff\xfe", "#x#", "$HOME",   "'\""};
    const size_t count = sizeof(odd) / sizeof(odd[0]);
    for (size_t i = 0; i < count; i++)
        make_file(here, odd[i], odd[i]);
    for (size_t i = 0; i < count; i++)
        expect_text(find(here, odd[i]), odd[i]);
    expect_number(list_count(here), count);
    for (size_t i = 0; i < count; i++)
        expect_ok(t_remove(here, odd[i]));
    expect_number(list_count(here), 0);
}

BODY(case_matters_as_pathconf_says, PLAIN)
{
    struct vpathconf pc;
    struct object out, file = make_file(here, "Name", "");
    expect_ok(driver->pathconf(&here, &pc));
    if (pc.case_insensitive) {
        expect_ok(t_lookup(here, "nAME", &out));
    } else {
        expect_error(t_lookup(here, "nAME", &out), ENOENT);
        make_file(here, "nAME", "another");
        expect_text(file, "");
    }
    if (pc.case_preserving)
        expect_number(list_times(here, "Name"), 1);
}

BODY(a_name_in_another_case_is_the_same_file, PLAIN)
{
    struct vpathconf pc;
    struct object file = make_file(here, "Name", "");
    expect_ok(driver->pathconf(&here, &pc));
    if (pc.case_insensitive)
        expect_same(find(here, "nAME"), file);
}

BODY(a_name_used_again_is_another_file, PLAIN)
{
    struct object old = make_file(here, "name", "old");
    expect_ok(t_remove(here, "name"));
    struct object new = make_file(here, "name", "new");
    expect(!same(old, new));
    expect_stale(old);
    expect_text(new, "new");
}

BODY(a_file_and_a_directory_take_turns_with_a_name, PLAIN)
{
    for (int i = 0; i < 5; i++) {
        struct object file = make_file(here, "name", "text");
        expect_ok(t_remove(here, "name"));
        struct object dir = make_dir(here, "name");
        expect_number(attr_of(find(here, "name")).type, VDIR);
        expect_stale(file);
        expect_ok(t_rmdir(here, "name"));
        expect_stale(dir);
    }
}
