/*
 * points.c - a file system that hangs and is mounted below an export stops only those who go there.
 */
#include "tests/hang/fixture.h"
#include "tests/lib/image.h"
#include <stdio.h>

#define MANY 300

/* `export` has a directory "sub" with some files and a mount "point" that hangs. */
static void begin(struct mounted *m, struct hung_fuse **fuse, struct host_path *point)
{
    host_private_mounts();
    server_prepare(&m->server, NULL);
    server_add_arg(&m->server, "--log-level=debug");
    host_mkdir(m->server.export_dir, "point", 0777);
    host_write(m->server.export_dir, "before", "x");
    host_write(m->server.export_dir, "zz-after", "x");
    *point = host_path(m->server.export_dir, "point");
    *fuse = hung_fuse_mount(point->text);
    mounted_begin_prepared(m);
    (*fuse)->hung = true;
}

static void finish(struct mounted *m, struct hung_fuse *fuse, const struct host_path *point)
{
    fuse->hung = false;
    mounted_end(m);
    hung_fuse_kill(fuse, point->text);
}

static void send_lookup(struct client *client, const struct fh *dir, const char *name)
{
    struct bytes *call = client_begin(client, PROGRAM_NFS, 3, 3);

    put_fh(call, dir);
    put_string(call, name);
    client_send(client);
}

TEST(who_looks_at_a_mount_that_hangs_does_not_use_up_its_directorys_disk)
{
    struct mounted m;
    struct hung_fuse *fuse;
    struct host_path point;
    struct client slow;
    unsigned ok, jukebox;

    begin(&m, &fuse, &point);
    client_connect(&slow, m.server.port, 0);
    for (unsigned i = 0; i < MANY; i++)
        send_lookup(&slow, &m.root, "point");
    hang_statuses(&slow, MANY - HANG_OF_FIRST, &ok, &jukebox);
    assert_int_equal(jukebox, MANY - HANG_OF_FIRST);
    hung_fuse_holds(fuse, 1);
    /* The same user is served in the directory itself. */
    struct fh fh;
    for (int i = 0; i < 20; i++) {
        expect_ok(ask_getattr(&m.client, &m.root, &(struct attr){0}));
        expect_ok(ask_lookup(&m.client, &m.root, "zz-after", &fh, NULL, NULL));
    }
    struct made made;
    expect_ok(ask_create(&m.client, &m.root, "made", H_UNCHECKED, NULL, NULL, &made));
    /* A listing leaves out what is not to be had of that one entry. */
    struct listing listing = {0};
    expect_ok(ask_readdirplus(&m.client, &m.root, 0, 0, 8192, 32768, &listing));
    const struct entry *entry = listing_find(&listing, "point");
    assert_non_null(entry);
    assert_false(entry->has_fh || entry->attr.present);
    assert_true(listing_find(&listing, "zz-after")->attr.present);
    listing_free(&listing);
    client_disconnect(&slow);
    finish(&m, fuse, &point);
}

/* More than a user may have at once look at "point" in `dir`, which holds "f" as well. */
static void look_at_point(struct mounted *m, const struct fh *dir)
{
    struct client slow;
    struct fh fh;
    unsigned ok, jukebox;

    client_connect(&slow, m->server.port, 0);
    for (unsigned i = 0; i < MANY; i++)
        send_lookup(&slow, dir, "point");
    hang_statuses(&slow, MANY - HANG_OF_FIRST, &ok, &jukebox);
    assert_int_equal(jukebox, MANY - HANG_OF_FIRST);
    for (int i = 0; i < 20; i++) {
        expect_ok(ask_getattr(&m->client, dir, &(struct attr){0}));
        expect_ok(ask_lookup(&m->client, dir, "f", &fh, NULL, NULL));
    }
    client_disconnect(&slow);
}

TEST(who_looks_at_a_mount_that_hangs_below_a_crossed_one_does_not_use_up_that_ones_disk)
{
    static char spec[256];
    struct mounted m;
    struct fh crossed;

    host_private_mounts();
    server_prepare(&m.server, NULL);
    m.server.no_plain_export = true;
    snprintf(spec, sizeof(spec), "%s,client=127.0.0.0/8,rw,crossmnt,no_root_squash,insecure",
             m.server.export_dir);
    server_add_arg(&m.server, "--export");
    server_add_arg(&m.server, spec);
    host_mkdir(m.server.export_dir, "crossed", 0777);
    struct host_path at = host_path(m.server.export_dir, "crossed");
    host_mount_tmpfs(at.text, "");
    host_mkdir(at.text, "point", 0777);
    host_write(at.text, "f", "x");
    struct host_path point = host_path(at.text, "point");
    struct hung_fuse *fuse = hung_fuse_mount(point.text);
    mounted_begin_prepared(&m);
    fuse->hung = true;
    expect_ok(ask_lookup(&m.client, &m.root, "crossed", &crossed, NULL, NULL));
    look_at_point(&m, &crossed);
    fuse->hung = false;
    mounted_end(&m);
    hung_fuse_kill(fuse, point.text);
}

/* Whose inode numbers are not what clients see. */
TEST(who_looks_at_a_mount_that_hangs_below_overlayfs_does_not_use_up_its_bound)
{
    struct mounted m;

    host_private_mounts();
    server_prepare(&m.server, NULL);
    host_mkdir(m.server.home, "layers", 0755);
    struct host_path layers = host_path(m.server.home, "layers");
    host_mount_tmpfs(layers.text, "");
    host_mkdir(layers.text, "lower", 0777);
    host_mkdir(layers.text, "upper", 0777);
    host_mkdir(layers.text, "work", 0777);
    host_mkdir(layers.text, "lower/dir", 0777);
    host_mkdir(layers.text, "lower/dir/point", 0777);
    host_write(layers.text, "lower/dir/f", "x");
    image_overlay(layers.text, m.server.export_dir, "");
    struct host_path point = host_path(m.server.export_dir, "dir/point");
    struct hung_fuse *fuse = hung_fuse_mount(point.text);
    mounted_begin_prepared(&m);
    struct fh dir;
    expect_ok(ask_lookup(&m.client, &m.root, "dir", &dir, NULL, NULL));
    fuse->hung = true;
    look_at_point(&m, &dir);
    fuse->hung = false;
    mounted_end(&m);
    hung_fuse_kill(fuse, point.text);
}

TEST(a_mount_that_comes_later_is_known_as_well)
{
    struct mounted m;
    struct hung_fuse *fuse;
    struct host_path point;
    struct client slow;
    unsigned ok, jukebox;

    begin(&m, &fuse, &point);
    host_mkdir(m.server.export_dir, "later", 0777);
    struct host_path later = host_path(m.server.export_dir, "later");
    struct hung_fuse *second = hung_fuse_mount(later.text);
    assert_true(server_log_waits_for(&m.server, "file systems mounted below it: 2", 60000));
    second->hung = true;
    client_connect(&slow, m.server.port, 0);
    for (unsigned i = 0; i < MANY; i++)
        send_lookup(&slow, &m.root, "later");
    hang_statuses(&slow, MANY - HANG_OF_FIRST, &ok, &jukebox);
    assert_int_equal(jukebox, MANY - HANG_OF_FIRST);
    expect_ok(ask_getattr(&m.client, &m.root, &(struct attr){0}));
    second->hung = false;
    client_disconnect(&slow);
    finish(&m, fuse, &point);
    hung_fuse_kill(second, later.text);
}
