/*
 * look.c - what holds for every file system, also for one in which nothing can be made: it is
 * walked, and each node looked at. Where files can be made there are some to look at.
 */
#include "tests/conformance/conformance.h"
#include <stdlib.h>

enum { NODES_MAX = 300, DEPTH_MAX = 8, LOOK_BYTES = 1 << 20 };

struct found {
    struct object dir, node;
    char name[256];
    struct vattr attr;
    uint64_t listed; /* its number in the listing */
    unsigned depth;
};
static struct found nodes[NODES_MAX];
static unsigned count;

static void add(struct object dir, const struct item *item, unsigned depth)
{
    struct found *found = &nodes[count++];
    found->dir = dir;
    found->depth = depth;
    memcpy(found->name, item->name, sizeof(found->name));
    found->node = find(dir, found->name);
    found->attr = attr_of(found->node);
    found->listed = item->fileid;
}

static void add_all(struct object dir, unsigned depth)
{
    static struct page page;
    uint64_t cookie = 0;

    page.verifier = 0;
    do {
        list_page(dir, cookie, 8192, &page);
        for (uint32_t i = 0; i < page.count; i++) {
            if (!is_dots(&page.items[i]) && count < NODES_MAX)
                add(dir, &page.items[i], depth);
            cookie = page.items[i].cookie;
        }
    } while (!page.eof && count < NODES_MAX);
}

static void make_sample(void)
{
    struct object sub = make_dir(here, "sub");
    make_file(here, "empty", "");
    make_file(here, "text", "some text");
    expect_ok(t_truncate(make_file(sub, "long", "a beginning"), 100000));
    make(A_FULL_DIR, sub, "deeper");
    if (can(SYMLINKS))
        make_symlink(here, "link", "sub/long");
    if (can(SPECIALS))
        make_fifo(sub, "fifo");
}

/* Fills `nodes` with all there is, breadth first. */
static void look(void)
{
    if (can(PLAIN))
        make_sample();
    count = 0;
    add_all(here, 0);
    for (unsigned i = 0; i < count; i++)
        if (nodes[i].attr.type == VDIR && nodes[i].depth < DEPTH_MAX &&
            access_of(nodes[i].node) & VACCESS_READ)
            add_all(nodes[i].node, nodes[i].depth + 1);
}

BODY(what_is_listed_is_found_with_the_same_number, 0)
{
    look();
    for (unsigned i = 0; i < count; i++) {
        expect_same(find(nodes[i].dir, nodes[i].name), nodes[i].node);
        expect_number(nodes[i].listed, nodes[i].attr.fileid);
    }
}

BODY(every_node_has_attributes_that_make_sense, 0)
{
    look();
    for (unsigned i = 0; i < count; i++) {
        const struct vattr *attr = &nodes[i].attr;
        expect(attr->nlink >= 1);
        expect_number(attr->fsid, attr_of(root).fsid);
        if (attr->type != VBLK && attr->type != VCHR) {
            expect_number(attr->rdev_major, 0);
            expect_number(attr->rdev_minor, 0);
        }
    }
}

BODY(different_names_without_links_are_different_nodes, 0)
{
    look();
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < i; j++)
            if (same(nodes[i].node, nodes[j].node))
                expect(nodes[i].attr.nlink > 1);
            else
                expect(nodes[i].attr.fileid != nodes[j].attr.fileid);
}

BODY(every_directory_leads_back_to_its_parent, 0)
{
    look();
    for (unsigned i = 0; i < count; i++) {
        if (nodes[i].attr.type != VDIR)
            continue;
        expect_same(find(nodes[i].node, ".."), nodes[i].dir);
        expect_same(find(nodes[i].node, "."), nodes[i].node);
    }
}

BODY(every_file_is_read_to_its_end, 0)
{
    char *buf = malloc(LOOK_BYTES);
    expect(buf != NULL);
    look();
    for (unsigned i = 0; i < count; i++) {
        size_t len = LOOK_BYTES;
        bool eof;
        if (nodes[i].attr.type != VREG || !(access_of(nodes[i].node) & VACCESS_READ))
            continue;
        expect_ok(t_read(nodes[i].node, 0, buf, &len, &eof));
        if (nodes[i].attr.size < LOOK_BYTES) {
            expect_number(len, nodes[i].attr.size);
            expect(eof);
        }
        len = 16;
        expect_ok(t_read(nodes[i].node, nodes[i].attr.size, buf, &len, &eof));
        expect_number(len, 0);
        expect(eof);
    }
    free(buf);
}

BODY(a_file_read_in_pieces_is_the_same, 0)
{
    static char whole[5000], piece[64];
    look();
    for (unsigned i = 0; i < count; i++) {
        size_t len = sizeof(whole);
        if (nodes[i].attr.type != VREG || !(access_of(nodes[i].node) & VACCESS_READ))
            continue;
        expect_ok(t_read(nodes[i].node, 0, whole, &len, NULL));
        for (size_t at = 0; at < len; at += 37) {
            size_t got = 37;
            expect_ok(t_read(nodes[i].node, at, piece, &got, NULL));
            expect(got == 37 || at + got == len);
            expect(memcmp(piece, whole + at, got < len - at ? got : len - at) == 0);
        }
    }
}

BODY(every_symlink_has_a_target, 0)
{
    char target[VPATH_MAX + 1];
    look();
    for (unsigned i = 0; i < count; i++) {
        if (nodes[i].attr.type != VLNK)
            continue;
        expect_ok(t_readlink(nodes[i].node, target));
        expect_number(strlen(target), nodes[i].attr.size);
    }
}

BODY(every_listing_goes_on_from_every_cookie, 0)
{
    static struct page all, rest;
    look();
    list_page(here, 0, 8192, &all);
    for (uint32_t i = 0; i < all.count; i++) {
        rest.verifier = all.verifier;
        list_page(here, all.items[i].cookie, 8192, &rest);
        if (i + 1 < all.count)
            expect(strcmp(rest.items[0].name, all.items[i + 1].name) == 0);
        else if (all.eof)
            expect_number(rest.count, 0);
    }
}

BODY(each_kind_of_node_is_used_as_what_it_is, 0)
{
    struct page page = {.verifier = 0};
    struct object out;
    char buf[VPATH_MAX + 1];
    look();
    for (unsigned i = 0; i < count; i++) {
        struct object node = nodes[i].node;
        size_t len = 8;
        if (nodes[i].attr.type != VDIR) {
            expect_error(t_lookup(node, "name", &out), ENOTDIR);
            expect_error(driver->readdir(&node, 0, 4096, &page), ENOTDIR);
        }
        if (nodes[i].attr.type != VREG)
            expect_error(t_read(node, 0, buf, &len, NULL), EISDIR, EINVAL, ENXIO);
        if (nodes[i].attr.type != VLNK)
            expect_error(t_readlink(node, buf), EINVAL);
    }
}

BODY(a_name_that_nobody_gave_is_not_found, 0)
{
    struct object out;
    look();
    expect_error(t_lookup(here, "no such name", &out), ENOENT);
    for (unsigned i = 0; i < count; i++)
        if (nodes[i].attr.type == VDIR && access_of(nodes[i].node) & VACCESS_LOOKUP)
            expect_error(t_lookup(nodes[i].node, "no such name", &out), ENOENT);
}

BODY(all_stable_handles_survive_a_restart, RESTART | STABLE)
{
    look();
    restart();
    for (unsigned i = 0; i < count; i++) {
        struct vattr attr = attr_of(nodes[i].node);
        expect_number(attr.type, nodes[i].attr.type);
        expect_number(attr.fileid, nodes[i].attr.fileid);
        expect_number(attr.size, nodes[i].attr.size);
        expect_same(find(nodes[i].dir, nodes[i].name), nodes[i].node);
    }
}

BODY(other_handles_do_not_survive_it, RESTART)
{
    struct vattr attr;
    look();
    restart();
    /* Where nothing promises that they are the same nodes they may at most be: never others. */
    for (unsigned i = 0; i < count; i++) {
        int err = t_getattr(nodes[i].node, &attr);
        if (err == 0)
            expect_number(attr.fileid, nodes[i].attr.fileid);
        else
            expect_error(err, ESTALE, VFS_EBADHANDLE);
    }
}

/* --- what it can't do it refuses, and nothing has changed --- */

BODY(what_it_has_no_way_to_make_is_refused, 0)
{
    struct object out;
    unsigned before_all = list_count(here);
    if (!claims(FILES))
        expect_error(t_create(here, "new", 0644, &out), EOPNOTSUPP, EROFS, EPERM, EACCES, EINVAL);
    if (!claims(DIRS))
        expect_error(t_mkdir(here, "new", 0755, &out), EOPNOTSUPP, EROFS, EPERM, EACCES, EINVAL);
    if (!claims(SYMLINKS))
        expect_error(t_symlink(here, "new", "x", &out), EOPNOTSUPP, EROFS, EPERM, EACCES, EINVAL);
    if (!claims(SPECIALS))
        expect_error(t_mknod(here, "new", VFIFO, 0, 0, &out), EOPNOTSUPP, EROFS, EPERM, EACCES,
                     EINVAL, VFS_EBADTYPE);
    expect_error(t_lookup(here, "new", &out), ENOENT);
    expect_number(list_count(here), before_all);
}

BODY(a_read_only_file_system_makes_nothing, READ_ONLY)
{
    struct object out;
    expect_error(t_create(root, "new", 0644, &out), EROFS);
    expect_error(t_mkdir(root, "new", 0755, &out), EROFS);
    expect_error(t_symlink(root, "new", "target", &out), EROFS);
    expect_error(t_mknod(root, "new", VFIFO, 0, 0, &out), EROFS);
    expect_error(t_lookup(root, "new", &out), ENOENT);
}

BODY(a_read_only_file_system_keeps_its_names, READ_ONLY)
{
    look();
    for (unsigned i = 0; i < count; i++) {
        struct object dir = nodes[i].dir;
        if (nodes[i].attr.type == VDIR) {
            expect_error(t_rmdir(dir, nodes[i].name), EROFS);
        } else {
            expect_error(t_remove(dir, nodes[i].name), EROFS);
            expect_error(t_link(nodes[i].node, dir, "new"), EROFS);
        }
        expect_error(t_rename(dir, nodes[i].name, dir, "new"), EROFS);
        expect_same(find(dir, nodes[i].name), nodes[i].node);
    }
}

BODY(a_read_only_file_system_keeps_its_data, READ_ONLY)
{
    look();
    for (unsigned i = 0; i < count; i++) {
        if (nodes[i].attr.type == VREG) {
            expect_error(t_write_text(nodes[i].node, 0, "text"), EROFS);
            expect_error(t_truncate(nodes[i].node, 0), EROFS);
        }
        /* A symbolic link has no mode to be set, here or elsewhere. */
        if (nodes[i].attr.type != VLNK)
            expect_error(t_chmod(nodes[i].node, 0700), EROFS);
        expect_number(attr_of(nodes[i].node).size, nodes[i].attr.size);
        expect_number(attr_of(nodes[i].node).mode, nodes[i].attr.mode);
    }
}

BODY(a_read_only_file_system_grants_no_changes, READ_ONLY)
{
    const uint32_t changes = VACCESS_MODIFY | VACCESS_EXTEND | VACCESS_DELETE;

    look();
    /* What is written to a fifo or a device goes past the file system. */
    for (unsigned i = 0; i < count; i++)
        if (nodes[i].attr.type == VREG || nodes[i].attr.type == VDIR)
            expect_number(access_of(nodes[i].node) & changes, 0);
}
