/*
 * mounted.h - what the library keeps of a mounted file system behind struct vfs.
 *
 * For vfs/ alone: mount.c makes and ends them, the vnode table counts their nodes, cookies.c has
 * the numbers and pointers of each. Authors see struct vfs, which is the first member.
 */
#ifndef VFS_MOUNTED_H
#define VFS_MOUNTED_H

#include <loopnfs/vfs.h>

struct vfs_mounted {
    struct vfs fs;
    struct cookies *cookies;   /* cookies.c's: numbers used again, registered pointers */
    _Atomic uint32_t holders;  /* exports that serve it */
    _Atomic uint32_t nodes;    /* that exist; the last one ends it */
    _Atomic bool dying;        /* nobody serves it any more */
    bool failed;               /* its mount operation did: there is nothing to unmount */
    _Atomic bool ticking;      /* tick() or let_go() is under way, or hangs */
    _Atomic uint64_t verifier; /* vfs_verifier()'s */
    struct wait_place *place;  /* where its calls are counted while they sleep */
    struct vfs_mounted *next;  /* guarded by mount.c's mounts_lock */
};

static inline struct vfs_mounted *mounted_of(const struct vfs *fs)
{
    return (struct vfs_mounted *)(uintptr_t)fs;
}

#endif
