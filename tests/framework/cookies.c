/*
 * cookies.c - tests of ids made of numbers and of registered pointers.
 */
#include "tests/framework/fixture.h"
#include "tests/lib/test.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include <errno.h>
#include <string.h>

/* Knows the numbers up to 100. */
static int numbers_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    vnode_attr_default(vn, attr);
    return vnode_pointer(vn) != NULL || vnode_number(vn) <= 100 ? 0 : ENOENT;
}

static const struct vfs_type numbers = {.name = "numbers", .ops = {.getattr = numbers_getattr}};
static const struct vfs_type stable = {
    .name = "stable", .flags = VFS_STABLE_IDS, .ops = {.getattr = numbers_getattr}};

static struct vnode_id id_of(const struct vnode *vn)
{
    struct vnode_id id;

    vnode_id_of(vn, &id);
    return id;
}

TEST(a_number_is_the_same_node_until_it_is_forgotten)
{
    struct vfs *fs = fixture_mount(&numbers);
    struct vnode *a, *b, *loaded;

    assert_int_equal(vnode_intern_number(fs, 9, VREG, &a), 0);
    assert_int_equal(vnode_intern_number(fs, 9, VREG, &b), 0);
    assert_ptr_equal(a, b);
    assert_int_equal(vnode_number(a), 9);
    struct vnode_id id = id_of(a);
    vnode_put(b);
    vnode_forget(a);
    vnode_put(a);
    assert_int_equal(vnode_load(NULL, fs, &id, &loaded), ESTALE);
    assert_int_equal(vnode_intern_number(fs, 9, VREG, &b), 0);
    assert_int_equal(vnode_load(NULL, fs, &id, &loaded), ESTALE);
    struct vnode_id again = id_of(b);
    assert_memory_not_equal(id.bytes, again.bytes, id.len);
    assert_int_equal(vnode_load(NULL, fs, &again, &loaded), 0);
    assert_ptr_equal(loaded, b);
    vnode_put(loaded);
    vnode_put(b);
    assert_int_equal(vnode_intern_number(fs, 0, VREG, &b), EINVAL);
    fixture_unmount(fs);
}

TEST(a_node_that_left_the_table_is_made_again_when_getattr_knows_its_number)
{
    struct vfs *fs = fixture_mount(&numbers);
    struct vnode *vn;
    struct vnode_id ids[2];

    for (int i = 0; i < 2; i++) {
        assert_int_equal(vnode_intern_number(fs, i == 0 ? 50 : 500, VREG, &vn), 0);
        ids[i] = id_of(vn);
        vnode_put(vn);
    }
    vnode_ref(fs->root);
    vnode_table_flush(fs); /* the table forgets all that is not in use */
    assert_int_equal(vnode_load(NULL, fs, &ids[0], &vn), 0);
    assert_int_equal(vnode_number(vn), 50);
    vnode_put(vn);
    assert_int_equal(vnode_load(NULL, fs, &ids[1], &vn), ESTALE);
    ids[0].bytes[3] ^= 1; /* a number that was never given */
    assert_int_equal(vnode_load(NULL, fs, &ids[0], &vn), ESTALE);
    vnode_put(fs->root);
    fixture_unmount(fs);
}

TEST(stable_numbers_outlive_the_mount_and_others_do_not)
{
    static const struct vfs_type *const types[] = {&stable, &numbers};
    struct vnode_id id, root_id;
    struct vnode *vn;

    for (int i = 0; i < 2; i++) {
        struct vfs *fs = fixture_mount(types[i]);
        assert_int_equal(vnode_intern_number(fs, 60, VREG, &vn), 0);
        id = id_of(vn);
        root_id = id_of(fs->root);
        vnode_put(vn);
        fixture_unmount(fs);
        fs = fixture_mount(types[i]);
        assert_int_equal(vnode_load(NULL, fs, &id, &vn), i == 0 ? 0 : ESTALE);
        if (i == 0)
            vnode_put(vn);
        assert_int_equal(vnode_load(NULL, fs, &root_id, &vn), 0);
        assert_ptr_equal(vn, fs->root);
        vnode_put(vn);
        fixture_unmount(fs);
    }
}

static char done_with[4]; /* how often */
static void done(void *pointer)
{
    ++*(char *)pointer;
}

TEST(a_registered_pointer_has_handles_until_it_is_unregistered)
{
    struct vfs *fs = fixture_mount(&numbers);
    struct vnode *a, *b, *loaded;
    struct vattr attr;

    assert_int_equal(vnode_register(fs, &done_with[0], VREG, &a), 0);
    assert_int_equal(vnode_register(fs, &done_with[0], VREG, &b), 0);
    assert_ptr_equal(a, b);
    assert_int_equal(vnode_register(fs, &done_with[0], VDIR, &b), EINVAL);
    assert_int_equal(vnode_register(fs, NULL, VREG, &b), EINVAL);
    assert_ptr_equal(vnode_pointer(a), &done_with[0]);
    struct vnode_id id = id_of(a);
    assert_int_equal(vnode_unregister(fs, &done_with[0], done), 0);
    assert_int_equal(vnode_unregister(fs, &done_with[0], done), ENOENT);
    assert_int_equal(vnode_load(NULL, fs, &id, &loaded), ESTALE);
    /* Who uses it still may. */
    assert_int_equal(vop_getattr(&fixture_root, a, &attr), 0);
    assert_int_equal(done_with[0], 0);
    vnode_put(a);
    vnode_put(a);
    assert_int_equal(done_with[0], 1);
    assert_int_equal(vnode_register(fs, &done_with[0], VREG, &b), 0);
    assert_int_equal(vnode_load(NULL, fs, &id, &loaded), ESTALE);
    vnode_put(b);
    /* What is registered at the end is the file system's. */
    assert_int_equal(vnode_register(fs, &done_with[1], VREG, NULL), 0);
    fixture_unmount(fs);
    assert_int_equal(done_with[0], 1);
    assert_int_equal(done_with[1], 0);
}

TEST(many_pointers_come_and_go)
{
    static char objects[5000];
    struct vfs *fs = fixture_mount(&numbers);
    struct vnode *vn;

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof(objects); i++)
            assert_int_equal(vnode_register(fs, &objects[i], VREG, NULL), 0);
        for (size_t i = 0; i < sizeof(objects); i += 2)
            assert_int_equal(vnode_unregister(fs, &objects[i], done), 0);
        for (size_t i = 1; i < sizeof(objects); i += 2) {
            assert_int_equal(vnode_register(fs, &objects[i], VREG, &vn), 0);
            assert_ptr_equal(vnode_pointer(vn), &objects[i]);
            vnode_put(vn);
        }
    }
    assert_int_equal(objects[0], 3);
    assert_int_equal(objects[1], 0);
    fixture_unmount(fs);
}
