/*
 * idle.c - the host can unmount what clients have looked at, when nobody uses it any more.
 */
#include "tests/wire/wire.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>

static void unmount_in_time(const char *at)
{
    for (int i = 0; i < 600; i++) {
        if (umount2(at, UMOUNT_NOFOLLOW) == 0)
            return;
        assert_int_equal(errno, EBUSY);
        host_sleep_ms(100);
    }
    fail_msg("%s is still in use after 60 s", at);
}

/* A tmpfs at HOME/disk, shown at `at`. */
static void mount_disk(struct mounted *m, const char *at)
{
    test_skip_in_variant("user", "mounting needs root");
    if (!host_exists(m->server.home, "disk")) {
        host_mkdir(m->server.home, "disk", 0755);
        host_mount_tmpfs(host_path(m->server.home, "disk").text, "");
        host_write(m->server.home, "disk/file", "on the disk");
    }
    host_mount_bind(host_path(m->server.home, "disk").text, at);
}

static void begin_crossing(struct mounted *m)
{
    test_skip_in_variant("user", "mounting needs root");
    static char arg[200];

    host_private_mounts();
    server_prepare(&m->server, NULL);
    m->server.no_plain_export = true;
    snprintf(arg, sizeof(arg), "--export=%s,rw,no_root_squash,insecure,crossmnt",
             m->server.export_dir);
    server_add_arg(&m->server, arg);
    host_mkdir(m->server.export_dir, "usb", 0755);
    mount_disk(m, host_path(m->server.export_dir, "usb").text);
    mounted_begin_prepared(m);
}

static struct fh look_at_disk(struct mounted *m)
{
    struct fh file, usb = mounted_lookup(m, "usb");

    expect_ok(ask_lookup(&m->client, &usb, "file", &file, NULL, NULL));
    expect_content(&m->client, &file, "on the disk");
    return file;
}

TEST(a_crossed_mount_that_was_looked_at_can_be_unmounted_when_idle)
{
    struct mounted m = {0};

    begin_crossing(&m);
    struct fh file = look_at_disk(&m);
    unmount_in_time(host_path(m.dir, "usb").text);
    expect_status(ask_getattr(&m.client, &file, NULL), NFS_STALE);
    mount_disk(&m, host_path(m.dir, "usb").text);
    look_at_disk(&m);
    unmount_in_time(host_path(m.dir, "usb").text);
    mounted_end(&m);
}

TEST(a_reload_lets_go_of_what_is_not_in_use)
{
    struct mounted m = {0};

    begin_crossing(&m);
    for (int i = 0; i < 5; i++) {
        look_at_disk(&m);
        kill(m.server.pid, SIGHUP);
    }
    unmount_in_time(host_path(m.dir, "usb").text);
    mounted_end(&m);
}

TEST(a_reload_flushes_what_nobody_commits_and_lets_go_of_it)
{
    struct mounted m = {0};
    char command[512];

    begin_crossing(&m);
    struct host_path usb = host_path(m.dir, "usb");
    unmount_in_time(usb.text);
    snprintf(command, sizeof(command),
             "truncate -s 8M %s/image && mkfs.ext4 -q -F %s/image && mount -o loop %s/image %s/usb",
             m.server.home, m.server.home, m.server.home, m.dir);
    if (system(command) != 0)
        test_skip("no ext4 on a loop device here");
    struct fh dir = mounted_lookup(&m, "usb");
    struct made made;
    expect_ok(ask_create(&m.client, &dir, "file", H_UNCHECKED, NULL, NULL, &made));
    expect_ok(ask_write(&m.client, &made.fh, 0, "text", 4, S_UNSTABLE, NULL));
    kill(m.server.pid, SIGHUP);
    unmount_in_time(usb.text);
    mounted_end(&m);
}

TEST(an_idle_export_can_be_unmounted_and_is_served_again_when_it_is_back)
{
    struct mounted m = {0};
    struct mount_answer answer;
    struct fh none;

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    server_prepare(&m.server, NULL);
    mount_disk(&m, m.server.export_dir);
    mounted_begin_prepared(&m);
    struct fh file = mounted_lookup(&m, "file");
    expect_content(&m.client, &file, "on the disk");
    unmount_in_time(m.dir);
    expect_status(ask_getattr(&m.client, &file, NULL), NFS_STALE);
    assert_int_equal(ask_mnt(&m.client, 3, m.dir, &answer), MNT_OK);
    expect_status(ask_lookup(&m.client, &answer.fh, "file", &none, NULL, NULL), NFS_NOENT);
    mount_disk(&m, m.dir);
    assert_int_equal(ask_mnt(&m.client, 3, m.dir, &answer), MNT_OK);
    expect_content(&m.client, &file, "on the disk");
    unmount_in_time(m.dir);
    mounted_end(&m);
}
