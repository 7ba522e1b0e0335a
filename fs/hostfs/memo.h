/*
 * memo.h - what need not be asked again for calls that arrived together; for the operations on
 * data (io.c), for what is opened by a handle, and for all that change a file. memo.c says when it
 * holds.
 */
#ifndef HOSTFS_MEMO_H
#define HOSTFS_MEMO_H

#include "hostfs.h"

/*
 * Attributes of vn after a READ by its descriptor fd that has come to `end`: those that an earlier
 * READ of the batch asked for, where they say that the file goes on behind `end`; else the file is
 * asked. UINT64_MAX asks in any case. They may be older than the data they come with, never newer,
 * so a client that keeps both learns of a change at its next look. *st is good until the thread's
 * next operation.
 */
int hostfs_memo_stat(const struct vctx *ctx, struct vnode *vn, int fd, uint64_t end,
                     const struct statx **st);
/* Whether it was noted in this batch that the caller may write to the file; and noting it. */
bool hostfs_memo_may_write(const struct vctx *ctx, struct vnode *vn);
void hostfs_memo_may_write_note(const struct vctx *ctx, struct vnode *vn);
/* The path of the export's root, good until the thread's next operation; returns its length, -1
 * where nobody knows. ctx NULL: for a call of no batch. */
ssize_t hostfs_memo_root_path(const struct vctx *ctx, struct hostfs *h, const char **path);
/* Ends what this thread knows of attributes and paths, since a file or a name changes or the thread
 * is about to sleep; with `rights`, since rights may have changed, what it knows of these, too. */
void hostfs_memo_forget(bool rights);

#endif
