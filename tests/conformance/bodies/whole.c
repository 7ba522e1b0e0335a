/*
 * whole.c - what is said of the file system as a whole: FSSTAT, PATHCONF; and of one that is small,
 * what happens when it is full.
 */
#include "tests/conformance/conformance.h"
#include <stdio.h>

static struct vstatfs statfs_of(struct object node)
{
    struct vstatfs st;
    expect_ok(driver->statfs(&node, &st));
    expect(st.free_bytes <= st.total_bytes);
    expect(st.avail_bytes <= st.total_bytes);
    expect(st.free_files <= st.total_files);
    expect(st.avail_files <= st.total_files);
    return st;
}

BODY(space_free_is_not_more_than_all_there_is, 0)
{
    statfs_of(root);
}

BODY(statfs_says_the_same_at_every_node, PLAIN)
{
    struct vstatfs a = statfs_of(root), b = statfs_of(make_file(here, "file", ""));
    expect_number(a.total_bytes, b.total_bytes);
    expect_number(a.total_files, b.total_files);
}

BODY(names_are_never_cut, PLAIN)
{
    struct vpathconf pc;
    struct object out;
    char name[300];
    expect_ok(driver->pathconf(&here, &pc));
    expect(pc.no_trunc);
    expect(pc.name_max > 0 && pc.name_max <= 255);
    memset(name, 'x', sizeof(name));
    name[pc.name_max] = '\0';
    make_file(here, name, "");
    expect_number(list_times(here, name), 1);
    name[pc.name_max] = 'x';
    name[pc.name_max + 1] = '\0';
    expect_error(t_create(here, name, 0644, &out), ENAMETOOLONG);
    expect_number(list_count(here), 1);
}

BODY(chown_is_restricted_as_pathconf_says, PLAIN | USERS)
{
    struct vpathconf pc;
    struct object file = make_file(here, "file", "");
    expect_ok(driver->pathconf(&file, &pc));
    expect_ok(t_chown(file, 1000, 1000));
    as(1000, 1000);
    int err = t_chown(file, 2000, 1000);
    if (pc.chown_restricted)
        expect_error(err, EPERM, EACCES);
    else
        expect_ok(err);
}

BODY(case_is_preserved_as_pathconf_says, PLAIN)
{
    struct vpathconf pc;
    expect_ok(driver->pathconf(&here, &pc));
    make_file(here, "MiXed", "");
    expect_number(list_times(here, "MiXed"), pc.case_preserving ? 1 : 0);
}

/* --- a file system that is small, and that nobody else uses --- */

enum { BLOCK = 65536 };

/* Appends blocks until there is no more space; how many bytes there are then. */
static uint64_t fill_file(struct object file, uint64_t most)
{
    static char block[BLOCK];
    uint64_t size = 0;
    memset(block, 'x', sizeof(block));
    while (size <= most) {
        struct vchange change = {.has_before = false};
        enum vstable stable = VSTABLE_UNSTABLE;
        size_t len = sizeof(block);
        int err = driver->write(&file, size, block, &len, &stable, &change);
        if (err != 0) {
            expect_error(err, ENOSPC, EDQUOT);
            return size;
        }
        expect(len > 0);
        size += len;
    }
    fail("%llu bytes could be written to a file system of %llu", (unsigned long long)size,
         (unsigned long long)most);
}

BODY(filling_it_ends_with_nospc, PLAIN | TINY)
{
    struct vstatfs st = statfs_of(root);
    struct object file = make_file(here, "file", "");
    uint64_t size = fill_file(file, st.total_bytes);
    expect(size >= st.avail_bytes / 2);
    expect_number(attr_of(file).size, size);
    expect(statfs_of(root).avail_bytes < BLOCK);
}

BODY(filling_it_leaves_what_was_written, PLAIN | TINY)
{
    struct object file = make_file(here, "file", "");
    char buf[16];
    uint64_t size = fill_file(file, statfs_of(root).total_bytes);
    for (uint64_t at = 0; at + sizeof(buf) <= size; at += BLOCK / 2) {
        size_t len = sizeof(buf);
        expect_ok(t_read(file, at, buf, &len, NULL));
        expect_number(len, sizeof(buf));
        expect(buf[0] == 'x' && buf[15] == 'x');
    }
    /* What is there can be written over. */
    expect_ok(t_write_text(file, 0, "over"));
}

BODY(filling_it_and_removing_gives_all_back, PLAIN | TINY)
{
    struct vstatfs old = statfs_of(root);
    for (int i = 0; i < 3; i++) {
        struct object file = make_file(here, "file", "");
        uint64_t size = fill_file(file, old.total_bytes);
        expect(statfs_of(root).avail_bytes <= old.avail_bytes - size / 2);
        expect_ok(t_remove(here, "file"));
        expect_number(statfs_of(root).avail_bytes, old.avail_bytes);
        expect_number(statfs_of(root).avail_files, old.avail_files);
    }
}

BODY(filling_it_and_truncating_gives_all_back, PLAIN | TINY)
{
    struct object file = make_file(here, "file", "");
    struct vstatfs old = statfs_of(root);
    fill_file(file, old.total_bytes);
    expect_ok(t_truncate(file, 0));
    expect_number(statfs_of(root).avail_bytes, old.avail_bytes);
}

BODY(filling_it_by_rename_over_gives_back_too, PLAIN | TINY)
{
    make_file(here, "empty", "");
    struct vstatfs old = statfs_of(root);
    fill_file(make_file(here, "full", ""), old.total_bytes);
    expect_ok(t_rename(here, "empty", here, "full"));
    expect_number(statfs_of(root).avail_bytes, old.avail_bytes);
    expect_number(statfs_of(root).avail_files, old.avail_files);
}

BODY(filling_it_with_files_ends_with_nospc, PLAIN | TINY)
{
    struct vstatfs old = statfs_of(root);
    struct object out;
    char name[16];
    int err = 0;
    unsigned made = 0;
    for (; err == 0 && made <= old.total_files; made += err == 0) {
        snprintf(name, sizeof(name), "%u", made);
        err = t_create(here, name, 0644, &out);
    }
    expect_error(err, ENOSPC, EDQUOT);
    expect_number(made, old.avail_files);
    expect_number(statfs_of(root).avail_files, 0);
    expect_error(t_mkdir(here, "dir", 0755, &out), ENOSPC, EDQUOT);
    expect_number(list_count(here), made);
    while (made-- > 0) {
        snprintf(name, sizeof(name), "%u", made);
        expect_ok(t_remove(here, name));
    }
    expect_number(statfs_of(root).avail_files, old.avail_files);
    expect_number(statfs_of(root).avail_bytes, old.avail_bytes);
}

BODY(filling_it_leaves_renames_and_removals_possible, PLAIN | TINY)
{
    struct object dir = make_dir(here, "dir");
    make_file(here, "a", "text");
    fill_file(make_file(here, "file", ""), statfs_of(root).total_bytes);
    expect_ok(t_rename(here, "a", here, "b"));
    expect_ok(t_rename(here, "b", dir, "c"));
    expect_ok(t_chmod(dir, 0700));
    expect_ok(t_remove(dir, "c"));
    expect_ok(t_rmdir(here, "dir"));
    expect_ok(t_remove(here, "file"));
}

BODY(filling_it_with_symlinks_and_links_ends, PLAIN | TINY | SYMLINKS | LINKS)
{
    struct vstatfs old = statfs_of(root);
    struct object out, file = make_file(here, "file", "");
    char target[4000], name[16];
    int err = 0;
    memset(target, 'x', sizeof(target) - 1);
    target[sizeof(target) - 1] = '\0';
    for (unsigned i = 0; err == 0 && i <= old.total_files; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        err = t_symlink(here, name, target, &out);
    }
    expect_error(err, ENOSPC, EDQUOT);
    err = 0;
    for (unsigned i = 0; err == 0 && i < 100000; i++) {
        snprintf(name, sizeof(name), "l%u", i);
        err = t_link(file, here, name);
    }
    expect_error(err, ENOSPC, EDQUOT, EMLINK);
}

BODY(filling_it_is_not_done_by_holes, PLAIN | TINY)
{
    struct vstatfs old = statfs_of(root);
    struct object file = make_file(here, "file", "");
    uint64_t avail = statfs_of(root).avail_bytes;
    expect_ok(t_truncate(file, 16 * old.total_bytes));
    expect_number(statfs_of(root).avail_bytes, avail);
    expect_ok(t_write_text(file, 8 * old.total_bytes, "text"));
    expect(statfs_of(root).avail_bytes >= avail - 4 * BLOCK);
}
