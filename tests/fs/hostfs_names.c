/*
 * hostfs_names.c - making, removing, linking and listing names.
 */
#include "tests/fs/fixture.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int exclusive(struct fixture *f, const char *name, const char verifier[8],
                     struct vnode **out)
{
    struct vcreate how = {.mode = VCREATE_EXCLUSIVE};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    memcpy(how.verifier, verifier, sizeof(how.verifier));
    return vop_create(&f->ctx, f->root, fixture_view(name), &how, out, &attr, &change);
}

TEST(an_exclusive_create_is_repeated_with_its_verifier_only)
{
    struct fixture f = {0};
    struct vnode *vn, *again;

    fixture_begin(&f);
    assert_int_equal(exclusive(&f, "file", "\xff\x01\x02\x80\x90\x05\x06\xf7", &vn), 0);
    assert_int_equal(exclusive(&f, "file", "\xff\x01\x02\x80\x90\x05\x06\xf7", &again), 0);
    assert_ptr_equal(vn, again);
    vnode_put(again);
    vnode_put(vn);
    fixture_restart(&f);
    assert_int_equal(exclusive(&f, "file", "\xff\x01\x02\x80\x90\x05\x06\xf7", &vn), 0);
    vnode_put(vn);
    for (int i = 0; i < 8; i++) {
        char other[9] = "\xff\x01\x02\x80\x90\x05\x06\xf7";
        other[i] ^= i % 2 ? 0x01 : (char)0x80;
        assert_int_equal(exclusive(&f, "file", other, &vn), EEXIST);
    }
    fixture_unmount(&f);
}

static int unchecked(struct fixture *f, const char *name, const struct vsetattr *set)
{
    struct vcreate how = {.mode = VCREATE_UNCHECKED, .attr = *set};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn = NULL;
    int err = vop_create(&f->ctx, f->root, fixture_view(name), &how, &vn, &attr, &change);
    if (err == 0)
        vnode_put(vn);
    return err;
}

TEST(an_unchecked_create_keeps_what_is_there)
{
    struct fixture f = {0};
    struct vsetattr plain = {.set_mode = true, .mode = 0600};
    struct vsetattr empty = {.set_size = true};

    fixture_begin(&f);
    host_write(f.export, "file", "hello");
    assert_int_equal(unchecked(&f, "file", &plain), 0);
    host_expect(f.export, "file", "hello");
    assert_int_equal(host_stat(f.export, "file").st_mode & 0777, 0644);
    assert_int_equal(unchecked(&f, "file", &empty), 0);
    host_expect(f.export, "file", "");
    fixture_unmount(&f);
}

TEST(create_opens_no_fifo_and_follows_no_link)
{
    struct fixture f = {0};
    struct vsetattr empty = {.set_size = true};
    struct host_path fifo;

    fixture_begin(&f);
    host_write(f.base, "outside", "hello");
    host_symlink("../outside", f.export, "link");
    host_symlink("../nowhere", f.export, "dangling");
    fifo = host_path(f.export, "fifo");
    assert_int_equal(mkfifo(fifo.text, 0666), 0);
    assert_int_equal(unchecked(&f, "fifo", &empty), EEXIST);
    assert_int_equal(unchecked(&f, "link", &empty), EEXIST);
    assert_int_equal(unchecked(&f, "dangling", &empty), EEXIST);
    assert_false(host_exists(f.base, "nowhere"));
    host_expect(f.base, "outside", "hello");
    fixture_unmount(&f);
}

TEST(a_removed_file_gives_its_space_back)
{
    struct fixture f = {0};
    struct vnode *vn;
    char text[4096];

    fixture_begin(&f);
    int before = fixture_open_fds();
    assert_int_equal(fixture_create(&f, f.root, "file", 0644, &vn), 0);
    assert_int_equal(fixture_write(&f, vn, "hello", VSTABLE_UNSTABLE), 0);
    assert_int_equal(fixture_read(&f, vn, text), 0);
    vnode_put(vn);
    assert_true(fixture_open_fds() > before);
    assert_int_equal(fixture_remove(&f, f.root, "file"), 0);
    /* The root's own descriptor may have been opened. */
    assert_true(fixture_open_fds() <= before + 1);
    fixture_unmount(&f);
}

TEST(a_replaced_file_gives_its_space_back)
{
    struct fixture f = {0};
    struct vnode *vn;

    fixture_begin(&f);
    host_write(f.export, "new", "new");
    int before = fixture_open_fds();
    assert_int_equal(fixture_create(&f, f.root, "file", 0644, &vn), 0);
    assert_int_equal(fixture_write(&f, vn, "hello", VSTABLE_UNSTABLE), 0);
    vnode_put(vn);
    assert_int_equal(fixture_rename(&f, f.root, "new", f.root, "file"), 0);
    assert_true(fixture_open_fds() <= before + 1);
    host_expect(f.export, "file", "new");
    fixture_unmount(&f);
}

TEST(directories_links_and_specials_are_made)
{
    struct fixture f = {0};
    struct vnode *vn;
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vsetattr set = {.set_mode = true, .mode = 02750};
    char target[64];
    size_t len;

    fixture_begin(&f);
    f.ctx.async = false; /* so that all of it is flushed, too */
    assert_int_equal(vop_mkdir(&f.ctx, f.root, fixture_view("dir"), &set, &vn, &attr, &change), 0);
    assert_int_equal(attr.type, VDIR);
    assert_int_equal(host_stat(f.export, "dir").st_mode & 07777, 02750);
    vnode_put(vn);
    memset(&attr, 0, sizeof(attr));
    assert_int_equal(vop_symlink(&f.ctx, f.root, fixture_view("link"), fixture_view("/etc/passwd"),
                                 &set, &vn, &attr, &change),
                     0);
    assert_int_equal(vop_readlink(&f.ctx, vn, target, sizeof(target), &len), 0);
    assert_string_equal(target, "/etc/passwd");
    vnode_put(vn);
    memset(&attr, 0, sizeof(attr));
    set.mode = 0640;
    assert_int_equal(
        vop_mknod(&f.ctx, f.root, fixture_view("fifo"), VFIFO, 0, 0, &set, &vn, &attr, &change), 0);
    assert_int_equal(attr.type, VFIFO);
    assert_int_equal(attr.mode, 0640);
    vnode_put(vn);
    memset(&attr, 0, sizeof(attr));
    int err =
        vop_mknod(&f.ctx, f.root, fixture_view("null"), VCHR, 1, 3, &set, &vn, &attr, &change);
    assert_int_equal(err, fixture_is_root() ? 0 : EPERM);
    if (err == 0) {
        assert_int_equal(attr.rdev_major, 1);
        assert_int_equal(attr.rdev_minor, 3);
        vnode_put(vn);
    }
    fixture_unmount(&f);
}

TEST(a_hard_link_is_the_same_node)
{
    struct fixture f = {0};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};

    fixture_begin(&f);
    host_write(f.export, "one", "hello");
    host_symlink("one", f.export, "link");
    f.ctx.async = false;
    struct vnode *one = fixture_find(&f, "one"), *link = fixture_find(&f, "link");
    assert_int_equal(vop_link(&f.ctx, one, f.root, fixture_view("two"), &attr, &change), 0);
    assert_int_equal(attr.nlink, 2);
    struct vnode *two = fixture_find(&f, "two");
    assert_ptr_equal(one, two);
    assert_int_equal(vop_link(&f.ctx, link, f.root, fixture_view("link2"), &attr, &change), 0);
    assert_true(S_ISLNK(host_stat(f.export, "link2").st_mode));
    struct vnode_id id = fixture_id(&f, "one");
    vnode_put(one);
    vnode_put(two);
    vnode_put(link);
    assert_int_equal(fixture_remove(&f, f.root, "two"), 0);
    fixture_restart(&f);
    fixture_expect(&f, &id, "hello");
    fixture_unmount(&f);
}

#define FILES 3000

/* Lists in small pages and removes half of what is seen on the way: every file that stays is seen
 * exactly once. */
TEST(a_listing_while_names_are_removed_is_complete)
{
    struct fixture f = {0};
    static unsigned char seen[FILES];
    uint64_t buf[256], cookie = 0;
    char name[32];
    bool eof = false;

    fixture_begin(&f);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "file-%d", i);
        host_write(f.export, name, "");
    }
    while (!eof) {
        struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf)};
        assert_int_equal(vop_readdir(&f.ctx, f.root, cookie, &page), 0);
        const struct vdirent *entry = NULL;
        while ((entry = vdirents_next(&page, entry)) != NULL) {
            cookie = entry->cookie;
            assert_true(cookie <= INT64_MAX);
            if (strncmp(entry->name, "file-", 5) != 0)
                continue;
            int i = atoi(entry->name + 5);
            assert_int_equal(seen[i]++, 0);
            if (i % 2)
                host_unlink(f.export, entry->name);
        }
        assert_true(page.eof || page.count > 0);
        eof = page.eof;
    }
    for (int i = 0; i < FILES; i++)
        assert_int_equal(seen[i], 1);
    fixture_unmount(&f);
}

TEST(names_are_bytes)
{
    struct fixture f = {0};
    struct vnode *vn, *again;

    fixture_begin(&f);
    assert_int_equal(fixture_create(&f, f.root, "\xff\xfe \n\x01*", 0644, &vn), 0);
    assert_int_equal(fixture_lookup(&f, f.root, "\xff\xfe \n\x01*", &again), 0);
    assert_ptr_equal(vn, again);
    vnode_put(again);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_directory_that_the_host_removed_is_stale)
{
    struct fixture f = {0};
    struct vnode *vn;
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vsetattr set = {.set_mode = false};
    uint64_t buf[64];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf)};

    fixture_begin(&f);
    host_mkdir(f.export, "dir", 0755);
    struct vnode *dir = fixture_find(&f, "dir");
    assert_int_equal(fixture_lookup(&f, dir, "name", &vn), ENOENT);
    struct host_path path = host_path(f.export, "dir");
    assert_int_equal(rmdir(path.text), 0);
    assert_int_equal(fixture_lookup(&f, dir, "name", &vn), ESTALE);
    assert_int_equal(fixture_create(&f, dir, "name", 0644, &vn), ESTALE);
    assert_int_equal(vop_mkdir(&f.ctx, dir, fixture_view("name"), &set, &vn, &attr, &change),
                     ESTALE);
    assert_int_equal(fixture_remove(&f, dir, "name"), ESTALE);
    assert_int_equal(vop_readdir(&f.ctx, dir, 0, &page), ESTALE);
    vnode_put(dir);
    fixture_unmount(&f);
}
