/*
 * hostfs_named.c - file systems whose handles and numbers do not last: FUSE. hostfs_layers.c has
 * the other one.
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
static const char *const daemons[] = {"bindfs --no-allow-other", "mergerfs",
                                      "mergerfs -o use_ino,inodecalc=path-hash"};

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

static uint64_t fileid_at(struct fixture *f, const char *path)
{
    struct vnode *vn = fixture_find(f, path);
    uint64_t id = fixture_fileid(f, vn);
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
    assert_true(fixture_fileid(&f, vn) == number);
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

/* By its number a file may be found where it went. */
static void expect_own_or_stale(struct fixture *f, const struct vnode_id *id, const char *text)
{
    struct vnode *vn;
    char found[4096];
    int err = fixture_load(f, id, &vn);

    if (err == 0) {
        err = fixture_read(f, vn, found);
        vnode_put(vn);
    }
    assert_true(err == 0 || err == ESTALE);
    if (err == 0)
        assert_string_equal(found, text);
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
    expect_own_or_stale(&f, &b, "content of b");
    expect_own_or_stale(&f, &c, "content of c, the longer one");
    fixture_unmount(&f);
    daemon_end(&f);
}

TEST(an_id_on_fuse_never_reaches_what_has_its_name_or_its_node_now)
{
    test_skip_in_variant("user", "only root can have the kernel forget");
    for (size_t i = 0; i < daemon_count(); i++)
        reaches_no_other(daemons[i]);
}

static void swap(struct fixture *f)
{
    host_rename(f->base, "source/a", f->base, "source/t");
    host_rename(f->base, "source/b", f->base, "source/a");
    host_rename(f->base, "source/t", f->base, "source/b");
}

static void replace(struct fixture *f)
{
    host_rename(f->base, "source/b", f->base, "source/a");
}

/* With the number of the file that was there, and as large. */
static void make_again(struct fixture *f)
{
    host_unlink(f->base, "source/a");
    host_write(f->base, "source/a", "content of b");
}

static void (*const changes[])(struct fixture *) = {swap, replace, make_again};
#define CHANGES (sizeof(changes) / sizeof(changes[0]))

/* What a client may meet by the handle of a file over which the host has put another one: "content
 * of b". Who wrote before has the file open. */
static void goes_to_no_other(const char *daemon, void (*change)(struct fixture *), bool wrote,
                             bool read)
{
    struct fixture f = {0};
    char text[4096];
    test_note("%s, wrote: %d, read: %d", daemon, wrote, read);
    begin_anyone(&f);
    daemon_begin(&f, daemon);
    fixture_mount(&f);
    struct vnode *vn = fixture_find(&f, "a");
    if (read)
        assert_int_equal(fixture_read(&f, vn, text), 0);
    if (wrote)
        assert_int_equal(fixture_write(&f, vn, "CONTENT", VSTABLE_FILE), 0);
    fixture_host();
    change(&f);
    int err = fixture_write(&f, vn, "W!", VSTABLE_FILE);
    assert_true(err == 0 || err == ESTALE);
    fixture_host();
    host_expect(f.base, "source/a", "content of b");
    err = fixture_read(&f, vn, text);
    assert_true(err == ESTALE || strcmp(text, "content of b") != 0);
    vnode_put(vn);
    fixture_unmount(&f);
    daemon_end(&f);
    host_remove_tree(host_path(f.base, "source").text);
}

/* A daemon that goes by paths opens what has the name now. */
TEST(a_file_on_fuse_that_is_in_use_is_never_another_one)
{
    /* Who has become a user begins nothing anew. */
    size_t last = fixture_is_root() ? sizeof(daemons) / sizeof(daemons[0]) : 1;
    for (size_t d = 0; d < last; d++)
        for (size_t c = 0; c < (fixture_is_root() ? CHANGES : 1); c++)
            for (int how = 0; how < (fixture_is_root() ? 4 : 1); how++)
                goes_to_no_other(daemons[d], changes[c], how & 1, !(how & 2));
}

/* No birth and no number says so: what the daemon shows is looked at where it is. */
TEST(a_file_on_fuse_that_was_made_again_while_nobody_looked_is_another_one)
{
    test_skip_in_variant("user", "only root can have the kernel forget");
    for (size_t d = 0; d < daemon_count(); d++)
        for (size_t c = 0; c < CHANGES; c++) {
            struct fixture f = {0};
            begin_anyone(&f);
            daemon_begin(&f, daemons[d]);
            fixture_mount(&f);
            struct vnode_id a = fixture_id(&f, "a");
            forget();
            fixture_unmount(&f);
            changes[c](&f);
            kernel_forget();
            fixture_mount(&f);
            vnode_put(fixture_find(&f, "a"));
            expect_own_or_stale(&f, &a, "content of a");
            struct vnode_id now = fixture_id(&f, "a");
            assert_true(now.len != a.len || memcmp(now.bytes, a.bytes, a.len) != 0);
            fixture_expect(&f, &now, "content of b");
            fixture_unmount(&f);
            daemon_end(&f);
            host_remove_tree(host_path(f.base, "source").text);
        }
}

/* What the host writes into a file is no other file. */
TEST(a_file_on_fuse_that_the_host_appends_to_stays_the_same)
{
    for (size_t d = 0; d < daemon_count(); d++) {
        struct fixture f = {0};
        char text[4096];
        begin_anyone(&f);
        daemon_begin(&f, daemons[d]);
        fixture_mount(&f);
        struct vnode_id a = fixture_id(&f, "a");
        struct vnode *vn = fixture_find(&f, "a");
        assert_int_equal(fixture_read(&f, vn, text), 0);
        fixture_host();
        host_append(f.base, "source/a", ", and more");
        assert_int_equal(fixture_write(&f, vn, "CONTENT", VSTABLE_FILE), 0);
        vnode_put(vn);
        forget();
        fixture_expect(&f, &a, "CONTENT of a, and more");
        fixture_unmount(&f);
        daemon_end(&f);
        host_remove_tree(host_path(f.base, "source").text);
    }
}

/* A directory of the same name is another one, also where it is merged of several. */
TEST(a_directory_on_fuse_that_the_host_replaces_is_not_written_to)
{
    test_skip_in_variant("user", "only root can have the kernel forget");
    for (size_t d = 0; d < daemon_count(); d++) {
        struct fixture f = {0};
        struct vnode *vn, *made;
        begin_anyone(&f);
        daemon_begin(&f, daemons[d]);
        fixture_mount(&f);
        struct vnode_id dir = fixture_id(&f, "dir");
        forget();
        fixture_host();
        host_rename(f.base, "source/dir", f.base, "source/old");
        host_mkdir(f.base, "source/dir", 0755);
        int err = fixture_load(&f, &dir, &vn);
        if (err == 0) {
            err = fixture_create(&f, vn, "new", 0644, &made);
            if (err == 0)
                vnode_put(made);
            vnode_put(vn);
        }
        fixture_host();
        assert_int_equal(access(host_path(f.base, "source/dir/new").text, F_OK), -1);
        assert_true(err == 0 || err == ESTALE);
        fixture_unmount(&f);
        daemon_end(&f);
        host_remove_tree(host_path(f.base, "source").text);
    }
}

/* The daemon makes a directory in a second source when it has to: it comes to be the first. */
TEST(a_directory_that_mergerfs_makes_a_second_time_stays_the_same)
{
    struct fixture f = {0};
    struct vnode *vn;
    begin_bare(&f);
    host_mkdir(f.base, "first", 0755);
    assert_int_equal(image_run("mergerfs %s/first:%s/source %s", f.base, f.base, f.export), 0);
    host_mounted(f.export);
    fixture_mount(&f);
    struct vnode_id dir = fixture_id(&f, "dir"), deep = fixture_id(&f, "dir/deep");
    forget();
    fixture_host();
    host_mkdir(f.base, "first/dir", 0755);
    assert_int_equal(fixture_load(&f, &dir, &vn), 0);
    vnode_put(vn);
    fixture_expect(&f, &deep, "content of deep");
    fixture_restart(&f);
    fixture_expect(&f, &deep, "content of deep");
    fixture_unmount(&f);
    daemon_end(&f);
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
    fixture_expect_fileids(&f, f.root);
    fixture_restart(&f);
    fixture_expect_fileids(&f, f.root);
    fixture_unmount(&f);
    fuse_tree_kill(tree, f.export);
}
