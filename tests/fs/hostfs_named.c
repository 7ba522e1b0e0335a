/*
 * hostfs_named.c - file systems whose handles and numbers do not last: FUSE and overlayfs.
 */
#include "base/cred.h"
#include "tests/fs/fixture.h"
#include "tests/lib/fuse_tree.h"
#include "tests/lib/image.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* In this mount namespace, as on most hosts. */
static void fuse_for_anyone(void)
{
    char dir[] = "/tmp/loopnfs-fuse-XXXXXX";
    struct stat st;

    if (stat("/dev/fuse", &st) != 0)
        test_skip("no /dev/fuse: %s", strerror(errno));
    assert_non_null(mkdtemp(dir));
    struct host_path node = host_path(dir, "fuse");
    assert_int_equal(mknod(node.text, S_IFCHR | 0666, st.st_rdev), 0);
    assert_int_equal(chmod(node.text, 0666), 0);
    host_mount_bind(node.text, "/dev/fuse");
    host_unlink(dir, "fuse");
    /* fusermount wants a name. */
    char line[64];
    struct host_path passwd = host_path(dir, "passwd");
    snprintf(line, sizeof(line), "tester:x:%d:%d::/:/bin/sh\n", FIXTURE_USER, FIXTURE_USER);
    host_write(dir, "passwd", line);
    host_chmod(dir, "passwd", 0644);
    host_mount_bind(passwd.text, "/etc/passwd");
    host_unlink(dir, "passwd");
    assert_int_equal(rmdir(dir), 0);
}

/* A fixture whose export is a mount point with nothing mounted; `source` for what will be. */
static void begin_anyone(struct fixture *f)
{
    host_private_mounts();
    if (!fixture_is_root())
        fuse_for_anyone();
    fixture_begin(f);
    fixture_unmount(f);
    host_mkdir(f->base, "source", 0755);
    host_mkdir(f->base, "source/dir", 0755);
    host_write(f->base, "source/a", "content of a");
    host_write(f->base, "source/b", "content of b");
    host_write(f->base, "source/c", "content of c");
    host_write(f->base, "source/dir/deep", "content of deep");
}

static void begin_bare(struct fixture *f)
{
    test_skip_in_variant("user", "mounting needs root");
    begin_anyone(f);
}

/* The same source by daemons that number as it does, and that leave that to FUSE's library. An
 * ordinary user has his own. */
static const char *const daemons[] = {"bindfs --no-allow-other", "mergerfs"};

/* Who has become a user begins nothing anew. */
static size_t daemon_count(void)
{
    return fixture_is_root() ? sizeof(daemons) / sizeof(daemons[0]) : 1;
}

static void daemon_begin(struct fixture *f, const char *name)
{
    assert_int_equal(image_run("%s %s/source %s", name, f->base, f->export), 0);
    if (fixture_is_root())
        host_mounted(f->export);
}

static void daemon_end(struct fixture *f)
{
    if (fixture_is_root())
        host_unmount(f->export);
    else
        assert_int_equal(image_run("fusermount3 -u %s", f->export), 0);
}

/* The kernel forgets what nobody uses: only root can have it do so now. */
static void kernel_forget(void)
{
    if (fixture_is_root())
        image_forget();
}

/* Nobody uses any node, and the kernel has forgotten what it may. */
static void forget(void)
{
    fixture_host();
    for (int i = 0; i < 4; i++)
        vnode_table_tick();
    kernel_forget();
}

static uint64_t fileid(struct fixture *f, struct vnode *vn)
{
    struct vattr attr = {.type = VNON};
    assert_int_equal(vop_getattr(&f->ctx, vn, &attr), 0);
    return attr.fileid;
}

static uint64_t fileid_at(struct fixture *f, const char *path)
{
    struct vnode *vn = fixture_find(f, path);
    uint64_t id = fileid(f, vn);
    vnode_put(vn);
    return id;
}

static void outlives(const char *daemon)
{
    struct fixture f = {0};
    begin_anyone(&f);
    daemon_begin(&f, daemon);
    fixture_mount(&f);
    struct vnode_id a = fixture_id(&f, "a"), deep = fixture_id(&f, "dir/deep");
    struct vnode_id dir = fixture_id(&f, "dir");
    uint64_t number = fileid_at(&f, "dir");
    struct vnode *vn;
    forget();
    fixture_expect(&f, &deep, "content of deep");
    fixture_expect(&f, &a, "content of a");
    assert_int_equal(fixture_load(&f, &dir, &vn), 0);
    assert_true(fileid(&f, vn) == number);
    vnode_put(vn);
    /* A client changed it. */
    assert_int_equal(fixture_load(&f, &a, &vn), 0);
    assert_int_equal(fixture_write(&f, vn, "written, and longer", VSTABLE_UNSTABLE), 0);
    assert_int_equal(fixture_write(&f, vn, "changed", VSTABLE_UNSTABLE), 0);
    vnode_put(vn);
    forget();
    fixture_expect(&f, &a, "changed, and longer");
    /* Without nodes. */
    fixture_unmount(&f);
    kernel_forget();
    fixture_mount(&f);
    fixture_expect(&f, &a, "changed, and longer");
    fixture_expect(&f, &deep, "content of deep");
    struct vnode_id again = fixture_id(&f, "dir/deep");
    assert_int_equal(again.len, deep.len);
    assert_memory_equal(again.bytes, deep.bytes, deep.len);
    fixture_unmount(&f);
    daemon_end(&f);
}

TEST(an_id_on_fuse_outlives_the_kernels_memory)
{
    for (size_t i = 0; i < daemon_count(); i++)
        outlives(daemons[i]);
}

/* Its number says that it is the same one. */
TEST(a_fuse_file_that_the_host_changes_is_known_by_its_number)
{
    struct fixture f = {0};
    test_skip_in_variant("user", "only root can have the kernel forget");
    begin_anyone(&f);
    daemon_begin(&f, daemons[0]);
    fixture_mount(&f);
    struct vnode_id a = fixture_id(&f, "a");
    forget();
    host_append(f.base, "source/a", ", more");
    fixture_expect(&f, &a, "content of a, more");
    fixture_unmount(&f);
    daemon_end(&f);
}

static void survives_renames(const char *daemon)
{
    struct fixture f = {0};
    begin_anyone(&f);
    daemon_begin(&f, daemon);
    fixture_mount(&f);
    struct vnode_id a = fixture_id(&f, "a"), b = fixture_id(&f, "b");
    struct vnode_id deep = fixture_id(&f, "dir/deep");
    struct vnode *dir = fixture_find(&f, "dir");
    assert_int_equal(fixture_rename(&f, f.root, "a", dir, "moved"), 0);
    assert_int_equal(fixture_rename(&f, f.root, "b", f.root, "a"), 0);
    vnode_put(dir);
    assert_int_equal(fixture_rename(&f, f.root, "dir", f.root, "other"), 0);
    forget();
    fixture_expect(&f, &a, "content of a");
    fixture_expect(&f, &b, "content of b");
    fixture_expect(&f, &deep, "content of deep");
    fixture_restart(&f);
    forget();
    fixture_expect(&f, &deep, "content of deep");
    fixture_expect(&f, &a, "content of a");
    struct vnode_id moved = fixture_id(&f, "other/moved");
    assert_memory_equal(moved.bytes, a.bytes, a.len);
    fixture_unmount(&f);
    daemon_end(&f);
}

TEST(an_id_on_fuse_survives_a_rename_by_a_client)
{
    for (size_t i = 0; i < daemon_count(); i++)
        survives_renames(daemons[i]);
}

static void reaches_no_other(const char *daemon)
{
    struct fixture f = {0};
    struct vnode *vn;
    begin_anyone(&f);
    daemon_begin(&f, daemon);
    host_append(f.base, "source/c", ", the longer one");
    fixture_mount(&f);
    struct vnode_id a = fixture_id(&f, "a"), b = fixture_id(&f, "b"), c = fixture_id(&f, "c");
    /* By a client: it is certain. */
    assert_int_equal(fixture_remove(&f, f.root, "a"), 0);
    assert_int_equal(fixture_create(&f, f.root, "a", 0644, &vn), 0);
    vnode_put(vn);
    fixture_expect_stale(&f, &a);
    /* By the host, behind the mount, and seen by nobody. */
    fixture_unmount(&f);
    kernel_forget();
    host_rename(f.base, "source/b", f.base, "source/t");
    host_rename(f.base, "source/c", f.base, "source/b");
    host_rename(f.base, "source/t", f.base, "source/c");
    fixture_mount(&f);
    vnode_put(fixture_find(&f, "b"));
    vnode_put(fixture_find(&f, "c"));
    fixture_expect_stale(&f, &b);
    fixture_expect_stale(&f, &c);
    fixture_unmount(&f);
    daemon_end(&f);
}

TEST(an_id_on_fuse_never_reaches_what_has_its_name_or_its_node_now)
{
    test_skip_in_variant("user", "only root can have the kernel forget");
    for (size_t i = 0; i < daemon_count(); i++)
        reaches_no_other(daemons[i]);
}

static void stale_with_the_next(const char *daemon)
{
    struct fixture f = {0};
    begin_anyone(&f);
    daemon_begin(&f, daemon);
    fixture_mount(&f);
    struct vnode_id a = fixture_id(&f, "a"), root = fixture_id(&f, "");
    fixture_restart(&f);
    fixture_expect(&f, &a, "content of a");
    fixture_unmount(&f);
    daemon_end(&f);
    daemon_begin(&f, daemon);
    fixture_mount(&f);
    vnode_put(fixture_find(&f, "c"));
    fixture_expect_stale(&f, &a);
    /* Who has it mounted goes on from the root. */
    struct vnode *vn;
    assert_int_equal(fixture_load(&f, &root, &vn), 0);
    assert_ptr_equal(vn, f.root);
    vnode_put(vn);
    fixture_unmount(&f);
    daemon_end(&f);
}

TEST(an_id_of_a_fuse_daemon_is_stale_with_the_next_one)
{
    for (size_t i = 0; i < daemon_count(); i++)
        stale_with_the_next(daemons[i]);
}

/* The test's own daemon numbers inodes as nodes, as FUSE's library does for most. */
TEST(a_fuse_file_that_changed_while_the_kernel_forgot_it_is_not_known)
{
    struct fixture f = {0};
    begin_bare(&f);
    struct fuse_tree *tree = fuse_tree_mount(f.export);
    uint32_t dir = fuse_tree_add(tree, 0, "dir", NULL);
    uint32_t file = fuse_tree_add(tree, dir, "file", "first");
    fixture_mount(&f);
    struct vnode_id id = fixture_id(&f, "dir/file");
    forget();
    fixture_expect(&f, &id, "first");
    fixture_unmount(&f);
    image_forget();
    /* Another node, of another size. */
    fuse_tree_remove(tree, file);
    fuse_tree_add(tree, dir, "file", "the second one");
    fixture_mount(&f);
    fixture_expect_stale(&f, &id);
    fixture_unmount(&f);
    fuse_tree_kill(tree, f.export);
}

static void list_has_fileids(struct fixture *f, struct vnode *dir)
{
    struct vctx *ctx = &f->ctx;
    uint64_t buf[4096];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf)};
    const struct vdirent *entry = NULL;
    int count = 0;

    assert_int_equal(vop_readdir(ctx, dir, 2, &page), 0);
    assert_true(page.eof);
    while ((entry = vdirents_next(&page, entry))) {
        struct vnode *vn;
        assert_int_equal(fixture_lookup(f, dir, entry->name, &vn), 0);
        assert_int_equal(fileid(f, vn), entry->fileid);
        vnode_put(vn);
        count++;
    }
    assert_true(count > 0);
}

TEST(listings_of_fuse_have_the_fileids_of_their_files)
{
    struct fixture f = {0};
    begin_bare(&f);
    struct fuse_tree *tree = fuse_tree_mount(f.export);
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof(name), "name%d", i);
        fuse_tree_add(tree, 0, name, i % 2 ? "text" : NULL);
    }
    fixture_mount(&f);
    list_has_fileids(&f, f.root);
    fixture_restart(&f);
    list_has_fileids(&f, f.root);
    fixture_unmount(&f);
    fuse_tree_kill(tree, f.export);
}

/* --- overlayfs --- */

struct overlay {
    const char *options;
    bool other_disk; /* the upper layer is on another file system than the lower one */
};
static const struct overlay overlays[] = {
    {"", false}, {",index=on,nfs_export=on", false}, {",index=on", false}, {",xino=off", true},
    {"", true},
};
#define OVERLAYS (sizeof(overlays) / sizeof(overlays[0]))

static void overlay_mount(struct fixture *f, const struct overlay *overlay)
{
    struct host_path layers = host_path(f->base, "layers");

    host_mkdir(f->base, "layers", 0755);
    host_mount_tmpfs(layers.text, "");
    host_mkdir(layers.text, "upper-disk", 0755);
    if (overlay->other_disk) {
        struct host_path disk = host_path(layers.text, "upper-disk");
        host_mount_tmpfs(disk.text, "");
    }
    host_mkdir(layers.text, "upper-disk/upper", 0755);
    host_mkdir(layers.text, "upper-disk/work", 0755);
    host_symlink("upper-disk/upper", layers.text, "upper");
    host_symlink("upper-disk/work", layers.text, "work");
    host_mkdir(layers.text, "lower", 0755);
    host_mkdir(layers.text, "lower/dir", 0755);
    static const char *const files[] = {"write", "mode", "move", "link", "dir/deep", "hard"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[64];
        snprintf(path, sizeof(path), "lower/%s", files[i]);
        host_write(layers.text, path, files[i]);
    }
    struct host_path hard = host_path(layers.text, "lower/hard");
    struct host_path other = host_path(layers.text, "lower/hard2");
    assert_int_equal(link(hard.text, other.text), 0);
    image_overlay(layers.text, f->export, overlay->options);
    fixture_mount(f);
}

static void overlay_end(struct fixture *f, const struct overlay *overlay)
{
    struct host_path layers = host_path(f->base, "layers");
    struct host_path disk = host_path(layers.text, "upper-disk");

    fixture_unmount(f);
    host_unmount(f->export);
    if (overlay->other_disk)
        host_unmount(disk.text);
    host_unmount(layers.text);
    assert_int_equal(rmdir(layers.text), 0);
}

static int set_mode(struct fixture *f, struct vnode *vn, uint32_t mode)
{
    struct vsetattr set = {.set_mode = true, .mode = mode};
    struct vchange change = {.has_before = false};
    return vop_setattr(&f->ctx, vn, &set, &change);
}

static int add_link(struct fixture *f, struct vnode *vn, const char *name)
{
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    return vop_link(&f->ctx, vn, f->root, fixture_view(name), &attr, &change);
}

static void copy_up(struct fixture *f, const struct overlay *overlay)
{
    static const char *const paths[] = {"write", "mode", "move", "link", "dir/deep", "dir", "hard"};
    enum { WRITE, MODE, MOVE, LINK, DEEP, DIR_, HARD, PATHS };
    struct vnode_id ids[PATHS];
    struct vnode *vns[PATHS];
    uint64_t fileids[PATHS];
    char text[4096];

    overlay_mount(f, overlay);
    for (int i = 0; i < PATHS; i++) {
        vns[i] = fixture_find(f, paths[i]);
        ids[i] = fixture_id(f, paths[i]);
        fileids[i] = fileid(f, vns[i]);
        if (vns[i]->type == VREG) /* by a descriptor of the lower file, from here on */
            assert_int_equal(fixture_read(f, vns[i], text), 0);
    }
    assert_int_equal(fixture_write(f, vns[WRITE], "new data", VSTABLE_UNSTABLE), 0);
    assert_int_equal(set_mode(f, vns[MODE], 0600), 0);
    assert_int_equal(fixture_rename(f, f->root, "move", f->root, "moved"), 0);
    assert_int_equal(add_link(f, vns[LINK], "linked"), 0);
    assert_int_equal(fixture_write(f, vns[DEEP], "new deep", VSTABLE_FILE), 0);
    assert_int_equal(set_mode(f, vns[DIR_], 0700), 0);
    assert_int_equal(fixture_write(f, vns[HARD], "new hard", VSTABLE_UNSTABLE), 0);
    for (int i = 0; i < PATHS; i++) {
        assert_int_equal(fileid(f, vns[i]), fileids[i]);
        vnode_put(vns[i]);
    }
    for (int round = 0; round < 3; round++) {
        fixture_expect(f, &ids[WRITE], "new data");
        fixture_expect(f, &ids[MODE], "mode");
        fixture_expect(f, &ids[MOVE], "move");
        fixture_expect(f, &ids[LINK], "link");
        fixture_expect(f, &ids[DEEP], "new deep");
        fixture_expect(f, &ids[HARD], "new hard");
        for (int i = 0; i < PATHS; i++) {
            assert_int_equal(fixture_load(f, &ids[i], &vns[i]), 0);
            assert_int_equal(fileid(f, vns[i]), fileids[i]);
            vnode_put(vns[i]);
        }
        if (round == 0)
            forget();
        else
            fixture_restart(f);
    }
    host_expect(f->export, "write", "new data");
    overlay_end(f, overlay);
}

TEST(ids_on_overlayfs_survive_a_copy_up_by_a_client)
{
    struct fixture f = {0};
    begin_bare(&f);
    for (size_t i = 0; i < OVERLAYS; i++) {
        test_note("overlay with '%s'", overlays[i].options);
        copy_up(&f, &overlays[i]);
    }
}

TEST(ids_on_overlayfs_survive_a_copy_up_by_the_host)
{
    struct fixture f = {0};
    struct vnode *vn;
    begin_bare(&f);
    for (size_t i = 0; i < OVERLAYS; i++) {
        overlay_mount(&f, &overlays[i]);
        struct vnode_id id = fixture_id(&f, "dir/deep"), dir = fixture_id(&f, "dir");
        struct vnode_id kept = fixture_id(&f, "mode");
        vn = fixture_find(&f, "dir/deep");
        fixture_expect(&f, &id, "dir/deep");
        host_append(f.export, "dir/deep", ", more");
        fixture_expect(&f, &id, "dir/deep, more");
        vnode_put(vn);
        forget();
        fixture_expect(&f, &id, "dir/deep, more");
        host_chmod(f.export, "dir", 0700);
        host_chmod(f.export, "mode", 0600);
        forget();
        fixture_expect(&f, &kept, "mode");
        assert_int_equal(fixture_load(&f, &dir, &vn), 0);
        vnode_put(vn);
        overlay_end(&f, &overlays[i]);
    }
}

TEST(an_id_on_overlayfs_never_reaches_a_file_that_replaced_its_own)
{
    struct fixture f = {0};
    begin_bare(&f);
    for (size_t i = 0; i < OVERLAYS; i++) {
        overlay_mount(&f, &overlays[i]);
        host_write(f.export, "upper", "first");
        struct vnode_id lower = fixture_id(&f, "write"), upper = fixture_id(&f, "upper");
        fixture_unmount(&f);
        image_forget();
        host_write(f.export, "other", "another file");
        host_rename(f.export, "other", f.export, "upper");
        host_unlink(f.export, "write");
        host_write(f.export, "write", "not the lower one");
        image_forget();
        fixture_mount(&f);
        fixture_expect_stale(&f, &lower);
        fixture_expect_stale(&f, &upper);
        overlay_end(&f, &overlays[i]);
    }
}

TEST(listings_of_overlayfs_have_the_fileids_of_their_files)
{
    struct fixture f = {0};
    begin_bare(&f);
    for (size_t i = 0; i < OVERLAYS; i++) {
        overlay_mount(&f, &overlays[i]);
        host_append(f.export, "write", "x");
        list_has_fileids(&f, f.root);
        overlay_end(&f, &overlays[i]);
    }
}
