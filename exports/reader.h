/*
 * reader.h - words of exports(5): quotes, octal escapes, lines and their continuation.
 *
 * Shared by the exports file (parse.c) and --export (spec.c), which is one line without an end.
 */
#ifndef EXPORTS_READER_H
#define EXPORTS_READER_H

#include <stdbool.h>
#include <stddef.h>

struct reader {
    const char *at, *end; /* borrowed */
    unsigned line;
    bool lines; /* '\n' ends a line, and a backslash before it continues the line */
};

#define READER_EOL (-1) /* end of the line, or of everything */

/* The character that comes next, as an unsigned char; a continuation counts as a blank. */
int reader_peek(const struct reader *reader);
void reader_skip(struct reader *reader);
void reader_skip_blanks(struct reader *reader);
/* Goes to the beginning of the next line, whatever is left of this one; false: there is none. */
bool reader_next_line(struct reader *reader);
bool reader_is_blank(int c);
/*
 * The characters up to one of `stops` outside quotes, or to the end of the line, with quotes and
 * escapes resolved. EINVAL, ENAMETOOLONG: *why says what is wrong.
 */
int reader_word(struct reader *reader, const char *stops, char *out, size_t size, const char **why);

#endif
