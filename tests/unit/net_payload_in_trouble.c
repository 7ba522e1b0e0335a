/*
 * net_payload_in_trouble.c - tests of messages whose end comes by a pipe (net/payload_in.h) where
 * something is in the way: clients that go, handlers that sleep, peers that don't read, too little
 * of anything.
 */
#include "net/loop.h"
#include "tests/unit/net_payload_in_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Begins a long message, of which so many bytes are sent. */
static int begin_rest(const struct address *address, size_t bytes)
{
    static uint8_t stream[STREAM_MAX];
    struct question q = rest_long(TAKE, 100, 300000);
    int fd = rest_dial_grown(address);

    rest_teach(fd, 100);
    rest_put(stream, &q, 0);
    rest_send(fd, stream, bytes);
    return fd;
}

/* Waits for what comes soon, and how late is nobody's business. */
static void until(bool (*is_so)(uint64_t than), uint64_t than)
{
    for (int i = 0; i < 5000 && !is_so(than); i++)
        host_sleep_ms(1);
    assert_true(is_so(than));
}

static bool connections_are(uint64_t than)
{
    struct net_stats stats;

    net_stats_get(&stats);
    return stats.connections == than;
}

static bool descriptors_are(uint64_t than)
{
    return peer_descriptors() == than;
}

TEST(a_client_that_goes_before_its_rest_is_there_is_closed_and_nothing_handled)
{
    static const size_t bytes[] = {104, 105, 5000, 100000, 300000, 300103};
    struct address address = rest_start();
    int other = rest_dial_grown(&address);
    char byte;

    unsigned before = peer_descriptors();
    for (size_t i = 0; i < 2 * sizeof(bytes) / sizeof(bytes[0]); i++) {
        int fd = begin_rest(&address, bytes[i / 2]);
        unsigned calls = rest_counts.calls;
        if (i % 4 < 2)
            rest_until_begun(fd, bytes[i / 2]); /* it is waited for; else mostly not yet */
        if (i % 2 == 0) {
            shutdown(fd, SHUT_WR);
            assert_int_equal(recv(fd, &byte, 1, 0), 0);
            close(fd);
        } else {
            peer_hang_up(fd);
        }
        until(connections_are, 1);
        assert_int_equal(rest_counts.calls, calls);
        rest_ask(other, rest_long(TAKE, 100, 200000));
        rest_answer(other);
    }
    /* A thread that lost its CPU for long may have got another one beside it, with a pipe too. */
    struct net_stats stats;
    net_stats_get(&stats);
    if (stats.takeovers == 0)
        until(descriptors_are, before);
    close(other);
    rest_finish();
}

TEST(a_client_that_ends_after_a_long_message_gets_its_reply)
{
    static uint8_t stream[STREAM_MAX];
    struct address address = rest_start();
    unsigned by_pipe = 0;

    for (uint32_t i = 0; i < 24; i++) {
        struct question q = rest_long(i % DEALINGS, 100, 140000 + i * 30000);
        int fd = rest_dial_grown(&address);
        char byte;
        rest_teach(fd, 100);
        size_t len = rest_put(stream, &q, 0);
        /* Its end comes with the last bytes, or while the rest is waited for. */
        rest_send(fd, stream, len - 1000);
        if (i % 2 == 0)
            rest_until_begun(fd, len - 1000);
        rest_send(fd, stream + len - 1000, 1000);
        shutdown(fd, SHUT_WR);
        by_pipe += rest_answer(fd).rest > 0;
        assert_int_equal(recv(fd, &byte, 1, 0), 0);
        close(fd);
    }
    assert_in_range(by_pipe, 12, 24);
    rest_finish();
}

/* Whether a message slept whose rest came by the pipe, and lost its loop by that. */
static bool loop_was_lost(uint32_t naps)
{
    struct net_stats stats;

    net_stats_get(&stats);
    return rest_counts.naps_by_pipe > 0 &&
           (naps & NAP_SAID ? stats.handovers : stats.takeovers) > 0;
}

/* Slow ones, which leave the pipe to others before they have taken what is theirs, or after it;
 * and the same connection goes on. Which of them come by the pipe is the scheduler's (a rest that
 * has come already needs none), as is when a sleeper is found: so more are sent until one was. */
static void lose_the_loop(uint32_t naps)
{
    enum { SLOW = 12, MOST = 300, QUICK = 5 };
    struct address address = rest_start();
    int fd = rest_dial_grown(&address), other = rest_dial_grown(&address);

    for (uint32_t i = 0; i < SLOW || (i < MOST && !loop_was_lost(naps)); i++) {
        struct question q = rest_long(i % DEALINGS, 100, i == 0 ? MIB : 150001 + i);
        rest_teach(fd, 100);
        q.naps = naps;
        q.ms = 60 + 5 * (SLOW - i % SLOW);
        rest_ask(fd, q);
        host_sleep_ms(2);
        for (uint32_t j = 0; j < QUICK; j++) {
            rest_ask(fd, rest_long(j % DEALINGS, 100, 140001 + 1000 * j));
            rest_ask(other, rest_long((j + 1) % DEALINGS, 100, 135001 + 1000 * j));
            rest_answer(other);
        }
    }
    /* The others' replies and those of the teaching were read as they came, or are left. */
    rest_answer_to(fd, rest_ask(fd, rest_long(TAKE, 100, 190000)));
    shutdown(fd, SHUT_WR);
    rest_answers(fd, rest_unanswered());
    assert_true(loop_was_lost(naps));
    close(fd);
    close(other);
    rest_finish();
}

TEST(a_rest_is_its_messages_own_after_an_announced_sleep)
{
    lose_the_loop(NAP_BEFORE | NAP_SAID);
}

TEST(a_rest_is_its_messages_own_after_the_loop_was_taken)
{
    lose_the_loop(NAP_BEFORE);
}

TEST(a_message_that_took_its_rest_may_announce_a_sleep)
{
    lose_the_loop(NAP_AFTER | NAP_SAID);
}

TEST(a_message_that_took_its_rest_may_lose_its_loop)
{
    lose_the_loop(NAP_AFTER);
}

/* Where each rest is long in coming the pipe spares nothing, and reading as it comes is better for
 * the client: after three of them the next ones go through memory. */
TEST(a_slow_client_is_spared_the_pipe)
{
    static uint8_t stream[STREAM_MAX];
    struct address address = rest_start();
    int fd = rest_dial_grown(&address);
    unsigned before;

    rest_teach(fd, 100);
    before = rest_counts.by_pipe;
    for (int i = 0; i < 8; i++) {
        struct question q = rest_long(TAKE, 100, 200000);
        size_t len = rest_put(stream, &q, 0);
        rest_send(fd, stream, 50000);
        rest_until_begun(fd, 50000);
        host_sleep_ms(12); /* more than conn_rest.c's REST_WAIT_NSEC */
        rest_send(fd, stream + 50000, len - 50000);
        rest_answer(fd);
    }
    assert_true(rest_counts.by_pipe - before <= 3);
    close(fd);
    rest_finish();
}

static bool held_are(uint64_t than)
{
    return rest_counts.held == than;
}

/* Then nothing is begun any more: what has come by the pipe has to wait in memory. */
TEST(a_rest_that_comes_while_too_many_sleep_waits_in_memory)
{
    /* Of 64 calls one place gets 30; at 15 connections whose calls sleep there begin no more. */
    enum { CALLS = 64, FULL = 15, MANY = 32 };
    static uint8_t stream[STREAM_MAX];
    struct address address = rest_start();
    int fd = rest_dial_grown(&address), other = rest_dial_grown(&address);
    const struct question held = {.len = 100, .naps = NAP_BEFORE | NAP_SAID | NAP_HELD};
    bool waited = false;

    wait_places_init(CALLS);
    /* On a busy machine it may have come too late for that. */
    for (int round = 0; round < 20 && !waited; round++) {
        struct question q = rest_long(round % DEALINGS, 100, 200000);
        size_t len = rest_put(stream, &q, 0);
        rest_may_go_on = false;
        rest_ask(other, held);
        until(held_are, 1);
        rest_teach(other, 100);
        rest_send(other, stream, 1000);
        rest_until_begun(other, 1000);
        for (int i = 1; i < MANY; i++)
            rest_ask(fd, held);
        until(held_are, FULL);
        rest_send(other, stream + 1000, len - 1000);
        host_sleep_ms(50);
        rest_may_go_on = true;
        waited = rest_answer(other).rest == 0;
        waited = rest_answer(other).rest == 0 && waited;
        rest_answers(fd, MANY - 1);
    }
    wait_places_init(WAIT_CALLS_DEFAULT);
    assert_true(waited);
    close(fd);
    close(other);
    rest_finish();
}

struct writer {
    int fd;
    uint8_t *stream;
    size_t len;
};

static void *writer_main(void *arg)
{
    struct writer *writer = arg;
    size_t done = 0;
    ssize_t n;

    while (done < writer->len &&
           (n = send(writer->fd, writer->stream + done, writer->len - done, MSG_NOSIGNAL)) > 0)
        done += (size_t)n;
    return NULL;
}

TEST(a_peer_that_reads_no_replies_gets_those_to_long_messages_later)
{
    enum { MANY = 60 };
    struct address address = rest_start();
    struct writer writer = {peer_dial(&address, 4096), malloc((size_t)MANY * MIB / 4), 0};
    int other = rest_dial_grown(&address);
    pthread_t thread;

    for (uint32_t i = 0; i < MANY; i++) {
        struct question q = rest_long(i % DEALINGS, 100, 135000 + i * 1001);
        q.reply = i % 3 > 0 ? 500000 : 0;
        q.naps = i % 16 == 5 ? NAP_AFTER | NAP_SAID : 0;
        q.ms = 20;
        writer.len += rest_put(writer.stream + writer.len, &q, 0);
    }
    unsigned before = rest_counts.calls;
    assert_int_equal(pthread_create(&thread, NULL, writer_main, &writer), 0);
    for (uint32_t i = 0; i < 20; i++) {
        rest_ask(other, rest_long(TAKE, 100, 140000));
        rest_answer(other);
        host_sleep_ms(5);
    }
    assert_in_range(rest_counts.calls - before, 21, 20 + MANY / 2);
    rest_answers(writer.fd, MANY);
    pthread_join(thread, NULL);
    close(writer.fd);
    close(other);
    free(writer.stream);
    rest_finish();
}

TEST(the_server_ends_while_rests_are_waited_for)
{
    unsigned before = peer_descriptors();
    struct address address = rest_start();
    static const size_t bytes[] = {104, 1000, 300000};
    int fds[3];
    char byte;

    for (int i = 0; i < 3; i++)
        fds[i] = begin_rest(&address, bytes[i]);
    for (int i = 0; i < 3; i++)
        rest_until_begun(fds[i], bytes[i]);
    unsigned calls = rest_counts.calls;
    rest_finish(); /* which asserts that it ends within its grace */
    assert_int_equal(rest_counts.calls, calls);
    for (int i = 0; i < 3; i++) {
        assert_true(recv(fds[i], &byte, 1, 0) <= 0);
        close(fds[i]);
    }
    until(descriptors_are, before);
}

/* --- too little --- */

/* A network of the test's own, where a socket receives to so many bytes. */
static void receive_to(const char *bytes)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        test_skip("no network namespace here: %s", strerror(errno));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(ioctl(fd, SIOCSIFFLAGS, &lo), errno);
    close(fd);
    FILE *file = fopen("/proc/sys/net/ipv4/tcp_rmem", "we");
    assert_non_null(file);
    fprintf(file, "4096 %s %s\n", bytes, bytes);
    assert_int_equal(fclose(file), 0);
}

TEST(what_is_larger_than_the_receive_buffer_comes_through_memory)
{
    receive_to("65536");
    struct address address = rest_start();
    int fd = peer_dial(&address, 0);

    for (uint32_t i = 0; i < 100; i++) {
        uint32_t rest = i % 10 == 0 ? 1000000 : 140000 + i;
        if (i % 10 == 1)
            rest_teach(fd, 100);
        rest_ask(fd, rest_long(i % DEALINGS, 100, rest));
        assert_int_equal(rest_answer(fd).rest, 0);
    }
    close(fd);
    rest_finish();
}

TEST(without_a_descriptor_for_a_pipe_a_rest_comes_through_memory)
{
    struct address address = rest_start();
    int fd = peer_dial(&address, 0);
    struct rlimit limit, none;
    struct question q = rest_long(TAKE, 100, MIB);

    /* The socket grows, but the thread has no pipe yet. */
    q.begins = 0;
    for (int i = 0; i < 16; i++)
        rest_answer_to(fd, rest_ask(fd, q));
    rest_teach(fd, 100);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    rest_ask(fd, rest_long(TAKE, 100, REST_LEAST));
    assert_int_equal(rest_answer(fd).rest, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    /* It is tried again, later. */
    for (int i = 0; i < 1000 && rest_counts.by_pipe == 0; i++) {
        rest_ask(fd, rest_long(TAKE, 100, REST_LEAST));
        rest_answer(fd);
    }
    assert_true(rest_counts.by_pipe > 0);
    close(fd);
    rest_finish();
}
