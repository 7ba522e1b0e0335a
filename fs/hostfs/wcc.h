/*
 * wcc.h - the attributes of a directory before a change that this server makes. For the operations
 * on names, around each change, and hostfs.c.
 */
#ifndef HOSTFS_WCC_H
#define HOSTFS_WCC_H

#include "hostfs.h"

/* The state of one operation on names, on its stack. */
struct hostfs_wcc {
    bool begun, lost;
    unsigned watcher;
    uint64_t caller;
    int count;
    struct hostfs_wcc_side {
        struct vnode *dir;
        int fd;
        const char *name;
        uint32_t mask; /* the event that the operation causes with this name */
        struct watched *watched;
        bool seen;
        struct statx before;
    } side[2];
    uint64_t moved_ino;
};
/* To be called before a change of `name` in dir, on which fd is open. The thread acts as the caller
 * before and after. Fails only where it can't act as the caller; hostfs_wcc_end() must not be
 * called in that case. */
int hostfs_wcc_begin(const struct vctx *ctx, struct hostfs_wcc *wcc, struct vnode *dir, int fd,
                     uint32_t mask, const char *name);
int hostfs_wcc_begin_move(const struct vctx *ctx, struct hostfs_wcc *wcc, struct vnode *from_dir,
                          int from_fd, const char *from, struct vnode *to_dir, int to_fd,
                          const char *to);
/* To be called after the change, whether it failed or not. Where error is 0, `after` must have been
 * filled in since the change. Fills in `before` where it is certain. */
void hostfs_wcc_end(struct hostfs_wcc *wcc, int err, struct vchange *change,
                    struct vchange *to_change);
void hostfs_wcc_tick(void);
/* Closes all watchers that no operation uses. */
void hostfs_wcc_finish(void);

#endif
