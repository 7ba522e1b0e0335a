/*
 * origin.h - the files that a mount is a view of: origin.c.
 *
 * Included by mounts.c, hold.c, below.c and, through named.h, by the files that prove which object
 * it is.
 */
#ifndef HOSTFS_ORIGIN_H
#define HOSTFS_ORIGIN_H

#include "hostfs.h"

/* How many of the paths that make up a directory of a merged view are looked at. */
#define ORIGINS_MAX 8
/* Finds what the objects of this FUSE mount are views of; NULL: that can't be found. fd is open on
 * the mount's root and st has its attributes. *by_modes: the kernel judges rights by modes
 * (default_permissions). Acts as the server. The mount owns the result. */
struct hostfs_origin *hostfs_origin_find(const struct hostfs_mount *mount, int fd,
                                         const struct statx *st, bool *by_modes);
void hostfs_origin_free(struct hostfs_origin *origin);
/* Whether the daemon's inode numbers for objects of this type do not identify them, so that the
 * numbers of the origin have to be used. */
bool hostfs_origin_numbers(const struct hostfs_mount *mount, enum vtype type);
/* Looks at what fd is a view of; st has its attributes. Fills in a number for each path, and in
 * *born the birth time in ns where there is one path; 0: unknown. Returns how many numbers there
 * are; 0: it can't be told now. */
unsigned hostfs_origin_look(const struct hostfs_mount *mount, int fd, const struct statx *st,
                            uint64_t numbers[ORIGINS_MAX], uint64_t *born);
/* Whether fd is on a mount that shows files of an interface to the kernel, because a layer of it is
 * one. */
bool hostfs_origin_is_pseudo(int fd);

#endif
