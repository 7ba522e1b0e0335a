/*
 * stable.c - stable storage: what is flushed when, that its errors are told, and that a slow disk
 * stops nobody. The server runs with slow_disk.c preloaded.
 */
#include "tests/lib/bystanders.h"
#include "tests/wire/written.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

/* The library as HOME/slow_disk.so: the server's user need not reach the folder it was built in. */
static void copy_library(int from, const char *home)
{
    int to = open(host_path(home, "slow_disk.so").text, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

    assert_true(from >= 0 && to >= 0);
    while (sendfile(to, from, NULL, 1 << 20) > 0)
        continue;
    close(to);
    close(from);
}

/* HOME/disk is where slow_disk.c looks. */
static void begin_on_slow_disk(struct mounted *m, const char *export_options)
{
    const char *library = getenv("LOOPNFS_SLOW_DISK");
    static char spec[300];

    if (!library)
        fail_msg("LOOPNFS_SLOW_DISK is not set: it names the library of slow_disk.c");
    int file = open(library, O_RDONLY | O_CLOEXEC);
    /* /tmp may be a tmpfs, which has nothing to flush. */
    server_prepare(&m->server, "/var/tmp");
    copy_library(file, m->server.home);
    host_mkdir(m->server.home, "disk", 0777);
    host_write(m->server.home, "disk/synced", "");
    host_chmod(m->server.home, "disk/synced", 0666);
    m->server.no_plain_export = true;
    snprintf(spec, sizeof(spec), "--export=%s,rw,no_root_squash,insecure%s", m->server.export_dir,
             export_options);
    server_add_arg(&m->server, spec);
    setenv("LOOPNFS_DISK", host_path(m->server.home, "disk").text, 1);
    setenv("LD_PRELOAD", host_path(m->server.home, "slow_disk.so").text, 1);
    setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
    mounted_begin_prepared(m);
    unsetenv("LD_PRELOAD");
}

static off_t synced(const struct mounted *m)
{
    return host_stat(m->server.home, "disk/synced").st_size;
}

TEST(file_sync_and_commit_are_not_answered_without_fsync)
{
    struct mounted m;
    struct nfs3_write done;

    begin_on_slow_disk(&m, "");
    struct fh fh = make_file(&m, "file", "");
    off_t before = synced(&m);
    for (int i = 0; i < 10; i++)
        expect_ok(ask_write(&m.client, &fh, i, "x", 1, S_UNSTABLE, &done));
    if (done.committed == S_UNSTABLE)
        assert_int_equal(synced(&m), before);
    expect_ok(ask_commit(&m.client, &fh, 0, 0, NULL, NULL));
    assert_true(synced(&m) > before);
    for (uint32_t stable = S_DATA_SYNC; stable <= S_FILE_SYNC; stable++) {
        before = synced(&m);
        expect_ok(ask_write(&m.client, &fh, 0, "y", 1, stable, &done));
        assert_true(synced(&m) > before);
        assert_true(done.committed >= stable);
    }
    mounted_end(&m);
}

TEST(names_are_on_stable_storage_when_answered)
{
    struct mounted m;
    struct client *c = &m.client;

    begin_on_slow_disk(&m, "");
    struct fh *root = &m.root;
    off_t before = synced(&m);
    expect_ok(ask_create(c, root, "file", H_GUARDED, NULL, NULL, NULL));
    assert_true(synced(&m) > before);
    before = synced(&m);
    expect_ok(ask_mkdir(c, root, "dir", NULL, NULL));
    assert_true(synced(&m) > before);
    before = synced(&m);
    expect_ok(ask_rename(c, root, "file", root, "renamed", NULL, NULL));
    assert_true(synced(&m) > before);
    before = synced(&m);
    expect_ok(ask_remove(c, root, "renamed", NULL));
    assert_true(synced(&m) > before);
    mounted_end(&m);
}

TEST(an_async_export_flushes_nothing)
{
    struct mounted m;
    struct client *c = &m.client;

    begin_on_slow_disk(&m, ",async");
    off_t before = synced(&m);
    struct fh fh = make_file(&m, "file", "text");
    expect_ok(ask_mkdir(c, &m.root, "dir", NULL, NULL));
    expect_ok(ask_write(c, &fh, 0, "x", 1, S_FILE_SYNC, NULL));
    assert_int_equal(synced(&m), before);
    mounted_end(&m);
}

TEST(an_fsync_error_reaches_the_client_and_changes_the_verifier)
{
    struct mounted m;
    struct nfs3_write first, second;

    begin_on_slow_disk(&m, "");
    struct fh fh = make_file(&m, "file", "");
    expect_ok(ask_write(&m.client, &fh, 0, "x", 1, S_UNSTABLE, &first));
    host_write(m.server.home, "disk/broken", "");
    expect_status(ask_commit(&m.client, &fh, 0, 0, NULL, NULL), NFS_IO);
    expect_status(ask_write(&m.client, &fh, 0, "x", 1, S_FILE_SYNC, NULL), NFS_IO);
    host_unlink(m.server.home, "disk/broken");
    expect_ok(ask_write(&m.client, &fh, 0, "x", 1, S_UNSTABLE, &second));
    assert_true(first.verifier != second.verifier);
    expect_ok(ask_commit(&m.client, &fh, 0, 0, NULL, NULL));
    mounted_end(&m);
}

TEST(one_slow_fsync_stops_nobody)
{
    struct mounted m;
    struct client other;
    struct reply reply;

    begin_on_slow_disk(&m, "");
    struct fh fh = make_file(&m, "file", "text");
    client_connect(&other, m.server.port, 0);
    host_write(m.server.home, "disk/slow", "");
    /* More of them than there are loops, and then a quick call on the same connection. */
    for (int i = 0; i < 12; i++) {
        struct bytes *b = nfs3_begin(&m.client, 21);
        put_fh(b, &fh);
        put_u64(b, 0);
        put_u32(b, 0);
        client_send(&m.client);
    }
    put_fh(nfs3_begin(&m.client, 1), &m.root);
    client_send(&m.client);
    for (int i = 0; i < 100; i++)
        expect_content(&other, &fh, "text");
    assert_true(client_receive(&m.client, &reply));
    /* The quick one was sent last, and is answered first. */
    assert_int_equal(reply.xid, m.client.xid);
    for (int i = 0; i < 12; i++)
        assert_true(client_receive(&m.client, &reply));
    client_disconnect(&other);
    mounted_end(&m);
}

TEST(large_writes_on_a_slow_disk_are_the_files_bytes)
{
    static struct model model;
    const uint32_t calls = 12, size = 200000;
    struct mounted m;
    struct client other;
    struct bytes stream = {0};

    begin_on_slow_disk(&m, "");
    struct fh fh = make_file(&m, "file", "");
    client_connect(&other, m.server.port, 0);
    for (uint32_t round = 0; round < 8; round++) {
        const uint32_t first = m.client.xid;
        uint64_t answered = 0;
        uint32_t which;
        host_write(m.server.home, "disk/slow", round % 2 ? "5" : "30");
        /* Who waits for the disk has data in its thread's pipe, or had; so have those meanwhile. */
        for (uint32_t i = 0; i < calls; i++)
            put_write(&m.client, &stream, &fh, &model, (uint64_t)(i + 1) * size + round, size,
                      i % 3 == 1 ? S_FILE_SYNC : S_UNSTABLE);
        assert_true(client_send_raw(&m.client, stream.data, stream.len));
        stream.len = 0;
        for (uint32_t i = 0; i < 4; i++)
            write_model(&other, &fh, &model, 0, size, i % 2 ? S_DATA_SYNC : S_UNSTABLE, NULL);
        for (uint32_t i = 0; i < calls; i++) {
            struct reply reply = take_reply(&m.client, first, calls, &answered, &which);
            expect_ok(take_written(&reply.results, NULL));
        }
        expect_model(&model, m.dir, "file");
    }
    bytes_free(&stream);
    client_disconnect(&other);
    mounted_end(&m);
}

TEST(a_large_write_whose_sync_fails_is_an_error_and_harms_no_other)
{
    static struct model model;
    struct mounted m;
    struct nfs3_write done;

    begin_on_slow_disk(&m, "");
    struct fh fh = make_file(&m, "file", "");
    for (int i = 0; i < 3; i++) {
        warm(&m, &m.client, &fh, &model);
        write_model(&m.client, &fh, &model, 1, LARGE, S_UNSTABLE, &done);
        const uint64_t verifier = done.verifier;
        const uint8_t *data = some_data();
        host_write(m.server.home, "disk/broken", "");
        expect_status(ask_write(&m.client, &fh, 2, data, LARGE, S_FILE_SYNC, &done), NFS_IO);
        model_put(&model, 2, data, LARGE);
        host_unlink(m.server.home, "disk/broken");
        write_model(&m.client, &fh, &model, MIB, LARGE, S_FILE_SYNC, &done);
        assert_true(done.verifier != verifier);
        expect_model(&model, m.dir, "file");
    }
    mounted_end(&m);
}

static void hold_disk(void *arg)
{
    const struct mounted *m = arg;

    host_write(m->server.home, "disk/held", "");
}

static void release_disk(void *arg)
{
    const struct mounted *m = arg;

    host_unlink(m->server.home, "disk/held");
}

TEST(slow_commits_of_the_hosts_files_keep_nobody_waiting)
{
    struct mounted m;
    struct client other;

    begin_on_slow_disk(&m, "");
    struct fh fh = make_file(&m, "file", "text");
    client_connect(&other, m.server.port, 0);
    struct bytes *call = nfs3_begin(&m.client, 21);
    put_fh(call, &fh);
    put_u64(call, 0);
    put_u32(call, 0);
    bystanders_wait_for_nobody(&(struct bystanders){.slow = &m.client,
                                                    .other = &other,
                                                    .fh = &m.root,
                                                    .count = 4,
                                                    .hold = hold_disk,
                                                    .release = release_disk,
                                                    .arg = &m});
    client_disconnect(&other);
    mounted_end(&m);
}

TEST(a_retransmission_of_a_call_still_running_is_dropped)
{
    struct mounted m;

    begin_on_slow_disk(&m, "");
    host_write(m.server.home, "disk/slow", "");
    struct bytes *b = nfs3_begin(&m.client, 9);
    put_fh(b, &m.root);
    put_string(b, "dir");
    put_sattr(b, NULL);
    client_send(&m.client);
    host_sleep_ms(100);
    /* By the same connection, and by the next one. */
    client_send(&m.client);
    host_sleep_ms(100);
    client_reconnect(&m.client, m.server.port);
    client_send(&m.client);
    client_expect_silence(&m.client, 700);
    host_unlink(m.server.home, "disk/slow");
    /* Once it is done it is answered. */
    struct reply reply;
    m.client.timeout_ms = 300;
    for (int tries = 0; tries < 100; tries++) {
        client_send(&m.client);
        if (client_receive(&m.client, &reply))
            break;
    }
    assert_int_equal(reply.xid, m.client.xid);
    expect_ok(get_u32(&reply.results));
    mounted_end(&m);
}

/* Clones of one machine, or guests behind one address: their xids are equal. */
TEST(a_call_that_another_client_runs_too_is_not_held_up_by_it)
{
    struct client clones[3];
    struct mounted m;
    struct reply reply;
    unsigned made = 0;

    begin_on_slow_disk(&m, "");
    host_write(m.server.home, "disk/slow", "");
    for (int i = 0; i < 3; i++) {
        client_connect(&clones[i], m.server.port, 0);
        clones[i].xid = 500;
        struct bytes *b = nfs3_begin(&clones[i], 8);
        put_fh(b, &m.root);
        put_string(b, "file");
        put_u32(b, H_GUARDED);
        put_sattr(b, NULL);
        client_send(&clones[i]);
    }
    for (int i = 0; i < 3; i++) {
        assert_true(client_receive(&clones[i], &reply));
        uint32_t status = get_u32(&reply.results);
        made += status == NFS_OK;
        assert_true(status == NFS_OK || status == NFS_EXIST);
        client_disconnect(&clones[i]);
    }
    assert_int_equal(made, 1);
    mounted_end(&m);
}
