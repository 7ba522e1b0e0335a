/*
 * text.h - quotes text of users for the lists that file systems show.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

/* The size of a buffer for the quoted form of `len` bytes. */
#define TEXT_QUOTED(len) (4 * (len) + 1)

/* Writes text into `out`, of `size` bytes, so that it can't break lines or columns: control
 * characters and '\' become \ooo. Cut short where it does not fit. */
void text_quote(char *out, size_t size, const char *text);

#endif
