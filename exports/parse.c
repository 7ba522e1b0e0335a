/*
 * parse.c - reads the exports file, in the syntax of exports(5). load.c calls parse_file().
 *
 *     PATH [-OPTION,...] CLIENT(OPTION,...) CLIENT ...
 *
 * The first error ends the reading: a file is used as a whole or not at all.
 */
#include "exports/internal.h"
#include "exports/reader.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (16 * 1024 * 1024) /* bytes; a longer file was named by mistake */

/* Reads a word, and notes in the draft the line where it begins. */
static int parse_word(struct draft *draft, struct reader *reader, const char *stops, char *out,
                      size_t size)
{
    const char *why = "";

    draft->line = reader->line;
    int err = reader_word(reader, stops, out, size, &why);
    return err != 0 ? draft_fail(draft, err, "%s", why) : 0;
}

/* Reads option words separated by commas, up to the `closing` character or, where that is 0, to a
 * blank. */
static int parse_options(struct draft *draft, struct reader *reader, char closing,
                         struct export_options *options)
{
    const char stops[] = {',', ' ', '\t', '\r', closing, '\0'};
    unsigned begin = reader->line;
    char word[PATH_MAX];
    uint32_t said = 0;

    for (;;) {
        if (closing)
            reader_skip_blanks(reader);
        int err = parse_word(draft, reader, stops, word, sizeof(word));
        if (err == 0 && word[0])
            err = options_apply(draft, options, &said, word);
        if (err != 0)
            return err;
        if (closing)
            reader_skip_blanks(reader);

        int c = reader_peek(reader);
        if (c == ',') {
            reader_skip(reader);
        } else if (closing && c == closing) {
            reader_skip(reader);
            return 0;
        } else if (!closing) {
            return 0;
        } else if (c == READER_EOL) {
            draft->line = begin;
            return draft_fail(draft, EINVAL, "'(' without ')' on its line");
        } else {
            return draft_fail(draft, EINVAL, "',' or ')' expected after option '%s'", word);
        }
    }
}

/* Reads one client, with the options that follow it directly. */
static int parse_client(struct draft *draft, struct reader *reader, size_t index,
                        const struct export_options *defaults)
{
    struct export_options options = *defaults;
    char host[NAME_MAX + 1];
    int err = parse_word(draft, reader, " \t\r(", host, sizeof(host));

    if (err != 0)
        return err;
    unsigned line = draft->line;
    if (!host[0]) {
        draft_warn(draft, "options without a client are for every host: write *(...) if that is "
                          "meant, or put no blank between a client and its options");
        strcpy(host, "*");
    }
    if (reader_peek(reader) == '(') {
        reader_skip(reader);
        err = parse_options(draft, reader, ')', &options);
        if (err != 0)
            return err;
        int c = reader_peek(reader);
        if (c != READER_EOL && c != '#' && !reader_is_blank(c))
            return draft_fail(draft, EINVAL, "blank expected after ')'");
    }
    draft->line = line;
    return draft_client(draft, index, host, &options);
}

/* Reads the rest of a line, behind its path. */
static int parse_clients(struct draft *draft, struct reader *reader, size_t index)
{
    struct export_options defaults;
    size_t before = draft->entries[index].export.nclients;
    int err = 0;

    options_default(&defaults);
    for (;;) {
        reader_skip_blanks(reader);
        int c = reader_peek(reader);
        if (c == READER_EOL || c == '#')
            break;
        if (c == '-') {
            reader_skip(reader);
            err = parse_options(draft, reader, 0, &defaults);
        } else {
            err = parse_client(draft, reader, index, &defaults);
        }
        if (err != 0)
            return err;
    }
    if (draft->entries[index].export.nclients > before)
        return 0;
    draft_warn(draft,
               "%s names no client, which exports it to every host: write * if that is meant",
               draft->entries[index].export.path);
    return draft_client(draft, index, "*", &defaults);
}

static int parse_line(struct draft *draft, struct reader *reader)
{
    char path[PATH_MAX];
    size_t index;
    int err;

    reader_skip_blanks(reader);
    int c = reader_peek(reader);
    if (c == READER_EOL || c == '#')
        return 0;
    err = parse_word(draft, reader, " \t\r", path, sizeof(path));
    if (err == 0)
        err = draft_export(draft, path, EXPORT_TYPE_HOST, NULL, NULL, &index);
    if (err == 0)
        err = parse_clients(draft, reader, index);
    return err;
}

/* Reads a whole file, which need not be a regular one. The caller frees *text. */
static int file_read(const char *path, char **text, size_t *len)
{
    FILE *file = fopen(path, "re");
    size_t room = 0;
    int err = 0;

    *text = NULL;
    *len = 0;
    if (!file)
        return errno;
    do {
        if (*len == room) {
            room = room ? room * 2 : 16384;
            char *grown = realloc(*text, room);
            if (!grown) {
                err = ENOMEM;
                goto out;
            }
            *text = grown;
        }
        *len += fread(*text + *len, 1, room - *len, file);
        if (ferror(file))
            err = errno ? errno : EIO;
        else if (*len > FILE_MAX)
            err = EFBIG;
    } while (err == 0 && !feof(file));
out:
    fclose(file);
    return err;
}

int parse_file(struct draft *draft, const char *file)
{
    char *text;
    size_t len;
    int err = file_read(file, &text, &len);

    draft->reading = NULL;
    draft->line = 0;
    if (err != 0) {
        /* EINVAL, as for a wrong line: starting the server again would not help. */
        err = draft_fail(draft, err == ENOMEM ? ENOMEM : EINVAL,
                         "%s: %s; name a file as loopnfs-exports(5) has it", file, strerror(err));
        goto out;
    }
    struct reader reader = {.at = text, .end = text + len, .line = 1, .lines = true};
    draft->reading = file;
    do
        err = parse_line(draft, &reader);
    while (err == 0 && reader_next_line(&reader));
out:
    draft->reading = NULL;
    draft->line = 0;
    free(text);
    return err;
}
