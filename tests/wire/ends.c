/*
 * ends.c - where a file ends is what reading finds, not what its size says: by memory and by the
 * pipe alike. The server runs with tests/fault.
 */
#include "tests/lib/fault.h"
#include "tests/wire/wire.h"
#include <stdio.h>
#include <string.h>

#define LARGE (256u * 1024)

static void begin_faulty(struct mounted *m)
{
    server_prepare(&m->server, "/var/tmp");
    fault_prepare(&m->server);
    mounted_begin_prepared(m);
    fault_over();
}

/* What makes a READ of so many bytes find the end at once; `when` of the rules. */
static void find_end(const struct mounted *m, uint32_t count, const char *when)
{
    char rules[100];

    if (count < LARGE)
        snprintf(rules, sizeof(rules), "preadv2:EOPNOTSUPP pread:end%s", when);
    else
        snprintf(rules, sizeof(rules), "splice:end%s%s", when, *when ? "" : " pread:end");
    fault_set(&m->server, rules);
}

/* sysfs, a FUSE file system that guesses sizes, a log that is cut while it is read. */
TEST(a_read_that_finds_less_than_the_size_says_comes_to_the_end)
{
    static const uint32_t counts[] = {100, LARGE};
    struct mounted m;
    struct nfs3_read got;

    begin_faulty(&m);
    host_write_pattern(m.dir, "file", 2 * LARGE);
    struct fh fh = mounted_lookup(&m, "file");
    for (int i = 0; i < 2; i++) {
        fault_set(&m.server, "");
        expect_ok(ask_read(&m.client, &fh, 0, counts[i], &got));
        assert_int_equal(got.count, counts[i]);
        assert_false(got.eof);
        find_end(&m, counts[i], "");
        expect_ok(ask_read(&m.client, &fh, 0, counts[i], &got));
        assert_int_equal(got.count, 0);
        assert_true(got.eof);
    }
    mounted_end(&m);
}

/* A client takes a READ without bytes and without an end for an error. */
TEST(a_read_at_the_end_of_a_file_that_grows_is_made_again)
{
    static const uint32_t counts[] = {100, LARGE};
    struct mounted m;
    struct nfs3_read got;

    begin_faulty(&m);
    host_write_pattern(m.dir, "file", 2 * LARGE);
    struct fh fh = mounted_lookup(&m, "file");
    for (int i = 0; i < 2; i++) {
        fault_set(&m.server, "");
        expect_ok(ask_read(&m.client, &fh, 0, counts[i], &got));
        find_end(&m, counts[i], ":1");
        expect_ok(ask_read(&m.client, &fh, 0, counts[i], &got));
        assert_int_equal(got.count, counts[i]);
        assert_false(got.eof);
    }
    mounted_end(&m);
}

TEST(a_read_that_gets_a_files_last_bytes_says_that_it_is_the_end)
{
    static const size_t sizes[] = {1, 100, 4096, LARGE - 1, LARGE, LARGE + 1};
    struct mounted m;
    struct nfs3_read got;

    begin_faulty(&m);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        host_write_pattern(m.dir, "file", sizes[i]);
        struct fh fh = mounted_lookup(&m, "file");
        for (uint32_t count = 1; count <= 2 * LARGE; count *= 2) {
            expect_ok(ask_read(&m.client, &fh, 0, count, &got));
            assert_int_equal(got.count, count < sizes[i] ? count : sizes[i]);
            assert_int_equal(got.eof, got.count == sizes[i]);
        }
    }
    mounted_end(&m);
}
