/*
 * pseudo.h - recognises files without storage: those of proc, sysfs and their like. Used by the
 * file systems that show files of the host: hostfs, and srvfs and etfs by descriptor.
 */
#ifndef BASE_PSEUDO_H
#define BASE_PSEUDO_H

#include <stdbool.h>

/* Whether the kernel makes up the content of the file behind fd. Then its size means nothing, and a
 * write may do more than store bytes. Also true where it can't be found out. */
bool file_is_pseudo(int fd);

#endif
