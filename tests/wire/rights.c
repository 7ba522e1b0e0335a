/*
 * rights.c - who may do what: each request runs as its caller when the server is root, and as the
 * server's user otherwise.
 */
#include "tests/wire/wire.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A server whose requests run as their callers. */
static void begin_as_root(struct mounted *m)
{
    test_skip_in_variant("user", "an ordinary user has no other identities");
    mounted_begin(m);
}

TEST(a_user_can_not_write_into_a_root_owned_directory)
{
    struct mounted m;
    struct client *c = &m.client;
    struct sattr set = {.set_mode = true, .mode = 0777};

    begin_as_root(&m);
    host_write(m.dir, "file", "root's");
    host_mkdir(m.dir, "dir", 0755);
    struct fh file = mounted_lookup(&m, "file"), *root = &m.root;
    c->who = caller_uid(STRANGER, STRANGER);
    expect_status(ask_create(c, root, "x", H_UNCHECKED, NULL, NULL, NULL), NFS_ACCES);
    expect_status(ask_create(c, root, "x", H_EXCLUSIVE, NULL, "verifier", NULL), NFS_ACCES);
    expect_status(ask_mkdir(c, root, "x", NULL, NULL), NFS_ACCES);
    expect_status(ask_symlink(c, root, "x", "t", NULL, NULL), NFS_ACCES);
    expect_status(ask_mknod(c, root, "x", T_FIFO, NULL, 0, 0, NULL), NFS_ACCES);
    expect_status(ask_remove(c, root, "file", NULL), NFS_ACCES);
    expect_status(ask_rmdir(c, root, "dir", NULL), NFS_ACCES);
    expect_status(ask_rename(c, root, "file", root, "x", NULL, NULL), NFS_ACCES);
    uint32_t status = ask_link(c, &file, root, "x", NULL, NULL);
    assert_true(status == NFS_ACCES || status == NFS_PERM);
    expect_status(ask_write(c, &file, 0, "x", 1, S_UNSTABLE, NULL), NFS_ACCES);
    expect_status(ask_setattr(c, &file, &set, NULL, NULL), NFS_PERM);
    set = (struct sattr){.set_size = true};
    expect_status(ask_setattr(c, &file, &set, NULL, NULL), NFS_ACCES);
    host_expect(m.dir, "file", "root's");
    expect_content(c, &file, "root's");
    mounted_end(&m);
}

TEST(a_user_can_not_read_what_is_closed_to_him)
{
    struct mounted m;
    struct client *c = &m.client;
    struct listing listing = {0};
    uint32_t granted;

    begin_as_root(&m);
    host_write(m.dir, "file", "secret");
    host_chmod(m.dir, "file", 0600);
    host_mkdir(m.dir, "dir", 0700);
    host_write(m.dir, "dir/file", "secret");
    host_mkdir(m.dir, "search", 0711);
    host_write(m.dir, "search/file", "found");
    struct fh file = mounted_lookup(&m, "file"), dir = mounted_lookup(&m, "dir"),
              search = mounted_lookup(&m, "search"), fh;
    /* What root has just read must not be given to another from a cache. */
    expect_content(c, &file, "secret");
    expect_ok(ask_readdir(c, &dir, 0, 0, 4096, &listing));
    c->who = caller_uid(STRANGER, STRANGER);
    expect_status(ask_read(c, &file, 0, 10, NULL), NFS_ACCES);
    expect_status(ask_readdir(c, &dir, 0, 0, 4096, &listing), NFS_ACCES);
    expect_status(ask_readdirplus(c, &dir, 0, 0, 4096, 8192, &listing), NFS_ACCES);
    expect_status(ask_lookup(c, &dir, "file", NULL, NULL, NULL), NFS_ACCES);
    expect_status(ask_readdir(c, &search, 0, 0, 4096, &listing), NFS_ACCES);
    expect_ok(ask_lookup(c, &search, "file", &fh, NULL, NULL));
    expect_content(c, &fh, "found");
    expect_ok(ask_access(c, &file, 0x3f, &granted, NULL));
    assert_int_equal(granted, 0);
    expect_ok(ask_getattr(c, &file, NULL));
    mounted_end(&m);
}

TEST(what_a_user_makes_is_his)
{
    struct mounted m;
    struct client *c = &m.client;
    struct fh root;
    struct made made;

    begin_as_root(&m);
    host_mkdir(m.dir, "tmp", 01777);
    root = mounted_lookup(&m, "tmp");
    c->who = caller_uid(STRANGER, 2000);
    expect_ok(ask_create(c, &root, "file", H_GUARDED, NULL, NULL, &made));
    assert_int_equal(made.attr.uid, STRANGER);
    assert_int_equal(made.attr.gid, 2000);
    expect_ok(ask_mkdir(c, &root, "dir", NULL, &made));
    assert_int_equal(made.attr.uid, STRANGER);
    expect_ok(ask_symlink(c, &root, "link", "t", NULL, &made));
    assert_int_equal(made.attr.uid, STRANGER);
    expect_ok(ask_mknod(c, &root, "fifo", T_FIFO, NULL, 0, 0, &made));
    assert_int_equal(made.attr.uid, STRANGER);
    /* And the sticky bit keeps others from removing it. */
    c->who = caller_uid(STRANGER + 1, 2000);
    uint32_t status = ask_remove(c, &root, "file", NULL);
    assert_true(status == NFS_PERM || status == NFS_ACCES);
    mounted_end(&m);
}

TEST(in_the_variant_user_all_is_done_as_the_servers_user)
{
    struct mounted m;
    struct made made;

    test_skip_in_variant("root", "there each request runs as its caller");
    mounted_begin(&m);
    m.client.who = caller_uid(STRANGER, STRANGER);
    expect_ok(ask_create(&m.client, &m.root, "file", H_GUARDED, NULL, NULL, &made));
    assert_int_equal(made.attr.uid, server_uid());
    expect_attr(&made.attr, m.dir, "file");
    mounted_end(&m);
}

TEST(all_16_groups_count)
{
    struct mounted m;
    struct client *c = &m.client;

    begin_as_root(&m);
    c->who = caller_uid(STRANGER, STRANGER);
    c->who.ngids = 16;
    for (uint32_t i = 0; i < 16; i++)
        c->who.gids[i] = 3000 + i;
    struct caller with = c->who;
    for (uint32_t i = 0; i < 16; i++) {
        char name[32];
        snprintf(name, sizeof(name), "group %u", i);
        host_write(m.dir, name, "for the group");
        host_chown(m.dir, name, 0, 3000 + i);
        host_chmod(m.dir, name, 0060);
        struct fh fh = mounted_lookup(&m, name);
        expect_content(c, &fh, "for the group");
        expect_ok(ask_write(c, &fh, 0, "F", 1, S_UNSTABLE, NULL));
        c->who.ngids = i;
        expect_status(ask_read(c, &fh, 0, 10, NULL), NFS_ACCES);
        c->who = with;
    }
    mounted_end(&m);
}

/* A user of this test's own /etc/passwd, in 40 groups of its own /etc/group. */
static void make_user_in_40_groups(const char *home)
{
    struct host_path passwd = host_path(home, "passwd"), group = host_path(home, "group");
    char line[100];

    host_private_mounts();
    host_write(home, "passwd", "root:x:0:0::/root:/bin/sh\nmany:x:54321:54321::/:/bin/sh\n");
    host_write(home, "group", "root:x:0:\nmany:x:54321:\n");
    for (int i = 0; i < 40; i++) {
        snprintf(line, sizeof(line), "g%d:x:%d:many\n", i, 60000 + i);
        host_append(home, "group", line);
    }
    host_mount_bind(passwd.text, "/etc/passwd");
    host_mount_bind(group.text, "/etc/group");
}

TEST(manage_gids_knows_more_than_16_groups)
{
    struct mounted m;
    struct client *c = &m.client;

    test_skip_in_variant("user", "an ordinary user has no other identities");
    server_prepare(&m.server, NULL);
    make_user_in_40_groups(m.server.home);
    server_add_arg(&m.server, "--manage-gids");
    mounted_begin_prepared(&m);
    host_write(m.dir, "file", "for group 60039");
    host_chown(m.dir, "file", 0, 60039);
    host_chmod(m.dir, "file", 0040);
    struct fh fh = mounted_lookup(&m, "file");
    c->who = caller_uid(54321, 54321);
    expect_content(c, &fh, "for group 60039");
    /* Groups the call claims do not count then. */
    host_chown(m.dir, "file", 0, 61000);
    c->who.ngids = 1;
    c->who.gids[0] = 61000;
    expect_status(ask_read(c, &fh, 0, 10, NULL), NFS_ACCES);
    mounted_end(&m);
}

TEST(auth_none_is_anonymous)
{
    struct mounted m;
    struct client *c = &m.client;
    struct made made;

    begin_as_root(&m);
    host_mkdir(m.dir, "tmp", 01777);
    host_write(m.dir, "file", "x");
    host_chmod(m.dir, "file", 0600);
    struct fh tmp = mounted_lookup(&m, "tmp"), file = mounted_lookup(&m, "file");
    c->who = caller_nobody;
    expect_status(ask_read(c, &file, 0, 10, NULL), NFS_ACCES);
    expect_ok(ask_create(c, &tmp, "file", H_GUARDED, NULL, NULL, &made));
    assert_int_equal(made.attr.uid, 65534);
    assert_int_equal(made.attr.gid, 65534);
    mounted_end(&m);
}

TEST(the_uid_minus_one_is_not_root)
{
    struct mounted m;
    struct client *c = &m.client;

    begin_as_root(&m);
    host_write(m.dir, "file", "x");
    host_chmod(m.dir, "file", 0600);
    struct fh file = mounted_lookup(&m, "file");
    expect_content(c, &file, "x");
    c->who = caller_uid(UINT32_MAX, UINT32_MAX);
    expect_status(ask_read(c, &file, 0, 10, NULL), NFS_ACCES);
    expect_status(ask_remove(c, &m.root, "file", NULL), NFS_ACCES);
    mounted_end(&m);
}

TEST(callers_that_alternate_are_never_mixed_up)
{
    struct mounted m;
    struct bytes stream = {0};

    begin_as_root(&m);
    host_mkdir(m.dir, "tmp", 01777);
    struct fh tmp = mounted_lookup(&m, "tmp");
    for (uint32_t i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%u", i);
        m.client.who = caller_uid(1000 + i % 7, 2000 + i % 5);
        struct bytes *b = nfs3_begin(&m.client, 8);
        put_fh(b, &tmp);
        put_string(b, name);
        put_u32(b, H_GUARDED);
        put_sattr(b, NULL);
        client_put_record(&stream, b);
    }
    assert_true(client_send_raw(&m.client, stream.data, stream.len));
    for (int i = 0; i < 300; i++) {
        struct reply reply;
        assert_true(client_receive(&m.client, &reply));
        expect_ok(get_u32(&reply.results));
    }
    for (uint32_t i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof(name), "tmp/%u", i);
        assert_int_equal(host_stat(m.dir, name).st_uid, 1000 + i % 7);
        assert_int_equal(host_stat(m.dir, name).st_gid, 2000 + i % 5);
    }
    bytes_free(&stream);
    mounted_end(&m);
}

TEST(an_unprivileged_port_is_refused_by_a_secure_export)
{
    struct mounted m;
    struct client low;

    if (geteuid() != 0)
        test_skip("an ordinary user has no reserved port to mount a secure export from");
    server_prepare(&m.server, NULL);
    server_add_arg(&m.server, "--local-peers=any");
    mounted_begin_prepared(&m);
    client_connect(&low, m.server.port, CLIENT_UNPRIVILEGED);
    expect_status(ask_mnt(&low, 3, m.dir, NULL), MNT_ACCES);
    uint32_t status = ask_getattr(&low, &m.root, NULL);
    assert_true(status == NFS_ACCES || status == NFS_PERM || status == NFS_STALE);
    assert_int_not_equal(ask_mkdir(&low, &m.root, "dir", NULL, NULL), NFS_OK);
    assert_false(host_exists(m.dir, "dir"));
    client_disconnect(&low);
    mounted_end(&m);
}

TEST(set_uid_bits_fall_when_another_writes)
{
    struct mounted m;
    struct client *c = &m.client;

    begin_as_root(&m);
    host_write(m.dir, "file", "program");
    host_chmod(m.dir, "file", 06777);
    struct fh fh = mounted_lookup(&m, "file");
    c->who = caller_uid(STRANGER, STRANGER);
    expect_ok(ask_write(c, &fh, 0, "x", 1, S_UNSTABLE, NULL));
    assert_int_equal(host_stat(m.dir, "file").st_mode & 06000, 0);
    mounted_end(&m);
}

/* To client->call: a WRITE or a READ, without sending it. */
static void put_write(struct client *c, const struct fh *fh, const char *text)
{
    struct bytes *b = nfs3_begin(c, 7);

    put_fh(b, fh);
    put_u64(b, 0);
    put_u32(b, (uint32_t)strlen(text));
    put_u32(b, S_UNSTABLE);
    put_opaque(b, text, strlen(text));
}

static void put_read(struct client *c, const struct fh *fh, uint32_t count)
{
    struct bytes *b = nfs3_begin(c, 6);

    put_fh(b, fh);
    put_u64(b, 0);
    put_u32(b, count);
}

/* Calls that came together ask for the right to write once; but not those that waited in the
 * server's memory, as long as the client likes, for it to take replies. */
TEST(a_write_that_waited_behind_replies_nobody_takes_asks_for_the_right_again)
{
    enum { READS = 40, LONG = 1 << 20 };
    struct bytes stream = {0};
    struct reply reply;
    struct mounted m;
    struct client *c = &m.client;

    begin_as_root(&m);
    host_write(m.dir, "file", "------");
    host_chmod(m.dir, "file", 0666);
    host_write(m.dir, "large", "");
    assert_int_equal(truncate(host_path(m.dir, "large").text, LONG), 0);
    struct fh file = mounted_lookup(&m, "file"), large = mounted_lookup(&m, "large");
    c->who = caller_uid(STRANGER, STRANGER);
    expect_ok(ask_write(c, &file, 0, "opened", 6, S_UNSTABLE, NULL));
    put_write(c, &file, "before");
    client_put_record(&stream, &c->call);
    for (int i = 0; i < READS; i++) {
        put_read(c, &large, LONG);
        client_put_record(&stream, &c->call);
    }
    put_write(c, &file, "behind");
    client_put_record(&stream, &c->call);
    uint32_t last = c->xid;
    assert_true(client_send_raw(c, stream.data, stream.len));
    host_sleep_ms(200); /* until the connection has taken all the replies it holds */
    host_expect(m.dir, "file", "before");
    host_chmod(m.dir, "file", 0600);
    uint32_t status = NFS_OK;
    for (int i = 0; i < READS + 2; i++) {
        assert_true(client_receive(c, &reply));
        if (reply.xid == last)
            status = get_u32(&reply.results);
    }
    expect_status(status, NFS_ACCES);
    host_expect(m.dir, "file", "before");
    bytes_free(&stream);
    mounted_end(&m);
}

TEST(who_may_not_write_has_nothing_to_commit)
{
    struct mounted m;
    struct client *c = &m.client;

    begin_as_root(&m);
    host_write(m.dir, "file", "root's");
    struct fh file = mounted_lookup(&m, "file");
    expect_ok(ask_commit(c, &file, 0, 0, NULL, NULL));
    c->who = caller_uid(STRANGER, STRANGER);
    expect_status(ask_commit(c, &file, 0, 0, NULL, NULL), NFS_ACCES);
    host_chown(m.dir, "file", STRANGER, STRANGER);
    host_chmod(m.dir, "file", 0444);
    expect_ok(ask_commit(c, &file, 0, 0, NULL, NULL)); /* the owner may write */
    mounted_end(&m);
}
