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
    _Atomic uint64_t hash; /* hash of directory and name; 0: the slot is free */
    struct wait_place *_Atomic place;
};

/* The places of mounts below one export. */
struct hostfs_points {
    struct hostfs_point list[POINTS];
    _Atomic unsigned count;
    /* the count of the host's mount changes up to which the list was read; the housekeeping
     * thread's */
    uint32_t seen;
};

/* To be called before `name` in `dir` is looked at. If another file system is mounted on the name,
 * the call counts as using that one, until hostfs_point_leave(). VFS_EJUKEBOX: too many calls wait
 * there. */
int hostfs_point_enter(struct vnode *dir, const char *name);
void hostfs_point_leave(struct vnode *dir);
/* Finds out what is mounted below the export now. */
void hostfs_points_tick(struct hostfs *h);
void hostfs_points_finish(struct hostfs *h);

#endif
