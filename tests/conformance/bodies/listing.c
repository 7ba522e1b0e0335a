/*
 * listing.c - READDIR: complete, each name once, and cookies that hold while the directory changes.
 */
#include "tests/conformance/conformance.h"
#include <stdio.h>
#include <stdlib.h>

enum { MANY = 500, SMALL_PAGE = 512 };

/* Which of the files 0..MANY-1 were listed how often; and all that goes on over several pages. */
struct seen {
    unsigned char times[MANY];
    unsigned others; /* names that are no number */
    uint64_t cookie; /* of the last entry */
    bool eof;
};

static void number_name(unsigned n, char name[40])
{
    snprintf(name, 40, "%u is the number of this file", n);
}

static void make_many(struct object dir, unsigned count)
{
    char name[40];
    for (unsigned i = 0; i < count; i++) {
        number_name(i, name);
        make_file(dir, name, "");
    }
}

static void see(struct seen *seen, const struct item *item)
{
    char *end;
    seen->cookie = item->cookie;
    if (is_dots(item))
        return;
    unsigned long n = strtoul(item->name, &end, 10);
    if (end == item->name || n >= MANY)
        seen->others++;
    else
        seen->times[n]++;
}

static void see_page(struct object dir, struct seen *seen, struct page *page)
{
    list_page(dir, seen->cookie, SMALL_PAGE, page);
    for (uint32_t i = 0; i < page->count; i++)
        see(seen, &page->items[i]);
    seen->eof = page->eof;
}

BODY(an_empty_directory_has_dot_and_dotdot, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    struct page page = {.verifier = 0};
    list_page(dir, 0, 4096, &page);
    expect(page.eof);
    expect_number(page.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct object expected = page.items[i].namelen == 1 ? dir : here;
        expect(is_dots(&page.items[i]));
        expect_number(page.items[i].fileid, attr_of(expected).fileid);
    }
    expect(page.items[0].namelen != page.items[1].namelen);
}

BODY(dotdot_of_the_root_is_listed_as_the_root, 0)
{
    struct page page = {.verifier = 0};
    list_page(root, 0, 4096, &page);
    for (uint32_t i = 0; i < page.count; i++)
        if (is_dots(&page.items[i]))
            expect_number(page.items[i].fileid, attr_of(root).fileid);
}

BODY(every_name_is_listed_once, PLAIN | ROOM)
{
    struct seen seen = {.eof = false};
    struct page page = {.verifier = 0};
    make_many(here, MANY);
    while (!seen.eof)
        see_page(here, &seen, &page);
    for (unsigned i = 0; i < MANY; i++)
        expect_number(seen.times[i], 1);
    expect_number(seen.others, 0);
}

BODY(large_and_small_pages_list_the_same, PLAIN | ROOM)
{
    static const uint32_t sizes[] = {512, 1024, 4096, 8192, 32768, 65536};
    make_many(here, 200);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct seen seen = {.eof = false};
        struct page page = {.verifier = 0};
        while (!seen.eof) {
            list_page(here, seen.cookie, sizes[i], &page);
            for (uint32_t at = 0; at < page.count; at++)
                see(&seen, &page.items[at]);
            seen.eof = page.eof;
        }
        for (unsigned n = 0; n < 200; n++)
            expect_number(seen.times[n], 1);
    }
}

BODY(file_numbers_in_a_listing_are_those_of_the_files, PLAIN)
{
    struct page page = {.verifier = 0};
    make_file(here, "a", "");
    make_dir(here, "b");
    list_page(here, 0, 4096, &page);
    expect_number(page.count, 4);
    for (uint32_t i = 0; i < page.count; i++)
        if (!is_dots(&page.items[i]))
            expect_number(page.items[i].fileid, attr_of(find(here, page.items[i].name)).fileid);
}

BODY(cookies_are_different_and_have_63_bits, PLAIN)
{
    struct page page = {.verifier = 0};
    make_many(here, 100);
    list_page(here, 0, 32768, &page);
    for (uint32_t i = 0; i < page.count; i++) {
        expect(page.items[i].cookie != 0);
        expect(page.items[i].cookie <= VCOOKIE_LAST);
        for (uint32_t j = 0; j < i; j++) {
            expect(page.items[i].cookie != page.items[j].cookie);
        }
    }
}

BODY(a_listing_goes_on_from_every_cookie, PLAIN)
{
    static struct page all, rest;
    make_many(here, 60);
    list_page(here, 0, 32768, &all);
    expect(all.eof);
    for (uint32_t i = 0; i < all.count; i++) {
        rest.verifier = all.verifier;
        list_page(here, all.items[i].cookie, 32768, &rest);
        expect(rest.eof);
        expect_number(rest.count, all.count - i - 1);
        for (uint32_t j = 0; j < rest.count; j++)
            expect(strcmp(rest.items[j].name, all.items[i + 1 + j].name) == 0);
    }
}

BODY(after_the_last_cookie_there_is_nothing, PLAIN)
{
    struct page page = {.verifier = 0};
    make_many(here, 10);
    list_page(here, 0, 32768, &page);
    expect(page.eof);
    list_page(here, page.items[page.count - 1].cookie, 4096, &page);
    expect(page.eof);
    expect_number(page.count, 0);
}

BODY(removing_what_was_listed_loses_nothing, PLAIN | ROOM)
{
    struct seen seen = {.eof = false};
    struct page page = {.verifier = 0};
    make_many(here, MANY);
    /* As rm -rf: a page, its names away, the next page from the last cookie. */
    while (!seen.eof) {
        see_page(here, &seen, &page);
        for (uint32_t i = 0; i < page.count; i++)
            if (!is_dots(&page.items[i]))
                expect_ok(t_remove(here, page.items[i].name));
    }
    for (unsigned i = 0; i < MANY; i++)
        expect_number(seen.times[i], 1);
    expect_number(list_count(here), 0);
}

BODY(removing_what_was_not_listed_loses_nothing_else, PLAIN | ROOM)
{
    struct seen seen = {.eof = false};
    struct page page = {.verifier = 0};
    unsigned char removed[MANY] = {0};
    char name[40];
    unsigned next = 0;
    make_many(here, MANY);
    while (!seen.eof) {
        see_page(here, &seen, &page);
        for (unsigned i = 0; i < 5 && next < MANY; next += 7) {
            number_name(next, name);
            if (seen.times[next])
                continue;
            expect_ok(t_remove(here, name));
            removed[next] = 1;
            i++;
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        expect(seen.times[i] <= 1);
        expect(seen.times[i] == 1 || removed[i]);
    }
}

BODY(new_names_make_no_other_appear_twice, PLAIN | ROOM)
{
    struct seen seen = {.eof = false};
    struct page page = {.verifier = 0};
    char name[40];
    make_many(here, 200);
    for (unsigned n = 0; !seen.eof; n++) {
        see_page(here, &seen, &page);
        /* A listing need not end while names come in; ours come to an end. */
        for (unsigned i = 0; i < 10 && n < 20; i++) {
            snprintf(name, sizeof(name), "new %u %u", n, i);
            make_file(here, name, "");
        }
    }
    for (unsigned i = 0; i < 200; i++)
        expect_number(seen.times[i], 1);
    expect(seen.others <= 200);
}

BODY(renames_elsewhere_lose_and_repeat_nothing, PLAIN | ROOM)
{
    struct seen seen = {.eof = false};
    struct page page = {.verifier = 0};
    char names[2][40] = {"moving", "moved"};
    make_many(here, 200);
    make_file(here, names[0], "");
    for (unsigned n = 0; !seen.eof; n++) {
        see_page(here, &seen, &page);
        expect_ok(t_rename(here, names[n % 2], here, names[(n + 1) % 2]));
    }
    for (unsigned i = 0; i < 200; i++)
        expect_number(seen.times[i], 1);
}

BODY(the_cookie_of_a_removed_name_still_works, PLAIN)
{
    static struct page all, rest;
    make_many(here, 50);
    list_page(here, 0, 32768, &all);
    for (uint32_t i = 0; i + 1 < all.count; i++) {
        if (is_dots(&all.items[i]))
            continue;
        expect_ok(t_remove(here, all.items[i].name));
        rest.verifier = all.verifier;
        list_page(here, all.items[i].cookie, 32768, &rest);
        expect_number(rest.count, all.count - i - 1);
        expect(strcmp(rest.items[0].name, all.items[i + 1].name) == 0);
    }
}

BODY(a_listing_of_what_became_empty_ends, PLAIN)
{
    struct seen seen = {.eof = false};
    struct page page = {.verifier = 0};
    char name[40];
    make_many(here, 100);
    see_page(here, &seen, &page);
    for (unsigned i = 0; i < 100; i++) {
        number_name(i, name);
        expect_ok(t_remove(here, name));
    }
    list_page(here, seen.cookie, 4096, &page);
    expect_number(page.count, 0);
    expect(page.eof);
}

BODY(two_listings_at_once_do_not_disturb_each_other, PLAIN)
{
    struct seen a = {.eof = false}, b = {.eof = false};
    static struct page page_a, page_b;
    make_many(here, 100);
    see_page(here, &a, &page_a);
    while (!a.eof || !b.eof) {
        if (!b.eof)
            see_page(here, &b, &page_b);
        if (!a.eof)
            see_page(here, &a, &page_a);
    }
    for (unsigned i = 0; i < 100; i++) {
        expect_number(a.times[i], 1);
        expect_number(b.times[i], 1);
    }
}

BODY(a_listing_goes_on_after_a_restart, PLAIN | RESTART | STABLE)
{
    struct seen seen = {.eof = false};
    struct page page = {.verifier = 0};
    make_many(here, 200);
    see_page(here, &seen, &page);
    see_page(here, &seen, &page);
    restart();
    while (!seen.eof)
        see_page(here, &seen, &page);
    for (unsigned i = 0; i < 200; i++)
        expect_number(seen.times[i], 1);
}

BODY(what_is_no_directory_is_not_listed, PLAIN)
{
    struct object file = make_file(here, "file", "text");
    struct page page = {.verifier = 0};
    expect_error(driver->readdir(&file, 0, 4096, &page), ENOTDIR);
}

BODY(a_page_too_small_for_an_entry_is_an_error, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    struct page page = {.verifier = 0};
    char name[256];
    memset(name, 'x', 255);
    name[255] = '\0';
    make_file(dir, name, "");
    list_page(dir, 0, 4096, &page);
    expect_number(page.count, 3);
    /* From the entry before the long name. */
    uint64_t cookie = strcmp(page.items[2].name, name) == 0 ? page.items[1].cookie : 0;
    if (cookie != 0)
        expect_error(driver->readdir(&dir, cookie, 128, &page), VFS_ETOOSMALL);
}

BODY(long_names_are_listed_whole, PLAIN)
{
    char name[256];
    for (int i = 0; i < 26; i++) {
        memset(name, 'a' + i, 230 + i);
        name[230 + i] = '\0';
        make_file(here, name, "");
    }
    for (int i = 0; i < 26; i++) {
        memset(name, 'a' + i, 230 + i);
        name[230 + i] = '\0';
        expect_number(list_times(here, name), 1);
    }
    expect_number(list_count(here), 26);
}

BODY(a_cookie_that_was_never_given_does_no_harm, PLAIN)
{
    static const uint64_t strange[] = {3, 12345, 1ULL << 31, 1ULL << 62, INT64_MAX, UINT64_MAX};
    struct page page = {.verifier = 0};
    make_many(here, 20);
    list_page(here, 0, 4096, &page);
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        int err = driver->readdir(&here, strange[i], 4096, &page);
        if (err != 0)
            expect_error(err, VFS_EBADCOOKIE, EINVAL);
    }
    expect_number(list_count(here), 20);
}

BODY(changes_are_listed_at_once, PLAIN)
{
    for (unsigned i = 0; i < 30; i++) {
        make_file(here, "a", "");
        expect_number(list_count(here), 1);
        expect_ok(t_rename(here, "a", here, "b"));
        expect_number(list_times(here, "a"), 0);
        expect_number(list_times(here, "b"), 1);
        expect_ok(t_remove(here, "b"));
        expect_number(list_count(here), 0);
    }
}
