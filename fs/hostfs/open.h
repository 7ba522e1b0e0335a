/*
 * open.h - descriptors for the data of regular files (open.c); for the operations of hostfs.
 */
#ifndef HOSTFS_OPEN_H
#define HOSTFS_OPEN_H

#include "hostfs.h"

/* A descriptor for a file's data: the node's, or this operation's own. */
struct hostfs_data {
    int fd;
    bool own;
};
/* Returns the node's descriptor for reading or writing (O_RDONLY, O_WRONLY) if it may serve this
 * caller, provided that hostfs_may() allows the caller; -1: there is none. */
int hostfs_fd_data(const struct vctx *ctx, struct vnode *vn, int mode);
/* Opens a file's data for the caller, as the caller where the node has no descriptor that may serve
 * this caller. The caller's rights are checked in either case. The thread acts as the caller
 * afterwards. To be ended with hostfs_data_close() after success. */
int hostfs_data_open(const struct vctx *ctx, struct vnode *vn, int mode, struct hostfs_data *data);
/* Takes over fd, which was opened as the caller: it becomes the node's descriptor if it may, or
 * else data's own. */
void hostfs_data_keep(const struct vctx *ctx, struct vnode *vn, int mode, int fd,
                      struct hostfs_data *data);
/* Closes the descriptor if it is the operation's own. Where writes went through it, some file
 * systems report their errors only here. */
int hostfs_data_close(struct hostfs_data *data);
/* Finds or opens any descriptor by which the file can be flushed. May act as the server. */
int hostfs_open_any(struct vnode *vn, struct hostfs_data *data);

#endif
