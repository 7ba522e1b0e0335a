/*
 * control.c - what a file system says in answer to a command (loopnfs/vfs.h, struct vcontrol).
 *
 * Called by file systems. ctl/ opens the stream and reads it afterwards; this file is in vfs/ so
 * that file systems do not depend on ctl/.
 */
#include <errno.h>
#include <loopnfs/vfs.h>
#include <stdarg.h>
#include <stdio.h>

int vcontrol_print(struct vcontrol *control, const char *format, ...)
{
    va_list ap;

    if (control->output == NULL)
        return 0; /* the caller does not want the text */
    va_start(ap, format);
    int n = vfprintf(control->output, format, ap);
    va_end(ap);
    return n < 0 || fputc('\n', control->output) == EOF ? ENOMEM : 0;
}
