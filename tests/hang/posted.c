/*
 * posted.c - descriptors that are posted, and whose other end does nothing, stop nobody else.
 */
#include "tests/hang/fixture.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIFOS 120
#define BYTES 131072 /* more than a pipe takes */
#define CALLS 300

static char control[200];

static void posted_prepare(struct hang *h)
{
    static char option[256];

    hang_prepare(h);
    snprintf(control, sizeof(control), "%s/control", h->m.server.home);
    snprintf(option, sizeof(option), "--control=%s", control);
    server_add_arg(&h->m.server, option);
    server_add_arg(&h->m.server, "--export");
    server_add_arg(&h->m.server, "/srv,fs=srvfs,client=127.0.0.0/8,rw,no_root_squash,insecure");
    hang_begin(h);
}

/* Runs a line of shell with $loopnfs, the tool that talks to this server. */
static void shell(const char *line)
{
    char text[1024];

    snprintf(text, sizeof(text), "loopnfs='%s/bin/loopnfs'; export LOOPNFS_CONTROL='%s'; %s",
             getenv("LOOPNFS_BUILD_DIR"), control, line);
    assert_int_equal(system(text), 0);
}

static void expect_others(struct hang *h)
{
    struct client other;

    client_connect(&other, h->m.server.port, 0);
    for (int i = 0; i < 20; i++) {
        expect_ok(ask_getattr(&other, &h->m.root, &(struct attr){0}));
        expect_ok(ask_getattr(&h->m.client, &h->m.root, &(struct attr){0}));
    }
    client_disconnect(&other);
}

TEST(a_posted_file_that_hangs_stops_no_other_export_nor_the_end)
{
    struct hang h;
    struct client slow;
    struct fh fh;
    char line[256];

    posted_prepare(&h);
    struct fh srv = hang_mnt(&h, "/srv");
    snprintf(line, sizeof(line), "\"$loopnfs\" post --fd 3 hung 3< %s/f0", h.dir);
    shell(line);
    expect_ok(ask_lookup(&h.m.client, &srv, "hung", &fh, NULL, NULL));
    client_connect(&slow, h.m.server.port, 0);
    h.fuse->hung = true;
    for (int i = 0; i < CALLS; i++)
        hang_send_getattr(&slow, &fh);
    hung_fuse_holds(h.fuse, 1);
    expect_others(&h);
    /* The tool asks the same server. */
    shell("\"$loopnfs\" status > /dev/null");
    hang_expect_end(&h);
    client_disconnect(&slow);
    hang_end(&h);
}

TEST(many_posted_pipes_that_nobody_reads_hold_up_no_other_export)
{
    static uint8_t data[BYTES];
    struct hang h;
    struct client slow;
    struct fh fh[FIFOS];
    struct pollfd ready = {.events = POLLIN};
    char name[32], line[512];

    posted_prepare(&h);
    struct fh srv = hang_mnt(&h, "/srv");
    snprintf(line, sizeof(line),
             "cd '%s' && for i in $(seq 0 %d); do mkfifo p$i && \"$loopnfs\" post --fd 3 p$i "
             "3<> p$i || exit 1; done",
             h.m.server.home, FIFOS - 1);
    shell(line);
    for (int i = 0; i < FIFOS; i++) {
        snprintf(name, sizeof(name), "p%d", i);
        expect_ok(ask_lookup(&h.m.client, &srv, name, &fh[i], NULL, NULL));
    }
    client_connect(&slow, h.m.server.port, 0);
    slow.timeout_ms = 60000;
    for (int i = 0; i < FIFOS; i++) {
        struct bytes *b = client_begin(&slow, PROGRAM_NFS, 3, 7);
        put_fh(b, &fh[i]);
        put_u64(b, 0);
        put_u32(b, BYTES);
        put_u32(b, S_UNSTABLE);
        put_opaque(b, data, BYTES);
        client_send(&slow);
    }
    expect_others(&h);
    /* Most of the WRITEs still wait for somebody to read. */
    ready.fd = slow.fd;
    test_note("%s", poll(&ready, 1, 0) > 0 ? "some were answered" : "none was answered yet");
    for (int i = 0; i < FIFOS; i++) {
        uint32_t status = hang_status(&slow);
        assert_true(status == NFS_OK || status == NFS_JUKEBOX);
    }
    client_disconnect(&slow);
    hang_end(&h);
}
