/*
 * vfs_end.c - a file system that ends while a round of housekeeping is in it.
 */
#include "base/cred.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"

static int reclaimed, unmounted;

static void ending_reclaim(struct vnode *vn)
{
    (void)vn;
    reclaimed++;
}

static void ending_unmount(struct vfs *fs)
{
    (void)fs;
    unmounted++;
}

/* As when another thread reloads the exports meanwhile. */
static void ending_tick(struct vfs *fs)
{
    vfs_put(fs);
    assert_int_equal(reclaimed, 0);
    assert_int_equal(fs->root->type, VDIR);
}

static int ending_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    attr->type = vn->type;
    return 0;
}

static const struct vfs_type ending_type = {.name = "ending",
                                            .ops = {.unmount = ending_unmount,
                                                    .tick = ending_tick,
                                                    .reclaim = ending_reclaim,
                                                    .getattr = ending_getattr}};
VFS_TYPE(ending_type);

TEST(a_file_system_that_ends_while_it_ticks_keeps_its_root_until_then)
{
    struct vfs_mount_args args = {.source = "nothing"};
    struct vfs *fs;

    cred_init();
    assert_int_equal(vnode_table_init(100, 100), 0);
    assert_int_equal(vfs_mount("ending", &args, &fs), 0);
    vfs_tick();
    assert_int_equal(reclaimed, 1);
    assert_int_equal(unmounted, 1);
    vnode_table_finish();
}
