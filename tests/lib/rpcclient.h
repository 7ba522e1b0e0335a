/*
 * rpcclient.h - ONC RPC (RFC 5531) at the level of bytes, over TCP and UDP.
 *
 * What the wire and client tests talk to the server with. The ordinary way is client_begin(),
 * put_*() of the arguments, client_finish(); each of its steps can also be had alone, and bent:
 * another fragmentation, another credential, bytes that are no call at all. Whatever breaks the
 * protocol on the server's side (a reply in several fragments, a wrong xid, a length that is
 * not a multiple of 4) fails the running test.
 */
#ifndef TESTS_LIB_RPCCLIENT_H
#define TESTS_LIB_RPCCLIENT_H

#include "tests/lib/bytes.h"
#include <sys/socket.h>

enum {
    PROGRAM_PORTMAP = 100000,
    PROGRAM_NFS = 100003,
    PROGRAM_MOUNT = 100005,
};
enum { REPLY_ACCEPTED = 0, REPLY_DENIED = 1 };
enum {
    ACCEPT_SUCCESS,
    ACCEPT_PROG_UNAVAIL,
    ACCEPT_PROG_MISMATCH,
    ACCEPT_PROC_UNAVAIL,
    ACCEPT_GARBAGE_ARGS,
    ACCEPT_SYSTEM_ERR
};
enum { REJECT_RPC_MISMATCH = 0, REJECT_AUTH_ERROR = 1 };

/* Who calls. AUTH_NONE and AUTH_SYS are built from the fields; any other flavor carries `raw`. */
struct caller {
    uint32_t flavor;
    uint32_t uid, gid;
    uint32_t ngids;
    uint32_t gids[32]; /* more than the 16 that are legal, to try that */
    const void *raw;
    size_t raw_len;
    const char *machine; /* NULL: as all */
};
extern const struct caller caller_root, caller_nobody; /* AUTH_SYS 0:0; AUTH_NONE */
struct caller caller_uid(uint32_t uid, uint32_t gid);  /* AUTH_SYS without groups */

enum client_flags {
    CLIENT_UDP = 1,
    CLIENT_IPV6 = 2,
    CLIENT_UNPRIVILEGED = 4, /* else a reserved source port where we may (we are root) */
};

struct client {
    int fd;
    int flags; /* enum client_flags */
    uint32_t xid;
    int timeout_ms;    /* of a reply; 10 s at first */
    bool patient;      /* calls of the NFS program that get JUKEBOX are sent again, as clients do */
    struct caller who; /* root at first */
    struct bytes call; /* being built, or last sent (for a retransmission) */
    uint8_t *reply;    /* the last reply */
    size_t reply_room;
};

/* A reply's header, parsed. */
struct reply {
    uint32_t xid;
    uint32_t kind;      /* REPLY_ACCEPTED, REPLY_DENIED */
    uint32_t status;    /* ACCEPT_*, or REJECT_* when denied */
    uint32_t low, high; /* the versions of a mismatch; low: why, for REJECT_AUTH_ERROR */
    struct cursor results;
};

/* The server at this port of this host. Fails the test where it can't be reached. */
void client_connect(struct client *client, uint16_t port, int flags);
/* A server anywhere; 0 or an errno. */
int client_connect_to(struct client *client, const struct sockaddr *server, socklen_t len,
                      int flags);
void client_disconnect(struct client *client);
/* Ends a TCP connection in order, and returns when the server has ended it, too. */
void client_end(struct client *client);
/* A client without a socket yet: client->fd is the caller's to make. */
void client_connect_nowhere(struct client *client, int flags);
/* Breaks the connection, and makes another one to this port, from another port of ours; all else
 * stays, the call that was sent last, too. */
void client_reconnect(struct client *client, uint16_t port);

/* Starts a call in client->call with the next xid: header and credential. Arguments follow. */
struct bytes *client_begin(struct client *client, uint32_t program, uint32_t version,
                           uint32_t procedure);
/* Sends the call and gets its reply, which must have been accepted with success. */
struct cursor client_finish(struct client *client);
/* As client_finish, but whatever the reply's header says is the caller's to judge. */
struct reply client_exchange(struct client *client);

/* The header of a call, to any buffer. */
void client_put_header(struct bytes *b, uint32_t xid, uint32_t program, uint32_t version,
                       uint32_t procedure, const struct caller *who);
/* Sends client->call as one record, or datagram. */
void client_send(struct client *client);
/* TCP: in fragments of at most `size` bytes, each in a send of its own; `empty`: an empty fragment
 * goes before each. */
void client_send_fragments(struct client *client, size_t size, bool empty);
/* Bytes as they are, without a record mark. False where the peer does not take them any more. */
bool client_send_raw(struct client *client, const void *data, size_t len);
/* Appends `message` with a record mark to `stream`, for several calls in one send. */
void client_put_record(struct bytes *stream, const struct bytes *message);

/* The next reply; false: none came within timeout_ms, or the connection was closed. */
bool client_receive(struct client *client, struct reply *reply);
/* That the server closes this connection, and says nothing before. */
void client_expect_close(struct client *client);
/* That no reply comes for so long, and the connection stays. */
void client_expect_silence(struct client *client, int ms);

#endif
