/*
 * net.h - messages in, replies out: what net/ offers to rpc/ and server/.
 *
 * N loops, each an epoll set, carry all sockets. One thread at a time runs a loop. It reads what a
 * socket has, calls the handler for each complete message where the message lies, and sends the
 * gathered replies (docs/ARCHITECTURE.md, "The loops"). A thread that is about to sleep
 * (base/sleep.h), or that has been in one handler call for some milliseconds (workers.c), loses its
 * loop to a standby thread; the handler notices nothing of that.
 *
 * net/ knows records and datagrams, and nothing of RPC.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/address.h"
#include "base/metrics.h"
#include "base/payload.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the largest legal message: a WRITE of 1 MiB with its headers (call header, credential
 * and verifier of 400 bytes each, handle). A longer record closes its connection. */
#define NET_PAYLOAD_MAX (1024 * 1024)
#define NET_MESSAGE_MAX (NET_PAYLOAD_MAX + 4096)
/* Bytes of the largest datagram of UDP over IPv4 (RFC 768). */
#define NET_DATAGRAM_MAX 65507

/* What the handler keeps with a connection: 0 at first, and gone with it. Several threads at once
 * may handle messages of one connection. */
struct net_memory {
    _Atomic uint64_t peer;    /* rpc/peer.c: who is at the other end */
    _Atomic uint64_t welcome; /* rpc/admission.c: welcome while this is the generation of exports */
    _Atomic bool refused;     /* read by net/: the connection ends when its replies are sent */
};

/* One message and the room for its reply. Valid until the handler returns. What the handler leaves
 * in the pipe of `in` is dropped then. */
struct net_message {
    struct address peer;  /* normalized, with the source port */
    struct address local; /* the address to which it came; port 0 where unknown */
    bool is_datagram;
    uint64_t connection;       /* the connection's number (connections.h); 0 for a datagram */
    struct net_memory *memory; /* the connection's; NULL for a datagram */
    /* Messages with the same batch number had all arrived before the first of them was handled. No
     * other batch of this process has the number; 0: the message is of none. */
    uint64_t batch;
    bool last_in_batch;  /* nothing has arrived behind it on its connection; false for a datagram */
    const uint8_t *data; /* aligned to 4 */
    size_t len;
    struct payload in; /* the end of the message, where some of that is in the pipe; else empty, and
                          the handler says where the payload is that it found in the message */
    uint8_t *reply;    /* aligned to 4; the handler writes its reply here */
    size_t reply_room; /* bytes; at least NET_MESSAGE_MAX, or NET_DATAGRAM_MAX for a datagram */
    struct payload out; /* empty; what the handler leaves in its pipe is sent behind the reply, in
                           whose room it would have found place */
};

/* Returns the length of the reply (a multiple of 4) without what is in the pipe; 0: none is sent.
 */
typedef size_t (*net_handler)(struct net_message *message);

#define NET_LOOPS_MAX 64

struct net_config {
    unsigned loops; /* at most NET_LOOPS_MAX; 0: one for each CPU, at most 8 */
    bool freebind;  /* net_listen() takes addresses that this host does not have yet */
    int spin_usec;  /* microseconds to poll before sleeping; -1: automatic; 0: never */
    net_handler handler;
};

/* Prepares the loops; starts nothing. ENOMEM, EMFILE. */
int net_init(const struct net_config *config);
/*
 * Listens for TCP connections and for UDP datagrams at `address`, on one port. Port 0 chooses a
 * port, which is stored in *address. Returns the errno of bind(): EADDRINUSE, EACCES,
 * EADDRNOTAVAIL.
 */
int net_listen(struct address *address);
/* Starts the threads, which call the handler from now on. */
int net_start(void);
/*
 * Ends net/: takes no new connections or messages; calls that have begun are finished and answered,
 * for at most `grace_ms` milliseconds; then threads are joined and sockets closed. False: some
 * calls did not finish, and their threads still run, so nothing that they may use can be freed.
 */
bool net_finish(unsigned grace_ms);

/* For status and tests. */
struct net_stats {
    uint64_t connections; /* open now */
    uint64_t messages;    /* since the start */
    uint64_t handovers;   /* times a thread gave its loop away before it slept */
    uint64_t takeovers;   /* times a loop was taken from a thread that slept or worked for long */
    uint64_t threads;     /* threads that exist now */
};
/* Whether every loop went round since the last call; makes each go round once more. Only one thread
 * may call this, and the first call returns false. */
bool net_alive(void);
void net_stats_get(struct net_stats *stats);
/* These figures as rows. */
extern const struct metrics net_metrics;

#endif
