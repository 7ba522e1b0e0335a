/*
 * reader.c - words of exports(5). See reader.h.
 */
#include "exports/reader.h"
#include <errno.h>
#include <string.h>

bool reader_is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool at_continuation(const struct reader *reader)
{
    return reader->lines && reader->end - reader->at >= 2 && reader->at[0] == '\\' &&
           reader->at[1] == '\n';
}

int reader_peek(const struct reader *reader)
{
    if (reader->at == reader->end || (reader->lines && *reader->at == '\n'))
        return READER_EOL;
    if (at_continuation(reader))
        return ' ';
    return (unsigned char)*reader->at;
}

void reader_skip(struct reader *reader)
{
    if (at_continuation(reader)) {
        reader->at += 2;
        reader->line++;
    } else {
        reader->at++;
    }
}

void reader_skip_blanks(struct reader *reader)
{
    while (reader_is_blank(reader_peek(reader)))
        reader_skip(reader);
}

bool reader_next_line(struct reader *reader)
{
    const char *newline = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));

    if (!newline) {
        reader->at = reader->end;
        return false;
    }
    reader->at = newline + 1;
    reader->line++;
    return reader->at < reader->end;
}

/* Reads an escape "\ooo" and returns the byte that it stands for; -1: there is no escape here. */
static int reader_escape(struct reader *reader)
{
    int value = 0;

    if (reader->end - reader->at < 4)
        return -1;
    for (int i = 1; i <= 3; i++) {
        if (reader->at[i] < '0' || reader->at[i] > '7')
            return -1;
        value = value * 8 + (reader->at[i] - '0');
    }
    if (value > 255)
        return -1;
    reader->at += 4;
    return value;
}

int reader_word(struct reader *reader, const char *stops, char *out, size_t size, const char **why)
{
    bool quoted = false;
    size_t len = 0;

    for (int c; (c = reader_peek(reader)) != READER_EOL;) {
        if (c == '"') {
            quoted = !quoted;
            reader_skip(reader);
            continue;
        }
        if (c && !quoted && strchr(stops, c))
            break;
        int byte = c == '\\' ? reader_escape(reader) : -1;
        if (byte < 0) {
            byte = c;
            reader_skip(reader);
        }
        if (!byte) {
            *why = "a NUL byte";
            return EINVAL;
        }
        if (len + 1 >= size) {
            *why = "a word that is too long; give a shorter one";
            return ENAMETOOLONG;
        }
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    if (quoted) {
        *why = "a quote that is not closed on its line";
        return EINVAL;
    }
    return 0;
}
