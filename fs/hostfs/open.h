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
/* The node's descriptor for reading or writing (O_RDONLY, O_WRONLY), if it may serve this caller,
 * once hostfs_may() says that he may; -1. */
int hostfs_fd_data(const struct vctx *ctx, struct vnode *vn, int mode);
/* For a caller who may, who was judged by that: opened as him where the node has none for him. The
 * thread acts as the caller then. To be ended with hostfs_data_close() after success. */
int hostfs_data_open(const struct vctx *ctx, struct vnode *vn, int mode, struct hostfs_data *data);
/* fd, which the caller has opened, becomes the node's if it may; else data's own. */
void hostfs_data_keep(const struct vctx *ctx, struct vnode *vn, int mode, int fd,
                      struct hostfs_data *data);
/* Closes what is the operation's own. Where writes went through it, some file systems tell of their
 * errors only here. */
int hostfs_data_close(struct hostfs_data *data);
/* Any descriptor that can be had, to flush through; may act as the server. */
int hostfs_open_any(struct vnode *vn, struct hostfs_data *data);

#endif
