/*
 * hostfs_folds.c - PATHCONF's case_insensitive, where it is found out by trying.
 */
#include "tests/fs/fixture.h"
#include "tests/lib/fuse_tree.h"

static bool folds(struct fixture *f, const char *path)
{
    struct vpathconf pc;
    struct vnode *vn = *path ? fixture_find(f, path) : f->root;

    assert_int_equal(vop_pathconf(&f->ctx, vn, &pc), 0);
    assert_true(pc.case_preserving);
    if (vn != f->root)
        vnode_put(vn);
    return pc.case_insensitive;
}

static struct fuse_tree *tree;

static void begin_folds(struct fixture *f)
{
    test_skip_in_variant("table", "as in the other");
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(f);
    fixture_unmount(f);
    tree = fuse_tree_mount(f->export);
}

TEST(names_of_two_cases_are_told_to_be_one_where_they_are)
{
    struct fixture f = {0};

    begin_folds(&f);
    uint32_t dir = fuse_tree_add(tree, 0, "Dir", NULL);

    fuse_tree_add(tree, 0, "1", "no letter");
    fuse_tree_add(tree, dir, "Name", "text");
    fuse_tree_add(tree, dir, "empty", NULL);
    fixture_mount(&f);
    assert_false(folds(&f, ""));
    assert_false(folds(&f, "Dir"));
    tree->folds = true;
    assert_true(folds(&f, ""));
    assert_true(folds(&f, "Dir"));
    /* By the names in the directory above. */
    assert_true(folds(&f, "Dir/empty"));
    fixture_unmount(&f);
    fuse_tree_kill(tree, f.export);
}

TEST(two_names_that_differ_in_case_are_told_apart)
{
    struct fixture f = {0};

    begin_folds(&f);
    fuse_tree_add(tree, 0, "name", "one");
    fuse_tree_add(tree, 0, "NAME", "another");
    fixture_mount(&f);
    assert_false(folds(&f, ""));
    fixture_unmount(&f);
    fuse_tree_kill(tree, f.export);
}

TEST(a_directory_without_letters_is_of_the_case_that_matters)
{
    struct fixture f = {0};

    begin_folds(&f);
    tree->folds = true;
    fuse_tree_add(tree, 0, "12", "text");
    fixture_mount(&f);
    assert_false(folds(&f, ""));
    fixture_unmount(&f);
    fuse_tree_kill(tree, f.export);
}
