/*
 * mount_list.h - which client host said that it mounted which path, for DUMP alone. Nothing depends
 * on the list being true: clients that crash never say UMNT. Used by mountd.c, on any thread.
 */
#ifndef MOUNTD_MOUNT_LIST_H
#define MOUNTD_MOUNT_LIST_H

#include "base/address.h"
#include <stdbool.h>
#include <stddef.h>

/* Remembers a mount. One that is remembered already becomes the newest. Where the list is full, the
 * oldest mount is dropped. */
void mount_list_add(const struct address *host, const char *path);
/* Forgets the host's mount of `path`; path NULL: all mounts of the host. */
void mount_list_remove(const struct address *host, const char *path);
/* Calls `each` for every mount, oldest first, under the list's lock, until it returns false. */
void mount_list_walk(bool (*each)(const struct address *host, const char *path, void *arg),
                     void *arg);
void mount_list_finish(void);

#endif
