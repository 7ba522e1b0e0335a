/*
 * base_socket_owner.c - tests of whose socket is at the other end.
 *
 * Sockets are made by a process with another file system uid, as one of another user is.
 */
#include "base/socket_owner.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#define OTHER 4321

static void local_of(int fd, struct address *address)
{
    socklen_t len = sizeof(*address);

    memset(address, 0, sizeof(*address));
    assert_int_equal(getsockname(fd, &address->any, &len), 0);
    address_normalize(address);
}

static int socket_as(uid_t uid, int family, int type)
{
    setfsuid(uid);
    int fd = socket(family, type, 0);
    setfsuid(0);
    assert_true(fd >= 0);
    return fd;
}

static int bound(int family, int type, const char *text, struct address *address)
{
    int fd = socket(family, type, 0);

    assert_true(fd >= 0);
    assert_int_equal(address_parse(text, 0, address), 0);
    assert_int_equal(bind(fd, &address->any, address_len(address)), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 8), 0);
    local_of(fd, address);
    return fd;
}

static void need_root(void)
{
    if (geteuid() != 0)
        test_skip("only root can make sockets of others");
}

TEST(the_owner_of_a_connection_is_who_made_its_socket)
{
    static const struct {
        int family;
        const char *server;
    } cases[] = {{AF_INET, "127.0.0.1"}, {AF_INET6, "::1"}, {AF_INET, "127.3.2.1"}};
    static const uid_t uids[] = {0, OTHER, 65534};
    struct address server, client;
    uid_t uid = 1;

    need_root();
    assert_true(socket_owner_works());
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t u = 0; u < 3; u++) {
            int listener = bound(cases[i].family, SOCK_STREAM, cases[i].server, &server);
            int fd = socket_as(uids[u], cases[i].family, SOCK_STREAM);
            assert_int_equal(connect(fd, &server.any, address_len(&server)), 0);
            local_of(fd, &client);
            assert_int_equal(socket_owner(&client, &server, false, &uid), 0);
            assert_int_equal(uid, uids[u]);
            close(fd);
            close(listener);
        }
}

TEST(a_socket_that_is_bound_to_loopback_has_an_owner_too)
{
    static const char *const servers[] = {"127.0.0.1", "::1"};
    struct address server, client;
    uid_t uid = 1;

    need_root();
    for (int i = 0; i < 2; i++) {
        int listener = bound(i == 0 ? AF_INET : AF_INET6, SOCK_STREAM, servers[i], &server);
        int fd = socket_as(OTHER, i == 0 ? AF_INET : AF_INET6, SOCK_STREAM);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
        assert_int_equal(connect(fd, &server.any, address_len(&server)), 0);
        local_of(fd, &client);
        assert_int_equal(socket_owner(&client, &server, false, &uid), 0);
        assert_int_equal(uid, OTHER);
        close(fd);
        close(listener);
    }
}

/* Its addresses are written as IPv6 ones; the server sees IPv4. */
TEST(a_mapped_socket_has_an_owner_too)
{
    struct address server, mapped, client;
    uid_t uid = 1;

    need_root();
    int listener = bound(AF_INET, SOCK_STREAM, "127.0.0.1", &server);
    int fd = socket_as(OTHER, AF_INET6, SOCK_STREAM);
    assert_int_equal(address_parse("::ffff:127.0.0.1", address_port(&server), &mapped), 0);
    assert_int_equal(connect(fd, &mapped.any, address_len(&mapped)), 0);
    local_of(fd, &client);
    assert_int_equal(client.any.sa_family, AF_INET);
    assert_int_equal(socket_owner(&client, &server, false, &uid), 0);
    assert_int_equal(uid, OTHER);
    close(fd);
    close(listener);
}

TEST(the_owner_of_a_datagrams_source_is_who_made_its_socket)
{
    static const char *const servers[] = {"127.0.0.1", "::1"};
    struct address server, client;
    uid_t uid = 1;

    need_root();
    for (size_t i = 0; i < 2; i++) {
        int family = i == 0 ? AF_INET : AF_INET6;
        int receiver = bound(family, SOCK_DGRAM, servers[i], &server);
        for (int connected = 0; connected < 2; connected++) {
            int fd = socket_as(OTHER, family, SOCK_DGRAM);
            assert_int_equal(address_parse(servers[i], 0, &client), 0);
            assert_int_equal(bind(fd, &client.any, address_len(&client)), 0);
            if (connected)
                assert_int_equal(connect(fd, &server.any, address_len(&server)), 0);
            local_of(fd, &client);
            assert_int_equal(socket_owner(&client, &server, true, &uid), 0);
            assert_int_equal(uid, OTHER);
            close(fd);
            assert_int_equal(socket_owner(&client, &server, true, &uid), ENOENT);
        }
        close(receiver);
    }
}

/* Both may send from there. */
TEST(datagram_sockets_of_two_users_at_one_port_have_no_owner)
{
    static const char *const others[] = {"127.0.0.1", "0.0.0.0", "::"};
    struct address server, client, other;
    int on = 1;
    uid_t uid = 1;

    need_root();
    int receiver = bound(AF_INET, SOCK_DGRAM, "127.0.0.1", &server);
    for (size_t i = 0; i < 3; i++) {
        int roots = socket_as(0, AF_INET, SOCK_DGRAM);
        setsockopt(roots, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        assert_int_equal(address_parse("127.0.0.1", 0, &client), 0);
        assert_int_equal(bind(roots, &client.any, address_len(&client)), 0);
        local_of(roots, &client);
        assert_int_equal(socket_owner(&client, &server, true, &uid), 0);
        assert_int_equal(uid, 0);
        assert_int_equal(address_parse(others[i], address_port(&client), &other), 0);
        int fd = socket_as(OTHER, other.any.sa_family, SOCK_DGRAM);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        assert_int_equal(bind(fd, &other.any, address_len(&other)), 0);
        assert_int_equal(socket_owner(&client, &server, true, &uid), ENOENT);
        close(fd);
        /* At another address it is nobody's business. */
        assert_int_equal(address_parse("127.0.0.2", address_port(&client), &other), 0);
        fd = socket_as(OTHER, AF_INET, SOCK_DGRAM);
        assert_int_equal(bind(fd, &other.any, address_len(&other)), 0);
        assert_int_equal(socket_owner(&client, &server, true, &uid), 0);
        assert_int_equal(uid, 0);
        close(fd);
        close(roots);
    }
    close(receiver);
}

/* Some kernels say of such a socket that it is root's. */
TEST(a_socket_whose_process_has_closed_it_has_no_owner)
{
    struct address server, client;
    uid_t uid = 1;

    need_root();
    int listener = bound(AF_INET, SOCK_STREAM, "127.0.0.1", &server);
    int fd = socket_as(OTHER, AF_INET, SOCK_STREAM);
    assert_int_equal(connect(fd, &server.any, address_len(&server)), 0);
    local_of(fd, &client);
    int accepted = accept(listener, NULL, NULL);
    assert_int_equal(send(fd, "call", 4, 0), 4);
    close(fd);
    assert_int_equal(socket_owner(&client, &server, false, &uid), ENOENT);
    close(accepted);
    assert_int_equal(socket_owner(&client, &server, false, &uid), ENOENT);
    close(listener);
}

TEST(a_listener_at_the_port_is_not_the_other_end)
{
    struct address server, other;
    uid_t uid = 1;

    need_root();
    int listener = bound(AF_INET, SOCK_STREAM, "127.0.0.1", &server);
    int another = bound(AF_INET, SOCK_STREAM, "127.0.0.1", &other);
    assert_int_equal(socket_owner(&other, &server, false, &uid), ENOENT);
    assert_int_equal(address_parse("192.0.2.1:700", 0, &other), 0);
    assert_int_equal(socket_owner(&other, &server, false, &uid), ENOENT);
    close(another);
    close(listener);
}
