/*
 * wcc.h - what a directory was like before a change of ours; for the operations on names, around
 * each change, and hostfs.c.
 */
#ifndef HOSTFS_WCC_H
#define HOSTFS_WCC_H

#include "hostfs.h"

/* Of an operation on names, on its stack. */
struct hostfs_wcc {
    bool begun, lost;
    unsigned watcher;
    uint64_t caller;
    int count;
    struct hostfs_wcc_side {
        struct vnode *dir;
        int fd;
        const char *name;
        uint32_t mask; /* the event that the operation makes with this name */
        struct watched *watched;
        bool seen;
        struct statx before;
    } side[2];
    uint64_t moved_ino;
};
/* Around a change of `name` in dir, which fd is of. The thread acts as the caller, before and
 * after; fails only where that can't be, and then wants no end. */
int hostfs_wcc_begin(const struct vctx *ctx, struct hostfs_wcc *wcc, struct vnode *dir, int fd,
                     uint32_t mask, const char *name);
int hostfs_wcc_begin_move(const struct vctx *ctx, struct hostfs_wcc *wcc, struct vnode *from_dir,
                          int from_fd, const char *from, struct vnode *to_dir, int to_fd,
                          const char *to);
/* Ends it, whatever became of it; with no error, `after` was filled in since the change. Gives
 * `before` where it is certain. */
void hostfs_wcc_end(struct hostfs_wcc *wcc, int error, struct vchange *change,
                    struct vchange *to_change);
void hostfs_wcc_tick(void);
/* Closes all that no operation has. */
void hostfs_wcc_finish(void);

#endif
