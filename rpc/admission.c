/*
 * admission.c - see admission.h. For a connection that was found welcome before, this costs two
 * loads a message.
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

/* Asks for a datagram's sender. The answer is kept for the rest of the second, so that many
 * datagrams from one stranger cost one question a second. */
static enum rpc_verdict datagram_ask(const struct address *peer, uint64_t generation)
{
    static _Thread_local struct {
        uint64_t generation; /* 0: nothing is kept */
        time_t second;
        struct address peer;
        enum rpc_verdict verdict;
    } memo;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (memo.generation == generation && memo.second == now.tv_sec &&
        address_same_host(&memo.peer, peer))
        return memo.verdict;
    memo.generation = 0; /* the question may make this thread sleep; no other thread sees this
                          * memo */
    memo.verdict = ask_hook(peer);
    memo.generation = memo.verdict == RPC_UNKNOWN ? 0 : generation;
    memo.second = now.tv_sec;
    memo.peer = *peer;
    return memo.verdict;
}

/* The programs of this host register with the portmapper and ask it, whatever the exports say. What
 * else they ask for at the portmapper's port is decided by the exports, as at every other port. */
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
    /* Read before the question: if the exports change meanwhile, the answer counts for the older
     * ones, and the next message asks again. */
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
