/*
 * reader.h - words of exports(5): quotes, octal escapes, lines and their continuation.
 *
 * Shared by the readers of the exports file (parse.c) and of --export (spec.c), which is a single
 * line.
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

/* The next character, as an unsigned char; a continued line's end counts as a blank. */
int reader_peek(const struct reader *reader);
void reader_skip(struct reader *reader);
void reader_skip_blanks(struct reader *reader);
/* Goes to the beginning of the next line, over the rest of this one. False: there is no next
 * line. */
bool reader_next_line(struct reader *reader);
bool reader_is_blank(int c);
/*
 * Reads up to one of the characters in `stops` outside quotes, or to the end of the line. Writes
 * the word with its quotes and escapes resolved into `out`, of `size` bytes. EINVAL, ENAMETOOLONG:
 * *why says what is wrong.
 */
int reader_word(struct reader *reader, const char *stops, char *out, size_t size, const char **why);

#endif
