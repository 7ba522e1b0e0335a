/*
 * net_peers.c - tests of what net/ does about peers that are gone without a word.
 */
#include "net/net.h"
#include "tests/lib/test.h"
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t echo(struct net_message *message)
{
    memcpy(message->reply, message->data, message->len);
    return message->len;
}

/* The server's end of a connection of ours. */
static int other_end(int fd)
{
    struct sockaddr_in own = {0}, peer = {0};
    socklen_t len = sizeof(own);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    for (int other = 0; other < 1024; other++) {
        len = sizeof(peer);
        if (getpeername(other, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
            peer.sin_port == own.sin_port)
            return other;
    }
    fail_msg("the connection has no other end");
}

static int option_of(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

TEST(a_connection_whose_peer_is_gone_ends_within_minutes)
{
    const struct net_config config = {.loops = 1, .spin_usec = 0, .handler = echo};
    const uint32_t call[2] = {htonl(4 | 0x80000000u), 7};
    uint32_t reply[2];
    struct address address;

    alarm(25);
    assert_int_equal(address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(net_init(&config), 0);
    assert_int_equal(net_listen(&address), 0);
    assert_int_equal(net_start(), 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, &address.any, address_len(&address)), 0);
    assert_int_equal(send(fd, call, sizeof(call), MSG_NOSIGNAL), sizeof(call));
    assert_int_equal(recv(fd, reply, sizeof(reply), MSG_WAITALL), sizeof(reply));
    int other = other_end(fd);
    assert_int_equal(option_of(other, SOL_SOCKET, SO_KEEPALIVE), 1);
    int idle = option_of(other, IPPROTO_TCP, TCP_KEEPIDLE);
    int each = option_of(other, IPPROTO_TCP, TCP_KEEPINTVL);
    int count = option_of(other, IPPROTO_TCP, TCP_KEEPCNT);
    assert_true(idle + each * count <= 300);
    int unacknowledged = option_of(other, IPPROTO_TCP, TCP_USER_TIMEOUT);
    assert_true(unacknowledged > 0 && unacknowledged <= 300 * 1000);
    close(fd);
    net_finish(1000);
}
