/*
 * net_pacing.c - tests of who paces what is sent (net/listen.c), in a network of their own whose
 * choice is BBR.
 */
#include "net/net.h"
#include "tests/lib/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t echo(struct net_message *message)
{
    memcpy(message->reply, message->data, message->len);
    return message->len;
}

/* Not on a loopback address only, as peer_server() does. */
static struct address server_at(const char *text)
{
    const struct net_config config = {.loops = 1, .spin_usec = -1, .handler = echo};
    struct address address;

    alarm(30);
    assert_int_equal(address_parse(text, 0, &address), 0);
    assert_int_equal(net_init(&config), 0);
    assert_int_equal(net_listen(&address), 0);
    assert_int_equal(net_start(), 0);
    return address;
}

static void network_begin(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    struct ifreq alias = {.ifr_name = "lo:1"};
    struct sockaddr_in *own = (struct sockaddr_in *)&alias.ifr_addr;

    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        test_skip("no network namespace here: %s", strerror(errno));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(ioctl(fd, SIOCSIFFLAGS, &lo), errno);
    own->sin_family = AF_INET;
    own->sin_addr.s_addr = inet_addr("10.1.1.1");
    assert_return_code(ioctl(fd, SIOCSIFADDR, &alias), errno);
    close(fd);
    FILE *file = fopen("/proc/sys/net/ipv4/tcp_congestion_control", "we");
    assert_non_null(file);
    fputs("bbr", file);
    if (fclose(file) != 0)
        test_skip("this kernel has no BBR");
}

static void congestion_of(int fd, char name[16])
{
    socklen_t len = 16;

    memset(name, 0, 16);
    assert_return_code(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len), errno);
}

/* The choice of the server's socket that is connected to `peer`; of the one that listens: NULL. */
static void server_has(const struct sockaddr_in *peer, char name[16])
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in other = {0};
        socklen_t len = sizeof(other);
        int listens = 0, domain = 0;
        socklen_t word = sizeof(listens);
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &word) != 0 ||
            getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &word) != 0 || domain != AF_INET)
            continue;
        const bool connected = getpeername(fd, (struct sockaddr *)&other, &len) == 0;
        if (peer == NULL ? listens != 0
                         : connected && other.sin_port == peer->sin_port &&
                               other.sin_addr.s_addr == peer->sin_addr.s_addr) {
            congestion_of(fd, name);
            return;
        }
    }
    fail_msg("the server has no such socket");
}

/* Connects from an address to another one, and has an answer; the server's choice for it. */
static void ask(const char *from, const char *to, in_port_t port, char name[16])
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from)};
    struct sockaddr_in server = {
        .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(to), .sin_port = port};
    const uint32_t words[] = {htonl(0x80000004), 7};
    uint32_t answer[2];
    socklen_t len = sizeof(own);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_return_code(bind(fd, (struct sockaddr *)&own, len), errno);
    assert_return_code(connect(fd, (struct sockaddr *)&server, sizeof(server)), errno);
    assert_int_equal(send(fd, words, sizeof(words), MSG_NOSIGNAL), sizeof(words));
    assert_int_equal(recv(fd, answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
    assert_return_code(getsockname(fd, (struct sockaddr *)&own, &len), errno);
    server_has(&own, name);
    close(fd);
}

TEST(within_one_host_no_connection_has_ever_been_paced)
{
    char name[16];

    network_begin();
    struct address address = server_at("127.0.0.1");
    server_has(NULL, name);
    assert_string_equal(name, "reno");
    ask("127.0.0.1", "127.0.0.1", htons(address_port(&address)), name);
    assert_string_equal(name, "reno");
    assert_true(net_finish(2000));
}

TEST(connections_from_other_hosts_have_the_systems_congestion_control)
{
    char name[16];

    network_begin();
    struct address address = server_at("10.1.1.1");
    ask("10.1.1.2", "10.1.1.1", htons(address_port(&address)), name);
    assert_string_equal(name, "bbr");
    assert_true(net_finish(2000));
}
