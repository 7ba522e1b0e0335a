/*
 * look.h - looks at what is to be exported, on threads of their own.
 *
 * A directory may be on a file system that does not answer. Reading the exports, at the start and
 * at each SIGHUP, must not hang there, nor must checking whether a path still leads to its
 * directory. draft.c, load.c and refresh.c look and mount through these functions, which give up
 * after a while (base/apart.h).
 */
#ifndef EXPORTS_LOOK_H
#define EXPORTS_LOOK_H

#include "exports/exports.h"

/* How many milliseconds reading the exports may wait for paths that do not answer: in all, and for
 * each path that is looked at once that time is over. */
#define LOOK_MS       3000
#define LOOK_LEAST_MS 200

/* What there is at a path. */
struct look {
    char *real;                /* the path with symbolic links resolved; the caller frees it */
    struct export_place place; /* identifies that directory */
    int enter_error;           /* whether the server's user may search it: 0, or an errno */
};
/* Looks at a path. ETIMEDOUT: it does not answer within `ms` milliseconds, or has not answered
 * since an earlier call. Other errors are those of realpath(3) and place_look(). */
int look_at(const char *path, int ms, struct look *look);
/* As place_look(); ETIMEDOUT as look_at(). */
int look_place(const char *path, bool mount_too, int ms, struct export_place *place);
/* As vfs_mount(), or with `check` as vfs_check(); ETIMEDOUT as look_at(). */
int look_mount(const char *type, const struct vfs_mount_args *args, bool check, int ms,
               struct vfs **out);

#endif
