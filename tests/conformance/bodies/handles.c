/*
 * handles.c - what a client holds: handles that stay good as long as the node lives, and never mean
 * another.
 */
#include "tests/conformance/conformance.h"
#include <stdio.h>

BODY(lookup_and_create_give_the_same_handle, PLAIN)
{
    struct object file = make_file(here, "file", ""), dir = make_dir(here, "dir");
    for (int i = 0; i < 3; i++) {
        expect_same(find(here, "file"), file);
        expect_same(find(here, "dir"), dir);
    }
}

BODY(different_nodes_have_different_handles_and_numbers, PLAIN | SYMLINKS | SPECIALS)
{
    struct object nodes[5] = {here, make_file(here, "a", ""), make_dir(here, "b"),
                              make_symlink(here, "c", "x"), make_fifo(here, "d")};
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < i; j++) {
            expect(!same(nodes[i], nodes[j]));
            expect(attr_of(nodes[i]).fileid != attr_of(nodes[j]).fileid);
        }
        expect_number(attr_of(nodes[i]).fsid, attr_of(here).fsid);
    }
}

BODY(a_handle_survives_a_rename, PLAIN)
{
    struct object dir = make_dir(here, "dir"), file = make_file(here, "a", "text");
    expect_ok(t_rename(here, "a", here, "b"));
    expect_text(file, "text");
    expect_ok(t_rename(here, "b", dir, "c"));
    expect_text(file, "text");
    expect_ok(t_write_text(file, 0, "more"));
    expect_text(find(dir, "c"), "more");
}

BODY(a_handle_survives_renames_of_directories_above, PLAIN)
{
    struct object a = make_dir(here, "a"), b = make_dir(a, "b"), file = make_file(b, "f", "text");
    expect_ok(t_rename(here, "a", here, "x"));
    expect_text(file, "text");
    expect_ok(t_rename(a, "b", here, "y"));
    expect_text(file, "text");
    expect_entry(b, "f", file);
}

BODY(a_handle_survives_a_restart, PLAIN | RESTART | STABLE)
{
    struct object dir = make_dir(here, "dir"), file = make_file(dir, "file", "text");
    restart();
    expect_text(file, "text");
    expect_entry(dir, "file", file);
    expect_entry(here, "dir", dir);
    make_file(dir, "new", "");
}

BODY(a_handle_survives_a_rename_and_then_a_restart, PLAIN | RESTART | STABLE)
{
    struct object a = make_dir(here, "a"), b = make_dir(here, "b"),
                  file = make_file(a, "f", "text");
    expect_ok(t_rename(a, "f", b, "g"));
    expect_ok(t_rename(here, "b", here, "c"));
    restart();
    expect_text(file, "text");
    expect_entry(here, "c", b);
    expect_entry(b, "g", file);
}

BODY(a_handle_of_a_link_survives_its_first_name, PLAIN | RESTART | STABLE | LINKS)
{
    struct object dir = make_dir(here, "dir"), file = make_file(here, "a", "text");
    expect_ok(t_link(file, dir, "b"));
    expect_same(find(dir, "b"), file);
    expect_ok(t_remove(here, "a"));
    restart();
    expect_text(file, "text");
    expect_entry(dir, "b", file);
}

BODY(every_kind_of_node_survives_a_restart, PLAIN | RESTART | STABLE | SYMLINKS | SPECIALS)
{
    struct object link = make_symlink(here, "link", "target"), fifo = make_fifo(here, "fifo");
    restart();
    expect_target(link, "target");
    expect_number(attr_of(fifo).type, VFIFO);
    expect_entry(here, "link", link);
    expect_entry(here, "fifo", fifo);
}

BODY(a_removed_file_is_stale_after_a_restart, PLAIN | RESTART | STABLE)
{
    struct object file = make_file(here, "file", "text"), dir = make_dir(here, "dir");
    expect_ok(t_remove(here, "file"));
    expect_ok(t_rmdir(here, "dir"));
    restart();
    make_file(here, "file", "another");
    expect_stale(file);
    expect_stale(dir);
}

BODY(the_roots_handle_survives_a_restart, RESTART)
{
    restart();
    expect_number(attr_of(root).type, VDIR);
    expect_same(find(root, "."), root);
}

BODY(a_handle_never_means_a_later_file, PLAIN | ROOM)
{
    struct object old[200];
    char name[16];
    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "%u", i);
        old[i] = make_file(here, name, "old");
        expect_ok(t_remove(here, name));
    }
    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "%u", i);
        make_file(here, name, "new");
    }
    for (unsigned i = 0; i < 200; i++)
        expect_stale(old[i]);
}

BODY(a_replaced_file_is_stale, PLAIN)
{
    struct object old = make_file(here, "a", "old");
    for (int i = 0; i < 20; i++) {
        struct object new = make_file(here, "b", "new");
        expect_ok(t_rename(here, "b", here, "a"));
        expect_stale(old);
        expect_text(new, "new");
        old = new;
    }
}

BODY(a_sibling_lives_through_atomic_replacements, PLAIN)
{
    struct object sibling = make_file(here, "sibling", "text");
    make_file(here, "target", "old");
    for (int i = 0; i < 20; i++) {
        make_file(here, "temporary", "new");
        expect_ok(t_rename(here, "temporary", here, "target"));
        expect_text(sibling, "text");
    }
}

/* It was not minted by this file system, or server: refused, and nothing else happens. */
BODY(a_handle_of_nonsense_is_refused, 0)
{
    struct object strange = {.len = 0};
    struct vattr attr;
    for (uint32_t len = 1; len <= 48; len++) {
        strange.len = len;
        for (uint32_t i = 0; i < len; i++)
            strange.id[i] = (uint8_t)(i * 37 + len);
        expect_error(t_getattr(strange, &attr), ESTALE, VFS_EBADHANDLE);
    }
    memset(&strange, 0, sizeof(strange));
    strange.len = 28;
    expect_error(t_getattr(strange, &attr), ESTALE, VFS_EBADHANDLE);
    expect_number(attr_of(root).type, VDIR);
}

/* Below the server, whose seal is the proof, it may also still be the root. */
BODY(a_handle_with_a_byte_more_or_less_leads_nowhere_else, 0)
{
    struct object strange[2] = {root, root};
    struct vattr attr;
    strange[0].len--;
    strange[1].id[strange[1].len++] = 0;
    for (int i = 0; i < 2; i++) {
        int err = t_getattr(strange[i], &attr);
        if (err == 0)
            expect_number(attr.fileid, attr_of(root).fileid);
        else
            expect_error(err, ESTALE, VFS_EBADHANDLE);
    }
}

BODY(an_operation_with_a_stale_handle_beside_a_good_one_fails, PLAIN)
{
    struct object gone = make_dir(here, "gone");
    make_file(here, "file", "text");
    expect_ok(t_rmdir(here, "gone"));
    expect_error(t_rename(here, "file", gone, "file"), ESTALE, ENOENT);
    expect_error(t_rename(gone, "file", here, "new"), ESTALE, ENOENT);
    expect_text(find(here, "file"), "text");
}

BODY(many_handles_are_held_at_once, PLAIN | ROOM)
{
    static struct object files[1500];
    char name[16];
    for (unsigned i = 0; i < 1500; i++) {
        snprintf(name, sizeof(name), "%u", i);
        files[i] = make_file(here, name, name);
    }
    for (unsigned i = 0; i < 1500; i++) {
        snprintf(name, sizeof(name), "%u", i * 7 % 1500);
        expect_text(files[i * 7 % 1500], name);
    }
}
