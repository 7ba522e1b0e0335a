/*
 * vfs_vdirents.c - tests of pages of directory entries (loopnfs/vnode.h).
 */
#include "tests/lib/test.h"
#include <loopnfs/vnode.h>
#include <string.h>

#define EACH 24u

static _Alignas(8) char buf[4096];

static bool add(struct vdirents *page, const char *name)
{
    return vdirents_add(page, 1, VCOOKIE_FIRST + page->count, VREG, name, strlen(name));
}

TEST(a_page_ends_where_its_callers_measure_is_used_up)
{
    /* Names of 3, 4 and 5 bytes take one word, one and two. */
    struct vdirents page = {
        .buf = buf, .size = sizeof(buf), .each = EACH, .room = 3 * EACH + 4 + 4 + 8};

    assert_true(add(&page, "abc"));
    assert_true(add(&page, "abcd"));
    assert_true(add(&page, "abcde"));
    assert_int_equal(page.room, 0);
    assert_false(add(&page, "a"));
    assert_null(vdirents_add_plus(&page, 1, 9, VREG, "a", 1));
    assert_int_equal(page.count, 3);
}

TEST(what_does_not_fit_a_measure_leaves_the_page_as_it_was)
{
    struct vdirents page = {.buf = buf, .size = sizeof(buf), .each = EACH, .room = EACH + 4};

    assert_false(add(&page, "abcde"));
    assert_int_equal(page.count, 0);
    assert_int_equal(page.used, 0);
    assert_int_equal(page.room, EACH + 4);
    assert_true(add(&page, "abcd"));
}

TEST(a_page_without_a_measure_takes_what_its_buffer_does)
{
    struct vdirents page = {.buf = buf, .size = sizeof(buf)};
    unsigned count = 0;

    while (add(&page, "name"))
        count++;
    assert_int_equal(count, sizeof(buf) / 32);
}

TEST(what_is_to_be_said_of_an_entry_arrives_zeroed)
{
    struct vdirents page = {.buf = buf, .size = sizeof(buf), .plus = true};
    static const struct vdirent_plus nothing;

    memset(buf, 0xee, sizeof(buf));
    struct vdirent_plus *plus = vdirents_add_plus(&page, 1, VCOOKIE_FIRST, VREG, "name", 4);
    assert_non_null(plus);
    assert_memory_equal(plus, &nothing, sizeof(nothing));
    assert_ptr_equal(vdirent_plus(vdirents_next(&page, NULL)), plus);
}
