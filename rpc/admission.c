/*
 * admission.c - see admission.h. For a connection that was welcome this is two loads a message.
 */
#include "rpc/admission.h"
#include "base/log.h"
#include "rpc/program.h"
#include <time.h>

static enum rpc_verdict (*ask_hook)(const struct address *peer);
static uint64_t (*generation_hook)(void);

void rpc_admission_set(enum rpc_verdict (*ask)(const struct address *peer),
                       uint64_t (*generation)(void))
{
    ask_hook = ask;
    generation_hook = generation;
}

/* Many datagrams of one stranger are asked about once a second. */
static enum rpc_verdict datagram_ask(const struct address *peer, uint64_t generation)
{
    static _Thread_local struct {
        uint64_t generation; /* 0: nothing yet */
        time_t second;
        struct address peer;
        enum rpc_verdict verdict;
    } memo;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (memo.generation == generation && memo.second == now.tv_sec &&
        address_same_host(&memo.peer, peer))
        return memo.verdict;
    memo.generation = 0; /* this thread may sleep, but only it has this */
    memo.verdict = ask_hook(peer);
    memo.generation = memo.verdict == RPC_UNKNOWN ? 0 : generation;
    memo.second = now.tv_sec;
    memo.peer = *peer;
    return memo.verdict;
}

/* This host's own programs register with the portmapper and ask it, whatever is exported to whom.
 * All else they ask for at its port is decided by the exports, as at ours. */
static bool uses_own_portmapper(const struct net_message *message)
{
    return address_port(&message->local) == PORTMAP_PORT && address_is_own(&message->peer);
}

enum rpc_verdict rpc_admission(const struct net_message *message)
{
    static struct log_limit limit;
    struct net_memory *memory = message->memory;
    enum rpc_verdict verdict;

    if (ask_hook == NULL)
        return RPC_WELCOME;
    /* Before the question: an answer by newer exports is then asked for once more. */
    uint64_t generation = generation_hook();
    if (memory != NULL && memory->welcome == generation)
        return RPC_WELCOME;
    if (uses_own_portmapper(message))
        verdict = RPC_WELCOME;
    else if (memory != NULL)
        verdict = ask_hook(&message->peer);
    else
        verdict = datagram_ask(&message->peer, generation);
    if (verdict == RPC_WELCOME && memory != NULL)
        memory->welcome = generation;
    if (verdict != RPC_STRANGER)
        return verdict;
    if (memory != NULL)
        memory->refused = true;
    if (log_limit_allows(&limit)) {
        char text[ADDRESS_TEXT_MAX];
        log_warning("%s: nothing is exported to it; turned away",
                    address_format(&message->peer, true, text));
    }
    return RPC_STRANGER;
}
