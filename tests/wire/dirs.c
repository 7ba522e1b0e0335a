/*
 * dirs.c - READDIR and READDIRPLUS: listings that stay true while directories change.
 */
#include "tests/wire/wire.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 1000

static void make_many(const char *dir, int count)
{
    char name[64];

    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "file number %d", i);
        host_write(dir, name, "");
    }
}

/* That `listing` has each of the host's entries once, with its fileid, and nothing else. */
static void expect_same_entries(const struct listing *listing, const char *dir)
{
    DIR *d = opendir(dir);
    size_t count = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)); count++) {
        const struct entry *found = listing_find(listing, e->d_name);
        if (!found)
            fail_msg("%s is missing", e->d_name);
        if (strcmp(e->d_name, "..") != 0)
            assert_int_equal(found->fileid, e->d_ino);
    }
    closedir(d);
    assert_int_equal(listing->count, count);
}

/* Cookies: below 2^63, not 0, different even in their low 32 bits (macOS, NetBSD). */
static void expect_good_cookies(const struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        assert_true(listing->list[i].cookie != 0);
        assert_true(listing->list[i].cookie <= INT64_MAX);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal((uint32_t)listing->list[i].cookie,
                                 (uint32_t)listing->list[j].cookie);
    }
}

TEST(readdir_lists_what_is_there)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    make_many(m.dir, MANY);
    host_mkdir(m.dir, "dir", 0755);
    host_symlink("x", m.dir, "link");
    expect_ok(ask_readdir_all(&m.client, &m.root, 4096, false, &listing));
    expect_same_entries(&listing, m.dir);
    expect_attr_but_atime(&listing.dir, m.dir, NULL);
    listing_free(&listing);
    mounted_end(&m);
}

TEST(readdirplus_lists_what_is_there_with_attributes_and_handles)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    make_many(m.dir, 200);
    host_mkdir(m.dir, "dir", 0750);
    host_symlink("x", m.dir, "link");
    assert_int_equal(mknod(host_path(m.dir, "fifo").text, S_IFIFO | 0600, 0), 0);
    expect_ok(ask_readdir_all(&m.client, &m.root, 8192, true, &listing));
    expect_same_entries(&listing, m.dir);
    for (size_t i = 0; i < listing.count; i++) {
        const struct entry *e = &listing.list[i];
        if (e->name[0] == '.')
            continue;
        expect_attr(&e->attr, m.dir, e->name);
        assert_int_equal(e->attr.fileid, e->fileid);
        assert_true(e->has_fh);
        struct fh fh = mounted_lookup(&m, e->name);
        assert_true(same_fh(&fh, &e->fh));
    }
    listing_free(&listing);
    mounted_end(&m);
}

TEST(cookies_are_below_2_to_63_and_unique_in_their_low_32_bits)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    make_many(m.dir, 3000);
    expect_ok(ask_readdir_all(&m.client, &m.root, 65536, false, &listing));
    assert_int_equal(listing.count, 3002);
    expect_good_cookies(&listing);
    listing_free(&listing);
    mounted_end(&m);
}

TEST(readdir_of_an_empty_directory_is_dot_and_dotdot)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    struct fh dir = make_dir(&m, "dir");
    expect_ok(ask_readdir(&m.client, &dir, 0, 0, 4096, &listing));
    assert_int_equal(listing.count, 2);
    assert_true(listing.eof);
    assert_int_equal(listing_find(&listing, ".")->fileid, host_stat(m.dir, "dir").st_ino);
    assert_int_equal(listing_find(&listing, "..")->fileid, host_stat(m.dir, NULL).st_ino);
    listing_free(&listing);
    mounted_end(&m);
}

TEST(readdir_of_the_root_has_the_root_as_dotdot)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    expect_ok(ask_readdir(&m.client, &m.root, 0, 0, 4096, &listing));
    assert_int_equal(listing_find(&listing, "..")->fileid, host_stat(m.dir, NULL).st_ino);
    expect_ok(ask_readdirplus(&m.client, &m.root, 0, 0, 4096, 8192, &listing));
    const struct entry *up = listing_find(&listing, "..");
    assert_int_equal(up->fileid, host_stat(m.dir, NULL).st_ino);
    if (up->has_fh)
        assert_true(same_fh(&up->fh, &m.root));
    listing_free(&listing);
    mounted_end(&m);
}

TEST(readdir_stays_within_count)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    make_many(m.dir, 200);
    for (uint32_t count = 200; count < 6000; count += 123) {
        expect_ok(ask_readdir(&m.client, &m.root, 0, 0, count, &listing));
        /* The count is that of READDIR3resok: without the status. */
        assert_true(listing.reply_bytes <= count);
        assert_true(listing.count > 0);
        expect_ok(ask_readdirplus(&m.client, &m.root, 0, 0, count, count + 400, &listing));
        assert_true(listing.reply_bytes <= count + 400);
        assert_true(listing.count > 0);
    }
    listing_free(&listing);
    mounted_end(&m);
}

TEST(readdir_in_the_smallest_pages_lists_everything)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    make_many(m.dir, 60);
    expect_ok(ask_readdir_all(&m.client, &m.root, 160, false, &listing));
    expect_same_entries(&listing, m.dir);
    expect_ok(ask_readdir_all(&m.client, &m.root, 512, true, &listing));
    expect_same_entries(&listing, m.dir);
    listing_free(&listing);
    mounted_end(&m);
}

TEST(readdir_into_which_no_entry_fits_is_toosmall)
{
    struct mounted m;
    struct listing listing = {0};
    static const uint32_t counts[] = {0, 1, 50, 100, 110};

    mounted_begin(&m);
    make_file(&m, "file", "");
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        expect_status(ask_readdir(&m.client, &m.root, 0, 0, counts[i], &listing), NFS_TOOSMALL);
        expect_status(ask_readdirplus(&m.client, &m.root, 0, 0, counts[i], counts[i], &listing),
                      NFS_TOOSMALL);
    }
    listing_free(&listing);
    mounted_end(&m);
}

TEST(readdir_of_a_huge_count_is_clamped)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    make_many(m.dir, 100);
    expect_ok(ask_readdir(&m.client, &m.root, 0, 0, 0xffffffff, &listing));
    assert_int_equal(listing.count, 102);
    expect_ok(ask_readdirplus(&m.client, &m.root, 0, 0, 0xffffffff, 0xffffffff, &listing));
    assert_int_equal(listing.count, 102);
    listing_free(&listing);
    mounted_end(&m);
}

TEST(readdir_of_what_is_no_directory_is_notdir)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", ""), gone = make_stale(&m);
    expect_status(ask_readdir(&m.client, &fh, 0, 0, 4096, &listing), NFS_NOTDIR);
    expect_status(ask_readdirplus(&m.client, &fh, 0, 0, 4096, 4096, &listing), NFS_NOTDIR);
    uint32_t status = ask_readdir(&m.client, &gone, 0, 0, 4096, &listing);
    expect_status(status, NFS_STALE);
    mounted_end(&m);
}

TEST(an_old_cookie_verifier_is_accepted)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    make_many(m.dir, 100);
    expect_ok(ask_readdir(&m.client, &m.root, 0, 0, 1000, &listing));
    uint64_t cookie = listing.list[listing.count - 1].cookie, verifier = listing.verifier;
    make_file(&m, "the directory has changed", "");
    expect_ok(ask_readdir(&m.client, &m.root, cookie, verifier, 1000, &listing));
    expect_ok(ask_readdir(&m.client, &m.root, cookie, 0x1234567890abcdef, 1000, &listing));
    expect_ok(ask_readdirplus(&m.client, &m.root, cookie, 42, 1000, 4000, &listing));
    listing_free(&listing);
    mounted_end(&m);
}

TEST(a_cookie_from_before_a_restart_goes_on_from_there)
{
    struct mounted m;
    struct listing first = {0}, rest = {0};

    mounted_begin(&m);
    make_many(m.dir, 300);
    expect_ok(ask_readdir(&m.client, &m.root, 0, 0, 4000, &first));
    server_restart(&m.server);
    mounted_reconnect(&m);
    uint64_t cookie = first.list[first.count - 1].cookie;
    expect_ok(ask_readdir(&m.client, &m.root, cookie, first.verifier, 65536, &rest));
    assert_int_equal(first.count + rest.count, 302);
    for (size_t i = 0; i < rest.count; i++)
        assert_null(listing_find(&first, rest.list[i].name));
    listing_free(&first);
    listing_free(&rest);
    mounted_end(&m);
}

TEST(a_cookie_out_of_thin_air_does_no_harm)
{
    struct mounted m;
    struct listing listing = {0};
    static const uint64_t cookies[] = {1, 2, 3, 77777, INT64_MAX, UINT64_MAX, 1ull << 63};

    mounted_begin(&m);
    make_many(m.dir, 50);
    for (size_t i = 0; i < sizeof(cookies) / sizeof(cookies[0]); i++) {
        uint32_t status = ask_readdir(&m.client, &m.root, cookies[i], 0, 4096, &listing);
        assert_true(status == NFS_OK || status == NFS_BAD_COOKIE);
    }
    ask_null(&m.client);
    listing_free(&listing);
    mounted_end(&m);
}

/* Lists `count` files in small pages and has `change` done to the directory after each. */
static void list_while(struct mounted *m, const char *base, bool plus,
                       void (*change)(const char *dir, const struct listing *page, int step))
{
    struct listing page = {0};
    bool *seen = calloc(MANY, 1);
    uint64_t cookie = 0;
    struct fh dir = mounted_lookup(m, base);
    struct host_path path = host_path(m->dir, base);

    for (int step = 0;; step++) {
        if (step > 4 * MANY)
            fail_msg("the listing does not end");
        if (plus)
            expect_ok(ask_readdirplus(&m->client, &dir, cookie, page.verifier, 1000, 3000, &page));
        else
            expect_ok(ask_readdir(&m->client, &dir, cookie, page.verifier, 1000, &page));
        for (size_t i = 0; i < page.count; i++) {
            int number;
            cookie = page.list[i].cookie;
            if (sscanf(page.list[i].name, "file number %d", &number) != 1)
                continue;
            if (seen[number])
                fail_msg("%s is listed twice", page.list[i].name);
            seen[number] = true;
        }
        if (page.eof)
            break;
        change(path.text, &page, step);
    }
    for (int i = 0; i < MANY; i++)
        if (!seen[i])
            fail_msg("file number %d is lost", i);
    listing_free(&page);
    free(seen);
}

static void remove_listed(const char *dir, const struct listing *page,
                          int step __attribute__((unused)))
{
    for (size_t i = 0; i < page->count; i++)
        if (page->list[i].name[0] != '.')
            host_unlink(dir, page->list[i].name);
}

static void remove_and_add(const char *dir, const struct listing *page, int step)
{
    char name[64];

    if (step < 50) {
        remove_listed(dir, page, step);
        for (int i = 0; i < 20; i++) {
            snprintf(name, sizeof(name), "newcomer %d.%d", step, i);
            host_write(dir, name, "");
        }
    }
}

static void rename_listed(const char *dir, const struct listing *page, int step)
{
    for (size_t i = 0; step < 50 && i < page->count; i++) {
        char name[300];
        if (strncmp(page->list[i].name, "file", 4) != 0)
            continue;
        snprintf(name, sizeof(name), "renamed %s", page->list[i].name);
        host_rename(dir, page->list[i].name, dir, name);
    }
}

TEST(readdir_while_files_are_removed_loses_nothing)
{
    struct mounted m;

    mounted_begin(&m);
    for (int plus = 0; plus < 2; plus++) {
        const char *name = plus ? "plus" : "plain";
        host_mkdir(m.dir, name, 0755);
        make_many(host_path(m.dir, name).text, MANY);
        list_while(&m, name, plus, remove_listed);
    }
    mounted_end(&m);
}

TEST(readdir_while_files_come_and_go_loses_and_repeats_nothing)
{
    struct mounted m;

    mounted_begin(&m);
    for (int plus = 0; plus < 2; plus++) {
        const char *name = plus ? "plus" : "plain";
        host_mkdir(m.dir, name, 0755);
        make_many(host_path(m.dir, name).text, MANY);
        list_while(&m, name, plus, remove_and_add);
    }
    mounted_end(&m);
}

TEST(readdir_while_files_are_renamed_loses_nothing)
{
    struct mounted m;

    mounted_begin(&m);
    host_mkdir(m.dir, "dir", 0755);
    make_many(host_path(m.dir, "dir").text, MANY);
    list_while(&m, "dir", false, rename_listed);
    mounted_end(&m);
}

TEST(readdir_on_tmpfs_while_files_are_removed_loses_nothing)
{
    struct mounted m;

    server_prepare(&m.server, "/dev/shm");
    mounted_begin_prepared(&m);
    host_mkdir(m.dir, "dir", 0755);
    make_many(host_path(m.dir, "dir").text, MANY);
    list_while(&m, "dir", false, remove_listed);
    mounted_end(&m);
}

TEST(a_new_host_file_is_listed_at_once)
{
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    expect_ok(ask_readdir_all(&m.client, &m.root, 4096, true, &listing));
    host_write(m.dir, "new", "");
    expect_ok(ask_readdir_all(&m.client, &m.root, 4096, true, &listing));
    assert_non_null(listing_find(&listing, "new"));
    host_unlink(m.dir, "new");
    expect_ok(ask_readdir_all(&m.client, &m.root, 4096, true, &listing));
    assert_null(listing_find(&listing, "new"));
    listing_free(&listing);
    mounted_end(&m);
}
