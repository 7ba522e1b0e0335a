/*
 * base_metrics.c - tests of the rows that rooms count in (base/metrics.h).
 */
#include "base/metrics.h"
#include "tests/lib/test.h"
#include <string.h>

static const struct metric some_rows[] = {
    {"cups", METRIC_GAUGE, "cups on the table"},
    {"sips", METRIC_COUNTER, "sips that were taken"},
};
static const struct metric more_rows[] = {{"plates", METRIC_GAUGE, "plates"}};

static void get_some(uint64_t values[METRICS_ROWS_MAX])
{
    values[0] = 3;
    values[1] = UINT64_MAX;
}

static void get_more(uint64_t values[METRICS_ROWS_MAX])
{
    values[0] = 7;
}

static const struct metrics some = {some_rows, 2, get_some};
static const struct metrics more = {more_rows, 1, get_more};

struct seen {
    size_t count;
    const char *names[METRICS_ROWS_MAX];
    uint64_t values[METRICS_ROWS_MAX];
};

static void note(const struct metric *metric, uint64_t value, void *arg)
{
    struct seen *seen = arg;

    assert_true(strlen(metric->help) > 0);
    seen->names[seen->count] = metric->name;
    seen->values[seen->count++] = value;
}

TEST(rows_of_rooms_are_walked_in_the_order_of_registration)
{
    struct seen seen = {0};

    metrics_register(&some);
    metrics_register(&more);
    metrics_walk(note, &seen);
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.names[0], "cups");
    assert_int_equal(seen.values[0], 3);
    assert_string_equal(seen.names[1], "sips");
    assert_true(seen.values[1] == UINT64_MAX);
    assert_string_equal(seen.names[2], "plates");
    assert_int_equal(seen.values[2], 7);
}

TEST(a_room_that_is_registered_twice_is_walked_once)
{
    struct seen seen = {0};

    metrics_register(&more);
    metrics_register(&more);
    metrics_walk(note, &seen);
    assert_int_equal(seen.count, 1);
}
