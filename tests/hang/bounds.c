/*
 * bounds.c - calls that sleep in a file system that hangs are bounded, and nobody else waits.
 *
 * The figures are those of base/wait_place.c for 512 calls: a file system gets 240, a host 180 of
 * them, a user 90 of those, or what that user has by the time it is seen that the file system
 * hangs: 135 at most. What counts is how many are told to come again.
 */
#include "tests/hang/fixture.h"
#include <stdio.h>

#define MANY     300
#define OF_ALL   240
#define OF_USER2 45 /* what a second user gets of the half that is left */

static void look_up(struct hang *h, unsigned count)
{
    char name[16];

    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        expect_ok(ask_lookup(&h->m.client, &h->root, name, &h->files[i], NULL, NULL));
    }
}

static void expect_others_are_answered(struct hang *h)
{
    struct client fresh;
    struct attr attr;

    client_connect(&fresh, h->m.server.port, 0);
    expect_ok(ask_getattr(&fresh, &h->m.root, &attr));
    client_disconnect(&fresh);
    expect_ok(ask_getattr(&h->m.client, &h->m.root, &attr));
}

TEST(calls_that_hang_in_one_export_stop_no_other)
{
    struct hang h;
    struct client slow;
    unsigned ok, jukebox;

    hang_prepare(&h);
    hang_begin(&h);
    look_up(&h, MANY);
    client_connect(&slow, h.m.server.port, 0);
    h.fuse->hung = true;
    for (unsigned i = 0; i < MANY; i++)
        hang_send_getattr(&slow, &h.files[i]);
    /* Those beyond the bound are answered while the others wait. */
    hang_statuses(&slow, MANY - HANG_OF_FIRST, &ok, &jukebox);
    assert_int_equal(jukebox, MANY - HANG_OF_FIRST);
    hung_fuse_holds(h.fuse, 1);
    expect_others_are_answered(&h);
    h.fuse->hung = false;
    hang_statuses(&slow, HANG_OF_FIRST, &ok, &jukebox);
    assert_in_range(ok, HANG_OF_USER, HANG_OF_FIRST);
    expect_ok(ask_getattr(&slow, &h.files[0], &(struct attr){0}));
    client_disconnect(&slow);
    hang_end(&h);
}

TEST(a_connection_with_calls_that_hang_is_served_in_other_exports)
{
    struct hang h;
    uint32_t xid;

    hang_prepare(&h);
    hang_begin(&h);
    look_up(&h, MANY);
    h.fuse->hung = true;
    for (unsigned i = 0; i < MANY; i++)
        hang_send_getattr(&h.m.client, &h.files[i]);
    xid = hang_send_getattr(&h.m.client, &h.m.root);
    for (struct reply reply = {0}; reply.xid != xid;)
        assert_true(client_receive(&h.m.client, &reply));
    h.fuse->hung = false;
    hang_end(&h);
}

TEST(two_exports_of_one_file_system_share_its_bound)
{
    struct hang h;
    struct client slow;
    static char spec[256];
    char twin[128];
    unsigned ok, jukebox;

    hang_prepare(&h);
    snprintf(twin, sizeof(twin), "%s/twin", h.m.server.home);
    host_mkdir(h.m.server.home, "twin", 0777);
    host_mount_bind(h.dir, twin);
    snprintf(spec, sizeof(spec), "%s,client=127.0.0.0/8,rw,no_root_squash,insecure", twin);
    server_add_arg(&h.m.server, "--export");
    server_add_arg(&h.m.server, spec);
    hang_begin(&h);
    look_up(&h, MANY / 2);
    h.root = hang_mnt(&h, twin);
    struct fh other;
    expect_ok(ask_lookup(&h.m.client, &h.root, "f999", &other, NULL, NULL));
    client_connect(&slow, h.m.server.port, 0);
    h.fuse->hung = true;
    for (unsigned i = 0; i < MANY / 2; i++)
        hang_send_getattr(&slow, &h.files[i]);
    hang_statuses(&slow, MANY / 2 - HANG_OF_FIRST, &ok, &jukebox);
    hung_fuse_holds(h.fuse, 1);
    expect_status(ask_getattr(&h.m.client, &other, &(struct attr){0}), NFS_JUKEBOX);
    client_disconnect(&slow);
    hang_end(&h);
}

TEST(no_user_takes_all_that_may_wait)
{
    struct hang h;
    struct client slow, second;
    unsigned ok, jukebox;

    hang_prepare(&h);
    hang_begin(&h);
    look_up(&h, MANY);
    client_connect(&slow, h.m.server.port, 0);
    client_connect(&second, h.m.server.port, 0);
    second.who = caller_uid(1000, 1000);
    h.fuse->hung = true;
    for (unsigned i = 0; i < MANY; i++)
        hang_send_getattr(&slow, &h.files[i]);
    hang_statuses(&slow, MANY - HANG_OF_FIRST, &ok, &jukebox);
    for (unsigned i = 0; i < MANY; i++)
        hang_send_getattr(&second, &h.files[i]);
    hang_statuses(&second, MANY - OF_USER2, &ok, &jukebox);
    assert_int_equal(ok, 0);
    expect_others_are_answered(&h);
    client_disconnect(&slow);
    client_disconnect(&second);
    hang_end(&h);
}

/* As many COMMITs as a client may have under way. */
TEST(what_one_client_asks_at_once_is_not_refused_though_the_disk_takes_long)
{
    enum { AT_ONCE = 64 };
    struct hang h;
    struct client slow;
    unsigned ok, jukebox;

    hang_prepare(&h);
    hang_begin(&h);
    look_up(&h, AT_ONCE);
    client_connect(&slow, h.m.server.port, 0);
    h.fuse->hung = true;
    for (unsigned i = 0; i < AT_ONCE; i++)
        hang_send_getattr(&slow, &h.files[i]);
    hung_fuse_holds(h.fuse, 1);
    host_sleep_ms(1500); /* by then it is taken to hang */
    h.fuse->hung = false;
    hang_statuses(&slow, AT_ONCE, &ok, &jukebox);
    assert_int_equal(ok, AT_ONCE);
    client_disconnect(&slow);
    hang_end(&h);
}
