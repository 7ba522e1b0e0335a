/*
 * post.c - puts a descriptor into an entry: one that the tool hands over, or one of another process
 * of this host that a client names.
 *
 * The second way: a client makes a file and writes "PID FD" into it. The caller must be root or own
 * the process. To own it, all its user and group ids must be the caller's, it must have no
 * capabilities, and /proc/PID must belong to the caller (for a set-user-id program it belongs to
 * another user). A pidfd holds the process, so that no other process gets its number meanwhile. The
 * process is checked before and after its descriptor is fetched, since it may run another program
 * at any time. A fetch that the kernel does not allow the server (ptrace(2), PTRACE_MODE_ATTACH) is
 * refused.
 */
#include "base/cred.h"
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT_MAX 64

int srv_post(struct srv_entry *entry, int fd, char *why, size_t size)
{
    enum srv_kind kind;
    int err = EBUSY;

    pthread_mutex_lock(&entry->lock);
    if (entry->kind == SRV_EMPTY) {
        err = srv_kind_find(entry, fd, &kind, why, size);
        if (err == 0) {
            clock_gettime(CLOCK_REALTIME, &entry->since);
            entry->mtime = entry->ctime = entry->since;
            srv_stream_break(entry);
            entry->kind = kind;
        }
    } else {
        snprintf(why, size, "a descriptor is posted here already");
    }
    pthread_mutex_unlock(&entry->lock);
    return err;
}

/* --- "PID FD" --- */

/* Reads a number of at most INT_MAX. Returns what follows it; NULL: there is no number. */
static const char *number_parse(const char *at, int *out)
{
    char *end;

    if (*at < '0' || *at > '9')
        return NULL;
    errno = 0;
    unsigned long value = strtoul(at, &end, 10);
    if (errno != 0 || value > INT_MAX)
        return NULL;
    *out = (int)value;
    return end;
}

static bool text_parse(const void *text, size_t len, pid_t *pid, int *fd)
{
    char copy[TEXT_MAX + 1];

    if (len == 0 || len > TEXT_MAX || memchr(text, '\0', len) != NULL)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    const char *at = number_parse(copy, pid);
    if (at == NULL || *pid == 0 || strspn(at, " \t") == 0)
        return false;
    at = number_parse(at + strspn(at, " \t"), fd);
    return at != NULL && at[strspn(at, " \t\r\n")] == '\0';
}

/* --- the owner of the process --- */

/* Whether all ids of a line "Uid:\tREAL\tEFFECTIVE\tSAVED\tFS" are this one. */
static bool ids_are(const char *status, const char *key, uint32_t id)
{
    const char *line = strstr(status, key);
    unsigned ids[4];

    return line != NULL &&
           sscanf(line + strlen(key), "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4 &&
           ids[0] == id && ids[1] == id && ids[2] == id && ids[3] == id;
}

static bool no_capabilities(const char *status)
{
    const char *line = strstr(status, "\nCapPrm:");
    uint64_t set;

    return line != NULL && sscanf(line + 8, "%" SCNx64, &set) == 1 && set == 0;
}

/* Whether /proc says that a process belongs to the caller. Its pidfd is held. */
static bool is_callers(const struct cred *cred, pid_t pid)
{
    char path[64], status[4096];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%d", pid);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return false;
    int file = openat(dir, "status", O_RDONLY | O_CLOEXEC);
    ssize_t n = file >= 0 ? read(file, status, sizeof(status) - 1) : -1;
    bool same = n > 0 && fstat(dir, &st) == 0 && st.st_uid == cred->uid;
    if (file >= 0)
        close(file);
    close(dir);
    if (!same)
        return false;
    status[n] = '\0';
    return ids_are(status, "\nUid:", cred->uid) && ids_are(status, "\nGid:", cred->gid) &&
           (cred->uid == 0 || no_capabilities(status));
}

static bool is_alive(int pidfd)
{
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 0;
}

/* Fetches a descriptor out of a process. EACCES: the process is not the caller's; ESRCH: there is
 * no such process; EBADF: it has no such descriptor. */
static int fetch(const struct cred *cred, pid_t pid, int number, int *fd)
{
    int err = 0;

    *fd = -1;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return errno;
    /* Root may fetch descriptors of every process. */
    bool any = cred->uid == 0;
    if (!any && !(is_callers(cred, pid) && is_alive(pidfd)))
        err = EACCES;
    if (err == 0 && (*fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0)) < 0)
        err = errno;
    if (err == 0 && !any && !(is_callers(cred, pid) && is_alive(pidfd)))
        err = EACCES;
    if (err != 0 && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    close(pidfd);
    return err;
}

int srv_post_text(const struct vctx *ctx, struct srv_entry *entry, const void *text, size_t len)
{
    char why[128];
    int number, fd;
    pid_t pid;

    if (!text_parse(text, len, &pid, &number))
        return EINVAL;
    /* A process number means a process of this host, so the client must be on this host. */
    if (!vctx_is_local(ctx))
        return EACCES;
    int err = cred_assume_server();
    if (err == 0)
        err = fetch(ctx->cred, pid, number, &fd);
    if (err != 0)
        return err == EPERM ? EACCES : err == ESRCH || err == EBADF ? EINVAL : err;
    err = srv_post(entry, fd, why, sizeof(why));
    if (err != 0) {
        close(fd);
        return err;
    }
    /* The writer's kernel has this text in its cache for the beginning of the file. */
    pthread_mutex_lock(&entry->lock);
    srv_stream_began(entry, 0, text, len);
    pthread_mutex_unlock(&entry->lock);
    return 0;
}
