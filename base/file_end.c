/*
 * file_end.c - see file_end.h. Called by the file systems that serve host files, where a read gave
 * less than a file's size had promised.
 */
#include "base/file_end.h"
#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

bool file_ends_at(int fd, uint64_t offset)
{
    char byte;
    ssize_t got;

    if (offset >= INT64_MAX)
        return true;
    do
        got = pread(fd, &byte, 1, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got == 0;
}
