/*
 * socket_owner.c - see socket_owner.h: one question and one answer over netlink.
 *
 * Each question makes a netlink socket of its own, since questions are few. Threads then need no
 * lock. The kernel answers inside the call that asks or reads, so nothing waits.
 */
#include "base/socket_owner.h"
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <unistd.h>

/* From the kernel's include/net/tcp_states.h. Not exported to programs, but fixed by TCP_INFO and
 * /proc/net/tcp. */
#define STATE_LISTEN 10

/* The loopback interface's number in each network namespace: include/net/flow.h has it as
 * LOOPBACK_IFINDEX. */
#define LOOPBACK_INTERFACE 1

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

static struct question question_make(int family, int protocol, uint16_t flags)
{
    return (struct question){
        .head = {.nlmsg_len = sizeof(struct question),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)},
        .body = {.sdiag_family = (uint8_t)family,
                 .sdiag_protocol = (uint8_t)protocol,
                 .idiag_states = UINT32_MAX,
                 .id.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
    };
}

/* What the answers that were read so far say. */
struct finding {
    const struct address *from, *to; /* `to` is NULL for datagrams */
    unsigned count;
    bool differ; /* the sockets have different owners */
    uid_t uid;
};

/* Whether a datagram socket may have sent from an address: it is bound to that address or to
 * all. */
static bool may_send_from(const struct inet_diag_msg *socket, const struct address *from)
{
    static const uint8_t zeros[12], mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *bound = (const uint8_t *)socket->id.idiag_src;
    size_t len;
    const uint8_t *bytes = address_bytes(from, &len);

    if (socket->idiag_family == AF_INET6 && len == 4) {
        if (memcmp(bound, zeros, 12) != 0 && memcmp(bound, mapped, 12) != 0)
            return false;
        bound += 12;
    }
    return memcmp(bound, bytes, len) == 0 || (memcmp(bound, zeros, len > 12 ? 12 : len) == 0 &&
                                              memcmp(bound + len - 4, zeros, 4) == 0);
}

/* The kernel may also return another socket than the one asked for: a listener at the port, or a
 * socket that has lost its process and perhaps its owner. These are passed over. */
static void finding_add(struct finding *finding, const struct inet_diag_msg *socket)
{
    if (socket->idiag_inode == 0 || socket->id.idiag_sport != htons(address_port(finding->from)))
        return;
    if (finding->to == NULL && !may_send_from(socket, finding->from))
        return;
    if (finding->to != NULL && (socket->idiag_state == STATE_LISTEN ||
                                socket->id.idiag_dport != htons(address_port(finding->to))))
        return;
    finding->differ |= finding->count > 0 && finding->uid != socket->idiag_uid;
    finding->uid = socket->idiag_uid;
    finding->count++;
}

/* Reads the messages of one receive. *more becomes false when the kernel has said that these were
 * the last ones. */
static int answers_read(const char *at, size_t left, struct finding *finding, bool *more)
{
    while (left >= NLMSG_HDRLEN) {
        const struct nlmsghdr *head = (const void *)at;
        const void *behind = at + NLMSG_HDRLEN;
        if (head->nlmsg_len < NLMSG_HDRLEN || head->nlmsg_len > left)
            return EPROTO;
        *more = (head->nlmsg_flags & NLM_F_MULTI) != 0 && head->nlmsg_type != NLMSG_DONE;
        if (head->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *err = behind;
            return head->nlmsg_len < NLMSG_LENGTH(sizeof(*err)) ? EPROTO : -err->error;
        }
        if (head->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
            head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
            finding_add(finding, behind);
        size_t len = NLMSG_ALIGN(head->nlmsg_len);
        at += len;
        left -= len < left ? len : left;
    }
    return 0;
}

/* Asks the kernel. ENOENT may be its answer: there is no such socket. */
static int ask(const struct question *question, struct finding *finding)
{
    _Alignas(struct nlmsghdr) char answer[16384];
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    bool more = true;
    int err = 0;

    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return errno;
    if (sendto(fd, question, sizeof(*question), 0, (const struct sockaddr *)&kernel,
               sizeof(kernel)) < 0)
        err = errno;
    while (more && err == 0) {
        ssize_t n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT); /* the kernel has answered
                                                                     * already */
        err = n < 0 ? errno : answers_read(answer, (size_t)n, finding, &more);
    }
    close(fd);
    return err;
}

static int ask_connection(struct finding *finding)
{
    struct question question = question_make(finding->from->any.sa_family, IPPROTO_TCP, 0);
    struct inet_diag_sockid *id = &question.body.id;
    size_t len;

    if (finding->from->any.sa_family != finding->to->any.sa_family)
        return ENOENT;
    const uint8_t *bytes = address_bytes(finding->from, &len);
    memcpy(id->idiag_src, bytes, len);
    bytes = address_bytes(finding->to, &len);
    memcpy(id->idiag_dst, bytes, len);
    id->idiag_sport = htons(address_port(finding->from));
    id->idiag_dport = htons(address_port(finding->to));
    /* Clients on this host come by loopback. A socket that is bound to that interface is found only
     * by the interface's number; one that is bound to no interface is found by any number. */
    id->idiag_if = LOOPBACK_INTERFACE;
    if (finding->from->any.sa_family == AF_INET6 && finding->from->in6.sin6_scope_id != 0)
        id->idiag_if = finding->from->in6.sin6_scope_id;
    return ask(&question, finding);
}

/* Asks for all sockets that may have sent from there: several may share a port, and the kernel,
 * asked for one, might name the wrong one. An IPv6 socket may send as IPv4. */
static int ask_datagram(struct finding *finding)
{
    const int families[] = {AF_INET6, AF_INET};
    int err = 0;

    for (int i = 0; i < 2 && (err == 0 || err == ENOENT); i++) {
        struct question question = question_make(families[i], IPPROTO_UDP, NLM_F_DUMP);
        question.body.id.idiag_sport = htons(address_port(finding->from));
        if (families[i] == AF_INET6 || finding->from->any.sa_family == AF_INET)
            err = ask(&question, finding);
    }
    return err;
}

int socket_owner(const struct address *from, const struct address *to, bool is_datagram, uid_t *uid)
{
    struct finding finding = {.from = from, .to = is_datagram ? NULL : to};
    int err = is_datagram ? ask_datagram(&finding) : ask_connection(&finding);

    if (err != 0)
        return err;
    if (finding.count == 0 || finding.differ)
        return ENOENT;
    *uid = finding.uid;
    return 0;
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
