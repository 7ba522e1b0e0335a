/*
 * expect.c - expectations of the bodies, and the list of the bodies; see conformance.h.
 */
#include "tests/conformance/run.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* In the order of the sources; filled before main, then only read. */
static struct body *first;
static struct body **last = &first;

int fail_status = EXIT_FAILURE;

void body_register(struct body *body)
{
    *last = body;
    last = &body->next;
}

const struct body *body_first(void)
{
    return first;
}

void fail_at(const char *file, int line, const char *format, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    exit(fail_status);
}

void expect_number_at(uint64_t got, uint64_t wanted, const char *what, const char *file, int line)
{
    if (got != wanted)
        fail_at(file, line,
                "%s is %" PRIu64 " (0%" PRIo64 ") instead of %" PRIu64 " (0%" PRIo64 ")", what, got,
                got, wanted, wanted);
}

const char *error_name(int err)
{
    static const char *const own[] = {
        [VFS_EBADHANDLE - VFS_EBADHANDLE] = "EBADHANDLE",
        [VFS_ENOTSYNC - VFS_EBADHANDLE] = "ENOTSYNC",
        [VFS_EBADCOOKIE - VFS_EBADHANDLE] = "EBADCOOKIE",
        [VFS_ETOOSMALL - VFS_EBADHANDLE] = "ETOOSMALL",
        [VFS_ESERVERFAULT - VFS_EBADHANDLE] = "ESERVERFAULT",
        [VFS_EBADTYPE - VFS_EBADHANDLE] = "EBADTYPE",
        [VFS_EJUKEBOX - VFS_EBADHANDLE] = "EJUKEBOX",
    };
    size_t at = (size_t)err - VFS_EBADHANDLE;

    if (err == 0)
        return "success";
    if (err >= VFS_EBADHANDLE && at < sizeof(own) / sizeof(own[0]))
        return own[at];
    const char *name = strerrorname_np(err);
    return name != NULL ? name : "an unknown error";
}

void expect_error_at(int err, const int *allowed, const char *what, const char *file, int line)
{
    char wanted[128] = "";
    const int *at = allowed;

    do {
        if (err == *at)
            return;
        size_t used = strlen(wanted);
        snprintf(wanted + used, sizeof(wanted) - used, "%s%s", used > 0 ? " or " : "",
                 error_name(*at));
    } while (*++at != 0);
    fail_at(file, line, "%s: %s instead of %s", what, error_name(err), wanted);
}
