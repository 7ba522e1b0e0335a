/*
 * descriptors.c - connections and files share the descriptors, and neither takes the other's.
 */
#include "tests/hang/fixture.h"
#include <stdio.h>
#include <string.h>

#define LIMIT  256
#define IDLE   400
#define FILES  400
#define WRITES 4096

/* Makes files, of which each keeps descriptors in the cache. */
static void make_files(struct mounted *m, unsigned from, unsigned count)
{
    static const char data[WRITES];
    struct nfs3_write written;
    struct made made;
    char name[32];

    for (unsigned i = from; i < from + count; i++) {
        snprintf(name, sizeof(name), "file%u", i);
        expect_ok(ask_create(&m->client, &m->root, name, H_UNCHECKED, NULL, NULL, &made));
        expect_ok(ask_write(&m->client, &made.fh, 0, data, WRITES, S_UNSTABLE, &written));
    }
}

static void idle_connections_and_files(bool files_first)
{
    static struct client idle[IDLE];
    struct mounted m;

    server_prepare(&m.server, NULL);
    m.server.nofile = LIMIT;
    mounted_begin_prepared(&m);
    if (files_first)
        make_files(&m, 0, FILES);
    for (unsigned i = 0; i < IDLE; i++) {
        client_connect(&idle[i], m.server.port, CLIENT_UNPRIVILEGED);
        ask_null(&idle[i]);
        /* It is in use, so it is not one of those that are ended. */
        expect_ok(ask_getattr(&m.client, &m.root, &(struct attr){0}));
    }
    make_files(&m, FILES, FILES);
    /* The last ones are still there, more than a few. */
    for (unsigned i = IDLE - 32; i < IDLE; i++)
        ask_null(&idle[i]);
    assert_false(server_log_has(&m.server, "out of file descriptors"));
    for (unsigned i = 0; i < IDLE; i++)
        client_disconnect(&idle[i]);
    mounted_end(&m);
}

TEST(idle_connections_leave_descriptors_to_files)
{
    idle_connections_and_files(false);
}

TEST(open_files_leave_descriptors_to_connections)
{
    idle_connections_and_files(true);
}

TEST(files_of_a_file_system_that_hangs_are_closed_without_holding_up_others)
{
    enum { OPEN = 60 };
    struct hang h;
    struct nfs3_read data;
    char name[16];

    hang_prepare(&h);
    h.m.server.nofile = LIMIT;
    hang_begin(&h);
    for (unsigned i = 0; i < OPEN; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        expect_ok(ask_lookup(&h.m.client, &h.root, name, &h.files[i], NULL, NULL));
        expect_ok(ask_read(&h.m.client, &h.files[i], 0, 100, &data));
    }
    h.fuse->hung = true;
    /* These need all descriptors of the cache; to close one of the others asks the file system. */
    make_files(&h.m, 0, FILES);
    hung_fuse_holds(h.fuse, 1);
    make_files(&h.m, 0, FILES);
    hang_end(&h);
}
