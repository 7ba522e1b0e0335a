/*
 * frozen.c - a disk that was frozen (fsfreeze(8)): who writes to it sleeps in a way that nothing
 * ends.
 */
#include "tests/hang/fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#define MANY  150
#define WRITE 7

static int frozen = -1; /* the disk, while it is */

static void thaw(void)
{
    if (frozen >= 0)
        ioctl(frozen, FITHAW, 0);
    frozen = -1;
}

/* An ext4 of its own at DIR, on a loop device. */
static void mount_disk(const char *home, const char *dir)
{
    char command[512];

    snprintf(command, sizeof(command),
             "truncate -s 32M '%s/image' && mkfs.ext4 -q -F '%s/image' && mount -o loop '%s/image' "
             "'%s'",
             home, home, home, dir);
    if (system(command) != 0) // NOLINT: fixed words
        test_skip("no ext4 on a loop device here");
    atexit(thaw); /* else nobody could end the server */
}

static void freeze(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, FIFREEZE, 0), 0);
    frozen = fd;
}

static void send_write(struct client *client, const struct fh *fh, uint32_t number)
{
    struct bytes *call = client_begin(client, PROGRAM_NFS, 3, WRITE);

    put_fh(call, fh);
    put_u64(call, number * 4ull);
    put_u32(call, 4);
    put_u32(call, S_UNSTABLE);
    put_opaque(call, "data", 4);
    client_send(client);
}

TEST(a_frozen_disk_stops_no_other_export_nor_the_reading_of_them)
{
    static char spec[256];
    char disk[128];
    struct mounted m;
    struct client slow;
    struct made made;
    struct mount_answer answer;
    unsigned ok, jukebox;

    host_private_mounts();
    server_prepare(&m.server, NULL);
    snprintf(disk, sizeof(disk), "%s/disk", m.server.home);
    host_mkdir(m.server.home, "disk", 0777);
    mount_disk(m.server.home, disk);
    snprintf(spec, sizeof(spec), "%s,client=127.0.0.0/8,rw,no_root_squash,insecure", disk);
    server_add_arg(&m.server, "--export");
    server_add_arg(&m.server, spec);
    mounted_begin_prepared(&m);
    assert_int_equal(ask_mnt(&m.client, 3, disk, &answer), 0);
    expect_ok(ask_create(&m.client, &answer.fh, "file", H_UNCHECKED, NULL, NULL, &made));
    client_connect(&slow, m.server.port, 0);
    freeze(disk);
    for (uint32_t i = 0; i < MANY; i++)
        send_write(&slow, &made.fh, i);
    hang_statuses(&slow, MANY - HANG_OF_FIRST, &ok, &jukebox);
    assert_int_equal(ok, 0);
    expect_ok(ask_create(&m.client, &m.root, "other", H_UNCHECKED, NULL, NULL, NULL));
    kill(m.server.pid, SIGHUP);
    assert_true(server_log_waits_for(&m.server, "exports reloaded: 2", 60000));
    expect_ok(ask_getattr(&m.client, &m.root, &(struct attr){0}));
    thaw();
    hang_statuses(&slow, HANG_OF_FIRST, &ok, &jukebox);
    assert_in_range(ok, HANG_OF_USER, HANG_OF_FIRST);
    client_disconnect(&slow);
    mounted_end(&m);
    umount2(disk, MNT_DETACH);
}
