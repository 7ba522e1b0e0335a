/*
 * net.h - messages in, replies out: what net/ offers to rpc/ and main.
 *
 * N loops, each an epoll set, carry all sockets. A loop is run by one thread at a time; that
 * thread reads what a socket has, calls the handler for each complete message where it is, and
 * sends the gathered replies (docs/ARCHITECTURE.md, "The loops"). A thread that is about to sleep
 * (base/sleep.h), or that has been in one handler call for some milliseconds (workers.c), loses
 * its loop to a standby thread; the handler notices nothing of it.
 *
 * net/ knows records and datagrams, nothing of RPC.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/address.h"
#include "base/metrics.h"
#include "base/payload.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest legal message: a WRITE of 1 MiB with its headers (call header, 400-byte credential
 * and verifier, handle). A longer record closes its connection. */
#define NET_PAYLOAD_MAX (1024 * 1024)
#define NET_MESSAGE_MAX (NET_PAYLOAD_MAX + 4096)
/* UDP can't carry more than this (RFC 768 over IPv4). */
#define NET_DATAGRAM_MAX 65507

/* What the handler keeps of a connection: 0 at first, and gone with it. Messages of one connection
 * may be handled by several threads at once. */
struct net_memory {
    _Atomic uint64_t peer;    /* rpc/peer.c's */
    _Atomic uint64_t welcome; /* rpc/admission.c's */
    _Atomic bool refused;     /* read by net/: it ends when its replies are sent */
};

/* One message and the room for its reply. Valid until the handler returns. What the handler leaves
 * in the pipe of `in` is dropped then. */
struct net_message {
    struct address peer;  /* normalized, with the source port */
    struct address local; /* the address it came to; port 0 where unknown */
    bool is_datagram;
    uint64_t connection;       /* no other has had this number (connections.h); 0 for a datagram */
    struct net_memory *memory; /* the connection's; NULL for a datagram */
    const uint8_t *data;       /* aligned to 4 */
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
    unsigned loops; /* at most NET_LOOPS_MAX; 0: as many as CPUs, at most 8 */
    bool freebind;  /* net_listen() takes addresses that this host does not have yet */
    int spin_usec;  /* poll this long before sleeping; -1: automatic; 0: never */
    net_handler handler;
};

/* Starts nothing yet. ENOMEM, EMFILE. */
int net_init(const struct net_config *config);
/*
 * Listens for TCP connections and UDP datagrams at `address` (both; one port). Port 0 chooses
 * one, written back to *address. Returns the bind's errno: EADDRINUSE, EACCES, EADDRNOTAVAIL.
 */
int net_listen(struct address *address);
/* Starts the threads: from here on the handler is called. */
int net_start(void);
/*
 * Ends: no new connections or messages, calls that have begun are finished and answered (at most
 * `grace_ms`), threads joined, sockets closed. False: some did not finish, and their threads still
 * run: nothing that they may use can be freed.
 */
bool net_finish(unsigned grace_ms);

/* For status and tests. */
struct net_stats {
    uint64_t connections; /* open now */
    uint64_t messages;    /* since the start */
    uint64_t handovers;   /* a loop was given away before sleeping */
    uint64_t takeovers;   /* a loop was taken from a thread that slept */
    uint64_t threads;     /* that exist now */
};
/* Whether every loop went round since the last time this was asked; asks each to. By one thread,
 * the first time in vain. */
bool net_alive(void);
void net_stats_get(struct net_stats *stats);
/* The same as rows. */
extern const struct metrics net_metrics;

#endif
