/*
 * clones.c - clients that can't be told apart by their xids: clones of one machine, guests behind
 * one address, clients whose xids begin at 1 after a start; and what one client's calls do to the
 * replies kept for another.
 */
#include "tests/lib/fault.h"
#include "tests/wire/wire.h"
#include <stdio.h>
#include <string.h>

#define XID 9001
/* More than everything that is kept. */
#define MANY    40000
#define AT_ONCE 64

static const uint32_t sizes[] = {4, 512, 900, 4096, 65536, 200000, 1 << 20};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static uint8_t data[1 << 20];

/* That a WRITE by this client, whose beginning is everybody's, is in the file. */
static void write_own(struct mounted *m, struct client *client, const struct fh *fh, uint32_t len,
                      uint8_t mark, uint32_t stable, uint32_t xid)
{
    struct nfs3_write result;
    struct nfs3_read read;

    memset(data, 'H', len);
    data[len - 1] = mark;
    client->xid = xid;
    expect_ok(ask_write(client, fh, 0, data, len, stable, &result));
    assert_int_equal(result.count, len);
    expect_ok(ask_read(&m->client, fh, len - 1, 1, &read));
    assert_int_equal(read.count, 1);
    assert_int_equal(read.data[0], mark);
}

/* Large ones in a row go by the pipe (docs/ARCHITECTURE.md), so there are several of each. */
TEST(a_write_is_carried_out_though_another_clients_looked_like_it)
{
    static const uint32_t stables[] = {S_UNSTABLE, S_FILE_SYNC};
    struct client one, other;
    struct mounted m;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    client_connect(&one, m.server.port, 0);
    client_connect(&other, m.server.port, 0);
    for (size_t i = 0; i < SIZES * 4; i++) {
        uint32_t stable = stables[i % 2];
        uint8_t mark = (uint8_t)(i * 3);
        uint32_t xid = XID + (uint32_t)i;
        write_own(&m, &one, &fh, sizes[i / 4], mark, stable, xid);
        write_own(&m, &other, &fh, sizes[i / 4], mark + 1, stable, xid);
        client_reconnect(&one, m.server.port);
        write_own(&m, &one, &fh, sizes[i / 4], mark + 2, stable, xid);
    }
    client_disconnect(&one);
    client_disconnect(&other);
    mounted_end(&m);
}

TEST(a_client_is_not_told_that_it_made_what_its_clone_made)
{
    struct client one, other;
    struct mounted m;

    mounted_begin(&m);
    client_connect(&one, m.server.port, 0);
    client_connect(&other, m.server.port, 0);
    one.xid = other.xid = XID;
    expect_ok(ask_mkdir(&one, &m.root, "dir", NULL, NULL));
    expect_status(ask_mkdir(&other, &m.root, "dir", NULL, NULL), NFS_EXIST);
    expect_ok(ask_create(&one, &m.root, "file", H_GUARDED, NULL, NULL, NULL));
    expect_status(ask_create(&other, &m.root, "file", H_GUARDED, NULL, NULL, NULL), NFS_EXIST);
    expect_ok(ask_remove(&one, &m.root, "file", NULL));
    host_write(m.dir, "file", "");
    expect_ok(ask_remove(&other, &m.root, "file", NULL));
    assert_false(host_exists(m.dir, "file"));
    /* When the one is gone, its calls may come by any connection; the clone's are still its own. */
    expect_ok(ask_mkdir(&one, &m.root, "second", NULL, NULL));
    client_end(&one);
    expect_ok(ask_mkdir(&other, &m.root, "second", NULL, NULL));
    client_disconnect(&other);
    mounted_end(&m);
}

/* It may not ask a second time by that connection: TCP loses nothing. */
TEST(a_client_that_reconnects_while_its_call_runs_is_answered)
{
    struct mounted m;
    struct reply reply;

    server_prepare(&m.server, "/var/tmp");
    fault_prepare(&m.server);
    mounted_begin_prepared(&m);
    fault_over();
    host_write(m.dir, "file", "");
    unsigned before = fault_calls(&m.server, "unlinkat");
    fault_set(&m.server, "unlinkat:delay=700:1");
    struct bytes *b = nfs3_begin(&m.client, 12);
    put_fh(b, &m.root);
    put_string(b, "file");
    client_send(&m.client);
    while (fault_calls(&m.server, "unlinkat") == before)
        host_sleep_ms(10);
    client_reconnect(&m.client, m.server.port);
    client_send(&m.client);
    assert_true(client_receive(&m.client, &reply));
    expect_ok(get_u32(&reply.results));
    assert_int_equal(fault_calls(&m.server, "unlinkat"), before + 1);
    mounted_end(&m);
}

/* RFC 1813 has the client use a new number then; who does not must not wait for ever. */
TEST(a_call_that_is_told_to_come_again_later_is_carried_out_then)
{
    struct mounted m;

    server_prepare(&m.server, "/var/tmp");
    fault_prepare(&m.server);
    mounted_begin_prepared(&m);
    fault_over();
    fault_set(&m.server, "mkdirat:ENOMEM:1");
    expect_status(ask_mkdir(&m.client, &m.root, "dir", NULL, NULL), NFS_JUKEBOX);
    m.client.xid--;
    expect_ok(ask_mkdir(&m.client, &m.root, "dir", NULL, NULL));
    mounted_end(&m);
}

TEST(the_same_call_of_another_user_is_another_call)
{
    struct mounted m;
    struct sattr open = {.set_mode = true, .mode = 0777};

    mounted_begin(&m);
    expect_ok(ask_setattr(&m.client, &m.root, &open, NULL, NULL));
    m.client.who = caller_uid(STRANGER, STRANGER);
    expect_ok(ask_mkdir(&m.client, &m.root, "dir", NULL, NULL));
    client_reconnect(&m.client, m.server.port);
    m.client.xid--;
    m.client.who = caller_uid(STRANGER + 1, STRANGER);
    expect_status(ask_mkdir(&m.client, &m.root, "dir", NULL, NULL), NFS_EXIST);
    mounted_end(&m);
}

/* Sends MANY calls, AT_ONCE at a time; put() writes the i-th one's arguments. */
static void flood(struct client *client, uint32_t procedure, const struct fh *fh,
                  void (*put)(struct bytes *b, const struct fh *fh, uint32_t i))
{
    struct bytes stream = {0};
    struct reply reply;

    for (uint32_t at = 0; at < MANY; at += AT_ONCE) {
        stream.len = 0;
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            put(nfs3_begin(client, procedure), fh, at + i);
            client_put_record(&stream, &client->call);
        }
        assert_true(client_send_raw(client, stream.data, stream.len));
        for (uint32_t i = 0; i < AT_ONCE; i++)
            assert_true(client_receive(client, &reply));
    }
    bytes_free(&stream);
}

static void put_write(struct bytes *b, const struct fh *fh, uint32_t i)
{
    put_fh(b, fh);
    put_u64(b, i);
    put_u32(b, 1);
    put_u32(b, S_UNSTABLE);
    put_opaque(b, "x", 1);
}

static void put_setattr(struct bytes *b, const struct fh *fh, uint32_t i)
{
    const struct sattr set = {.set_mode = true, .mode = 0600 + i % 2};

    put_fh(b, fh);
    put_sattr(b, &set);
    put_u32(b, 0);
}

static void put_remove(struct bytes *b, const struct fh *fh, uint32_t i)
{
    char name[16];

    snprintf(name, sizeof(name), "none%u", i);
    put_fh(b, fh);
    put_string(b, name);
}

/* client_receive() wants replies in order of xids; the flood's own are its own. */
TEST(no_clients_calls_push_out_anothers_replies)
{
    static void (*const puts[])(struct bytes *, const struct fh *,
                                uint32_t) = {put_write, put_setattr, put_remove, put_remove};
    static const uint32_t procedures[] = {7, 2, 12, 12};
    struct client busy;
    struct mounted m;
    struct reply reply;

    mounted_begin(&m);
    struct fh file = make_file(&m, "busy", "");
    struct fh bad = make_bad(&m.root);
    const struct fh *const handles[] = {&file, &file, &m.root, &bad};
    client_connect(&busy, m.server.port, 0);
    for (size_t i = 0; i < 4; i++) {
        host_write(m.dir, "victim", "");
        expect_ok(ask_remove(&m.client, &m.root, "victim", NULL));
        flood(&busy, procedures[i], handles[i], puts[i]);
        client_reconnect(&m.client, m.server.port);
        client_send(&m.client);
        assert_true(client_receive(&m.client, &reply));
        expect_ok(get_u32(&reply.results));
    }
    client_disconnect(&busy);
    mounted_end(&m);
}
