/*
 * limit.c - the yardstick for a server's speed: receives, answers, sends; see limit.h.
 *
 *     limit [-m] [-p PORT] [-s SPIN_USEC] DIR
 *
 * One epoll loop in one thread on 127.0.0.1; a receive takes what there is, a send gives all
 * replies. With -s it polls so long before it sleeps. bench/compare runs it beside the servers;
 * bench/memory does so with -m, where READ needs no system call.
 */
#include "bench/limit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_SIZE   (LIMIT_CALL_MAX + (256u << 10))
#define TAKE      (256u << 10) /* received at once, but for the rest of one long call */
#define SEND_FROM (256u << 10) /* replies are sent when so many bytes are gathered */
#define OUT_SIZE  (SEND_FROM + LIMIT_CALL_MAX)
#define EVENTS    64
#define MARK_LEN  4
#define MARK_MASK 0x7fffffffu

struct connection {
    int fd;
    size_t have, wanted; /* bytes in `in`; wanted: of the call that is not whole */
    uint8_t in[IN_SIZE];
};

static uint8_t out[OUT_SIZE];
static size_t out_len;

static void die(const char *what)
{
    fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
    exit(1);
}

static bool send_replies(struct connection *c)
{
    size_t sent = 0;

    while (sent < out_len) {
        ssize_t n = send(c->fd, out + sent, out_len - sent, MSG_NOSIGNAL);
        if (n < 0)
            return false;
        sent += (size_t)n;
    }
    out_len = 0;
    return true;
}

/* False: the connection is over. */
static bool serve(struct connection *c)
{
    size_t room = c->wanted > c->have ? c->wanted - c->have : TAKE;
    size_t at = 0;
    bool good = true;

    if (room > IN_SIZE - c->have)
        room = IN_SIZE - c->have;
    ssize_t n = recv(c->fd, c->in + c->have, room, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return true;
    if (n <= 0)
        return false;
    c->have += (size_t)n;
    c->wanted = 0;
    while (c->have - at >= MARK_LEN && good) {
        size_t len = wire_peek(c->in + at) & MARK_MASK;
        if (len > LIMIT_CALL_MAX)
            return false;
        if (c->have - at < MARK_LEN + len) {
            c->wanted = MARK_LEN + len;
            break;
        }
        out_len += limit_answer(c->in + at + MARK_LEN, len, out + out_len);
        at += MARK_LEN + len;
        if (out_len >= SEND_FROM)
            good = send_replies(c);
    }
    c->have -= at;
    memmove(c->in, c->in + at, c->have);
    return good && send_replies(c);
}

static int listen_on(uint16_t port)
{
    const int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    /* BBR would pace what has no path; set on a connection that began with it that is too late. */
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1024) < 0)
        die("can't listen");
    return fd;
}

static void accept_one(int epoll, int listener)
{
    const int on = 1;
    struct connection *c = malloc(sizeof(*c));
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0 || c == NULL)
        die("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->fd = fd;
    c->have = c->wanted = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll");
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void loop(int listener, uint64_t spin_ns)
{
    struct epoll_event events[EVENTS];
    struct epoll_event listening = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t busy = 0;

    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening) < 0)
        die("epoll");
    for (;;) {
        bool spin = spin_ns > 0 && now_ns() - busy < spin_ns;
        int n = epoll_wait(epoll, events, EVENTS, spin ? 0 : -1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == NULL) {
                accept_one(epoll, listener);
            } else if (!serve(c)) {
                close(c->fd);
                free(c);
                out_len = 0;
            }
        }
        if (n > 0 && spin_ns > 0)
            busy = now_ns();
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;
    uint16_t port = 2049;
    uint64_t spin_us = 0;
    int option;

    while ((option = getopt(argc, argv, "mp:s:")) != -1) {
        if (option == '?')
            return 2;
        if (option == 'm')
            limit_from_memory = true;
        else if (option == 'p')
            port = (uint16_t)atoi(optarg);
        else
            spin_us = strtoul(optarg, NULL, 10);
    }
    if (argc - optind != 1) {
        fprintf(stderr, "usage: limit [-m] [-p PORT] [-s SPIN_USEC] DIR\n");
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    umask(0);
    files_begin(argv[optind]);
    loop(listen_on(port), spin_us * 1000);
    return 0;
}
