/*
 * points.h - where other file systems are mounted below an export: what points.c offers to hostfs.
 */
#ifndef HOSTFS_LOCATE_POINTS_H
#define HOSTFS_LOCATE_POINTS_H

#include <stdint.h>

struct hostfs;
struct vnode;
struct wait_place;

#define POINTS 512
struct hostfs_point {
    _Atomic uint64_t hash; /* of directory and name; 0: none */
    struct wait_place *_Atomic place;
};

/* Of one export. */
struct hostfs_points {
    struct hostfs_point list[POINTS];
    _Atomic unsigned count;
    uint32_t seen; /* the state of the host's mounts that this is of: the housekeeper's */
};

/* Before something is asked of `name` in `dir`: where another file system is mounted on it, that is
 * what the call uses from here on, until hostfs_point_leave(). VFS_EJUKEBOX: too many wait there.
 */
int hostfs_point_enter(struct vnode *dir, const char *name);
void hostfs_point_leave(struct vnode *dir);
/* Finds out what is mounted below the export now. */
void hostfs_points_tick(struct hostfs *h);
void hostfs_points_finish(struct hostfs *h);

#endif
