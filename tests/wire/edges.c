/*
 * edges.c - the ends of what can be said: times, sizes, offsets, counts, cookies and names that are
 * just possible or just not, asked of every file system that the server has.
 *
 * What RFC 1813 has no meaning for is refused with a status of its own, changes nothing, and is
 * never taken for something else: no negative offset, no time of another century, no other name.
 */
#include "tests/wire/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP    ((uint64_t)INT64_MAX)
#define LARGE  (300u * 1024) /* goes by the pipe where the file system can */
#define PLACES 5

/* An export of one file system, and a file in it. */
static struct place {
    const char *path, *file;
    bool makes;      /* names can be made by clients */
    bool takes_data; /* the file can be written to, at any offset */
    bool fixed;      /* nothing can be changed */
    struct fh root, fh;
} places[PLACES] = {
    {.path = NULL, .file = "file", .makes = true, .takes_data = true}, /* hostfs */
    {.path = "/mem", .file = "file", .makes = true, .takes_data = true},
    {.path = "/keys", .file = "key", .takes_data = true},
    {.path = "/srv", .file = "file"},
    {.path = "/hc", .file = "hello", .fixed = true},
};

static void begin(struct mounted *m)
{
    static char keys[160];
    char line[160];
    struct mount_answer answer;

    server_prepare(&m->server, NULL);
    host_write(m->server.export_dir, "file", "text");
    host_write(m->server.home, "behind", "text");
    snprintf(line, sizeof(line), "/key %s/behind\n", m->server.home);
    host_write(m->server.home, "keys", line);
    snprintf(keys, sizeof(keys), "--export=/keys,fs=etfs,source=%s/keys,rw,no_root_squash",
             m->server.home);
    server_add_arg(&m->server, keys);
    server_add_arg(&m->server, "--export=/mem,fs=memfs,rw,no_root_squash");
    server_add_arg(&m->server, "--export=/srv,fs=srvfs,rw,no_root_squash");
    server_add_arg(&m->server, "--export=/hc,fs=hcfs,rw,no_root_squash");
    mounted_begin_prepared(m);
    for (struct place *p = places; p < places + PLACES; p++) {
        assert_int_equal(ask_mnt(&m->client, 3, p->path ? p->path : m->dir, &answer), MNT_OK);
        p->root = answer.fh;
        if (p->path && strcmp(p->file, "file") == 0)
            expect_ok(ask_create(&m->client, &p->root, "file", H_UNCHECKED, NULL, NULL, NULL));
        expect_ok(ask_lookup(&m->client, &p->root, p->file, &p->fh, NULL, NULL));
    }
}

static const char *name_of(const struct place *p)
{
    return p->path ? p->path : "hostfs";
}

static bool is_one_of(uint32_t status, const uint32_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == status)
            return true;
    return false;
}

#define expect_one_of(p, what, status, ...)                                     \
    do {                                                                        \
        const uint32_t allowed[] = {__VA_ARGS__};                               \
        const uint32_t got_ = (status);                                         \
        if (!is_one_of(got_, allowed, sizeof(allowed) / sizeof(allowed[0])))    \
            fail_msg("%s: %s is %s", name_of(p), what, nfs3_status_name(got_)); \
    } while (0)

static struct attr attr_of(struct mounted *m, const struct fh *fh)
{
    struct attr attr;

    expect_ok(ask_getattr(&m->client, fh, &attr));
    return attr;
}

/* --- times --- */

static void expect_no_such_time(struct mounted *m, struct place *p, const struct sattr *set)
{
    const struct attr before = attr_of(m, &p->fh);
    struct made made;

    expect_one_of(p, "a time that is none", ask_setattr(&m->client, &p->fh, set, NULL, NULL),
                  NFS_INVAL, p->fixed ? NFS_ROFS : NFS_INVAL);
    const struct attr after = attr_of(m, &p->fh);
    assert_true(same_time(before.mtime, after.mtime));
    assert_true(same_time(before.atime, after.atime));
    if (!p->makes)
        return;
    expect_status(ask_create(&m->client, &p->root, "new", H_GUARDED, set, NULL, &made), NFS_INVAL);
    expect_status(ask_mkdir(&m->client, &p->root, "new", set, &made), NFS_INVAL);
    expect_status(ask_symlink(&m->client, &p->root, "new", "x", set, &made), NFS_INVAL);
    expect_status(ask_mknod(&m->client, &p->root, "new", T_FIFO, set, 0, 0, &made), NFS_INVAL);
    expect_status(ask_lookup(&m->client, &p->root, "new", NULL, NULL, NULL), NFS_NOENT);
}

TEST(a_time_of_a_thousand_million_nanoseconds_is_refused_by_every_file_system)
{
    static const uint32_t too_many[] = {1000000000, 0x7fffffff, 0x80000000, 0xffffffff};
    struct mounted m;

    begin(&m);
    for (size_t i = 0; i < PLACES; i++)
        for (size_t n = 0; n < sizeof(too_many) / sizeof(too_many[0]); n++)
            for (int which = 1; which < 4; which++)
                expect_no_such_time(
                    &m, &places[i],
                    &(struct sattr){.set_atime = which & 1 ? SET_CLIENT_TIME : SET_KEEP,
                                    .set_mtime = which & 2 ? SET_CLIENT_TIME : SET_KEEP,
                                    .atime = {100, too_many[n]},
                                    .mtime = {100, too_many[n]}});
    mounted_end(&m);
}

/* Seconds of the wire end in 2106; what the host's file system can't hold it makes its nearest. */
TEST(times_of_the_wires_whole_range_are_kept_as_the_host_keeps_them)
{
    static const uint32_t seconds[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
    struct mounted m;

    begin(&m);
    for (size_t i = 0; i < 3; i++)
        for (size_t n = 0; n < sizeof(seconds) / sizeof(seconds[0]); n++) {
            const struct sattr set = {.set_atime = SET_CLIENT_TIME,
                                      .set_mtime = SET_CLIENT_TIME,
                                      .atime = {seconds[n], 0},
                                      .mtime = {seconds[n], 999999999}};
            expect_ok(ask_setattr(&m.client, &places[i].fh, &set, NULL, NULL));
            const struct attr got = attr_of(&m, &places[i].fh);
            struct stat st = {.st_size = 0};
            if (i == 0)
                st = host_stat(m.dir, "file");
            else if (i == 2)
                st = host_stat(m.server.home, "behind");
            assert_int_equal(got.mtime.sec, i == 1 ? (time_t)seconds[n] : st.st_mtim.tv_sec);
            assert_int_equal(got.atime.sec, i == 1 ? (time_t)seconds[n] : st.st_atim.tv_sec);
        }
    mounted_end(&m);
}

TEST(a_guard_that_is_wrong_by_a_nanosecond_changes_nothing_on_any_file_system)
{
    static const int32_t wrong[] = {1, -1, 1000000000, INT32_MAX};
    const struct sattr set = {.set_mode = true, .mode = 0640};
    struct mounted m;

    begin(&m);
    for (size_t i = 0; i < PLACES; i++)
        for (size_t n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
            struct place *p = &places[i];
            const struct attr before = attr_of(&m, &p->fh);
            struct nfs_time guard = before.ctime;
            guard.nsec += (uint32_t)wrong[n];
            expect_one_of(p, "a wrong guard", ask_setattr(&m.client, &p->fh, &set, &guard, NULL),
                          NFS_NOT_SYNC, guard.nsec > 999999999 ? NFS_INVAL : NFS_NOT_SYNC,
                          p->fixed ? NFS_ROFS : NFS_NOT_SYNC);
            assert_int_equal(attr_of(&m, &p->fh).mode, before.mode);
        }
    mounted_end(&m);
}

/* --- sizes, offsets and counts --- */

TEST(a_size_or_an_offset_that_no_file_has_is_refused_by_every_file_system)
{
    static const uint64_t sizes[] = {TOP + 1, TOP + 2, UINT64_MAX, UINT64_MAX - 1};
    static const uint64_t offsets[] = {TOP,        TOP - 1,        TOP - 2,   TOP + 1,
                                       UINT64_MAX, UINT64_MAX - 3, TOP - 4096};
    static const uint32_t lens[] = {4, 8192, LARGE};
    struct mounted m;
    char *data = calloc(1, LARGE);

    assert_non_null(data);
    begin(&m);
    for (struct place *p = places; p < places + PLACES; p++) {
        const struct attr before = attr_of(&m, &p->fh);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            const struct sattr set = {.set_size = true, .size = sizes[i]};
            struct made made;
            expect_one_of(p, "such a size", ask_setattr(&m.client, &p->fh, &set, NULL, NULL),
                          NFS_FBIG, NFS_INVAL, p->fixed ? NFS_ROFS : NFS_FBIG);
            if (!p->makes)
                continue;
            expect_one_of(p, "CREATE of such a size",
                          ask_create(&m.client, &p->root, "new", H_GUARDED, &set, NULL, &made),
                          NFS_FBIG, NFS_INVAL);
            expect_status(ask_lookup(&m.client, &p->root, "new", NULL, NULL, NULL), NFS_NOENT);
        }
        for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
            for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
                if (offsets[i] + lens[n] <= TOP && offsets[i] < TOP)
                    continue;
                expect_one_of(p, "WRITE that ends nowhere",
                              ask_write(&m.client, &p->fh, offsets[i], data, lens[n],
                                        n == 1 ? S_FILE_SYNC : S_UNSTABLE, NULL),
                              NFS_FBIG, NFS_INVAL, p->fixed ? NFS_ROFS : NFS_FBIG);
            }
        assert_int_equal(attr_of(&m, &p->fh).size, before.size);
    }
    free(data);
    mounted_end(&m);
}

/* The largest size there is: had, or refused; and then it can be read. */
TEST(the_largest_size_is_had_or_refused_and_never_negative)
{
    const struct sattr largest = {.set_size = true, .size = TOP};
    struct mounted m;
    struct nfs3_read got;

    begin(&m);
    for (struct place *p = places; p < places + PLACES; p++) {
        if (!p->takes_data)
            continue;
        const uint64_t before = attr_of(&m, &p->fh).size;
        uint32_t status = ask_setattr(&m.client, &p->fh, &largest, NULL, NULL);
        expect_one_of(p, "the largest size", status, NFS_OK, NFS_FBIG, NFS_INVAL, NFS_NOSPC);
        const uint64_t size = attr_of(&m, &p->fh).size;
        assert_int_equal(size, status == NFS_OK ? TOP : before);
        expect_ok(ask_read(&m.client, &p->fh, size - 4, 100, &got));
        assert_int_equal(got.count, 4);
        assert_true(got.eof);
        if (status == NFS_OK)
            expect_one_of(p, "WRITE at the end",
                          ask_write(&m.client, &p->fh, TOP - 4, "text", 4, S_UNSTABLE, NULL),
                          NFS_OK, NFS_FBIG, NFS_INVAL, NFS_NOSPC);
    }
    mounted_end(&m);
}

TEST(a_read_at_any_offset_and_of_any_count_ends_where_the_file_ends)
{
    static const uint64_t offsets[] = {100, 1ull << 32, TOP - 1, TOP, TOP + 1, UINT64_MAX};
    static const uint32_t counts[] = {0, 1, LARGE, 0x7fffffff, 0x80000000, 0xffffffff};
    struct mounted m;
    struct nfs3_read got;

    begin(&m);
    for (struct place *p = places; p < places + PLACES; p++) {
        const uint64_t size = attr_of(&m, &p->fh).size;
        for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
            expect_ok(ask_read(&m.client, &p->fh, 0, counts[n], &got));
            assert_int_equal(got.count, counts[n] < size ? counts[n] : size);
            if (got.eof != (counts[n] >= size))
                fail_msg("%s: %u bytes of %u, eof %d", name_of(p), counts[n], (unsigned)size,
                         got.eof);
            for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
                expect_ok(ask_read(&m.client, &p->fh, offsets[i], counts[n], &got));
                assert_int_equal(got.count, 0);
                if (!got.eof)
                    fail_msg("%s: no end at %llu for %u bytes", name_of(p),
                             (unsigned long long)offsets[i], counts[n]);
            }
        }
        if (p->takes_data)
            for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
                expect_ok(ask_commit(&m.client, &p->fh, offsets[i], 0xffffffff, NULL, NULL));
    }
    mounted_end(&m);
}

/* --- listings --- */

/* Nothing that is not there, and nothing twice. */
static void expect_true_listing(struct mounted *m, const struct place *p,
                                const struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        expect_ok(ask_lookup(&m->client, &p->root, listing->list[i].name, NULL, NULL, NULL));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(listing->list[i].name, listing->list[k].name);
    }
}

TEST(a_page_without_room_for_an_entry_is_too_small_on_every_file_system)
{
    struct mounted m;

    begin(&m);
    for (struct place *p = places; p < places + PLACES; p++) {
        struct listing all = {.count = 0}, one = {.count = 0};
        expect_ok(ask_readdir_all(&m.client, &p->root, 65536, false, &all));
        for (uint32_t count = 0; count < 400; count += 4) {
            uint32_t status = ask_readdir(&m.client, &p->root, 0, 0, count, &one);
            expect_one_of(p, "a small page", status, NFS_OK, NFS_TOOSMALL);
            assert_true(status == NFS_OK ? one.count > 0 && one.reply_bytes <= count : count < 200);
            status = ask_readdirplus(&m.client, &p->root, 0, 0, count, 4 * count, &one);
            expect_one_of(p, "a small page", status, NFS_OK, NFS_TOOSMALL);
            assert_true(status == NFS_OK ? one.count > 0 && one.reply_bytes <= 4 * (size_t)count
                                         : count < 200);
        }
        expect_ok(ask_readdirplus(&m.client, &p->root, 0, 0, 0xffffffff, 0xffffffff, &one));
        assert_int_equal(one.count, all.count);
        expect_ok(ask_readdir(&m.client, &p->root, 0, 0, 0xffffffff, &one));
        assert_int_equal(one.count, all.count);
        listing_free(&all);
        listing_free(&one);
    }
    mounted_end(&m);
}

TEST(cookies_and_verifiers_that_were_never_given_list_nothing_that_is_not_there)
{
    uint64_t cookies[40] = {3,       4,       0x7fffffff, 0x80000000, 0xffffffff,
                            TOP - 1, TOP - 2, TOP,        TOP + 1,    UINT64_MAX};
    size_t count = 10;
    struct mounted m;

    begin(&m);
    /* And those of the other directories. */
    for (struct place *p = places; p < places + PLACES; p++) {
        struct listing all = {.count = 0};
        expect_ok(ask_readdir_all(&m.client, &p->root, 65536, false, &all));
        for (size_t i = 0; i < all.count && count < 40; i++)
            cookies[count++] = all.list[i].cookie;
        listing_free(&all);
    }
    for (struct place *p = places; p < places + PLACES; p++)
        for (size_t i = 0; i < 2 * count; i++) {
            struct listing page = {.count = 0};
            const uint64_t verifier = i % 2 ? 0x123456789abcdefull : 0;
            uint32_t status =
                i < count ? ask_readdir(&m.client, &p->root, cookies[i], verifier, 8192, &page)
                          : ask_readdirplus(&m.client, &p->root, cookies[i - count], verifier, 8192,
                                            8192, &page);
            expect_one_of(p, "another's cookie", status, NFS_OK, NFS_BAD_COOKIE);
            if (status == NFS_OK)
                expect_true_listing(&m, p, &page);
            listing_free(&page);
        }
    mounted_end(&m);
}

/* --- names --- */

enum { LOOKUP = 3, CREATE = 8, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR, RENAME, LINK, RENAME_FROM };

static void put_name(struct bytes *b, const struct fh *dir, const void *name, uint32_t len)
{
    put_fh(b, dir);
    put_opaque(b, name, len);
}

/* Whatever has a name, with this one; its status. */
static uint32_t ask_by_name(struct client *client, int procedure, const struct place *p,
                            const void *name, uint32_t len)
{
    const struct sattr nothing = {.set_mode = false};
    struct bytes *b = nfs3_begin(client, procedure == RENAME_FROM ? RENAME : (uint32_t)procedure);

    if (procedure == LINK)
        put_fh(b, &p->fh);
    if (procedure == RENAME)
        put_name(b, &p->root, p->file, (uint32_t)strlen(p->file));
    put_name(b, &p->root, name, len);
    if (procedure == CREATE)
        put_u32(b, H_GUARDED);
    if (procedure == MKNOD)
        put_u32(b, T_FIFO);
    if (procedure >= CREATE && procedure <= MKNOD)
        put_sattr(b, &nothing);
    if (procedure == SYMLINK)
        put_string(b, "target");
    if (procedure == RENAME_FROM)
        put_name(b, &p->root, "new", 3);
    struct cursor c = client_finish(client);
    return get_u32(&c);
}

static uint32_t answer_to_dots(int procedure, bool dotdot)
{
    if (procedure == LOOKUP)
        return NFS_OK;
    if (procedure == RMDIR)
        return dotdot ? NFS_EXIST : NFS_INVAL; /* RFC 1813 section 3.3.13 */
    if (procedure == REMOVE || procedure == RENAME || procedure == RENAME_FROM)
        return NFS_INVAL;
    return NFS_EXIST;
}

/* A file system that makes no names may say so first. */
static void expect_answer(const struct place *p, int procedure, const char *name, uint32_t status,
                          uint32_t wanted)
{
    static const uint32_t cannot[] = {NFS_ROFS, NFS_NOTSUPP, NFS_ACCES, NFS_PERM};

    if (status == wanted || (!p->makes && procedure != LOOKUP && is_one_of(status, cannot, 4)))
        return;
    fail_msg("%s: procedure %d with '%s' is %s, not %s", name_of(p), procedure, name,
             nfs3_status_name(status), nfs3_status_name(wanted));
}

TEST(a_name_that_is_none_is_refused_by_every_procedure_of_every_file_system)
{
    static const struct {
        const char *name;
        uint32_t len;
    } none[] = {{"", 0},   {"/", 1},   {"a/b", 3}, {"a/", 2},  {"/a", 2},  {"a\0b", 3},
                {"\0", 1}, {"a\0", 2}, {"./a", 3}, {"../", 3}, {".\0", 2}, {"..\0", 3}};
    static const uint32_t too_long[] = {256, 257, 1024, 4095, 4096, 65536};
    struct mounted m;
    char *name = malloc(65536);

    assert_non_null(name);
    memset(name, 'x', 65536);
    begin(&m);
    for (struct place *p = places; p < places + PLACES; p++)
        for (int procedure = LOOKUP; procedure <= RENAME_FROM; procedure++) {
            if (procedure > LOOKUP && procedure < CREATE)
                continue;
            for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
                expect_answer(p, procedure, none[i].name,
                              ask_by_name(&m.client, procedure, p, none[i].name, none[i].len),
                              NFS_INVAL);
            for (size_t i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++)
                expect_answer(p, procedure, "x...",
                              ask_by_name(&m.client, procedure, p, name, too_long[i]),
                              NFS_NAMETOOLONG);
            for (uint32_t dots = 1; dots <= 2; dots++)
                expect_answer(p, procedure, dots == 1 ? "." : "..",
                              ask_by_name(&m.client, procedure, p, "..", dots),
                              answer_to_dots(procedure, dots == 2));
            expect_ok(ask_lookup(&m.client, &p->root, p->file, NULL, NULL, NULL));
        }
    free(name);
    mounted_end(&m);
}
