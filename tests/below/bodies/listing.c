/*
 * listing.c - listings while names come and go, by clients and by the host: what stays is listed
 * once, whatever the size of a page, and no page is an error.
 */
#include "tests/below/hands.h"
#include <stdio.h>

#define STAY  300
#define PAGES 400

struct listed {
    unsigned stay[STAY];
    uint64_t cookie;
    unsigned rounds;
};

static void name_of(const char *kind, unsigned i, char name[64])
{
    snprintf(name, 64, "%s-%u-with-a-name-that-fills-its-page", kind, i);
}

static void begin_listed(void)
{
    char name[64];

    for (unsigned i = 0; i < STAY; i++) {
        name_of("stay", i, name);
        make_file(here, name, "");
        name_of("go", i, name);
        make_file(here, name, "");
    }
}

static void count_page(struct listed *listed, const struct page *page)
{
    unsigned i;

    for (uint32_t at = 0; at < page->count; at++) {
        if (sscanf(page->items[at].name, "stay-%u-", &i) == 1 && i < STAY)
            listed->stay[i]++;
        listed->cookie = page->items[at].cookie;
    }
    listed->rounds++;
}

/* Three names go and three come, by a client or by the host. */
static void change(unsigned *gone, bool by_host)
{
    char name[64];

    for (unsigned i = 0; i < 3 && *gone < STAY; i++, ++*gone) {
        name_of("go", *gone, name);
        if (by_host)
            host_remove(name);
        else
            expect_ok(t_remove(here, name));
        name_of("come", *gone, name);
        if (by_host)
            host_make(name, "");
        else
            make_file(here, name, "");
    }
}

static void expect_all_once(const struct listed *listed)
{
    expect(listed->rounds < PAGES);
    for (unsigned i = 0; i < STAY; i++)
        if (listed->stay[i] != 1)
            fail("name %u of %u was listed %u times, in %u pages", i, STAY, listed->stay[i],
                 listed->rounds);
}

static void list_while_changing(uint32_t size, bool by_host)
{
    struct listed listed = {.rounds = 0};
    struct page page = {.verifier = 0};
    unsigned gone = 0;

    begin_listed();
    do {
        list_page(here, listed.cookie, size, &page);
        count_page(&listed, &page);
        change(&gone, by_host);
    } while (!page.eof && listed.rounds < PAGES);
    expect_all_once(&listed);
}

BODY(what_stays_is_listed_once_while_clients_change_the_rest, PLAIN | ROOM)
{
    list_while_changing(4096, false);
}

BODY(what_stays_is_listed_once_while_the_host_changes_the_rest, PLAIN | ROOM)
{
    list_while_changing(4096, true);
}

BODY(small_pages_lose_nothing_while_names_change, PLAIN | ROOM)
{
    list_while_changing(1024, false);
}

BODY(large_pages_lose_nothing_while_names_change, PLAIN | ROOM)
{
    list_while_changing(20000, true);
}

BODY(a_listing_goes_on_over_a_restart_while_names_change, PLAIN | ROOM | RESTART | STABLE)
{
    struct listed listed = {.rounds = 0};
    struct page page = {.verifier = 0};
    unsigned gone = 0;

    begin_listed();
    do {
        list_page(here, listed.cookie, 8192, &page);
        count_page(&listed, &page);
        change(&gone, false);
        if (listed.rounds == 2)
            restart();
    } while (!page.eof && listed.rounds < PAGES);
    expect_all_once(&listed);
}

BODY(two_who_list_and_remove_see_all_names, PLAIN | ROOM)
{
    struct listed first = {.rounds = 0}, second = {.rounds = 0};
    static struct page one, other;
    unsigned gone = 0;

    begin_listed();
    do {
        if (!one.eof) {
            list_page(here, first.cookie, 3000, &one);
            count_page(&first, &one);
        }
        change(&gone, false);
        if (!other.eof) {
            list_page(here, second.cookie, 5000, &other);
            count_page(&second, &other);
        }
    } while ((!one.eof || !other.eof) && first.rounds + second.rounds < PAGES);
    expect_all_once(&first);
    expect_all_once(&second);
}
