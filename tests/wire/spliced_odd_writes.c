/*
 * spliced_odd_writes.c - large WRITEs whose data the server has in a pipe when it finds that it
 * can't be written: calls that are wrong, refused, answered before, or too much for the disk.
 */
#include "tests/wire/written.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct model model;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- the same as of a fresh connection --- */

struct outcome {
    uint32_t kind, status, low, high;
    uint32_t nfs;  /* the results' first word */
    uint32_t zero; /* outcomes are compared as bytes: no hole may be left */
    off_t written; /* the file's size then */
};

/* Sends client->call, of a WRITE of `data` to the beginning of "odd". */
static struct outcome outcome_of(struct mounted *m, struct client *client, const uint8_t *data)
{
    uint8_t *got = malloc(2 * MIB);
    int fd = open(host_path(m->dir, "odd").text, O_RDWR | O_TRUNC | O_CLOEXEC);

    assert_return_code(fd, errno);
    struct reply reply = client_exchange(client);
    struct outcome outcome = {.kind = reply.kind,
                              .status = reply.status,
                              .low = reply.low,
                              .high = reply.high,
                              .written = lseek(fd, 0, SEEK_END)};
    if (cursor_left(&reply.results) >= 4)
        outcome.nfs = get_u32(&reply.results);
    /* Beyond the beginning there is something only at the last offsets of tmpfs, which has them. */
    if (outcome.written > LARGE) {
        assert_true(lseek(fd, 0, SEEK_DATA) >= outcome.written - (off_t)(2 * MIB));
    } else {
        assert_int_equal(pread(fd, got, 2 * MIB, 0), outcome.written);
        if (outcome.written > 0)
            assert_memory_equal(got, data, outcome.written);
    }
    close(fd);
    free(got);
    return outcome;
}

/* The call in m->client.call, to a fresh connection and to one that has its data in a pipe. */
static struct outcome expect_alike(struct mounted *m, const struct fh *good, const uint8_t *data,
                                   const char *what)
{
    struct client clients[2];
    struct outcome got[2];

    for (int i = 0; i < 2; i++) {
        client_connect(&clients[i], m->server.port, 0);
        if (i == 1)
            warm(m, &clients[i], good, &model);
        clients[i].call.len = 0;
        put_raw(&clients[i].call, m->client.call.data, m->client.call.len);
        bytes_patch_u32(&clients[i].call, 0, clients[i].xid += 2);
        got[i] = outcome_of(m, &clients[i], data);
        /* And then. */
        for (int j = 0; j < 3; j++)
            write_model(&clients[i], good, &model, 7, LARGE, S_UNSTABLE, NULL);
        client_disconnect(&clients[i]);
    }
    test_note("%s: %s %u, %s, %zu bytes", what, got[0].kind ? "denied" : "accepted", got[0].status,
              nfs3_status_name(got[0].nfs), (size_t)got[0].written);
    if (memcmp(&got[0], &got[1], sizeof(got[0])) != 0)
        fail_msg("in a pipe: %s %u, %s, %zu bytes", got[1].kind ? "denied" : "accepted",
                 got[1].status, nfs3_status_name(got[1].nfs), (size_t)got[1].written);
    expect_model(&model, m->dir, "file");
    return got[0];
}

/* In a call of root's the words before the handle, and behind it. */
enum { HEAD, ARGS };
#define HEAD_WORDS 17

static const struct {
    const char *what;
    int where;
    uint32_t word, value;
} wrong_words[] = {
    {"another version of RPC", HEAD, 2, 3},
    {"an unknown program", HEAD, 3, 200000},
    {"the MOUNT program", HEAD, 3, PROGRAM_MOUNT},
    {"an old version", HEAD, 4, 2},
    {"a new version", HEAD, 4, 4},
    {"NULL", HEAD, 5, 0},
    {"GETATTR", HEAD, 5, 1},
    {"SETATTR", HEAD, 5, 2},
    {"READ", HEAD, 5, 6},
    {"CREATE", HEAD, 5, 8},
    {"COMMIT", HEAD, 5, 21},
    {"no procedure", HEAD, 5, 22},
    {"no procedure at all", HEAD, 5, 0xffffffff},
    {"an unknown flavor", HEAD, 6, 6},
    {"AUTH_NONE with a body", HEAD, 6, 0},
    {"a credential without a body", HEAD, 7, 0},
    {"a shorter credential", HEAD, 7, 24},
    {"a longer credential", HEAD, 7, 32},
    {"a credential that reaches into the data", HEAD, 7, 400},
    {"a credential that is too long", HEAD, 7, 401},
    {"an endless credential", HEAD, 7, 0xffffffff},
    {"a machine's name that is too long", HEAD, 9, 256},
    {"a group that is not there", HEAD, 14, 1},
    {"too many groups", HEAD, 14, 17},
    {"a verifier that is the handle", HEAD, 16, 40},
    {"a verifier that is too long", HEAD, 16, 401},
    {"a handle of no bytes", HEAD, 17, 0},
    {"a handle of 4 bytes", HEAD, 17, 4},
    {"a handle of 63 bytes", HEAD, 17, 63},
    {"a handle of 64 bytes", HEAD, 17, 64},
    {"a handle of 65 bytes", HEAD, 17, 65},
    {"an endless handle", HEAD, 17, 0xffffffff},
    {"an offset beyond all", ARGS, 0, 0x80000000},
    {"the last offsets", ARGS, 0, 0x7fffffff},
    {"a count of more than the data", ARGS, 2, LARGE + 1},
    {"a count of 4 GB", ARGS, 2, 0xffffffff},
    {"no such stability", ARGS, 3, 3},
    {"a negative stability", ARGS, 3, 0xffffffff},
    {"data longer by a byte", ARGS, 4, LARGE + 1},
    {"data longer by a word", ARGS, 4, LARGE + 4},
    {"data shorter by a byte", ARGS, 4, LARGE - 1},
    {"data shorter by a word", ARGS, 4, LARGE - 4},
    {"no data", ARGS, 4, 0},
    {"endless data", ARGS, 4, 0xffffffff},
};

TEST(a_wrong_call_is_answered_alike_with_its_data_in_a_pipe)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh good = make_file(&m, "file", ""), odd = make_file(&m, "odd", "");
    assert_int_equal(good.len, odd.len);
    for (size_t i = 0; i < COUNT(wrong_words); i++) {
        const uint8_t *data = some_data();
        struct bytes *call = begin_write(&m.client, &odd, 0, LARGE, S_UNSTABLE, data, LARGE);
        /* Behind the handle's length and itself. */
        const size_t args = wrong_words[i].where == ARGS ? HEAD_WORDS + 1 + (odd.len + 3) / 4 : 0;
        bytes_patch_u32(call, (args + wrong_words[i].word) * 4, wrong_words[i].value);
        expect_alike(&m, &good, data, wrong_words[i].what);
    }
    mounted_end(&m);
}

TEST(a_call_of_another_length_than_its_words_say_is_answered_alike_with_its_data_in_a_pipe)
{
    struct mounted m;
    static const size_t cut[] = {4, 100, LARGE - 70000, LARGE - 65536};
    static const size_t more[] = {4, 100, 70000, 400000};
    static const uint32_t lens[] = {0, 1, 4, 31, 63, 64, 65, 100, 128};

    mounted_begin(&m);
    struct fh good = make_file(&m, "file", ""), odd = make_file(&m, "odd", "");
    for (size_t i = 0; i < COUNT(cut) + COUNT(more); i++) {
        const uint8_t *data = some_data();
        struct bytes *call = begin_write(&m.client, &odd, 0, LARGE, S_UNSTABLE, data, LARGE);
        if (i < COUNT(cut))
            call->len -= cut[i];
        else
            put_raw(call, some_data(), more[i - COUNT(cut)]);
        expect_alike(&m, &good, data, i < COUNT(cut) ? "too short" : "too long");
    }
    for (size_t i = 0; i < COUNT(lens); i++) {
        struct fh bad = {.len = lens[i]};
        begin_write(&m.client, &bad, 0, LARGE, S_UNSTABLE, some_data(), LARGE);
        expect_alike(&m, &good, NULL, "a handle of another length");
    }
    mounted_end(&m);
}

/* root's credential, with a machine's name of so many bytes. */
static struct caller root_of(struct bytes *body, size_t name_len)
{
    static const char name[256];

    body->len = 0;
    put_u32(body, 1);
    put_opaque(body, name, name_len);
    put_u64(body, 0);
    put_u32(body, 0);
    return (struct caller){.flavor = 1, .raw = body->data, .raw_len = body->len};
}

TEST(a_large_write_with_another_credential_is_done_alike_with_its_data_in_a_pipe)
{
    struct mounted m;
    struct bytes body = {0};

    mounted_begin(&m);
    struct fh good = make_file(&m, "file", ""), odd = make_file(&m, "odd", "");
    /* "tester", of the call before, takes 8 bytes. Where there are more the data begins behind
     * where it was expected, and at last all of the arguments do; where there are less before, and
     * bytes behind the data make up for them. */
    for (size_t len = 0; len <= 255; len += len < 12 ? 1 : 27) {
        const uint8_t *data = some_data();
        for (size_t behind = 0; behind <= 8; behind += 4) {
            m.client.who = root_of(&body, len);
            struct bytes *call = begin_write(&m.client, &odd, 0, LARGE, S_UNSTABLE, data, LARGE);
            put_raw(call, "behind it", behind);
            struct outcome outcome = expect_alike(&m, &good, data, "another machine");
            assert_int_equal(outcome.status, ACCEPT_SUCCESS);
            expect_ok(outcome.nfs);
            assert_int_equal(outcome.written, LARGE);
        }
    }
    bytes_free(&body);
    mounted_end(&m);
}

TEST(a_large_reply_instead_of_a_call_is_left_unanswered)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    warm(&m, &m.client, &fh, &model);
    struct bytes *call = begin_write(&m.client, &fh, 0, LARGE, S_UNSTABLE, some_data(), LARGE);
    bytes_patch_u32(call, 4, 1);
    client_send(&m.client);
    client_expect_silence(&m.client, 50);
    for (int i = 0; i < 3; i++)
        write_model(&m.client, &fh, &model, 1, LARGE, S_UNSTABLE, NULL);
    expect_model(&model, m.dir, "file");
    mounted_end(&m);
}

/* --- refused --- */

/* A WRITE, on a connection that has its data in a pipe, and others behind it. */
static void expect_refusal(struct mounted *m, const struct fh *good, const struct fh *fh,
                           const struct caller *who, uint64_t offset, uint32_t status)
{
    struct client client;

    for (uint32_t stable = S_UNSTABLE; stable <= S_FILE_SYNC; stable++) {
        client_connect(&client, m->server.port, 0);
        warm(m, &client, good, &model);
        client.who = *who;
        expect_status(ask_write(&client, fh, offset, some_data(), LARGE, stable, NULL), status);
        client.who = caller_root;
        write_model(&client, good, &model, 11, LARGE, stable, NULL);
        expect_status(ask_write(&client, fh, offset, some_data(), LARGE, stable, NULL),
                      who->uid != 0 ? NFS_OK : status);
        write_model(&client, good, &model, 12, LARGE, stable, NULL);
        client_disconnect(&client);
    }
    expect_model(&model, m->dir, "file");
}

TEST(a_large_write_that_is_refused_harms_no_other)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh good = make_file(&m, "file", ""), gone = make_file(&m, "gone", "");
    struct fh stale = make_stale(&m), bad = make_bad(&good);
    host_unlink(m.dir, "gone");
    expect_refusal(&m, &good, &stale, &caller_root, 0, NFS_STALE);
    expect_refusal(&m, &good, &gone, &caller_root, 0, NFS_STALE);
    expect_refusal(&m, &good, &bad, &caller_root, 0, NFS_BADHANDLE);
    struct fh dir = make_dir(&m, "dir");
    expect_refusal(&m, &good, &dir, &caller_root, 0, NFS_INVAL);
    expect_refusal(&m, &good, &good, &caller_root, INT64_MAX - 5, NFS_FBIG);
    expect_refusal(&m, &good, &good, &caller_root, UINT64_MAX - 5, NFS_FBIG);
    if (server_is_root()) {
        const struct caller stranger = caller_uid(STRANGER, STRANGER);
        struct fh closed = make_file(&m, "closed", "");
        host_chmod(m.dir, "closed", 0600);
        expect_refusal(&m, &good, &closed, &stranger, 0, NFS_ACCES);
    }
    mounted_end(&m);
}

TEST(a_large_write_to_a_read_only_export_is_rofs)
{
    struct mounted m;
    struct mount_answer ro;
    struct fh file;
    char spec[300];

    server_prepare(&m.server, NULL);
    host_mkdir(m.server.home, "ro", 0755);
    host_write(m.server.home, "ro/file", "text");
    struct host_path path = host_path(m.server.home, "ro");
    snprintf(spec, sizeof(spec), "--export=%.200s,ro,no_root_squash,insecure", path.text);
    server_add_arg(&m.server, spec);
    mounted_begin_prepared(&m);
    assert_int_equal(ask_mnt(&m.client, 3, path.text, &ro), MNT_OK);
    expect_ok(ask_lookup(&m.client, &ro.fh, "file", &file, NULL, NULL));
    struct fh good = make_file(&m, "file", "");
    assert_int_equal(file.len, good.len);
    expect_refusal(&m, &good, &file, &caller_root, 0, NFS_ROFS);
    host_expect(m.server.home, "ro/file", "text");
    mounted_end(&m);
}

TEST(large_writes_to_a_full_file_system_are_short_or_nospc_until_there_is_room)
{
    struct mounted m;
    struct nfs3_write done;
    const struct sattr empty = {.set_size = true};

    test_skip_in_variant("user", "only root may mount a small file system");
    server_prepare(&m.server, NULL);
    host_private_mounts();
    host_mount_tmpfs(m.server.export_dir, "size=4m");
    mounted_begin_prepared(&m);
    struct fh fh = make_file(&m, "file", "");
    for (uint32_t i = 0; i < 4; i++) {
        warm(&m, &m.client, &fh, &model);
        const size_t left = 4 * MIB - (size_t)host_stat(m.dir, "file").st_blocks * 512;
        host_write_pattern(m.dir, "filler", left - 100000 * (i + 1));
        const uint64_t place = MIB + i * 200000ull;
        for (int j = 0; j < 4; j++) {
            const uint8_t *data = some_data();
            uint32_t status = ask_write(&m.client, &fh, place, data, LARGE, i % 3, &done);
            if (status == NFS_OK)
                assert_true(done.count > 0);
            else
                expect_status(status, NFS_NOSPC);
            test_note("%u bytes", done.count);
            model_put(&model, place, data, done.count);
            expect_model(&model, m.dir, "file");
            expect_status(ask_write(&m.client, &fh, 3 * MIB, data, LARGE, i % 3, &done), NFS_NOSPC);
        }
        host_unlink(m.dir, "filler");
        write_model(&m.client, &fh, &model, place, LARGE, i % 3, &done);
        expect_wcc(&done.wcc, m.dir, "file");
        expect_model(&model, m.dir, "file");
        expect_ok(ask_setattr(&m.client, &fh, &empty, NULL, NULL));
        memset(&model, 0, sizeof(model));
    }
    mounted_end(&m);
}

/* --- answered before --- */

static void change(struct mounted *m, const char *text)
{
    int fd = open(host_path(m->dir, "file").text, O_WRONLY | O_CLOEXEC);

    assert_return_code(fd, errno);
    assert_int_equal(pwrite(fd, text, strlen(text), 5), strlen(text));
    close(fd);
    model_put(&model, 5, (const uint8_t *)text, strlen(text));
}

/* The same bytes by another connection: it may be another client, so they are written again. */
static void expect_written_again(struct mounted *m, struct client *by, const struct bytes *call)
{
    by->call.len = 0;
    put_raw(&by->call, call->data, call->len);
    change(m, by->xid % 2 ? "of the host" : "and another");
    struct reply again = client_exchange(by);
    expect_ok(get_u32(&again.results));
    model_put(&model, 0, by->call.data + by->call.len - LARGE, LARGE);
    expect_model(&model, m->dir, "file");
}

/* The same bytes by the same connection: the same answer, nothing written. */
static void expect_repeat(struct mounted *m, struct client *by, const struct bytes *call,
                          const struct reply *first)
{
    const uint8_t *results = first->results.at;
    const size_t len = cursor_left(&first->results);

    by->call.len = 0;
    put_raw(&by->call, call->data, call->len);
    change(m, by->xid % 2 ? "of the host" : "and another");
    struct reply again = client_exchange(by);
    assert_int_equal(again.status, first->status);
    assert_int_equal(cursor_left(&again.results), len);
    assert_memory_equal(again.results.at, results, len);
    expect_model(&model, m->dir, "file");
}

/* A WRITE by this connection, and its results in `reply` for good. */
static void write_once(struct mounted *m, struct client *client, const struct fh *fh,
                       struct bytes *call, uint8_t *kept, struct reply *reply, bool pipe)
{
    const uint8_t *data = some_data();
    const uint64_t before = written_from_memory(m);

    begin_write(client, fh, 0, LARGE, S_UNSTABLE, data, LARGE);
    call->len = 0;
    put_raw(call, client->call.data, client->call.len);
    *reply = client_exchange(client);
    test_note("by the pipe: %d", written_from_memory(m) - before < LARGE);
    if (!pipe)
        assert_true(written_from_memory(m) - before >= LARGE);
    model_put(&model, 0, data, LARGE);
    const size_t len = cursor_left(&reply->results);
    assert_true(len <= 1024);
    memcpy(kept, reply->results.at, len);
    reply->results = (struct cursor){kept, kept + len};
    assert_int_equal(get_u32(&(struct cursor){kept, kept + len}), NFS_OK);
}

TEST(a_large_write_sent_again_by_its_connection_is_not_done_again_whichever_way_it_comes)
{
    struct mounted m;
    struct client fresh;
    struct bytes call = {0};
    struct reply reply;
    uint8_t kept[1024];

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (int i = 0; i < 4; i++) {
        /* By the pipe at first, then by memory. */
        warm(&m, &m.client, &fh, &model);
        write_once(&m, &m.client, &fh, &call, kept, &reply, true);
        expect_repeat(&m, &m.client, &call, &reply);
        client_connect(&fresh, m.server.port, 0);
        expect_written_again(&m, &fresh, &call);
        expect_repeat(&m, &m.client, &call, &reply);
        client_disconnect(&fresh);
        /* The other way round. */
        warm(&m, &m.client, &fh, &model);
        client_connect(&fresh, m.server.port, 0);
        fresh.xid += 1000;
        write_once(&m, &fresh, &fh, &call, kept, &reply, false);
        expect_repeat(&m, &fresh, &call, &reply);
        expect_written_again(&m, &m.client, &call);
        expect_repeat(&m, &fresh, &call, &reply);
        client_disconnect(&fresh);
        write_model(&m.client, &fh, &model, 3, LARGE, S_UNSTABLE, NULL);
        write_model(&m.client, &fh, &model, 2, LARGE, S_UNSTABLE, NULL);
        expect_model(&model, m.dir, "file");
    }
    bytes_free(&call);
    mounted_end(&m);
}
