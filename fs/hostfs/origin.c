/*
 * origin.c - the files that a mount is a view of: bindfs, mergerfs, overlayfs.
 *
 * A FUSE daemon that works by paths opens another file as soon as the host has renamed one over it,
 * and gives no birth times by which to notice. But some daemons say which files they show:
 *     bindfs and its like   the mount's source is a directory whose objects have equal numbers
 *     mergerfs              has extended attributes that say which paths an object is made of
 * The host's own file system behind them is looked at instead, which has numbers and birth times.
 * It is believed only as far as it agrees with what the daemon says. A user who mounts FUSE can
 * make the daemon say anything, so what is found here is only ever compared.
 *
 * Called by mounts.c when a mount becomes known, by below.c, and by proof.c for each proof. The
 * mount owns its origin. Paths are looked at as the server.
 */
#include "origin.h"
#include "base/cred.h"
#include "base/hash.h"
#include "base/pseudo.h"
#include "fs/hostfs/locate/locate.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LOOK_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)

struct hostfs_origin {
    bool merged;
    /* For a view of one directory: `base` is the directory that is shown at `point`. Neither ends
     * with a slash. */
    char *base, *point;
};

/* A line of mountinfo, split into its parts. */
struct row {
    char *line; /* owned; the other members point into it */
    char *root, *point;
    char *type, *source, *options;
};

static bool row_split(struct row *row, uint64_t id)
{
    uint64_t line_id;
    dev_t dev;
    char *save = NULL, *end = strstr(row->line, " - ");

    if (!end)
        return false;
    *end = '\0';
    row->type = strtok_r(end + 3, " \n", &save);
    row->source = strtok_r(NULL, " \n", &save);
    row->options = strtok_r(NULL, " \n", &save);
    return row->options && hostfs_mountinfo(row->line, &line_id, &dev, &row->root, &row->point) &&
           line_id == id;
}

/* Finds the line of this mount. The caller frees row->line in any case. */
static bool row_find(uint64_t id, struct row *row)
{
    size_t size = 0;
    bool found = false;
    FILE *file = fopen("/proc/self/mountinfo", "re");

    *row = (struct row){.line = NULL};
    while (file && !found && getline(&row->line, &size, file) > 0)
        found = strtoull(row->line, NULL, 10) == id && row_split(row, id);
    if (file)
        fclose(file);
    return found;
}

/* --- a view of one directory --- */

/* The path of the object that fd is a view of. */
static bool path_of(const struct hostfs_origin *origin, int fd, char path[PATH_MAX])
{
    struct hostfs_proc_path link;
    char seen[PATH_MAX];
    size_t skip = strlen(origin->point);

    hostfs_proc_path(&link, fd);
    ssize_t len = readlink(link.text, seen, sizeof(seen) - 1);
    if (len < (ssize_t)skip || len == sizeof(seen) - 1 || memcmp(seen, origin->point, skip) != 0)
        return false;
    seen[len] = '\0';
    if (seen[skip] != '\0' && seen[skip] != '/')
        return false;
    int want = snprintf(path, PATH_MAX, "%s%s", origin->base, seen + skip);
    return want > 0 && want < PATH_MAX;
}

static int look(const char *path, struct statx *st)
{
    return statx(AT_FDCWD, path, LOOK_FLAGS, STATX_BASIC_STATS | STATX_BTIME, st) == 0 ? 0 : errno;
}

static uint64_t birth_of(const struct statx *st)
{
    return st->stx_mask & STATX_BTIME
               ? (uint64_t)hostfs_ns(st->stx_btime.tv_sec, st->stx_btime.tv_nsec)
               : 0;
}

static unsigned look_bound(const struct hostfs_origin *origin, int fd, const struct statx *st,
                           uint64_t *number, uint64_t *born)
{
    char path[PATH_MAX];
    struct statx there;

    if (!path_of(origin, fd, path) || look(path, &there) != 0 || there.stx_ino != st->stx_ino ||
        hostfs_vtype(there.stx_mode) != hostfs_vtype(st->stx_mode))
        return 0;
    *number = there.stx_ino;
    *born = birth_of(&there);
    return 1;
}

/* --- a view of several --- */

static uint64_t number_of(const struct statx *st)
{
    uint64_t number = hash_mix((uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor);

    return hash_mix(number ^ hash_mix(st->stx_ino ^ hash_mix(birth_of(st)))) | 1;
}

#define MERGED_BYTES (4 * PATH_MAX)

/* Reads the paths that fd is made of, each with a NUL at its end. A file is identified by its
 * first path only. For a directory all paths count, since another one may become the first at
 * any time. */
static ssize_t paths_of(int fd, bool directory, char paths[MERGED_BYTES])
{
    struct hostfs_proc_path link;

    hostfs_proc_path(&link, fd);
    ssize_t len =
        getxattr(link.text, directory ? "user.mergerfs.allpaths" : "user.mergerfs.fullpath", paths,
                 MERGED_BYTES - 1);
    paths[len > 0 ? len : 0] = '\0';
    return len;
}

static unsigned look_merged(int fd, const struct statx *st, uint64_t numbers[ORIGINS_MAX])
{
    char paths[MERGED_BYTES];
    struct statx there;
    unsigned count = 0;

    if (!S_ISDIR(st->stx_mode) && !S_ISREG(st->stx_mode))
        return 0; /* the kernel allows no such attributes for other types */
    ssize_t len = paths_of(fd, S_ISDIR(st->stx_mode), paths);
    for (ssize_t at = 0; at < len && count < ORIGINS_MAX; at += (ssize_t)strlen(paths + at) + 1)
        if (paths[at] == '/' && look(paths + at, &there) == 0 &&
            hostfs_vtype(there.stx_mode) == hostfs_vtype(st->stx_mode))
            numbers[count++] = number_of(&there);
    return count;
}

/* --- for others --- */

bool hostfs_origin_numbers(const struct hostfs_mount *mount, enum vtype type)
{
    return mount->origin && mount->origin->merged && (type == VREG || type == VDIR);
}

unsigned hostfs_origin_look(const struct hostfs_mount *mount, int fd, const struct statx *st,
                            uint64_t numbers[ORIGINS_MAX], uint64_t *born)
{
    struct cred_pause pause;
    unsigned count;

    *born = 0;
    if (!mount->origin || !cred_pause(&pause))
        return 0;
    count = mount->origin->merged ? look_merged(fd, st, numbers)
                                  : look_bound(mount->origin, fd, st, numbers, born);
    return cred_go_on(&pause) == 0 ? count : 0;
}

static char *join(const char *one, const char *other)
{
    char *path = NULL;

    if (asprintf(&path, "%s%s", one, other) < 0)
        return NULL;
    for (size_t len = strlen(path); len > 0 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';
    return path;
}

struct hostfs_origin *hostfs_origin_find(const struct hostfs_mount *mount, int fd,
                                         const struct statx *st, bool *by_modes)
{
    uint64_t numbers[ORIGINS_MAX], born;
    struct row row;
    struct hostfs_origin *origin = calloc(1, sizeof(*origin));
    bool found = origin && row_find(mount->id, &row);

    *by_modes = found && strstr(row.options, "default_permissions");
    if (found && hostfs_below_numbers_paths(row.type)) {
        origin->merged = look_merged(fd, st, numbers) > 0;
        found = origin->merged;
    } else if (found) {
        hostfs_unescape(row.source);
        origin->base = join(row.source, row.root);
        origin->point = join(row.point, "");
        found = row.source[0] == '/' && origin->base && origin->point && mount->numbers &&
                look_bound(origin, fd, st, numbers, &born) == 1 && born != 0;
    }
    if (origin)
        free(row.line);
    if (found)
        return origin;
    hostfs_origin_free(origin);
    return NULL;
}

void hostfs_origin_free(struct hostfs_origin *origin)
{
    if (!origin)
        return;
    free(origin->base);
    free(origin->point);
    free(origin);
}

/* --- interfaces to the kernel behind a view --- */

static bool is_pseudo(const char *path)
{
    int fd = *path == '/' ? open(path, O_PATH | O_CLOEXEC) : -1;
    bool pseudo = fd >= 0 && file_is_pseudo(fd);

    if (fd >= 0)
        close(fd);
    return pseudo;
}

/* Whether one of these directories, separated by colons, is of an interface to the kernel. */
static bool any_is_pseudo(char *paths)
{
    char *save = NULL;
    bool pseudo = false;

    hostfs_unescape(paths);
    for (char *path = strtok_r(paths, ":", &save); path && !pseudo;
         path = strtok_r(NULL, ":", &save))
        pseudo = is_pseudo(path);
    return pseudo;
}

/* Whether a mergerfs shows an interface to the kernel. Its mount's source lacks the common
 * beginning of its paths, so the paths are taken from the extended attribute. */
static bool merges_pseudo(int fd)
{
    char paths[MERGED_BYTES];
    ssize_t len = paths_of(fd, true, paths);
    bool pseudo = false;

    for (ssize_t at = 0; at < len && !pseudo; at += (ssize_t)strlen(paths + at) + 1)
        pseudo = is_pseudo(paths + at);
    return pseudo;
}

bool hostfs_origin_is_pseudo(int fd)
{
    struct statx st;
    struct row row;
    char *save = NULL;
    bool pseudo = false;

    if (hostfs_statx(fd, "", &st) != 0)
        return true;
    if (row_find(st.stx_mnt_id, &row)) {
        pseudo =
            hostfs_below_numbers_paths(row.type) ? merges_pseudo(fd) : any_is_pseudo(row.source);
        for (char *word = strtok_r(row.options, ",", &save); word && !pseudo;
             word = strtok_r(NULL, ",", &save)) {
            char *value = strchr(word, '=');
            if (value && (strncmp(word, "lowerdir", 8) == 0 || strncmp(word, "upperdir", 8) == 0))
                pseudo = any_is_pseudo(value + 1);
        }
    }
    free(row.line);
    return pseudo;
}
