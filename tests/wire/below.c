/*
 * below.c - handles of file systems whose daemons, images and layers change while the server, or
 * its clients, go on.
 */
#include "tests/lib/image.h"
#include "tests/wire/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

/* A server whose export is a mount point; `source` has files. */
static void begin_below(struct mounted *m, char source[128])
{
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    server_prepare(&m->server, NULL);
    snprintf(source, 128, "%s/source", m->server.home);
    host_mkdir(m->server.home, "source", 0755);
    host_mkdir(source, "dir", 0755);
    host_write(source, "a", "content of a");
    host_write(source, "b", "content of b");
    host_write(source, "dir/c", "content of c");
}

static void fuse_begin(struct mounted *m, const char *source)
{
    assert_int_equal(image_run("bindfs %s %s", source, m->server.export_dir), 0);
    host_mounted(m->server.export_dir);
}

/* The handle is good or stale, and what is written by it comes to nothing else. */
static void expect_no_other(struct mounted *m, const struct fh *fh)
{
    struct nfs3_write result;

    expect_status(ask_getattr(&m->client, fh, NULL), NFS_STALE);
    expect_status(ask_write(&m->client, fh, 0, "WRITTEN", 7, S_FILE_SYNC, &result), NFS_STALE);
}

TEST(a_handle_of_a_fuse_daemon_never_reaches_a_file_of_the_next)
{
    struct mounted m;
    char source[128];

    begin_below(&m, source);
    fuse_begin(&m, source);
    mounted_begin_prepared(&m);
    struct fh a = mounted_walk(&m, "a"), c = mounted_walk(&m, "dir/c");
    expect_content(&m.client, &a, "content of a");
    server_stop(&m.server);
    host_unmount(m.server.export_dir);
    fuse_begin(&m, source);
    server_restart(&m.server);
    mounted_reconnect(&m);
    /* In another order, so that other nodes have the numbers. The root's handle is good. */
    mounted_walk(&m, "dir/c");
    mounted_walk(&m, "b");
    expect_no_other(&m, &a);
    expect_no_other(&m, &c);
    host_expect(source, "b", "content of b");
    host_expect(source, "dir/c", "content of c");
    struct fh again = mounted_walk(&m, "a");
    expect_content(&m.client, &again, "content of a");
    mounted_end(&m);
}

TEST(a_handle_on_fuse_survives_a_kill_and_the_kernels_memory)
{
    struct mounted m;
    char source[128];
    struct attr attr;

    begin_below(&m, source);
    fuse_begin(&m, source);
    mounted_begin_prepared(&m);
    struct fh a = mounted_walk(&m, "a"), dir = mounted_walk(&m, "dir"),
              c = mounted_walk(&m, "dir/c");
    struct fh made = make_file(&m, "dir-less", "made by a client");
    server_kill(&m.server);
    image_forget();
    server_restart(&m.server);
    mounted_reconnect(&m);
    expect_content(&m.client, &a, "content of a");
    expect_content(&m.client, &c, "content of c");
    expect_content(&m.client, &made, "made by a client");
    expect_ok(ask_getattr(&m.client, &dir, &attr));
    struct fh again = mounted_walk(&m, "dir/c");
    assert_true(same_fh(&again, &c));
    mounted_end(&m);
}

/* A server stopped, and its export's directory covered with overlayfs. */
static void cover(struct mounted *m, int number, const char *options, struct host_path *layers)
{
    struct mount_answer answer;
    char name[16];

    server_stop(&m->server);
    snprintf(name, sizeof(name), "layers%d", number);
    *layers = host_path(m->server.home, name);
    host_mkdir(m->server.home, name, 0755);
    host_mount_tmpfs(layers->text, "");
    host_mkdir(layers->text, "lower", 0755);
    host_mkdir(layers->text, "upper", 0755);
    host_mkdir(layers->text, "work", 0755);
    host_write(layers->text, "lower/log", "");
    image_overlay(layers->text, m->server.export_dir, options);
    server_restart(&m->server);
    mounted_reconnect(m);
    assert_int_equal(ask_mnt(&m->client, 3, m->server.export_dir, &answer), 0);
    m->root = answer.fh;
}

TEST(what_was_acknowledged_on_overlayfs_is_in_the_file)
{
    struct mounted m;
    char source[128];
    struct host_path layers;
    static const char *const options[] = {"", ",index=on,nfs_export=on", ",index=on"};

    begin_below(&m, source);
    mounted_begin_prepared(&m);
    for (int i = 0; i < 3; i++) {
        struct nfs3_write result;

        cover(&m, i, options[i], &layers);
        struct fh log = mounted_walk(&m, "log");
        expect_ok(ask_write(&m.client, &log, 0, "line1\n", 6, S_UNSTABLE, &result));
        server_kill(&m.server);
        image_forget();
        server_restart(&m.server);
        mounted_reconnect(&m);
        expect_ok(ask_write(&m.client, &log, 6, "line2\n", 6, S_UNSTABLE, &result));
        host_expect(m.server.export_dir, "log", "line1\nline2\n");
        server_stop(&m.server);
        host_unmount(m.server.export_dir);
        host_unmount(layers.text);
        server_restart(&m.server);
        mounted_reconnect(&m);
    }
    mounted_end(&m);
}

TEST(status_says_what_is_trusted_below_an_export)
{
    struct mounted m;
    char source[128], control[128], command[512], line[512], all[4096] = "";

    begin_below(&m, source);
    fuse_begin(&m, source);
    snprintf(control, sizeof(control), "--control=%s/control", m.server.home);
    server_add_arg(&m.server, control);
    mounted_begin_prepared(&m);
    snprintf(command, sizeof(command), "%s/bin/loopnfs %s status", getenv("LOOPNFS_BUILD_DIR"),
             control);
    FILE *pipe = popen(command, "re"); /* NOLINT(cert-env33-c) */
    assert_non_null(pipe);
    while (fgets(line, sizeof(line), pipe))
        strncat(all, line, sizeof(all) - strlen(all) - 1);
    assert_int_equal(pclose(pipe), 0);
    snprintf(line, sizeof(line), "below\t%s\tfuse\thandles last with the mount; ids by name",
             m.server.export_dir);
    test_note("%s", all);
    assert_non_null(strstr(all, line));
    mounted_end(&m);
}

/* Unmounts what the server gives up when nobody has used it for a while. */
static void unmount_idle(const char *at)
{
    for (int i = 0; umount2(at, 0) != 0; i++) {
        assert_true(i < 3000);
        host_sleep_ms(10);
    }
    host_mounted_no_more(at);
}

TEST(handles_are_stale_on_what_is_mounted_in_their_place_while_the_server_runs)
{
    struct mounted m;
    struct mount_answer answer;
    char source[128], other[128];

    begin_below(&m, source);
    snprintf(other, sizeof(other), "%s/other", m.server.home);
    host_mkdir(m.server.home, "other", 0755);
    host_write(other, "z", "content of z");
    image_make("squashfs", m.server.home, "one.img", source);
    image_make("squashfs", m.server.home, "other.img", other);
    image_mount(m.server.home, "one.img", m.server.export_dir, "ro");
    mounted_begin_prepared(&m);
    struct fh a = mounted_walk(&m, "a"), root = m.root;
    expect_content(&m.client, &a, "content of a");
    unmount_idle(m.server.export_dir);
    image_mount(m.server.home, "other.img", m.server.export_dir, "ro");
    expect_no_other(&m, &a);
    assert_int_equal(ask_mnt(&m.client, 3, m.server.export_dir, &answer), 0);
    m.root = answer.fh;
    struct fh z = mounted_walk(&m, "z");
    expect_content(&m.client, &z, "content of z");
    expect_no_other(&m, &a);
    expect_status(ask_getattr(&m.client, &root, NULL), NFS_STALE);
    /* And a file system of another kind. */
    unmount_idle(m.server.export_dir);
    fuse_begin(&m, source);
    expect_no_other(&m, &z);
    expect_no_other(&m, &a);
    assert_int_equal(ask_mnt(&m.client, 3, m.server.export_dir, &answer), 0);
    m.root = answer.fh;
    struct fh b = mounted_walk(&m, "b");
    expect_content(&m.client, &b, "content of b");
    expect_no_other(&m, &z);
    /* The next daemon of the same files. */
    unmount_idle(m.server.export_dir);
    fuse_begin(&m, source);
    expect_no_other(&m, &b);
    assert_int_equal(ask_mnt(&m.client, 3, m.server.export_dir, &answer), 0);
    assert_true(same_fh(&m.root, &answer.fh));
    mounted_walk(&m, "dir/c");
    expect_no_other(&m, &b);
    mounted_end(&m);
}
