/*
 * log.c - see log.h. Each line takes one write(), so that lines of different threads do not mix.
 */
#include "base/log.h"
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES   1024
#define LIMIT_PER_MINUTE 10
/* When the log has no room, the server waits this long, in milliseconds, before it drops lines. */
#define PATIENCE_MS 100

static const struct {
    const char *name;
    int journal; /* sd-daemon(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

static enum log_level threshold = LOG_LEVEL_INFO;
static bool to_journal;

void log_init(enum log_level level)
{
    threshold = level;
    to_journal = getenv("JOURNAL_STREAM") != NULL;
}

bool log_level_parse(const char *text, enum log_level *level)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(text, levels[i].name) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return level <= threshold;
}

/* Whether a line can be written now. The log's reader may have stopped, and must not block the
 * server. A pipe or a socket that poll() calls writable takes a whole line. */
static bool has_room(int ms)
{
    struct pollfd log = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&log, 1, ms) != 0;
}

/* Drops the line while the log has no room. The first line that is written again says how many were
 * dropped. */
static void line_write(const char *line, size_t len)
{
    static _Atomic uint32_t lost;
    char text[80];
    ssize_t written;

    if (!has_room(lost == 0 ? PATIENCE_MS : 0)) {
        lost++;
        return;
    }
    uint32_t before = atomic_exchange(&lost, 0);
    int n = before == 0 ? 0
                        : snprintf(text, sizeof(text), "%.32s: %u lines were lost here\n",
                                   program_invocation_short_name, (unsigned)before);
    if (n > 0) {
        written = write(STDERR_FILENO, text, (size_t)n);
        (void)written;
    }
    written = write(STDERR_FILENO, line, len);
    (void)written; /* an error of the log can't be reported anywhere */
}

__attribute__((format(printf, 2, 0))) static void log_line(enum log_level level, const char *format,
                                                           va_list ap)
{
    char line[LINE_MAX_BYTES];
    int n;

    if (level > threshold)
        return;
    if (to_journal)
        n = snprintf(line, sizeof(line), "<%d>", levels[level].journal);
    else
        n = snprintf(line, sizeof(line), "%.32s: %s%s", program_invocation_short_name,
                     level == LOG_LEVEL_INFO ? "" : levels[level].name,
                     level == LOG_LEVEL_INFO ? "" : ": ");
    int m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, ap);
    size_t len = (size_t)n + (m < 0 ? 0 : (size_t)m);
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    /* The message may contain a client's bytes: control characters, which would forge or break a
     * line, become `?`. */
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[len++] = '\n';
    line_write(line, len);
}

void log_error(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_line(LOG_LEVEL_ERROR, format, ap);
    va_end(ap);
}

void log_warning(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_line(LOG_LEVEL_WARNING, format, ap);
    va_end(ap);
}

void log_info(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_line(LOG_LEVEL_INFO, format, ap);
    va_end(ap);
}

void log_debug(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_line(LOG_LEVEL_DEBUG, format, ap);
    va_end(ap);
}

void fatal(int status, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_line(LOG_LEVEL_ERROR, format, ap);
    va_end(ap);
    exit(status);
}

bool log_limit_allows(struct log_limit *limit)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    /* Windows count from 1, so that a zeroed limit is in no window. */
    int64_t window = (int64_t)now.tv_sec / 60 + 1;
    int64_t seen = atomic_load(&limit->window);
    if (seen != window && atomic_compare_exchange_strong(&limit->window, &seen, window)) {
        uint32_t before = atomic_exchange(&limit->count, 0);
        if (before > LIMIT_PER_MINUTE)
            log_warning("%u more messages like the next one were left out",
                        (unsigned)(before - LIMIT_PER_MINUTE));
    }
    return atomic_fetch_add(&limit->count, 1) < LIMIT_PER_MINUTE;
}
