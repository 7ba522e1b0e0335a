/*
 * spliced.c - READs of every size and place, of which the server sends the large ones from the page
 * cache without a copy: the client must not see a difference.
 */
#include "tests/wire/wire.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MIB   (1024u * 1024u)
#define COUNT (sizeof(counts) / sizeof(counts[0]))

static const uint32_t counts[] = {1, 4095, 4096, 4097, 16383, 16384, 16385, 65536, MIB, MIB - 3};

/* Whether a byte of the file is 0 instead of its pattern. */
static bool (*hole)(size_t at);

static void expect_read(struct client *client, const struct fh *fh, size_t size, uint64_t offset,
                        uint32_t count)
{
    struct nfs3_read got;
    const uint64_t left = offset < size ? size - offset : 0;

    expect_ok(ask_read(client, fh, offset, count, &got));
    if (got.count != (left < count ? left : count) || got.eof != (offset + count >= size))
        fail_msg("%u bytes at %zu: %u came, eof %d", count, (size_t)offset, got.count, got.eof);
    assert_true(got.attr.present && got.attr.size == size);
    for (size_t i = 0; i < got.count; i++) {
        const size_t at = offset + i;
        if (got.data[i] != (hole != NULL && hole(at) ? 0 : host_pattern(at)))
            fail_msg("%u bytes at %zu: byte %zu is wrong", count, (size_t)offset, i);
    }
}

/* At the beginning, in the middle, about the end and behind it. */
static void expect_reads(struct client *client, const struct fh *fh, size_t size, uint32_t largest)
{
    const uint64_t places[] = {0,
                               1,
                               4095,
                               4096,
                               70000,
                               size - MIB,
                               size - 65536,
                               size - 16384,
                               size - 1,
                               size - 4097,
                               size,
                               size + 1,
                               size + 70000,
                               INT64_MAX - 1};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        for (size_t j = 0; j < COUNT; j++)
            if (counts[j] <= largest)
                expect_read(client, fh, size, places[i], counts[j]);
}

TEST(reads_of_every_size_and_place_give_the_files_bytes)
{
    struct mounted m;
    /* Whose last pages are whole, and whose are not. */
    static const size_t sizes[] = {2 * MIB, 2 * MIB + 4095, 2 * MIB + 1};

    mounted_begin(&m);
    for (size_t i = 0; i < 3; i++) {
        host_write_pattern(m.dir, "file", sizes[i]);
        struct fh fh = mounted_lookup(&m, "file");
        expect_reads(&m.client, &fh, sizes[i], MIB);
        host_unlink(m.dir, "file");
    }
    mounted_end(&m);
}

TEST(reads_over_udp_give_the_files_bytes)
{
    struct mounted m;
    struct client udp;
    const size_t size = MIB + 20001;

    mounted_begin_with(&m, "--udp");
    host_write_pattern(m.dir, "file", size);
    struct fh fh = mounted_lookup(&m, "file");
    client_connect(&udp, m.server.port, CLIENT_UDP);
    expect_reads(&udp, &fh, size, 16385);
    expect_read(&udp, &fh, size, 4095, 32768);
    /* The other way has not kept anything. */
    expect_reads(&m.client, &fh, size, MIB);
    client_disconnect(&udp);
    mounted_end(&m);
}

static bool is_hole(size_t at)
{
    return !(at < 5000 || (at >= 300000 && at < 300100) || (at >= MIB + 7 && at < MIB + 70007));
}

TEST(reads_of_a_sparse_file_give_zeros_for_its_holes)
{
    struct mounted m;
    const size_t size = 2 * MIB + 333;
    uint8_t byte;

    mounted_begin(&m);
    host_write(m.dir, "file", "");
    int fd = open(host_path(m.dir, "file").text, O_WRONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    for (size_t at = 0; at < size; at++) {
        if (is_hole(at))
            continue;
        byte = host_pattern(at);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    }
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
    hole = is_hole;
    struct fh fh = mounted_lookup(&m, "file");
    expect_reads(&m.client, &fh, size, MIB);
    mounted_end(&m);
}

/* --- several at once --- */

static void put_read(struct client *client, struct bytes *stream, const struct fh *fh,
                     uint64_t offset, uint32_t count)
{
    struct bytes *b = nfs3_begin(client, 6);

    put_fh(b, fh);
    put_u64(b, offset);
    put_u32(b, count);
    client_put_record(stream, b);
}

static void send_all(struct client *client, struct bytes *stream)
{
    assert_true(client_send_raw(client, stream->data, stream->len));
    stream->len = 0;
}

/* The next reply, to whichever of the calls from `first` on that has not been answered: *which. Its
 * data is the client's until the next one. */
static uint32_t take_read(struct client *client, uint32_t first, uint32_t *which,
                          struct nfs3_read *got)
{
    static uint32_t answered, of;
    struct reply reply;
    size_t len = 0;

    *got = (struct nfs3_read){0};
    assert_true(client_receive(client, &reply));
    answered = of == first ? answered : 0;
    of = first;
    *which = reply.xid - first;
    assert_true(*which < 32 && !(answered & 1u << *which));
    answered |= 1u << *which;
    assert_int_equal(reply.kind, REPLY_ACCEPTED);
    assert_int_equal(reply.status, ACCEPT_SUCCESS);
    uint32_t status = get_u32(&reply.results);
    get_post_attr(&reply.results, &got->attr);
    if (status == NFS_OK) {
        got->count = get_u32(&reply.results);
        got->eof = get_bool(&reply.results);
        got->data = get_opaque(&reply.results, 65536, &len);
        assert_int_equal(len, got->count);
    }
    cursor_expect_end(&reply.results);
    return status;
}

struct changer {
    int fd;
    size_t size;
    _Atomic bool ended;
    _Atomic unsigned rounds;
};

/* The file becomes empty, a part, all of it with a hole, and whole again. */
static void *change_size(void *arg)
{
    struct changer *c = arg;
    uint8_t *data = malloc(c->size);

    for (size_t i = 0; i < c->size; i++)
        data[i] = host_pattern(i);
    for (; !c->ended; c->rounds++) {
        const size_t part = c->rounds * 7919 % c->size;
        if (ftruncate(c->fd, c->rounds % 3 ? (off_t)part : 0) != 0 ||
            ftruncate(c->fd, (off_t)c->size) != 0 ||
            pwrite(c->fd, data, c->size, 0) != (ssize_t)c->size)
            abort();
    }
    free(data);
    return NULL;
}

/* 16 in flight, answered in any order where a thread lost its loop; each byte is the file's or,
 * where that was cut off meanwhile, 0. */
static void read_changing(struct mounted *m, const struct fh *fh, size_t size)
{
    struct bytes stream = {0};
    struct nfs3_read got;
    const uint32_t first = m->client.xid + 1;
    uint32_t which;

    for (uint32_t i = 0; i < 16; i++)
        put_read(&m->client, &stream, fh, (size_t)i * 20011, 65536);
    send_all(&m->client, &stream);
    for (uint32_t i = 0; i < 16; i++) {
        expect_ok(take_read(&m->client, first, &which, &got));
        const size_t offset = (size_t)which * 20011;
        assert_true(got.attr.present && got.count <= 65536 && offset + got.count <= size);
        for (size_t j = 0; j < got.count; j++)
            if (got.data[j] != 0 && got.data[j] != host_pattern(offset + j))
                fail_msg("%u bytes at %zu: byte %zu is neither the file's nor 0", got.count, offset,
                         j);
    }
    bytes_free(&stream);
}

TEST(reads_of_a_file_that_the_host_cuts_off_meanwhile_are_well_formed)
{
    struct mounted m;
    struct changer changer = {.size = 400001};
    pthread_t thread;
    unsigned rounds = 0;

    mounted_begin(&m);
    host_write_pattern(m.dir, "file", changer.size);
    struct fh fh = mounted_lookup(&m, "file");
    changer.fd = open(host_path(m.dir, "file").text, O_WRONLY | O_CLOEXEC);
    assert_return_code(changer.fd, errno);
    assert_int_equal(pthread_create(&thread, NULL, change_size, &changer), 0);
    for (; rounds < 200 || changer.rounds < 200; rounds++)
        read_changing(&m, &fh, changer.size);
    changer.ended = true;
    pthread_join(thread, NULL);
    close(changer.fd);
    test_note("%u READs, %u changes", rounds * 16, changer.rounds);
    expect_read(&m.client, &fh, changer.size, 0, MIB);
    expect_read(&m.client, &fh, changer.size, 100000, 65536);
    mounted_end(&m);
}

/* --- rights --- */

static void begin_as_root(struct mounted *m)
{
    test_skip_in_variant("user", "an ordinary user has no other identities");
    mounted_begin(m);
}

TEST(a_large_read_of_what_is_closed_to_a_caller_is_refused_and_harms_no_other)
{
    struct mounted m;
    struct nfs3_read got;
    struct bytes stream = {0};
    const struct caller stranger = caller_uid(STRANGER, STRANGER);

    begin_as_root(&m);
    host_write_pattern(m.dir, "open", 500000);
    host_write_pattern(m.dir, "closed", 300000);
    host_chmod(m.dir, "closed", 0600);
    struct fh open = mounted_lookup(&m, "open"), closed = mounted_lookup(&m, "closed");
    /* The server has it open then, and may find out about the caller when the data is there. */
    expect_read(&m.client, &closed, 300000, 0, 65536);
    m.client.who = stranger;
    expect_status(ask_read(&m.client, &closed, 0, 65536, &got), NFS_ACCES);
    expect_read(&m.client, &open, 500000, 70001, 65536);
    /* In one batch, by both, of both. */
    const uint32_t first = m.client.xid + 1;
    uint32_t which;
    for (uint32_t i = 0; i < 32; i++) {
        m.client.who = i % 4 == 3 ? caller_root : stranger;
        put_read(&m.client, &stream, i % 2 ? &closed : &open, (uint64_t)i * 1001, 65536 - i);
    }
    send_all(&m.client, &stream);
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t status = take_read(&m.client, first, &which, &got);
        const bool may = which % 2 == 0 || which % 4 == 3;
        expect_status(status, may ? NFS_OK : NFS_ACCES);
        assert_int_equal(got.count, may ? 65536 - which : 0);
        for (size_t j = 0; j < got.count; j++)
            assert_int_equal(got.data[j], host_pattern((size_t)which * 1001 + j));
    }
    bytes_free(&stream);
    mounted_end(&m);
}
