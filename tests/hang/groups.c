/*
 * groups.c - a user database that does not answer holds up only those whose groups it is asked for
 * (--manage-gids).
 */
#include "tests/hang/fixture.h"
#include "tests/lib/image.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ  6
#define MANY  100
#define LATE  4242 /* the first uid that only the silent database knows */
#define GROUP 5000 /* whose member it is, by /etc/group */

static void begin_with_silent_users(struct mounted *m)
{
    static char spec[256];
    const char *module = getenv("LOOPNFS_SILENT_NSS");

    assert_non_null(module);
    host_private_mounts();
    server_prepare(&m->server, NULL);
    const char *home = m->server.home;
    assert_int_equal(image_run("cp %s %s/libnss_silent.so.2", module, home), 0);
    host_write(home, "passwd", "root:x:0:0::/root:/bin/sh\n");
    host_write(home, "group", "root:x:0:\nteam:x:5000:late\n");
    host_write(home, "nsswitch.conf", "passwd: files silent\ngroup: files\nhosts: files\n");
    host_mount_bind(host_path(home, "passwd").text, "/etc/passwd");
    host_mount_bind(host_path(home, "group").text, "/etc/group");
    host_mount_bind(host_path(home, "nsswitch.conf").text, "/etc/nsswitch.conf");
    host_write(home, "silent", "");
    setenv("SILENT_NSS", host_path(home, "silent").text, 1);
    setenv("LD_LIBRARY_PATH", home, 1);
    snprintf(spec, sizeof(spec), "--export=%s,client=127.0.0.1,rw,no_root_squash,insecure",
             m->server.export_dir);
    m->server.no_plain_export = true;
    server_add_arg(&m->server, spec);
    server_add_arg(&m->server, "--manage-gids");
    mounted_begin_prepared(m);
}

/* A file that the group may read, and others not. */
static struct fh make_groups_file(struct mounted *m)
{
    struct made made;
    struct sattr set = {.set_mode = true, .mode = 0640, .set_gid = true, .gid = GROUP};

    expect_ok(ask_create(&m->client, &m->root, "file", H_UNCHECKED, &set, NULL, &made));
    expect_ok(ask_write(&m->client, &made.fh, 0, "text", 4, S_UNSTABLE, NULL));
    return made.fh;
}

/* READs by `uid`, which claims to be in the group. */
static void send_reads(struct client *client, const struct fh *fh, uint32_t uid, unsigned count)
{
    client->who = caller_uid(uid, uid);
    client->who.ngids = 1;
    client->who.gids[0] = GROUP;
    while (count-- > 0) {
        struct bytes *call = client_begin(client, PROGRAM_NFS, 3, READ);
        put_fh(call, fh);
        put_u64(call, 0);
        put_u32(call, 100);
        client_send(client);
    }
}

TEST(a_silent_user_database_holds_up_only_the_users_that_it_is_asked_for)
{
    struct mounted m;
    struct client late, fresh;
    unsigned ok, jukebox, tries = 0;
    uint32_t status;

    begin_with_silent_users(&m);
    struct fh fh = make_groups_file(&m);
    client_connect(&late, m.server.port, 0);
    client_connect(&fresh, m.server.port, 0);
    late.timeout_ms = 30000;
    send_reads(&late, &fh, LATE, MANY);
    for (unsigned i = 0; i < 100; i++)
        expect_ok(ask_getattr(&fresh, &m.root, &(struct attr){0}));
    /* Whether they waited or not: nobody is told that a member may not read. */
    hang_statuses(&late, MANY, &ok, &jukebox);
    assert_int_equal(jukebox, MANY);
    host_unlink(m.server.home, "silent");
    do {
        send_reads(&late, &fh, LATE, 1);
        status = hang_status(&late);
        assert_true(status == NFS_OK || status == NFS_JUKEBOX);
    } while (status == NFS_JUKEBOX && ++tries < 100);
    expect_ok(status);
    client_disconnect(&late);
    client_disconnect(&fresh);
    mounted_end(&m);
}

TEST(a_server_whose_user_database_is_silent_ends_when_it_is_told_to)
{
    struct hang h = {0};
    struct client late;

    begin_with_silent_users(&h.m);
    struct fh fh = make_groups_file(&h.m);
    client_connect(&late, h.m.server.port, 0);
    late.timeout_ms = 30000;
    for (uint32_t uid = LATE; uid < LATE + MANY; uid++)
        send_reads(&late, &fh, uid, 1);
    expect_ok(ask_getattr(&h.m.client, &h.m.root, &(struct attr){0}));
    server_stop(&h.m.server);
    client_disconnect(&late);
    mounted_end(&h.m);
}
