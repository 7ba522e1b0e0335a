/*
 * vfs_small_table.c - tests of a vnode table with room for a node or two in each shard, on a file
 * system whose nodes claim to hold a descriptor, or don't.
 */
#include "base/cred.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <string.h>

static int node_of(struct vfs *fs, uint64_t number, enum vtype type, struct vnode **out)
{
    struct vnode_id id = {.len = sizeof(number)};

    memcpy(id.bytes, &number, sizeof(number));
    return vnode_intern(fs, &id, type, NULL, NULL, out, NULL);
}

static int claims_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    (void)args;
    return node_of(fs, 0, VDIR, &fs->root);
}

static void claims_reclaim(struct vnode *vn)
{
    bool *claims = vnode_private(vn);

    if (*claims)
        vnode_count_fds(vn, -1);
    *claims = false;
}

static void claims_drop(struct vnode *vn, bool all, struct vnode_drops *drops)
{
    (void)all, (void)drops;
    claims_reclaim(vn);
}

static const struct vfs_type claims_type = {
    .name = "claims",
    .node_size = sizeof(bool),
    .ops = {.mount = claims_mount, .drop = claims_drop, .reclaim = claims_reclaim},
};
VFS_TYPE(claims_type);

/* However few nodes a shard has, and all of them used just now: the hand goes round until it finds
 * one. */
TEST(a_small_table_keeps_to_its_bound_at_each_node)
{
    struct vnode_table_stats stats;
    struct vnode *vn;
    struct vfs *fs;

    cred_init();
    assert_int_equal(vnode_table_init(64, 100000), 0);
    assert_int_equal(vfs_mount("claims", &(struct vfs_mount_args){.source = "nothing"}, &fs), 0);
    for (uint64_t i = 1; i < 2000; i++) {
        assert_int_equal(node_of(fs, i, VREG, &vn), 0);
        if (i % 3 == 0) {
            *(bool *)vnode_private(vn) = true;
            vnode_count_fds(vn, 1);
        }
        vnode_put(vn);
        vnode_table_stats_get(&stats);
        assert_in_range(stats.nodes, 1, vnode_nodes_max());
    }
    vfs_put(fs);
    vnode_table_finish();
}
