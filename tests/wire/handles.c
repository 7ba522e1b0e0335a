/*
 * handles.c - file handles: forged ones, and true ones whose file the host moved, replaced or
 * removed.
 */
#include "tests/wire/wire.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TEST(a_handle_of_any_wrong_length_is_refused)
{
    struct mounted m;

    mounted_begin(&m);
    for (uint32_t len = 0; len <= 64; len++) {
        struct fh fh = m.root;
        if (len == m.root.len)
            continue;
        if (len > m.root.len)
            memset(fh.data + m.root.len, 0, 64 - m.root.len);
        fh.len = len;
        /* With zeros behind it up to 32 bytes it is what U-Boot makes of it. */
        expect_status(ask_getattr(&m.client, &fh, NULL),
                      len == 32 && len > m.root.len ? NFS_OK : NFS_BADHANDLE);
    }
    mounted_end(&m);
}

TEST(a_handle_over_64_bytes_is_garbage)
{
    struct mounted m;

    mounted_begin(&m);
    for (uint32_t len = 65; len <= 128; len += 9) {
        struct fh fh = {.len = len};
        put_fh(nfs3_begin(&m.client, 1), &fh);
        struct reply reply = client_exchange(&m.client);
        assert_int_equal(reply.status, ACCEPT_GARBAGE_ARGS);
    }
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(a_handle_with_any_bit_flipped_is_refused)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh file = make_file(&m, "file", "");
    for (uint32_t bit = 0; bit < file.len * 8; bit++) {
        struct fh fh = file;
        fh.data[bit / 8] ^= 1 << bit % 8;
        uint32_t status = ask_getattr(&m.client, &fh, NULL);
        if (status != NFS_BADHANDLE && status != NFS_STALE)
            fail_msg("bit %u: %s", bit, nfs3_status_name(status));
    }
    mounted_end(&m);
}

TEST(every_procedure_refuses_a_forged_handle)
{
    struct mounted m;
    struct listing listing = {0};
    char target[10];

    mounted_begin(&m);
    struct fh file = make_file(&m, "file", ""), bad = make_bad(&m.root);
    struct client *c = &m.client;
    expect_status(ask_getattr(c, &bad, NULL), NFS_BADHANDLE);
    expect_status(ask_setattr(c, &bad, NULL, NULL, NULL), NFS_BADHANDLE);
    expect_status(ask_lookup(c, &bad, "x", NULL, NULL, NULL), NFS_BADHANDLE);
    expect_status(ask_access(c, &bad, 1, NULL, NULL), NFS_BADHANDLE);
    expect_status(ask_readlink(c, &bad, target, sizeof(target), NULL), NFS_BADHANDLE);
    expect_status(ask_read(c, &bad, 0, 1, NULL), NFS_BADHANDLE);
    expect_status(ask_write(c, &bad, 0, "x", 1, S_UNSTABLE, NULL), NFS_BADHANDLE);
    expect_status(ask_create(c, &bad, "x", H_GUARDED, NULL, NULL, NULL), NFS_BADHANDLE);
    expect_status(ask_mkdir(c, &bad, "x", NULL, NULL), NFS_BADHANDLE);
    expect_status(ask_symlink(c, &bad, "x", "t", NULL, NULL), NFS_BADHANDLE);
    expect_status(ask_mknod(c, &bad, "x", T_FIFO, NULL, 0, 0, NULL), NFS_BADHANDLE);
    expect_status(ask_remove(c, &bad, "x", NULL), NFS_BADHANDLE);
    expect_status(ask_rmdir(c, &bad, "x", NULL), NFS_BADHANDLE);
    expect_status(ask_rename(c, &bad, "x", &m.root, "x", NULL, NULL), NFS_BADHANDLE);
    expect_status(ask_rename(c, &m.root, "file", &bad, "x", NULL, NULL), NFS_BADHANDLE);
    expect_status(ask_link(c, &bad, &m.root, "x", NULL, NULL), NFS_BADHANDLE);
    expect_status(ask_link(c, &file, &bad, "x", NULL, NULL), NFS_BADHANDLE);
    expect_status(ask_readdir(c, &bad, 0, 0, 4096, &listing), NFS_BADHANDLE);
    expect_status(ask_readdirplus(c, &bad, 0, 0, 4096, 4096, &listing), NFS_BADHANDLE);
    expect_status(ask_commit(c, &bad, 0, 0, NULL, NULL), NFS_BADHANDLE);
    mounted_end(&m);
}

TEST(a_handle_of_another_servers_key_is_refused)
{
    struct mounted m;
    struct server other;

    mounted_begin(&m);
    /* The same export by a server with another state directory. */
    server_run(&other);
    struct client client;
    client_connect(&client, other.port, 0);
    uint32_t status = ask_getattr(&client, &m.root, NULL);
    assert_true(status == NFS_BADHANDLE || status == NFS_STALE);
    client_disconnect(&client);
    server_finish(&other);
    mounted_end(&m);
}

/* Two exports, one rw and one ro, whose handles' parts are exchanged. */
TEST(the_export_in_a_handle_can_not_be_swapped)
{
    struct mounted m;
    struct mount_answer other;
    char spec[300];

    server_prepare(&m.server, NULL);
    host_mkdir(m.server.home, "other", 0755);
    host_write(m.server.home, "other/file", "");
    struct host_path path = host_path(m.server.home, "other");
    snprintf(spec, sizeof(spec), "--export=%.200s,ro,no_root_squash,insecure", path.text);
    server_add_arg(&m.server, spec);
    mounted_begin_prepared(&m);
    assert_int_equal(ask_mnt(&m.client, 3, path.text, &other), MNT_OK);
    struct fh file;
    expect_ok(ask_lookup(&m.client, &other.fh, "file", &file, NULL, NULL));
    for (uint32_t from = 0; from < 16 && from < file.len; from++) {
        for (uint32_t len = 1; len <= 8 && from + len < file.len; len++) {
            struct fh mixed = file;
            memcpy(mixed.data + from, m.root.data + from, len);
            if (same_fh(&mixed, &file))
                continue;
            uint32_t status = ask_getattr(&m.client, &mixed, NULL);
            assert_true(status == NFS_BADHANDLE || status == NFS_STALE);
        }
    }
    mounted_end(&m);
}

TEST(handle_of_a_reused_inode_is_stale)
{
    struct mounted m;
    bool reused = false;

    mounted_begin(&m);
    for (int i = 0; i < 200 && !reused; i++) {
        host_write(m.dir, "secret", "old");
        struct fh old = mounted_lookup(&m, "secret");
        ino_t ino = host_stat(m.dir, "secret").st_ino;
        host_unlink(m.dir, "secret");
        host_write(m.dir, "secret", "new");
        reused = host_stat(m.dir, "secret").st_ino == ino;
        expect_status(ask_getattr(&m.client, &old, NULL), NFS_STALE);
        expect_status(ask_read(&m.client, &old, 0, 10, NULL), NFS_STALE);
        struct fh new = mounted_lookup(&m, "secret");
        expect_content(&m.client, &new, "new");
        assert_false(same_fh(&old, &new));
        host_unlink(m.dir, "secret");
    }
    if (!reused)
        test_note("the host's file system did not reuse an inode number");
    mounted_end(&m);
}

TEST(handle_of_a_reused_inode_is_stale_after_a_restart)
{
    struct mounted m;

    mounted_begin(&m);
    host_write(m.dir, "secret", "old");
    struct fh old = mounted_lookup(&m, "secret");
    ino_t ino = host_stat(m.dir, "secret").st_ino;
    server_stop(&m.server);
    host_unlink(m.dir, "secret");
    host_write(m.dir, "secret", "new");
    if (host_stat(m.dir, "secret").st_ino != ino)
        test_note("the host's file system did not reuse the inode number");
    server_restart(&m.server);
    mounted_reconnect(&m);
    expect_status(ask_getattr(&m.client, &old, NULL), NFS_STALE);
    mounted_end(&m);
}

TEST(handle_survives_a_rename_by_the_host)
{
    struct mounted m;
    struct attr attr;

    mounted_begin(&m);
    host_mkdir(m.dir, "dir", 0755);
    host_write(m.dir, "file", "text");
    struct fh fh = mounted_lookup(&m, "file");
    host_rename(m.dir, "file", m.dir, "renamed");
    expect_content(&m.client, &fh, "text");
    host_rename(m.dir, "renamed", m.dir, "dir/moved");
    expect_content(&m.client, &fh, "text");
    expect_ok(ask_write(&m.client, &fh, 0, "T", 1, S_UNSTABLE, NULL));
    host_expect(m.dir, "dir/moved", "Text");
    expect_ok(ask_getattr(&m.client, &fh, &attr));
    expect_attr(&attr, m.dir, "dir/moved");
    mounted_end(&m);
}

TEST(handle_survives_a_rename_of_its_parent_by_the_host)
{
    struct mounted m;
    struct fh again;

    mounted_begin(&m);
    host_mkdir(m.dir, "a", 0755);
    host_mkdir(m.dir, "a/b", 0755);
    host_mkdir(m.dir, "elsewhere", 0755);
    host_write(m.dir, "a/b/file", "text");
    struct fh file = mounted_walk(&m, "a/b/file"), dir = mounted_walk(&m, "a/b");
    host_rename(m.dir, "a", m.dir, "c");
    expect_content(&m.client, &file, "text");
    host_rename(m.dir, "c/b", m.dir, "elsewhere/d");
    expect_content(&m.client, &file, "text");
    expect_ok(ask_lookup(&m.client, &dir, "file", &again, NULL, NULL));
    assert_true(same_fh(&again, &file));
    expect_ok(ask_create(&m.client, &dir, "new", H_GUARDED, NULL, NULL, NULL));
    assert_true(host_exists(m.dir, "elsewhere/d/new"));
    mounted_end(&m);
}

TEST(handle_survives_an_atomic_replace_of_a_sibling)
{
    struct mounted m;

    mounted_begin(&m);
    host_write(m.dir, "sibling", "one");
    host_write(m.dir, "file", "text");
    struct fh file = mounted_lookup(&m, "file"), sibling = mounted_lookup(&m, "sibling");
    host_write(m.dir, "temporary", "two");
    host_rename(m.dir, "temporary", m.dir, "sibling");
    expect_content(&m.client, &file, "text");
    struct fh now = mounted_lookup(&m, "sibling");
    assert_false(same_fh(&now, &sibling));
    expect_content(&m.client, &now, "two");
    expect_status(ask_getattr(&m.client, &sibling, NULL), NFS_STALE);
    mounted_end(&m);
}

TEST(file_appended_by_a_host_process_is_seen_at_once)
{
    struct mounted m;
    struct attr attr;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "one");
    expect_content(&m.client, &fh, "one");
    for (int i = 0; i < 20; i++) {
        host_append(m.dir, "file", "+");
        expect_ok(ask_getattr(&m.client, &fh, &attr));
        assert_int_equal(attr.size, 4 + i);
        expect_attr_but_atime(&attr, m.dir, "file");
    }
    expect_content(&m.client, &fh, "one++++++++++++++++++++");
    host_chmod(m.dir, "file", 0600);
    expect_ok(ask_getattr(&m.client, &fh, &attr));
    assert_int_equal(attr.mode, 0600);
    host_write(m.dir, "file", "short");
    expect_content(&m.client, &fh, "short");
    mounted_end(&m);
}

TEST(a_host_file_is_found_at_once_and_gone_at_once)
{
    struct mounted m;

    mounted_begin(&m);
    for (int i = 0; i < 20; i++) {
        expect_status(ask_lookup(&m.client, &m.root, "file", NULL, NULL, NULL), NFS_NOENT);
        host_write(m.dir, "file", "text");
        struct fh fh = mounted_lookup(&m, "file");
        expect_content(&m.client, &fh, "text");
        host_unlink(m.dir, "file");
        expect_status(ask_getattr(&m.client, &fh, NULL), NFS_STALE);
        expect_status(ask_lookup(&m.client, &m.root, "file", NULL, NULL, NULL), NFS_NOENT);
    }
    mounted_end(&m);
}

TEST(a_directory_moved_out_of_the_export_is_not_reached_after_a_restart)
{
    struct mounted m;

    mounted_begin(&m);
    host_mkdir(m.dir, "dir", 0755);
    host_write(m.dir, "dir/file", "text");
    struct fh dir = mounted_walk(&m, "dir"), file = mounted_walk(&m, "dir/file");
    host_rename(m.dir, "dir", m.server.home, "outside");
    server_restart(&m.server);
    mounted_reconnect(&m);
    expect_status(ask_getattr(&m.client, &dir, NULL), NFS_STALE);
    expect_status(ask_lookup(&m.client, &dir, "file", NULL, NULL, NULL), NFS_STALE);
    /* Of a file only subtree_check promises it. */
    uint32_t status = ask_getattr(&m.client, &file, NULL);
    assert_true(status == NFS_STALE || status == NFS_OK);
    mounted_end(&m);
}

TEST(dotdot_of_a_directory_moved_out_of_the_export_does_not_leave_it)
{
    struct mounted m;
    struct fh up;

    mounted_begin(&m);
    host_mkdir(m.server.home, "out", 0755);
    host_write(m.server.home, "out/secret", "secret");
    host_mkdir(m.dir, "dir", 0755);
    struct fh dir = mounted_lookup(&m, "dir");
    host_rename(m.dir, "dir", m.server.home, "out/dir");
    uint32_t status = ask_lookup(&m.client, &dir, "..", &up, NULL, NULL);
    if (status == NFS_OK)
        expect_status(ask_lookup(&m.client, &up, "secret", NULL, NULL, NULL), NFS_NOENT);
    else
        expect_status(status, NFS_STALE);
    mounted_end(&m);
}
