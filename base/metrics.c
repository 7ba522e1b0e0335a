/*
 * metrics.c - see metrics.h. Rooms are only added to the list, and only before other threads read
 * it.
 */
#include "base/metrics.h"
#include <stdlib.h>

#define ROOMS_MAX 16

static const struct metrics *rooms[ROOMS_MAX];
static size_t room_count;

void metrics_register(const struct metrics *metrics)
{
    for (size_t i = 0; i < room_count; i++)
        if (rooms[i] == metrics)
            return;
    if (room_count == ROOMS_MAX || metrics->count > METRICS_ROWS_MAX)
        abort(); /* a mistake in the source code, not an error at run time */
    rooms[room_count++] = metrics;
}

void metrics_walk(void (*each)(const struct metric *metric, uint64_t value, void *arg), void *arg)
{
    uint64_t values[METRICS_ROWS_MAX];

    for (size_t i = 0; i < room_count; i++) {
        rooms[i]->get(values);
        for (size_t row = 0; row < rooms[i]->count; row++)
            each(&rooms[i]->rows[row], values[row], arg);
    }
}
