/*
 * vfs_tick.c - what is done from time to time for all that is mounted, and not for what is not.
 */
#include "base/cred.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"

static int ticks, unmounts;

static int ticking_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    struct vnode_id id = {.len = 1};

    (void)args;
    return vnode_intern(fs, &id, VDIR, NULL, NULL, &fs->root, NULL);
}

static void ticking_unmount(struct vfs *fs)
{
    (void)fs;
    unmounts++;
}

static void ticking_tick(struct vfs *fs)
{
    /* It may use the root, as hostfs does. */
    assert_int_equal(fs->root->type, VDIR);
    ticks++;
}

static const struct vfs_type ticking = {
    .name = "ticking",
    .ops =
        {
            .mount = ticking_mount,
            .unmount = ticking_unmount,
            .tick = ticking_tick,
        },
};

VFS_TYPE(ticking);

TEST(what_nobody_has_mounted_is_left_alone_while_a_node_is_in_use)
{
    struct vnode_id id = {.len = 2};
    struct vfs_mount_args args = {.source = "nothing"};
    struct vnode *vn;
    struct vfs *fs;

    cred_init();
    assert_int_equal(vnode_table_init(100, 100), 0);
    assert_int_equal(vfs_mount("ticking", &args, &fs), 0);
    assert_int_equal(vnode_intern(fs, &id, VREG, NULL, NULL, &vn, NULL), 0);
    vfs_tick();
    assert_int_equal(ticks, 1);
    vfs_put(fs);
    vfs_tick();
    vfs_let_go();
    assert_int_equal(ticks, 1);
    assert_int_equal(unmounts, 0);
    vnode_put(vn);
    assert_int_equal(unmounts, 1);
}
