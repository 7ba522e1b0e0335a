/*
 * hostfs_handles.c - ids that clients hold for long: what the host does meanwhile, and a restart.
 */
#include "tests/fs/fixture.h"
#include "tests/lib/batch.h"
#include "tests/lib/data.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(an_id_survives_a_restart)
{
    struct fixture f = {0};
    fixture_begin(&f);
    host_mkdir(f.export, "a", 0755);
    host_write(f.export, "a/file", "hello");
    struct vnode_id id = fixture_id(&f, "a/file");
    fixture_restart(&f);
    fixture_expect(&f, &id, "hello");
    fixture_unmount(&f);
}

TEST(an_id_survives_a_rename_by_the_host)
{
    struct fixture f = {0};
    fixture_begin(&f);
    host_mkdir(f.export, "other", 0755);
    host_write(f.export, "file", "hello");
    struct vnode_id id = fixture_id(&f, "file");
    fixture_restart(&f);
    host_rename(f.export, "file", f.export, "same-directory");
    fixture_expect(&f, &id, "hello");
    fixture_restart(&f);
    host_rename(f.export, "same-directory", f.export, "other/elsewhere");
    fixture_expect(&f, &id, "hello");
    fixture_unmount(&f);
}

TEST(an_id_survives_a_rename_of_an_ancestor_by_the_host)
{
    struct fixture f = {0};
    fixture_begin(&f);
    host_mkdir(f.export, "a", 0755);
    host_mkdir(f.export, "a/b", 0755);
    host_mkdir(f.export, "z", 0755);
    host_write(f.export, "a/b/file", "hello");
    struct vnode_id id = fixture_id(&f, "a/b/file");
    fixture_restart(&f);
    host_rename(f.export, "a", f.export, "z/y");
    fixture_expect(&f, &id, "hello");
    fixture_unmount(&f);
}

TEST(ids_survive_ancestors_that_change_places)
{
    struct fixture f = {0};
    fixture_begin(&f);
    host_mkdir(f.export, "a", 0755);
    host_mkdir(f.export, "a/b", 0755);
    host_write(f.export, "a/in-a", "a");
    host_write(f.export, "a/b/in-b", "b");
    struct vnode_id in_a = fixture_id(&f, "a/in-a"), in_b = fixture_id(&f, "a/b/in-b");
    fixture_restart(&f);
    host_rename(f.export, "a/b", f.export, "b");
    host_rename(f.export, "a", f.export, "b/a");
    fixture_expect(&f, &in_a, "a");
    fixture_restart(&f);
    fixture_expect(&f, &in_b, "b");
    fixture_unmount(&f);
}

TEST(an_id_survives_an_atomic_replace_of_a_sibling)
{
    struct fixture f = {0};
    fixture_begin(&f);
    host_write(f.export, "kept", "kept");
    host_write(f.export, "replaced", "old");
    struct vnode_id kept = fixture_id(&f, "kept"), old = fixture_id(&f, "replaced");
    fixture_restart(&f);
    host_write(f.export, "new", "new");
    host_rename(f.export, "new", f.export, "replaced");
    fixture_expect(&f, &kept, "kept");
    fixture_expect_stale(&f, &old);
    fixture_unmount(&f);
}

TEST(an_id_survives_a_rename_by_a_client)
{
    struct fixture f = {0};
    fixture_begin(&f);
    host_mkdir(f.export, "a", 0755);
    host_mkdir(f.export, "b", 0755);
    host_write(f.export, "a/file", "hello");
    struct vnode_id id = fixture_id(&f, "a/file");
    struct vnode *a = fixture_find(&f, "a"), *b = fixture_find(&f, "b");
    assert_int_equal(fixture_rename(&f, a, "file", b, "moved"), 0);
    vnode_put(a);
    vnode_put(b);
    fixture_restart(&f);
    fixture_expect(&f, &id, "hello");
    fixture_unmount(&f);
}

TEST(a_reused_inode_is_another_file)
{
    struct fixture f = {0};
    int reused = 0;
    fixture_begin(&f);
    for (int i = 0; i < 50; i++) {
        host_write(f.export, "file", "old");
        ino_t ino = host_stat(f.export, "file").st_ino;
        struct vnode_id id = fixture_id(&f, "file");
        fixture_restart(&f);
        host_unlink(f.export, "file");
        host_write(f.export, "file", "new");
        reused += host_stat(f.export, "file").st_ino == ino;
        fixture_expect_stale(&f, &id);
        host_unlink(f.export, "file");
    }
    test_note("%d of 50 inodes were used again", reused);
    fixture_unmount(&f);
}

TEST(what_the_host_removed_is_stale_although_it_is_open)
{
    struct fixture f = {0};
    char text[4096];
    fixture_begin(&f);
    host_write(f.export, "file", "hello");
    struct vnode_id id = fixture_id(&f, "file");
    struct vnode *vn = fixture_find(&f, "file");
    assert_int_equal(fixture_read(&f, vn, text), 0);
    host_unlink(f.export, "file");
    assert_int_equal(fixture_read(&f, vn, text), ESTALE);
    vnode_put(vn);
    fixture_expect_stale(&f, &id);
    fixture_unmount(&f);
}

TEST(what_the_host_moved_out_of_the_export_is_stale)
{
    struct fixture f = {0};
    fixture_begin(&f);
    host_mkdir(f.export, "dir", 0755);
    host_write(f.export, "dir/file", "hello");
    struct vnode_id dir = fixture_id(&f, "dir"), file = fixture_id(&f, "dir/file");
    fixture_restart(&f);
    host_rename(f.export, "dir", f.base, "outside");
    fixture_expect_stale(&f, &dir);
    host_stat(f.base, "outside/file"); /* the kernel knows its path now */
    fixture_expect_stale(&f, &file);
    fixture_unmount(&f);
}

/* What looks into /proc must not look at the parent's. */
TEST(what_the_host_moved_out_is_stale_in_a_child_of_the_server_too)
{
    struct fixture f = {0};
    int status = 1;
    fixture_begin(&f);
    host_mkdir(f.export, "dir", 0755);
    host_write(f.export, "dir/file", "hello");
    host_write(f.export, "inside", "hello");
    struct vnode_id file = fixture_id(&f, "dir/file"), inside = fixture_id(&f, "inside");
    fixture_restart(&f);
    host_rename(f.export, "dir", f.base, "outside");
    host_stat(f.base, "outside/file");
    /* So that the child's descriptors have numbers that the parent's have not, or others have. */
    int gap = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(gap);
        fixture_expect_stale(&f, &file);
        fixture_expect(&f, &inside, "hello");
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(gap);
    fixture_unmount(&f);
}

static uint64_t size_of(struct fixture *f, struct vnode *vn)
{
    struct vattr attr = {.type = VNON};

    assert_int_equal(vop_getattr(&f->ctx, vn, &attr), 0);
    return attr.size;
}

/* What a load saw is not taken for what is there now. */
TEST(attributes_are_those_after_the_last_change)
{
    struct fixture f = {0};
    struct vchange change = {.has_before = false};
    struct vnode *vn;
    enum vstable stable = VSTABLE_UNSTABLE;
    size_t len = 6;

    fixture_begin(&f);
    host_write(f.export, "file", "hello");
    struct vnode_id id = fixture_id(&f, "file");
    /* Loaded, written, looked at, all in one batch. */
    fixture_restart(&f);
    batch_begin(&f.ctx);
    assert_int_equal(vnode_load(NULL, f.fs, &id, &vn), 0);
    assert_int_equal(data_write(&f.ctx, vn, 5, " world", &len, &stable, &change), 0);
    assert_int_equal(size_of(&f, vn), 11);
    vnode_put(vn);
    /* Loaded in one batch, changed by the host, looked at in the next. */
    fixture_restart(&f);
    batch_begin(&f.ctx);
    assert_int_equal(vnode_load(NULL, f.fs, &id, &vn), 0);
    host_write(f.export, "file", "bye");
    batch_begin(&f.ctx);
    assert_int_equal(size_of(&f, vn), 3);
    host_write(f.export, "file", "hello");
    assert_int_equal(size_of(&f, vn), 5);
    vnode_put(vn);
    /* Looked at for the second time in one batch. */
    fixture_restart(&f);
    batch_begin(&f.ctx);
    assert_int_equal(vnode_load(NULL, f.fs, &id, &vn), 0);
    assert_int_equal(size_of(&f, vn), 5);
    host_write(f.export, "file", "bye");
    assert_int_equal(size_of(&f, vn), 3);
    vnode_put(vn);
    fixture_unmount(&f);
}

/* Two threads load a file at once, and write to it: the slower one finds the node open. */
TEST(attributes_are_those_after_a_write_by_who_was_slower_to_load)
{
    struct fixture f = {0};
    struct vnode *vn, *again;

    fixture_begin(&f);
    host_write(f.export, "file", "hello");
    struct vnode_id id = fixture_id(&f, "file");
    fixture_restart(&f);
    batch_begin(&f.ctx);
    assert_int_equal(fixture_load(&f, &id, &vn), 0);
    assert_int_equal(fixture_write(&f, vn, "hello", VSTABLE_UNSTABLE), 0);
    assert_int_equal(f.fs->type->ops.load(f.fs, &id, &again), 0);
    assert_ptr_equal(again, vn);
    assert_int_equal(fixture_write(&f, again, "hello world", VSTABLE_UNSTABLE), 0);
    assert_int_equal(size_of(&f, again), 11);
    vnode_put(again);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_directory_moved_out_while_it_is_known_is_stale_once_it_rests)
{
    struct fixture f = {0};
    struct vnode *vn;
    fixture_begin(&f);
    host_mkdir(f.export, "dir", 0755);
    host_write(f.export, "dir/file", "hello");
    struct vnode_id dir = fixture_id(&f, "dir");
    host_rename(f.export, "dir", f.base, "outside");
    /* As the housekeeping does with what was not used for a second. */
    for (int i = 0; i < 3; i++)
        vfs_tick();
    if (vnode_load(NULL, f.fs, &dir, &vn) == 0) {
        struct vattr attr;
        assert_int_equal(vop_getattr(&f.ctx, vn, &attr), ESTALE);
        vnode_put(vn);
    }
    fixture_unmount(&f);
}

TEST(dotdot_of_a_directory_moved_out_is_not_followed)
{
    struct fixture f = {0};
    struct vnode *up;
    fixture_begin(&f);
    host_mkdir(f.export, "a", 0755);
    host_mkdir(f.export, "a/b", 0755);
    struct vnode *b = fixture_find(&f, "a/b");
    assert_int_equal(fixture_lookup(&f, b, "..", &up), 0);
    vnode_put(up);
    host_rename(f.export, "a/b", f.base, "outside");
    assert_int_equal(fixture_lookup(&f, b, "..", &up), ESTALE);
    vnode_put(b);
    fixture_unmount(&f);
}

TEST(an_export_of_a_prefix_is_not_the_longer_name)
{
    struct fixture f = {0};
    fixture_begin(&f);
    host_mkdir(f.export, "dir", 0755);
    struct vnode_id id = fixture_id(&f, "dir");
    fixture_restart(&f);
    host_mkdir(f.base, "export2", 0755);
    host_rename(f.export, "dir", f.base, "export2/dir");
    fixture_expect_stale(&f, &id);
    fixture_unmount(&f);
}

/* Loads all of a deep tree's directories, from the top and from the bottom. */
static void deep(int depth)
{
    struct fixture f = {0};
    struct vnode *at, *next;
    struct vnode_id id;

    fixture_begin(&f);
    int fd = open(f.export, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < depth; i++) {
        assert_int_equal(mkdirat(fd, "directory", 0755), 0);
        int below = openat(fd, "directory", O_RDONLY | O_DIRECTORY);
        assert_true(below >= 0);
        close(fd);
        fd = below;
    }
    close(fd);
    at = f.root;
    vnode_ref(at);
    for (int i = 0; i < depth; i++) {
        assert_int_equal(fixture_lookup(&f, at, "directory", &next), 0);
        vnode_put(at);
        at = next;
    }
    vnode_id_of(at, &id);
    vnode_put(at);
    fixture_restart(&f);
    assert_int_equal(fixture_load(&f, &id, &at), 0);
    for (int i = 0; i < depth; i++) {
        assert_int_equal(fixture_lookup(&f, at, "..", &next), 0);
        vnode_put(at);
        at = next;
    }
    assert_ptr_equal(at, f.root);
    vnode_put(at);
    fixture_unmount(&f);
    /* Too deep for what removes the tree by paths. */
    assert_int_equal(chdir(f.export), 0);
    for (int i = 0; i < depth; i++)
        assert_int_equal(chdir("directory"), 0);
    for (int i = 0; i < depth; i++)
        assert_int_equal(chdir("..") | rmdir("directory"), 0);
    assert_int_equal(chdir("/"), 0);
}

TEST(ids_reach_below_60_nested_directories)
{
    deep(60);
}

TEST(ids_reach_below_1000_nested_directories)
{
    deep(1000);
}

TEST(with_subtree_check_ids_survive_and_stay_inside)
{
    struct fixture f = {.subtree_check = true};
    fixture_begin(&f);
    host_mkdir(f.export, "dir", 0755);
    host_write(f.export, "dir/file", "hello");
    host_write(f.export, "leaves", "hello");
    struct vnode_id file = fixture_id(&f, "dir/file"), leaves = fixture_id(&f, "leaves");
    fixture_restart(&f);
    host_rename(f.export, "dir", f.export, "renamed");
    host_rename(f.export, "leaves", f.base, "left");
    fixture_expect(&f, &file, "hello");
    host_sleep_ms(50);
    fixture_expect_stale(&f, &leaves);
    fixture_unmount(&f);
}

TEST(an_id_that_means_nothing_is_stale)
{
    struct fixture f = {0};
    struct vnode *vn;
    fixture_begin(&f);
    for (int kind = 0; kind < 8; kind++) {
        for (int len = 1; len <= VNODE_ID_MAX; len++) {
            struct vnode_id id = {.len = (uint8_t)len};
            memset(id.bytes, 0x5a, sizeof(id.bytes));
            id.bytes[0] = (uint8_t)kind;
            int err = fixture_load(&f, &id, &vn);
            assert_true(err == ESTALE || err == VFS_EJUKEBOX);
        }
    }
    fixture_unmount(&f);
}

/* /proc/self/fd is another process's in a child: a path asked for there would be wrong. */
TEST(a_child_of_the_process_knows_what_is_in_the_export)
{
    struct fixture f = {0};
    int status;

    fixture_begin(&f);
    host_mkdir(f.export, "dir", 0755);
    host_write(f.export, "dir/file", "hello");
    struct vnode_id id = fixture_id(&f, "dir/file");
    fixture_restart(&f);
    fixture_expect(&f, &id, "hello");
    pid_t child = fork();
    if (child == 0) {
        struct vnode *vn = NULL;
        char text[4096];

        host_write(f.export, "other", "other");
        struct vnode_id other = fixture_id(&f, "other");
        /* What this number was before says nothing. */
        fixture_restart(&f);
        bool right = fixture_load(&f, &other, &vn) == 0 && fixture_read(&f, vn, text) == 0 &&
                     strcmp(text, "other") == 0;
        _exit(right ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    fixture_unmount(&f);
}
