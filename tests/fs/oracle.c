/*
 * oracle.c - see oracle.h. By raw system calls, since glibc's would change the file system's
 * threads, too.
 */
#include "tests/fs/oracle.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct question {
    char path[200];
    uid_t owner;
    struct vsetattr set;
};

/* Who owns the file may write whatever its mode says: by what he could do himself. */
static int open_to_write(const char *path, uid_t owner)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0 || errno != EACCES || owner != geteuid())
        return fd;
    if (stat(path, &st) != 0 || chmod(path, st.st_mode | S_IWUSR) != 0)
        return -1;
    fd = open(path, O_WRONLY | O_CLOEXEC);
    chmod(path, st.st_mode & 07777);
    return fd;
}

static int set_size(const struct question *ask)
{
    int fd = open_to_write(ask->path, ask->owner);

    if (fd < 0)
        return errno;
    int err = ftruncate(fd, (off_t)ask->set.size) == 0 ? 0 : errno;
    close(fd);
    return err;
}

static int set_times(const struct question *ask)
{
    const struct vsetattr *set = &ask->set;
    const struct timespec keep = {.tv_nsec = UTIME_OMIT}, now = {.tv_nsec = UTIME_NOW};
    const struct timespec times[2] = {set->set_atime == VTIME_GIVEN ? set->atime
                                      : set->set_atime == VTIME_NOW ? now
                                                                    : keep,
                                      set->set_mtime == VTIME_GIVEN ? set->mtime
                                      : set->set_mtime == VTIME_NOW ? now
                                                                    : keep};
    bool given = set->set_atime == VTIME_GIVEN || set->set_mtime == VTIME_GIVEN;
    struct stat st;
    int err;

    if (given)
        return utimensat(AT_FDCWD, ask->path, times, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
    if (utimensat(AT_FDCWD, ask->path, NULL, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    err = errno;
    if (err != EACCES || ask->owner != geteuid() || lstat(ask->path, &st) != 0)
        return err;
    return utimensat(AT_FDCWD, ask->path, times, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

static int answer(const void *question)
{
    const struct question *ask = question;
    const struct vsetattr *set = &ask->set;
    int err = set->set_size ? set_size(ask) : 0;
    struct stat st;

    if (err == 0 && (set->set_uid || set->set_gid) &&
        lchown(ask->path, set->set_uid ? set->uid : (uid_t)-1,
               set->set_gid ? set->gid : (gid_t)-1) != 0)
        err = errno;
    /* The mode of a symbolic link is left. */
    if (err == 0 && set->set_mode && lstat(ask->path, &st) == 0 && !S_ISLNK(st.st_mode) &&
        chmod(ask->path, set->mode) != 0)
        err = errno;
    if (err == 0 && (set->set_atime != VTIME_KEEP || set->set_mtime != VTIME_KEEP))
        err = set_times(ask);
    return err;
}

/* With root as the saved uid, to come back. */
static void become(uid_t uid, gid_t gid, size_t count, const gid_t *groups)
{
    const long keep = -1;

    if (uid == 0)
        assert_int_equal(syscall(SYS_setresuid, keep, 0, keep), 0);
    assert_int_equal(syscall(SYS_setgroups, count, groups), 0);
    assert_int_equal(syscall(SYS_setresgid, keep, gid, keep), 0);
    if (uid != 0)
        assert_int_equal(syscall(SYS_setresuid, keep, uid, keep), 0);
}

void oracle_become(const struct cred *cred)
{
    become(cred->uid, cred->gid, cred->ngroups, cred->groups);
}

int oracle_ask(const struct cred *cred, int (*call)(const void *question), const void *question)
{
    gid_t groups[256];
    const int count = getgroups(256, groups);
    const gid_t gid = getegid();

    assert_true(count >= 0);
    become(cred->uid, cred->gid, cred->ngroups, cred->groups);
    int result = call(question);
    become(0, gid, (size_t)count, groups);
    return result;
}

int oracle_setattr(const struct cred *cred, const char *path, uid_t owner,
                   const struct vsetattr *set)
{
    struct question ask = {.owner = owner, .set = *set};

    assert_true(strlen(path) < sizeof(ask.path));
    strcpy(ask.path, path);
    return oracle_ask(cred, answer, &ask);
}
