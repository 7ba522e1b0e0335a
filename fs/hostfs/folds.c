/*
 * folds.c - whether a directory treats names that differ in case as one name: PATHCONF's
 * case_insensitive.
 *
 * Called by attr.c. Some kinds of file systems say so by a flag of each directory (ext4, f2fs,
 * tmpfs: below.h). The others can't be asked, since it depends on how they were made, on mount
 * options, or on what a FUSE daemon shows. So it is tried: a listed name is looked up with the case
 * of its letters changed. Where that finds something that is not listed itself, the two are one
 * name. A directory without a name to try has the answer of the directory above it. Owns nothing,
 * and changes nothing.
 */
#include "base/cred.h"
#include "fs/hostfs/locate/locate.h"
#include "hostfs.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef FS_CASEFOLD_FL
#define FS_CASEFOLD_FL 0x40000000
#endif

/* How many directories are tried, from the one in question upwards, and how many names in each. A
 * name can't be tried where it has no ASCII letter, or is removed meanwhile. */
#define LEVELS 16
#define NAMES  1000

enum verdict { UNKNOWN, MATTERS, FOLDS };

/* Changes the case of all ASCII letters. False: the name has none. */
static bool change_case(const char *name, char changed[NAME_MAX + 1])
{
    bool any = false;
    size_t len = strlen(name);

    if (len > NAME_MAX)
        return false;
    for (size_t i = 0; i <= len; i++) {
        unsigned char c = (unsigned char)name[i];
        bool letter = c < 0x80 && isalpha(c);
        changed[i] = (char)(letter ? c ^ 0x20 : c);
        any |= letter;
    }
    return any;
}

static bool is_listed(DIR *dir, const char *name)
{
    const struct dirent *entry;

    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, name) == 0)
            return true;
    return false;
}

static enum verdict try_name(DIR *dir, const char *name, const char *changed)
{
    struct statx st;
    int err = hostfs_statx(dirfd(dir), changed, &st);

    if (err == ENOENT)
        return hostfs_statx(dirfd(dir), name, &st) == 0 ? MATTERS : UNKNOWN;
    if (err != 0)
        return UNKNOWN;
    return is_listed(dir, changed) ? MATTERS : FOLDS;
}

/* Tries the names of a directory. Closes fd. */
static enum verdict try_names(int fd)
{
    enum verdict verdict = UNKNOWN;
    char name[NAME_MAX + 1], changed[NAME_MAX + 1];
    const struct dirent *entry;
    DIR *dir = fdopendir(fd);

    if (!dir) {
        close(fd);
        return UNKNOWN;
    }
    for (unsigned i = 0; i < NAMES && verdict == UNKNOWN && (entry = readdir(dir)); i++) {
        if (!change_case(entry->d_name, changed))
            continue;
        /* The next readdir() may overwrite the entry. */
        memcpy(name, entry->d_name, strlen(changed) + 1);
        verdict = try_name(dir, name, changed);
    }
    closedir(dir);
    return verdict;
}

static bool folds_by_flag(int dir)
{
    long flags = 0;

    return ioctl(dir, FS_IOC_GETFLAGS, &flags) == 0 && flags & FS_CASEFOLD_FL;
}

/* Tries the directory and those above it, as long as they are on this mount. */
static bool folds_by_trying(const struct hostfs_mount *mount, int dir)
{
    enum verdict verdict = UNKNOWN;
    int at = openat(dir, ".", HOST_O_PATH | O_DIRECTORY);
    struct statx st;

    for (int level = 0; at >= 0 && level < LEVELS && verdict == UNKNOWN; level++) {
        int listed = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (listed >= 0)
            verdict = try_names(listed);
        int above = openat(at, "..", HOST_O_PATH | O_DIRECTORY);
        close(at);
        at = above;
        if (at >= 0 && (hostfs_statx(at, "", &st) != 0 || st.stx_mnt_id != mount->id)) {
            close(at);
            at = -1;
        }
    }
    if (at >= 0)
        close(at);
    return verdict == FOLDS;
}

bool hostfs_folds_case(struct vnode *vn, int fd)
{
    if (vn->type != VDIR || hostfs_is_hidden(vn) || cred_assume_server() != 0)
        return false;
    const struct hostfs_mount *mount = hostfs_node(vn)->mount;
    int dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return false;
    bool folds = folds_by_flag(dir);
    if (!folds && !mount->below->case_by_flag)
        folds = folds_by_trying(mount, dir);
    close(dir);
    return folds;
}
