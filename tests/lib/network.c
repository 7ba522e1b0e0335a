/*
 * network.c - see network.h.
 */
#include "tests/lib/network.h"
#include "tests/lib/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int own_network = -1, neighbour_network = -1;

void network_ip(const char *format, ...)
{
    char arguments[200], command[256];
    va_list ap;

    va_start(ap, format);
    vsnprintf(arguments, sizeof(arguments), format, ap);
    va_end(ap);
    snprintf(command, sizeof(command), "ip %s", arguments);
    if (system(command) != 0) // NOLINT: a test's own words
        fail_msg("failed: %s", command);
}

void network_private(void)
{
    if (geteuid() != 0)
        test_skip("a network namespace needs root");
    if (unshare(CLONE_NEWNET) != 0)
        test_skip("no network namespaces here: %s", strerror(errno));
    network_ip("link set lo up");
}

void network_free_ports(void)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "we");

    assert_non_null(file);
    fputs("0\n", file);
    assert_int_equal(fclose(file), 0);
}

void network_neighbour_make(void)
{
    own_network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(own_network >= 0);
    assert_return_code(unshare(CLONE_NEWNET), errno);
    neighbour_network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(neighbour_network >= 0);
    network_ip("link set lo up");
    network_ip("link add there type veth peer name here netns /proc/%d/fd/%d", getpid(),
               own_network);
    network_ip("addr add 10.77.0.2/24 dev there");
    network_ip("addr add fd77::2/64 dev there nodad");
    network_ip("link set there up");
    network_neighbour_end();
    network_ip("addr add 10.77.0.1/24 dev here");
    network_ip("addr add fd77::1/64 dev here nodad");
    network_ip("link set here up");
}

void network_neighbour_begin(void)
{
    assert_return_code(setns(neighbour_network, CLONE_NEWNET), errno);
}

void network_neighbour_end(void)
{
    assert_return_code(setns(own_network, CLONE_NEWNET), errno);
}

static socklen_t address_of(const char *text, uint16_t port, struct sockaddr_storage *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;

    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        return sizeof(*in);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    return sizeof(*in6);
}

/* A socket that is connected from a port of its own: 0, or an errno. */
static int try_to_connect(struct client *client, const char *from,
                          const struct sockaddr_storage *server, socklen_t len, int flags)
{
    static unsigned tries;
    struct sockaddr_storage mine;
    bool udp = flags & CLIENT_UDP, low = !(flags & CLIENT_UNPRIVILEGED);
    int on = 1;

    client->fd = socket(server->ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    assert_true(client->fd >= 0);
    if (!udp)
        setsockopt(client->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    address_of(from, low ? (uint16_t)(600 + tries++ % 400) : 0, &mine);
    if (bind(client->fd, (struct sockaddr *)&mine, len) == 0 &&
        connect(client->fd, (const struct sockaddr *)server, len) == 0)
        return 0;
    int err = errno;
    close(client->fd);
    client->fd = -1;
    return err;
}

void client_connect_between(struct client *client, const char *from, const char *to, uint16_t port,
                            int flags)
{
    struct sockaddr_storage server;
    int err = EADDRINUSE;

    socklen_t len = address_of(to, port, &server);
    client_connect_nowhere(client, flags);
    /* EADDRNOTAVAIL: another connection to the server has the port, or had it just now. */
    for (int i = 0; i < 300 && (err == EADDRINUSE || err == EADDRNOTAVAIL); i++)
        err = try_to_connect(client, from, &server, len, flags);
    if (err != 0)
        fail_msg("can't connect from %s to %s port %u: %s", from, to, port, strerror(err));
}
