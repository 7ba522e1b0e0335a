/*
 * window.h - listings in the order of hashes; for dir.c and hostfs.c.
 */
#ifndef HOSTFS_WINDOW_H
#define HOSTFS_WINDOW_H

#include "hostfs.h"

struct hostfs_listed {
    const char *name; /* the window's */
    uint64_t fileid, cookie;
    unsigned char type; /* DT_REG, ... */
};
struct hostfs_window;
/* Names that follow the cookie, in the order of theirs; where they were not read lately, they are
 * through fd, which is of dir and opened as the caller. To be put. ENOMEM, ESTALE, .... */
int hostfs_window_get(const struct vctx *ctx, struct vnode *dir, int fd, uint64_t cookie,
                      struct hostfs_window **out);
/* The next of them; *index begins as SIZE_MAX. False: there is none in this window. */
bool hostfs_window_next(const struct hostfs_window *w, uint64_t cookie, size_t *index,
                        struct hostfs_listed *out);
/* Whether the directory ends with it. */
bool hostfs_window_is_last(const struct hostfs_window *w);
/* more: the rest will be asked for. */
void hostfs_window_put(struct hostfs_window *w, bool more);
void hostfs_windows_tick(void);
/* Drops all of this file system's. */
void hostfs_windows_finish(const struct hostfs *h);

#endif
