/*
 * wait_place.c - tests of base/wait_place.h: who may wait where, counted without any sleeping.
 */
#include "base/wait_place.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <loopnfs/errors.h>

#define CALLS 512
#define MOST  240 /* (512 - 32) / 2 */

static struct wait_call calls[CALLS];
static unsigned count;

static const int a_source, another;

/* A call of `uid` falls asleep at a place, as far as it may. */
static bool sleep_at(struct wait_place *place, uint8_t host, uint32_t uid, const void *source)
{
    struct wait_call *call = &calls[count];

    wait_begin(host);
    wait_user(uid);
    if (wait_enter(place) != 0)
        return false;
    call->host = host;
    call->uid = uid;
    call->at = place;
    wait_asleep_begin(call, source);
    count++;
    return true;
}

static unsigned fill(struct wait_place *place, uint8_t host, uint32_t uid)
{
    unsigned n = 0;

    while (sleep_at(place, host, uid, &a_source))
        n++;
    return n;
}

/* Then none of its calls has come back for long. */
static void let_it_hang(const struct wait_place *place)
{
    struct wait_place_stats stats = {0};

    while (!stats.hangs) {
        host_sleep_ms(20);
        wait_place_stats_get(place, &stats);
    }
}

TEST(a_file_system_gets_half_of_the_calls_that_may_wait)
{
    struct wait_place *place = wait_place_get(0, "a");

    for (uint8_t host = 1; host <= 100; host++)
        fill(place, host, 1);
    assert_int_equal(count, MOST);
    assert_int_equal(wait_enter(place), VFS_EJUKEBOX);
}

/* Before it is seen to hang, and by as many connections as they like. */
TEST(what_one_user_takes_of_a_file_system_that_works_leaves_something_to_others)
{
    struct wait_place *place = wait_place_get(0, "a");

    while (sleep_at(place, 1, 1, &calls[count]))
        continue;
    assert_true(count > MOST / 2);
    assert_true(sleep_at(place, 1, 2, &another));
    assert_true(sleep_at(place, 2, 1, &another));
    let_it_hang(place);
    assert_true(fill(place, 1, 2) >= MOST / 16);
    assert_true(fill(place, 2, 1) >= MOST / 16);
}

TEST(a_file_system_that_works_refuses_none_of_a_connection_that_waits_when_it_is_told)
{
    struct wait_place *place = wait_place_get(0, "a");
    unsigned of_source[4] = {0};

    for (unsigned i = 0; i < CALLS; i++) {
        if (wait_should_pause(&of_source[i % 4], of_source[i % 4]))
            continue;
        assert_true(sleep_at(place, 1, 1, &of_source[i % 4]));
        of_source[i % 4]++;
    }
    assert_in_range(count, MOST / 4, MOST * 9 / 16);
}

TEST(any_number_of_file_systems_that_hang_leaves_some_for_the_next)
{
    for (int i = 0; i < 20; i++)
        assert_true(fill(wait_place_get(0, "one of many"), 1, 1) >= 1);
    assert_true(count < CALLS);
    assert_true(sleep_at(wait_place_get(0, "the next"), 1, 1, &a_source));
}

TEST(where_it_hangs_a_user_gets_half_of_the_hosts_share)
{
    struct wait_place *place = wait_place_get(0, "a");

    assert_true(sleep_at(place, 1, 1, &a_source));
    let_it_hang(place);
    assert_int_equal(1 + fill(place, 1, 1), MOST * 3 / 4 / 2);
    assert_int_equal(fill(place, 1, 2), MOST * 3 / 4 / 4);
    assert_true(fill(place, 1, 3) >= 20);
    assert_true(fill(place, 2, 1) >= 20);
}

TEST(one_host_with_many_users_leaves_a_quarter_to_others)
{
    struct wait_place *place = wait_place_get(0, "a");

    assert_true(sleep_at(place, 1, 0, &a_source));
    let_it_hang(place);
    for (uint32_t uid = 1; uid < 1000; uid++)
        fill(place, 1, uid);
    assert_true(count <= MOST * 3 / 4);
    assert_true(fill(place, 2, 1) >= MOST / 16);
}

TEST(calls_of_a_disk_that_works_make_their_connection_wait_and_no_other)
{
    struct wait_place *place = wait_place_get(0, "a");

    for (int i = 0; i < 100; i++)
        assert_true(sleep_at(place, 1, 1, &a_source));
    assert_false(wait_should_pause(&a_source, 100));
    for (int i = 0; i < 20; i++)
        assert_true(sleep_at(place, 1, 1, &a_source));
    assert_true(wait_should_pause(&a_source, 120));
    assert_false(wait_should_pause(&another, 1));
}

TEST(calls_that_hang_make_no_connection_wait)
{
    struct wait_place *place = wait_place_get(0, "a");

    fill(place, 1, 1);
    assert_true(wait_should_pause(&a_source, MOST));
    let_it_hang(place);
    assert_false(wait_should_pause(&a_source, MOST));
}

TEST(calls_that_wait_for_somebody_who_may_never_come_make_no_connection_wait)
{
    struct wait_place *place = wait_place_get(0, "a");

    wait_place_impatient(place);
    assert_int_equal(fill(place, 1, 1), MOST * 3 / 4 / 2);
    assert_false(wait_should_pause(&a_source, MOST));
}

TEST(one_disk_is_one_place_by_whatever_way)
{
    struct wait_place *place = wait_place_get(7, "a"), *same = wait_place_get(7, "b");

    assert_ptr_equal(place, same);
    assert_ptr_not_equal(wait_place_get(8, "c"), place);
    wait_place_put(same);
    wait_place_put(place);
}

TEST(a_call_that_sleeps_is_counted_where_it_is)
{
    struct wait_place *first = wait_place_get(0, "first"), *second = wait_place_get(0, "second");
    struct wait_place_stats stats;

    wait_begin(1);
    assert_int_equal(wait_enter(first), 0);
    wait_asleep_begin(&wait_own, &a_source);
    assert_int_equal(wait_enter(second), 0);
    wait_place_stats_get(first, &stats);
    assert_int_equal(stats.asleep, 0);
    wait_place_stats_get(second, &stats);
    assert_int_equal(stats.asleep, 1);
    wait_asleep_end();
    wait_place_stats_get(second, &stats);
    assert_int_equal(stats.asleep, 0);
}
