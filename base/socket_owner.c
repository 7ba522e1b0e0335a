/*
 * socket_owner.c - see socket_owner.h: one question and one answer over netlink.
 *
 * A netlink socket for each question, since there are few: the answer is there when the question
 * was sent, and threads need no lock.
 */
#include "base/socket_owner.h"
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <unistd.h>

/* include/net/tcp_states.h; not for programs, but fixed by TCP_INFO and /proc/net/tcp. */
#define STATE_LISTEN 10

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

static void question_set(struct question *q, const struct address *from, const struct address *to,
                         bool is_datagram)
{
    struct inet_diag_sockid *id = &q->body.id;
    size_t len;

    *q = (struct question){
        .head = {.nlmsg_len = sizeof(*q),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = (uint8_t)from->any.sa_family,
                 .sdiag_protocol = is_datagram ? IPPROTO_UDP : IPPROTO_TCP,
                 .idiag_states = UINT32_MAX,
                 .id.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
    };
    /* For UDP the kernel wants a packet's addresses, not a socket's: of one that goes to `from`. */
    const struct address *source = is_datagram ? to : from, *target = is_datagram ? from : to;
    const uint8_t *bytes = address_bytes(source, &len);
    memcpy(id->idiag_src, bytes, len);
    bytes = address_bytes(target, &len);
    memcpy(id->idiag_dst, bytes, len);
    id->idiag_sport = htons(address_port(source));
    id->idiag_dport = htons(address_port(target));
    if (from->any.sa_family == AF_INET6)
        id->idiag_if = from->in6.sin6_scope_id;
}

/* What the kernel found may be another socket: a listener at the port, or one that has lost its
 * process, of which it does not always know whose it was. */
static int answer_read(const void *answer, size_t len, const struct address *from,
                       const struct address *to, bool is_datagram, uid_t *uid)
{
    const struct nlmsghdr *head = answer;
    const void *behind = (const char *)answer + NLMSG_HDRLEN;

    if (len < sizeof(*head) || head->nlmsg_len > len)
        return EPROTO;
    if (head->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = behind;
        bool whole = head->nlmsg_len >= NLMSG_LENGTH(sizeof(*error));
        return whole && error->error != 0 ? -error->error : EPROTO;
    }
    const struct inet_diag_msg *found = behind;
    if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY || head->nlmsg_len < NLMSG_LENGTH(sizeof(*found)))
        return EPROTO;
    if (found->idiag_inode == 0 || found->id.idiag_sport != htons(address_port(from)))
        return ENOENT;
    if (!is_datagram &&
        (found->idiag_state == STATE_LISTEN || found->id.idiag_dport != htons(address_port(to))))
        return ENOENT;
    *uid = found->idiag_uid;
    return 0;
}

int socket_owner(const struct address *from, const struct address *to, bool is_datagram, uid_t *uid)
{
    _Alignas(struct nlmsghdr) char answer[2048];
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct question question;
    int error = 0;

    if (from->any.sa_family != to->any.sa_family)
        return ENOENT;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return errno;
    question_set(&question, from, to, is_datagram);
    if (sendto(fd, &question, sizeof(question), 0, (const struct sockaddr *)&kernel,
               sizeof(kernel)) < 0) {
        error = errno;
        goto out;
    }
    ssize_t n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
    error = n < 0 ? errno : answer_read(answer, (size_t)n, from, to, is_datagram, uid);
out:
    close(fd);
    return error;
}

bool socket_owner_works(void)
{
    struct address server = {
        .in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    struct address client = server;
    socklen_t len = sizeof(server.in);
    bool works = false;
    uid_t uid;

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener >= 0 && fd >= 0 && bind(listener, &server.any, len) == 0 &&
        listen(listener, 1) == 0 && getsockname(listener, &server.any, &len) == 0 &&
        connect(fd, &server.any, len) == 0 && getsockname(fd, &client.any, &len) == 0)
        works = socket_owner(&client, &server, false, &uid) == 0 && uid == geteuid();
    if (listener >= 0)
        close(listener);
    if (fd >= 0)
        close(fd);
    return works;
}
