/*
 * text.h - text of users in lines for users. For the file systems' lists.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

/* Room for the quoted form of so many bytes. */
#define TEXT_QUOTED(len) (4 * (len) + 1)

/* Lines and columns end where they end: control characters and '\' are written as \ooo. Cut short
 * where it does not fit. */
void text_quote(char *out, size_t size, const char *text);

#endif
