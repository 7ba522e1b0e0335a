/*
 * text.c - see text.h.
 */
#include "base/text.h"
#include <stdio.h>

void text_quote(char *out, size_t size, const char *text)
{
    size_t used = 0;

    for (; *text != '\0' && used + 4 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < ' ' || c == 0x7f || c == '\\')
            used += (size_t)snprintf(out + used, size - used, "\\%03o", c);
        else
            out[used++] = (char)c;
    }
    out[used] = '\0';
}
