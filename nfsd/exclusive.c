/*
 * exclusive.c - makes the verifier that a file system keeps for an EXCLUSIVE create.
 *
 * A create that a client repeats with its verifier must succeed again. A create by another client
 * that happens to choose an equal verifier must fail. Machines that are clones of one another do
 * choose equal verifiers, even behind one address. So the verifier that the file system keeps also
 * covers the client's address, machine name and user. Where these are equal, too, the connection
 * decides, as in the reply cache: a create on another connection is a repetition only if the
 * connection of the first one is closed. Otherwise the kept verifier covers another, random number,
 * so it differs from the first create's.
 *
 * Called by proc_create.c. Owns the list of the last creates; `lock` guards it. A create that has
 * dropped off the list, or came before the server's start, is taken for a repetition.
 */
#include "base/address.h"
#include "base/hash.h"
#include "nfsd/procedures.h"
#include <pthread.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>

#define LAST 1024

static struct {
    pthread_mutex_t lock;
    unsigned next;
    uint64_t keys[LAST]; /* apart from the rest, since all keys are searched */
    struct {
        uint64_t connection, other; /* other: 0 for the first create */
    } of[LAST];
} creates = {.lock = PTHREAD_MUTEX_INITIALIZER};

_Static_assert(crypto_shorthash_BYTES == NFS3_CREATEVERFSIZE, "one for the other");

/* Finds the entry of this connection, or takes over one whose connection is closed. LAST: there is
 * none. Lock held. */
static unsigned find(uint64_t key, uint64_t connection)
{
    unsigned closed = LAST;

    for (unsigned i = 0; i < LAST; i++) {
        if (creates.keys[i] != key)
            continue;
        if (creates.of[i].connection == connection)
            return i;
        if (closed == LAST && !rpc_connection_is_open(creates.of[i].connection))
            closed = i;
    }
    if (closed < LAST)
        creates.of[closed].connection = connection;
    return closed;
}

/* Whether any connection has sent this create. Lock held. */
static bool is_known(uint64_t key)
{
    for (unsigned i = 0; i < LAST; i++)
        if (creates.keys[i] == key)
            return true;
    return false;
}

/* 0, or a number that tells this create from an equal one of a client that is still connected. */
static uint64_t other_of(uint64_t key, uint64_t connection)
{
    uint64_t other = 0;

    pthread_mutex_lock(&creates.lock);
    unsigned at = find(key, connection);
    if (at == LAST) {
        if (is_known(key))
            randombytes_buf(&other, sizeof(other));
        at = creates.next;
        creates.next = (at + 1) % LAST;
        creates.keys[at] = key;
        creates.of[at].connection = connection;
        creates.of[at].other = other;
    }
    other = creates.of[at].other;
    pthread_mutex_unlock(&creates.lock);
    return other;
}

/* Identifies a create: hashes the directory, the name and the verifier. */
static uint64_t key_of(const struct nfs3_request *rq, struct view name, const uint8_t verifier[8])
{
    const struct vnode *dir = rq->access.vn;
    uint64_t key = hash_bytes(dir->id, dir->id_len, dir->fs->fsid);

    key = hash_bytes(name.data, name.len, key);
    key = hash_bytes(verifier, NFS3_CREATEVERFSIZE, key);
    return key != 0 ? key : 1;
}

void nfs3_exclusive(const struct nfs3_request *rq, struct view name, const createverf3 wire,
                    uint8_t verifier[8])
{
    /* Public, and never changed, since the kept verifiers outlive the server. */
    static const unsigned char key[crypto_shorthash_KEYBYTES + 1] = "loopnfs creators";
    const struct rpc_call *call = rq->call;
    struct {
        uint8_t verifier[NFS3_CREATEVERFSIZE];
        uint8_t address[16];
        uint64_t other;
        uint32_t uid, gid;
        uint8_t machine[256];
    } whose = {.uid = call->auth.uid, .gid = call->auth.gid};
    size_t len;
    const uint8_t *address = address_bytes(call->peer, &len);
    size_t machine = call->auth.machine.len < sizeof(whose.machine) ? call->auth.machine.len
                                                                    : sizeof(whose.machine);

    memcpy(whose.verifier, wire, NFS3_CREATEVERFSIZE);
    memcpy(whose.address, address, len < sizeof(whose.address) ? len : sizeof(whose.address));
    if (machine > 0)
        memcpy(whose.machine, call->auth.machine.data, machine);
    const size_t size = offsetof(__typeof__(whose), machine) + machine;
    crypto_shorthash(verifier, (const uint8_t *)&whose, size, key);
    if (call->is_datagram)
        return;
    whose.other = other_of(key_of(rq, name, verifier), call->connection);
    if (whose.other != 0)
        crypto_shorthash(verifier, (const uint8_t *)&whose, size, key);
}
