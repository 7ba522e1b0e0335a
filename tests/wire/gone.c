/*
 * gone.c - exported directories, and the state directory, that go, come, or are replaced while the
 * server runs, or are not there when it starts.
 */
#include "tests/wire/wire.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* An export with a second one beside it, HOME/second, which is not made. */
static void prepare_two(struct mounted *m)
{
    static char arg[160];

    server_prepare(&m->server, NULL);
    snprintf(arg, sizeof(arg), "--export=%s/second,rw,no_root_squash,insecure", m->server.home);
    server_add_arg(&m->server, arg);
}

static struct host_path second(struct mounted *m)
{
    return host_path(m->server.home, "second");
}

/* Asks until the status is the one that is waited for: what the server looks at every 2 s. */
static void expect_in_time(struct mounted *m, const struct fh *fh, uint32_t status)
{
    for (int i = 0; i < 600; i++) {
        if (ask_getattr(&m->client, fh, NULL) == status)
            return;
        host_sleep_ms(100);
    }
    expect_status(ask_getattr(&m->client, fh, NULL), status);
}

TEST(an_export_that_is_not_there_keeps_no_other_from_being_served_and_is_when_it_comes)
{
    struct mounted m = {0};
    struct mount_answer answer;
    struct fh fh;

    prepare_two(&m);
    mounted_begin_prepared(&m);
    assert_true(server_log_has(&m.server, "served as soon as it is"));
    make_file(&m, "file", "text");
    assert_int_equal(ask_mnt(&m.client, 3, second(&m).text, NULL), MNT_NOENT);
    host_mkdir(m.server.home, "second", 0755);
    host_write(m.server.home, "second/new", "it came");
    assert_int_equal(ask_mnt(&m.client, 3, second(&m).text, &answer), MNT_OK);
    expect_ok(ask_lookup(&m.client, &answer.fh, "new", &fh, NULL, NULL));
    expect_content(&m.client, &fh, "it came");
    mounted_end(&m);
}

TEST(handles_of_an_export_that_comes_late_wait_for_it)
{
    struct mounted m = {0};
    struct mount_answer answer;
    struct fh fh;

    prepare_two(&m);
    host_mkdir(m.server.home, "second", 0755);
    host_write(m.server.home, "second/file", "text");
    mounted_begin_prepared(&m);
    assert_int_equal(ask_mnt(&m.client, 3, second(&m).text, &answer), MNT_OK);
    expect_ok(ask_lookup(&m.client, &answer.fh, "file", &fh, NULL, NULL));
    server_stop(&m.server);
    host_rename(m.server.home, "second", m.server.home, "elsewhere");
    server_restart(&m.server);
    mounted_reconnect(&m);
    expect_status(ask_getattr(&m.client, &fh, NULL), NFS_JUKEBOX);
    host_rename(m.server.home, "elsewhere", m.server.home, "second");
    /* Nobody mounts: the server finds it. */
    expect_in_time(&m, &fh, 0);
    expect_content(&m.client, &fh, "text");
    mounted_end(&m);
}

TEST(a_server_with_nothing_to_serve_on_its_command_line_does_not_start)
{
    struct server server = {0};

    server_prepare(&server, NULL);
    server_add_arg(&server, "--export=/no/such/directory");
    server.no_plain_export = true;
    assert_int_equal(server_start_failing(&server), 1);
    assert_true(server_log_has(&server, "/no/such/directory: No such file or directory; export"));
    server_finish(&server);
}

TEST(an_exported_directory_that_is_replaced_is_served_by_the_next_mount)
{
    struct mounted m = {0};
    struct mount_answer answer;
    struct fh fh;

    mounted_begin(&m);
    struct fh old = make_file(&m, "old", "old text");
    for (int round = 0; round < 3; round++) {
        /* The inode's number may well be used again. */
        host_remove_tree(m.dir);
        host_mkdir(m.server.home, strrchr(m.dir, '/') + 1, 0755);
        host_write(m.dir, "new", "new text");
        assert_int_equal(ask_mnt(&m.client, 3, m.dir, &answer), MNT_OK);
        expect_ok(ask_lookup(&m.client, &answer.fh, "new", &fh, NULL, NULL));
        expect_content(&m.client, &fh, "new text");
        expect_status(ask_getattr(&m.client, &old, NULL), NFS_STALE);
        old = fh;
    }
    mounted_end(&m);
}

TEST(an_exported_directory_that_is_replaced_is_noticed_without_a_mount)
{
    struct mounted m = {0};

    mounted_begin(&m);
    host_rename(m.server.home, strrchr(m.dir, '/') + 1, m.server.home, "aside");
    host_mkdir(m.server.home, strrchr(m.dir, '/') + 1, 0755);
    assert_true(server_log_waits_for(&m.server, "another directory is at", 60000));
    expect_in_time(&m, &m.root, NFS_STALE);
    mounted_end(&m);
}

TEST(an_exported_directory_that_is_removed_is_no_longer_mounted_until_it_is_there)
{
    struct mounted m = {0};
    struct mount_answer answer;

    mounted_begin(&m);
    host_remove_tree(m.dir);
    assert_int_equal(ask_mnt(&m.client, 3, m.dir, NULL), MNT_NOENT);
    host_mkdir(m.server.home, strrchr(m.dir, '/') + 1, 0755);
    assert_int_equal(ask_mnt(&m.client, 3, m.dir, &answer), MNT_OK);
    expect_ok(ask_create(&m.client, &answer.fh, "file", H_UNCHECKED, NULL, NULL, NULL));
    assert_true(host_exists(m.dir, "file"));
    mounted_end(&m);
}

TEST(what_is_mounted_over_an_exported_directory_is_served)
{
    struct mounted m = {0};
    struct mount_answer answer;
    struct fh fh;

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    mounted_begin(&m);
    host_write(m.dir, "below", "covered");
    host_mount_tmpfs(m.dir, "");
    host_write(m.dir, "file", "in the mount");
    assert_int_equal(ask_mnt(&m.client, 3, m.dir, &answer), MNT_OK);
    expect_ok(ask_lookup(&m.client, &answer.fh, "file", &fh, NULL, NULL));
    expect_content(&m.client, &fh, "in the mount");
    expect_status(ask_lookup(&m.client, &answer.fh, "below", &fh, NULL, NULL), NFS_NOENT);
    mounted_end(&m);
}

/* All at once, and while the server looks by itself: nobody is told of one that is gone. */
TEST(of_many_who_mount_at_once_each_gets_the_directory_that_is_there_now)
{
    struct mounted m = {0};
    struct client clients[16];
    struct reply reply;
    struct fh fh, file;
    char old[16];

    mounted_begin(&m);
    for (int i = 0; i < 16; i++)
        client_connect(&clients[i], m.server.port, 0);
    for (int round = 0; round < 20; round++) {
        host_mkdir(m.server.home, "fresh", 0777);
        host_write(m.server.home, "fresh/file", "text");
        snprintf(old, sizeof(old), "old%d", round);
        host_rename(m.server.home, "export", m.server.home, old);
        host_rename(m.server.home, "fresh", m.server.home, "export");
        for (int i = 0; i < 16; i++) {
            put_string(client_begin(&clients[i], PROGRAM_MOUNT, 3, 1), m.dir);
            client_send(&clients[i]);
        }
        for (int i = 0; i < 16; i++) {
            assert_true(client_receive(&clients[i], &reply));
            assert_int_equal(get_u32(&reply.results), MNT_OK);
            get_fh(&reply.results, &fh);
            expect_ok(ask_lookup(&clients[i], &fh, "file", &file, NULL, NULL));
        }
    }
    for (int i = 0; i < 16; i++)
        client_disconnect(&clients[i]);
    mounted_end(&m);
}

TEST(a_reload_with_a_directory_that_is_gone_serves_the_others)
{
    struct mounted m = {0};

    prepare_two(&m);
    host_mkdir(m.server.home, "second", 0755);
    mounted_begin_prepared(&m);
    struct fh fh = make_file(&m, "file", "text");
    assert_int_equal(rmdir(second(&m).text), 0);
    kill(m.server.pid, SIGHUP);
    assert_true(server_log_waits_for(&m.server, "reloaded", 60000));
    expect_content(&m.client, &fh, "text");
    assert_int_equal(ask_mnt(&m.client, 3, second(&m).text, NULL), MNT_NOENT);
    mounted_end(&m);
}

TEST(a_state_directory_that_is_removed_while_in_use_is_made_again_with_its_key)
{
    struct mounted m = {0};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "text");
    host_remove_tree(m.server.state_dir);
    assert_true(server_log_waits_for(&m.server, "was removed or replaced", 60000));
    assert_true(server_log_waits_for(&m.server, "made again", 60000));
    for (int i = 0; i < 600 && !host_exists(m.server.state_dir, "handle.key"); i++)
        host_sleep_ms(100);
    expect_content(&m.client, &fh, "text");
    server_stop(&m.server);
    server_restart(&m.server);
    mounted_reconnect(&m);
    expect_content(&m.client, &fh, "text");
    mounted_end(&m);
}

TEST(a_state_directory_inside_an_export_is_told)
{
    struct mounted m = {0};
    static char arg[160];

    server_prepare(&m.server, NULL);
    snprintf(arg, sizeof(arg), "--export=%s,fsid=9", m.server.home);
    server_add_arg(&m.server, arg);
    mounted_begin_prepared(&m);
    assert_true(server_log_has(&m.server, "lies in the export"));
    mounted_end(&m);
    server_prepare(&m.server, NULL);
    mounted_begin_prepared(&m);
    assert_false(server_log_has(&m.server, "lies in the export"));
    mounted_end(&m);
}
