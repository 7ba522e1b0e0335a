/*
 * file_end.h - whether a file of the host has nothing more to give.
 */
#ifndef BASE_FILE_END_H
#define BASE_FILE_END_H

#include <stdbool.h>
#include <stdint.h>

/* Whether read(2) gives nothing at `offset` of fd now, whatever the file's size says; an error is
 * no end. */
bool file_ends_at(int fd, uint64_t offset);

#endif
