/*
 * place.c - which directory a path leads to, and whether it still leads there.
 *
 * draft.c notes the place of each host directory that is exported; load.c and refresh.c compare
 * places. Where the kernel has one (Linux 6.8), a mount is identified by its unique number, which
 * is never used again.
 */
#include "exports/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A flag that the C library's headers do not have yet. */
#define PLACE_MNT_ID_UNIQUE 0x4000u

/* A directory this number of levels deep has no root above it: its file system is broken. */
#define DEPTH_MAX 4096

static int look(int fd, const char *name, int flags, struct export_place *place)
{
    struct statx st;

    if (statx(fd, name, flags,
              STATX_TYPE | STATX_INO | STATX_BTIME | STATX_MNT_ID | PLACE_MNT_ID_UNIQUE, &st) != 0)
        return errno;
    *place = (struct export_place){
        .mount = st.stx_mnt_id,
        .dev = makedev(st.stx_dev_major, st.stx_dev_minor),
        .ino = st.stx_ino,
        .born = st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec,
    };
    return S_ISDIR(st.stx_mode) ? 0 : ENOTDIR;
}

int place_look(const char *path, bool mount_too, struct export_place *place)
{
    return look(AT_FDCWD, path, mount_too ? 0 : AT_NO_AUTOMOUNT, place);
}

bool place_same(const struct export_place *a, const struct export_place *b)
{
    return a->mount == b->mount && a->dev == b->dev && a->ino == b->ino && a->born == b->born;
}

static bool place_is(const struct export_place *a, const struct export_place *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->born == b->born;
}

bool place_holds(const struct export_place *place, bool crossmnt, const char *path)
{
    struct export_place begin = {0}, here = {0}, up = {0};
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool holds = false;

    if (fd < 0 || look(fd, "", AT_EMPTY_PATH, &here) != 0)
        goto out;
    begin = here;
    for (int depth = 0; depth < DEPTH_MAX && !holds; depth++) {
        holds = place_is(&here, place) && (crossmnt || here.dev == begin.dev);
        int parent = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = parent;
        if (fd < 0 || look(fd, "", AT_EMPTY_PATH, &up) != 0 || place_same(&here, &up))
            break;
        here = up;
    }
out:
    if (fd >= 0)
        close(fd);
    return holds;
}

const char *absence_text(int err)
{
    return err == ETIMEDOUT ? "it does not answer" : strerror(err);
}

bool is_absence(int err)
{
    return err == ENOENT || err == ENOTDIR || err == ENXIO || err == ENODEV || err == ENOMEDIUM ||
           err == ENOTCONN || err == EHOSTDOWN || err == ESTALE || err == EACCES || err == ELOOP ||
           err == ETIMEDOUT;
}
