/*
 * garbage_write.c - tests of file systems whose splice_write does not do what it says: a log line,
 * EIO to the caller, and the WRITEs before and behind it are right.
 *
 * A WRITE's data is in a pipe only where the connection's last large WRITE was of the same kind,
 * and went well.
 */
#include "tests/framework/fixture.h"
#include "tests/lib/test.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LARGE (256u * 1024)
/* WRITEs that go through memory after one that could not be done from the pipe. */
#define PAUSE 8

enum splice_write {
    W_RIGHT,
    W_SHORT,           /* and says so, which is right */
    W_TAKES_LESS,      /* than it says */
    W_TAKES_MORE,      /* than it says */
    W_TAKES_NOTHING,   /* and says that it has */
    W_SAYS_MUCH,       /* more than was asked for */
    W_WRITES_NOTHING,  /* says so, and gives no error */
    W_LESS_STABLE,     /* than was asked for */
    W_NEVER_SO_STABLE, /* is no stability */
    W_FAILS,           /* having taken something */
    W_FAILS_UNTOUCHED, /* having taken nothing */
    W_IMPOSSIBLE,      /* is the error, and something was taken */
    W_DECLINES,        /* so it has to be written */
    W_DECLINES_LATE    /* having taken something */
};
static _Atomic enum splice_write splice_write_does;

static uint8_t content[2 * LARGE];
/* Calls of write and of splice_write. */
static _Atomic unsigned written, spliced;

static int file_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    vnode_attr_default(vn, attr);
    return 0;
}

static int file_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                       struct vnode **out, struct vattr *attr)
{
    (void)ctx, (void)attr, (void)name;
    return vnode_intern_number(dir->fs, 2, VREG, out);
}

static int file_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                      size_t *len, enum vstable *stable, struct vchange *change)
{
    (void)ctx, (void)vn, (void)stable, (void)change;
    assert_true(offset + *len <= sizeof(content));
    memcpy(content + offset, buf, *len);
    written++;
    return 0;
}

static void pipe_take(int pipe, uint8_t *to, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = read(pipe, to + done, len - done);
        assert_true(n > 0);
        done += (size_t)n;
    }
}

static int file_splice_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                             size_t *len, enum vstable *stable, struct vchange *change)
{
    static const struct {
        int take, say; /* of what was asked for */
        int stable, err;
    } does[] = {
        [W_RIGHT] = {0, 0, 0, 0},
        [W_SHORT] = {-100000, -100000, 0, 0},
        [W_TAKES_LESS] = {-100, 0, 0, 0},
        [W_TAKES_MORE] = {0, -100, 0, 0},
        [W_TAKES_NOTHING] = {-(int)LARGE, 0, 0, 0},
        [W_SAYS_MUCH] = {0, 4, 0, 0},
        [W_WRITES_NOTHING] = {-(int)LARGE, -(int)LARGE, 0, 0},
        [W_LESS_STABLE] = {0, 0, -1, 0},
        [W_NEVER_SO_STABLE] = {0, 0, 7, 0},
        [W_FAILS] = {-5000, 0, 0, EACCES},
        [W_FAILS_UNTOUCHED] = {-(int)LARGE, 0, 0, ENOSPC},
        [W_IMPOSSIBLE] = {-5000, 0, 0, -5},
        [W_DECLINES] = {-(int)LARGE, -7, 0, EOPNOTSUPP},
        [W_DECLINES_LATE] = {-(int)LARGE + 1, 0, 0, EOPNOTSUPP},
    };
    const enum splice_write how = splice_write_does;

    (void)ctx, (void)vn, (void)change;
    assert_true(*len == LARGE && offset + *len <= sizeof(content));
    pipe_take(pipe, content + offset, LARGE + (size_t)does[how].take);
    *len += (size_t)does[how].say;
    *stable = (enum vstable)((int)*stable + does[how].stable);
    spliced++;
    return does[how].err;
}

static const struct vfs_type sink = {.name = "sink",
                                     .ops = {.getattr = file_getattr,
                                             .lookup = file_lookup,
                                             .write = file_write,
                                             .splice_write = file_splice_write}};

/* Other data each time. */
static const uint8_t *some_data(void)
{
    static uint8_t data[2 * LARGE];
    static size_t at;

    if (at == 0)
        for (size_t i = 0; i < sizeof(data); i++)
            data[i] = (uint8_t)((uint32_t)i * 2654435761u >> 19);
    at = (at + 4099) % LARGE;
    return data + at;
}

/* One that is written, whichever way. */
static void expect_written(struct client *client, const struct fh *file)
{
    const uint8_t *data = some_data();
    struct nfs3_write done;

    memset(content, 0, sizeof(content));
    expect_ok(ask_write(client, file, 1001, data, LARGE, S_DATA_SYNC, &done));
    assert_int_equal(done.count, LARGE);
    assert_memory_equal(content + 1001, data, LARGE);
    for (size_t i = 0; i < 1001; i++)
        assert_true(content[i] == 0 && content[1001 + LARGE + i] == 0);
}

/* WRITEs until one comes in the pipe: the next one will. */
static void warm(struct client *client, const struct fh *file)
{
    const unsigned before = spliced;

    splice_write_does = W_RIGHT;
    for (int i = 0; i < 300 && spliced == before; i++)
        expect_written(client, file);
    assert_true(spliced > before);
}

/* What becomes of one that comes in the pipe: a connection that has lost the pipe is warmed up. */
static uint32_t write_as(enum splice_write does, struct client *client, const struct fh *file,
                         const uint8_t *data, struct nfs3_write *done)
{
    for (int i = 0; i < 10; i++) {
        warm(client, file);
        const unsigned before = spliced;
        splice_write_does = does;
        uint32_t status = ask_write(client, file, 0, data, LARGE, S_DATA_SYNC, done);
        splice_write_does = W_RIGHT;
        if (spliced > before)
            return status;
    }
    fail_msg("no WRITE came in the pipe");
}

TEST(a_splice_write_that_does_not_do_what_it_says_harms_only_its_own_write)
{
    static const char took[] = "splice_write took less or more from the pipe than it says";
    static const char claims[] =
        "splice_write claimed more bytes, or did it less stable, than asked";
    static const struct {
        enum splice_write does;
        uint32_t status;
        const char *log; /* NULL: a splice_write may do that */
    } cases[] = {
        {W_TAKES_LESS, NFS_IO, took},
        {W_TAKES_MORE, NFS_IO, took},
        {W_TAKES_NOTHING, NFS_IO, took},
        {W_SAYS_MUCH, NFS_IO, claims},
        {W_WRITES_NOTHING, NFS_IO, "splice_write wrote nothing and gave no error"},
        {W_LESS_STABLE, NFS_IO, claims},
        {W_NEVER_SO_STABLE, NFS_IO, claims},
        {W_FAILS, NFS_ACCES, NULL},
        {W_FAILS_UNTOUCHED, NFS_NOSPC, NULL},
        {W_IMPOSSIBLE, NFS_IO, "splice_write returned an impossible error"},
        {W_DECLINES_LATE, NFS_IO, took},
    };
    struct loopnfs *server = fixture_serve(&sink, 0);
    struct client client;
    struct fh root, file;

    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    expect_ok(ask_lookup(&client, &root, "file", &file, NULL, NULL));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_note("case %zu", i);
        fixture_log_begin();
        const unsigned before = written;
        expect_status(write_as(cases[i].does, &client, &file, some_data(), NULL), cases[i].status);
        test_note("%u by write", written - before);
        if (cases[i].log != NULL) {
            assert_true(fixture_log_has("file system sink"));
            assert_true(fixture_log_has(cases[i].log));
        } else {
            assert_false(fixture_log_has("sink"));
        }
        for (int j = 0; j < 3; j++)
            expect_written(&client, &file);
    }
    client_disconnect(&client);
    loopnfs_destroy(server);
}

TEST(a_splice_write_that_writes_less_and_says_so_is_a_short_write)
{
    struct loopnfs *server = fixture_serve(&sink, 0);
    struct client client;
    struct fh root, file;
    struct nfs3_write done;

    fixture_log_begin();
    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    expect_ok(ask_lookup(&client, &root, "file", &file, NULL, NULL));
    for (int i = 0; i < 3; i++) {
        const uint8_t *data = some_data();
        expect_ok(write_as(W_SHORT, &client, &file, data, &done));
        assert_int_equal(done.count, LARGE - 100000);
        assert_int_equal(done.committed, S_DATA_SYNC);
        assert_memory_equal(content, data, LARGE - 100000);
        /* What was left in the pipe is in none of these. */
        expect_written(&client, &file);
        expect_written(&client, &file);
    }
    assert_false(fixture_log_has("sink"));
    client_disconnect(&client);
    loopnfs_destroy(server);
}

TEST(what_splice_write_declines_is_written_and_so_are_the_next_ones)
{
    struct loopnfs *server = fixture_serve(&sink, 0);
    struct client client;
    struct fh root, file;
    struct nfs3_write done;

    fixture_log_begin();
    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    expect_ok(ask_lookup(&client, &root, "file", &file, NULL, NULL));
    for (int i = 0; i < 3; i++) {
        const uint8_t *data = some_data();
        expect_ok(write_as(W_DECLINES, &client, &file, data, &done));
        assert_int_equal(done.count, LARGE);
        assert_int_equal(done.committed, S_DATA_SYNC);
        assert_memory_equal(content, data, LARGE);
        /* It is not asked again for some time. */
        const unsigned before = spliced;
        for (int j = 0; j < PAUSE; j++)
            expect_written(&client, &file);
        assert_int_equal(spliced, before);
        warm(&client, &file);
    }
    assert_false(fixture_log_has("sink"));
    client_disconnect(&client);
    loopnfs_destroy(server);
}

static const struct vfs_type plain = {
    .name = "plain", .ops = {.getattr = file_getattr, .lookup = file_lookup, .write = file_write}};

TEST(large_writes_to_a_table_without_splice_write_are_written)
{
    struct loopnfs *server = fixture_serve(&plain, 0);
    struct client client;
    struct fh root, file;

    fixture_log_begin();
    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    expect_ok(ask_lookup(&client, &root, "file", &file, NULL, NULL));
    for (unsigned i = 0; i < 10; i++) {
        expect_written(&client, &file);
        assert_int_equal(written, i + 1);
    }
    assert_false(fixture_log_has("plain"));
    client_disconnect(&client);
    loopnfs_destroy(server);
}
