/*
 * lent.c - an ordinary user's server lends itself a right for the moment of opening a file: where
 * that hangs, others are opened all the same.
 */
#include "tests/hang/fixture.h"
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ 6

static char dir[64];

/* Its directory, when the mount has gone. */
static void remove_dir(void)
{
    rmdir(dir);
}

static void begin_as_user(struct hang *h)
{
    static char spec[128];

    memset(h, 0, sizeof(*h));
    host_private_mounts();
    strcpy(dir, "/tmp/loopnfs-lent.XXXXXX");
    assert_non_null(mkdtemp(dir));
    atexit(remove_dir);
    h->fuse = hung_fuse_mount(dir);
    h->fuse->uid = SERVER_USER;
    for (int i = 0; i < 2; i++)
        host_chmod(dir, i == 0 ? "f0" : "f1", 0040);
    setenv("LOOPNFS_VARIANT", "user", 1);
    server_prepare(&h->m.server, NULL);
    snprintf(spec, sizeof(spec), "--export=%s,rw,insecure", dir);
    server_add_arg(&h->m.server, spec);
    mounted_begin_prepared(&h->m);
    h->root = hang_mnt(h, dir);
}

static void send_read(struct client *client, const struct fh *fh)
{
    struct bytes *call = client_begin(client, PROGRAM_NFS, 3, READ);

    put_fh(call, fh);
    put_u64(call, 0);
    put_u32(call, 100);
    client_send(client);
}

TEST(a_right_that_is_lent_at_a_file_that_hangs_keeps_no_other_file_closed)
{
    struct hang h;
    struct client first, second;
    struct fh fh[2];

    begin_as_user(&h);
    for (int i = 0; i < 2; i++)
        expect_ok(ask_lookup(&h.m.client, &h.root, i == 0 ? "f0" : "f1", &fh[i], NULL, NULL));
    client_connect(&first, h.m.server.port, 0);
    client_connect(&second, h.m.server.port, 0);
    first.timeout_ms = second.timeout_ms = 30000;
    h.fuse->hung_kind = FUSE_SETATTR;
    h.fuse->hung_file = 1;
    h.fuse->hung = true;
    send_read(&first, &fh[0]);
    hung_fuse_holds(h.fuse, 1);
    send_read(&second, &fh[1]);
    expect_ok(hang_status(&second));
    /* Who wants that file waits, but not for ever. */
    send_read(&second, &fh[0]);
    expect_status(hang_status(&second), NFS_JUKEBOX);
    h.fuse->hung = false;
    expect_ok(hang_status(&first));
    send_read(&second, &fh[0]);
    expect_ok(hang_status(&second));
    client_disconnect(&first);
    client_disconnect(&second);
    mounted_end(&h.m);
    assert_int_equal(host_stat(dir, "f0").st_mode & 07777, 0040);
    hung_fuse_kill(h.fuse, dir);
}
