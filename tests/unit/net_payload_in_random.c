/*
 * net_payload_in_random.c - a test of messages whose end comes by a pipe (net/payload_in.h) by
 * chance: clients side by side that send messages of all shapes in pieces, with pauses, to handlers
 * that do whatever handlers may; and some of them go in the middle of it.
 */
#include "base/hash.h"
#include "tests/unit/net_payload_in_fixture.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The test ends when at least this many calls were answered, and this many of them went by the
 * pipe. */
#define CALLS_MIN   600
#define BY_PIPE_MIN 60
#define CLIENTS     6
/* A client has at most so many messages without a reply. */
#define PENDING_MAX 12
#define BATCH_MAX   4
#define NSEC_PER_MS 1000000ll

struct client {
    int fd;
    uint8_t *out, *in;
    size_t out_len, sent, piece_end, in_len;
    unsigned pending, long_ones;
    int64_t next; /* when it sends again */
    uint32_t begins;
    bool ending;
};

static uint64_t dice;

static uint32_t chance(uint32_t among)
{
    dice += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_mix(dice) >> 33) % among;
}

static void dial(struct client *client, const struct address *address)
{
    client->fd = chance(3) > 0 ? rest_dial_grown(address) : peer_dial(address, 0);
    client->out_len = client->sent = client->piece_end = client->in_len = client->pending = 0;
    client->next = 0;
    client->begins = 40 + chance(400);
    client->ending = false;
}

static struct question any_question(const struct client *client)
{
    struct question q = {.len = sizeof(q) + chance(600), .begins = client->begins};

    if (chance(4) > 0) {
        uint32_t begins = chance(6) > 0 ? client->begins : 40 + chance(2000);
        uint32_t rest = chance(8) > 0 ? 120000 + chance(150000) : chance(MIB);
        q = rest_long(chance(DEALINGS), begins, rest);
        if (chance(20) == 0)
            q.begins = 0;
        if (chance(3) > 0)
            q.len &= ~3u;
        q.part = chance(rest + 1);
    }
    if (chance(10) == 0) {
        q.naps = 1 + chance(7);
        q.ms = chance(20);
    }
    if (chance(8) == 0)
        q.reply = chance(200000);
    return q;
}

/* A message, or some in a row; in one piece mostly. */
static void compose(struct client *client)
{
    unsigned count = chance(3) > 0 ? 1 : 1 + chance(BATCH_MAX);

    client->out_len = client->sent = client->piece_end = 0;
    for (unsigned i = 0; i < count; i++) {
        struct question q = any_question(client);
        uint32_t fragment = chance(8) == 0 ? 500 + chance(200000) : 0;
        client->out_len += rest_put(client->out + client->out_len, &q, fragment);
        client->pending++;
        client->begins = q.begins > 0 ? q.begins : client->begins;
    }
}

static void choose_piece(struct client *client, int64_t now)
{
    size_t left = client->out_len - client->sent;

    client->piece_end = client->out_len;
    if (chance(3) == 0) {
        size_t piece = chance(2) ? 4 + client->begins : 1 + chance((uint32_t)left);
        client->piece_end = client->sent + (piece < left ? piece : left);
    }
    if (chance(4) == 0)
        client->next = now + chance(8) * NSEC_PER_MS;
}

static void send_some(struct client *client, int64_t now)
{
    if (client->sent == client->piece_end)
        choose_piece(client, now);
    if (now < client->next)
        return;
    ssize_t n = send(client->fd, client->out + client->sent, client->piece_end - client->sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    assert_return_code(n, errno);
    client->sent += (size_t)n;
}

/* False: that was the end. */
static bool receive_some(struct client *client)
{
    ssize_t n =
        recv(client->fd, client->in + client->in_len, STREAM_MAX - client->in_len, MSG_DONTWAIT);
    uint32_t mark;

    if (n < 0 && errno == EAGAIN)
        return true;
    assert_return_code(n, errno);
    client->in_len += (size_t)n;
    size_t at = 0, len = 0;
    for (; client->in_len - at >= 4; at += 4 + len) {
        memcpy(&mark, client->in + at, 4);
        len = ntohl(mark) & 0x7fffffffu;
        if (client->in_len - at < 4 + len)
            break;
        client->long_ones += rest_check(client->in + at + 4, len).rest > 0;
        client->pending--;
    }
    memmove(client->in, client->in + at, client->in_len - at);
    client->in_len -= at;
    return n > 0;
}

/* What a client does next; `over`: nothing new any more. */
static void step(struct client *client, const struct address *address, int64_t now, bool over)
{
    if (!receive_some(client)) {
        assert_true(client->ending);
        assert_int_equal(client->pending, 0);
        close(client->fd);
        dial(client, address);
    }
    if (client->sent < client->out_len && chance(600) == 0) {
        peer_hang_up(client->fd); /* whoever waits for the rest of that */
        dial(client, address);
    } else if (client->sent < client->out_len) {
        send_some(client, now);
    } else if (!client->ending && !over && client->pending < PENDING_MAX && chance(4) > 0) {
        compose(client);
        client->ending = chance(40) == 0; /* these are the last, and all of them are answered */
    }
    if (client->ending && client->sent == client->out_len)
        shutdown(client->fd, SHUT_WR);
}

TEST(messages_of_any_shape_from_clients_of_any_kind_arrive_whole)
{
    struct client clients[CLIENTS] = {0};
    struct pollfd polls[CLIENTS];
    unsigned long_ones = 0, pending = 1;
    bool enough = false;

    dice = (uint64_t)host_now_nsec();
    test_note("begins with %llu", (unsigned long long)dice);
    struct address address = rest_start();
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].out = malloc(BATCH_MAX * (size_t)STREAM_MAX);
        clients[i].in = malloc(STREAM_MAX);
        dial(&clients[i], &address);
    }
    while (!enough || pending > 0) {
        int64_t now = host_now_nsec();
        pending = long_ones = 0;
        for (int i = 0; i < CLIENTS; i++) {
            step(&clients[i], &address, now, enough);
            pending += clients[i].pending;
            long_ones += clients[i].long_ones;
            bool sends = clients[i].sent < clients[i].out_len && now >= clients[i].next;
            polls[i] = (struct pollfd){clients[i].fd, (short)(POLLIN | (sends ? POLLOUT : 0)), 0};
        }
        enough = long_ones >= BY_PIPE_MIN && rest_counts.calls >= CALLS_MIN;
        poll(polls, CLIENTS, 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i].fd);
        free(clients[i].out);
        free(clients[i].in);
    }
    test_note("%u messages, %u by the pipe", (unsigned)rest_counts.calls, long_ones);
    rest_finish();
}
