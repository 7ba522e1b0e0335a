/*
 * rpc_reply_cache.c - tests of the reply cache: what is the same call, and its bounds.
 */
#include "rpc/reply_cache.h"
#include "tests/lib/test.h"
#include <string.h>

static struct address host;
static uint8_t args[2000];

static struct rpc_call call_of(uint32_t xid, uint32_t args_len)
{
    return (struct rpc_call){.xid = xid,
                             .program = 100003,
                             .version = 3,
                             .procedure = 12,
                             .peer = &host,
                             .args = {args, args_len}};
}

static void setup(uint32_t entries, size_t bytes)
{
    assert_int_equal(address_parse("192.0.2.1:700", 0, &host), 0);
    assert_int_equal(reply_cache_init(entries, bytes), 0);
}

static enum reply_cache_answer begin(const struct rpc_call *call, struct reply_cache_entry **entry,
                                     char *reply, size_t *len)
{
    return reply_cache_begin(call, (uint8_t *)reply, 64, len, entry);
}

TEST(a_retransmission_is_answered_again_from_another_port)
{
    struct reply_cache_entry *entry, *none;
    char reply[64];
    size_t len;

    setup(100, 100000);
    struct rpc_call call = call_of(1, 100);
    assert_int_equal(begin(&call, &entry, reply, &len), REPLY_CACHE_RUN);
    assert_non_null(entry);
    assert_int_equal(begin(&call, &none, reply, &len), REPLY_CACHE_RUNNING);
    reply_cache_store(entry, (const uint8_t *)"done", 4);
    address_set_port(&host, 900);
    assert_int_equal(begin(&call, &none, reply, &len), REPLY_CACHE_REPEAT);
    assert_int_equal(len, 4);
    assert_memory_equal(reply, "done", 4);
    reply_cache_finish();
}

TEST(another_xid_client_procedure_or_argument_is_another_call)
{
    struct reply_cache_entry *entry;
    char reply[64];
    size_t len;

    setup(100, 100000);
    struct rpc_call call = call_of(1, 1500);
    assert_int_equal(begin(&call, &entry, reply, &len), REPLY_CACHE_RUN);
    reply_cache_store(entry, (const uint8_t *)"done", 4);
    struct rpc_call other = call;
    other.xid = 2;
    assert_int_equal(begin(&other, &entry, reply, &len), REPLY_CACHE_RUN);
    other = call;
    other.procedure = 13;
    assert_int_equal(begin(&other, &entry, reply, &len), REPLY_CACHE_RUN);
    other = call;
    other.args.len = 1496;
    assert_int_equal(begin(&other, &entry, reply, &len), REPLY_CACHE_RUN);
    /* Of arguments with so much data only the beginning counts (of a WRITE: the file, the offset
     * and the first of the data): hashing all of it would cost more than it tells. */
    args[200] ^= 1;
    assert_int_equal(begin(&call, &entry, reply, &len), REPLY_CACHE_RUN);
    args[200] ^= 1;
    struct address away;
    assert_int_equal(address_parse("192.0.2.2:700", 0, &away), 0);
    other = call;
    other.peer = &away;
    assert_int_equal(begin(&other, &entry, reply, &len), REPLY_CACHE_RUN);
    assert_int_equal(begin(&call, &entry, reply, &len), REPLY_CACHE_REPEAT);
    reply_cache_finish();
}

/* Such as a RENAME's, whose second name comes last. */
TEST(of_arguments_without_data_every_byte_counts)
{
    struct reply_cache_entry *entry;
    char reply[64];
    size_t len;

    setup(100, 100000);
    struct rpc_call call = call_of(1, 1000);
    assert_int_equal(begin(&call, &entry, reply, &len), REPLY_CACHE_RUN);
    reply_cache_store(entry, (const uint8_t *)"done", 4);
    args[999] ^= 1;
    assert_int_equal(begin(&call, &entry, reply, &len), REPLY_CACHE_RUN);
    args[999] ^= 1;
    assert_int_equal(begin(&call, &entry, reply, &len), REPLY_CACHE_REPEAT);
    reply_cache_finish();
}

TEST(replies_are_kept_whole_whatever_their_length)
{
    static const size_t lengths[] = {4, 287, 288, 289, 2048};
    struct reply_cache_entry *entry;
    struct reply_cache_stats stats;
    uint8_t reply[2048], again[2048], huge[2049] = {0};
    size_t len, sum = 0;

    for (size_t i = 0; i < sizeof(reply); i++)
        reply[i] = (uint8_t)(i * 7 + 1);
    setup(100, 100000);
    for (uint32_t i = 0; i < 5; i++) {
        struct rpc_call call = call_of(i, 8);
        assert_int_equal(reply_cache_begin(&call, again, sizeof(again), &len, &entry),
                         REPLY_CACHE_RUN);
        reply_cache_store(entry, reply, lengths[i]);
        sum += lengths[i];
        assert_int_equal(reply_cache_begin(&call, again, sizeof(again), &len, &entry),
                         REPLY_CACHE_REPEAT);
        assert_int_equal(len, lengths[i]);
        assert_memory_equal(again, reply, len);
    }
    reply_cache_stats_get(&stats);
    assert_int_equal(stats.bytes, sum);
    /* Longer ones are not kept: their calls may run again. */
    struct rpc_call call = call_of(99, 8);
    assert_int_equal(begin(&call, &entry, (char *)again, &len), REPLY_CACHE_RUN);
    reply_cache_store(entry, huge, 2049);
    assert_int_equal(begin(&call, &entry, (char *)again, &len), REPLY_CACHE_RUN);
    reply_cache_finish();
}

TEST(the_cache_is_bounded_and_keeps_what_is_running)
{
    struct reply_cache_entry *running, *entry;
    struct reply_cache_stats stats;
    char reply[64];
    size_t len;

    setup(160, 16000);
    struct rpc_call first = call_of(0xffffff, 8);
    assert_int_equal(begin(&first, &running, reply, &len), REPLY_CACHE_RUN);
    for (uint32_t xid = 0; xid < 5000; xid++) {
        struct rpc_call call = call_of(xid, 8);
        assert_int_equal(begin(&call, &entry, reply, &len), REPLY_CACHE_RUN);
        reply_cache_store(entry, args, 60 + xid % 100);
    }
    reply_cache_stats_get(&stats);
    test_note("%d entries, %d bytes after 5,001 calls; bounds 160 and 16,000", (int)stats.entries,
              (int)stats.bytes);
    assert_true(stats.entries <= 176 && stats.bytes <= 16000);
    assert_int_equal(begin(&first, &entry, reply, &len), REPLY_CACHE_RUNNING);
    reply_cache_drop(running);
    assert_int_equal(begin(&first, &entry, reply, &len), REPLY_CACHE_RUN);
    reply_cache_finish();
}
