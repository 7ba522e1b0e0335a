/*
 * spliced_writes.c - WRITEs of every size and place, of which the server moves the large ones from
 * the socket to the page cache: the file has just these bytes, whatever comes in between.
 */
#include "tests/wire/written.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static struct model model, other_model;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* How many bytes. */
static uint64_t write_everywhere(struct mounted *m, const char *name, uint32_t stable)
{
    static const uint32_t sizes[] = {65536,  131071, 131072, 131073, 131074,  131075,
                                     200001, 262144, LARGE,  MIB,    MIB - 4, MIB - 3};
    static const uint64_t places[] = {0, 1, 4095, 4096, 70001, MIB + 3, 3 * MIB + 5, 6 * MIB};
    struct fh fh = make_file(m, name, "");
    struct nfs3_write done;
    uint64_t verifier = 0, total = 0;

    memset(&model, 0, sizeof(model));
    for (size_t i = 0; i < COUNT(places); i++) {
        for (size_t j = 0; j < 2 * COUNT(sizes); j++) {
            write_model(&m->client, &fh, &model, places[i] + j, sizes[j / 2], stable, &done);
            expect_wcc(&done.wcc, m->dir, name);
            if (verifier != 0)
                assert_int_equal(done.verifier, verifier);
            verifier = done.verifier;
            total += done.count;
        }
        expect_model(&model, m->dir, name);
    }
    return total;
}

TEST(writes_of_every_size_and_place_are_the_files_bytes)
{
    struct mounted m;

    mounted_begin(&m);
    const uint64_t before = written_from_memory(&m);
    const uint64_t total = write_everywhere(&m, "unstable", S_UNSTABLE);
    const uint64_t memory = written_from_memory(&m) - before;
    write_everywhere(&m, "data", S_DATA_SYNC);
    write_everywhere(&m, "file", S_FILE_SYNC);
    /* By the pipe go those from 128 KiB on, behind another large one, of whatever length. */
    test_note("%zu of %zu bytes were written from memory", (size_t)memory, (size_t)total);
    assert_true(memory < total / 2);
    mounted_end(&m);
}

TEST(a_write_of_less_between_large_ones_does_not_keep_them_from_the_pipe)
{
    struct mounted m;
    static const uint32_t sizes[] = {65536, 100000, 100001, 131068};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        int by_pipe = 0;
        for (int j = 0; j < 16; j++) {
            write_model(&m.client, &fh, &model, 0, sizes[i], S_UNSTABLE, NULL);
            write_model(&m.client, &fh, &model, 0, LARGE, S_UNSTABLE, NULL);
            const uint64_t before = written_from_memory(&m);
            write_model(&m.client, &fh, &model, 1, LARGE, S_UNSTABLE, NULL);
            by_pipe += written_from_memory(&m) - before < LARGE;
        }
        test_note("%u bytes: %d of 16", sizes[i], by_pipe);
        assert_true(by_pipe > 0);
        warm(&m, &m.client, &fh, &model);
    }
    expect_model(&model, m.dir, "file");
    mounted_end(&m);
}

TEST(a_large_write_of_less_than_its_data_writes_so_much)
{
    struct mounted m;
    struct nfs3_write done;
    struct client client;
    static const uint32_t counts[] = {0, 1, 4096, 65536, LARGE / 2 + 1, LARGE - 4, LARGE - 1};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (size_t i = 0; i < COUNT(counts); i++) {
        const uint8_t *data = some_data();
        client_connect(&client, m.server.port, 0);
        warm(&m, &client, &fh, &model);
        begin_write(&client, &fh, i * 1001, counts[i], S_UNSTABLE, data, LARGE);
        struct cursor results = client_finish(&client);
        expect_ok(take_written(&results, &done));
        assert_int_equal(done.count, counts[i]);
        model_put(&model, i * 1001, data, counts[i]);
        expect_model(&model, m.dir, "file");
        write_model(&client, &fh, &model, MIB, LARGE, S_UNSTABLE, &done);
        client_disconnect(&client);
    }
    expect_model(&model, m.dir, "file");
    mounted_end(&m);
}

/* As the kernel's client sends it: pages as they lie in its cache, each in a piece of its own, and
 * torn where a packet ends. */
static void send_pages(struct client *client, const struct bytes *call, int fd, size_t len)
{
    const size_t head = call->len - len;
    const uint32_t mark = htonl(0x80000000u | (uint32_t)call->len);
    off_t at = 0;

    assert_int_equal(send(client->fd, &mark, 4, MSG_MORE), 4);
    assert_int_equal(send(client->fd, call->data, head, MSG_MORE), head);
    while ((size_t)at < len)
        assert_true(sendfile(client->fd, fd, &at, 4096) > 0);
}

TEST(large_writes_of_a_clients_own_pages_are_right)
{
    struct mounted m;
    int fd = memfd_create("pages", MFD_CLOEXEC), by_pipe = 0;

    assert_return_code(fd, errno);
    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    warm(&m, &m.client, &fh, &model);
    for (uint32_t i = 0; i < 32; i++) {
        const uint8_t *data = some_data();
        const uint64_t before = written_from_memory(&m);
        struct bytes *call = begin_write(&m.client, &fh, i * 1001, MIB, S_UNSTABLE, data, MIB);
        assert_int_equal(pwrite(fd, data, MIB, 0), MIB);
        send_pages(&m.client, call, fd, MIB);
        struct reply reply;
        assert_true(client_receive(&m.client, &reply));
        expect_ok(take_written(&reply.results, NULL));
        model_put(&model, i * 1001, data, MIB);
        by_pipe += written_from_memory(&m) - before < MIB;
    }
    test_note("%d of 32 went by the pipe", by_pipe);
    assert_true(by_pipe > 4);
    expect_model(&model, m.dir, "file");
    close(fd);
    mounted_end(&m);
}

/* The first goes through memory, with what comes of the second, which lies elsewhere in the receive
 * buffer where the first one's length is no multiple of 4, and has bytes behind its data, so that
 * it can't stay in the pipe. */
TEST(a_large_write_behind_a_call_of_odd_length_is_right)
{
    struct mounted m;
    struct client client;
    struct reply reply;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (size_t junk = 0; junk < 16; junk++) {
        struct bytes stream = {0};
        const uint8_t *data = some_data();
        client_connect(&client, m.server.port, 0);
        put_raw(begin_write(&client, &fh, 0, LARGE / 4, S_UNSTABLE, data, LARGE / 4), "junk",
                junk % 4);
        client_put_record(&stream, &client.call);
        model_put(&model, 0, data, LARGE / 4);
        data = some_data();
        put_raw(begin_write(&client, &fh, 3, LARGE + 1, S_UNSTABLE, data, LARGE + 1), "junk", 4);
        client_put_record(&stream, &client.call);
        model_put(&model, 3, data, LARGE + 1);
        const size_t first = stream.len - (LARGE + 4 + 4) - (junk < 8 ? 0 : 50);
        assert_true(client_send_raw(&client, stream.data, first));
        assert_true(client_receive(&client, &reply));
        expect_ok(take_written(&reply.results, NULL));
        host_sleep_ms(20);
        assert_true(client_send_raw(&client, stream.data + first, stream.len - first));
        assert_true(client_receive(&client, &reply));
        expect_ok(take_written(&reply.results, NULL));
        bytes_free(&stream);
        client_disconnect(&client);
        expect_model(&model, m.dir, "file");
    }
    mounted_end(&m);
}

/* --- several at once --- */

static void send_all(struct client *client, struct bytes *stream)
{
    assert_true(client_send_raw(client, stream->data, stream->len));
    stream->len = 0;
}

TEST(many_large_writes_in_flight_each_go_to_their_place)
{
    struct mounted m;
    struct bytes stream = {0};
    struct nfs3_write done;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (uint32_t round = 0; round < 20; round++) {
        const uint32_t first = m.client.xid;
        uint64_t answered = 0;
        uint32_t which;
        for (uint32_t i = 0; i < 16; i++)
            put_write(&m.client, &stream, &fh, &model, (uint64_t)i * 300000 + round,
                      131072 + i * 9000 + (round % 2 ? i : 0), S_UNSTABLE);
        send_all(&m.client, &stream);
        for (uint32_t i = 0; i < 16; i++) {
            struct reply reply = take_reply(&m.client, first, 16, &answered, &which);
            expect_ok(take_written(&reply.results, &done));
            assert_int_equal(done.count, 131072 + which * 9000 + (round % 2 ? which : 0));
        }
        expect_model(&model, m.dir, "file");
    }
    bytes_free(&stream);
    mounted_end(&m);
}

/* What goes in between: none of it is what the server expects after a large WRITE. */
static void put_between(struct mounted *m, struct bytes *stream, const struct fh *fh, uint32_t i)
{
    struct client *client = &m->client;
    struct bytes *call;

    switch (i) {
    case 0:
        call = nfs3_begin(client, 0);
        break;
    case 1:
    case 2: /* shorter than a WRITE's head, and several of them together longer */
        call = nfs3_begin(client, 1);
        put_fh(call, fh);
        break;
    default: /* whose data goes out by a pipe, too */
        call = nfs3_begin(client, 6);
        put_fh(call, fh);
        put_u64(call, 0);
        put_u32(call, 100000);
    }
    client_put_record(stream, call);
}

TEST(what_comes_between_large_writes_does_them_no_harm)
{
    struct mounted m;
    struct bytes stream = {0};
    const struct caller root = caller_root;
    const struct caller member = {.flavor = 1, .ngids = 16, .gids = {1, 2, 3, 4, 5, 6, 7, 8}};

    mounted_begin(&m);
    host_write_pattern(m.dir, "read", 100000);
    struct fh fh = make_file(&m, "file", ""), other = make_file(&m, "other", "");
    struct fh read = mounted_lookup(&m, "read");
    for (uint32_t round = 0; round < 36; round++) {
        const uint32_t first = m.client.xid;
        uint64_t answered = 0;
        uint32_t which;
        for (uint32_t i = 0; i < 12; i++) {
            const bool odd = i % 4 == 2;
            m.client.who = i % 3 == round % 3 ? member : root;
            put_write(&m.client, &stream, odd ? &other : &fh, odd ? &other_model : &model,
                      (uint64_t)i * 300000 + round, 131072 + (i + round) % 5 * 30001, S_UNSTABLE);
            put_between(&m, &stream, &read, i == 5 ? 3 : (i + round) % 3);
        }
        m.client.who = root;
        send_all(&m.client, &stream);
        for (uint32_t i = 0; i < 24; i++) {
            struct reply reply = take_reply(&m.client, first, 24, &answered, &which);
            if (which % 2 == 0)
                expect_ok(take_written(&reply.results, NULL));
        }
        expect_model(&model, m.dir, "file");
        expect_model(&other_model, m.dir, "other");
    }
    bytes_free(&stream);
    mounted_end(&m);
}

/* --- as it comes --- */

TEST(large_writes_in_fragments_and_in_pieces_are_whole)
{
    struct mounted m;
    struct bytes stream = {0};
    struct nfs3_write done;
    static const size_t fragments[] = {50000, 100, 131072, 300000, LARGE, LARGE + 40, LARGE + 100};
    /* In the mark, about the end of the head, in the data. */
    static const size_t cuts[] = {1, 4, 5, 60, 100, 140, 150, 160, 170, 180, 1000, 70000, LARGE};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (size_t i = 0; i < COUNT(fragments); i++) {
        warm(&m, &m.client, &fh, &model);
        const uint8_t *data = some_data();
        begin_write(&m.client, &fh, 77, LARGE, S_UNSTABLE, data, LARGE);
        client_send_fragments(&m.client, fragments[i], i % 2);
        struct reply reply;
        assert_true(client_receive(&m.client, &reply));
        expect_ok(take_written(&reply.results, &done));
        model_put(&model, 77, data, LARGE);
        expect_model(&model, m.dir, "file");
    }
    for (size_t i = 0; i < COUNT(cuts); i++) {
        warm(&m, &m.client, &fh, &model);
        const uint32_t first = m.client.xid;
        uint64_t answered = 0;
        put_write(&m.client, &stream, &fh, &model, 99 + i, LARGE, S_UNSTABLE);
        assert_true(client_send_raw(&m.client, stream.data, cuts[i]));
        host_sleep_ms(i % 2 ? 3 : 30);
        assert_true(client_send_raw(&m.client, stream.data + cuts[i], stream.len - cuts[i]));
        stream.len = 0;
        uint32_t which;
        struct reply reply = take_reply(&m.client, first, 1, &answered, &which);
        expect_ok(take_written(&reply.results, &done));
        expect_model(&model, m.dir, "file");
    }
    bytes_free(&stream);
    mounted_end(&m);
}

TEST(half_a_large_write_writes_nothing_and_harms_no_other_connection)
{
    struct mounted m;
    struct client client;
    struct bytes stream = {0};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (uint32_t i = 0; i < 12; i++) {
        client_connect(&client, m.server.port, 0);
        warm(&m, &client, &fh, &model);
        const uint8_t *data = some_data();
        client_put_record(&stream, begin_write(&client, &fh, 0, LARGE, S_UNSTABLE, data, LARGE));
        assert_true(client_send_raw(&client, stream.data, i % 2 ? stream.len - 1 : 90000));
        if (i % 3 == 0)
            host_sleep_ms(10);
        write_model(&m.client, &fh, &model, 3, LARGE, S_UNSTABLE, NULL);
        if (i % 4 < 2) {
            assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
            client_expect_close(&client);
        }
        client_disconnect(&client);
        stream.len = 0;
        write_model(&m.client, &fh, &model, MIB, LARGE, S_UNSTABLE, NULL);
        expect_model(&model, m.dir, "file");
    }
    bytes_free(&stream);
    mounted_end(&m);
}

/* --- of two connections --- */

struct sender {
    struct client client;
    struct bytes stream;
    bool sent;
};

static void *send_stream(void *arg)
{
    struct sender *s = arg;

    s->sent = client_send_raw(&s->client, s->stream.data, s->stream.len);
    return NULL;
}

TEST(large_writes_of_two_connections_at_once_are_not_mixed_up)
{
    struct mounted m;
    struct sender senders[2] = {0};
    pthread_t threads[2];
    const uint32_t calls = 20, size = 256 * 1024;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (int k = 0; k < 2; k++)
        client_connect(&senders[k].client, m.server.port, 0);
    for (uint32_t round = 0; round < 10; round++) {
        uint32_t first[2], which;
        for (uint32_t k = 0; k < 2; k++) {
            first[k] = senders[k].client.xid;
            for (uint32_t i = 0; i < calls; i++)
                put_write(&senders[k].client, &senders[k].stream, &fh, &model,
                          (uint64_t)(2 * i + k) * size, size, S_UNSTABLE);
        }
        for (int k = 0; k < 2; k++)
            assert_int_equal(pthread_create(&threads[k], NULL, send_stream, &senders[k]), 0);
        for (int k = 0; k < 2; k++) {
            uint64_t answered = 0;
            for (uint32_t i = 0; i < calls; i++) {
                struct reply reply =
                    take_reply(&senders[k].client, first[k], calls, &answered, &which);
                expect_ok(take_written(&reply.results, NULL));
            }
        }
        for (int k = 0; k < 2; k++) {
            pthread_join(threads[k], NULL);
            assert_true(senders[k].sent);
            senders[k].stream.len = 0;
        }
        expect_model(&model, m.dir, "file");
    }
    for (int k = 0; k < 2; k++) {
        bytes_free(&senders[k].stream);
        client_disconnect(&senders[k].client);
    }
    mounted_end(&m);
}

/* --- to another file system --- */

TEST(large_writes_to_a_file_system_in_memory_are_the_files_bytes)
{
    struct mounted m;
    struct mount_answer mem;
    struct made made;
    struct nfs3_read got;
    static const uint32_t sizes[] = {131072, MIB, 200001, LARGE};

    server_prepare(&m.server, NULL);
    server_add_arg(&m.server, "--export=/mem,fs=memfs,size=32M,rw,no_root_squash,insecure");
    mounted_begin_prepared(&m);
    assert_int_equal(ask_mnt(&m.client, 3, "/mem", &mem), MNT_OK);
    expect_ok(ask_create(&m.client, &mem.fh, "file", H_GUARDED, NULL, NULL, &made));
    struct fh fh = make_file(&m, "file", "");
    for (uint32_t i = 0; i < 32; i++) {
        /* The next one's data comes in the pipe, too, though to another export. */
        if (i % 4 == 0)
            warm(&m, &m.client, &fh, &other_model);
        write_model(&m.client, &made.fh, &model, i * 70001ull, sizes[i / 2 % 4], i % 3, NULL);
    }
    expect_model(&other_model, m.dir, "file");
    for (size_t at = 0; at < model.len; at += got.count) {
        expect_ok(ask_read(&m.client, &made.fh, at, MIB, &got));
        assert_true(got.count > 0 && at + got.count <= model.len);
        assert_memory_equal(got.data, model.data + at, got.count);
    }
    assert_true(got.eof);
    mounted_end(&m);
}
