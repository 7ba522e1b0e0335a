/*
 * eof.c - where a file ends: READs of every size end with eof where there is no more, also where
 * the host cuts the file between them.
 */
#include "tests/below/hands.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LONG (900u << 10)

static const size_t sizes[] = {1000, 4096, 65536, 300000, 1u << 20};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static struct object long_file(const char *name)
{
    struct object file = make_file(here, name, "");
    unsigned char *buf = malloc(LONG);

    expect(buf != NULL);
    fill_pattern(buf, 0, LONG);
    for (size_t at = 0; at < LONG; at += 100 << 10)
        expect_ok(t_write(file, at, buf + at, 100 << 10));
    free(buf);
    return file;
}

static void cut_on_host(const char *name, off_t size)
{
    if (truncate(on_host(name), size) != 0)
        fail("truncate of %s: %s", name, strerror(errno));
}

BODY(reads_of_any_size_come_to_the_end, PLAIN)
{
    struct object file = long_file("file");
    unsigned char *buf = malloc(1 << 20);

    expect(buf != NULL);
    for (size_t s = 0; s < SIZES; s++) {
        uint64_t at = 0;
        bool eof = false;
        for (unsigned n = 0; !eof; n++) {
            size_t len = sizes[s];
            expect_ok(t_read(file, at, buf, &len, &eof));
            expect(len > 0 || eof);
            for (size_t i = 0; i < len; i += 997)
                expect_number(buf[i], pattern(at + i));
            at += len;
            expect(n < 2000);
        }
        expect_number(at, LONG);
    }
    free(buf);
}

BODY(a_file_that_the_host_cuts_ends_where_it_was_cut, PLAIN)
{
    const struct vattr nothing = {.type = VNON};
    unsigned char *buf = malloc(1 << 20);
    struct object files[SIZES];
    bool eof;

    expect(buf != NULL);
    for (size_t s = 0; s < SIZES; s++) {
        char name[16];
        snprintf(name, sizeof(name), "file-%zu", s);
        files[s] = long_file(name);
        size_t len = sizes[s];
        expect_ok(t_read(files[s], 0, buf, &len, &eof));
        cut_on_host(name, 1500);
    }
    /* As long as the kernel keeps old attributes of a network's file. */
    let_time_pass();
    for (size_t s = 0; s < SIZES; s++) {
        struct vattr attr = nothing;
        size_t len = sizes[s];
        expect_ok(driver->read(&files[s], LONG / 2, buf, &len, &eof, &attr));
        expect_number(len, 0);
        expect(eof);
        len = 1 << 20;
        attr = nothing;
        expect_ok(driver->read(&files[s], 1000, buf, &len, &eof, &attr));
        expect_number(len, 500);
        expect(eof);
    }
    free(buf);
}
