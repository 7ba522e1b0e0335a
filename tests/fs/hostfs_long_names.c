/*
 * hostfs_long_names.c - names of the host that are longer than NFS has room for.
 *
 * FUSE file systems have names of up to 4095 bytes (NTFS: 255 UTF-16 units are 765 bytes). They
 * must be left alone wherever they are met; tests run under ASan, too.
 */
#include "tests/fs/fixture.h"
#include "tests/lib/fuse_tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin_fuse(struct fixture *f, struct fuse_tree **tree)
{
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(f);
    fixture_unmount(f);
    *tree = fuse_tree_mount(f->export);
    fixture_mount(f);
}

static void end_fuse(struct fixture *f, struct fuse_tree *tree)
{
    fixture_unmount(f);
    fuse_tree_kill(tree, f->export);
}

/* The names of a whole listing, ", " between them, sorted as they came. */
static void list_names(struct fixture *f, struct vnode *dir, bool plus, size_t size, char *names,
                       size_t room)
{
    uint64_t buf[4096], cookie = 2;
    struct vdirents page = {.buf = (char *)buf, .size = size, .plus = plus};

    names[0] = '\0';
    do {
        const struct vdirent *entry = NULL;
        assert_int_equal(vop_readdir(&f->ctx, dir, cookie, &page), 0);
        while ((entry = vdirents_next(&page, entry))) {
            size_t used = strlen(names);
            snprintf(names + used, room - used, "%s%s", used ? ", " : "", entry->name);
            cookie = entry->cookie;
        }
    } while (!page.eof);
}

static const uint32_t lengths[] = {256, 300, 720, 1024, 4095};

TEST(names_that_are_too_long_for_nfs_are_not_listed_and_hide_nothing)
{
    struct fixture f = {0};
    struct fuse_tree *tree;
    char names[4096];

    begin_fuse(&f, &tree);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        char name[16];
        snprintf(name, sizeof(name), "file-%zu", i);
        fuse_tree_add(tree, 0, fuse_tree_long_name(lengths[i]), "long");
        fuse_tree_add(tree, 0, name, "short");
    }
    fuse_tree_add(tree, 0, fuse_tree_long_name(255), "just fits");
    for (int plus = 0; plus < 2; plus++) {
        list_names(&f, f.root, plus != 0, 1024, names, sizeof(names));
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            char name[16];
            snprintf(name, sizeof(name), "file-%zu", i);
            assert_non_null(strstr(names, name));
        }
        assert_non_null(strstr(names, fuse_tree_long_name(255)));
        assert_null(strstr(names, fuse_tree_long_name(256)));
    }
    end_fuse(&f, tree);
}

TEST(the_search_for_lost_files_passes_over_names_that_are_too_long)
{
    struct fixture f = {0};
    struct fuse_tree *tree;
    char path[64] = "d";
    uint32_t dirs[8], dir = 0;

    test_skip_in_variant("root", "the kernel opens the handles");
    begin_fuse(&f, &tree);
    for (int i = 0; i < 8; i++) {
        char name[2] = {i ? (char)('0' + i) : 'd', '\0'};
        dirs[i] = dir = fuse_tree_add(tree, dir, name, NULL);
        if (i)
            snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", name);
    }
    fuse_tree_add(tree, dir, "file", "hello");
    uint32_t beside = fuse_tree_add(tree, 0, "beside", NULL);
    snprintf(path + strlen(path), sizeof(path) - strlen(path), "/file");
    struct vnode_id id = fixture_id(&f, path);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct vnode *vn;
        /* The directory that is looked for, itself, and one on its way. */
        uint32_t moved = dirs[i % 3];
        fixture_restart(&f);
        fuse_tree_move(tree, moved, tree->nodes[moved].parent, fuse_tree_long_name(lengths[i]));
        int err = fixture_load(&f, &id, &vn);
        if (err == 0)
            vnode_put(vn);
        assert_true(err == 0 || err == ESTALE || err == VFS_EJUKEBOX);
        char name[2] = {i % 3 ? (char)('0' + i % 3) : 'd', '\0'};
        fuse_tree_move(tree, moved, tree->nodes[moved].parent, name);
    }
    /* And what is to be found is found beside them. */
    fixture_restart(&f);
    fuse_tree_add(tree, 0, fuse_tree_long_name(720), NULL);
    fuse_tree_add(tree, beside, fuse_tree_long_name(1024), "long");
    fuse_tree_move(tree, dirs[0], beside, "elsewhere");
    fixture_expect(&f, &id, "hello");
    end_fuse(&f, tree);
}
