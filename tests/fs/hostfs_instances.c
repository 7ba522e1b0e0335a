/*
 * hostfs_instances.c - another file system in the place of one that clients hold ids of.
 */
#include "tests/fs/fixture.h"
#include "tests/lib/image.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* A fixture whose export is a mount point with nothing mounted, and two directories that differ in
 * which file comes first, and in nothing else that an image says of them. */
static void begin_bare(struct fixture *f)
{
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(f);
    fixture_unmount(f);
    host_mkdir(f->base, "one", 0755);
    host_mkdir(f->base, "other", 0755);
    host_write(f->base, "one/a", "content of a");
    host_write(f->base, "other/c", "content of c");
}

static void replace_image(struct fixture *f, const char *kind)
{
    struct host_path one = host_path(f->base, "one"), other = host_path(f->base, "other");

    image_make(kind, f->base, "one.img", one.text);
    image_make(kind, f->base, "other.img", other.text);
    image_mount(f->base, "one.img", f->export, "ro");
    fixture_mount(f);
    struct vnode_id id = fixture_id(f, "a"), root = fixture_id(f, "");
    fixture_restart(f);
    fixture_expect(f, &id, "content of a");
    fixture_unmount(f);
    host_unmount(f->export);
    image_mount(f->base, "other.img", f->export, "ro");
    fixture_mount(f);
    vnode_put(fixture_find(f, "c"));
    fixture_expect_stale(f, &id);
    fixture_expect_stale(f, &root);
    fixture_unmount(f);
    /* The same image again, by whatever device: its ids are good. */
    host_unmount(f->export);
    image_mount(f->base, "one.img", f->export, "ro");
    fixture_mount(f);
    fixture_expect(f, &id, "content of a");
    fixture_unmount(f);
    host_unmount(f->export);
}

TEST(ids_of_a_squashfs_image_are_stale_on_another_one)
{
    struct fixture f = {0};
    begin_bare(&f);
    replace_image(&f, "squashfs");
}

TEST(ids_of_an_erofs_image_are_stale_on_another_one)
{
    struct fixture f = {0};
    begin_bare(&f);
    replace_image(&f, "erofs");
}

/* What mkfs.ext4 -d makes has generation 0 and the same inode numbers each time. */
TEST(ids_of_an_ext4_image_are_stale_on_another_one)
{
    struct fixture f = {0};
    begin_bare(&f);
    replace_image(&f, "ext4");
}

TEST(ids_of_one_tmpfs_are_stale_on_the_next)
{
    struct fixture f = {0};
    begin_bare(&f);
    host_mount_tmpfs(f.export, "");
    host_write(f.export, "a", "content of a");
    fixture_mount(&f);
    struct vnode_id id = fixture_id(&f, "a"), root = fixture_id(&f, "");
    fixture_restart(&f);
    fixture_expect(&f, &id, "content of a");
    fixture_unmount(&f);
    host_unmount(f.export);
    host_mount_tmpfs(f.export, "");
    host_write(f.export, "c", "content of c");
    fixture_mount(&f);
    fixture_expect_stale(&f, &id);
    fixture_expect_stale(&f, &root);
    fixture_unmount(&f);
    host_unmount(f.export);
}

TEST(ids_of_a_disk_are_stale_where_it_is_not_mounted)
{
    struct fixture f = {0};
    begin_bare(&f);
    image_make("ext4", f.base, "one.img", NULL);
    image_mount(f.base, "one.img", f.export, "");
    host_write(f.export, "a", "content of a");
    fixture_mount(&f);
    struct vnode_id id = fixture_id(&f, "a"), root = fixture_id(&f, "");
    fixture_unmount(&f);
    host_unmount(f.export);
    fixture_mount(&f);
    fixture_expect_stale(&f, &id);
    fixture_expect_stale(&f, &root);
    fixture_unmount(&f);
    image_mount(f.base, "one.img", f.export, "");
    fixture_mount(&f);
    fixture_expect(&f, &id, "content of a");
    fixture_unmount(&f);
    host_unmount(f.export);
}

/* Below the export, while the server runs: the old one stays in use until nobody uses it. */
TEST(ids_of_a_crossed_image_are_stale_on_another_one)
{
    struct fixture f = {.crossmnt = true};
    begin_bare(&f);
    struct host_path one = host_path(f.base, "one"), other = host_path(f.base, "other");
    struct host_path at = host_path(f.export, "mnt");
    image_make("squashfs", f.base, "one.img", one.text);
    image_make("squashfs", f.base, "other.img", other.text);
    host_mkdir(f.export, "mnt", 0755);
    image_mount(f.base, "one.img", at.text, "ro");
    fixture_mount(&f);
    struct vnode_id id = fixture_id(&f, "mnt/a");
    fixture_restart(&f);
    fixture_expect(&f, &id, "content of a");
    assert_int_equal(umount2(at.text, MNT_DETACH), 0);
    image_mount(f.base, "other.img", at.text, "ro");
    struct vnode_id new_id = fixture_id(&f, "mnt/c");
    fixture_expect(&f, &new_id, "content of c");
    fixture_restart(&f);
    fixture_expect_stale(&f, &id);
    fixture_expect(&f, &new_id, "content of c");
    fixture_unmount(&f);
    host_unmount(at.text);
}

/* What is exported, or crossed into, is one directory of a disk; then another of the same disk is
 * mounted in its place, and the file that the id is of is outside. */
static void expect_stale_elsewhere(struct fixture *f, const char *at, const char *name,
                                   const char *one, const char *other)
{
    assert_int_equal(image_run("mount --bind %s %s", one, at), 0);
    fixture_mount(f);
    struct vnode_id id = fixture_id(f, name);
    fixture_restart(f);
    fixture_expect(f, &id, "content of a");
    fixture_unmount(f);
    host_unmount(at);
    assert_int_equal(image_run("mount --bind %s %s", other, at), 0);
    image_forget();
    fixture_mount(f);
    fixture_expect_stale(f, &id);
    fixture_unmount(f);
    host_unmount(at);
    assert_int_equal(image_run("mount --bind %s %s", one, at), 0);
    fixture_mount(f);
    fixture_expect(f, &id, "content of a");
    fixture_unmount(f);
    host_unmount(at);
}

TEST(ids_of_one_directory_of_a_disk_are_stale_where_another_is_mounted_in_its_place)
{
    struct fixture f = {0};
    begin_bare(&f);
    struct host_path one = host_path(f.base, "one"), other = host_path(f.base, "other");
    expect_stale_elsewhere(&f, f.export, "a", one.text, other.text);
}

TEST(ids_of_one_crossed_directory_of_a_disk_are_stale_where_another_is_mounted_in_its_place)
{
    struct fixture f = {.crossmnt = true};
    begin_bare(&f);
    host_mkdir(f.export, "mnt", 0755);
    struct host_path one = host_path(f.base, "one"), other = host_path(f.base, "other");
    struct host_path at = host_path(f.export, "mnt");
    expect_stale_elsewhere(&f, at.text, "mnt/a", one.text, other.text);
}

TEST(ids_of_a_directory_are_stale_where_the_host_moves_another_to_its_path)
{
    struct fixture f = {0};
    begin_bare(&f);
    host_write(f.export, "a", "content of a");
    fixture_mount(&f);
    struct vnode_id id = fixture_id(&f, "a");
    fixture_unmount(&f);
    const char *name = strrchr(f.export, '/') + 1;
    host_rename(f.base, name, f.base, "aside");
    host_rename(f.base, "other", f.base, name);
    image_forget();
    fixture_mount(&f);
    fixture_expect_stale(&f, &id);
    fixture_unmount(&f);
}

TEST(ids_of_a_subvolume_are_stale_where_its_snapshot_is_mounted_in_its_place)
{
    struct fixture f = {0};
    begin_bare(&f);
    host_mkdir(f.base, "top", 0755);
    struct host_path top = host_path(f.base, "top");
    struct host_path one = host_path(top.text, "one"), snapshot = host_path(top.text, "snapshot");
    image_make("btrfs", f.base, "img", NULL);
    image_mount(f.base, "img", top.text, "");
    assert_int_equal(image_run("btrfs subvolume create %s > /dev/null", one.text), 0);
    host_write(one.text, "a", "content of a");
    assert_int_equal(
        image_run("btrfs subvolume snapshot %s %s > /dev/null", one.text, snapshot.text), 0);
    expect_stale_elsewhere(&f, f.export, "a", one.text, snapshot.text);
    host_unmount(top.text);
}

/* Enough files that what says their names is nowhere near an end of the image. */
static void write_many(struct fixture *f, const char *dir, const char *middle)
{
    char name[64];

    for (unsigned i = 0; i < 4000; i++) {
        snprintf(name, sizeof(name), "%s/%04u-%016llx-%016llx", dir, i, i * 0x9e3779b97f4a7c15ull,
                 i * 0xd1342543de82ef95ull);
        if (i != 2000)
            host_write(f->base, name, "");
    }
    snprintf(name, sizeof(name), "%s/2000-%s", dir, middle);
    host_write(f->base, name, middle);
}

/* One is written over the other, and is as long and as old. */
TEST(ids_of_an_image_are_stale_on_one_that_differs_in_one_name_only)
{
    struct fixture f = {0};
    begin_bare(&f);
    struct host_path one = host_path(f.base, "one"), other = host_path(f.base, "other");
    struct host_path one_img = host_path(f.base, "one.img");
    struct host_path other_img = host_path(f.base, "other.img");
    host_write(f.base, "other/a", "content of a");
    host_write(f.base, "one/c", "content of c");
    write_many(&f, "one", "same");
    write_many(&f, "other", "some");
    image_make("erofs", f.base, "one.img", one.text);
    image_make("erofs", f.base, "other.img", other.text);
    assert_int_equal(image_run("touch -d @1000000000 %s", one_img.text), 0);
    image_mount(f.base, "one.img", f.export, "ro");
    fixture_mount(&f);
    struct vnode_id id = fixture_id(&f, "2000-same");
    fixture_restart(&f);
    fixture_expect(&f, &id, "same");
    fixture_unmount(&f);
    host_unmount(f.export);
    assert_int_equal(image_run("cp %s %s && touch -d @1000000000 %s", other_img.text, one_img.text,
                               one_img.text),
                     0);
    image_mount(f.base, "one.img", f.export, "ro");
    fixture_mount(&f);
    vnode_put(fixture_find(&f, "2000-some"));
    fixture_expect_stale(&f, &id);
    fixture_unmount(&f);
    host_unmount(f.export);
}
