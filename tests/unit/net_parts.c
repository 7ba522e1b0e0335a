/*
 * net_parts.c - tests of large batches, whose replies are sent in parts (net/conn_send.c).
 *
 * The handler works for as long as the message says, in microseconds, and answers with the same
 * word. Client and server are two threads of one process, so the client sees how many messages
 * were handled when the first reply came.
 */
#include "net/net.h"
#include "tests/lib/test.h"
#include <arpa/inet.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH    48u
#define ATTEMPTS 20

static _Atomic unsigned handled;

static int64_t now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static size_t handler(struct net_message *message)
{
    uint32_t usec;

    if (message->len != sizeof(usec))
        return 0;
    memcpy(&usec, message->data, sizeof(usec));
    for (int64_t end = now_usec() + usec; usec > 0 && now_usec() < end;)
        ;
    memcpy(message->reply, &usec, sizeof(usec));
    handled++;
    return sizeof(usec);
}

static int start(void)
{
    struct net_config config = {.loops = 1, .spin_usec = -1, .handler = handler};
    struct timeval patience = {.tv_sec = 10};
    struct address address;

    alarm(28);
    assert_int_equal(address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(net_init(&config), 0);
    assert_int_equal(net_listen(&address), 0);
    assert_int_equal(net_start(), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, &address.any, address_len(&address)), 0);
    return fd;
}

/* A batch of messages that take so long each, in one send. */
static void ask(int fd, uint32_t usec)
{
    uint32_t words[2 * BATCH];

    for (unsigned i = 0; i < BATCH; i++) {
        words[2 * i] = htonl(0x80000000u | sizeof(usec));
        words[2 * i + 1] = usec;
    }
    assert_int_equal(send(fd, words, sizeof(words), MSG_NOSIGNAL), sizeof(words));
}

static void answers(int fd, uint32_t usec, unsigned count)
{
    uint32_t words[2];

    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(recv(fd, words, sizeof(words), MSG_WAITALL), sizeof(words));
        assert_int_equal(ntohl(words[0]), 0x80000000u | sizeof(usec));
        assert_int_equal(words[1], usec);
    }
}

/* How many messages of a batch were handled when its first reply was here. */
static unsigned handled_at_first(int fd, uint32_t usec)
{
    handled = 0;
    ask(fd, usec);
    answers(fd, usec, 1);
    unsigned at_first = handled;
    answers(fd, usec, BATCH - 1);
    return at_first;
}

/* 48 messages take 5 ms: that is how long a busy machine may keep the client from looking. */
TEST(the_first_replies_of_a_large_batch_come_before_the_last_message_is_handled)
{
    int fd = start();
    unsigned attempts = 0;

    while (handled_at_first(fd, 100) == BATCH)
        assert_true(++attempts < ATTEMPTS);
    close(fd);
    assert_true(net_finish(2000));
}

/* Parts are no end: what the peer asked for before it said that it won't ask more is answered. */
TEST(a_peer_that_ended_its_side_gets_all_parts)
{
    int fd = start();
    char more;

    ask(fd, 100);
    ask(fd, 100);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    answers(fd, 100, 2 * BATCH);
    assert_int_equal(recv(fd, &more, 1, 0), 0);
    close(fd);
    assert_true(net_finish(2000));
}
