/*
 * net_connections.c - tests of whether a connection still leads to its client.
 */
#include "net/connections.h"
#include "net/loop.h"
#include "tests/lib/network.h"
#include "tests/lib/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The two ends of a connection with the neighbour; the source is ours. */
static int connect_neighbour(struct source *source)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t len = sizeof(own);

    assert_int_equal(inet_pton(AF_INET, "10.77.0.1", &own.sin_addr), 1);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&own, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&own, &len), 0);
    network_neighbour_begin();
    int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(connect(peer, (struct sockaddr *)&own, len), errno);
    network_neighbour_end();
    *source = (struct source){.fd = accept(listener, NULL, NULL)};
    assert_true(source->fd >= 0);
    close(listener);
    connections_add(source);
    return peer;
}

/* Within some seconds, which a kernel needs to notice. */
static bool ends(const struct source *source)
{
    for (int ms = 0; ms < 20000; ms += 20) {
        if (!net_connection_is_open(source->number))
            return true;
        poll(NULL, 0, 20);
    }
    return false;
}

TEST(a_connection_is_open_until_either_end_is_closed)
{
    struct source one, other;

    network_private();
    network_neighbour_make();
    int peer = connect_neighbour(&one);
    int peer_other = connect_neighbour(&other);
    assert_int_not_equal(one.number, other.number);
    assert_true(net_connection_is_open(one.number));
    assert_int_equal(send(peer, "unread", 6, 0), 6);
    close(peer);
    assert_true(ends(&one)); /* though nobody has read what came before the end */
    assert_true(net_connection_is_open(other.number));
    connections_remove(&other);
    assert_false(net_connection_is_open(other.number));
    assert_false(net_connection_is_open(0));
    assert_false(net_connection_is_open(other.number + 1000));
    close(peer_other);
}

TEST(a_connection_that_half_is_closed_has_ended)
{
    struct source source;

    network_private();
    network_neighbour_make();
    int peer = connect_neighbour(&source);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    assert_true(ends(&source));
    close(peer);
}

/* Its host has lost its network, or its power: nothing tells us, but that it takes nothing. */
TEST(a_connection_whose_peer_takes_nothing_any_more_has_ended)
{
    struct source source;

    network_private();
    network_neighbour_make();
    int peer = connect_neighbour(&source);
    network_neighbour_begin();
    network_ip("link set there down");
    network_neighbour_end();
    assert_true(net_connection_is_open(source.number));
    assert_int_equal(send(source.fd, "a reply", 7, 0), 7);
    assert_true(ends(&source));
    close(peer);
}
