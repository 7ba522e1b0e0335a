/*
 * file_end.h - whether a host file has more data behind an offset.
 */
#ifndef BASE_FILE_END_H
#define BASE_FILE_END_H

#include <stdbool.h>
#include <stdint.h>

/* Whether read(2) returns no bytes at `offset` (bytes) of fd now, whatever the file's size says.
 * False where the read fails. */
bool file_ends_at(int fd, uint64_t offset);

#endif
