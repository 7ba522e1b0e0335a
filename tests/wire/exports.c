/*
 * exports.c - exports from a file: options, boundaries, reload; and the MOUNT program.
 */
#include "tests/wire/wire.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A server whose exports are in HOME/exports; `text` may have one %s for the export's path. */
static void write_exports(struct server *server, const char *options)
{
    char line[400];

    snprintf(line, sizeof(line), "%s %s\n", server->export_dir, options);
    host_write(server->home, "exports", line);
}

static void prepare_with_file(struct server *server, const char *options)
{
    static char arg[120];

    server_prepare(server, NULL);
    write_exports(server, options);
    server->no_plain_export = true;
    snprintf(arg, sizeof(arg), "--exports=%s/exports", server->home);
    server_add_arg(server, arg);
}

static void begin_with(struct mounted *m, const char *options)
{
    prepare_with_file(&m->server, options);
    mounted_begin_prepared(m);
}

static void more_exports(struct server *server, const char *name, const char *options)
{
    char line[400];

    snprintf(line, sizeof(line), "%s/%s %s\n", server->home, name, options);
    host_append(server->home, "exports", line);
}

TEST(a_read_only_export_is_rofs_for_every_change)
{
    struct mounted m;
    struct client *c = &m.client;
    struct sattr set = {.set_mode = true, .mode = 0600};
    uint32_t granted;

    begin_with(&m, "127.0.0.1(ro,no_root_squash,insecure)");
    host_write(m.dir, "file", "text");
    struct fh file = mounted_lookup(&m, "file"), *root = &m.root;
    expect_content(c, &file, "text");
    expect_status(ask_setattr(c, &file, &set, NULL, NULL), NFS_ROFS);
    expect_status(ask_write(c, &file, 0, "x", 1, S_UNSTABLE, NULL), NFS_ROFS);
    expect_status(ask_create(c, root, "x", H_UNCHECKED, NULL, NULL, NULL), NFS_ROFS);
    expect_status(ask_mkdir(c, root, "x", NULL, NULL), NFS_ROFS);
    expect_status(ask_symlink(c, root, "x", "t", NULL, NULL), NFS_ROFS);
    expect_status(ask_mknod(c, root, "x", T_FIFO, NULL, 0, 0, NULL), NFS_ROFS);
    expect_status(ask_remove(c, root, "file", NULL), NFS_ROFS);
    expect_status(ask_rmdir(c, root, "file", NULL), NFS_ROFS);
    expect_status(ask_rename(c, root, "file", root, "x", NULL, NULL), NFS_ROFS);
    expect_status(ask_link(c, &file, root, "x", NULL, NULL), NFS_ROFS);
    expect_ok(ask_access(c, &file, 0x3f, &granted, NULL));
    assert_int_equal(granted & (A_MODIFY | A_EXTEND | A_DELETE), 0);
    assert_int_equal(granted & A_READ, A_READ);
    host_expect(m.dir, "file", "text");
    mounted_end(&m);
}

TEST(the_default_of_an_export_is_read_only_and_squashes_root)
{
    struct mounted m;

    test_skip_in_variant("user", "an ordinary user has no other identities");
    begin_with(&m, "*(insecure)");
    host_write(m.dir, "file", "root's");
    host_chmod(m.dir, "file", 0600);
    struct fh file = mounted_lookup(&m, "file");
    expect_status(ask_read(&m.client, &file, 0, 10, NULL), NFS_ACCES);
    expect_status(ask_mkdir(&m.client, &m.root, "x", NULL, NULL), NFS_ROFS);
    mounted_end(&m);
}

TEST(root_squash_makes_root_anonymous_and_nobody_else)
{
    struct mounted m;
    struct made made;
    struct fh tmp;

    test_skip_in_variant("user", "an ordinary user has no other identities");
    begin_with(&m, "127.0.0.0/8(rw,insecure,anonuid=4321,anongid=5432)");
    host_mkdir(m.dir, "tmp", 01777);
    tmp = mounted_lookup(&m, "tmp");
    expect_ok(ask_create(&m.client, &tmp, "root's", H_GUARDED, NULL, NULL, &made));
    assert_int_equal(made.attr.uid, 4321);
    assert_int_equal(made.attr.gid, 5432);
    m.client.who = caller_uid(STRANGER, 2000);
    expect_ok(ask_create(&m.client, &tmp, "his", H_GUARDED, NULL, NULL, &made));
    assert_int_equal(made.attr.uid, STRANGER);
    assert_int_equal(made.attr.gid, 2000);
    mounted_end(&m);
}

TEST(all_squash_makes_everybody_anonymous)
{
    struct mounted m;
    struct made made;

    test_skip_in_variant("user", "an ordinary user has no other identities");
    begin_with(&m, "127.0.0.1(rw,insecure,all_squash,anonuid=4321,anongid=5432)");
    host_mkdir(m.dir, "tmp", 01777);
    struct fh tmp = mounted_lookup(&m, "tmp");
    m.client.who = caller_uid(STRANGER, 2000);
    expect_ok(ask_create(&m.client, &tmp, "file", H_GUARDED, NULL, NULL, &made));
    assert_int_equal(made.attr.uid, 4321);
    assert_int_equal(made.attr.gid, 5432);
    mounted_end(&m);
}

TEST(an_export_of_32_bit_ids_has_fileids_below_2_to_32)
{
    struct mounted m;
    struct attr attr;

    begin_with(&m, "127.0.0.1(rw,no_root_squash,insecure,32bit_ids)");
    struct fh fh = make_file(&m, "file", "");
    expect_ok(ask_getattr(&m.client, &fh, &attr));
    assert_true(attr.fileid <= UINT32_MAX);
    mounted_end(&m);
}

TEST(a_client_that_is_not_named_gets_nothing)
{
    struct server server;
    struct client client;

    prepare_with_file(&server, "192.0.2.1(rw,insecure)");
    server_start(&server);
    client_connect(&client, server.port, 0);
    client_begin(&client, PROGRAM_MOUNT, 3, 1);
    put_string(&client.call, server.export_dir);
    assert_int_equal(client_exchange(&client).kind, REPLY_DENIED);
    client_disconnect(&client);
    server_finish(&server);
}

/* Nor does one that is named by another export. */
TEST(a_client_of_another_export_is_refused)
{
    struct server server;
    struct client client;

    prepare_with_file(&server, "192.0.2.1(rw,insecure)");
    server_add_arg(&server, "--export=/memory,fs=memfs,insecure");
    server_start(&server);
    client_connect(&client, server.port, 0);
    assert_int_equal(ask_mnt(&client, 3, server.export_dir, NULL), MNT_ACCES);
    assert_int_equal(ask_mnt(&client, 3, "/memory", NULL), MNT_OK);
    client_disconnect(&client);
    server_finish(&server);
}

TEST(a_path_component_boundary_is_a_boundary)
{
    struct mounted m;

    prepare_with_file(&m.server, "127.0.0.1(rw,no_root_squash,insecure)");
    host_mkdir(m.server.home, "export2", 0755);
    host_write(m.server.home, "export2/file", "");
    mounted_begin_prepared(&m);
    struct host_path beside = host_path(m.server.home, "export2");
    uint32_t status = ask_mnt(&m.client, 3, beside.text, NULL);
    assert_true(status == MNT_NOENT || status == MNT_ACCES);
    status = ask_mnt(&m.client, 3, m.server.home, NULL);
    assert_true(status == MNT_NOENT || status == MNT_ACCES);
    mounted_end(&m);
}

TEST(mnt_offers_auth_sys_first_and_takes_any_spelling_of_the_path)
{
    struct mounted m;
    struct mount_answer answer;
    char path[200];

    mounted_begin(&m);
    assert_int_equal(ask_mnt(&m.client, 3, m.dir, &answer), MNT_OK);
    assert_int_equal(answer.flavors[0], 1);
    snprintf(path, sizeof(path), "/%s//", m.dir);
    assert_int_equal(ask_mnt(&m.client, 3, path, &answer), MNT_OK);
    assert_true(same_fh(&answer.fh, &m.root));
    mounted_end(&m);
}

TEST(mnt_of_paths_that_do_not_exist_or_are_no_directory)
{
    struct mounted m;
    char path[2000];

    mounted_begin(&m);
    host_write(m.dir, "file", "");
    host_symlink("/etc", m.dir, "link");
    struct client *c = &m.client;
    expect_status(ask_mnt(c, 3, host_path(m.dir, "missing").text, NULL), MNT_NOENT);
    expect_status(ask_mnt(c, 3, host_path(m.dir, "file").text, NULL), MNT_NOTDIR);
    expect_status(ask_mnt(c, 3, host_path(m.dir, "link").text, NULL), MNT_NOTDIR);
    assert_int_not_equal(ask_mnt(c, 3, host_path(m.dir, "..").text, NULL), MNT_OK);
    assert_int_not_equal(ask_mnt(c, 3, host_path(m.dir, "../state").text, NULL), MNT_OK);
    assert_int_not_equal(ask_mnt(c, 3, "", NULL), MNT_OK);
    assert_int_not_equal(ask_mnt(c, 3, "/", NULL), MNT_OK);
    assert_int_not_equal(ask_mnt(c, 3, "relative", NULL), MNT_OK);
    memset(path, '/', sizeof(path));
    path[1500] = 0;
    put_string(client_begin(c, PROGRAM_MOUNT, 3, 1), path);
    struct reply reply = client_exchange(c);
    assert_true(reply.status == ACCEPT_GARBAGE_ARGS || get_u32(&reply.results) != MNT_OK);
    ask_null(c);
    mounted_end(&m);
}

TEST(a_subdirectory_can_be_mounted)
{
    struct mounted m;
    struct mount_answer answer;
    struct fh up;

    mounted_begin(&m);
    host_mkdir(m.dir, "a", 0755);
    host_mkdir(m.dir, "a/b", 0755);
    assert_int_equal(ask_mnt(&m.client, 3, host_path(m.dir, "a/b").text, &answer), MNT_OK);
    struct fh b = mounted_walk(&m, "a/b");
    assert_true(same_fh(&answer.fh, &b));
    expect_ok(ask_lookup(&m.client, &answer.fh, "..", &up, NULL, NULL));
    mounted_end(&m);
}

TEST(a_mount_of_a_subdirectory_needs_search_permission_on_the_way)
{
    struct mounted m;

    test_skip_in_variant("user", "an ordinary user has no other identities");
    mounted_begin(&m);
    host_mkdir(m.dir, "closed", 0700);
    host_mkdir(m.dir, "closed/sub", 0777);
    m.client.who = caller_uid(STRANGER, STRANGER);
    expect_status(ask_mnt(&m.client, 3, host_path(m.dir, "closed/sub").text, NULL), MNT_ACCES);
    m.client.who = caller_root;
    expect_status(ask_mnt(&m.client, 3, host_path(m.dir, "closed/sub").text, NULL), MNT_OK);
    mounted_end(&m);
}

TEST(export_and_dump_list_umnt_and_umntall_answer)
{
    struct mounted m;
    struct export_entry exports[4];
    struct mount_entry mounts[4];

    mounted_begin(&m);
    for (uint32_t version = 1; version <= 3; version += 2) {
        assert_int_equal(ask_export(&m.client, version, exports, 4), 1);
        assert_string_equal(exports[0].dir, m.dir);
        assert_true(exports[0].ngroups >= 1);
        assert_int_equal(ask_mnt(&m.client, 3, m.dir, NULL), MNT_OK);
        assert_int_equal(ask_dump(&m.client, version, mounts, 4), 1);
        assert_string_equal(mounts[0].dir, m.dir);
        ask_umnt(&m.client, version, m.dir);
        assert_int_equal(ask_dump(&m.client, version, mounts, 4), 0);
        assert_int_equal(ask_mnt(&m.client, 3, m.dir, NULL), MNT_OK);
        ask_umntall(&m.client, version);
        assert_int_equal(ask_dump(&m.client, version, mounts, 4), 0);
        ask_umnt(&m.client, version, "/never/mounted");
    }
    mounted_end(&m);
}

TEST(sighup_reloads_the_exports)
{
    struct mounted m;

    prepare_with_file(&m.server, "127.0.0.1(rw,no_root_squash,insecure)");
    host_mkdir(m.server.home, "second", 0755);
    struct host_path second = host_path(m.server.home, "second");
    mounted_begin_prepared(&m);
    struct fh fh = make_file(&m, "file", "text");
    assert_int_not_equal(ask_mnt(&m.client, 3, second.text, NULL), MNT_OK);
    write_exports(&m.server, "127.0.0.1(ro,no_root_squash,insecure)");
    more_exports(&m.server, "second", "127.0.0.1(rw,no_root_squash,insecure)");
    kill(m.server.pid, SIGHUP);
    assert_true(server_log_waits_for(&m.server, "reloaded", 60000));
    assert_int_equal(ask_mnt(&m.client, 3, second.text, NULL), MNT_OK);
    expect_content(&m.client, &fh, "text");
    expect_status(ask_write(&m.client, &fh, 0, "x", 1, S_UNSTABLE, NULL), NFS_ROFS);
    expect_status(ask_commit(&m.client, &fh, 0, 0, NULL, NULL), NFS_ROFS);
    mounted_end(&m);
}

TEST(a_reload_with_a_mistake_changes_nothing_and_names_the_line)
{
    static const char *const mistakes[] = {"127.0.0.1(rw,no_such_option)", "127.0.0.1(rw",
                                           "@netgroup(rw)", "127.0.0.1(anonuid=x)"};
    struct mounted m;

    begin_with(&m, "127.0.0.1(rw,no_root_squash,insecure)");
    struct fh fh = make_file(&m, "file", "text");
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        char line[40];
        host_write(m.server.home, "exports", "");
        for (size_t k = 0; k < i; k++)
            host_append(m.server.home, "exports", "# a comment\n");
        more_exports(&m.server, "export", mistakes[i]);
        kill(m.server.pid, SIGHUP);
        snprintf(line, sizeof(line), "exports:%zu:", i + 1);
        if (!server_log_waits_for(&m.server, line, 60000))
            fail_msg("the log does not name the line of %s", mistakes[i]);
        expect_ok(ask_write(&m.client, &fh, 0, "t", 1, S_UNSTABLE, NULL));
        assert_int_equal(ask_mnt(&m.client, 3, m.dir, NULL), MNT_OK);
    }
    mounted_end(&m);
}

TEST(an_export_of_proc_is_left_out_and_the_log_says_why)
{
    struct mounted m;

    prepare_with_file(&m.server, "127.0.0.1(rw,no_root_squash,insecure)");
    host_append(m.server.home, "exports", "/proc 127.0.0.1(rw,no_root_squash,insecure)\n");
    mounted_begin_prepared(&m);
    assert_true(server_log_waits_for(&m.server, "only with the option 'pseudo'", 60000));
    assert_int_not_equal(ask_mnt(&m.client, 3, "/proc", NULL), MNT_OK);
    assert_int_equal(ask_mnt(&m.client, 3, m.dir, NULL), MNT_OK);
    mounted_end(&m);
}

TEST(a_client_whose_name_nobody_has_is_told_of)
{
    struct mounted m;

    prepare_with_file(&m.server, "127.0.0.1(rw,no_root_squash,insecure) no-such-host.invalid(ro)");
    mounted_begin_prepared(&m);
    assert_true(
        server_log_waits_for(&m.server, "exports:1: client 'no-such-host.invalid' is", 90000));
    mounted_end(&m);
}

TEST(an_export_taken_away_is_stale)
{
    struct mounted m;

    prepare_with_file(&m.server, "127.0.0.1(rw,no_root_squash,insecure)");
    host_mkdir(m.server.home, "second", 0755);
    mounted_begin_prepared(&m);
    struct fh fh = make_file(&m, "file", "text");
    host_write(m.server.home, "exports", "");
    more_exports(&m.server, "second", "127.0.0.1(rw,no_root_squash,insecure)");
    kill(m.server.pid, SIGHUP);
    assert_true(server_log_waits_for(&m.server, "reloaded", 60000));
    uint32_t status = ask_getattr(&m.client, &fh, NULL);
    assert_true(status == NFS_STALE || status == NFS_ACCES || status == NFS_BADHANDLE);
    mounted_end(&m);
}
