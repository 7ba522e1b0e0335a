/*
 * io.c - READ, WRITE, COMMIT: bytes there and back.
 */
#include "tests/wire/wire.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (1024 * 1024)

static void expect_pattern(const uint8_t *data, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != host_pattern(at + i))
            fail_msg("byte %zu is wrong", at + i);
}

TEST(read_gives_the_bytes_asked_for_and_the_attributes)
{
    struct mounted m;
    struct nfs3_read got;
    static const struct {
        uint64_t offset;
        uint32_t count, expected;
        bool eof;
    } cases[] = {{0, 10, 10, false},           {1, 4096, 4096, false},    {99999, 1, 1, true},
                 {99990, 100, 10, true},       {0, 100000, 100000, true}, {0, 200000, 100000, true},
                 {65536, 32768, 32768, false}, {3, 7, 7, false},          {0, 99999, 99999, false}};

    mounted_begin(&m);
    host_write_pattern(m.dir, "file", 100000);
    struct fh fh = mounted_lookup(&m, "file");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_ok(ask_read(&m.client, &fh, cases[i].offset, cases[i].count, &got));
        assert_int_equal(got.count, cases[i].expected);
        assert_int_equal(got.eof, cases[i].eof);
        expect_pattern(got.data, cases[i].offset, got.count);
        expect_attr_but_atime(&got.attr, m.dir, "file");
    }
    mounted_end(&m);
}

TEST(read_of_count_0_is_ok)
{
    struct mounted m;
    struct nfs3_read got;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "text"), empty = make_file(&m, "empty", "");
    expect_ok(ask_read(&m.client, &fh, 0, 0, &got));
    assert_int_equal(got.count, 0);
    assert_false(got.eof);
    expect_ok(ask_read(&m.client, &fh, 4, 0, &got));
    assert_int_equal(got.count, 0);
    expect_ok(ask_read(&m.client, &empty, 0, 0, &got));
    assert_int_equal(got.count, 0);
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(read_past_the_end_is_count_0_and_eof)
{
    struct mounted m;
    struct nfs3_read got;
    static const uint64_t offsets[] = {4, 5, 1 << 20, INT64_MAX - 1};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "text");
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        expect_ok(ask_read(&m.client, &fh, offsets[i], 1000, &got));
        assert_int_equal(got.count, 0);
        assert_true(got.eof);
    }
    mounted_end(&m);
}

TEST(read_at_an_offset_beyond_all_files_does_no_harm)
{
    struct mounted m;
    struct nfs3_read got;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "text");
    uint32_t status = ask_read(&m.client, &fh, UINT64_MAX, 1000, &got);
    assert_true(status == NFS_INVAL || (status == NFS_OK && got.count == 0 && got.eof));
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(read_larger_than_rtmax_is_clamped)
{
    struct mounted m;
    struct nfs3_fsinfo info;
    struct nfs3_read got;
    static const uint32_t counts[] = {MIB + 1, 2 * MIB, 0x7fffffff, 0xffffffff};

    mounted_begin(&m);
    host_write_pattern(m.dir, "file", 3 * MIB);
    struct fh fh = mounted_lookup(&m, "file");
    expect_ok(ask_fsinfo(&m.client, &m.root, &info));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        expect_ok(ask_read(&m.client, &fh, 0, counts[i], &got));
        assert_int_equal(got.count, info.rtmax);
        assert_false(got.eof);
        expect_pattern(got.data, 0, got.count);
    }
    mounted_end(&m);
}

TEST(read_of_what_is_no_file_is_refused)
{
    struct mounted m;

    mounted_begin(&m);
    expect_status(ask_read(&m.client, &m.root, 0, 10, NULL), NFS_ISDIR);
    assert_int_equal(mknod(host_path(m.dir, "fifo").text, S_IFIFO | 0666, 0), 0);
    struct fh fifo = mounted_lookup(&m, "fifo");
    expect_status(ask_read(&m.client, &fifo, 0, 10, NULL), NFS_INVAL);
    host_symlink("x", m.dir, "link");
    struct fh link = mounted_lookup(&m, "link");
    expect_status(ask_read(&m.client, &link, 0, 10, NULL), NFS_INVAL);
    struct fh gone = make_stale(&m);
    expect_status(ask_read(&m.client, &gone, 0, 10, NULL), NFS_STALE);
    mounted_end(&m);
}

TEST(write_of_each_stability_is_seen_by_the_host)
{
    struct mounted m;
    struct nfs3_write done;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (uint32_t stable = S_UNSTABLE; stable <= S_FILE_SYNC; stable++) {
        expect_ok(ask_write(&m.client, &fh, stable * 3, "abc", 3, stable, &done));
        assert_int_equal(done.count, 3);
        expect_wcc(&done.wcc, m.dir, "file");
    }
    host_expect(m.dir, "file", "abcabcabc");
    mounted_end(&m);
}

TEST(write_of_a_mebibyte_and_back)
{
    struct mounted m;
    struct nfs3_write done;
    struct nfs3_read got;
    uint8_t *data = malloc(MIB);

    for (size_t i = 0; i < MIB; i++)
        data[i] = host_pattern(i);
    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    expect_ok(ask_write(&m.client, &fh, 12345, data, MIB, S_UNSTABLE, &done));
    assert_int_equal(done.count, MIB);
    expect_ok(ask_commit(&m.client, &fh, 0, 0, NULL, NULL));
    expect_ok(ask_read(&m.client, &fh, 12345, MIB, &got));
    assert_int_equal(got.count, MIB);
    expect_pattern(got.data, 0, MIB);
    assert_int_equal(host_stat(m.dir, "file").st_size, 12345 + MIB);
    free(data);
    mounted_end(&m);
}

TEST(write_of_every_length_up_to_a_few_words_is_exact)
{
    struct mounted m;
    struct nfs3_write done;
    struct nfs3_read got;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (uint32_t len = 0; len <= 17; len++) {
        expect_ok(
            ask_write(&m.client, &fh, len * 100, "0123456789abcdefgh", len, S_UNSTABLE, &done));
        assert_int_equal(done.count, len);
        expect_ok(ask_read(&m.client, &fh, len * 100, len, &got));
        assert_int_equal(got.count, len);
        if (len)
            assert_memory_equal(got.data, "0123456789abcdefgh", len);
    }
    mounted_end(&m);
}

TEST(write_whose_count_and_data_differ_writes_no_more_than_either)
{
    struct mounted m;
    static const uint32_t counts[] = {3, 5, 0, 4096, 0xffffffff};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct bytes *b = nfs3_begin(&m.client, 7);
        put_fh(b, &fh);
        put_u64(b, 0);
        put_u32(b, counts[i]);
        put_u32(b, S_UNSTABLE);
        put_opaque(b, "abcd", 4);
        struct reply reply = client_exchange(&m.client);
        assert_int_equal(reply.kind, REPLY_ACCEPTED);
        assert_true(reply.status == ACCEPT_SUCCESS || reply.status == ACCEPT_GARBAGE_ARGS);
        assert_true(host_stat(m.dir, "file").st_size <= 4);
    }
    mounted_end(&m);
}

TEST(write_of_an_unknown_stability_is_refused)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    struct bytes *b = nfs3_begin(&m.client, 7);
    put_fh(b, &fh);
    put_u64(b, 0);
    put_u32(b, 4);
    put_u32(b, 7);
    put_opaque(b, "abcd", 4);
    struct reply reply = client_exchange(&m.client);
    assert_true(reply.status == ACCEPT_GARBAGE_ARGS || get_u32(&reply.results) == NFS_INVAL);
    mounted_end(&m);
}

TEST(write_of_what_is_no_file_is_refused)
{
    struct mounted m;
    struct nfs3_write done;

    mounted_begin(&m);
    uint32_t status = ask_write(&m.client, &m.root, 0, "x", 1, S_UNSTABLE, &done);
    assert_true(status == NFS_ISDIR || status == NFS_INVAL);
    assert_int_equal(mknod(host_path(m.dir, "fifo").text, S_IFIFO | 0666, 0), 0);
    struct fh fifo = mounted_lookup(&m, "fifo");
    expect_status(ask_write(&m.client, &fifo, 0, "x", 1, S_UNSTABLE, &done), NFS_INVAL);
    struct fh gone = make_stale(&m);
    expect_status(ask_write(&m.client, &gone, 0, "x", 1, S_UNSTABLE, &done), NFS_STALE);
    mounted_end(&m);
}

TEST(write_beyond_the_largest_file_is_fbig)
{
    struct mounted m;
    struct nfs3_write done;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    static const uint64_t offsets[] = {INT64_MAX - 1, UINT64_MAX - 2, 1ull << 63};
    for (size_t i = 0; i < 3; i++) {
        uint32_t status = ask_write(&m.client, &fh, offsets[i], "xyz", 3, S_UNSTABLE, &done);
        assert_true(status == NFS_FBIG || status == NFS_INVAL);
    }
    assert_int_equal(host_stat(m.dir, "file").st_size, 0);
    mounted_end(&m);
}

TEST(owner_writes_a_0444_file)
{
    struct mounted m;
    struct made made;
    struct sattr set = {.set_mode = true, .mode = 0444};

    mounted_begin(&m);
    host_mkdir(m.dir, "dir", 0777);
    struct fh dir = mounted_lookup(&m, "dir");
    if (server_is_root())
        m.client.who = caller_uid(STRANGER, STRANGER);
    expect_ok(ask_create(&m.client, &dir, "file", H_GUARDED, &set, NULL, &made));
    expect_ok(ask_write(&m.client, &made.fh, 0, "text", 4, S_UNSTABLE, NULL));
    expect_content(&m.client, &made.fh, "text");
    expect_ok(ask_commit(&m.client, &made.fh, 0, 0, NULL, NULL));
    server_restart(&m.server);
    struct caller who = m.client.who;
    mounted_reconnect(&m);
    m.client.who = who;
    expect_ok(ask_write(&m.client, &made.fh, 4, " more", 5, S_FILE_SYNC, NULL));
    expect_content(&m.client, &made.fh, "text more");
    mounted_end(&m);
}

TEST(owner_truncates_and_reads_a_0200_file)
{
    struct mounted m;
    struct made made;
    struct sattr mode = {.set_mode = true, .mode = 0200}, size = {.set_size = true, .size = 2};

    mounted_begin(&m);
    host_mkdir(m.dir, "dir", 0777);
    struct fh dir = mounted_lookup(&m, "dir");
    if (server_is_root())
        m.client.who = caller_uid(STRANGER, STRANGER);
    expect_ok(ask_create(&m.client, &dir, "file", H_GUARDED, &mode, NULL, &made));
    expect_ok(ask_write(&m.client, &made.fh, 0, "text", 4, S_UNSTABLE, NULL));
    expect_ok(ask_setattr(&m.client, &made.fh, &size, NULL, NULL));
    expect_content(&m.client, &made.fh, "te");
    mounted_end(&m);
}

TEST(commit_of_every_range_is_ok)
{
    struct mounted m;
    struct wcc wcc;
    struct nfs3_write done;
    uint64_t verifier;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    expect_ok(ask_write(&m.client, &fh, 0, "text", 4, S_UNSTABLE, &done));
    expect_ok(ask_commit(&m.client, &fh, 0, 0, &verifier, &wcc));
    expect_wcc(&wcc, m.dir, "file");
    assert_int_equal(verifier, done.verifier);
    expect_ok(ask_commit(&m.client, &fh, 2, 1, &verifier, NULL));
    expect_ok(ask_commit(&m.client, &fh, 1 << 20, 4096, &verifier, NULL));
    assert_int_equal(verifier, done.verifier);
    struct fh gone = make_stale(&m);
    expect_status(ask_commit(&m.client, &gone, 0, 0, NULL, NULL), NFS_STALE);
    mounted_end(&m);
}

TEST(a_sparse_file_is_reported_as_such)
{
    struct mounted m;
    struct attr attr;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    expect_ok(ask_write(&m.client, &fh, 5ull << 30, "x", 1, S_FILE_SYNC, NULL));
    expect_ok(ask_getattr(&m.client, &fh, &attr));
    assert_int_equal(attr.size, (5ull << 30) + 1);
    assert_true(attr.used < 1 << 20);
    expect_attr(&attr, m.dir, "file");
    mounted_end(&m);
}

TEST(device_nodes_fifos_and_sockets_are_never_opened)
{
    struct mounted m;

    test_skip_in_variant("user", "only root may make devices");
    mounted_begin(&m);
    /* A character device without a driver: opening it would be ENXIO. */
    assert_int_equal(mknod(host_path(m.dir, "chr").text, S_IFCHR | 0666, 0xf0f0), 0);
    struct fh fh = mounted_lookup(&m, "chr");
    expect_status(ask_read(&m.client, &fh, 0, 10, NULL), NFS_INVAL);
    expect_status(ask_write(&m.client, &fh, 0, "x", 1, S_UNSTABLE, NULL), NFS_INVAL);
    expect_status(ask_commit(&m.client, &fh, 0, 0, NULL, NULL), NFS_INVAL);
    expect_status(ask_create(&m.client, &m.root, "chr", H_UNCHECKED, NULL, NULL, NULL), NFS_EXIST);
    mounted_end(&m);
}
