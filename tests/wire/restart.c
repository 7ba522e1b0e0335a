/*
 * restart.c - what survives the server: handles, data, verifiers; and how it ends.
 */
#include "tests/wire/wire.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* All kinds of handles, before and after the server was killed. */
static void handles_survive(bool table)
{
    struct mounted m;
    struct attr attr;
    char target[100];

    server_prepare(&m.server, NULL);
    m.server.table_handles = table;
    mounted_begin_prepared(&m);
    host_mkdir(m.dir, "a", 0755);
    host_mkdir(m.dir, "a/b", 0755);
    host_write(m.dir, "a/b/file", "text");
    host_symlink("target", m.dir, "a/link");
    assert_int_equal(mknod(host_path(m.dir, "fifo").text, S_IFIFO | 0600, 0), 0);
    struct fh file = mounted_walk(&m, "a/b/file"), dir = mounted_walk(&m, "a/b"),
              link = mounted_walk(&m, "a/link"), fifo = mounted_walk(&m, "fifo");
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            server_kill(&m.server);
        server_restart(&m.server);
        mounted_reconnect(&m);
        expect_content(&m.client, &file, "text");
        expect_ok(ask_getattr(&m.client, &m.root, &attr));
        expect_attr_but_atime(&attr, m.dir, NULL);
        expect_ok(ask_getattr(&m.client, &dir, &attr));
        expect_attr_but_atime(&attr, m.dir, "a/b");
        expect_ok(ask_getattr(&m.client, &fifo, &attr));
        assert_int_equal(attr.type, T_FIFO);
        expect_ok(ask_readlink(&m.client, &link, target, sizeof(target), NULL));
        struct fh again = mounted_walk(&m, "a/b/file");
        assert_true(same_fh(&again, &file));
    }
    mounted_end(&m);
}

TEST(handles_survive_a_restart)
{
    handles_survive(false);
}

TEST(handles_of_the_table_survive_a_restart)
{
    handles_survive(true);
}

static void renames_while_down(bool table)
{
    struct mounted m;

    server_prepare(&m.server, NULL);
    m.server.table_handles = table;
    mounted_begin_prepared(&m);
    host_mkdir(m.dir, "a", 0755);
    host_write(m.dir, "a/file", "text");
    host_write(m.dir, "a/other", "moves within");
    struct fh file = mounted_walk(&m, "a/file"), dir = mounted_walk(&m, "a"),
              other = mounted_walk(&m, "a/other");
    server_stop(&m.server);
    host_rename(m.dir, "a/other", m.dir, "a/renamed");
    host_rename(m.dir, "a", m.dir, "b");
    server_restart(&m.server);
    mounted_reconnect(&m);
    expect_ok(ask_getattr(&m.client, &dir, NULL));
    expect_content(&m.client, &file, "text");
    expect_content(&m.client, &other, "moves within");
    mounted_end(&m);
}

TEST(handles_survive_host_renames_while_the_server_is_down)
{
    renames_while_down(false);
}

TEST(handles_of_the_table_survive_host_renames_while_the_server_is_down)
{
    renames_while_down(true);
}

TEST(stable_writes_survive_a_kill)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "written with FILE_SYNC");
    server_kill(&m.server);
    host_expect(m.dir, "file", "written with FILE_SYNC");
    server_restart(&m.server);
    mounted_reconnect(&m);
    expect_content(&m.client, &fh, "written with FILE_SYNC");
    mounted_end(&m);
}

static uint64_t verifier_of(struct mounted *m, const struct fh *fh)
{
    struct nfs3_write done;
    uint64_t verifier;

    expect_ok(ask_write(&m->client, fh, 0, "x", 1, S_UNSTABLE, &done));
    expect_ok(ask_commit(&m->client, fh, 0, 0, &verifier, NULL));
    assert_int_equal(done.verifier, verifier);
    return verifier;
}

TEST(two_restarts_in_one_second_change_the_verifier)
{
    struct mounted m;
    uint64_t verifiers[6];

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (int i = 0; i < 6; i++) {
        verifiers[i] = verifier_of(&m, &fh);
        assert_int_equal(verifier_of(&m, &fh), verifiers[i]);
        /* All 8 bytes are of use: neither half is the same in two of them. */
        for (int j = 0; j < i; j++) {
            assert_int_not_equal((uint32_t)verifiers[i], (uint32_t)verifiers[j]);
            assert_int_not_equal(verifiers[i] >> 32, verifiers[j] >> 32);
        }
        server_restart(&m.server);
        mounted_reconnect(&m);
    }
    mounted_end(&m);
}

TEST(sigterm_and_sigint_exit_0)
{
    static const int signals[] = {SIGTERM, SIGINT};

    for (int i = 0; i < 2; i++) {
        struct mounted m;
        mounted_begin(&m);
        make_file(&m, "file", "text");
        kill(m.server.pid, signals[i]);
        assert_int_equal(server_wait(&m.server), 0);
        mounted_end(&m);
    }
}

TEST(sigterm_answers_what_has_begun)
{
    struct mounted m;
    static uint8_t data[1 << 20];
    int answered = 0;
    struct reply reply;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (int i = 0; i < 8; i++) {
        struct bytes *b = nfs3_begin(&m.client, 7);
        put_fh(b, &fh);
        put_u64(b, (uint64_t)i << 20);
        put_u32(b, sizeof(data));
        put_u32(b, S_FILE_SYNC);
        put_opaque(b, data, sizeof(data));
        client_send(&m.client);
        /* The first has begun for certain when its answer is there. */
        if (i == 0) {
            assert_true(client_receive(&m.client, &reply));
            answered++;
        }
    }
    kill(m.server.pid, SIGTERM);
    while (client_receive(&m.client, &reply)) {
        assert_int_equal(get_u32(&reply.results), NFS_OK);
        answered++;
    }
    assert_int_equal(server_wait(&m.server), 0);
    /* What was done was answered: the file ends with the last answered write at the latest. */
    assert_true(host_stat(m.dir, "file").st_size <= (off_t)answered << 20);
    mounted_end(&m);
}

TEST(a_second_server_on_the_same_port_says_so_and_exits_1)
{
    struct mounted m;
    char listen[40], state_dir[100], output[4096];

    mounted_begin(&m);
    snprintf(listen, sizeof(listen), "--listen=127.0.0.1:%u", m.server.port);
    snprintf(state_dir, sizeof(state_dir), "--state-dir=%s", m.server.state_dir);
    const char *args[] = {listen, state_dir, "--portmap=off", m.dir, NULL};
    assert_int_equal(server_run_once(args, output, sizeof(output)), 1);
    assert_non_null(strchr(output, '\n'));
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(the_state_directory_is_closed_to_others)
{
    struct mounted m;

    mounted_begin(&m);
    assert_int_equal(host_stat(m.server.state_dir, NULL).st_mode & 0777, 0700);
    assert_int_equal(host_stat(m.server.state_dir, "handle.key").st_mode & 0777, 0600);
    mounted_end(&m);
}
