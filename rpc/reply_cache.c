/*
 * reply_cache.c - finds out which call is a retransmission of which; see reply_cache.h. Called by
 * dispatch.c.
 *
 * reply_shelf.c keeps the entries. A call that must not be carried out twice is found by host and
 * arguments, whichever connection it comes by. Such a call can therefore meet calls of other
 * connections, and net/ is asked whether those connections are still open. A WRITE is compared only
 * with WRITEs of its own connection. Its checksum covers just what tells it apart there: file,
 * offset, count and some of the data, since a checksum over a megabyte would cost more than writing
 * it.
 */
#include "rpc/reply_cache.h"
#include "base/hash.h"
#include "base/payload.h"
#include "base/sleep.h"
#include "net/connections.h"
#include "rpc/peer.h"
#include "rpc/reply_shelf.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* The checksum of a call that may be carried out again covers all arguments up to CHECKED_WHOLE
 * bytes, and the first CHECKED_HEAD bytes of longer ones. */
#define CHECKED_WHOLE 1024
#define CHECKED_HEAD  256
_Static_assert(CHECKED_HEAD <= PAYLOAD_PEEKED, "in memory, wherever the payload is");
/* How many finished calls are kept of one connection: more than a client has under way on it. */
#define ONCE_OF_ONE  1024
#define AGAIN_OF_ONE 128
/* A finished call is remembered for this many seconds after its last repetition: longer than
 * clients wait before they ask again, shorter than a client takes to come around to an xid
 * again. */
#define AGE_MAX_S 180
/* Replies of more bytes than this are not kept. Procedures that change something have short
 * replies. */
#define REPLY_MAX 2048
/* One call asks about at most this many other connections of its host. */
#define OTHERS_MAX 16
/* At most this many calls wait at one time for a call that another connection began; further ones
 * are dropped, and their clients ask again. */
#define ASKERS_MAX 16

static struct {
    bool on;
    struct reply_shelf once, again; /* calls that must run once only; calls that may be repeated */
    uint64_t seed;
    uint8_t key[crypto_shorthash_KEYBYTES];
    _Atomic uint64_t hits, dropped_running;
    _Atomic unsigned askers; /* calls that wait for another connection's call */
} cache;

/* A call that is being looked for in the cache. */
struct wanted {
    struct reply_shelf *shelf;
    struct shelf_shard *shard;
    struct reply_caller caller;
    struct reply_key key;
    uint64_t hash;
    /* Connections that made an equal call. The first `nclosed` of them are known to be closed. */
    uint64_t others[OTHERS_MAX];
    unsigned nothers, nclosed;
};

static uint64_t sum_keyed(const void *bytes, size_t len)
{
    uint64_t sum;

    crypto_shorthash((uint8_t *)&sum, bytes, len, cache.key);
    return sum;
}

/* A checksum over the caller and all arguments: the socket's owner, the user and groups that the
 * credential names, and the client's name. The credential's bytes are not used as they are, since
 * some clients put the time into them. */
static uint64_t sum_whole(const struct rpc_call *call)
{
    const struct rpc_peer peer = call->is_datagram ? (struct rpc_peer){0} : rpc_peer_of(call);
    struct {
        uint64_t args;
        uint64_t machine;
        uint32_t peer_kind, peer_uid;
        uint32_t len, flavor, uid, gid, ngids;
        uint32_t gids[RPC_GIDS_MAX];
    } all = {
        .args = sum_keyed(call->args.data, call->args.len),
        .machine = sum_keyed(call->auth.machine.data, call->auth.machine.len),
        .peer_kind = peer.kind,
        .peer_uid = peer.uid,
        .len = call->args.len,
        .flavor = call->auth.flavor,
        .uid = call->auth.uid,
        .gid = call->auth.gid,
        .ngids = call->auth.ngids,
    };
    size_t gids = call->auth.ngids * sizeof(all.gids[0]);

    if (gids > 0)
        memcpy(all.gids, call->auth.gids, gids);
    return sum_keyed(&all, offsetof(__typeof__(all), gids) + gids);
}

static uint64_t sum_head(const struct rpc_call *call)
{
    size_t checked = call->args.len <= CHECKED_WHOLE ? call->args.len : CHECKED_HEAD;

    return hash_long(call->args.data, checked, cache.seed ^ call->args.len);
}

static void wanted_make(const struct rpc_call *call, uint32_t flags, struct wanted *wanted)
{
    struct reply_caller *caller = &wanted->caller;
    struct reply_key *key = &wanted->key;
    const bool again = flags & RPC_IDEMPOTENT;
    size_t len;
    const uint8_t *address = address_bytes(call->peer, &len);

    *wanted = (struct wanted){.shelf = again ? &cache.again : &cache.once};
    memcpy(caller->address, address, len);
    caller->is_ipv6 = call->peer->any.sa_family == AF_INET6;
    if (caller->is_ipv6)
        caller->scope = call->peer->in6.sin6_scope_id;
    caller->connection =
        call->is_datagram ? SHELF_DATAGRAM | address_port(call->peer) : call->connection;
    memcpy(key->address, caller->address, sizeof(key->address));
    key->scope = caller->scope;
    key->xid = call->xid;
    key->program = call->program;
    key->version = call->version;
    key->procedure = call->procedure;
    key->connection = again || call->is_datagram ? caller->connection : 0;
    /* A datagram says little about its sender: firmware may begin anew at an equal port with equal
     * xids, so all of its arguments are compared. */
    key->sum = again && !call->is_datagram ? sum_head(call) : sum_whole(call);
    wanted->hash = hash_long(key, sizeof(*key), cache.seed);
    /* Calls that may match those of another connection lie in one shard for all of a host. */
    wanted->shard = reply_shelf_shard(wanted->shelf, caller, again);
}

static time_t now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return ts.tv_sec;
}

/* --- with the shard's lock held --- */

static bool is_closed(const struct wanted *wanted, uint64_t connection)
{
    for (unsigned i = 0; i < wanted->nclosed; i++)
        if (wanted->others[i] == connection)
            return true;
    return false;
}

/* Finds the entry of an equal call of this connection, or of a connection that is known to be
 * closed. Other connections with an equal call are gathered in wanted->others, to be asked
 * about. */
static struct reply_cache_entry *wanted_find(struct wanted *wanted)
{
    struct reply_cache_entry *entry = NULL, *found = NULL;
    const time_t now = now_s();

    wanted->nothers = wanted->nclosed;
    for (;;) {
        entry = reply_shelf_find(wanted->shard, &wanted->key, wanted->hash, entry);
        if (entry == NULL)
            return found;
        if (entry->state == ENTRY_DONE && now - entry->since > AGE_MAX_S)
            continue; /* too old; its account drops it when it has too many */
        uint64_t connection = entry->account->caller.connection;
        if (connection == wanted->caller.connection)
            return entry;
        if (is_closed(wanted, connection))
            found = entry;
        else if (wanted->nothers < OTHERS_MAX)
            wanted->others[wanted->nothers++] = connection;
    }
}

static enum reply_cache_answer answer_with(struct wanted *wanted, struct reply_cache_entry *entry,
                                           uint8_t *reply, size_t room, size_t *len)
{
    if (entry->state == ENTRY_RUNNING) {
        cache.dropped_running++;
        return REPLY_CACHE_RUNNING;
    }
    if (entry->len > room)
        return REPLY_CACHE_RUN;
    cache.hits++;
    memcpy(reply, entry->big != NULL ? entry->big : entry->small, entry->len);
    *len = entry->len;
    entry->since = now_s();
    /* The entry moves to this connection's account, since the client goes on here. */
    if (entry->account->caller.connection != wanted->caller.connection)
        reply_shelf_move(wanted->shard, entry, &wanted->caller);
    return REPLY_CACHE_REPEAT;
}

/*
 * Waits for a call that runs for a connection that has ended. Its reply would be lost, and the
 * client may send the call only once on each connection. This call therefore waits until that one
 * is done, or until the client has asked by yet another connection. Gives up the shard's lock
 * meanwhile. Returns the entry as it is afterwards, or NULL where there is none.
 */
static struct reply_cache_entry *wait_for(struct wanted *wanted, struct reply_cache_entry *entry)
{
    struct shelf_shard *shard = wanted->shard;
    const uint64_t me = wanted->caller.connection;

    if (++cache.askers <= ASKERS_MAX) {
        pthread_mutex_unlock(&shard->lock);
        sleep_announce();
        pthread_mutex_lock(&shard->lock);
        entry = wanted_find(wanted);
        /* Calls may arrive in another order than their connections were made in: the newest
         * connection waits, older ones don't. */
        if (entry != NULL && entry->state == ENTRY_RUNNING && entry->asker < me) {
            entry->asker = me;
            pthread_cond_broadcast(&shard->changed);
            while (entry != NULL && entry->state == ENTRY_RUNNING && entry->asker == me) {
                pthread_cond_wait(&shard->changed, &shard->lock);
                entry = wanted_find(wanted);
            }
        }
    }
    cache.askers--;
    return entry;
}

static void askers_wake(struct shelf_shard *shard)
{
    if (cache.askers > 0)
        pthread_cond_broadcast(&shard->changed);
}

/* --- what dispatch.c calls --- */

/* Asks net/ about the connections in wanted->others. True: at least one more of them is closed. No
 * lock is held. */
static bool others_ask(struct wanted *wanted)
{
    const unsigned known = wanted->nclosed;

    for (unsigned i = known; i < wanted->nothers; i++)
        if (!net_connection_is_open(wanted->others[i]))
            wanted->others[wanted->nclosed++] = wanted->others[i];
    return wanted->nclosed > known;
}

enum reply_cache_answer reply_cache_begin(const struct rpc_call *call, uint32_t flags,
                                          uint8_t *reply, size_t room, size_t *len,
                                          struct reply_cache_entry **out)
{
    enum reply_cache_answer answer = REPLY_CACHE_RUN;
    struct wanted wanted;

    *out = NULL;
    if (!cache.on)
        return REPLY_CACHE_RUN;
    wanted_make(call, flags, &wanted);
    pthread_mutex_lock(&wanted.shard->lock);
    struct reply_cache_entry *entry = wanted_find(&wanted);
    if (entry == NULL && wanted.nothers > 0) {
        pthread_mutex_unlock(&wanted.shard->lock);
        bool closed = others_ask(&wanted);
        pthread_mutex_lock(&wanted.shard->lock);
        entry = closed ? wanted_find(&wanted) : NULL;
    }
    if (entry != NULL && entry->state == ENTRY_RUNNING &&
        entry->account->caller.connection != wanted.caller.connection)
        entry = wait_for(&wanted, entry);
    if (entry != NULL)
        answer = answer_with(&wanted, entry, reply, room, len);
    else
        *out =
            reply_shelf_add(wanted.shelf, wanted.shard, &wanted.caller, &wanted.key, wanted.hash);
    pthread_mutex_unlock(&wanted.shard->lock);
    return answer;
}

void reply_cache_store(struct reply_cache_entry *entry, const uint8_t *reply, size_t len)
{
    uint8_t *big = NULL;

    if (entry == NULL)
        return;
    if (len > SHELF_INLINE) {
        big = len <= REPLY_MAX ? malloc(len) : NULL;
        if (big == NULL) {
            reply_cache_drop(entry);
            return;
        }
    }
    /* No other thread looks at the reply of an entry that is running. */
    memcpy(big != NULL ? big : entry->small, reply, len);
    struct reply_shelf *shelf = entry->shelf;
    struct shelf_shard *shard = entry->shard;
    pthread_mutex_lock(&shard->lock);
    entry->big = big;
    entry->len = (uint32_t)len;
    entry->since = now_s();
    reply_shelf_keep(shard, entry);
    askers_wake(shard);
    pthread_mutex_unlock(&shard->lock);
    reply_shelf_trim(shelf);
}

void reply_cache_drop(struct reply_cache_entry *entry)
{
    if (entry == NULL)
        return;
    struct shelf_shard *shard = entry->shard;
    pthread_mutex_lock(&shard->lock);
    reply_shelf_drop(shard, entry);
    askers_wake(shard);
    pthread_mutex_unlock(&shard->lock);
}

int reply_cache_init(uint32_t entries_max, size_t bytes_max)
{
    memset(&cache, 0, sizeof(cache));
    randombytes_buf(&cache.seed, sizeof(cache.seed));
    randombytes_buf(cache.key, sizeof(cache.key));
    int err = reply_shelf_init(&cache.once, entries_max, ONCE_OF_ONE, bytes_max);
    if (err == 0)
        err = reply_shelf_init(&cache.again, entries_max, AGAIN_OF_ONE, bytes_max);
    if (err != 0)
        reply_cache_finish();
    cache.on = err == 0;
    return err;
}

void reply_cache_finish(void)
{
    reply_shelf_finish(&cache.once);
    reply_shelf_finish(&cache.again);
    cache.on = false;
}

void reply_cache_stats_get(struct reply_cache_stats *stats)
{
    *stats = (struct reply_cache_stats){
        .entries = cache.once.kept + cache.again.kept,
        .spares = cache.once.spares + cache.again.spares,
        .bytes = cache.once.bytes + cache.again.bytes,
        .hits = cache.hits,
        .dropped_running = cache.dropped_running,
    };
}
