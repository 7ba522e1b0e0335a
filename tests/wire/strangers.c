/*
 * strangers.c - whoever is in no export is turned away before anything is done for him.
 */
#include "tests/wire/wire.h"
#include <signal.h>
#include <stdio.h>

#define AUTH_TOOWEAK 5

/* An exports file with this client, instead of the plain export. */
static void write_exports(struct server *server, const char *clients)
{
    char line[300];

    snprintf(line, sizeof(line), "%s %s\n", server->export_dir, clients);
    host_write(server->home, "exports", line);
}

static void prepare(struct server *server, const char *clients)
{
    static char file[100];

    server_prepare(server, NULL);
    server->no_plain_export = true;
    server->portmap = "auto"; /* so that the portmapper's program is there, too */
    snprintf(file, sizeof(file), "--exports=%s/exports", server->home);
    server_add_arg(server, file);
    write_exports(server, clients);
}

static void expect_turned_away(struct client *client)
{
    struct reply reply = client_exchange(client);

    assert_int_equal(reply.kind, REPLY_DENIED);
    assert_int_equal(reply.status, REJECT_AUTH_ERROR);
    assert_int_equal(reply.low, AUTH_TOOWEAK);
    assert_int_equal(cursor_left(&reply.results), 0);
}

static void begin_call(struct client *client, uint32_t program, uint32_t version,
                       uint32_t procedure)
{
    client_begin(client, program, version, procedure);
}

TEST(a_stranger_is_told_so_whatever_he_asks_and_his_connection_is_ended)
{
    static const struct {
        uint32_t program, version, procedure;
    } calls[] = {
        {PROGRAM_NFS, 3, 0},     {PROGRAM_NFS, 3, 1},     {PROGRAM_NFS, 4, 0},
        {PROGRAM_NFS, 3, 99},    {PROGRAM_MOUNT, 3, 1},   {PROGRAM_MOUNT, 1, 2},
        {PROGRAM_MOUNT, 3, 2},   {PROGRAM_MOUNT, 3, 5},   {PROGRAM_MOUNT, 3, 4},
        {PROGRAM_PORTMAP, 2, 4}, {PROGRAM_PORTMAP, 4, 4}, {PROGRAM_PORTMAP, 2, 0},
        {200000, 1, 0},
    };
    struct server server;
    struct client client;

    prepare(&server, "192.0.2.1(rw,insecure)");
    server_start(&server);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        client_connect(&client, server.port, 0);
        begin_call(&client, calls[i].program, calls[i].version, calls[i].procedure);
        expect_turned_away(&client);
        client_expect_close(&client);
        client_disconnect(&client);
        client_connect(&client, server.port, CLIENT_UDP);
        begin_call(&client, calls[i].program, calls[i].version, calls[i].procedure);
        expect_turned_away(&client);
        client_disconnect(&client);
    }
    assert_true(server_log_has(&server, "nothing is exported to it"));
    server_finish(&server);
}

/* One reply, though many calls came at once. */
TEST(of_a_strangers_calls_only_the_first_is_looked_at)
{
    struct bytes stream = {0};
    struct server server;
    struct client client;
    struct reply reply;
    unsigned replies = 0;

    prepare(&server, "192.0.2.1(rw,insecure)");
    server_start(&server);
    client_connect(&client, server.port, 0);
    for (int i = 0; i < 200; i++) {
        begin_call(&client, PROGRAM_MOUNT, 3, 2);
        client_put_record(&stream, &client.call);
    }
    assert_true(client_send_raw(&client, stream.data, stream.len));
    while (client_receive(&client, &reply))
        replies++;
    assert_true(replies <= 1);
    bytes_free(&stream);
    client_disconnect(&client);
    server_finish(&server);
}

TEST(a_strangers_name_is_not_asked_for_where_no_export_has_names)
{
    struct server server;
    struct client client;

    test_skip_in_variant("user", "an ordinary user has no mount namespaces");
    host_private_mounts();
    prepare(&server, "192.0.2.0/24(rw,insecure) 127.0.0.2(rw,insecure)");
    /* Whoever asks finds no name service at all, and waits. */
    host_write(server.home, "resolv.conf", "nameserver 192.0.2.53\noptions timeout:30\n");
    char source[120];
    snprintf(source, sizeof(source), "%s/resolv.conf", server.home);
    host_mount_bind(source, "/etc/resolv.conf");
    server_start(&server);
    client_connect(&client, server.port, 0);
    client.timeout_ms = 20000;
    begin_call(&client, PROGRAM_NFS, 3, 0);
    expect_turned_away(&client);
    client_disconnect(&client);
    server_finish(&server);
}

TEST(who_is_in_some_export_gets_all_that_clients_ask_for)
{
    struct client client;
    struct mounted m;

    prepare(&m.server, "127.0.0.1(rw,no_root_squash,insecure)");
    mounted_begin_prepared(&m);
    for (int flags = 0; flags <= CLIENT_UDP; flags += CLIENT_UDP) {
        client_connect(&client, m.server.port, flags);
        begin_call(&client, PROGRAM_MOUNT, 3, 0);
        client_finish(&client);
        begin_call(&client, PROGRAM_MOUNT, 9, 0);
        assert_int_equal(client_exchange(&client).status, ACCEPT_PROG_MISMATCH);
        begin_call(&client, PROGRAM_PORTMAP, 2, 0);
        client_finish(&client);
        begin_call(&client, 200000, 1, 0);
        assert_int_equal(client_exchange(&client).status, ACCEPT_PROG_UNAVAIL);
        client_disconnect(&client);
    }
    begin_call(&m.client, PROGRAM_NFS, 4, 0);
    assert_int_equal(client_exchange(&m.client).status, ACCEPT_PROG_MISMATCH);
    assert_int_equal(ask_dump(&m.client, 3, NULL, 0), 1);
    mounted_end(&m);
}

/* Also for connections that were there before. */
TEST(a_reload_makes_strangers_of_clients_and_clients_of_strangers)
{
    struct client before;
    struct mounted m;

    prepare(&m.server, "127.0.0.1(rw,no_root_squash,insecure)");
    mounted_begin_prepared(&m);
    client_connect(&before, m.server.port, 0);
    ask_null(&before);
    write_exports(&m.server, "192.0.2.1(rw,insecure)");
    kill(m.server.pid, SIGHUP);
    assert_true(server_log_waits_for(&m.server, "exports reloaded", 60000));
    nfs3_begin(&before, 0);
    expect_turned_away(&before);
    client_disconnect(&before);
    client_connect(&before, m.server.port, 0);
    nfs3_begin(&before, 0);
    expect_turned_away(&before);
    client_disconnect(&before);
    write_exports(&m.server, "192.0.2.1(rw,insecure) 127.0.0.1(rw,no_root_squash,insecure)");
    kill(m.server.pid, SIGHUP);
    client_reconnect(&m.client, m.server.port);
    uint32_t status = ACCEPT_SYSTEM_ERR;
    for (int tries = 0; tries < 6000 && status != ACCEPT_SUCCESS; tries++) {
        client_reconnect(&m.client, m.server.port);
        nfs3_begin(&m.client, 0);
        struct reply reply = client_exchange(&m.client);
        status = reply.kind == REPLY_ACCEPTED ? reply.status : ACCEPT_SYSTEM_ERR;
        host_sleep_ms(10);
    }
    assert_int_equal(status, ACCEPT_SUCCESS);
    expect_ok(ask_getattr(&m.client, &m.root, NULL));
    mounted_end(&m);
}

TEST(a_client_known_by_its_name_only_is_let_in)
{
    struct mounted m;

    test_skip_in_variant("user", "an ordinary user has no mount namespaces");
    host_private_mounts();
    prepare(&m.server, "192.0.2.0/24(rw,insecure) one.lab.example(rw,no_root_squash,insecure)");
    host_write(m.server.home, "hosts", "127.0.0.1 one.lab.example\n");
    char source[120];
    snprintf(source, sizeof(source), "%s/hosts", m.server.home);
    host_mount_bind(source, "/etc/hosts");
    mounted_begin_prepared(&m);
    expect_ok(ask_getattr(&m.client, &m.root, NULL));
    mounted_end(&m);
}
