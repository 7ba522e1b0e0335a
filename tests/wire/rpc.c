/*
 * rpc.c - call headers: programs, versions, procedures, credentials, arguments; and the reply
 * cache.
 */
#include "tests/wire/wire.h"
#include <string.h>

static struct reply call_of(struct client *client, uint32_t program, uint32_t version,
                            uint32_t procedure)
{
    client_begin(client, program, version, procedure);
    return client_exchange(client);
}

TEST(other_versions_are_a_mismatch_that_names_ours)
{
    struct mounted m;
    static const struct {
        uint32_t program, version, low, high;
    } cases[] = {{PROGRAM_NFS, 4, 3, 3},   {PROGRAM_NFS, 2, 3, 3},
                 {PROGRAM_NFS, 0, 3, 3},   {PROGRAM_MOUNT, 0, 1, 3},
                 {PROGRAM_MOUNT, 4, 1, 3}, {PROGRAM_NFS, 0xffffffff, 3, 3}};

    mounted_begin(&m);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reply r = call_of(&m.client, cases[i].program, cases[i].version, 0);
        assert_int_equal(r.kind, REPLY_ACCEPTED);
        assert_int_equal(r.status, ACCEPT_PROG_MISMATCH);
        assert_int_equal(r.low, cases[i].low);
        assert_int_equal(r.high, cases[i].high);
    }
    mounted_end(&m);
}

TEST(null_answers_on_every_program_version_transport_and_credential)
{
    struct server server;
    static const uint32_t programs[][2] = {
        {PROGRAM_NFS, 3}, {PROGRAM_MOUNT, 1}, {PROGRAM_MOUNT, 2}, {PROGRAM_MOUNT, 3}};
    static const int transports[] = {0,
                                     CLIENT_UDP,
                                     CLIENT_UNPRIVILEGED,
                                     CLIENT_UDP | CLIENT_UNPRIVILEGED,
                                     CLIENT_IPV6,
                                     CLIENT_IPV6 | CLIENT_UDP};

    server_prepare(&server, NULL);
    server.ipv6 = true;
    server_add_arg(&server, "--udp");
    server_start(&server);
    for (size_t t = 0; t < sizeof(transports) / sizeof(transports[0]); t++) {
        struct client client;
        bool six = transports[t] & CLIENT_IPV6;
        client_connect(&client, six ? server.port_ipv6 : server.port, transports[t]);
        for (size_t p = 0; p < 3; p++) {
            client.who = caller_nobody;
            assert_int_equal(call_of(&client, programs[p][0], programs[p][1], 0).status, 0);
            client.who = caller_uid(STRANGER, STRANGER);
            assert_int_equal(call_of(&client, programs[p][0], programs[p][1], 0).status, 0);
        }
        client_disconnect(&client);
    }
    server_finish(&server);
}

TEST(an_unknown_program_is_prog_unavail)
{
    struct mounted m;

    mounted_begin(&m);
    assert_int_equal(call_of(&m.client, 100021, 4, 0).status, ACCEPT_PROG_UNAVAIL);
    assert_int_equal(call_of(&m.client, 0, 0, 0).status, ACCEPT_PROG_UNAVAIL);
    assert_int_equal(call_of(&m.client, 0x20000000, 1, 1).status, ACCEPT_PROG_UNAVAIL);
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(an_unknown_procedure_is_proc_unavail)
{
    struct mounted m;

    mounted_begin(&m);
    assert_int_equal(call_of(&m.client, PROGRAM_NFS, 3, 22).status, ACCEPT_PROC_UNAVAIL);
    assert_int_equal(call_of(&m.client, PROGRAM_NFS, 3, 0xffffffff).status, ACCEPT_PROC_UNAVAIL);
    assert_int_equal(call_of(&m.client, PROGRAM_MOUNT, 3, 6).status, ACCEPT_PROC_UNAVAIL);
    assert_int_equal(call_of(&m.client, PROGRAM_MOUNT, 1, 77).status, ACCEPT_PROC_UNAVAIL);
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(another_rpc_version_is_rpc_mismatch)
{
    struct mounted m;

    mounted_begin(&m);
    nfs3_begin(&m.client, 0);
    bytes_patch_u32(&m.client.call, 8, 3);
    struct reply r = client_exchange(&m.client);
    assert_int_equal(r.kind, REPLY_DENIED);
    assert_int_equal(r.status, REJECT_RPC_MISMATCH);
    assert_int_equal(r.low, 2);
    assert_int_equal(r.high, 2);
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(missing_arguments_are_garbage)
{
    struct mounted m;

    mounted_begin(&m);
    for (uint32_t procedure = 1; procedure <= 21; procedure++) {
        struct reply r = call_of(&m.client, PROGRAM_NFS, 3, procedure);
        assert_int_equal(r.kind, REPLY_ACCEPTED);
        assert_int_equal(r.status, ACCEPT_GARBAGE_ARGS);
    }
    assert_int_equal(call_of(&m.client, PROGRAM_MOUNT, 3, 1).status, ACCEPT_GARBAGE_ARGS);
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(lengths_that_lie_are_garbage)
{
    static const uint32_t lengths[] = {0xffffffff, 0x7fffffff, 0xfffffffd, 1 << 20, 65, 5};
    struct mounted m;

    mounted_begin(&m);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        /* LOOKUP: the handle's length, then the name's. */
        put_u32(nfs3_begin(&m.client, 3), lengths[i]);
        put_u32(&m.client.call, 0);
        assert_int_equal(client_exchange(&m.client).status, ACCEPT_GARBAGE_ARGS);
        put_fh(nfs3_begin(&m.client, 3), &m.root);
        put_u32(&m.client.call, lengths[i]);
        put_u32(&m.client.call, 0);
        assert_int_equal(client_exchange(&m.client).status, ACCEPT_GARBAGE_ARGS);
    }
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(trailing_bytes_after_the_arguments_do_no_harm)
{
    struct mounted m;

    mounted_begin(&m);
    for (int words = 1; words < 40; words++) {
        put_fh(nfs3_begin(&m.client, 1), &m.root);
        for (int i = 0; i < words; i++)
            put_u32(&m.client.call, 0xdeadbeef);
        struct reply r = client_exchange(&m.client);
        assert_true(r.status == ACCEPT_SUCCESS || r.status == ACCEPT_GARBAGE_ARGS);
    }
    put_fh(nfs3_begin(&m.client, 1), &m.root);
    put_raw(&m.client.call, "odd", 3);
    client_exchange(&m.client);
    ask_null(&m.client);
    mounted_end(&m);
}

/* What an AUTH_SYS body of these words is answered with. */
static struct reply call_with_auth(struct client *client, uint32_t flavor, const void *raw,
                                   size_t len)
{
    struct caller before = client->who;

    client->who = (struct caller){.flavor = flavor, .raw = len ? raw : "", .raw_len = len};
    nfs3_begin(client, 0);
    client->who = before;
    return client_exchange(client);
}

TEST(a_credential_that_is_malformed_is_an_auth_error)
{
    struct mounted m;
    struct bytes b = {0};

    mounted_begin(&m);
    put_u32(&b, 1);
    put_string(&b, "host");
    put_u32(&b, 0);
    put_u32(&b, 0);
    put_u32(&b, 17);
    for (int i = 0; i < 17; i++)
        put_u32(&b, i);
    struct reply r = call_with_auth(&m.client, 1, b.data, b.len);
    assert_int_equal(r.kind, REPLY_DENIED);
    assert_int_equal(r.status, REJECT_AUTH_ERROR);
    assert_int_equal(r.low, 1); /* AUTH_BADCRED */
    for (size_t len = 0; len < 20; len++) {
        r = call_with_auth(&m.client, 1, b.data, len);
        assert_int_equal(r.kind, REPLY_DENIED);
        assert_int_equal(r.status, REJECT_AUTH_ERROR);
    }
    bytes_patch_u32(&b, 4, 256); /* the machine's name */
    assert_int_equal(call_with_auth(&m.client, 1, b.data, b.len).kind, REPLY_DENIED);
    bytes_patch_u32(&b, 4, 0xffffffff);
    assert_int_equal(call_with_auth(&m.client, 1, b.data, b.len).kind, REPLY_DENIED);
    bytes_free(&b);
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(a_credential_over_400_bytes_does_no_harm)
{
    struct mounted m;
    static uint8_t big[5000];
    static const size_t lengths[] = {401, 404, 1000, 5000};

    mounted_begin(&m);
    for (size_t i = 0; i < 4; i++) {
        struct reply r = call_with_auth(&m.client, 1, big, lengths[i]);
        assert_true(r.kind == REPLY_DENIED || r.status == ACCEPT_GARBAGE_ARGS);
    }
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(an_unknown_flavor_is_an_auth_error)
{
    static const uint32_t flavors[] = {2, 3, 6, 390003, 0xffffffff};
    struct mounted m;

    mounted_begin(&m);
    for (size_t i = 0; i < sizeof(flavors) / sizeof(flavors[0]); i++) {
        m.client.who = (struct caller){.flavor = flavors[i], .raw = "12345678", .raw_len = 8};
        put_fh(nfs3_begin(&m.client, 1), &m.root);
        struct reply r = client_exchange(&m.client);
        assert_int_equal(r.kind, REPLY_DENIED);
        assert_int_equal(r.status, REJECT_AUTH_ERROR);
    }
    m.client.who = caller_root;
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(calls_over_udp_are_answered)
{
    struct mounted m;
    struct client udp;
    struct nfs3_read got;
    struct nfs3_write done;
    static uint8_t data[8192];

    mounted_begin_with(&m, "--udp");
    struct fh fh = make_file(&m, "file", "");
    client_connect(&udp, m.server.port, CLIENT_UDP);
    expect_ok(ask_getattr(&udp, &m.root, NULL));
    expect_ok(ask_write(&udp, &fh, 0, data, sizeof(data), S_FILE_SYNC, &done));
    assert_int_equal(done.count, sizeof(data));
    expect_ok(ask_read(&udp, &fh, 0, 8192, &got));
    assert_int_equal(got.count, 8192);
    /* More than a datagram carries: fewer bytes, no silence. */
    host_write_pattern(m.dir, "big", 1 << 20);
    struct fh big = mounted_lookup(&m, "big");
    expect_ok(ask_read(&udp, &big, 0, 1 << 20, &got));
    assert_true(got.count > 0 && got.count < 65507);
    assert_false(got.eof);
    client_disconnect(&udp);
    mounted_end(&m);
}

/* Sends the last call once more over a new connection, and gives the status of its results. */
static uint32_t retransmit(struct mounted *m)
{
    struct reply reply;

    client_reconnect(&m->client, m->server.port);
    client_send(&m->client);
    assert_true(client_receive(&m->client, &reply));
    assert_int_equal(reply.status, ACCEPT_SUCCESS);
    return get_u32(&reply.results);
}

TEST(retransmitted_remove_over_a_new_connection_is_answered_again)
{
    struct mounted m;

    mounted_begin(&m);
    make_file(&m, "file", "");
    expect_ok(ask_remove(&m.client, &m.root, "file", NULL));
    expect_ok(retransmit(&m));
    host_write(m.dir, "file", "a new one");
    expect_ok(retransmit(&m));
    assert_true(host_exists(m.dir, "file"));
    /* The same as a new call is a new call. */
    expect_ok(ask_remove(&m.client, &m.root, "file", NULL));
    expect_status(ask_remove(&m.client, &m.root, "file", NULL), NFS_NOENT);
    mounted_end(&m);
}

TEST(retransmitted_calls_that_change_things_are_answered_again)
{
    struct mounted m;
    struct client *c = &m.client;
    struct sattr set = {.set_mode = true, .mode = 0600};
    struct attr attr;

    mounted_begin(&m);
    struct fh *root = &m.root;
    struct fh file = make_file(&m, "file", "");
    expect_ok(ask_mkdir(c, root, "dir", NULL, NULL));
    expect_ok(retransmit(&m));
    expect_ok(ask_create(c, root, "guarded", H_GUARDED, NULL, NULL, NULL));
    expect_ok(retransmit(&m));
    expect_ok(ask_create(c, root, "exclusive", H_EXCLUSIVE, NULL, "verifier", NULL));
    expect_ok(retransmit(&m));
    expect_ok(ask_symlink(c, root, "link", "t", NULL, NULL));
    expect_ok(retransmit(&m));
    expect_ok(ask_mknod(c, root, "fifo", T_FIFO, NULL, 0, 0, NULL));
    expect_ok(retransmit(&m));
    expect_ok(ask_link(c, &file, root, "second", NULL, NULL));
    expect_ok(retransmit(&m));
    expect_ok(ask_rename(c, root, "second", root, "third", NULL, NULL));
    expect_ok(retransmit(&m));
    expect_ok(ask_rmdir(c, root, "dir", NULL));
    expect_ok(retransmit(&m));
    expect_ok(ask_getattr(c, &file, &attr));
    expect_ok(ask_setattr(c, &file, &set, &attr.ctime, NULL));
    expect_ok(retransmit(&m));
    mounted_end(&m);
}

TEST(the_same_xid_with_other_arguments_is_another_call)
{
    struct mounted m;

    mounted_begin(&m);
    expect_ok(ask_mkdir(&m.client, &m.root, "one", NULL, NULL));
    m.client.xid--;
    expect_ok(ask_mkdir(&m.client, &m.root, "two", NULL, NULL));
    assert_true(host_exists(m.dir, "two"));
    mounted_end(&m);
}

/* Replies until that of the NULL or RMDIR with this xid. Those of MKDIRs that were sent once more
 * may come before it or, from a thread that lost its CPU, after it; none of them may be EXIST. */
static void expect_in_the_end(struct client *c, uint32_t xid, bool has_status)
{
    struct reply reply;

    do {
        assert_true(client_receive(c, &reply));
        assert_int_equal(reply.status, ACCEPT_SUCCESS);
        if (reply.xid != xid || has_status)
            expect_ok(get_u32(&reply.results));
    } while (reply.xid != xid);
}

TEST(a_call_sent_twice_at_once_is_run_once)
{
    struct mounted m;

    mounted_begin(&m);
    for (int i = 0; i < 50; i++) {
        struct bytes stream = {0};
        struct bytes *b = nfs3_begin(&m.client, 9);
        put_fh(b, &m.root);
        put_string(b, "dir");
        put_sattr(b, NULL);
        for (int k = 0; k < 3; k++)
            client_put_record(&stream, b);
        assert_true(client_send_raw(&m.client, stream.data, stream.len));
        bytes_free(&stream);
        expect_in_the_end(&m.client, m.client.xid, true);
        nfs3_begin(&m.client, 0);
        client_send(&m.client);
        expect_in_the_end(&m.client, m.client.xid, false);
        b = nfs3_begin(&m.client, 13);
        put_fh(b, &m.root);
        put_string(b, "dir");
        client_send(&m.client);
        expect_in_the_end(&m.client, m.client.xid, true);
    }
    mounted_end(&m);
}
