/*
 * pins.c - files with uncommitted writes while they are flushed and written at once: the list of
 * them (fs/hostfs/disk.c) stays one. The server runs with tests/fault.
 */
#include "tests/lib/fault.h"
#include "tests/wire/wire.h"
#include <signal.h>
#include <stdio.h>

enum { FILES = 4 };

static void write_unstable(struct client *client, const struct fh *fh)
{
    expect_ok(ask_write(client, fh, 0, "data", 4, S_UNSTABLE, NULL));
}

/* A COMMIT of a file, in which the server waits until the file was written once more. */
static void commit_beside_a_write(struct mounted *m, struct client *other, const struct fh *fh)
{
    struct reply reply;
    unsigned flushes = fault_calls(&m->server, "fsync");
    struct bytes *b = nfs3_begin(&m->client, 21);

    put_fh(b, fh);
    put_u64(b, 0);
    put_u32(b, 0);
    client_send(&m->client);
    while (fault_calls(&m->server, "fsync") == flushes)
        host_sleep_ms(10);
    write_unstable(other, fh);
    assert_true(client_receive(&m->client, &reply));
    expect_ok(get_u32(&reply.results));
}

TEST(files_are_committed_while_they_are_written)
{
    static char spec[200];
    struct mounted m;
    struct client other;
    struct fh fh[FILES];

    server_prepare(&m.server, "/var/tmp");
    m.server.no_plain_export = true;
    snprintf(spec, sizeof(spec), "--export=%s,rw,no_root_squash,insecure", m.server.export_dir);
    server_add_arg(&m.server, spec);
    fault_prepare(&m.server);
    mounted_begin_prepared(&m);
    fault_over();
    client_connect(&other, m.server.port, 0);
    for (int i = 0; i < FILES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "file%d", i);
        fh[i] = make_file(&m, name, "");
        write_unstable(&m.client, &fh[i]);
    }
    for (int i = 0; i < FILES; i++) {
        char rules[40];
        snprintf(rules, sizeof(rules), "fsync:delay=%d:1", 300 + i); /* other rules count anew */
        fault_set(&m.server, rules);
        commit_beside_a_write(&m, &other, &fh[i]);
    }
    fault_set(&m.server, "");
    /* This goes through all of the list. */
    kill(m.server.pid, SIGHUP);
    assert_true(server_log_waits_for(&m.server, "reloaded", 60000));
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < FILES; i++) {
            expect_ok(ask_commit(&other, &fh[i], 0, 0, NULL, NULL));
            write_unstable(&other, &fh[(i + 1) % FILES]);
        }
    client_disconnect(&other);
    mounted_end(&m);
}
