/*
 * rpc_reply_cache.c - tests of the reply cache: what is the same call, and its bounds.
 */
#include "base/sleep.h"
#include "net/connections.h"
#include "net/loop.h"
#include "rpc/reply_cache.h"
#include "tests/lib/test.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WRITE RPC_IDEMPOTENT

static struct address host;
static uint8_t args[3000];

/* A connection as net/ knows it; `peer` is the client's end. */
struct wire {
    struct source source;
    int peer;
};

static struct rpc_call call_of(const struct wire *wire, uint32_t xid, uint32_t args_len)
{
    return (struct rpc_call){.xid = xid,
                             .program = 100003,
                             .version = 3,
                             .procedure = 12,
                             .peer = &host,
                             .connection = wire->source.number,
                             .args = {args, args_len}};
}

static void wire_open(struct wire *wire)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *wire = (struct wire){.source.fd = ends[0], .peer = ends[1]};
    connections_add(&wire->source);
}

/* The client ends it; the server has not looked yet. */
static void wire_hang_up(struct wire *wire)
{
    close(wire->peer);
}

static void wire_close(struct wire *wire)
{
    connections_remove(&wire->source);
    close(wire->source.fd);
}

static void setup(uint32_t entries, size_t bytes)
{
    assert_int_equal(address_parse("192.0.2.1:700", 0, &host), 0);
    assert_int_equal(reply_cache_init(entries, bytes), 0);
}

static enum reply_cache_answer begin_as(const struct rpc_call *call, uint32_t flags,
                                        struct reply_cache_entry **entry)
{
    uint8_t reply[64];
    size_t len = 0;
    enum reply_cache_answer answer =
        reply_cache_begin(call, flags, reply, sizeof(reply), &len, entry);

    if (answer == REPLY_CACHE_REPEAT) {
        assert_int_equal(len, 4);
        assert_memory_equal(reply, "done", 4);
    }
    return answer;
}

/* That the call is new; it is carried out. */
static void run_as(const struct rpc_call *call, uint32_t flags)
{
    struct reply_cache_entry *entry;

    assert_int_equal(begin_as(call, flags, &entry), REPLY_CACHE_RUN);
    assert_non_null(entry);
    reply_cache_store(entry, (const uint8_t *)"done", 4);
}

static void expect_as(const struct rpc_call *call, uint32_t flags, enum reply_cache_answer answer)
{
    struct reply_cache_entry *entry;

    assert_int_equal(begin_as(call, flags, &entry), answer);
    if (answer == REPLY_CACHE_RUN)
        reply_cache_drop(entry);
}

static void run(const struct rpc_call *call)
{
    run_as(call, 0);
}

static void expect(const struct rpc_call *call, enum reply_cache_answer answer)
{
    expect_as(call, 0, answer);
}

TEST(a_retransmission_over_the_same_connection_is_answered_again)
{
    struct wire wire;

    setup(100, 100000);
    wire_open(&wire);
    for (uint32_t flags = 0; flags <= WRITE; flags += WRITE) {
        struct reply_cache_entry *entry;
        struct rpc_call call = call_of(&wire, 1, 100);
        assert_int_equal(begin_as(&call, flags, &entry), REPLY_CACHE_RUN);
        assert_non_null(entry);
        expect_as(&call, flags, REPLY_CACHE_RUNNING);
        reply_cache_store(entry, (const uint8_t *)"done", 4);
        expect_as(&call, flags, REPLY_CACHE_REPEAT);
    }
    reply_cache_finish();
}

TEST(a_retransmission_from_another_port_is_answered_again_once_the_first_connection_is_closed)
{
    struct wire first, second, third;
    struct reply_cache_entry *entry;

    setup(100, 100000);
    wire_open(&first);
    wire_open(&second);
    wire_open(&third);
    struct rpc_call call = call_of(&first, 1, 100), again = call_of(&second, 1, 100);
    assert_int_equal(begin_as(&call, 0, &entry), REPLY_CACHE_RUN);
    wire_hang_up(&first);
    address_set_port(&host, 900);
    reply_cache_store(entry, (const uint8_t *)"done", 4);
    expect(&again, REPLY_CACHE_REPEAT);
    /* Then it is the second connection's, which is open. */
    wire_close(&first);
    struct rpc_call other = call_of(&third, 1, 100);
    expect(&other, REPLY_CACHE_RUN);
    wire_close(&second);
    expect(&other, REPLY_CACHE_REPEAT);
    reply_cache_finish();
}

/* A call in a thread of its own, which says when it sleeps. */
struct asking {
    pthread_t thread;
    struct rpc_call call;
    _Atomic bool sleeps;
    enum reply_cache_answer answer;
};

static void says_it_sleeps(void *arg)
{
    struct asking *asking = arg;

    asking->sleeps = true;
}

static void *asking_main(void *arg)
{
    struct asking *asking = arg;
    struct reply_cache_entry *entry;

    sleep_set_hook(says_it_sleeps, asking);
    asking->answer = begin_as(&asking->call, 0, &entry);
    if (asking->answer == REPLY_CACHE_RUN)
        reply_cache_drop(entry);
    return NULL;
}

static void asking_begin(struct asking *asking, const struct wire *wire)
{
    *asking = (struct asking){.call = call_of(wire, 1, 100)};
    assert_int_equal(pthread_create(&asking->thread, NULL, asking_main, asking), 0);
    while (!asking->sleeps)
        usleep(1000);
}

static enum reply_cache_answer asking_end(struct asking *asking)
{
    pthread_join(asking->thread, NULL);
    return asking->answer;
}

TEST(who_reconnects_while_its_call_runs_gets_the_reply_by_the_new_connection)
{
    struct asking asking, later;
    struct wire first, second, third;
    struct reply_cache_entry *entry;

    for (int kept = 0; kept < 2; kept++) {
        setup(100, 100000);
        wire_open(&first);
        wire_open(&second);
        wire_open(&third);
        struct rpc_call call = call_of(&first, 1, 100);
        assert_int_equal(begin_as(&call, 0, &entry), REPLY_CACHE_RUN);
        wire_hang_up(&first);
        asking_begin(&asking, &second);
        /* Once more: the one before is waited for by nobody any more. */
        wire_hang_up(&second);
        asking_begin(&later, &third);
        assert_int_equal(asking_end(&asking), REPLY_CACHE_RUNNING);
        /* One that comes late, by a connection before, does not take its place. */
        struct rpc_call late = call_of(&second, 1, 100);
        expect(&late, REPLY_CACHE_RUNNING);
        if (kept)
            reply_cache_store(entry, (const uint8_t *)"done", 4);
        else
            reply_cache_drop(entry);
        assert_int_equal(asking_end(&later), kept ? REPLY_CACHE_REPEAT : REPLY_CACHE_RUN);
        reply_cache_finish();
    }
}

TEST(two_open_connections_with_the_same_call_are_two_clients)
{
    struct wire wires[20];
    struct reply_cache_entry *entries[20];

    setup(1000, 100000);
    for (size_t i = 0; i < 20; i++)
        wire_open(&wires[i]);
    for (uint32_t flags = 0; flags <= WRITE; flags += WRITE) {
        /* Neither is dropped while the other is running, nor answered by it. */
        for (size_t i = 0; i < 20; i++) {
            struct rpc_call call = call_of(&wires[i], 7, 64);
            assert_int_equal(begin_as(&call, flags, &entries[i]), REPLY_CACHE_RUN);
            assert_non_null(entries[i]);
        }
        for (size_t i = 0; i < 20; i++)
            reply_cache_store(entries[i], (const uint8_t *)"done", 4);
        for (size_t i = 0; i < 20; i++) {
            struct rpc_call call = call_of(&wires[i], 7, 64);
            expect_as(&call, flags, REPLY_CACHE_REPEAT);
        }
    }
    reply_cache_finish();
}

TEST(a_write_over_another_connection_is_carried_out_again)
{
    struct wire first, second;

    setup(100, 100000);
    wire_open(&first);
    wire_open(&second);
    struct rpc_call call = call_of(&first, 1, 1500), again = call_of(&second, 1, 1500);
    run_as(&call, WRITE);
    expect_as(&again, WRITE, REPLY_CACHE_RUN);
    wire_close(&first);
    expect_as(&again, WRITE, REPLY_CACHE_RUN);
    reply_cache_finish();
}

TEST(a_datagram_is_known_by_its_address_and_port)
{
    struct wire wire;

    setup(100, 100000);
    wire_open(&wire);
    for (uint32_t flags = 0; flags <= WRITE; flags += WRITE) {
        struct rpc_call call = call_of(&wire, 1, 3000);
        address_set_port(&host, 700);
        call.connection = 0;
        call.is_datagram = true;
        run_as(&call, flags);
        expect_as(&call, flags, REPLY_CACHE_REPEAT);
        args[2999] ^= 1;
        expect_as(&call, flags, REPLY_CACHE_RUN);
        args[2999] ^= 1;
        address_set_port(&host, 701);
        expect_as(&call, flags, REPLY_CACHE_RUN);
        address_set_port(&host, 0);
        expect_as(&call, flags, REPLY_CACHE_RUN);
        struct rpc_call stream = call_of(&wire, 1, 3000);
        expect_as(&stream, flags, REPLY_CACHE_RUN);
    }
    reply_cache_finish();
}

TEST(another_xid_client_caller_procedure_or_argument_is_another_call)
{
    struct wire wire, second;
    struct address away;

    setup(100, 100000);
    wire_open(&wire);
    wire_open(&second);
    struct rpc_call call = call_of(&wire, 1, 1500);
    run(&call);
    wire_close(&wire);
    call.connection = second.source.number;
    struct rpc_call other = call;
    other.xid = 2;
    expect(&other, REPLY_CACHE_RUN);
    other = call;
    other.procedure = 13;
    expect(&other, REPLY_CACHE_RUN);
    other = call;
    other.args.len = 1496;
    expect(&other, REPLY_CACHE_RUN);
    other = call;
    other.auth.uid = 1;
    expect(&other, REPLY_CACHE_RUN);
    other = call;
    other.auth.ngids = 1;
    expect(&other, REPLY_CACHE_RUN);
    other = call;
    other.auth.machine = (struct view){(const uint8_t *)"clone", 5};
    expect(&other, REPLY_CACHE_RUN);
    assert_int_equal(address_parse("192.0.2.2:700", 0, &away), 0);
    other = call;
    other.peer = &away;
    expect(&other, REPLY_CACHE_RUN);
    expect(&call, REPLY_CACHE_REPEAT);
    reply_cache_finish();
}

/* Such as a RENAME's, whose second name comes last, or a SYMLINK's target. */
TEST(of_what_may_not_be_carried_out_twice_every_byte_counts)
{
    struct wire first, second;
    uint32_t xid = 0;

    setup(10000, 1000000);
    wire_open(&first);
    wire_open(&second);
    for (uint32_t len = 8; len <= sizeof(args); len = len * 3 / 2 & ~3u) {
        struct rpc_call call = call_of(&first, ++xid, len);
        run(&call);
    }
    wire_close(&first);
    xid = 0;
    for (uint32_t len = 8; len <= sizeof(args); len = len * 3 / 2 & ~3u) {
        struct rpc_call call = call_of(&second, ++xid, len);
        for (uint32_t at = 0; at < len; at += 1 + len / 50) {
            args[at] ^= 1;
            expect(&call, REPLY_CACHE_RUN);
            args[at] ^= 1;
        }
        args[len - 1] ^= 0x80;
        expect(&call, REPLY_CACHE_RUN);
        args[len - 1] ^= 0x80;
        expect(&call, REPLY_CACHE_REPEAT);
    }
    reply_cache_finish();
}

TEST(replies_are_kept_whole_whatever_their_length)
{
    static const size_t lengths[] = {4, 287, 288, 289, 2048};
    struct reply_cache_entry *entry;
    struct reply_cache_stats stats;
    uint8_t reply[2048], again[2048], huge[2049] = {0};
    size_t len, sum = 0;
    struct wire wire;

    for (size_t i = 0; i < sizeof(reply); i++)
        reply[i] = (uint8_t)(i * 7 + 1);
    setup(100, 100000);
    wire_open(&wire);
    for (uint32_t i = 0; i < 5; i++) {
        struct rpc_call call = call_of(&wire, i, 8);
        assert_int_equal(reply_cache_begin(&call, 0, again, sizeof(again), &len, &entry),
                         REPLY_CACHE_RUN);
        reply_cache_store(entry, reply, lengths[i]);
        sum += lengths[i];
        assert_int_equal(reply_cache_begin(&call, 0, again, sizeof(again), &len, &entry),
                         REPLY_CACHE_REPEAT);
        assert_int_equal(len, lengths[i]);
        assert_memory_equal(again, reply, len);
    }
    reply_cache_stats_get(&stats);
    assert_int_equal(stats.bytes, sum);
    /* Longer ones are not kept: their calls may run again. */
    struct rpc_call call = call_of(&wire, 99, 8);
    assert_int_equal(begin_as(&call, 0, &entry), REPLY_CACHE_RUN);
    reply_cache_store(entry, huge, 2049);
    expect(&call, REPLY_CACHE_RUN);
    reply_cache_finish();
}

TEST(the_cache_is_bounded_and_keeps_what_is_running)
{
    struct reply_cache_entry *running, *entry;
    struct reply_cache_stats stats;
    struct wire wire;

    setup(160, 8000);
    wire_open(&wire);
    struct rpc_call first = call_of(&wire, 0xffffff, 8);
    assert_int_equal(begin_as(&first, 0, &running), REPLY_CACHE_RUN);
    for (uint32_t xid = 0; xid < 5000; xid++) {
        struct rpc_call call = call_of(&wire, xid, 8);
        assert_int_equal(begin_as(&call, 0, &entry), REPLY_CACHE_RUN);
        reply_cache_store(entry, args, 60 + xid % 100);
    }
    reply_cache_stats_get(&stats);
    test_note("%d entries, %d bytes after 5,001 calls; bounds 160 and 8,000", (int)stats.entries,
              (int)stats.bytes);
    assert_true(stats.entries <= 160 && stats.bytes <= 8000 && stats.bytes > 6000);
    expect(&first, REPLY_CACHE_RUNNING);
    reply_cache_drop(running);
    expect(&first, REPLY_CACHE_RUN);
    reply_cache_finish();
}

/* Memory is of one host after another; what one had does not stay its shard's. */
TEST(hosts_that_were_busy_once_leave_no_memory_behind)
{
    struct reply_cache_stats stats;
    struct wire wire;
    char text[32];

    setup(4000, 1000000);
    for (int i = 0; i < 64; i++) {
        snprintf(text, sizeof(text), "192.0.2.%d:700", i + 1);
        assert_int_equal(address_parse(text, 0, &host), 0);
        for (uint32_t j = 0; j < 5; j++) {
            wire_open(&wire);
            for (uint32_t xid = 0; xid < 1000; xid++) {
                struct rpc_call call = call_of(&wire, j * 1000 + xid, 8);
                run(&call);
            }
            wire_close(&wire);
            close(wire.peer);
        }
    }
    reply_cache_stats_get(&stats);
    test_note("%d entries, and %d spare ones", (int)stats.entries, (int)stats.spares);
    assert_true(stats.entries <= 4000 && stats.spares <= 1024);
    reply_cache_finish();
}

/* Of one host: by one connection, by many at once, by many one after the other; and of another. */
TEST(a_busy_client_pushes_out_nobody_elses_replies)
{
    struct wire quiet, busy[8];
    struct address away;

    setup(2000, 1000000);
    assert_int_equal(address_parse("192.0.2.2:700", 0, &away), 0);
    wire_open(&quiet);
    struct rpc_call call = call_of(&quiet, 1, 8);
    run(&call);
    struct rpc_call far = call;
    far.peer = &away;
    run(&far);
    for (size_t i = 0; i < 8; i++)
        wire_open(&busy[i]);
    for (uint32_t xid = 100; xid < 5100; xid++)
        for (size_t i = 0; i < 8; i++) {
            struct rpc_call other = call_of(&busy[i], xid, 8);
            run(&other);
            run_as(&other, WRITE);
        }
    expect(&call, REPLY_CACHE_REPEAT);
    expect(&far, REPLY_CACHE_REPEAT);
    for (uint32_t xid = 0; xid < 5000; xid++) {
        struct wire brief;
        wire_open(&brief);
        struct rpc_call other = call_of(&brief, xid, 16);
        run(&other);
        wire_hang_up(&brief);
        wire_close(&brief);
    }
    expect(&far, REPLY_CACHE_REPEAT);
    reply_cache_finish();
}

TEST(a_client_with_many_addresses_of_its_network_is_one)
{
    struct address address;
    struct wire wire;

    setup(200, 1000000);
    wire_open(&wire);
    struct rpc_call call = call_of(&wire, 1, 8);
    run(&call);
    for (uint32_t i = 0; i < 3000; i++) {
        struct wire other;
        wire_open(&other);
        assert_int_equal(address_parse("2001:db8::1", 700, &address), 0);
        memcpy(&address.in6.sin6_addr.s6_addr[12], &i, sizeof(i));
        struct rpc_call many = call_of(&other, i, 8);
        many.peer = &address;
        run(&many);
        wire_hang_up(&other);
        wire_close(&other);
    }
    expect(&call, REPLY_CACHE_REPEAT);
    reply_cache_finish();
}
