/*
 * memo.h - what need not be asked again for calls that arrived together. For operations on data
 * (io.c), for objects that are opened by a handle, and for operations that change a file. memo.c
 * says when it holds.
 */
#ifndef HOSTFS_MEMO_H
#define HOSTFS_MEMO_H

#include "hostfs.h"

/*
 * Attributes of vn after a READ by its descriptor fd that came to offset `end`. Takes those for
 * which an earlier READ of the batch asked, if they say that the file goes on behind `end`;
 * otherwise asks the host. `end` UINT64_MAX asks in any case. The attributes may be older than the
 * data that they come with, but never newer, so a client that keeps both learns of a change at its
 * next look. *st is valid until the thread's next operation.
 */
int hostfs_memo_stat(const struct vctx *ctx, struct vnode *vn, int fd, uint64_t end,
                     const struct statx **st);
/* Tells whether it was noted in this batch that the caller may write to the file, and notes it. */
bool hostfs_memo_may_write(const struct vctx *ctx, struct vnode *vn);
void hostfs_memo_may_write_note(const struct vctx *ctx, struct vnode *vn);
/* The path of the export's root, valid until the thread's next operation. Returns its length, or -1
 * where it can't be found out. ctx NULL: for a call without a batch. */
ssize_t hostfs_memo_root_path(const struct vctx *ctx, struct hostfs *h, const char **path);
/* Forgets what this thread knows of attributes and paths; to be called when a file or a name
 * changes, or the thread is about to sleep. rights: rights may have changed, so what is known of
 * them is forgotten, too. */
void hostfs_memo_forget(bool rights);

#endif
