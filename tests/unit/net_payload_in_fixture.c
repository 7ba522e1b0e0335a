/*
 * net_payload_in_fixture.c - see net_payload_in_fixture.h.
 */
#include "tests/unit/net_payload_in_fixture.h"
#include "base/hash.h"
#include "base/sleep.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE    (16u * 1024)
#define TAGS_MAX 32768u

struct answer {
    uint32_t tag, rest, taken, behind;
    uint64_t in_memory; /* of what came before the rest, and of its bytes that are there as well */
    uint64_t of_rest;   /* of the bytes that were taken */
    uint64_t of_behind; /* of those that found no room in the pipe */
};

struct rest_counts rest_counts;
_Atomic bool rest_may_go_on;

/* By tag; `len` 0: it was answered. */
static struct question asked[TAGS_MAX];
static uint32_t next_tag;

/* In pieces, as the handler reads the pipe. */
static uint64_t sum(const uint8_t *bytes, size_t len)
{
    uint64_t hash = 1;

    for (size_t at = 0; at < len; at += PIECE)
        hash = hash_long(bytes + at, len - at < PIECE ? len - at : PIECE, hash);
    return hash;
}

/* --- the handler --- */

/* The same of `len` bytes from the pipe. Ends where it does. */
static uint64_t take(struct payload *in, uint32_t len, uint32_t *taken)
{
    struct payload_pipe pipe;
    uint8_t bytes[PIECE];
    uint64_t hash = 1;

    if (len == 0 || payload_pipe(&pipe) != 0)
        return hash;
    while (*taken < len) {
        size_t want = len - *taken < PIECE ? len - *taken : PIECE, have = 0;
        while (have < want) {
            ssize_t n = read(pipe.from, bytes + have, want - have);
            if (n <= 0)
                return hash;
            have += (size_t)n;
        }
        hash = hash_long(bytes, want, hash);
        *taken += (uint32_t)want;
        in->piped -= want;
    }
    return hash;
}

static void nap(const struct question *q, uint32_t when)
{
    if (!(q->naps & when))
        return;
    if (q->naps & NAP_SAID)
        sleep_announce();
    if (q->naps & NAP_HELD) {
        rest_counts.held++;
        while (!rest_may_go_on)
            host_sleep_ms(1);
        rest_counts.held--;
    } else {
        host_sleep_ms((int)q->ms);
    }
}

static size_t handler(struct net_message *message)
{
    struct payload *in = &message->in;
    struct question q;
    struct answer answer = {0};

    rest_counts.calls++;
    if (!in->may_pipe || message->len < sizeof(q))
        return 0;
    memcpy(&q, message->data, sizeof(q));
    answer.tag = q.tag;
    answer.rest = (uint32_t)in->piped;
    answer.behind = (uint32_t)(in->len - in->piped);
    const uint8_t *rest_at = message->data + message->len - answer.behind - answer.rest;
    if ((uintptr_t)message->data % 4 != 0 || (answer.rest > 0 && in->data != rest_at))
        rest_counts.misplaced++;
    if (answer.rest > 0)
        rest_counts.by_pipe++;
    if (answer.behind > 0)
        rest_counts.by_both++;
    if (answer.rest > 0 && q.naps != 0)
        rest_counts.naps_by_pipe++;

    nap(&q, NAP_BEFORE);
    uint32_t peeked = answer.rest < PAYLOAD_PEEKED ? answer.rest : PAYLOAD_PEEKED;
    answer.in_memory = sum(message->data, (size_t)(rest_at - message->data) + peeked);
    if (q.deal == TAKE || q.deal == PART) {
        bool some = q.deal == PART && q.part < answer.rest;
        answer.of_rest = take(in, some ? q.part : answer.rest, &answer.taken);
    } else if (q.deal == FILL && payload_to_memory(in)) {
        answer.taken = answer.rest;
        answer.of_rest = sum(rest_at, answer.rest);
    }
    nap(&q, NAP_AFTER);
    answer.of_behind = sum(rest_at + answer.rest, answer.behind);

    /* The message's first byte is no payload's. */
    in->pipe_next = q.begins > 0 ? REST_LEAST : 0;
    in->data = (uint8_t *)(uintptr_t)message->data + q.begins;

    size_t len = (q.reply > sizeof(answer) ? q.reply : sizeof(answer)) & ~(size_t)3;
    memcpy(message->reply, &answer, sizeof(answer));
    memset(message->reply + sizeof(answer), 0xee, len - sizeof(answer));
    return len;
}

/* --- the server --- */

struct address rest_start(void)
{
    return peer_server(handler, 110);
}

void rest_finish(void)
{
    assert_true(net_finish(2000));
    assert_int_equal(rest_counts.misplaced, 0);
}

/* --- clients --- */

int rest_dial_grown(const struct address *to)
{
    struct question q = rest_long(TAKE, 100, MIB);
    int fd = peer_dial(to, 0);

    for (int i = 0; i < 1000; i++) {
        q.begins = i < 8 ? 0 : 100;
        rest_ask(fd, q);
        if (rest_answer(fd).rest > 0)
            return fd;
    }
    fail_msg("no rest comes by the pipe");
}

struct question rest_long(uint32_t deal, uint32_t begins, uint32_t rest)
{
    return (struct question){
        .deal = deal, .len = begins + rest, .begins = begins, .part = rest / 3};
}

static void message_bytes(uint8_t *to, const struct question *q)
{
    memcpy(to, q, sizeof(*q));
    for (size_t at = sizeof(*q); at < q->len; at += 8) {
        uint64_t word = hash_mix((uint64_t)q->tag << 32 | at);
        memcpy(to + at, &word, q->len - at < 8 ? q->len - at : 8);
    }
}

size_t rest_put(uint8_t *to, struct question *q, uint32_t fragment)
{
    static uint8_t bytes[NET_MESSAGE_MAX];
    uint8_t *const begin = to;

    assert_in_range(q->len, sizeof(*q), NET_MESSAGE_MAX);
    assert_true(next_tag < TAGS_MAX);
    q->tag = next_tag++;
    asked[q->tag] = *q;
    message_bytes(bytes, q);
    for (uint32_t at = 0, len; at < q->len; at += len) {
        len = fragment > 0 && q->len - at > fragment ? fragment : q->len - at;
        uint32_t mark = htonl(len | (at + len == q->len ? 0x80000000u : 0));
        memcpy(to, &mark, 4);
        memcpy(to + 4, bytes + at, len);
        to += 4 + len;
    }
    return (size_t)(to - begin);
}

void rest_send(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        assert_return_code(n, errno);
        bytes += n;
        len -= (size_t)n;
    }
}

/* The server's end of a client's connection: both are this process's. */
static int servers_end(int fd)
{
    struct sockaddr_storage mine, peer;
    socklen_t len = sizeof(mine);

    assert_return_code(getsockname(fd, (struct sockaddr *)&mine, &len), errno);
    for (int at = 0; at < 1024; at++) {
        socklen_t have = sizeof(peer);
        if (getpeername(at, (struct sockaddr *)&peer, &have) == 0 && have == len &&
            memcmp(&mine, &peer, len) == 0)
            return at;
    }
    return -1;
}

void rest_until_begun(int fd, size_t sent)
{
    int unread = INT_MAX, unsent = 0;

    for (int i = 0; i < 60000; i++) {
        int end = servers_end(fd); /* which is there once it is accepted */
        if (end >= 0 && ioctl(fd, SIOCOUTQ, &unsent) == 0 && ioctl(end, FIONREAD, &unread) == 0 &&
            (size_t)unread + (size_t)unsent < sent)
            return;
        host_sleep_ms(1);
    }
    fail_msg("the server reads nothing of %zu bytes: %d lie there", sent, unread);
}

uint32_t rest_ask(int fd, struct question q)
{
    static uint8_t stream[STREAM_MAX];
    size_t len = rest_put(stream, &q, 0);

    rest_send(fd, stream, len);
    return q.tag;
}

struct outcome rest_check(const uint8_t *reply, size_t len)
{
    static uint8_t bytes[NET_MESSAGE_MAX];
    struct answer answer;

    assert_in_range(len, sizeof(answer), NET_MESSAGE_MAX);
    memcpy(&answer, reply, sizeof(answer));
    assert_true(answer.tag < next_tag);
    struct question q = asked[answer.tag];
    if (q.len == 0)
        fail_msg("message %u: a second reply", answer.tag);
    asked[answer.tag].len = 0;
    assert_int_equal(len, (q.reply > sizeof(answer) ? q.reply : sizeof(answer)) & ~3u);
    for (size_t i = sizeof(answer); i < len; i++)
        assert_int_equal(reply[i], 0xee);

    const uint32_t end = answer.rest + answer.behind, before = q.len - end;
    assert_true(answer.rest == 0 ? end == 0 : end >= REST_LEAST && end < q.len);
    uint32_t peeked = answer.rest < PAYLOAD_PEEKED ? answer.rest : PAYLOAD_PEEKED;
    uint32_t taken = q.deal == IGNORE                         ? 0
                     : q.deal == PART && q.part < answer.rest ? q.part
                                                              : answer.rest;
    message_bytes(bytes, &q);
    if (answer.in_memory != sum(bytes, before + peeked))
        fail_msg("message %u: its first %u bytes of %u are wrong", q.tag, before + peeked, q.len);
    if (answer.taken != taken)
        fail_msg("message %u: %u bytes of %u in the pipe", q.tag, answer.taken, taken);
    if (taken > 0 && answer.of_rest != sum(bytes + before, taken))
        fail_msg("message %u: of its %u bytes some behind %u are wrong", q.tag, q.len, before);
    if (answer.of_behind != sum(bytes + before + answer.rest, answer.behind))
        fail_msg("message %u: of its last %u bytes some are wrong", q.tag, answer.behind);
    return (struct outcome){answer.tag, answer.rest};
}

struct outcome rest_answer(int fd)
{
    static uint8_t reply[NET_MESSAGE_MAX];
    uint32_t mark;

    assert_int_equal(recv(fd, &mark, 4, MSG_WAITALL), 4);
    mark = ntohl(mark);
    assert_true(mark & 0x80000000u);
    size_t len = mark & 0x7fffffffu;
    assert_true(len <= sizeof(reply));
    assert_int_equal(recv(fd, reply, len, MSG_WAITALL), len);
    return rest_check(reply, len);
}

struct outcome rest_answer_to(int fd, uint32_t tag)
{
    struct outcome outcome;

    do
        outcome = rest_answer(fd);
    while (outcome.tag != tag);
    return outcome;
}

void rest_answers(int fd, unsigned count)
{
    while (count-- > 0)
        rest_answer(fd);
}

unsigned rest_unanswered(void)
{
    unsigned count = 0;

    for (uint32_t tag = 0; tag < next_tag; tag++)
        count += asked[tag].len > 0;
    return count;
}

void rest_teach(int fd, uint32_t begins)
{
    struct question q = {.deal = IGNORE, .len = sizeof(q), .begins = begins};

    rest_answer_to(fd, rest_ask(fd, q));
}
