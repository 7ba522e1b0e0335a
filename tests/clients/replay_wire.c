/*
 * replay_wire.c - the sockets of a replayed client.
 *
 * Called by replay.c. Every socket is connected, UDP ones too, as kernels have theirs: a reply
 * from another address or port than was asked never arrives.
 */
#include "tests/clients/replay_internal.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_TIMEOUT_MS 10000
#define SILENCE_MS       200

/* Binds to the highest reserved port that is free, as bindresvport(3) does. */
static void bind_reserved(const struct replay *replay, int fd, int family)
{
    for (int port = 1023; port > 600; port--) {
        struct sockaddr_storage source = {.ss_family = (sa_family_t)family};
        if (family == AF_INET)
            ((struct sockaddr_in *)&source)->sin_port = htons((uint16_t)port);
        else
            ((struct sockaddr_in6 *)&source)->sin6_port = htons((uint16_t)port);
        if (bind(fd, (struct sockaddr *)&source, sizeof(source)) == 0)
            return;
        if (errno != EADDRINUSE)
            break;
    }
    replay_fail(replay, "no reserved source port: %s", strerror(errno));
}

void replay_open(struct replay *replay, const char *name, bool is_datagram, uint16_t port)
{
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = is_datagram ? SOCK_DGRAM : SOCK_STREAM};
    struct addrinfo *address = NULL;
    if (getaddrinfo(replay->server, service, &hints, &address) != 0)
        replay_fail(replay, "%s is no address", replay->server);
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0)
        replay_fail(replay, "socket: %s", strerror(errno));
    if (replay->reserved_source)
        bind_reserved(replay, fd, address->ai_family);
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
        replay_fail(replay, "no connection to port %u: %s", port, strerror(errno));
    freeaddrinfo(address);
    int on = 1;
    if (!is_datagram)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    struct replay_socket *sock = NULL;
    for (size_t i = 0; i < replay->nsockets; i++)
        if (strcmp(replay->sockets[i].name, name) == 0)
            sock = &replay->sockets[i];
    if (sock) {
        close(sock->fd);
    } else {
        if (replay->nsockets == REPLAY_SOCKETS_MAX)
            replay_fail(replay, "too many sockets");
        sock = &replay->sockets[replay->nsockets++];
        snprintf(sock->name, sizeof(sock->name), "%s", name);
    }
    sock->fd = fd;
    sock->is_datagram = is_datagram;
    replay->current = sock;
}

void replay_use(struct replay *replay, const char *name)
{
    for (size_t i = 0; i < replay->nsockets; i++) {
        if (strcmp(replay->sockets[i].name, name) == 0) {
            replay->current = &replay->sockets[i];
            return;
        }
    }
    replay_fail(replay, "no socket is called %s", name);
}

void replay_close_all(struct replay *replay)
{
    for (size_t i = 0; i < replay->nsockets; i++)
        close(replay->sockets[i].fd);
    replay->nsockets = 0;
    replay->current = NULL;
}

static void send_all(const struct replay *replay, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(replay->current->fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0)
            replay_fail(replay, "send: %s", strerror(errno));
        bytes += sent;
        len -= (size_t)sent;
    }
}

void replay_send(struct replay *replay)
{
    if (!replay->current)
        replay_fail(replay, "no socket is open");
    if (replay->current->is_datagram) {
        send_all(replay, replay->call.bytes, replay->call.len);
        return;
    }
    size_t fragment = replay->fragment ? replay->fragment : replay->call.len;
    for (size_t at = 0; at < replay->call.len; at += fragment) {
        size_t len = replay->call.len - at < fragment ? replay->call.len - at : fragment;
        bool last = at + len == replay->call.len;
        /* The mark and the fragment in one segment, as every kernel does. */
        uint8_t *record = malloc(4 + len);
        assert_non_null(record);
        replay_put_word(record, (uint32_t)len | (last ? 0x80000000U : 0));
        memcpy(record + 4, replay->call.bytes + at, len);
        send_all(replay, record, 4 + len);
        free(record);
    }
}

static bool readable(const struct replay *replay, int timeout_ms)
{
    struct pollfd wait = {.fd = replay->current->fd, .events = POLLIN};
    return poll(&wait, 1, timeout_ms) == 1;
}

static void receive_all(struct replay *replay, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        if (!readable(replay, REPLY_TIMEOUT_MS))
            replay_fail(replay, "no reply within %d s", REPLY_TIMEOUT_MS / 1000);
        ssize_t got = recv(replay->current->fd, bytes, len, 0);
        if (got <= 0)
            replay_fail(replay, "no reply: %s", got == 0 ? "connection closed" : strerror(errno));
        bytes += got;
        len -= (size_t)got;
    }
}

void replay_receive(struct replay *replay, bool wanted)
{
    replay->reply.len = 0;
    if (!readable(replay, wanted ? REPLY_TIMEOUT_MS : SILENCE_MS)) {
        if (wanted)
            replay_fail(replay, "no reply within %d s", REPLY_TIMEOUT_MS / 1000);
        return;
    }
    if (replay->current->is_datagram) {
        ssize_t got = recv(replay->current->fd, replay->reply.bytes, REPLAY_MESSAGE_MAX, 0);
        if (got < 0)
            replay_fail(replay, "no reply: %s", strerror(errno));
        replay->reply.len = (size_t)got;
    } else {
        uint8_t mark[4];
        receive_all(replay, mark, sizeof(mark));
        uint32_t word = replay_get_word(mark);
        if (!(word & 0x80000000U))
            replay_fail(replay, "the reply has more than one fragment");
        word &= 0x7fffffffU;
        if (word > REPLAY_MESSAGE_MAX)
            replay_fail(replay, "a reply of %u bytes", word);
        receive_all(replay, replay->reply.bytes, word);
        replay->reply.len = word;
    }
    if (!wanted)
        replay_fail(replay, "a reply where there must be none");
}

void replay_expect_closed(struct replay *replay)
{
    uint8_t byte;
    if (!readable(replay, REPLY_TIMEOUT_MS))
        replay_fail(replay, "the connection stays open");
    ssize_t got = recv(replay->current->fd, &byte, 1, 0);
    if (got > 0)
        replay_fail(replay, "bytes where the connection should have been closed");
}
