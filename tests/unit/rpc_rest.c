/*
 * rpc_rest.c - calls of which the end should be in the thread's pipe (net/rest.h), and is not
 * there.
 */
#include "net/rest.h"
#include "rpc/dispatch.h"
#include "rpc/program.h"
#include "rpc/reply_cache.h"
#include "tests/lib/bytes.h"
#include "tests/lib/rpcclient.h"
#include "tests/lib/test.h"

#define PROGRAM 0x20000001
#define REST    200000

static unsigned runs;

/* As a procedure does that finds that it needs them in memory after all. */
static enum rpc_outcome fill(struct rpc_call *call, void *args, void *results)
{
    (void)args, (void)results;
    runs++;
    return net_rest_fill(call->rest) ? RPC_DONE : RPC_SYSTEM_ERR;
}

enum { WHOLE, IN_PIPE, ONCE };
static const struct rpc_procedure rows[] = {
    [WHOLE] = {.name = "whole", .decode = rpc_void, .encode = rpc_void, .run = fill},
    [IN_PIPE] =
        {.name = "in_pipe", .decode = rpc_void, .encode = rpc_void, .run = fill, .flags = RPC_REST},
    [ONCE] = {.name = "once",
              .decode = rpc_void,
              .encode = rpc_void,
              .run = fill,
              .flags = RPC_REST | RPC_REPLAY},
};
static const struct rpc_version versions[] = {{.version = 1, .count = 3, .procedures = rows}};
static const struct rpc_program program = {
    .number = PROGRAM, .name = "rests", .nversions = 1, .versions = versions};

/* The length of the reply to a call of whose end so many bytes are said to be in the pipe. */
static size_t reply_to(uint32_t xid, uint32_t procedure, size_t lost)
{
    static uint8_t reply[NET_MESSAGE_MAX], data[REST];
    struct bytes call = {0};

    client_put_header(&call, xid, PROGRAM, 1, procedure, &caller_root);
    put_fixed(&call, data, REST);
    struct net_rest rest = {.len = lost, .at = call.data + call.len - lost};
    const struct net_message message = {.peer.in.sin_family = AF_INET,
                                        .data = call.data,
                                        .len = call.len,
                                        .rest = &rest,
                                        .reply = reply,
                                        .reply_room = sizeof(reply)};
    size_t len = rpc_dispatch(&message);
    bytes_free(&call);
    return len;
}

TEST(a_call_whose_rest_is_lost_is_not_answered)
{
    rpc_register(&program);
    assert_int_equal(reply_cache_init(1024, 1 << 20), 0);
    for (uint32_t procedure = WHOLE; procedure <= ONCE; procedure++) {
        assert_int_equal(reply_to(procedure, procedure, REST), 0);
        /* Of its header some is lost, too. */
        assert_int_equal(reply_to(10 + procedure, procedure, REST + 8), 0);
    }
    assert_int_equal(runs, 2); /* who can do without found it lost */
    for (uint32_t procedure = WHOLE; procedure <= ONCE; procedure++)
        assert_int_equal(reply_to(procedure, procedure, 0), 24);
    assert_int_equal(runs, 5); /* asked again each is run, and answered */
    assert_int_equal(reply_to(ONCE, ONCE, 0), 24);
    assert_int_equal(runs, 5);
}
