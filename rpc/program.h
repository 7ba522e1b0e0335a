/*
 * program.h - ONC RPC programs as tables of procedures (RFC 5531), and the call that they get.
 *
 * mountd/, nfsd/ and portmap/ register programs. rpc/dispatch.c finds the row for a call, decodes
 * the arguments, runs the procedure and encodes the results. A program consists of rows; the macros
 * at the end make the typed functions that rows point to.
 */
#ifndef RPC_PROGRAM_H
#define RPC_PROGRAM_H

#include "base/address.h"
#include "base/payload.h"
#include "base/view.h"
#include <rpc/types.h>
#include <rpc/xdr.h>
#include <stdbool.h>
#include <stdint.h>

struct net_memory;

enum rpc_flavor { RPC_AUTH_NONE = 0, RPC_AUTH_SYS = 1 };

/* The credential AUTH_SYS (RFC 5531 appendix A). All 0 for AUTH_NONE. */
#define RPC_GIDS_MAX 16
struct rpc_auth {
    enum rpc_flavor flavor;
    uint32_t uid, gid;
    uint32_t ngids;
    uint32_t gids[RPC_GIDS_MAX];
    struct view machine; /* what the client calls itself; never trusted */
};

/* How a procedure ended, for the reply's accept_stat. The last value is this server's own. */
enum rpc_outcome {
    RPC_DONE = 0, /* the results are to be encoded */
    RPC_GARBAGE_ARGS = 4,
    RPC_SYSTEM_ERR = 5,
    RPC_NO_REPLY = 100, /* no reply is sent */
};

/* A call while it runs. It lives on the stack of its thread. */
struct rpc_call {
    uint32_t xid, program, version, procedure;
    struct rpc_auth auth;
    const struct address *peer;  /* with its source port */
    const struct address *local; /* the address to which it came; port 0 where unknown */
    bool is_datagram;
    uint64_t connection;       /* the connection's number (net/connections.h); 0 for a datagram */
    struct net_memory *memory; /* what is kept with the connection; NULL for a datagram */
    /* set by the program: nothing was done, so the reply need not be kept */
    bool refused;
    bool is_unknown; /* it is not known yet whether anything is exported to the peer */
    uint64_t batch;  /* as in struct net_message */
    bool last_in_batch;
    size_t len;         /* bytes of the whole call */
    struct view args;   /* the undecoded arguments */
    struct payload *in; /* the arguments' payload, where the row names one */
    uint8_t *results;   /* where the encoded results begin, aligned to 4 */
    size_t results_room;
    struct payload *out; /* for the results' payload, which is their end: payload_view() of it */
};

/*
 * Room for a payload within the reply itself: where the payload is read to this place, and the
 * result's view points here, encoding does not copy it. `offset` is the number of result bytes that
 * will be encoded before the payload. *room is how many bytes fit, at most RPC_PAYLOAD_MAX and less
 * for a datagram, rounded down to a multiple of 4.
 */
uint8_t *rpc_call_payload(const struct rpc_call *call, size_t offset, size_t *room);

enum rpc_flags {
    RPC_REPLAY = 1,     /* it changes something: its reply is kept in the reply cache */
    RPC_IDEMPOTENT = 4, /* with RPC_REPLAY: carrying it out again does no harm */
    RPC_SHORT = 8,      /* over UDP its reply is never longer than the call */
};

#define RPC_ARGS_MAX    512  /* bytes of a decoded argument structure */
#define RPC_RESULTS_MAX 1024 /* bytes of a result structure */

/* One procedure. `args` and `results` are structures of the given sizes; `results` arrives zeroed.
 * Decoding allocates nothing: variable-length arguments are views of the message. The view that a
 * row names as its payload is the last argument. It may be in the pipe, so the procedure reads it
 * only by call->in. */
struct rpc_procedure {
    const char *name; /* NULL: there is no such procedure (PROC_UNAVAIL) */
    bool_t (*decode)(XDR *xdrs, void *args);
    bool_t (*encode)(XDR *xdrs, void *results);
    enum rpc_outcome (*run)(struct rpc_call *call, void *args, void *results);
    uint16_t args_size, results_size;
    uint16_t payload_at; /* offsetof() the payload's view in the arguments; 0: they have none */
    uint32_t flags;      /* enum rpc_flags | the program's own from RPC_FLAG_USER up */
};
#define RPC_FLAG_USER 0x100

struct rpc_version {
    uint32_t version;
    uint32_t count; /* number of procedures, which are numbered from 0 */
    const struct rpc_procedure *procedures;
};

struct rpc_program {
    uint32_t number;
    const char *name;
    uint32_t nversions; /* in ascending order; PROG_MISMATCH names the first and the last */
    const struct rpc_version *versions;
};

/* The port of the portmapper on every host (RFC 1833). */
#define PORTMAP_PORT 111
/* The most bytes that a READ, a WRITE or a listing carries; more does not fit into a message. */
#define RPC_PAYLOAD_MAX  (1u << 20)
#define RPC_PROGRAMS_MAX 8
/* Registers a program; to be called before net_start(). The program is borrowed for ever. */
void rpc_register(const struct rpc_program *program);
/* Sets and tells whether a program is served over UDP, where a sender can write any address. At
 * first every program is. May be changed at any time. */
void rpc_over_udp_set(uint32_t program, bool on);
bool rpc_over_udp(uint32_t program);
/* Takes calls at this address, too, over TCP and UDP: net_listen() for programs with a port of
 * their own. Returns its errors. */
int rpc_listen(struct address *address);
/* Whether the connection that an earlier call came by still leads to its client. */
bool rpc_connection_is_open(uint64_t connection);
/* The registered programs, for rpcbind, by an index from 0; NULL past the end. */
const struct rpc_program *rpc_registered(unsigned index);

/*
 * Defines the typed functions of one procedure. RPC_ROW makes its row:
 *     RPC_PROC(nfs3, getattr, GETATTR3args, GETATTR3res)
 * expects
 *     static enum rpc_outcome nfs3_getattr(struct rpc_call *, GETATTR3args *,
 *                                          GETATTR3res *);
 * and the row is
 *     [1] = RPC_ROW(nfs3, getattr, GETATTR3args, GETATTR3res, flags).
 */
#define RPC_PROC(prefix, verb, ARGS, RES)                                            \
    static bool_t prefix##_##verb##_decode(XDR *xdrs, void *args)                    \
    {                                                                                \
        return xdr_##ARGS(xdrs, args);                                               \
    }                                                                                \
    static bool_t prefix##_##verb##_encode(XDR *xdrs, void *results)                 \
    {                                                                                \
        return xdr_##RES(xdrs, results);                                             \
    }                                                                                \
    static enum rpc_outcome prefix##_##verb##_run(struct rpc_call *call, void *args, \
                                                  void *results)                     \
    {                                                                                \
        return prefix##_##verb(call, args, results);                                 \
    }
#define RPC_ROW(prefix, verb, ARGS, RES, FLAGS)                                                \
    {                                                                                          \
        .name = #verb, .decode = prefix##_##verb##_decode, .encode = prefix##_##verb##_encode, \
        .run = prefix##_##verb##_run, .args_size = sizeof(ARGS), .results_size = sizeof(RES),  \
        .flags = (FLAGS)                                                                       \
    }
/* The row of a procedure without arguments and results (NULL of every program). */
#define RPC_ROW_NULL                                                                \
    {                                                                               \
        .name = "null", .decode = rpc_void, .encode = rpc_void, .run = rpc_null_run \
    }
bool_t rpc_void(XDR *xdrs, void *nothing);
enum rpc_outcome rpc_null_run(struct rpc_call *call, void *args, void *results);

#endif
