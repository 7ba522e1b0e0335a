/*
 * mount_list.h - who said that he mounted what: for DUMP alone, nothing depends on its truth
 * (clients that crash never say UMNT). Used by mountd.c, on any thread.
 */
#ifndef MOUNTD_MOUNT_LIST_H
#define MOUNTD_MOUNT_LIST_H

#include "base/address.h"
#include <stdbool.h>
#include <stddef.h>

/* Remembers a mount; one that is remembered already becomes the newest. The oldest is dropped
 * where there are too many. */
void mount_list_add(const struct address *host, const char *path);
/* Forgets the host's mount of `path`; NULL: all of the host's. */
void mount_list_remove(const struct address *host, const char *path);
/* Calls `each` for every mount, oldest first, under the list's lock, until it returns false. */
void mount_list_walk(bool (*each)(const struct address *host, const char *path, void *arg),
                     void *arg);
void mount_list_finish(void);

#endif
