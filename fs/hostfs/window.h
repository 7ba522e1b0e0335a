/*
 * window.h - listings in the order of the names' hashes; for dir.c and hostfs.c.
 */
#ifndef HOSTFS_WINDOW_H
#define HOSTFS_WINDOW_H

#include "hostfs.h"

struct hostfs_listed {
    const char *name; /* owned by the window */
    uint64_t fileid, cookie;
    unsigned char type; /* DT_REG, ... */
};
struct hostfs_window;
/* Finds names that follow the cookie, in the order of cookies. Where they were not read lately,
 * they are read through fd, which is open on `dir` and was opened as the caller. *out is given back
 * by hostfs_window_put(). ENOMEM, ESTALE, .... */
int hostfs_window_get(const struct vctx *ctx, struct vnode *dir, int fd, uint64_t cookie,
                      struct hostfs_window **out);
/* Returns the next name; *index is SIZE_MAX at first. False: the window has no more. */
bool hostfs_window_next(const struct hostfs_window *w, uint64_t cookie, size_t *index,
                        struct hostfs_listed *out);
/* Whether the directory ends with this window. */
bool hostfs_window_is_last(const struct hostfs_window *w);
/* Gives a window back. more: the client will ask for the names that follow. */
void hostfs_window_put(struct hostfs_window *w, bool more);
void hostfs_windows_tick(void);
/* Drops all windows of this file system. */
void hostfs_windows_finish(const struct hostfs *h);

#endif
