/*
 * listen.c - listening sockets: bound by server/ before the threads start, accepted on loop 0.
 *
 * A new connection goes to the loop that has the fewest. A loop with more than its share of the
 * descriptors that the process may have ends the connection that was idle for longest. NFS clients
 * connect again by themselves, so idle connections never keep new ones out.
 */
#include "base/fds.h"
#include "base/log.h"
#include "net/loop.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG    1024
#define ACCEPT_MAX 64 /* at one event */
/* When a client is taken for dead. After KEEP_IDLE_S seconds of silence the kernel probes it,
 * KEEP_COUNT times, KEEP_INTERVAL_S seconds apart: three minutes in all. */
#define KEEP_IDLE_S     60
#define KEEP_INTERVAL_S 15
#define KEEP_COUNT      8
/* How many connections beyond all shares may be on their way to loops, which then end others. */
#define EXCESS_MAX 8

struct listener {
    struct source source;
};

static struct loop *least_loaded(void)
{
    struct loop *best = &net.loops[0];

    for (unsigned i = 1; i < net.nloops; i++)
        if (net.loops[i].assigned < best->assigned)
            best = &net.loops[i];
    return best;
}

/* Within one host nothing is paced: congestion control such as BBR measures the network's path;
 * here there is none, and pacing only sets timers. A socket that began with BBR goes on pacing
 * whatever it is told later (Linux never takes back sk_pacing_status). So where BBR is the system's
 * choice the listening sockets have reno, with which connections begin, and connections from other
 * hosts get the system's choice when they are accepted. */
static const char plain[] = "reno"; /* every kernel has it, and every process may ask for it */
static char systems_choice[16];     /* where that is BBR; written before the first connection */

static void listener_unpace(int fd)
{
    char name[sizeof(systems_choice)] = "";
    socklen_t len = sizeof(name) - 1;

    if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0 &&
        strncmp(name, "bbr", 3) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, plain, sizeof(plain) - 1) == 0)
        memcpy(systems_choice, name, sizeof(name));
}

static void unpace(int fd, const struct address *peer, const struct address *local)
{
    const bool is_near = address_is_loopback(peer) || address_same_host(peer, local);
    const char *choice = is_near ? plain : systems_choice;

    char now[sizeof(systems_choice)] = "";
    socklen_t len = sizeof(now) - 1;

    /* A far connection that does not have the listening socket's has what its route says. */
    if (!is_near &&
        (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, now, &len) != 0 || strcmp(now, plain) != 0))
        return;
    if (choice[0] != '\0')
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, choice, (socklen_t)strlen(choice));
}

static void connection_start(int fd, struct address *peer)
{
    struct address local = {0};
    socklen_t len = sizeof(local);
    int on = 1;

    getsockname(fd, &local.any, &len);
    if (peer->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer->in6.sin6_addr)) {
        close(fd); /* IPv4 has sockets of its own: no real client has this address */
        return;
    }
    address_normalize(&local);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    unpace(fd, peer, &local);
    struct source *conn = conn_create(fd, peer, &local);
    if (conn == NULL) {
        close(fd);
        return;
    }
    struct loop *loop = least_loaded();
    loop->assigned++;
    loop_post_source(loop, conn);
}

/* Called when no descriptor is left. Ends an idle connection of this loop; false: there is none. */
static bool make_room(struct loop *loop)
{
    static struct log_limit limit;

    if (log_limit_allows(&limit))
        log_warning("out of file descriptors: ending idle connections (raise LimitNOFILE)");
    fds_are_short();
    return conn_evict(loop);
}

static bool listener_event(struct source *source, uint32_t events)
{
    (void)events;
    if (net.stopping) {
        epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
        return true;
    }
    for (int i = 0; i < ACCEPT_MAX; i++) {
        struct address peer = {0};
        /* Level-triggered: the event comes again at once. */
        if (net.connections >= net.connections_max + EXCESS_MAX && !conn_evict(source->loop)) {
            usleep(1000);
            break;
        }
        socklen_t len = sizeof(peer);
        int fd = accept4(source->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            connection_start(fd, &peer);
        } else if (errno == EMFILE || errno == ENFILE) {
            if (make_room(source->loop))
                continue;
            usleep(1000); /* level-triggered: it comes again at once */
            break;
        } else if (errno == EAGAIN) {
            break;
        }
    }
    return true;
}

static bool listener_drain(struct source *source)
{
    (void)source;
    return true;
}

static void listener_destroy(struct source *source)
{
    free(list_entry(source, struct listener, source));
}

static const struct source_ops listener_ops = {
    .event = listener_event, .drain = listener_drain, .destroy = listener_destroy};

/* Logs that an address does not exist yet, once for each address, although several sockets are
 * bound to it. Called by the thread that starts the server. */
static void tell_early(const struct address *address)
{
    static struct address told[16];
    static size_t count;
    char text[ADDRESS_TEXT_MAX];

    for (size_t i = 0; i < count; i++)
        if (address_same_host(&told[i], address))
            return;
    if (count < sizeof(told) / sizeof(told[0]))
        told[count++] = *address;
    log_warning("%s is not an address of this host yet: it is listened on when it comes",
                address_format(address, false, text));
}

/* Binds the socket. Where net_config.freebind is set, an address that this host does not have yet
 * is bound as well. */
static int bind_perhaps_early(int fd, const struct address *address)
{
    bool ipv6 = address->any.sa_family == AF_INET6;
    int on = 1;

    if (bind(fd, &address->any, address_len(address)) == 0)
        return 0;
    if (errno != EADDRNOTAVAIL || !net.config.freebind)
        return errno;
    if (setsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_FREEBIND : IP_FREEBIND, &on,
                   sizeof(on)) != 0 ||
        bind(fd, &address->any, address_len(address)) != 0)
        return errno;
    tell_early(address);
    return 0;
}

/* Set on a listening socket, and inherited by its connections: a client that is gone without a
 * word, or that takes no replies at all, loses its connection after some minutes. */
static void end_dead_peers(int fd)
{
    const int on = 1, idle = KEEP_IDLE_S, interval = KEEP_INTERVAL_S, count = KEEP_COUNT;
    const unsigned unacknowledged = (KEEP_IDLE_S + KEEP_INTERVAL_S * KEEP_COUNT) * 1000u;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof(unacknowledged));
}

static int socket_bind(const struct address *address, int type, int *out)
{
    int on = 1;
    int fd = socket(address->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno;
    if (type == SOCK_STREAM) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        end_dead_peers(fd);
        listener_unpace(fd);
    }
    /* Each address has sockets of its own, so that 0.0.0.0 and :: can be listened to together. */
    if (address->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    int err = bind_perhaps_early(fd, address);
    if (err == 0 && type == SOCK_STREAM && listen(fd, BACKLOG) != 0)
        err = errno;
    if (err != 0) {
        close(fd);
        return err;
    }
    *out = fd;
    return 0;
}

/* Binds TCP and UDP sockets to one port. Port 0 chooses a port that is free for both. */
static int sockets_bind(struct address *address, int *tcp, int *udp)
{
    bool any_port = address_port(address) == 0;
    int err = EADDRINUSE;

    for (int tries = any_port ? 16 : 1; tries > 0 && err == EADDRINUSE; tries--) {
        if (any_port)
            address_set_port(address, 0);
        err = socket_bind(address, SOCK_STREAM, tcp);
        if (err != 0)
            break;
        socklen_t len = sizeof(*address);
        getsockname(*tcp, &address->any, &len);
        err = socket_bind(address, SOCK_DGRAM, udp);
        if (err != 0)
            close(*tcp);
    }
    return err;
}

int net_listen(struct address *address)
{
    struct source *datagram;
    int tcp = -1, udp = -1;

    int err = sockets_bind(address, &tcp, &udp);
    if (err != 0)
        return err;
    struct listener *listener = calloc(1, sizeof(*listener));
    err = listener == NULL ? ENOMEM : datagram_create(udp, address, &datagram);
    if (err != 0) {
        free(listener);
        close(tcp);
        close(udp);
        return err;
    }
    listener->source.ops = &listener_ops;
    listener->source.fd = tcp;
    list_append(&net.listeners, &listener->source.link);
    list_append(&net.listeners, &datagram->link);
    return 0;
}
