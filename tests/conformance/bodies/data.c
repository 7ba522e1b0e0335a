/*
 * data.c - READ, WRITE, COMMIT: content, sizes, holes.
 */
#include "tests/conformance/conformance.h"
#include <stdlib.h>

/* The larger of the places where something might change in a file system: pages, chunks, blocks. */
static const uint64_t edges[] = {1,     511,   512,   4095,   4096,   4097,
                                 65535, 65536, 65537, 262144, 1048576};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

/* `len` bytes at `offset` are the pattern, or zeros. */
static void expect_bytes(struct object file, uint64_t offset, size_t len, bool zeros)
{
    unsigned char *buf = malloc(len);
    size_t got = len;
    expect(buf != NULL);
    expect_ok(t_read(file, offset, buf, &got, NULL));
    expect_number(got, len);
    for (size_t i = 0; i < len; i++)
        if (buf[i] != (zeros ? 0 : pattern(offset + i)))
            fail("byte %llu is %u", (unsigned long long)offset + i, buf[i]);
    free(buf);
}

static void write_pattern(struct object file, uint64_t offset, size_t len)
{
    unsigned char *buf = malloc(len > 0 ? len : 1);
    expect(buf != NULL);
    fill_pattern(buf, offset, len);
    expect_ok(t_write(file, offset, buf, len));
    free(buf);
}

/* How much READ gives at `offset`, of up to `len`, and whether it says that it is the end. */
static void expect_read(struct object file, uint64_t offset, size_t len, size_t wanted, bool end)
{
    char buf[64];
    bool eof;
    expect(len <= sizeof(buf));
    expect_ok(t_read(file, offset, buf, &len, &eof));
    expect_number(len, wanted);
    expect_number(eof, end);
}

BODY(what_was_written_is_read, PLAIN)
{
    struct object file = make_file(here, "file", "");
    for (size_t i = 0; i < EDGES; i++) {
        expect_ok(t_truncate(file, 0));
        write_pattern(file, 0, edges[i]);
        expect_number(attr_of(file).size, edges[i]);
        expect_bytes(file, 0, edges[i], false);
    }
}

BODY(a_read_ends_where_the_file_ends, PLAIN)
{
    struct object file = make_file(here, "file", "0123456789");
    expect_read(file, 0, 10, 10, true);
    expect_read(file, 5, 60, 5, true);
    expect_read(file, 9, 1, 1, true);
    expect_read(file, 0, 9, 9, false);
    expect_read(file, 3, 3, 3, false);
}

BODY(a_read_past_the_end_gives_nothing_and_the_end, PLAIN)
{
    struct object file = make_file(here, "file", "0123456789");
    expect_read(file, 10, 10, 0, true);
    expect_read(file, 11, 10, 0, true);
    expect_read(file, UINT32_MAX, 10, 0, true);
    expect_read(file, 1ULL << 40, 10, 0, true);
}

BODY(a_read_far_past_the_end_gives_nothing_or_an_error, PLAIN)
{
    struct object file = make_file(here, "file", "0123456789");
    static const uint64_t far[] = {INT64_MAX - 10, INT64_MAX, 1ULL << 63, UINT64_MAX - 3,
                                   UINT64_MAX};
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        char buf[10];
        size_t len = sizeof(buf);
        bool eof = false;
        struct vattr attr;
        int err = driver->read(&file, far[i], buf, &len, &eof, &attr);
        if (err == 0) {
            expect_number(len, 0);
            expect(eof);
        } else {
            expect_error(err, EINVAL, EFBIG, EIO);
        }
    }
}

BODY(an_empty_file_is_at_its_end, PLAIN)
{
    struct object file = make_file(here, "file", "");
    expect_read(file, 0, 10, 0, true);
    expect_read(file, 0, 1, 0, true);
}

BODY(a_read_of_nothing_is_no_error, PLAIN)
{
    struct object file = make_file(here, "file", "0123456789");
    char buf[1];
    size_t len = 0;
    bool eof;
    expect_ok(t_read(file, 0, buf, &len, &eof));
    expect_number(len, 0);
    len = 0;
    expect_ok(t_read(file, 10, buf, &len, &eof));
    expect_number(len, 0);
}

BODY(a_write_of_nothing_changes_nothing, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    expect_ok(t_write(file, 0, "", 0));
    expect_ok(t_write(file, 100, "", 0));
    expect_text(file, "text");
}

BODY(a_write_replaces_just_its_bytes, PLAIN)
{
    struct object file = make_file(here, "file", "0123456789");
    expect_ok(t_write_text(file, 3, "abc"));
    expect_text(file, "012abc6789");
    expect_ok(t_write_text(file, 8, "xyz"));
    expect_text(file, "012abc67xyz");
    expect_ok(t_write_text(file, 0, "-"));
    expect_text(file, "-12abc67xyz");
}

BODY(many_small_writes_make_a_file, PLAIN)
{
    struct object file = make_file(here, "file", "");
    uint64_t at = 0;
    for (size_t i = 0; i < 400; i++) {
        size_t len = 1 + i * 37 % 500;
        write_pattern(file, at, len);
        at += len;
        expect_number(attr_of(file).size, at);
    }
    expect_bytes(file, 0, at, false);
}

BODY(writes_in_any_order_make_the_same_file, PLAIN)
{
    struct object file = make_file(here, "file", "");
    for (unsigned i = 0; i < 64; i++)
        write_pattern(file, (uint64_t)(i * 37 % 64) * 3000, 3000);
    expect_number(attr_of(file).size, 64 * 3000);
    expect_bytes(file, 0, 64 * 3000, false);
}

BODY(a_write_beyond_the_end_leaves_zeros_between, PLAIN)
{
    for (size_t i = 0; i < EDGES; i++) {
        struct object file = make_file(here, "file", "");
        write_pattern(file, 0, 100);
        write_pattern(file, 100 + edges[i], 50);
        expect_number(attr_of(file).size, 150 + edges[i]);
        expect_bytes(file, 0, 100, false);
        expect_bytes(file, 100, edges[i], true);
        expect_bytes(file, 100 + edges[i], 50, false);
        expect_ok(t_remove(here, "file"));
    }
}

BODY(a_hole_is_filled_in_the_middle, PLAIN)
{
    struct object file = make_file(here, "file", "");
    expect_ok(t_truncate(file, 300000));
    write_pattern(file, 100000, 70000);
    expect_bytes(file, 0, 100000, true);
    expect_bytes(file, 100000, 70000, false);
    expect_bytes(file, 170000, 130000, true);
    expect_number(attr_of(file).size, 300000);
}

BODY(a_hole_takes_no_space, PLAIN)
{
    struct object file = make_file(here, "file", "");
    expect_ok(t_truncate(file, 64 << 20));
    write_pattern(file, 32 << 20, 4096);
    expect_number(attr_of(file).size, 64 << 20);
    expect(attr_of(file).used < 2 << 20);
}

BODY(a_large_offset_is_kept_to_the_byte, PLAIN)
{
    static const uint64_t places[] = {INT32_MAX - 3ULL, UINT32_MAX - 3ULL, 5ULL << 30, 1ULL << 40};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct object file = make_file(here, "file", "");
        write_pattern(file, places[i], 10);
        expect_number(attr_of(file).size, places[i] + 10);
        expect_bytes(file, places[i], 10, false);
        expect_bytes(file, places[i] - 100, 100, true);
        expect_bytes(file, 0, 100, true);
        expect_ok(t_remove(here, "file"));
    }
}

BODY(an_impossible_offset_is_refused, PLAIN)
{
    static const uint64_t far[] = {INT64_MAX, 1ULL << 63, UINT64_MAX - 3, UINT64_MAX};
    struct object file = make_file(here, "file", "text");
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++)
        expect_error(t_write_text(file, far[i], "more"), EFBIG, EINVAL);
    expect_text(file, "text");
}

BODY(an_impossible_size_is_refused, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    expect_error(t_truncate(file, 1ULL << 63), EFBIG, EINVAL);
    expect_error(t_truncate(file, UINT64_MAX), EFBIG, EINVAL);
    expect_text(file, "text");
}

BODY(truncate_cuts, PLAIN)
{
    struct object file = make_file(here, "file", "0123456789");
    expect_ok(t_truncate(file, 4));
    expect_text(file, "0123");
    expect_ok(t_truncate(file, 0));
    expect_text(file, "");
}

BODY(truncate_extends_with_zeros, PLAIN)
{
    struct object file = make_file(here, "file", "");
    for (size_t i = 0; i < EDGES; i++) {
        expect_ok(t_truncate(file, 0));
        write_pattern(file, 0, 100);
        expect_ok(t_truncate(file, 100 + edges[i]));
        expect_number(attr_of(file).size, 100 + edges[i]);
        expect_bytes(file, 0, 100, false);
        expect_bytes(file, 100, edges[i], true);
    }
}

BODY(what_was_cut_off_does_not_come_back, PLAIN)
{
    for (size_t i = 0; i < EDGES; i++) {
        struct object file = make_file(here, "file", "");
        write_pattern(file, 0, edges[i] + 1000);
        expect_ok(t_truncate(file, edges[i]));
        expect_ok(t_truncate(file, edges[i] + 1000));
        expect_bytes(file, 0, edges[i], false);
        expect_bytes(file, edges[i], 1000, true);
        expect_ok(t_truncate(file, edges[i] - 1));
        write_pattern(file, edges[i] + 500, 10);
        expect_bytes(file, edges[i] - 1, 501, true);
        expect_ok(t_remove(here, "file"));
    }
}

BODY(truncate_to_the_same_size_changes_no_byte, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    expect_ok(t_truncate(file, 4));
    expect_text(file, "text");
}

BODY(truncated_files_give_their_space_back, PLAIN)
{
    struct object file = make_file(here, "file", "");
    write_pattern(file, 0, 1 << 20);
    expect_ok(driver->commit(&file, 0, 0));
    expect(attr_of(file).used >= 1 << 19);
    expect_ok(t_truncate(file, 0));
    expect(attr_of(file).used < 1 << 16);
}

BODY(a_directory_has_no_data, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    char buf[8];
    size_t len = sizeof(buf);
    expect_error(t_read(dir, 0, buf, &len, NULL), EISDIR, EINVAL);
    expect_error(t_write_text(dir, 0, "text"), EISDIR, EINVAL);
    expect_error(t_truncate(dir, 0), EISDIR, EINVAL);
    expect_error(driver->commit(&dir, 0, 0), EISDIR, EINVAL, 0);
}

BODY(a_stable_write_says_that_it_is, PLAIN)
{
    struct object file = make_file(here, "file", "");
    for (int wanted = VSTABLE_UNSTABLE; wanted <= VSTABLE_FILE; wanted++) {
        enum vstable stable = (enum vstable)wanted;
        struct vchange change = {.has_before = false};
        size_t len = 4;
        expect_ok(driver->write(&file, 0, "text", &len, &stable, &change));
        expect((int)stable >= wanted);
        expect_number(len, 4);
    }
    expect_text(file, "text");
}

BODY(commit_takes_any_range, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    expect_ok(driver->commit(&file, 0, 0));
    expect_ok(driver->commit(&file, 1, 2));
    expect_ok(driver->commit(&file, 100, 100));
    expect_ok(driver->commit(&file, 1ULL << 40, 0));
    expect_text(file, "text");
}

BODY(committed_data_outlive_a_restart, PLAIN | RESTART | STABLE)
{
    struct object file = make_file(here, "file", "");
    write_pattern(file, 0, 100000);
    expect_ok(driver->commit(&file, 0, 0));
    restart();
    expect_bytes(file, 0, 100000, false);
}

/* A file and the same in memory, through random writes, truncations and reads. */
BODY(a_file_is_what_was_done_to_it, PLAIN)
{
    enum { MOST = 300000 };
    static unsigned char model[MOST], buf[MOST];
    struct object file = make_file(here, "file", "");
    uint64_t random = 88172645463325252ULL, size = 0;
    for (int i = 0; i < 400; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint64_t at = random % (MOST - 40000);
        size_t len = (random >> 32) % 40000;
        if (i % 4 == 3) {
            expect_ok(t_truncate(file, at));
            if (at < size)
                memset(model + at, 0, size - at);
            size = at;
        } else {
            memset(buf, (int)(random >> 20), len);
            expect_ok(t_write(file, at, buf, len));
            memcpy(model + at, buf, len);
            size = len > 0 && at + len > size ? at + len : size;
        }
        size_t got = MOST;
        bool eof;
        expect_ok(t_read(file, 0, buf, &got, &eof));
        expect(eof);
        expect_number(got, size);
        expect(memcmp(buf, model, size) == 0);
    }
}
