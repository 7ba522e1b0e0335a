/*
 * pseudo.h - files that are none: those of proc, sysfs and their like. For the file systems that
 * show files of the host (hostfs), also by descriptor (srvfs, etfs).
 */
#ifndef BASE_PSEUDO_H
#define BASE_PSEUDO_H

#include <stdbool.h>

/* Whether the kernel makes its content up, so that its size means nothing, and a write may mean
 * more than bytes. Also true where it can't be told. */
bool file_is_pseudo(int fd);

#endif
