/*
 * net_loops.c - tests of net/ with a handler of their own: sleeping messages, slow peers, many
 * messages, the end.
 *
 * The handler obeys the message: three words, what to do, an argument, a tag that comes back.
 */
#include "base/sleep.h"
#include "net/net.h"
#include "tests/lib/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { ECHO, SLEEP_SAID, SLEEP_UNSAID, LONG, SILENT, WAIT_SAID, WAIT_UNSAID, WORK };

/* What the two that wait wait for: the end of the writing side, for all at once. */
static int gate[2] = {-1, -1};
static _Atomic unsigned waiting; /* so many of them */
/* What WORK works for. */
static _Atomic bool work_is_done;

static void sleep_ms(unsigned ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
}

static size_t handler(struct net_message *message)
{
    uint32_t words[3];

    if (message->len < sizeof(words))
        return 0;
    memcpy(words, message->data, sizeof(words));
    if (words[0] == SILENT)
        return 0;
    if (words[0] == SLEEP_SAID || words[0] == WAIT_SAID)
        sleep_announce();
    if (words[0] == WAIT_SAID || words[0] == WAIT_UNSAID) {
        char byte;
        waiting++;
        assert_int_equal(read(gate[0], &byte, 1), 0);
    }
    if (words[0] == SLEEP_SAID || words[0] == SLEEP_UNSAID)
        sleep_ms(words[1]);
    while (words[0] == WORK && !work_is_done)
        continue;
    size_t len = words[0] == LONG ? words[1] : message->len;
    assert_true(len <= message->reply_room);
    if (words[0] == LONG)
        memset(message->reply, (int)words[2], len);
    else
        memcpy(message->reply, message->data,
               len); /* after the sleep: the message is still there */
    memcpy(message->reply, &words[2], 4);
    return len;
}

static struct address start(unsigned loops)
{
    struct net_config config = {.loops = loops, .spin_usec = -1, .handler = handler};
    struct address address;

    alarm(110);
    assert_int_equal(address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(net_init(&config), 0);
    assert_int_equal(net_listen(&address), 0);
    assert_int_equal(net_start(), 0);
    return address;
}

static int dial(const struct address *to, int type)
{
    int fd = socket(AF_INET, type, 0);
    struct timeval patience = {.tv_sec = 100};

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, &to->any, address_len(to)), 0);
    return fd;
}

static void ask(int fd, uint32_t what, uint32_t arg, uint32_t tag)
{
    uint32_t words[4] = {htonl(12 | 0x80000000u), what, arg, tag};

    assert_int_equal(send(fd, words, sizeof(words), MSG_NOSIGNAL), sizeof(words));
}

/* The tag of the next reply; its length to *len. */
static uint32_t answer(int fd, size_t *len)
{
    uint32_t mark, tag;
    char rest[4096];

    assert_int_equal(recv(fd, &mark, 4, MSG_WAITALL), 4);
    mark = ntohl(mark);
    assert_true(mark & 0x80000000u);
    *len = mark & 0x7fffffffu;
    assert_int_equal(recv(fd, &tag, 4, MSG_WAITALL), 4);
    for (size_t left = *len - 4; left > 0;) {
        size_t n = left < sizeof(rest) ? left : sizeof(rest);
        assert_int_equal(recv(fd, rest, n, MSG_WAITALL), n);
        left -= n;
    }
    return tag;
}

/* A slow message first, quick ones behind it on the same and on another connection, one loop. */
static void overtake(uint32_t how)
{
    struct address address = start(1);
    struct net_stats stats;
    size_t len;
    int slow = dial(&address, SOCK_STREAM), other = dial(&address, SOCK_STREAM);

    assert_int_equal(pipe(gate), 0);
    ask(slow, how, 0, 1);
    for (uint32_t i = 0; i < 100; i++)
        ask(slow, ECHO, 0, 100 + i);
    for (uint32_t i = 0; i < 100; i++)
        ask(other, ECHO, 0, 300 + i);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(answer(other, &len), 300 + i);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(answer(slow, &len), 100 + i);
    /* The slow one was asked first, and is answered last. */
    close(gate[1]);
    assert_int_equal(answer(slow, &len), 1);
    net_stats_get(&stats);
    if (how == WAIT_SAID)
        assert_int_equal(stats.handovers, 1);
    else
        assert_in_range(stats.takeovers, 1,
                        201); /* on a busy machine quick ones lose theirs, too */
    close(gate[0]);
    close(slow);
    close(other);
    net_finish(1000);
}

TEST(a_message_that_says_it_will_sleep_stops_nobody)
{
    overtake(WAIT_SAID);
}

TEST(a_message_that_sleeps_without_a_word_stops_nobody_for_long)
{
    overtake(WAIT_UNSAID);
}

TEST(messages_that_work_for_long_stop_nobody_for_all_of_it)
{
    enum { TIMES = 20 };
    struct address address = start(1);
    int slow = dial(&address, SOCK_STREAM), other = dial(&address, SOCK_STREAM);
    size_t len;

    for (unsigned i = 0; i < TIMES; i++) {
        work_is_done = false;
        sleep_ms(20 + i % 17);
        ask(slow, WORK, 0, 1);
        sleep_ms(1);
        ask(other, ECHO, 0, 2);
        assert_int_equal(answer(other, &len), 2);
        work_is_done = true;
        assert_int_equal(answer(slow, &len), 1);
    }
    close(slow);
    close(other);
    net_finish(1000);
}

TEST(many_sleeping_messages_of_one_connection_sleep_side_by_side)
{
    struct address address = start(1);
    bool seen[64] = {false};
    size_t len;
    int fd = dial(&address, SOCK_STREAM);

    assert_int_equal(pipe(gate), 0);
    for (uint32_t i = 0; i < 64; i++)
        ask(fd, i % 2 ? WAIT_SAID : WAIT_UNSAID, 0, i);
    while (waiting < 64) /* or the alarm ends it */
        sleep_ms(1);
    close(gate[1]);
    for (int i = 0; i < 64; i++) {
        uint32_t tag = answer(fd, &len);
        assert_true(tag < 64 && !seen[tag]);
        seen[tag] = true;
    }
    close(gate[0]);
    close(fd);
    net_finish(1000);
}

TEST(a_connection_that_closes_before_its_late_reply_harms_nobody)
{
    struct address address = start(2);
    size_t len;

    for (int i = 0; i < 20; i++) {
        int fd = dial(&address, SOCK_STREAM);
        ask(fd, i % 2 ? SLEEP_SAID : SLEEP_UNSAID, 30, 1);
        sleep_ms(5);
        close(fd);
    }
    int fd = dial(&address, SOCK_STREAM);
    ask(fd, ECHO, 0, 7);
    assert_int_equal(answer(fd, &len), 7);
    close(fd);
    net_finish(1000);
}

TEST(a_peer_that_shuts_its_side_still_gets_every_reply)
{
    struct address address = start(1);
    size_t len;
    char byte;
    int fd = dial(&address, SOCK_STREAM);

    ask(fd, SLEEP_SAID, 200, 1);
    ask(fd, LONG, 1000000, 2);
    ask(fd, ECHO, 0, 3);
    shutdown(fd, SHUT_WR);
    uint32_t sum = answer(fd, &len);
    sum += answer(fd, &len);
    sum += answer(fd, &len);
    assert_int_equal(sum, 1 + 2 + 3);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    net_finish(1000);
}

TEST(a_peer_that_does_not_read_is_not_read_from_and_loses_nothing)
{
    struct address address = start(1);
    size_t len;
    int slow = dial(&address, SOCK_STREAM), other = dial(&address, SOCK_STREAM);

    for (uint32_t i = 0; i < 200; i++) /* 100 MB of replies */
        ask(slow, i % 10 == 3 ? SLEEP_SAID : LONG, i % 10 == 3 ? 1 : 500000, i);
    for (uint32_t i = 0; i < 1000; i++) {
        ask(other, ECHO, 0, i);
        assert_int_equal(answer(other, &len), i);
    }
    unsigned got = 0;
    uint64_t sum = 0;
    for (; got < 200; got++)
        sum += answer(slow, &len);
    assert_int_equal(sum, 199 * 200 / 2);
    close(slow);
    close(other);
    net_finish(1000);
}

TEST(datagrams_are_answered_also_when_one_sleeps)
{
    struct address address = start(1);
    int fd = dial(&address, SOCK_DGRAM);
    uint32_t reply[3];

    for (uint32_t i = 0; i < 10; i++) {
        uint32_t words[3] = {i == 0 ? SLEEP_SAID : i == 1 ? SLEEP_UNSAID : ECHO, 300, i};
        assert_int_equal(send(fd, words, sizeof(words), 0), sizeof(words));
    }
    uint32_t seen = 0;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(recv(fd, reply, sizeof(reply), 0), sizeof(reply));
        if (i < 8)
            assert_true(reply[0] >= 2);
        seen |= 1u << reply[0];
    }
    assert_int_equal(seen, 0x3ff);
    close(fd);
    net_finish(1000);
}

static size_t pages_mapped(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    return pages;
}

/* epoll says that there is a datagram, and receiving finds that its checksum is wrong. */
TEST(datagrams_with_a_wrong_checksum_leave_nothing_behind)
{
    struct address address = start(1);
    uint16_t packet[4 + 100] = {htons(1023), htons(address_port(&address)), htons(208), 0xdead};
    uint32_t words[3] = {ECHO, 0, 77};
    int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
    int fd = dial(&address, SOCK_DGRAM);

    if (raw < 0) {
        net_finish(1000);
        test_skip("raw sockets are root's");
    }
    mallopt(M_ARENA_MAX, 1); /* threads come and go on a busy machine, and each would map its own */
    size_t before = pages_mapped();
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(
            sendto(raw, packet, sizeof(packet), 0, &address.any, address_len(&address)),
            sizeof(packet));
        sleep_ms(1);
    }
    assert_int_equal(send(fd, words, sizeof(words), 0), sizeof(words));
    assert_int_equal(recv(fd, words, sizeof(words), 0), sizeof(words));
    size_t after = pages_mapped();
    size_t more = after > before ? after - before : 0;
    test_note("%zu pages more are mapped", more);
    /* Each would have left two MiB. */
    assert_true(more < 100 * 512);
    close(raw);
    close(fd);
    net_finish(1000);
}

TEST(idle_connections_are_ended_when_descriptors_run_short)
{
    enum { MANY = 400 };
    int fds[MANY];
    size_t len;
    struct net_config config = {.loops = 1, .spin_usec = 0, .handler = handler};
    struct address address;

    alarm(110);
    assert_int_equal(address_parse("127.0.0.1", 0, &address), 0);
    /* net/ takes half of the limit it sees at its start: here 64 connections. */
    struct rlimit before, small;
    getrlimit(RLIMIT_NOFILE, &before);
    small = before;
    small.rlim_cur = 128;
    setrlimit(RLIMIT_NOFILE, &small);
    assert_int_equal(net_init(&config), 0);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(net_listen(&address), 0);
    assert_int_equal(net_start(), 0);
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(&address, SOCK_STREAM);
        ask(fds[i], ECHO, 0, (uint32_t)i);
        assert_int_equal(answer(fds[i], &len), i);
    }
    struct net_stats stats;
    net_stats_get(&stats);
    test_note("%d connections made, %d are open", MANY, (int)stats.connections);
    assert_true(stats.connections <= 65);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    net_finish(1000);
}

TEST(the_end_waits_for_messages_that_have_begun)
{
    struct address address = start(2);
    size_t len;
    int fd = dial(&address, SOCK_STREAM);

    ask(fd, SLEEP_SAID, 500, 1);
    ask(fd, SLEEP_UNSAID, 500, 2);
    sleep_ms(100);
    assert_true(net_finish(5000));
    uint32_t sum = answer(fd, &len);
    sum += answer(fd, &len);
    assert_int_equal(sum, 3);
    close(fd);
}

static void *gate_open_later(void *unused)
{
    (void)unused;
    sleep_ms(200);
    close(gate[1]);
    return NULL;
}

/* More of them than threads may sleep: loops wait with theirs, and are to be taken at the moment
 * when all of them wake. */
TEST(the_end_is_not_late_after_too_many_sleeping_messages)
{
    struct address address = start(2);
    int fds[150];
    pthread_t opener;

    assert_int_equal(pipe(gate), 0);
    for (uint32_t i = 0; i < 150; i++) {
        fds[i] = dial(&address, SOCK_STREAM);
        ask(fds[i], WAIT_SAID, 0, i);
    }
    sleep_ms(300);
    assert_int_equal(pthread_create(&opener, NULL, gate_open_later, NULL), 0);
    assert_true(net_finish(5000));
    pthread_join(opener, NULL);
    close(gate[0]);
    for (int i = 0; i < 150; i++)
        close(fds[i]);
}

TEST(a_host_with_many_sleeping_messages_does_not_stop_another_host)
{
    enum { MANY = 400 };
    struct address address = start(1), from;
    struct net_stats stats;
    size_t len;
    int slow = dial(&address, SOCK_STREAM), second = dial(&address, SOCK_STREAM);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    bool seen[MANY] = {false};

    assert_int_equal(pipe(gate), 0);
    assert_int_equal(address_parse("127.0.0.2", 0, &from), 0);
    assert_int_equal(bind(other, &from.any, address_len(&from)), 0);
    assert_int_equal(connect(other, &address.any, address_len(&address)), 0);
    for (uint32_t i = 0; i < MANY; i++)
        ask(i % 2 ? slow : second, WAIT_SAID, 0, i);
    sleep_ms(100);
    for (uint32_t i = 0; i < 100; i++) {
        ask(other, ECHO, 0, i);
        assert_int_equal(answer(other, &len), i);
    }
    net_stats_get(&stats);
    assert_true(stats.threads < 200);
    close(gate[1]);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t tag = answer(i % 2 ? slow : second, &len);
        assert_true(tag < MANY && !seen[tag]);
        seen[tag] = true;
    }
    close(slow);
    close(second);
    close(other);
    close(gate[0]);
    net_finish(1000);
}

TEST(a_peer_that_takes_no_replies_does_not_hold_up_the_end)
{
    struct address address = start(1);
    int fd = dial(&address, SOCK_STREAM);

    for (uint32_t i = 0; i < 40; i++)
        ask(fd, LONG, 1000000, i);
    sleep_ms(200);
    assert_true(net_finish(10000));
    close(fd);
}
