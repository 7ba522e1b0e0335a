/*
 * hostfs_layers.c - overlayfs, whose objects get other handles, births and numbers when they are
 * copied up.
 */
#include "tests/fs/fixture.h"
#include "tests/lib/image.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void begin_bare(struct fixture *f)
{
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(f);
    fixture_unmount(f);
}

/* Nobody uses any node, and the kernel has forgotten what it may. */
static void forget(void)
{
    fixture_host();
    for (int i = 0; i < 4; i++)
        vnode_table_tick();
    image_forget();
}

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
        fileids[i] = fixture_fileid(f, vns[i]);
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
        assert_int_equal(fixture_fileid(f, vns[i]), fileids[i]);
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
            assert_int_equal(fixture_fileid(f, vns[i]), fileids[i]);
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
        fixture_expect_fileids(&f, f.root);
        overlay_end(&f, &overlays[i]);
    }
}
