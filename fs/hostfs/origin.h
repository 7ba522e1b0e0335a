/*
 * origin.h - the files that a mount is a view of: origin.c.
 *
 * Included by mounts.c, hold.c, below.c and, by named.h, by those that prove what an object is.
 */
#ifndef HOSTFS_ORIGIN_H
#define HOSTFS_ORIGIN_H

#include "hostfs.h"

/* Paths that a directory of a merged view is made of, and that are looked at. */
#define ORIGINS_MAX 8
/* What the objects of this FUSE mount are views of, where that can be found; NULL. st is of fd, its
 * root. by_modes: whether the kernel judges by modes (default_permissions). Acts as the server. */
struct hostfs_origin *hostfs_origin_find(const struct hostfs_mount *mount, int fd,
                                         const struct statx *st, bool *by_modes);
void hostfs_origin_free(struct hostfs_origin *origin);
/* Whether the daemon's numbers say nothing of this type, and those of the origin are to be taken.
 */
bool hostfs_origin_numbers(const struct hostfs_mount *mount, enum vtype type);
/* What fd, which st is of, is a view of: each path's number, and the birth of the only one, in ns;
 * 0: unknown. Their count; 0: it can't be told now. */
unsigned hostfs_origin_look(const struct hostfs_mount *mount, int fd, const struct statx *st,
                            uint64_t numbers[ORIGINS_MAX], uint64_t *born);
/* Whether fd is on a mount that shows files of an interface to the kernel: a layer of it is one. */
bool hostfs_origin_is_pseudo(int fd);

#endif
