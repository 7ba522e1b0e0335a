/*
 * state_dir.c - chooses, makes and locks the state directory; see state_dir.h.
 *
 * The key of the file handles lies in it. So other users must not be able to read it, and a
 * directory that another user owns is refused.
 */
#include "server/state_dir.h"
#include "base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The lock file that is held. The thread that looks after the directory may take another one while
 * the server gives this one up. */
static struct {
    pthread_mutex_t mutex; /* guards the rest; not held during calls that may wait for a disk */
    int fd;                /* -1: none is held */
    dev_t device; /* of fd, and its inode number, which no other file gets before the close */
    ino_t inode;
    bool given_up; /* the server ends: none is taken any more */
} held = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* The default directory, before it is made absolute. */
static int state_dir_default(char *path, size_t size)
{
    const char *systemd = getenv("STATE_DIRECTORY");
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int len;

    if (systemd != NULL && systemd[0] == '/') /* may be a list; the first one counts */
        len = snprintf(path, size, "%.*s", (int)strcspn(systemd, ":"), systemd);
    else if (geteuid() == 0)
        len = snprintf(path, size, "/var/lib/loopnfs");
    else if (xdg != NULL && xdg[0] == '/')
        len = snprintf(path, size, "%s/loopnfs", xdg);
    else if (home != NULL && home[0] == '/')
        len = snprintf(path, size, "%s/.local/state/loopnfs", home);
    else
        return ENOENT;
    return (size_t)len < size ? 0 : ENAMETOOLONG;
}

int state_dir_choose(const char *given, char *path, size_t size)
{
    char cwd[PATH_MAX];
    int len;

    if (given == NULL)
        return state_dir_default(path, size);
    if (given[0] == '/')
        len = snprintf(path, size, "%s", given);
    else if (getcwd(cwd, sizeof(cwd)) != NULL)
        len = snprintf(path, size, "%s/%s", cwd, given);
    else
        return errno;
    return (size_t)len < size ? 0 : ENAMETOOLONG;
}

/* Makes the path like mkdir -p; new directories get mode 0700. */
static int make_path(const char *path)
{
    char part[PATH_MAX];

    for (size_t i = 1;; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        if (i >= sizeof(part))
            return ENAMETOOLONG;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            /* It is enough that a parent exists; it need not be writable. */
            int err = errno;
            struct stat st;
            if (stat(part, &st) != 0)
                return err;
        }
        if (path[i] == '\0')
            return 0;
    }
}

/* Whether a directory is plainly meant for a server's state: it is empty, or a server has used it
 * before. A /tmp that was named by mistake must not get mode 0700. */
static bool is_for_state(int fd)
{
    bool empty = true;
    const struct dirent *entry;

    if (faccessat(fd, "lock", F_OK, 0) == 0 || faccessat(fd, "handle.key", F_OK, 0) == 0)
        return true;
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    while (empty && (entry = readdir(dir)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

/* Checks that only the server's user can use the directory. Mends the mode where the directory is
 * for state. */
static int check_owner(int fd, const char *path, char *message, size_t size)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        snprintf(message, size, "state directory %s: %s", path, strerror(errno));
        return EIO;
    }
    if (st.st_uid != geteuid()) {
        snprintf(message, size,
                 "state directory %s belongs to user %u, not to the server's (%u): chown it, or "
                 "name another with --state-dir",
                 path, st.st_uid, geteuid());
        return EPERM;
    }
    if ((st.st_mode & 077) != 0) {
        if (!is_for_state(fd) || fchmod(fd, 0700) != 0) {
            snprintf(message, size,
                     "state directory %s: others have access; name an empty directory, or one "
                     "with mode 0700, with --state-dir",
                     path);
            return EPERM;
        }
        log_warning("state directory %s: others had access (mode %03o); made it 700", path,
                    st.st_mode & 0777);
    }
    return 0;
}

/* Holds `fd` from now on, and no longer what was held before. ECANCELED: the server ends. */
static int hold(int fd)
{
    struct stat st;
    int before = fd, err = ECANCELED;

    if (fstat(fd, &st) != 0)
        return errno;
    pthread_mutex_lock(&held.mutex);
    if (!held.given_up) {
        before = held.fd;
        held.fd = fd;
        held.device = st.st_dev;
        held.inode = st.st_ino;
        err = 0;
    }
    pthread_mutex_unlock(&held.mutex);
    if (err == 0 && before >= 0)
        close(before);
    return err;
}

static int take_lock(int dir, const char *path, char *message, size_t size)
{
    int err = 0;
    int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
        err = errno;
    else
        err = hold(fd);
    if (err == EWOULDBLOCK)
        snprintf(message, size,
                 "state directory %s is in use by another loopnfsd; name another with --state-dir",
                 path);
    else if (err != 0)
        snprintf(message, size, "state directory %s: lock: %s; name another with --state-dir", path,
                 strerror(err));
    if (err != 0 && fd >= 0)
        close(fd);
    return err;
}

static int open_and_lock(const char *path, char *message, size_t size)
{
    int err = make_path(path);
    int dir = err == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (err == 0 && dir < 0)
        err = errno;
    if (err != 0) {
        snprintf(message, size, "state directory %s: %s; name another with --state-dir", path,
                 strerror(err));
        return err;
    }
    err = check_owner(dir, path, message, size);
    if (err == 0)
        err = take_lock(dir, path, message, size);
    close(dir);
    return err;
}

int state_dir_open(const char *path, char *message, size_t size)
{
    pthread_mutex_lock(&held.mutex);
    held.given_up = false;
    pthread_mutex_unlock(&held.mutex);
    return open_and_lock(path, message, size);
}

int state_dir_check(const char *path, char *message, size_t size)
{
    struct stat st;
    int err = 0;

    if (stat(path, &st) != 0)
        err = errno == ENOENT ? 0 : errno; /* a missing directory will be made */
    else if (!S_ISDIR(st.st_mode))
        err = ENOTDIR;
    else if (st.st_uid != geteuid())
        err = EPERM;
    if (err != 0)
        snprintf(message, size, "state directory %s: %s; name another with --state-dir", path,
                 strerror(err));
    return err;
}

/* Whether the lock file of `path` is the one that is held; true, too, where none is. */
static bool is_in_place(const char *path)
{
    char lock[PATH_MAX];
    struct stat there = {0};

    if ((size_t)snprintf(lock, sizeof(lock), "%s/lock", path) >= sizeof(lock))
        return true;
    bool is_there = lstat(lock, &there) == 0;
    pthread_mutex_lock(&held.mutex);
    bool same =
        held.fd < 0 || (is_there && there.st_dev == held.device && there.st_ino == held.inode);
    pthread_mutex_unlock(&held.mutex);
    return same;
}

void state_dir_keep(const char *path)
{
    static bool told;
    char message[PATH_MAX + 256];

    if (is_in_place(path)) {
        told = false;
        return;
    }
    if (!told)
        log_warning("state directory %s was removed or replaced while it is in use", path);
    int err = open_and_lock(path, message, sizeof(message));
    if (err == ECANCELED)
        return;
    if (err == 0)
        log_info("state directory %s: made again", path);
    else if (!told)
        log_error("%s; until it can be made again, a restart makes handles stale", message);
    told = err != 0;
}

void state_dir_close(void)
{
    pthread_mutex_lock(&held.mutex);
    int fd = held.fd;
    held.fd = -1;
    held.given_up = true;
    pthread_mutex_unlock(&held.mutex);
    if (fd >= 0)
        close(fd);
}
