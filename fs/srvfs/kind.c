/*
 * kind.c - which descriptors can be posted, and how their bytes are moved.
 *
 * The poster, and every process that takes the descriptor, share its open file description with the
 * server. So nothing here changes its flags or its offset, and no call waits, since another process
 * may read from the stream. Sockets have MSG_DONTWAIT. Pipes and terminals are opened once more,
 * non-blocking, through /proc/self/fd where that works, and used with RWF_NOWAIT where it does not.
 * A descriptor that supports neither is read without a lock when poll(2) reports bytes
 * (`may_block`): another process may take the bytes first, and the read then waits.
 *
 * The server may have more rights than the poster. So files whose rights are checked against the
 * process that calls write(2) are refused: those of proc, sysfs and the like. Messages to a Unix
 * socket carry the ids of the client that wrote them.
 */
#include "base/address.h"
#include "base/cred.h"
#include "base/pseudo.h"
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static const struct srv_kind_row rows[SRV_KINDS] = {
    [SRV_EMPTY] = {"empty", SRV_NOT, SRV_NOT},
    [SRV_FILE] = {"file", SRV_AT_OFFSET, SRV_AT_OFFSET},
    [SRV_APPEND] = {"append", SRV_AT_OFFSET, SRV_STREAM},
    [SRV_BLOCK] = {"block", SRV_AT_OFFSET, SRV_AT_OFFSET},
    [SRV_SOCKET] = {"socket", SRV_STREAM, SRV_STREAM},
    [SRV_PIPE] = {"pipe", SRV_STREAM, SRV_STREAM},
    [SRV_TTY] = {"tty", SRV_STREAM, SRV_STREAM},
    [SRV_LISTENING] = {"listening", SRV_NOT, SRV_NOT},
    [SRV_DATAGRAM] = {"datagram", SRV_NOT, SRV_NOT},
};

const struct srv_kind_row *srv_kind_row(enum srv_kind kind)
{
    return &rows[kind];
}

/* --- what it is --- */

static int refuse(char *why, size_t size, const char *reason)
{
    snprintf(why, size, "%s can't be posted", reason);
    return EINVAL;
}

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

static int socket_kind(struct srv_entry *entry, int fd, enum srv_kind *kind, char *why, size_t size)
{
    int domain = socket_option(fd, SO_DOMAIN), type = socket_option(fd, SO_TYPE);
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);

    if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX && domain != AF_VSOCK)
        return refuse(why, size, "a socket of this family");
    entry->unix_socket = domain == AF_UNIX;
    if (socket_option(fd, SO_ACCEPTCONN) == 1)
        *kind = SRV_LISTENING;
    else if (type == SOCK_DGRAM || type == SOCK_SEQPACKET)
        *kind = SRV_DATAGRAM;
    else if (type != SOCK_STREAM)
        return refuse(why, size, "a raw socket");
    else if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 && errno == ENOTCONN)
        return refuse(why, size, "a socket that is not connected");
    else
        *kind = SRV_SOCKET;
    return 0;
}

static int tty_kind(int fd, int flags, enum srv_kind *kind, char *why, size_t size)
{
    struct termios settings;
    unsigned number;

    if (tcgetattr(fd, &settings) != 0)
        return refuse(why, size, "a character device that is no terminal");
    /* Opening a master again would make another pseudo-terminal. */
    if (ioctl(fd, TIOCGPTN, &number) == 0 && !(flags & O_NONBLOCK))
        return refuse(why, size, "the master of a pseudo-terminal without O_NONBLOCK");
    *kind = SRV_TTY;
    return 0;
}

static int file_kind(int fd, int flags, mode_t mode, enum srv_kind *kind, char *why, size_t size)
{
    if (S_ISDIR(mode))
        return refuse(why, size, "a directory");
    if (!S_ISREG(mode) && !S_ISBLK(mode))
        return refuse(why, size, "a descriptor of this kind (epoll, timer, event, ...)");
    if (S_ISREG(mode) && file_is_pseudo(fd))
        return refuse(why, size, "a file of proc, sysfs or the like");
    *kind = S_ISBLK(mode) ? SRV_BLOCK : flags & O_APPEND ? SRV_APPEND : SRV_FILE;
    return 0;
}

/* Opens a pipe or terminal again, non-blocking. Returns fd itself where that fails. */
static int reopen(int fd, int flags)
{
    char path[64];
    unsigned number;

    if (flags & O_NONBLOCK && ioctl(fd, TIOCGPTN, &number) == 0)
        return fd;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int again = open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    return again >= 0 ? again : fd;
}

int srv_kind_find(struct srv_entry *entry, int fd, enum srv_kind *kind, char *why, size_t size)
{
    int flags = fcntl(fd, F_GETFL), err = 0;
    struct stat st;

    if (flags < 0 || fstat(fd, &st) != 0)
        return errno;
    if (flags & O_PATH)
        return refuse(why, size, "a descriptor with O_PATH");
    if (S_ISSOCK(st.st_mode))
        err = socket_kind(entry, fd, kind, why, size);
    else if (S_ISFIFO(st.st_mode))
        *kind = SRV_PIPE;
    else if (S_ISCHR(st.st_mode))
        err = tty_kind(fd, flags, kind, why, size);
    else
        err = file_kind(fd, flags, st.st_mode, kind, why, size);
    if (err != 0)
        return err;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return errno;
    entry->may_read = (flags & O_ACCMODE) != O_WRONLY;
    entry->may_write = (flags & O_ACCMODE) != O_RDONLY;
    entry->fd = fd;
    bool opened_again = *kind == SRV_PIPE || *kind == SRV_TTY;
    entry->io_fd = opened_again && cred_assume_server() == 0 ? reopen(fd, flags) : fd;
    /* O_NONBLOCK on fd itself is no guarantee: every process that shares the descriptor may clear
     * it. */
    entry->may_block = opened_again && entry->io_fd == fd;
    entry->flush_how = flush_how_of(entry->io_fd);
    return 0;
}

/* --- moving bytes --- */

bool srv_ready(const struct srv_entry *entry, short events)
{
    struct pollfd poll_fd = {.fd = entry->io_fd, .events = events};

    return poll(&poll_fd, 1, 0) > 0;
}

ssize_t srv_receive(const struct srv_entry *entry, void *buf, size_t len)
{
    struct iovec part = {.iov_base = buf, .iov_len = len};

    if (entry->kind == SRV_SOCKET)
        return recv(entry->fd, buf, len, MSG_DONTWAIT);
    ssize_t n = preadv2(entry->io_fd, &part, 1, -1, RWF_NOWAIT);
    if (n < 0 && errno == EOPNOTSUPP) {
        errno = EAGAIN;
        n = srv_ready(entry, POLLIN) ? read(entry->io_fd, buf, len) : -1;
    }
    /* EIO means that the terminal was hung up. */
    if (n < 0 && errno == EIO && entry->kind == SRV_TTY)
        n = 0;
    return n;
}

/* Sends with the client's ids, since the peer may ask for ids (SO_PASSCRED). */
static ssize_t send_unix(const struct srv_entry *entry, const struct cred *cred, const void *buf,
                         size_t len)
{
    union {
        char room[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    struct ucred who = {.pid = getpid(), .uid = cred->uid, .gid = cred->gid};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_CREDENTIALS;
    header->cmsg_len = CMSG_LEN(sizeof(who));
    memcpy(CMSG_DATA(header), &who, sizeof(who));
    return sendmsg(entry->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t srv_send(const struct srv_entry *entry, const struct cred *cred, const void *buf,
                 size_t len)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};

    /* Sending other ids takes the server's rights. Everything else is done as the client. */
    if (entry->unix_socket && cred_can_switch() && cred_assume_server() == 0)
        return send_unix(entry, cred, buf, len);
    if (entry->kind == SRV_SOCKET)
        return send(entry->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (entry->kind == SRV_APPEND)
        return write(entry->fd, buf, len);
    ssize_t n = pwritev2(entry->io_fd, &part, 1, -1, RWF_NOWAIT);
    if (n < 0 && errno == EOPNOTSUPP) {
        errno = EAGAIN;
        n = srv_ready(entry, POLLOUT) ? write(entry->io_fd, buf, len) : -1;
    }
    return n;
}

uint64_t srv_queued(const struct srv_entry *entry)
{
    int n = 0;

    return ioctl(entry->io_fd, FIONREAD, &n) == 0 && n > 0 ? (uint64_t)n : 0;
}

void srv_wait(const struct srv_entry *entry, short events, int ms)
{
    struct pollfd poll_fd = {.fd = entry->io_fd, .events = events};

    vfs_will_sleep();
    poll(&poll_fd, 1, ms);
}

/* --- for the list --- */

static void address_text(int fd, int (*ask)(int, struct sockaddr *, socklen_t *), char *out,
                         size_t size)
{
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_storage storage;
        struct address ip;
    } a = {0};
    char text[ADDRESS_TEXT_MAX];
    socklen_t len = sizeof(a);

    out[0] = '\0';
    if (ask(fd, &a.any, &len) != 0)
        return;
    if (a.any.sa_family == AF_INET || a.any.sa_family == AF_INET6)
        snprintf(out, size, "%s", address_format(&a.ip, true, text));
    else if (a.any.sa_family == AF_UNIX && len > offsetof(struct sockaddr_un, sun_path))
        snprintf(out, size, "%s%.107s", a.local.sun_path[0] == '\0' ? "@" : "",
                 a.local.sun_path + (a.local.sun_path[0] == '\0'));
}

void srv_describe(const struct srv_entry *entry, char *out, size_t size)
{
    char path[64], own[160], peer[160];
    enum srv_kind kind = entry->kind;

    switch (kind) {
    case SRV_EMPTY:
    case SRV_KINDS:
        snprintf(out, size, "-");
        return;
    case SRV_SOCKET:
    case SRV_LISTENING:
    case SRV_DATAGRAM:
        address_text(entry->fd, getsockname, own, sizeof(own));
        address_text(entry->fd, getpeername, peer, sizeof(peer));
        snprintf(out, size, "%s %s%s%s", entry->unix_socket ? "unix" : "ip", own,
                 peer[0] != '\0' ? " -> " : "", peer);
        return;
    default:
        snprintf(path, sizeof(path), "/proc/self/fd/%d", entry->fd);
        ssize_t n = readlink(path, out, size - 1);
        out[n < 0 ? 0 : n] = '\0';
    }
}
