/*
 * rename.c - RENAME in all combinations of what is renamed and what is there already.
 */
#include "tests/conformance/conformance.h"

/* `from` over `to`: 0, and then the old node has the new name and what was there is gone; or one of
 * the errors, and then nothing has changed. Within a directory and between two. */
static void rename_over(enum kind from, enum kind to, const int *errors)
{
    struct object dirs[2] = {here, make_dir(here, "other dir")};

    for (int i = 0; i < 2; i++) {
        struct object source = make(from, here, "source");
        struct object target = make(to, dirs[i], "target");
        expect_error_at(t_rename(here, "source", dirs[i], "target"), errors, "rename", __FILE__,
                        __LINE__);
        if (errors[0] == 0) {
            expect_missing(here, "source");
            expect_entry(dirs[i], "target", source);
            if (to != NOTHING)
                expect_stale(target);
            if (from == A_FULL_DIR)
                expect_text(find(source, "content"), "of a directory");
            expect_ok(t_rename(dirs[i], "target", here, i == 0 ? "away 0" : "away 1"));
        } else {
            expect_entry(here, "source", source);
            expect_entry(dirs[i], "target", target);
            attr_of(target);
            if (to == A_FULL_DIR)
                expect_text(find(target, "content"), "of a directory");
            expect_ok(t_rename(here, "source", here, i == 0 ? "left 0" : "left 1"));
        }
    }
}

#define DONE       ((const int[]){0, 0})
#define FAILS(...) ((const int[]){__VA_ARGS__, 0})

BODY(a_file_is_renamed_to_a_new_name, PLAIN)
{
    rename_over(A_FILE, NOTHING, DONE);
}

BODY(a_file_is_renamed_over_a_file, PLAIN)
{
    rename_over(A_FILE, A_FILE, DONE);
}

BODY(a_file_is_not_renamed_over_a_directory, PLAIN)
{
    rename_over(A_FILE, A_DIR, FAILS(EISDIR, EEXIST));
}

BODY(a_file_is_not_renamed_over_a_non_empty_directory, PLAIN)
{
    rename_over(A_FILE, A_FULL_DIR, FAILS(EISDIR, EEXIST, ENOTEMPTY));
}

BODY(a_file_is_renamed_over_a_symlink, PLAIN | SYMLINKS)
{
    rename_over(A_FILE, A_SYMLINK, DONE);
}

BODY(a_file_is_renamed_over_a_fifo, PLAIN | SPECIALS)
{
    rename_over(A_FILE, A_FIFO, DONE);
}

BODY(a_directory_is_renamed_to_a_new_name, PLAIN)
{
    rename_over(A_DIR, NOTHING, DONE);
}

BODY(a_directory_is_not_renamed_over_a_file, PLAIN)
{
    rename_over(A_DIR, A_FILE, FAILS(ENOTDIR, EEXIST));
}

BODY(a_directory_is_renamed_over_an_empty_directory, PLAIN)
{
    rename_over(A_DIR, A_DIR, DONE);
}

BODY(a_directory_is_not_renamed_over_a_non_empty_directory, PLAIN)
{
    rename_over(A_DIR, A_FULL_DIR, FAILS(ENOTEMPTY, EEXIST));
}

BODY(a_directory_is_not_renamed_over_a_symlink, PLAIN | SYMLINKS)
{
    rename_over(A_DIR, A_SYMLINK, FAILS(ENOTDIR, EEXIST));
}

BODY(a_directory_is_not_renamed_over_a_fifo, PLAIN | SPECIALS)
{
    rename_over(A_DIR, A_FIFO, FAILS(ENOTDIR, EEXIST));
}

BODY(a_non_empty_directory_is_renamed_to_a_new_name, PLAIN)
{
    rename_over(A_FULL_DIR, NOTHING, DONE);
}

BODY(a_non_empty_directory_is_not_renamed_over_a_file, PLAIN)
{
    rename_over(A_FULL_DIR, A_FILE, FAILS(ENOTDIR, EEXIST));
}

BODY(a_non_empty_directory_is_renamed_over_an_empty_one, PLAIN)
{
    rename_over(A_FULL_DIR, A_DIR, DONE);
}

BODY(a_non_empty_directory_is_not_renamed_over_another, PLAIN)
{
    rename_over(A_FULL_DIR, A_FULL_DIR, FAILS(ENOTEMPTY, EEXIST));
}

BODY(a_symlink_is_renamed_to_a_new_name, PLAIN | SYMLINKS)
{
    rename_over(A_SYMLINK, NOTHING, DONE);
}

BODY(a_symlink_is_renamed_over_a_file, PLAIN | SYMLINKS)
{
    rename_over(A_SYMLINK, A_FILE, DONE);
}

BODY(a_symlink_is_renamed_over_a_symlink, PLAIN | SYMLINKS)
{
    rename_over(A_SYMLINK, A_SYMLINK, DONE);
}

BODY(a_symlink_is_not_renamed_over_a_directory, PLAIN | SYMLINKS)
{
    rename_over(A_SYMLINK, A_DIR, FAILS(EISDIR, EEXIST));
}

BODY(a_symlink_is_not_renamed_over_a_non_empty_directory, PLAIN | SYMLINKS)
{
    rename_over(A_SYMLINK, A_FULL_DIR, FAILS(EISDIR, EEXIST, ENOTEMPTY));
}

BODY(a_fifo_is_renamed_to_a_new_name, PLAIN | SPECIALS)
{
    rename_over(A_FIFO, NOTHING, DONE);
}

BODY(a_fifo_is_renamed_over_a_file, PLAIN | SPECIALS)
{
    rename_over(A_FIFO, A_FILE, DONE);
}

BODY(a_fifo_is_not_renamed_over_a_directory, PLAIN | SPECIALS)
{
    rename_over(A_FIFO, A_DIR, FAILS(EISDIR, EEXIST));
}

/* --- to itself, and to another name of itself: nothing happens --- */

BODY(a_file_renamed_to_its_own_name_stays_as_it_is, PLAIN)
{
    struct object file = make_file(here, "a", "text");
    expect_ok(t_rename(here, "a", here, "a"));
    expect_entry(here, "a", file);
    expect_text(file, "text");
    expect_number(attr_of(file).nlink, 1);
}

BODY(a_directory_renamed_to_its_own_name_stays_as_it_is, PLAIN)
{
    struct object dir = make(A_FULL_DIR, here, "a");
    expect_ok(t_rename(here, "a", here, "a"));
    expect_entry(here, "a", dir);
    expect_text(find(dir, "content"), "of a directory");
}

BODY(a_file_renamed_over_a_hard_link_of_itself_keeps_both_names, PLAIN | LINKS)
{
    struct object dir = make_dir(here, "dir");
    struct object file = make_file(here, "a", "text");
    expect_ok(t_link(file, here, "b"));
    expect_ok(t_link(file, dir, "c"));
    expect_ok(t_rename(here, "a", here, "b"));
    expect_ok(t_rename(here, "a", dir, "c"));
    expect_entry(here, "a", file);
    expect_entry(here, "b", file);
    expect_entry(dir, "c", file);
    expect_number(attr_of(file).nlink, 3);
}

/* --- where in the tree --- */

BODY(a_directory_is_not_renamed_into_itself, PLAIN)
{
    struct object dir = make_dir(here, "a");
    expect_error(t_rename(here, "a", dir, "b"), EINVAL);
    expect_entry(here, "a", dir);
    expect_number(list_count(dir), 0);
}

BODY(a_directory_is_not_renamed_into_its_own_subtree, PLAIN)
{
    struct object a = make_dir(here, "a"), b = make_dir(a, "b"), c = make_dir(b, "c");
    expect_error(t_rename(here, "a", c, "d"), EINVAL);
    expect_error(t_rename(here, "a", c, "a"), EINVAL);
    expect_error(t_rename(a, "b", c, "d"), EINVAL);
    expect_entry(here, "a", a);
    expect_entry(b, "c", c);
    expect_number(list_count(c), 0);
}

BODY(a_directory_is_not_renamed_over_what_it_lies_in, PLAIN)
{
    struct object a = make_dir(here, "a"), b = make_dir(a, "b"), c = make_dir(b, "c");
    expect_error(t_rename(b, "c", here, "a"), ENOTEMPTY, EEXIST, EINVAL);
    expect_error(t_rename(a, "b", here, "a"), ENOTEMPTY, EEXIST, EINVAL);
    expect_entry(b, "c", c);
    expect_entry(a, "b", b);
}

BODY(a_file_is_not_renamed_over_the_directory_it_lies_in, PLAIN)
{
    struct object a = make_dir(here, "a"), file = make_file(a, "f", "text");
    expect_error(t_rename(a, "f", here, "a"), EISDIR, ENOTEMPTY, EEXIST);
    expect_entry(a, "f", file);
}

BODY(dotdot_of_a_moved_directory_is_its_new_parent, PLAIN)
{
    struct object a = make_dir(here, "a"), b = make_dir(here, "b"), sub = make_dir(a, "sub");
    expect_same(find(sub, ".."), a);
    expect_ok(t_rename(a, "sub", b, "sub"));
    expect_same(find(sub, ".."), b);
    struct page page = {.verifier = 0};
    list_page(sub, 0, 4096, &page);
    for (uint32_t i = 0; i < page.count; i++)
        if (strcmp(page.items[i].name, "..") == 0)
            expect_number(page.items[i].fileid, attr_of(b).fileid);
}

BODY(a_moved_directory_is_counted_by_its_new_parent, PLAIN)
{
    struct object a = make_dir(here, "a"), b = make_dir(here, "b");
    make_dir(a, "sub");
    uint32_t with = attr_of(a).nlink, without = attr_of(b).nlink;
    expect_ok(t_rename(a, "sub", b, "sub"));
    expect_number(attr_of(a).nlink, without);
    expect_number(attr_of(b).nlink, with);
}

BODY(a_replaced_directory_is_no_longer_counted, PLAIN)
{
    struct object parent = make_dir(here, "parent");
    make_dir(parent, "a");
    uint32_t one = attr_of(parent).nlink;
    make_dir(parent, "b");
    expect_ok(t_rename(parent, "a", parent, "b"));
    expect_number(attr_of(parent).nlink, one);
}

BODY(a_replaced_file_keeps_its_other_names, PLAIN | LINKS)
{
    struct object old = make_file(here, "old", "old"), new = make_file(here, "new", "new");
    expect_ok(t_link(old, here, "other"));
    expect_ok(t_rename(here, "new", here, "old"));
    expect_entry(here, "old", new);
    expect_entry(here, "other", old);
    expect_text(old, "old");
    expect_number(attr_of(old).nlink, 1);
}

BODY(two_files_change_names_by_three_renames, PLAIN)
{
    struct object a = make_file(here, "a", "one"), b = make_file(here, "b", "two");
    expect_ok(t_rename(here, "a", here, "t"));
    expect_ok(t_rename(here, "b", here, "a"));
    expect_ok(t_rename(here, "t", here, "b"));
    expect_entry(here, "a", b);
    expect_entry(here, "b", a);
    expect_number(list_count(here), 2);
}

BODY(a_rename_from_a_name_that_is_not_there_fails, PLAIN)
{
    struct object target = make_file(here, "target", "text"), dir = make_dir(here, "dir");
    expect_error(t_rename(here, "none", here, "target"), ENOENT);
    expect_error(t_rename(here, "none", here, "none"), ENOENT);
    expect_error(t_rename(here, "none", dir, "new"), ENOENT);
    expect_entry(here, "target", target);
    expect_missing(dir, "new");
}

BODY(a_rename_in_what_is_no_directory_fails, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    make_file(here, "other", "");
    expect_error(t_rename(file, "a", here, "b"), ENOTDIR);
    expect_error(t_rename(here, "other", file, "b"), ENOTDIR);
    expect_entry(here, "other", find(here, "other"));
}

BODY(a_rename_into_a_removed_directory_fails, PLAIN)
{
    struct object dir = make_dir(here, "dir"), file = make_file(here, "file", "text");
    expect_ok(t_rmdir(here, "dir"));
    expect_error(t_rename(here, "file", dir, "file"), ESTALE, ENOENT);
    expect_error(t_rename(dir, "file", here, "new"), ESTALE, ENOENT);
    expect_entry(here, "file", file);
}

BODY(a_name_changes_in_case_only, PLAIN)
{
    struct object file = make_file(here, "name", "text");
    struct page page = {.verifier = 0};
    expect_ok(t_rename(here, "name", here, "NAME"));
    expect_same(find(here, "NAME"), file);
    list_page(here, 0, 4096, &page);
    for (uint32_t i = 0; i < page.count; i++)
        if (!is_dots(&page.items[i]) && strcmp(page.items[i].name, "NAME") != 0)
            fail("it is listed as %s", page.items[i].name);
}

BODY(a_rename_keeps_attributes_and_content, PLAIN)
{
    struct object dir = make_dir(here, "dir"), file = make_file(here, "a", "text");
    expect_ok(t_chmod(file, 0751));
    struct vattr old = attr_of(file);
    expect_ok(t_rename(here, "a", dir, "b"));
    struct vattr new = attr_of(file);
    expect_number(new.mode, old.mode);
    expect_number(new.fileid, old.fileid);
    expect_number(new.nlink, 1);
    expect_number(new.size, old.size);
    expect(same_time(new.mtime, old.mtime));
    expect_text(file, "text");
}

BODY(a_deep_tree_moves_as_a_whole, PLAIN)
{
    struct object at = make_dir(here, "top"), other = make_dir(here, "other");
    for (int i = 0; i < 30; i++)
        at = make_dir(at, "d");
    struct object leaf = make_file(at, "leaf", "deep");
    expect_ok(t_rename(here, "top", other, "moved"));
    at = find(other, "moved");
    for (int i = 0; i < 30; i++)
        at = find(at, "d");
    expect_entry(at, "leaf", leaf);
    for (int i = 0; i < 30; i++)
        at = find(at, "..");
    expect_same(find(at, ".."), other);
}
