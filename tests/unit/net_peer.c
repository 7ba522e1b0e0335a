/*
 * net_peer.c - see net_peer.h.
 */
#include "tests/unit/net_peer.h"
#include "tests/lib/test.h"
#include <dirent.h>
#include <sys/time.h>
#include <unistd.h>

struct address peer_server(net_handler handler, unsigned seconds)
{
    struct net_config config = {.loops = 1, .spin_usec = -1, .handler = handler};
    struct address address;

    alarm(seconds);
    assert_int_equal(address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(net_init(&config), 0);
    assert_int_equal(net_listen(&address), 0);
    assert_int_equal(net_start(), 0);
    return address;
}

int peer_dial(const struct address *to, int room)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 20};

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (room > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    assert_int_equal(connect(fd, &to->any, address_len(to)), 0);
    return fd;
}

void peer_hang_up(int fd)
{
    struct linger reset = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
}

unsigned peer_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}
