/*
 * hostfs_unions.c - FUSE file systems that copy a file up when it is changed first, unionfs-fuse
 * and fuse-overlayfs; and what FUSE's library does with a file that is removed while it is open.
 */
#include "base/cred.h"
#include "tests/fs/fixture.h"
#include "tests/lib/image.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* With $B the directory that has the layers, and $M where to mount. unionfs is last: where it is
 * missing, as on Debian 13, the test is skipped when the others have been tried. */
static const char *const unions[] = {
    "fuse-overlayfs -o lowerdir=$B/lower,upperdir=$B/upper,workdir=$B/work $M",
    "unionfs -o cow $B/upper=RW:$B/lower=RO $M",
    "unionfs -o cow,use_ino $B/upper=RW:$B/lower=RO $M",
};
#define UNIONS (sizeof(unions) / sizeof(unions[0]))

static void forget(void)
{
    fixture_host();
    for (int i = 0; i < 4; i++)
        vnode_table_tick();
    image_forget();
}

static void union_mount(struct fixture *f, const char *command)
{
    test_note("%s", command);
    assert_int_equal(image_run("B=%s M=%s; %s 2> /dev/null", f->base, f->export, command), 0);
    host_mounted(f->export);
}

static void union_begin(struct fixture *f, const char *command)
{
    static const char *const files[] = {"write", "mode", "move", "link", "dir/deep"};
    char path[64];

    host_private_mounts();
    fixture_begin(f);
    fixture_unmount(f);
    host_mkdir(f->base, "upper", 0755);
    host_mkdir(f->base, "work", 0755);
    host_mkdir(f->base, "lower", 0755);
    host_mkdir(f->base, "lower/dir", 0755);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "lower/%s", files[i]);
        host_write(f->base, path, files[i]);
    }
    union_mount(f, command);
}

static void union_end(struct fixture *f)
{
    static const char *const dirs[] = {"upper", "work", "lower"};

    fixture_unmount(f);
    host_unmount(f->export);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        host_remove_tree(host_path(f->base, dirs[i]).text);
}

static void change_all(struct fixture *f)
{
    struct vsetattr set = {.set_mode = true, .mode = 0600};
    struct vchange change;
    struct vattr attr;
    struct vnode *vn = fixture_find(f, "write");
    assert_int_equal(fixture_write(f, vn, "WRITE", VSTABLE_FILE), 0);
    vnode_put(vn);
    vn = fixture_find(f, "dir/deep");
    assert_int_equal(fixture_write(f, vn, "DIR", VSTABLE_UNSTABLE), 0);
    vnode_put(vn);
    vn = fixture_find(f, "mode");
    assert_int_equal(vop_setattr(&f->ctx, vn, &set, &change), 0);
    vnode_put(vn);
    vn = fixture_find(f, "link");
    assert_int_equal(vop_link(&f->ctx, vn, f->root, fixture_view("linked"), &attr, &change), 0);
    vnode_put(vn);
    assert_int_equal(fixture_rename(f, f->root, "move", f->root, "moved"), 0);
}

TEST(ids_on_unions_by_fuse_survive_a_copy_up)
{
    test_skip_in_variant("user", "mounting needs root");
    static const char *const names[] = {"write", "mode", "move", "link", "dir/deep"};
    static const char *const texts[] = {"WRITE", "mode", "move", "link", "DIR/deep"};

    for (size_t u = 0; u < UNIONS; u++) {
        struct fixture f = {0};
        struct vnode_id ids[5];
        union_begin(&f, unions[u]);
        fixture_mount(&f);
        for (int i = 0; i < 5; i++)
            ids[i] = fixture_id(&f, names[i]);
        change_all(&f);
        for (int i = 0; i < 5; i++)
            fixture_expect(&f, &ids[i], texts[i]);
        forget();
        fixture_restart(&f);
        for (int i = 0; i < 5; i++)
            fixture_expect(&f, &ids[i], texts[i]);
        union_end(&f);
    }
}

TEST(ids_on_unions_by_fuse_are_stale_with_the_next_daemon)
{
    test_skip_in_variant("user", "mounting needs root");
    for (size_t u = 0; u < UNIONS; u++) {
        struct fixture f = {0};
        union_begin(&f, unions[u]);
        fixture_mount(&f);
        struct vnode_id id = fixture_id(&f, "write");
        fixture_unmount(&f);
        host_unmount(f.export);
        union_mount(&f, unions[u]);
        fixture_mount(&f);
        fixture_expect_stale(&f, &id);
        union_end(&f);
    }
}

/* FUSE's library gives what is removed while it is open another name, ".fuse_hidden...", until it
 * is closed: the server lets go of it. */
TEST(what_a_client_removes_on_fuse_leaves_an_empty_directory)
{
    test_skip_in_variant("user", "mounting needs root");
    static const char *const daemons[] = {"bindfs $B/upper $M", "mergerfs $B/upper $M",
                                          "unionfs -o cow $B/upper=RW:$B/lower=RO $M"};

    for (size_t d = 0; d < sizeof(daemons) / sizeof(daemons[0]); d++) {
        struct fixture f = {0};
        struct vchange change;
        char text[4096];
        union_begin(&f, daemons[d]);
        fixture_mount(&f);
        for (int i = 0; i < 24; i++) {
            struct vnode *dir, *one, *other;
            struct vattr attr;
            struct vsetattr set = {.set_mode = true, .mode = 0755};
            assert_int_equal(
                vop_mkdir(&f.ctx, f.root, fixture_view("new"), &set, &dir, &attr, &change), 0);
            assert_int_equal(fixture_create(&f, dir, "one", 0644, &one), 0);
            assert_int_equal(fixture_create(&f, dir, "other", 0644, &other), 0);
            /* Uncommitted, flushed, and open to be read. */
            assert_int_equal(
                fixture_write(&f, one, "text", i & 1 ? VSTABLE_FILE : VSTABLE_UNSTABLE), 0);
            if (i & 2)
                assert_int_equal(fixture_read(&f, one, text), 0);
            assert_int_equal(fixture_write(&f, other, "text", VSTABLE_UNSTABLE), 0);
            vnode_put(one);
            vnode_put(other);
            if (i & 4)
                assert_int_equal(fixture_rename(&f, dir, "other", dir, "one"), 0);
            else
                assert_int_equal(fixture_remove(&f, dir, "other"), 0);
            assert_int_equal(fixture_remove(&f, dir, "one"), 0);
            vnode_put(dir);
            assert_int_equal(vop_rmdir(&f.ctx, f.root, fixture_view("new"), &change), 0);
        }
        union_end(&f);
    }
}
