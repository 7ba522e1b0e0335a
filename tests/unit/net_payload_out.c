/*
 * net_payload_out.c - tests of replies whose last bytes are in a pipe (net/payload_out.h), with a
 * handler of their own.
 *
 * The handler obeys the message: five words, what to do, for how long, the words of the reply's
 * head, the bytes of its tail, a tag. The tail is a piece of a file in memory; the tag says which.
 */
#include "base/payload.h"
#include "base/sleep.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "tests/unit/net_peer.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { QUICK, FILL_SAY_SLEEP, FILL_SLEEP, SAY_SLEEP_FILL, LIE, LIE_LATE };

#define PAGE   4096u
#define PLACES 64u /* where tails begin */
#define MIB    (1024u * 1024u)

static int source = -1; /* of all tails */
static _Atomic unsigned tails, misplaced;

struct question {
    uint32_t what, ms, words, tail, tag;
};

static size_t tail_place(uint32_t tag)
{
    return tag % PLACES * PAGE;
}

/* The tail's bytes to the pipe; or, where that has no room for them, behind the reply. */
static size_t tail_put(struct net_message *message, const struct question *q, size_t len)
{
    loff_t at = (loff_t)tail_place(q->tag);
    struct payload_pipe pipe;
    size_t left = q->tail;

    if (payload_pipe(&pipe) != 0 || pipe.room < q->tail) {
        assert_int_equal(pread(source, message->reply + len, left, at), left);
        memset(message->reply + len + left, 0, payload_pad(left));
        return left + payload_pad(left);
    }
    while (left > 0) {
        ssize_t n = splice(source, &at, pipe.to, NULL, left, SPLICE_F_NONBLOCK);
        assert_true(n > 0);
        left -= (size_t)n;
    }
    message->out.len = message->out.piped = q->tail;
    tails++;
    return 0;
}

static size_t handler(struct net_message *message)
{
    struct question q;
    size_t len;

    if (message->len != sizeof(q))
        return 0;
    memcpy(&q, message->data, sizeof(q));
    if ((uintptr_t)message->reply % 4 != 0)
        misplaced++;
    len = (2 + (size_t)q.words) * 4;
    memset(message->reply, 0xee, len);
    memcpy(message->reply, &q.tag, 4);
    memcpy(message->reply + 4, &q.tail, 4);
    if (q.what == SAY_SLEEP_FILL) {
        sleep_announce();
        host_sleep_ms((int)q.ms);
    }
    if (q.tail > 0)
        len += tail_put(message, &q, len);
    if (q.what == FILL_SAY_SLEEP || q.what == LIE_LATE)
        sleep_announce();
    if (q.what == FILL_SAY_SLEEP || q.what == FILL_SLEEP || q.what == LIE_LATE)
        host_sleep_ms((int)q.ms);
    if (q.what == LIE || q.what == LIE_LATE)
        message->out.len = message->out.piped += 8;
    return len;
}

static struct address start(void)
{
    uint8_t *bytes = malloc(MIB + PLACES * PAGE);

    for (size_t i = 0; i < MIB + PLACES * PAGE; i++)
        bytes[i] = host_pattern(i);
    if (source < 0) {
        source = memfd_create("tails", MFD_CLOEXEC);
        assert_true(source >= 0);
        assert_int_equal(write(source, bytes, MIB + PLACES * PAGE), MIB + PLACES * PAGE);
    }
    free(bytes);
    return peer_server(handler, 110);
}

static void finish(void)
{
    assert_true(net_finish(2000));
    assert_int_equal(misplaced, 0);
}

/* In one send, so that they are handled in one batch. */
static void ask(int fd, const struct question *questions, size_t count)
{
    const size_t each = 4 + sizeof(*questions);
    uint8_t *stream = malloc(count * each);
    const uint32_t mark = htonl(sizeof(*questions) | 0x80000000u);

    for (size_t i = 0; i < count; i++) {
        memcpy(stream + i * each, &mark, 4);
        memcpy(stream + i * each + 4, &questions[i], sizeof(*questions));
    }
    assert_int_equal(send(fd, stream, count * each, MSG_NOSIGNAL), count * each);
    free(stream);
}

static void ask_one(int fd, uint32_t what, uint32_t ms, uint32_t tail, uint32_t tag)
{
    const struct question q = {what, ms, tag % 5, tail, tag};

    ask(fd, &q, 1);
}

/* The next reply, which has to be right to the last byte; its tag. */
static uint32_t answer(int fd)
{
    static uint8_t got[MIB + PAGE];
    uint32_t mark, tag, tail;

    assert_int_equal(recv(fd, &mark, 4, MSG_WAITALL), 4);
    mark = ntohl(mark);
    assert_true(mark & 0x80000000u);
    size_t len = mark & 0x7fffffffu;
    assert_true(len <= sizeof(got));
    assert_int_equal(recv(fd, got, len, MSG_WAITALL), len);
    memcpy(&tag, got, 4);
    memcpy(&tail, got + 4, 4);
    size_t head = (2 + (size_t)(tag % 5)) * 4;
    assert_int_equal(len, head + tail + payload_pad(tail));
    for (size_t i = 8; i < head; i++)
        assert_int_equal(got[i], 0xee);
    for (size_t i = 0; i < tail; i++)
        if (got[head + i] != host_pattern(tail_place(tag) + i))
            fail_msg("reply %u: byte %zu of %u is wrong", tag, i, tail);
    for (size_t i = head + tail; i < len; i++)
        assert_int_equal(got[i], 0);
    return tag;
}

/* One reply to each of `count` questions, with tags from `first` on. In any order: of a thread that
 * was kept from its CPU for long in a message the loop is taken, and later replies overtake. */
static void answers(int fd, uint32_t first, uint32_t count)
{
    bool *seen = calloc(count, sizeof(*seen));

    assert_non_null(seen);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t tag = answer(fd) - first;
        assert_true(tag < count && !seen[tag]);
        seen[tag] = true;
    }
    free(seen);
}

TEST(a_tail_arrives_behind_its_reply)
{
    static const uint32_t about[] = {3,     17,    100,    4096,   8192,   16384,
                                     32768, 65536, 131072, 262144, 524288, MIB - 4};
    struct address address = start();
    int fd = peer_dial(&address, 0);
    uint32_t tag = 0;

    for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++) {
        struct question batch[24];
        uint32_t first = tag;
        /* Each third one has no tail, so that both kinds come behind both. */
        for (uint32_t j = 0; j < 24; j++, tag++)
            batch[j] = (struct question){QUICK, 0, tag % 5,
                                         j % 3 == 2 ? 0 : about[i] + j / 3 % 7 - 2, tag};
        for (uint32_t j = 0; j < 24; j++)
            if (batch[j].tail > MIB)
                batch[j].tail = MIB;
        ask(fd, batch, 24);
        answers(fd, first, 24);
    }
    assert_true(tails > 0);
    close(fd);
    finish();
}

/* Sent alone, answered before the next: nothing has gathered before it. */
TEST(a_tail_of_each_short_length_arrives_alone)
{
    struct address address = start();
    int fd = peer_dial(&address, 0);

    for (uint32_t len = 1; len < 70; len++) {
        ask_one(fd, QUICK, 0, len, len);
        assert_int_equal(answer(fd), len);
    }
    close(fd);
    finish();
}

TEST(a_peer_that_does_not_read_gets_its_tails_whole_later)
{
    enum { MANY = 400 };
    static struct question batch[MANY];
    struct address address = start();
    int slow = peer_dial(&address, 4096), other = peer_dial(&address, 0);

    for (uint32_t i = 0; i < MANY; i++)
        batch[i] = (struct question){QUICK, 0, i % 5, i % 10 == 9 ? 0 : 65536 - i % 7, i};
    ask(slow, batch, MANY);
    for (uint32_t i = 0; i < 200; i++) {
        ask_one(other, QUICK, 0, 20000 + i, i);
        assert_int_equal(answer(other), i);
    }
    host_sleep_ms(100);
    answers(slow, 0, MANY);
    close(slow);
    close(other);
    finish();
}

/* Slow ones with tails, others with tails behind them on the same connection and on another. */
static void lose_the_loop(uint32_t what)
{
    enum { SLOW = 8, MANY = 60 };
    struct address address = start();
    struct net_stats stats;
    bool seen[SLOW + MANY] = {false};
    int fd = peer_dial(&address, 0), other = peer_dial(&address, 0);

    for (uint32_t i = 0; i < SLOW; i++)
        ask_one(fd, what, 150 + i, i == 0 ? MIB : 100001 + i, i);
    for (uint32_t i = 0; i < MANY; i++) {
        ask_one(fd, QUICK, 0, 30001 + i, SLOW + i);
        ask_one(other, QUICK, 0, 70001 + i, i);
    }
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(answer(other), i);
    for (uint32_t i = 0; i < SLOW + MANY; i++) {
        uint32_t tag = answer(fd);
        assert_true(tag < SLOW + MANY && !seen[tag]);
        seen[tag] = true;
    }
    net_stats_get(&stats);
    assert_true(what == FILL_SLEEP ? stats.takeovers > 0 : stats.handovers > 0);
    close(fd);
    close(other);
    finish();
}

TEST(a_tail_of_a_message_that_announced_its_sleep_arrives_whole)
{
    lose_the_loop(FILL_SAY_SLEEP);
}

TEST(a_tail_of_a_message_that_lost_its_loop_arrives_whole)
{
    lose_the_loop(FILL_SLEEP);
}

TEST(a_tail_that_is_filled_after_the_loop_was_given_away_arrives_whole)
{
    lose_the_loop(SAY_SLEEP_FILL);
}

TEST(a_connection_that_ends_with_a_tail_in_the_pipe_spoils_nobody_elses)
{
    struct address address = start();
    int other = peer_dial(&address, 0);
    uint32_t tag = 0;

    for (int round = 0; round < 40; round++) {
        struct question batch[16];
        char some[1000];
        int fd = peer_dial(&address, round % 2 ? 4096 : 0);
        for (uint32_t i = 0; i < 16; i++)
            batch[i] =
                (struct question){round % 4 == 3 ? FILL_SAY_SLEEP : QUICK, 5, i % 5, 200001 + i, i};
        ask(fd, batch, 16);
        for (uint32_t i = 0; i < 4; i++)
            ask_one(other, QUICK, 0, 50001 + i, tag + i);
        if (round % 3 > 0)
            recv(fd, some, sizeof(some), 0);
        peer_hang_up(fd);
        for (uint32_t i = 0; i < 4; i++)
            assert_int_equal(answer(other), tag++);
    }
    close(other);
    finish();
}

/* Data that is not there is nothing to make up. */
TEST(a_tail_that_can_not_be_read_ends_its_connection_only)
{
    struct address address = start();
    int other = peer_dial(&address, 0);
    uint32_t tag = 0;

    for (uint32_t i = 0; i < 20; i++) {
        int fd = peer_dial(&address, 0);
        char some[4096];
        size_t got = 0;
        ssize_t n;
        ask_one(fd, i % 2 ? LIE_LATE : LIE, 3, 20000, 0);
        while ((n = recv(fd, some, sizeof(some), 0)) > 0)
            got += (size_t)n;
        assert_true(n == 0 || errno == ECONNRESET);
        assert_true(got <= 4 + 8 + 20000); /* not what it said */
        close(fd);
        for (int j = 0; j < 2; j++, tag++) {
            ask_one(other, QUICK, 0, 50001, tag);
            assert_int_equal(answer(other), tag);
        }
    }
    close(other);
    finish();
}

TEST(threads_close_their_pipes)
{
    enum { MANY = 40 };
    start();
    finish();
    unsigned before = peer_descriptors();
    for (int round = 0; round < 3; round++) {
        struct address address = start();
        int fd = peer_dial(&address, 0);
        for (uint32_t i = 0; i < MANY; i++)
            ask_one(fd, FILL_SAY_SLEEP, 100, 20000, i);
        for (uint32_t i = 0; i < MANY; i++)
            answer(fd);
        /* A pipe for most of the threads that slept side by side. */
        assert_true(peer_descriptors() > before + MANY);
        close(fd);
        finish();
        /* They are detached: the last ones may be on their way out. */
        for (int i = 0; i < 1000 && peer_descriptors() > before; i++)
            host_sleep_ms(1);
        assert_int_equal(peer_descriptors(), before);
    }
}
