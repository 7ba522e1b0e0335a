/*
 * look.h - looks at what is to be exported, on threads of their own.
 *
 * A directory may be on a file system that does not answer. Reading the exports, at the start and
 * at each SIGHUP, must not hang in it, nor must looking whether it is still what it was: draft.c,
 * load.c and refresh.c look and mount through this, which gives up after a while (base/apart.h).
 */
#ifndef EXPORTS_LOOK_H
#define EXPORTS_LOOK_H

#include "exports/exports.h"

/* How long reading the exports may wait for what does not answer: in all; and each of those that
 * are looked at when that is over. */
#define LOOK_MS       3000
#define LOOK_LEAST_MS 200

/* What there is at a path. */
struct look {
    char *real;                /* with symbolic links resolved; the caller's to free */
    struct export_place place; /* of that, which is a directory */
    int enter_error;           /* whether the server's user may go through it: 0, or an errno */
};
/* 0; ETIMEDOUT: it does not answer within `ms`, or has not since it was last asked; what
 * realpath(3) or place_look() say. */
int look_at(const char *path, int ms, struct look *look);
/* place_look(); ETIMEDOUT as above. */
int look_place(const char *path, bool mount_too, int ms, struct export_place *place);
/* vfs_mount(), or vfs_check() where `check`; ETIMEDOUT as above. */
int look_mount(const char *type, const struct vfs_mount_args *args, bool check, int ms,
               struct vfs **out);

#endif
