/*
 * hostfs_fileids.c - an export that is made of several file systems, or parts of one, is one to
 * many clients: no two of its objects have one fileid, and listings say the same as attributes.
 */
#include "tests/fs/fixture.h"
#include "tests/lib/image.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define NODES_MAX 256

/* Every object that a walk has come by. */
struct walk {
    struct fixture *f;
    size_t count;
    uint64_t fsid;
    struct {
        uint64_t fileid;
        bool directory;
    } seen[NODES_MAX];
};

static void begin_bare(struct fixture *f)
{
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(f);
    fixture_unmount(f);
}

static struct vattr attr_of(struct fixture *f, struct vnode *vn)
{
    struct vattr attr = {.type = VNON};
    assert_int_equal(vop_getattr(&f->ctx, vn, &attr), 0);
    return attr;
}

static void walk_note(struct walk *walk, const struct vattr *attr)
{
    /* Parts of one file system have one; what is mounted below has its own. */
    assert_true(attr->fsid == walk->fsid || walk->f->crossmnt);
    for (size_t i = 0; i < walk->count; i++)
        if (walk->seen[i].fileid == attr->fileid)
            fail_msg("two objects have fileid %llu", (unsigned long long)attr->fileid);
    assert_true(walk->count < NODES_MAX);
    walk->seen[walk->count].fileid = attr->fileid;
    walk->seen[walk->count++].directory = attr->type == VDIR;
}

/* READDIR, or READDIRPLUS, of the whole directory; each entry's fileid is its attributes'. */
static void walk_dir(struct walk *walk, struct vnode *dir, bool plus, int depth)
{
    uint64_t buf[8192];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf), .plus = plus};
    const struct vdirent *entry = NULL;

    assert_true(depth < 8); /* a loop */
    assert_int_equal(vop_readdir(&walk->f->ctx, dir, 2, &page), 0);
    assert_true(page.eof);
    while ((entry = vdirents_next(&page, entry))) {
        struct vnode *vn;
        assert_int_equal(fixture_lookup(walk->f, dir, entry->name, &vn), 0);
        struct vattr attr = attr_of(walk->f, vn);
        assert_true(attr.fileid == entry->fileid);
        if (plus && entry->plus) {
            const struct vdirent_plus *more = (const void *)((const char *)entry + entry->plus);
            assert_true(more->attr.fileid == attr.fileid);
        }
        walk_note(walk, &attr);
        if (vn->type == VDIR)
            walk_dir(walk, vn, plus, depth + 1);
        vnode_put(vn);
    }
}

static size_t walk_all(struct fixture *f, struct walk *walk, bool plus)
{
    struct vattr root = attr_of(f, f->root);

    *walk = (struct walk){.f = f, .fsid = root.fsid};
    walk_note(walk, &root);
    walk_dir(walk, f->root, plus, 0);
    return walk->count;
}

/* All of it in both ways, and the same after a restart. */
static void walk_expect(struct fixture *f, size_t count)
{
    static struct walk first, again;

    assert_int_equal(walk_all(f, &first, false), count);
    fixture_restart(f);
    assert_int_equal(walk_all(f, &again, true), count);
    for (size_t i = 0; i < count; i++)
        assert_true(first.seen[i].fileid == again.seen[i].fileid);
}

/* Of a subvolume, all roots of which have one inode number, nested, and in snapshots. */
TEST(subvolumes_and_snapshots_of_btrfs_have_fileids_of_their_own)
{
    struct fixture f = {0};
    begin_bare(&f);
    image_make("btrfs", f.base, "img", NULL);
    image_mount(f.base, "img", f.export, "");
    host_mkdir(f.export, "plain", 0755);
    assert_int_equal(image_run("btrfs subvolume create %s/one > /dev/null", f.export), 0);
    assert_int_equal(image_run("btrfs subvolume create %s/one/nested > /dev/null", f.export), 0);
    host_write(f.export, "one/file", "in one");
    host_mkdir(f.export, "one/dir", 0755);
    host_write(f.export, "one/dir/deep", "deep");
    host_write(f.export, "one/nested/file", "nested");
    assert_int_equal(
        image_run("btrfs subvolume snapshot %s/one %s/plain/snap > /dev/null", f.export, f.export),
        0);
    assert_int_equal(
        image_run("btrfs subvolume snapshot -r %s/one %s/fixed > /dev/null", f.export, f.export),
        0);
    fixture_mount(&f);
    /* Root, plain; one with 5 in it; and in each snapshot 4, since what was nested is not in it but
     * for an empty directory, which has one number in all of them on the host. */
    walk_expect(&f, 2 + 6 + 2 * 5);
    struct vnode_id one = fixture_id(&f, "one/file"), snap = fixture_id(&f, "plain/snap/file");
    struct vnode_id fixed = fixture_id(&f, "fixed/file");
    fixture_unmount(&f);
    host_write(f.export, "one/file", "changed");
    host_unmount(f.export);
    image_mount(f.base, "img", f.export, "");
    fixture_mount(&f);
    fixture_expect(&f, &one, "changed");
    fixture_expect(&f, &snap, "in one");
    fixture_expect(&f, &fixed, "in one");
    fixture_unmount(&f);
    host_unmount(f.export);
}

TEST(a_subvolume_that_is_exported_has_the_hosts_fileids)
{
    struct fixture f = {0};
    begin_bare(&f);
    image_make("btrfs", f.base, "img", NULL);
    image_mount(f.base, "img", f.export, "");
    assert_int_equal(image_run("btrfs subvolume create %s/one > /dev/null", f.export), 0);
    host_write(f.export, "one/file", "in one");
    host_unmount(f.export);
    image_mount(f.base, "img", f.export, "subvol=one");
    fixture_mount(&f);
    struct vnode *vn = fixture_find(&f, "file");
    assert_true(attr_of(&f, vn).fileid == host_stat(f.export, "file").st_ino);
    vnode_put(vn);
    fixture_unmount(&f);
    host_unmount(f.export);
}

TEST(mounts_that_are_crossed_have_fileids_of_their_own)
{
    struct fixture f = {.crossmnt = true};
    static const char *const mounts[] = {"one", "other", "deep/below"};
    begin_bare(&f);
    host_mount_tmpfs(f.export, "");
    host_mkdir(f.export, "deep", 0755);
    for (int i = 0; i < 3; i++) {
        struct host_path at = host_path(f.export, mounts[i]);
        host_mkdir(f.export, mounts[i], 0755);
        host_mount_tmpfs(at.text, "");
        host_write(at.text, "file", "text");
        host_mkdir(at.text, "dir", 0755);
    }
    fixture_mount(&f);
    walk_expect(&f, 2 + 3 * 3);
    fixture_unmount(&f);
    for (int i = 0; i < 3; i++) {
        struct host_path at = host_path(f.export, mounts[i]);
        host_unmount(at.text);
    }
    host_unmount(f.export);
}

TEST(a_directory_that_is_bound_twice_has_other_fileids_each_time)
{
    struct fixture f = {.crossmnt = true};
    begin_bare(&f);
    host_mkdir(f.export, "dir", 0755);
    host_write(f.export, "dir/file", "text");
    struct host_path dir = host_path(f.export, "dir");
    static const char *const places[] = {"a", "b"};
    for (int i = 0; i < 2; i++) {
        struct host_path at = host_path(f.export, places[i]);
        host_mkdir(f.export, places[i], 0755);
        host_mount_bind(dir.text, at.text);
        host_mounted(at.text);
    }
    fixture_mount(&f);
    walk_expect(&f, 1 + 2 * 3);
    struct vnode_id a = fixture_id(&f, "a/file"), b = fixture_id(&f, "b/file");
    fixture_restart(&f);
    fixture_expect(&f, &a, "text");
    fixture_expect(&f, &b, "text");
    fixture_unmount(&f);
    for (int i = 0; i < 2; i++) {
        struct host_path at = host_path(f.export, places[i]);
        host_unmount(at.text);
    }
}

/* Whose numbers its daemon gives, below a file system that has the same ones. */
TEST(a_fuse_file_system_that_is_crossed_has_fileids_of_its_own)
{
    struct fixture f = {.crossmnt = true};
    begin_bare(&f);
    host_mkdir(f.export, "source", 0755);
    host_write(f.export, "source/file", "text");
    host_mkdir(f.export, "source/dir", 0755);
    host_mkdir(f.export, "mnt", 0755);
    host_write(f.export, "file", "own");
    struct host_path at = host_path(f.export, "mnt");
    assert_int_equal(image_run("bindfs %s/source %s", f.export, at.text), 0);
    host_mounted(at.text);
    fixture_mount(&f);
    walk_expect(&f, 2 + 2 * 3);
    struct vnode_id id = fixture_id(&f, "mnt/file"), own = fixture_id(&f, "file");
    fixture_restart(&f);
    image_forget();
    fixture_expect(&f, &id, "text");
    fixture_expect(&f, &own, "own");
    struct vnode *dir = fixture_find(&f, "mnt/dir"), *up, *root;
    assert_int_equal(fixture_lookup(&f, dir, "..", &up), 0);
    assert_int_equal(fixture_lookup(&f, up, "..", &root), 0);
    assert_ptr_equal(root, f.root);
    vnode_put(root);
    vnode_put(up);
    vnode_put(dir);
    fixture_unmount(&f);
    host_unmount(at.text);
}
