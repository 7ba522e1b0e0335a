/*
 * rights_dir.c - what owner, group, others and root may do in directories; sticky and setgid ones.
 */
#include "tests/conformance/conformance.h"
#include <loopnfs/vfs.h>

enum { OWNER = 1000, GROUP = 1001, OTHER = 4000 };
static const uint32_t changes = VACCESS_MODIFY | VACCESS_EXTEND | VACCESS_DELETE;

/* A directory of OWNER's, with a file and a directory of his in it. */
static struct object dir_of(uint32_t mode)
{
    struct object dir = make_dir(here, "dir");
    expect_ok(t_chown(make_file(dir, "file", "text"), OWNER, GROUP));
    expect_ok(t_chown(make_dir(dir, "sub"), OWNER, GROUP));
    expect_ok(t_chown(dir, OWNER, GROUP));
    expect_ok(t_chmod(dir, mode));
    return dir;
}

static int try_list(struct object dir)
{
    struct page page = {.verifier = 0};
    return driver->readdir(&dir, 0, 4096, &page);
}

/* What makes a name is refused to this caller. */
static void expect_nothing_made(struct object dir)
{
    struct object out;
    expect_error(t_create(dir, "new", 0644, &out), EACCES);
    expect_error(t_mkdir(dir, "new", 0755, &out), EACCES);
    if (driver->flags() & VFS_SYMLINKS)
        expect_error(t_symlink(dir, "new", "target", &out), EACCES);
    if (driver->flags() & VFS_SPECIALS)
        expect_error(t_mknod(dir, "new", VFIFO, 0, 0, &out), EACCES);
}

/* What takes a name away. */
static void expect_nothing_taken(struct object dir)
{
    expect_error(t_remove(dir, "file"), EACCES, EPERM);
    expect_error(t_rmdir(dir, "sub"), EACCES, EPERM);
    expect_error(t_rename(dir, "file", dir, "new"), EACCES, EPERM);
}

BODY(access_to_a_directory_is_what_its_mode_says, PLAIN | USERS)
{
    struct object dir = dir_of(0);
    for (uint32_t digit = 0; digit < 8; digit++) {
        as_myself();
        expect_ok(t_chmod(dir, digit));
        as(OTHER, OTHER);
        uint32_t granted = access_of(dir);
        expect_number(granted & VACCESS_READ, digit & 4 ? VACCESS_READ : 0);
        expect_number(granted & VACCESS_LOOKUP, digit & 1 ? VACCESS_LOOKUP : 0);
        /* A name is changed by who may write and search. */
        expect_number(granted & changes, (digit & 3) == 3 ? changes : 0);
    }
}

BODY(a_directory_is_listed_by_who_may_read_it, PLAIN | USERS)
{
    struct object dir = dir_of(0704);
    as(OTHER, OTHER);
    expect_ok(try_list(dir));
    as(2000, GROUP);
    expect_error(try_list(dir), EACCES);
    as(OWNER, OWNER);
    expect_ok(try_list(dir));
}

BODY(a_name_is_found_by_who_may_search, PLAIN | USERS)
{
    struct object dir = dir_of(0701), out;
    as(OTHER, OTHER);
    expect_ok(t_lookup(dir, "file", &out));
    expect_error(t_lookup(dir, "none", &out), ENOENT);
    expect_error(try_list(dir), EACCES);
    as(2000, GROUP);
    expect_error(t_lookup(dir, "file", &out), EACCES);
    expect_error(t_lookup(dir, "none", &out), EACCES);
}

BODY(the_owner_may_lock_himself_out_of_a_directory, PLAIN | USERS)
{
    struct object dir = dir_of(0077), out;
    as(OWNER, GROUP);
    expect_error(t_lookup(dir, "file", &out), EACCES);
    expect_error(try_list(dir), EACCES);
    expect_nothing_made(dir);
    expect_ok(t_chmod(dir, 0700));
    expect_ok(t_lookup(dir, "file", &out));
}

BODY(nobody_but_writers_changes_a_directory, PLAIN | USERS)
{
    struct object dir = dir_of(0755);
    as(OTHER, OTHER);
    expect_nothing_made(dir);
    expect_nothing_taken(dir);
    as(2000, GROUP);
    expect_nothing_made(dir);
    expect_nothing_taken(dir);
    expect_number(list_count(dir), 2);
}

BODY(to_write_without_search_is_not_enough, PLAIN | USERS)
{
    struct object dir = dir_of(0706);
    as(OTHER, OTHER);
    expect_nothing_made(dir);
    expect_nothing_taken(dir);
    as_myself();
    expect_number(list_count(dir), 2);
}

BODY(a_link_takes_the_right_to_write_the_directory, PLAIN | USERS | LINKS)
{
    struct object dir = dir_of(0755), file = find(dir, "file");
    as(OTHER, OTHER);
    expect_error(t_link(file, dir, "new"), EACCES, EPERM);
    expect_number(attr_of(file).nlink, 1);
}

BODY(who_may_write_the_directory_removes_others_files, PLAIN | USERS)
{
    struct object dir = dir_of(0777);
    as(OTHER, OTHER);
    expect_ok(t_rename(dir, "file", dir, "new"));
    expect_ok(t_remove(dir, "new"));
    expect_ok(t_rmdir(dir, "sub"));
    expect_number(list_count(dir), 0);
}

BODY(a_rename_takes_both_directories, PLAIN | USERS)
{
    struct object dir = dir_of(0755), mine = make_dir(here, "mine");
    expect_ok(t_chown(mine, OTHER, OTHER));
    make_file(mine, "a", "");
    as(OTHER, OTHER);
    expect_error(t_rename(mine, "a", dir, "a"), EACCES, EPERM);
    expect_error(t_rename(dir, "file", mine, "file"), EACCES, EPERM);
    expect_number(list_count(mine), 1);
    expect_number(list_count(dir), 2);
}

BODY(moving_a_directory_takes_the_right_to_write_it, PLAIN | USERS)
{
    struct object from = make_dir(here, "from"), to = make_dir(here, "to");
    struct object moved = make_dir(from, "moved");
    expect_ok(t_chmod(from, 0777));
    expect_ok(t_chmod(to, 0777));
    as(OTHER, OTHER);
    /* Its `..` is changed. Within a directory it is not. */
    expect_error(t_rename(from, "moved", to, "moved"), EACCES, EPERM);
    expect_ok(t_rename(from, "moved", from, "again"));
    expect_same(find(moved, ".."), from);
}

BODY(in_a_sticky_directory_others_files_stay, PLAIN | USERS)
{
    struct object dir = dir_of(01777);
    as(OTHER, OTHER);
    expect_error(t_remove(dir, "file"), EPERM, EACCES);
    expect_error(t_rmdir(dir, "sub"), EPERM, EACCES);
    expect_error(t_rename(dir, "file", dir, "new"), EPERM, EACCES);
    expect_error(t_rename(dir, "file", here, "new"), EPERM, EACCES);
    make_file(dir, "mine", "");
    expect_error(t_rename(dir, "mine", dir, "file"), EPERM, EACCES);
    expect_text(find(dir, "file"), "text");
}

BODY(in_a_sticky_directory_ones_own_files_go, PLAIN | USERS)
{
    struct object dir = dir_of(01777);
    as(OTHER, OTHER);
    make_file(dir, "mine", "");
    make_dir(dir, "my dir");
    expect_ok(t_rename(dir, "mine", dir, "still mine"));
    expect_ok(t_remove(dir, "still mine"));
    expect_ok(t_rmdir(dir, "my dir"));
    expect_number(list_count(dir), 2);
}

BODY(the_owner_of_a_sticky_directory_removes_all, PLAIN | USERS)
{
    struct object dir = dir_of(01777);
    as(OTHER, OTHER);
    make_file(dir, "mine", "");
    as(OWNER, OWNER);
    expect_ok(t_remove(dir, "mine"));
    as_myself();
    expect_ok(t_remove(dir, "file"));
}

BODY(a_setgid_directory_gives_its_group, PLAIN | USERS)
{
    struct object dir = dir_of(02777);
    as(OTHER, OTHER);
    struct vattr file = attr_of(make_file(dir, "new", "")), sub = attr_of(make_dir(dir, "new dir"));
    expect_number(file.uid, OTHER);
    expect_number(file.gid, GROUP);
    expect_number(file.mode, 0644);
    expect_number(sub.gid, GROUP);
    expect_number(sub.mode, 02755);
}

BODY(a_setgid_directory_gives_links_and_fifos_its_group, PLAIN | USERS | SYMLINKS | SPECIALS)
{
    struct object dir = dir_of(02777);
    as(OTHER, OTHER);
    expect_number(attr_of(make_symlink(dir, "link", "target")).gid, GROUP);
    expect_number(attr_of(make_fifo(dir, "fifo")).gid, GROUP);
}

BODY(a_directory_without_setgid_gives_the_callers_group, PLAIN | USERS)
{
    struct object dir = dir_of(0777);
    as(OTHER, 4001);
    expect_number(attr_of(make_file(dir, "new", "")).gid, 4001);
    expect_number(attr_of(make_dir(dir, "new dir")).gid, 4001);
    expect_number(attr_of(find(dir, "new dir")).mode, 0755);
}

BODY(root_may_do_all_in_any_directory, PLAIN | USERS)
{
    struct object dir = dir_of(0);
    const uint32_t all = changes | VACCESS_READ | VACCESS_LOOKUP;
    expect_number(access_of(dir) & all, all);
    make_file(dir, "new", "");
    expect_ok(t_remove(dir, "file"));
    expect_ok(t_rmdir(dir, "sub"));
    expect_number(list_count(dir), 1);
}

BODY(what_access_grants_can_be_done, PLAIN | USERS)
{
    static const struct who callers[] = {
        {.uid = OWNER, .gid = OWNER}, {.uid = 2000, .gid = GROUP}, {.uid = OTHER, .gid = OTHER}};
    struct object dir = dir_of(0), out;
    for (uint32_t mode = 0; mode < 01000; mode += 0111) {
        for (size_t i = 0; i < 3; i++) {
            as_myself();
            expect_ok(t_chmod(dir, mode));
            driver->become(&callers[i]);
            uint32_t granted = access_of(dir);
            expect_number(t_lookup(dir, "file", &out) == 0, (granted & VACCESS_LOOKUP) != 0);
            expect_number(try_list(dir) == 0, (granted & VACCESS_READ) != 0);
            expect_number(t_create(dir, "x", 0644, &out) == 0, (granted & VACCESS_EXTEND) != 0);
            expect_number(t_remove(dir, "x") == 0, (granted & VACCESS_DELETE) != 0);
        }
    }
}
