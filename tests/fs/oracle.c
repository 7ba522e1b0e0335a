/*
 * oracle.c - see oracle.h. The child's main loop is serve().
 */
#include "tests/fs/oracle.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct oracle {
    pid_t pid;
    int socket;
};

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
    int error = ftruncate(fd, (off_t)ask->set.size) == 0 ? 0 : errno;
    close(fd);
    return error;
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
    int error;

    if (given)
        return utimensat(AT_FDCWD, ask->path, times, 0) == 0 ? 0 : errno;
    if (utimensat(AT_FDCWD, ask->path, NULL, 0) == 0)
        return 0;
    error = errno;
    if (error != EACCES || ask->owner != geteuid() || stat(ask->path, &st) != 0)
        return error;
    return utimensat(AT_FDCWD, ask->path, times, 0) == 0 ? 0 : errno;
}

static int answer(const struct question *ask)
{
    const struct vsetattr *set = &ask->set;
    int error = set->set_size ? set_size(ask) : 0;

    if (error == 0 && (set->set_uid || set->set_gid) &&
        chown(ask->path, set->set_uid ? set->uid : (uid_t)-1,
              set->set_gid ? set->gid : (gid_t)-1) != 0)
        error = errno;
    if (error == 0 && set->set_mode && chmod(ask->path, set->mode) != 0)
        error = errno;
    if (error == 0 && (set->set_atime != VTIME_KEEP || set->set_mtime != VTIME_KEEP))
        error = set_times(ask);
    return error;
}

static void __attribute__((noreturn)) serve(int socket, const struct cred *cred)
{
    struct question ask;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (setgroups(cred->ngroups, cred->groups) != 0 ||
        setresgid(cred->gid, cred->gid, cred->gid) != 0 ||
        setresuid(cred->uid, cred->uid, cred->uid) != 0)
        _exit(1);
    while (recv(socket, &ask, sizeof(ask), 0) == sizeof(ask)) {
        int error = answer(&ask);
        if (send(socket, &error, sizeof(error), 0) != sizeof(error))
            break;
    }
    _exit(0);
}

struct oracle *oracle_begin(const struct cred *cred)
{
    struct oracle *oracle = malloc(sizeof(*oracle));
    int ends[2];

    assert_non_null(oracle);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    oracle->pid = fork();
    assert_true(oracle->pid >= 0);
    if (oracle->pid == 0) {
        close(ends[0]);
        serve(ends[1], cred);
    }
    close(ends[1]);
    oracle->socket = ends[0];
    return oracle;
}

void oracle_end(struct oracle *oracle)
{
    close(oracle->socket);
    waitpid(oracle->pid, NULL, 0);
    free(oracle);
}

int oracle_setattr(struct oracle *oracle, const char *path, uid_t owner, const struct vsetattr *set)
{
    struct question ask = {.owner = owner, .set = *set};
    int error;

    assert_true(strlen(path) < sizeof(ask.path));
    strcpy(ask.path, path);
    assert_int_equal(send(oracle->socket, &ask, sizeof(ask), 0), sizeof(ask));
    assert_int_equal(recv(oracle->socket, &error, sizeof(error), 0), sizeof(error));
    return error;
}
