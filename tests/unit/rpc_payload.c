/*
 * rpc_payload.c - calls whose payload should be in the thread's pipe (base/payload.h), and is not
 * there.
 */
#include "rpc/dispatch.h"
#include "rpc/program.h"
#include "rpc/reply_cache.h"
#include "tests/lib/bytes.h"
#include "tests/lib/rpcclient.h"
#include "tests/lib/test.h"
#include "xdr/view.h"

#define PROGRAM 0x20000001
#define LENGTH  200000

static unsigned runs;

/* As a procedure does that finds that it needs them in memory after all. */
static enum rpc_outcome fill(struct rpc_call *call, void *args, void *results)
{
    (void)args, (void)results;
    runs++;
    return payload_to_memory(call->in) ? RPC_DONE : RPC_SYSTEM_ERR;
}

/* A word and a payload. */
struct args {
    uint32_t word;
    struct view payload;
};

static bool_t decode(XDR *xdrs, void *bytes)
{
    struct args *args = bytes;

    return xdr_u_int(xdrs, &args->word) && xdr_payload3(xdrs, &args->payload);
}

enum { WHOLE, IN_PIPE, ONCE };
#define ROW .decode = decode, .encode = rpc_void, .run = fill, .args_size = sizeof(struct args)
static const struct rpc_procedure rows[] = {
    [WHOLE] = {.name = "whole", ROW},
    [IN_PIPE] = {.name = "in_pipe", ROW, .payload_at = offsetof(struct args, payload)},
    [ONCE] = {.name = "once",
              ROW,
              .flags = RPC_REPLAY | RPC_IDEMPOTENT,
              .payload_at = offsetof(struct args, payload)},
};
static const struct rpc_version versions[] = {{.version = 1, .count = 3, .procedures = rows}};
static const struct rpc_program program = {
    .number = PROGRAM, .name = "rests", .nversions = 1, .versions = versions};

/* The length of the reply to a call of whose end so many bytes are said to be in the pipe. */
static size_t reply_to(uint32_t xid, uint32_t procedure, size_t lost)
{
    static uint8_t reply[NET_MESSAGE_MAX], data[LENGTH];
    struct bytes call = {0};

    client_put_header(&call, xid, PROGRAM, 1, procedure, &caller_root);
    put_u32(&call, 7);
    put_u32(&call, LENGTH);
    put_fixed(&call, data, LENGTH);
    const struct payload in = {.data = call.data + call.len - lost, .len = lost, .piped = lost};
    struct net_message message = {.peer.in.sin_family = AF_INET,
                                  .data = call.data,
                                  .len = call.len,
                                  .in = in,
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
        assert_int_equal(reply_to(procedure, procedure, LENGTH), 0);
        /* Of its header some is lost, too. */
        assert_int_equal(reply_to(10 + procedure, procedure, LENGTH + 24), 0);
    }
    assert_int_equal(runs, 2); /* who can do without found it lost */
    for (uint32_t procedure = WHOLE; procedure <= ONCE; procedure++)
        assert_int_equal(reply_to(procedure, procedure, 0), 24);
    assert_int_equal(runs, 5); /* asked again each is run, and answered */
    assert_int_equal(reply_to(ONCE, ONCE, 0), 24);
    assert_int_equal(runs, 5);
}
