/*
 * records.c - record marking (RFC 5531 section 11) and bytes that are no calls: the server lives,
 * and other connections go on.
 */
#include "tests/wire/wire.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* That the server serves a new connection, and the one `m` has. */
static void expect_alive(struct mounted *m)
{
    struct client other;

    ask_null(&m->client);
    client_connect(&other, m->server.port, 0);
    expect_ok(ask_getattr(&other, &m->root, NULL));
    client_disconnect(&other);
}

TEST(a_request_in_fragments_of_any_size_is_answered)
{
    static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 16, 40, 1000};
    struct mounted m;

    mounted_begin(&m);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct reply reply;
        put_fh(nfs3_begin(&m.client, 1), &m.root);
        client_send_fragments(&m.client, sizes[i], false);
        assert_true(client_receive(&m.client, &reply));
        assert_int_equal(reply.xid, m.client.xid);
        assert_int_equal(get_u32(&reply.results), NFS_OK);
    }
    mounted_end(&m);
}

TEST(fragments_of_length_zero_are_skipped)
{
    struct mounted m;
    struct reply reply;

    mounted_begin(&m);
    put_fh(nfs3_begin(&m.client, 1), &m.root);
    client_send_fragments(&m.client, 8, true);
    assert_true(client_receive(&m.client, &reply));
    assert_int_equal(reply.xid, m.client.xid);
    /* The last one may be empty, too. */
    struct bytes stream = {0};
    nfs3_begin(&m.client, 0);
    put_u32(&stream, m.client.call.len);
    put_raw(&stream, m.client.call.data, m.client.call.len);
    put_u32(&stream, 0x80000000);
    assert_true(client_send_raw(&m.client, stream.data, stream.len));
    assert_true(client_receive(&m.client, &reply));
    assert_int_equal(reply.xid, m.client.xid);
    bytes_free(&stream);
    mounted_end(&m);
}

TEST(a_large_write_in_many_fragments_is_whole)
{
    struct mounted m;
    static uint8_t data[300000];
    struct reply reply;
    struct nfs3_read got;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = host_pattern(i);
    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    struct bytes *b = nfs3_begin(&m.client, 7);
    put_fh(b, &fh);
    put_u64(b, 0);
    put_u32(b, sizeof(data));
    put_u32(b, S_UNSTABLE);
    put_opaque(b, data, sizeof(data));
    client_send_fragments(&m.client, 1003, false);
    assert_true(client_receive(&m.client, &reply));
    assert_int_equal(get_u32(&reply.results), NFS_OK);
    expect_ok(ask_read(&m.client, &fh, 0, sizeof(data), &got));
    assert_int_equal(got.count, sizeof(data));
    assert_memory_equal(got.data, data, sizeof(data));
    mounted_end(&m);
}

TEST(a_request_that_trickles_in_byte_by_byte_stops_nobody)
{
    struct mounted m;
    struct bytes stream = {0};
    struct client other;
    struct reply reply;

    mounted_begin(&m);
    client_connect(&other, m.server.port, 0);
    put_fh(nfs3_begin(&m.client, 1), &m.root);
    client_put_record(&stream, &m.client.call);
    for (size_t i = 0; i < stream.len; i++) {
        assert_true(client_send_raw(&m.client, stream.data + i, 1));
        if (i % 16 == 0)
            ask_null(&other);
    }
    assert_true(client_receive(&m.client, &reply));
    assert_int_equal(get_u32(&reply.results), NFS_OK);
    bytes_free(&stream);
    client_disconnect(&other);
    mounted_end(&m);
}

TEST(a_hundred_calls_in_one_write_are_all_answered)
{
    struct mounted m;
    struct bytes stream = {0};
    bool seen[100] = {false};

    mounted_begin(&m);
    uint32_t first = m.client.xid + 1;
    for (int i = 0; i < 100; i++) {
        put_fh(nfs3_begin(&m.client, 1), &m.root);
        client_put_record(&stream, &m.client.call);
    }
    assert_true(client_send_raw(&m.client, stream.data, stream.len));
    for (int i = 0; i < 100; i++) {
        struct reply reply;
        assert_true(client_receive(&m.client, &reply));
        assert_in_range(reply.xid, first, first + 99);
        assert_false(seen[reply.xid - first]);
        seen[reply.xid - first] = true;
        assert_int_equal(get_u32(&reply.results), NFS_OK);
    }
    bytes_free(&stream);
    mounted_end(&m);
}

TEST(a_client_that_reads_no_replies_stops_nobody)
{
    struct mounted m;
    struct client deaf;
    struct bytes stream = {0};

    mounted_begin(&m);
    host_write_pattern(m.dir, "file", 1 << 20);
    struct fh fh = mounted_lookup(&m, "file");
    client_connect(&deaf, m.server.port, 0);
    for (int i = 0; i < 100; i++) {
        struct bytes *b = nfs3_begin(&deaf, 6);
        put_fh(b, &fh);
        put_u64(b, 0);
        put_u32(b, 1 << 20);
        client_put_record(&stream, &deaf.call);
    }
    assert_true(client_send_raw(&deaf, stream.data, stream.len));
    for (int i = 0; i < 20; i++) {
        expect_ok(ask_read(&m.client, &fh, 0, 1 << 20, NULL));
        expect_alive(&m);
    }
    /* And he gets them all when he reads at last. */
    for (int i = 0; i < 100; i++) {
        struct reply reply;
        assert_true(client_receive(&deaf, &reply));
    }
    bytes_free(&stream);
    client_disconnect(&deaf);
    mounted_end(&m);
}

TEST(a_record_length_of_4_gib_closes_its_connection_only)
{
    static const uint32_t marks[] = {0xffffffff, 0x7fffffff, 0x80000000 | (2u << 20), 2u << 20};
    struct mounted m;

    mounted_begin(&m);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        struct client client;
        struct bytes b = {0};
        client_connect(&client, m.server.port, 0);
        put_u32(&b, marks[i]);
        assert_true(client_send_raw(&client, b.data, b.len));
        client_expect_close(&client);
        client_disconnect(&client);
        bytes_free(&b);
        expect_alive(&m);
    }
    mounted_end(&m);
}

TEST(fragments_that_add_up_to_more_than_a_message_close_their_connection)
{
    struct mounted m;
    struct client client;
    struct bytes b = {0};
    static uint8_t zeros[65536];

    mounted_begin(&m);
    client_connect(&client, m.server.port, 0);
    put_u32(&b, sizeof(zeros));
    put_raw(&b, zeros, sizeof(zeros));
    bool sent = true;
    for (int i = 0; i < 40 && sent; i++)
        sent = client_send_raw(&client, b.data, b.len);
    if (sent)
        client_expect_close(&client);
    client_disconnect(&client);
    bytes_free(&b);
    expect_alive(&m);
    mounted_end(&m);
}

TEST(truncated_headers_do_no_harm)
{
    struct mounted m;

    mounted_begin(&m);
    put_fh(nfs3_begin(&m.client, 1), &m.root);
    struct bytes whole = {0};
    put_raw(&whole, m.client.call.data, m.client.call.len);
    for (size_t len = 0; len < whole.len; len++) {
        struct client client;
        struct bytes part = {.data = whole.data, .len = len}, stream = {0};
        client_connect(&client, m.server.port, 0);
        client.timeout_ms = 2000;
        client_put_record(&stream, &part);
        assert_true(client_send_raw(&client, stream.data, stream.len));
        /* Whether it was answered, dropped or the connection closed: the next one is served. */
        shutdown(client.fd, SHUT_WR);
        struct reply reply;
        if (client_receive(&client, &reply))
            assert_false(reply.kind == REPLY_ACCEPTED && reply.status == ACCEPT_SUCCESS);
        client_disconnect(&client);
        bytes_free(&stream);
    }
    bytes_free(&whole);
    expect_alive(&m);
    mounted_end(&m);
}

/* A generator of our own: the same garbage in every run. */
static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

TEST(garbage_over_tcp_does_no_harm)
{
    struct mounted m;
    uint32_t random = 2463534242;

    mounted_begin(&m);
    for (int i = 0; i < 200; i++) {
        struct client client;
        uint8_t garbage[2048];
        for (size_t k = 0; k < sizeof(garbage); k++)
            garbage[k] = next_random(&random);
        client_connect(&client, m.server.port, CLIENT_UNPRIVILEGED);
        client_send_raw(&client, garbage, next_random(&random) % sizeof(garbage));
        client_disconnect(&client);
    }
    expect_alive(&m);
    mounted_end(&m);
}

TEST(calls_with_flipped_bits_do_no_harm)
{
    struct mounted m;
    uint32_t random = 88172645;
    struct client client;

    mounted_begin(&m);
    make_file(&m, "file", "text");
    client_connect(&client, m.server.port, 0);
    for (int i = 0; i < 2000; i++) {
        struct bytes *b = nfs3_begin(&client, i % 22);
        put_fh(b, &m.root);
        for (int k = 0; k < 12; k++)
            put_u32(b, next_random(&random) % 5);
        /* Words after the message type, so that each has a reply. */
        size_t at = 8 + next_random(&random) % (b->len - 8);
        b->data[at] ^= 1 << next_random(&random) % 8;
        client_send(&client);
        struct reply reply;
        assert_true(client_receive(&client, &reply));
        assert_int_equal(reply.xid, client.xid);
    }
    client_disconnect(&client);
    expect_alive(&m);
    mounted_end(&m);
}

TEST(garbage_over_udp_does_no_harm)
{
    struct mounted m;
    struct client client;
    uint32_t random = 123456789;

    mounted_begin_with(&m, "--udp");
    client_connect(&client, m.server.port, CLIENT_UDP);
    for (int i = 0; i < 500; i++) {
        uint8_t garbage[1024];
        for (size_t k = 0; k < sizeof(garbage); k++)
            garbage[k] = next_random(&random);
        client_send_raw(&client, garbage, next_random(&random) % sizeof(garbage));
    }
    client_disconnect(&client);
    client_connect(&client, m.server.port, CLIENT_UDP);
    ask_null(&client);
    client_disconnect(&client);
    expect_alive(&m);
    mounted_end(&m);
}

TEST(idle_connections_do_not_stop_the_server)
{
    struct mounted m;
    struct client idle[120];

    server_prepare(&m.server, NULL);
    m.server.nofile = 64;
    mounted_begin_prepared(&m);
    for (int i = 0; i < 120; i++)
        client_connect(&idle[i], m.server.port, CLIENT_UNPRIVILEGED);
    host_sleep_ms(200);
    /* Idle connections were ended for new ones, maybe ours too, as a stock client expects; a new
     * one is served while the others stay, files can be opened, and no CPU burns. */
    mounted_reconnect(&m);
    struct fh fh = make_file(&m, "file", "text");
    expect_content(&m.client, &fh, "text");
    long before = server_cpu_ms(&m.server);
    host_sleep_ms(500);
    assert_true(server_cpu_ms(&m.server) - before < 250);
    for (int i = 0; i < 120; i++)
        client_disconnect(&idle[i]);
    expect_alive(&m);
    mounted_end(&m);
}

TEST(a_reply_message_is_not_answered)
{
    struct mounted m;

    mounted_begin_with(&m, "--udp");
    nfs3_begin(&m.client, 0);
    bytes_patch_u32(&m.client.call, 4, 1); /* REPLY */
    client_send(&m.client);
    /* Answering would make two servers talk to each other for ever. */
    struct client other;
    client_connect(&other, m.server.port, CLIENT_UDP);
    nfs3_begin(&other, 0);
    bytes_patch_u32(&other.call, 4, 1);
    client_send(&other);
    client_expect_silence(&other, 200);
    client_disconnect(&other);
    mounted_end(&m);
}
