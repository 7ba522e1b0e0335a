/*
 * option_words.c - checks a command line before it is read; see option_words.h.
 */
#include "base/option_words.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROWS_MAX 64

/* The row of a word `--NAME[=VALUE]` or `-X[VALUE]`; *value is NULL where the word has none. */
static const struct option *word_row(const struct option *rows, const char *word,
                                     const char **value)
{
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    size_t len = is_long ? strcspn(name, "=") : 1;

    for (const struct option *row = rows; row->name != NULL; row++) {
        if (is_long ? strlen(row->name) != len || strncmp(row->name, name, len) != 0
                    : row->val != name[0])
            continue;
        *value = name[len] == '\0' ? NULL : name + len + is_long;
        return row;
    }
    return NULL;
}

/* Checks one option's value. `next` is the argument after the word, which may be its value. */
static int word_check(const struct option *row, const char *word, const char *value,
                      const char *next, const char *advice, char *message, size_t size)
{
    if (row->has_arg == no_argument) {
        if (value == NULL)
            return 0;
        snprintf(message, size, "%s: --%s takes no value; give it alone", word, row->name);
        return EINVAL;
    }
    if (value == NULL)
        value = next;
    if (value != NULL && value[0] != '\0')
        return 0;
    snprintf(message, size, "--%s: its value is %s; %s", row->name,
             value == NULL ? "missing" : "empty", advice);
    return EINVAL;
}

/* An option that can be given once may be given again only with an equal value. */
static int once_check(const struct option *row, const char **given, const char *value,
                      bool (*repeats)(int val), char *message, size_t size)
{
    if (*given != NULL && strcmp(*given, value) != 0 && !repeats(row->val)) {
        snprintf(message, size, "--%s: %s and %s; it can be given once only", row->name, *given,
                 value);
        return EINVAL;
    }
    *given = value;
    return 0;
}

int option_words_check(int argc, char **argv, const struct option *rows,
                       const char *(*expected)(int val), bool (*repeats)(int val), bool in_order,
                       char *message, size_t size)
{
    const char *given[ROWS_MAX] = {NULL}; /* the first value that was given for each row */
    bool options_end = false;

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *value = NULL;
        if (word[0] == '\0') {
            snprintf(message, size, "an argument is empty; see --help");
            return EINVAL;
        }
        if (options_end || word[0] != '-' || word[1] == '\0') {
            if (in_order)
                return 0;
            continue;
        }
        options_end = strcmp(word, "--") == 0;
        if (options_end)
            continue;
        const struct option *row = word_row(rows, word, &value);
        if (row == NULL) {
            snprintf(message, size, "%s: no such option (they can't be abbreviated); see --help",
                     word);
            return EINVAL;
        }
        int err = word_check(row, word, value, i + 1 < argc ? argv[i + 1] : NULL,
                             expected(row->val), message, size);
        if (err != 0)
            return err;
        if (row->has_arg == no_argument)
            continue;
        if (value == NULL)
            value = argv[++i];
        err = once_check(row, &given[row - rows], value, repeats, message, size);
        if (err != 0)
            return err;
    }
    return 0;
}
