/*
 * log.h - what the server says to its operator: one line a message, to stderr.
 *
 * Used by every layer. Under systemd (JOURNAL_STREAM set) lines carry the journal's "<N>" level
 * prefix, elsewhere the level's name. Thread-safe; a line is written with one write().
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Messages above `level` are dropped. Before the first call: LOG_LEVEL_INFO. */
void log_init(enum log_level level);
/* "error", "warning", "info", "debug"; false for anything else. */
bool log_level_parse(const char *text, enum log_level *level);
bool log_enabled(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints the message and exits with `status`. Only while starting. */
void fatal(int status, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/*
 * A message that clients can provoke is limited: at most ten a minute for each place in the code,
 * then one line that counts what was left out.
 *     static struct log_limit limit;
 *     if (log_limit_allows(&limit))
 *         log_warning(...);
 */
struct log_limit {
    _Atomic int64_t window; /* minute in which `count` is counted */
    _Atomic uint32_t count;
};
bool log_limit_allows(struct log_limit *limit);

#endif
