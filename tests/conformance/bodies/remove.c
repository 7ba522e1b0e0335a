/*
 * remove.c - REMOVE and RMDIR.
 */
#include "tests/conformance/conformance.h"

BODY(a_removed_file_is_gone, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    expect_ok(t_remove(here, "file"));
    expect_missing(here, "file");
    expect_stale(file);
    expect_error(t_remove(here, "file"), ENOENT);
}

BODY(a_removed_directory_is_gone, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    expect_ok(t_rmdir(here, "dir"));
    expect_missing(here, "dir");
    expect_stale(dir);
    expect_error(t_rmdir(here, "dir"), ENOENT);
}

BODY(what_is_not_there_is_not_removed, PLAIN)
{
    expect_error(t_remove(here, "none"), ENOENT);
    expect_error(t_rmdir(here, "none"), ENOENT);
}

BODY(remove_leaves_directories, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    expect_error(t_remove(here, "dir"), EISDIR, EPERM, EINVAL);
    expect_entry(here, "dir", dir);
}

BODY(rmdir_leaves_files, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    expect_error(t_rmdir(here, "file"), ENOTDIR);
    expect_entry(here, "file", file);
}

BODY(rmdir_leaves_symlinks, PLAIN | SYMLINKS)
{
    make_dir(here, "dir");
    struct object link = make_symlink(here, "link", "dir");
    expect_error(t_rmdir(here, "link"), ENOTDIR);
    expect_entry(here, "link", link);
}

BODY(a_directory_with_something_in_it_is_not_removed, PLAIN)
{
    struct object dir = make(A_FULL_DIR, here, "dir");
    expect_error(t_rmdir(here, "dir"), ENOTEMPTY, EEXIST);
    expect_text(find(dir, "content"), "of a directory");
    expect_ok(t_remove(dir, "content"));
    make_dir(dir, "sub");
    expect_error(t_rmdir(here, "dir"), ENOTEMPTY, EEXIST);
    expect_ok(t_rmdir(dir, "sub"));
    expect_ok(t_rmdir(here, "dir"));
}

BODY(remove_takes_a_symlink_and_leaves_its_target, PLAIN | SYMLINKS)
{
    struct object file = make_file(here, "file", "text");
    struct object link = make_symlink(here, "link", "file");
    expect_ok(t_remove(here, "link"));
    expect_stale(link);
    expect_text(file, "text");
}

BODY(remove_takes_a_fifo, PLAIN | SPECIALS)
{
    struct object fifo = make_fifo(here, "fifo");
    expect_ok(t_remove(here, "fifo"));
    expect_missing(here, "fifo");
    expect_stale(fifo);
}

BODY(nothing_is_removed_in_a_file, PLAIN)
{
    struct object file = make_file(here, "file", "");
    expect_error(t_remove(file, "a"), ENOTDIR);
    expect_error(t_rmdir(file, "a"), ENOTDIR);
}

BODY(every_operation_on_a_removed_file_is_stale, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    char buf[8];
    size_t len = sizeof(buf);
    uint32_t granted;
    expect_ok(t_remove(here, "file"));
    expect_stale(file);
    expect_error(t_read(file, 0, buf, &len, NULL), ESTALE);
    expect_error(t_write_text(file, 0, "more"), ESTALE);
    expect_error(t_truncate(file, 0), ESTALE);
    expect_error(t_chmod(file, 0600), ESTALE);
    expect_error(driver->access(&file, VACCESS_READ, &granted), ESTALE);
    expect_error(driver->commit(&file, 0, 0), ESTALE);
}

BODY(every_operation_in_a_removed_directory_is_stale, PLAIN)
{
    struct object dir = make_dir(here, "dir"), out;
    struct page page = {.verifier = 0};
    expect_ok(t_rmdir(here, "dir"));
    expect_stale(dir);
    expect_error(t_lookup(dir, "name", &out), ESTALE, ENOENT);
    expect_error(driver->readdir(&dir, 0, 4096, &page), ESTALE);
    expect_error(t_remove(dir, "name"), ESTALE, ENOENT);
    expect_error(t_rmdir(dir, "name"), ESTALE, ENOENT);
}

BODY(a_tree_is_removed_from_its_leaves, PLAIN)
{
    struct object at = here, dirs[10];
    for (int i = 0; i < 10; i++) {
        dirs[i] = at;
        make_file(at, "a", "");
        make_file(at, "b", "");
        at = make_dir(at, "d");
    }
    for (int i = 9; i >= 0; i--) {
        expect_ok(t_rmdir(dirs[i], "d"));
        expect_ok(t_remove(dirs[i], "a"));
        expect_ok(t_remove(dirs[i], "b"));
    }
    expect_number(list_count(here), 0);
}
