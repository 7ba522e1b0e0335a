/*
 * garbage.c - tests of file systems that return what they may not: a log line with the names of
 * file system and operation, EIO to the caller, and the server lives.
 */
#include "tests/framework/fixture.h"
#include "tests/lib/data.h"
#include "tests/lib/test.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What the file system does wrong in its next operations. */
static void (*spoil_attr)(struct vattr *attr);
static void (*spoil_page)(struct vdirents *page);
static int negative;

static int bad_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    vnode_attr_default(vn, attr);
    if (spoil_attr != NULL)
        spoil_attr(attr);
    return negative;
}

static int bad_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                      struct vnode **out, struct vattr *attr)
{
    (void)ctx, (void)attr;
    if (strcmp(name, "none") == 0)
        return 0;
    if (strcmp(name, "elater") == 0)
        return VFS_ELATER;
    return vnode_intern_number(dir->fs, 2, strcmp(name, "..") == 0 ? VREG : VREG, out);
}

static int bad_mkdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                     const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                     struct vchange *change)
{
    (void)ctx, (void)name, (void)set, (void)attr, (void)change;
    return vnode_intern_number(dir->fs, 2, VREG, out);
}

static int bad_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                    size_t *len, bool *eof, struct vattr *attr)
{
    (void)ctx, (void)vn, (void)buf, (void)attr;
    if (offset == 0)
        *len += 1;
    else
        *len = 0; /* and no end */
    *eof = false;
    return 0;
}

static int bad_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                     size_t *len, enum vstable *stable, struct vchange *change)
{
    (void)ctx, (void)vn, (void)offset, (void)buf, (void)stable;
    *len = 0;
    change->after.type = VREG;
    change->after.size = UINT64_MAX;
    return 0;
}

static int bad_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                       struct vdirents *page)
{
    (void)ctx, (void)dir, (void)cookie;
    spoil_page(page);
    return 0;
}

static const struct vfs_type bad = {.name = "bad",
                                    .ops = {.getattr = bad_getattr,
                                            .lookup = bad_lookup,
                                            .mkdir = bad_mkdir,
                                            .read = bad_read,
                                            .write = bad_write,
                                            .readdir = bad_readdir}};

static void size_minus_one(struct vattr *attr)
{
    attr->size = (uint64_t)-1;
}

static void many_links(struct vattr *attr)
{
    attr->nlink = UINT32_MAX;
}

static void other_type(struct vattr *attr)
{
    attr->type = VFIFO;
}

static void type_in_mode(struct vattr *attr)
{
    attr->mode |= 0100000;
}

static void long_second(struct vattr *attr)
{
    attr->mtime.tv_nsec = 1000000000;
}

TEST(impossible_attributes_are_an_io_error_and_a_log_line)
{
    static void (*const wrong[])(struct vattr *) = {size_minus_one, many_links, other_type,
                                                    type_in_mode, long_second};
    struct vfs *fs = fixture_mount(&bad);
    struct vattr attr;

    fixture_log_begin();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        spoil_attr = wrong[i];
        assert_int_equal(vop_getattr(&fixture_root, fs->root, &attr), EIO);
        assert_int_equal(attr.type, VNON);
    }
    assert_true(fixture_log_has("file system bad (nothing): getattr gave an impossible size"));
    spoil_attr = NULL;
    negative = -5;
    assert_int_equal(vop_getattr(&fixture_root, fs->root, &attr), EIO);
    assert_true(fixture_log_has("getattr returned an impossible error"));
    negative = 0;
    assert_int_equal(vop_getattr(&fixture_root, fs->root, &attr), 0);
    fixture_unmount(fs);
}

TEST(impossible_results_are_an_io_error_and_a_log_line)
{
    struct vfs *fs = fixture_mount(&bad);
    struct vnode *vn, *out;
    struct vattr attr;
    struct vchange change = {0};
    struct vsetattr set = {0};
    enum vstable stable = VSTABLE_UNSTABLE;
    char buf[16];
    size_t len = sizeof(buf);
    bool eof;

    fixture_log_begin();
    assert_int_equal(vnode_intern_number(fs, 2, VREG, &vn), 0);
    assert_int_equal(vop_lookup(&fixture_root, fs->root, fixture_name("none"), &out, &attr), EIO);
    assert_true(fixture_log_has("bad (nothing): lookup gave no node"));
    assert_int_equal(vop_lookup(&fixture_root, fs->root, fixture_name("elater"), &out, &attr), EIO);
    assert_int_equal(
        vop_mkdir(&fixture_root, fs->root, fixture_name("d"), &set, &out, &attr, &change), EIO);
    assert_true(fixture_log_has("mkdir gave a node of another type"));
    assert_int_equal(data_read(&fixture_root, vn, 0, buf, &len, &eof, &attr), EIO);
    assert_int_equal(len, 0);
    assert_true(fixture_log_has("read gave more than was asked for"));
    len = sizeof(buf);
    /* Nothing, and no end: there is nothing behind the end. */
    assert_int_equal(data_read(&fixture_root, vn, 5, buf, &len, &eof, &attr), 0);
    assert_true(eof);
    len = sizeof(buf);
    memset(&change, 0, sizeof(change));
    assert_int_equal(data_write(&fixture_root, vn, 0, buf, &len, &stable, &change), EIO);
    assert_true(fixture_log_has("write wrote nothing"));
    assert_int_equal(change.after.type, VNON);
    vnode_put(vn);
    fixture_unmount(fs);
}

static char letters[400];

static void name_of_300(struct vdirents *page)
{
    vdirents_add(page, 5, 3, VREG, letters, 300);
    page->eof = true;
}

static void name_of_70000(struct vdirents *page)
{
    static char name[70000];
    vdirents_add(page, 5, 3, VREG, memset(name, 'x', sizeof(name)), sizeof(name));
    page->eof = true;
}

static void name_with_slash(struct vdirents *page)
{
    vdirents_add(page, 5, 3, VREG, "a/b", 3);
    page->eof = true;
}

static void name_dot(struct vdirents *page)
{
    vdirents_add(page, 5, 3, VDIR, ".", 1);
    page->eof = true;
}

static void name_empty(struct vdirents *page)
{
    vdirents_add(page, 5, 3, VREG, "", 0);
    page->eof = true;
}

static void reserved_cookie(struct vdirents *page)
{
    vdirents_add(page, 5, 1, VREG, "one", 3);
    page->eof = true;
}

static void huge_cookie(struct vdirents *page)
{
    vdirents_add(page, 5, UINT64_MAX, VREG, "one", 3);
    page->eof = true;
}

static void no_end(struct vdirents *page)
{
    (void)page;
}

static void wrong_count(struct vdirents *page)
{
    page->count += 7;
    page->eof = true;
}

static void beyond(struct vdirents *page)
{
    page->used = page->size + 8;
}

static void same_again(struct vdirents *page)
{
    vdirents_add(page, 5, 30, VREG, "one", 3);
    vdirents_add(page, 5, 40, VREG, "two", 3);
}

/* An entry with what lookup would say of it; right but for what the caller makes wrong. */
static struct vdirent_plus *add_plus(struct vdirents *page)
{
    struct vdirent_plus *plus = vdirents_add_plus(page, 5, 30, VREG, "one", 3);

    *plus = (struct vdirent_plus){.attr = {.type = VREG, .nlink = 1}, .id = {.len = 1}};
    page->eof = true;
    return plus;
}

static void right_plus(struct vdirents *page)
{
    add_plus(page);
}

static void plus_without_id(struct vdirents *page)
{
    add_plus(page)->id.len = 0;
}

static void plus_with_long_id(struct vdirents *page)
{
    add_plus(page)->id.len = VNODE_ID_MAX + 1;
}

static void plus_without_type(struct vdirents *page)
{
    add_plus(page)->attr.type = VNON;
}

static void plus_of_size_minus_one(struct vdirents *page)
{
    add_plus(page)->attr.size = UINT64_MAX;
}

static void plus_beyond_entry(struct vdirents *page)
{
    struct vdirent *entry = (struct vdirent *)(void *)(page->buf + page->used);
    add_plus(page);
    entry->plus += 8;
}

static void plus_left_zeroed(struct vdirents *page)
{
    *add_plus(page) = (struct vdirent_plus){0};
}

static const struct vdirent *last_of(const struct vdirents *page)
{
    const struct vdirent *last = NULL, *next = NULL;

    while ((next = vdirents_next(page, next)) != NULL)
        last = next;
    return last;
}

TEST(an_impossible_listing_is_an_io_error_and_a_log_line)
{
    static void (*const wrong[])(struct vdirents *) = {
        name_of_300, name_of_70000, name_with_slash, name_dot, name_empty,       reserved_cookie,
        huge_cookie, no_end,        wrong_count,     beyond,   plus_beyond_entry};
    struct vfs *fs = fixture_mount(&bad);
    _Alignas(8) static char buf[8192];
    struct vdirents page = {.buf = buf, .size = sizeof(buf), .plus = true};

    memset(letters, 'x', sizeof(letters));
    fixture_log_begin();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        spoil_page = wrong[i];
        test_note("listing %zu", i);
        assert_int_equal(vop_readdir(&fixture_root, fs->root, 0, &page), EIO);
    }
    assert_true(fixture_log_has("bad (nothing): readdir gave a name that is empty or too long"));
    assert_true(fixture_log_has("readdir gave a name with '/'"));
    assert_true(fixture_log_has("readdir gave neither an entry nor the end"));
    spoil_page = same_again;
    assert_int_equal(vop_readdir(&fixture_root, fs->root, 0, &page), 0);
    assert_int_equal(page.count, 4);
    assert_int_equal(vop_readdir(&fixture_root, fs->root, 40, &page), EIO);
    fixture_unmount(fs);
}

TEST(what_is_impossible_about_one_entry_is_left_out_of_the_listing)
{
    static void (*const left_out[])(struct vdirents *) = {plus_left_zeroed, plus_without_id,
                                                          plus_with_long_id, plus_without_type,
                                                          plus_of_size_minus_one};
    struct vfs *fs = fixture_mount(&bad);
    _Alignas(8) static char buf[8192];
    struct vdirents page = {.buf = buf, .size = sizeof(buf), .plus = true};

    fixture_log_begin();
    spoil_page = right_plus;
    assert_int_equal(vop_readdir(&fixture_root, fs->root, 0, &page), 0);
    assert_int_equal(page.count, 3);
    assert_non_null(vdirent_plus(last_of(&page)));
    /* The entry is looked up by itself then, and the others can be listed. */
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        spoil_page = left_out[i];
        assert_int_equal(vop_readdir(&fixture_root, fs->root, 0, &page), 0);
        assert_int_equal(page.count, 3);
        assert_null(vdirent_plus(last_of(&page)));
    }
    assert_true(fixture_log_has("readdir gave an impossible id"));
    /* And so is what came unasked. */
    spoil_page = right_plus;
    page.plus = false;
    assert_int_equal(vop_readdir(&fixture_root, fs->root, 0, &page), 0);
    assert_null(vdirent_plus(last_of(&page)));
    fixture_unmount(fs);
}

TEST(a_client_of_a_broken_file_system_gets_io_errors_and_the_server_lives)
{
    struct loopnfs *server = fixture_serve(&bad, 0);
    struct client client;
    struct fh root, file;
    struct listing listing = {0};
    struct nfs3_read result;

    memset(letters, 'x', sizeof(letters));
    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    spoil_page = name_of_300;
    expect_status(ask_readdir(&client, &root, 0, 0, 4096, &listing), NFS_IO);
    expect_ok(ask_lookup(&client, &root, "file", &file, NULL, NULL));
    expect_status(ask_read(&client, &file, 0, 8, &result), NFS_IO);
    spoil_attr = size_minus_one;
    expect_status(ask_getattr(&client, &root, NULL), NFS_IO);
    spoil_attr = NULL;
    expect_ok(ask_getattr(&client, &root, NULL));
    client_disconnect(&client);
    loopnfs_destroy(server);
}

/* --- into a pipe --- */

enum splice {
    S_RIGHT,
    S_LESS,            /* than it says is in the pipe */
    S_MORE,            /* is in the pipe than it says */
    S_NOTHING,         /* is there, but something is said to be */
    S_MUCH,            /* more than asked for is there, and said to be */
    S_FAILS,           /* with something in the pipe */
    S_IMPOSSIBLE,      /* is the error, and something is in the pipe */
    S_DECLINES,        /* so it has to be read */
    S_DECLINES_LEAVING /* something in the pipe */
};
static enum splice splice_does;

static void pipe_put(int pipe, size_t len)
{
    static char some[128 * 1024];

    assert_int_equal(write(pipe, memset(some, 's', sizeof(some)), len), len);
}

static int bad_splice(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                      size_t room, size_t *len, bool *eof, struct vattr *attr)
{
    static const struct {
        int put, say, err; /* more than was asked for */
    } does[] = {
        [S_RIGHT] = {0, 0, 0},
        [S_LESS] = {-100, 0, 0},
        [S_MORE] = {0, -100, 0},
        [S_NOTHING] = {-20000, 0, 0},
        [S_MUCH] = {4, 4, 0},
        [S_FAILS] = {-5000, 0, EACCES},
        [S_IMPOSSIBLE] = {-5000, 0, -5},
        [S_DECLINES] = {-20000, 0, EOPNOTSUPP},
        [S_DECLINES_LEAVING] = {-1, 0, EOPNOTSUPP},
    };

    (void)ctx, (void)vn, (void)offset, (void)attr;
    assert_true(room >= 64 * 1024);
    pipe_put(pipe, *len + (size_t)does[splice_does].put);
    *len += (size_t)does[splice_does].say;
    *eof = false;
    return does[splice_does].err;
}

static int plain_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                      size_t *len, bool *eof, struct vattr *attr)
{
    (void)ctx, (void)vn, (void)offset, (void)attr;
    memset(buf, 'r', *len);
    *eof = false;
    return 0;
}

static const struct vfs_type leaky = {
    .name = "leaky",
    .ops = {
        .getattr = bad_getattr, .lookup = bad_lookup, .read = plain_read, .splice = bad_splice}};

static void expect_letters(struct client *client, const struct fh *fh, uint32_t count, int letter)
{
    struct nfs3_read got;

    expect_ok(ask_read(client, fh, 0, count, &got));
    assert_int_equal(got.count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(got.data[i], letter);
}

TEST(a_splice_that_does_not_do_what_it_says_harms_only_its_own_read)
{
    static const struct {
        enum splice does;
        uint32_t status;
        const char *log; /* NULL: a splice may do that */
    } cases[] = {
        {S_LESS, NFS_IO, "splice put less or more into the pipe than it says"},
        {S_MORE, NFS_IO, "splice put less or more into the pipe than it says"},
        {S_NOTHING, NFS_IO, "splice put less or more into the pipe than it says"},
        {S_MUCH, NFS_IO, "splice gave more than was asked for"},
        {S_FAILS, NFS_ACCES, NULL},
        {S_IMPOSSIBLE, NFS_IO, "splice returned an impossible error"},
        {S_DECLINES_LEAVING, NFS_IO, "splice put less or more into the pipe than it says"},
    };
    struct loopnfs *server = fixture_serve(&leaky, 0);
    struct client client;
    struct fh root, file;
    struct nfs3_read got;

    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    expect_ok(ask_lookup(&client, &root, "file", &file, NULL, NULL));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_note("case %zu", i);
        fixture_log_begin();
        splice_does = cases[i].does;
        expect_status(ask_read(&client, &file, 0, 20000, &got), cases[i].status);
        if (cases[i].log != NULL) {
            assert_true(fixture_log_has("file system leaky"));
            assert_true(fixture_log_has(cases[i].log));
        }
        splice_does = S_RIGHT;
        expect_letters(&client, &file, 20001, 's');
        expect_letters(&client, &file, 65536, 's');
        expect_letters(&client, &file, 1000, 'r');
    }
    client_disconnect(&client);
    loopnfs_destroy(server);
}

TEST(what_splice_declines_is_read)
{
    struct loopnfs *server = fixture_serve(&leaky, 0);
    struct client client;
    struct fh root, file;

    fixture_log_begin();
    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    expect_ok(ask_lookup(&client, &root, "file", &file, NULL, NULL));
    for (int i = 0; i < 3; i++) {
        splice_does = S_DECLINES;
        expect_letters(&client, &file, 20000, 'r');
        splice_does = S_RIGHT;
        expect_letters(&client, &file, 20000, 's');
    }
    assert_false(fixture_log_has("leaky"));
    client_disconnect(&client);
    loopnfs_destroy(server);
}
