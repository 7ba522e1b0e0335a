/*
 * metrics.h - the counters of a room, as rows that the room owns.
 *
 * A room that counts has one `struct metrics`: names and explanations as a constant table, and a
 * function that reads all of its values at one time. server/ registers the rooms. The code that
 * shows figures (ctl/) walks over the rows and depends on no room.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

/* The most rows of one room. */
#define METRICS_ROWS_MAX 32

enum metric_kind {
    METRIC_COUNTER, /* since the start: never becomes less */
    METRIC_GAUGE,   /* now */
};

struct metric {
    const char *name; /* as it is shown: "replies kept" */
    enum metric_kind kind;
    const char *help; /* one sentence, without its full stop */
};

struct metrics {
    const struct metric *rows;
    size_t count; /* at most METRICS_ROWS_MAX */
    /* Fills in the values, in the order of the rows. From any thread; never sleeps for long. */
    void (*get)(uint64_t values[METRICS_ROWS_MAX]);
};

/* Adds a room's rows behind those that were added before. Adding them again changes nothing.
 * *metrics is borrowed for ever. Called before other threads walk over the rows. */
void metrics_register(const struct metrics *metrics);
/* Calls `each` for every row, with its value now. */
void metrics_walk(void (*each)(const struct metric *metric, uint64_t value, void *arg), void *arg);

#endif
