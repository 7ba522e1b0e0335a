/*
 * dispatch.c - from an ONC RPC message to its reply (RFC 5531 sections 8 and 9).
 *
 * net/ calls rpc_dispatch() for each message, on a loop's thread. The call header is decoded by
 * hand, and the arguments by the XDR routine of the procedure's row, where they lie. The results
 * are encoded behind the reply header, in the place from which they are sent.
 */
#include "rpc/dispatch.h"
#include "net/connections.h"
#include "rpc/admission.h"
#include "rpc/peer.h"
#include "rpc/program.h"
#include "rpc/reply_cache.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* RFC 5531 section 9. */
enum { MSG_CALL = 0, MSG_REPLY = 1 };
enum { REPLY_ACCEPTED = 0, REPLY_DENIED = 1 };
enum { ACCEPT_PROG_UNAVAIL = 1, ACCEPT_PROG_MISMATCH = 2, ACCEPT_PROC_UNAVAIL = 3 };
enum { REJECT_RPC_MISMATCH = 0, REJECT_AUTH_ERROR = 1 };
#define RPC_VERSION  2
#define AUTH_BADCRED 1
#define AUTH_TOOWEAK 5
#define AUTH_MAX     400 /* bytes of a credential's or verifier's body */
#define MACHINE_MAX  255
/* xid, REPLY, accepted, verifier (flavor, length), accept_stat */
#define REPLY_HEADER_WORDS 6
#define REPLY_HEADER       (REPLY_HEADER_WORDS * 4)

static const struct rpc_program *programs[RPC_PROGRAMS_MAX];
static unsigned program_count;
static _Atomic bool not_over_udp[RPC_PROGRAMS_MAX]; /* by the index in `programs` */

void rpc_register(const struct rpc_program *program)
{
    if (program_count == RPC_PROGRAMS_MAX)
        abort(); /* a mistake in the source: more programs than RPC_PROGRAMS_MAX */
    programs[program_count++] = program;
}

const struct rpc_program *rpc_registered(unsigned index)
{
    return index < program_count ? programs[index] : NULL;
}

void rpc_over_udp_set(uint32_t program, bool on)
{
    for (unsigned i = 0; i < program_count; i++)
        if (programs[i]->number == program)
            not_over_udp[i] = !on;
}

bool rpc_over_udp(uint32_t program)
{
    for (unsigned i = 0; i < program_count; i++)
        if (programs[i]->number == program)
            return !not_over_udp[i];
    return false;
}

bool_t rpc_void(XDR *xdrs, void *nothing)
{
    (void)xdrs;
    (void)nothing;
    return TRUE;
}

enum rpc_outcome rpc_null_run(struct rpc_call *call, void *args, void *results)
{
    (void)call;
    (void)args;
    (void)results;
    return RPC_DONE;
}

int rpc_listen(struct address *address)
{
    return net_listen(address);
}

_Static_assert(RPC_PAYLOAD_MAX == NET_PAYLOAD_MAX, "a payload must fit a message");

uint8_t *rpc_call_payload(const struct rpc_call *call, size_t offset, size_t *room)
{
    *room = call->results_room > offset ? (call->results_room - offset) & ~(size_t)3 : 0;
    if (*room > RPC_PAYLOAD_MAX)
        *room = RPC_PAYLOAD_MAX;
    return call->results + offset;
}

/* --- reading the call --- */

/* The part of a message that is still to be read. */
struct reader {
    const uint8_t *at, *end;
};

static bool read_word(struct reader *reader, uint32_t *word)
{
    if (reader->end - reader->at < 4)
        return false;
    memcpy(word, reader->at, 4);
    *word = ntohl(*word);
    reader->at += 4;
    return true;
}

/* `opaque<max>` */
static bool read_opaque(struct reader *reader, uint32_t max, struct view *view)
{
    uint32_t len;

    if (!read_word(reader, &len) || len > max)
        return false;
    size_t padded = ((size_t)len + 3) & ~(size_t)3;
    if ((size_t)(reader->end - reader->at) < padded)
        return false;
    *view = (struct view){reader->at, len};
    reader->at += padded;
    return true;
}

/* RFC 5531 appendix A. False: AUTH_BADCRED. */
static bool auth_sys_read(struct view body, struct rpc_auth *auth)
{
    struct reader reader = {body.data, body.data + body.len};
    uint32_t stamp;

    if (!read_word(&reader, &stamp) || !read_opaque(&reader, MACHINE_MAX, &auth->machine) ||
        !read_word(&reader, &auth->uid) || !read_word(&reader, &auth->gid) ||
        !read_word(&reader, &auth->ngids) || auth->ngids > RPC_GIDS_MAX)
        return false;
    for (uint32_t i = 0; i < auth->ngids; i++)
        if (!read_word(&reader, &auth->gids[i]))
            return false;
    return true;
}

/* The call header, without xid and message type. */
struct header {
    uint32_t rpc_version, flavor;
    struct view cred, verifier;
};

static bool header_read(struct reader *reader, struct header *header, struct rpc_call *call)
{
    uint32_t verifier_flavor;

    return read_word(reader, &call->program) && read_word(reader, &call->version) &&
           read_word(reader, &call->procedure) && read_word(reader, &header->flavor) &&
           read_opaque(reader, AUTH_MAX, &header->cred) && read_word(reader, &verifier_flavor) &&
           read_opaque(reader, AUTH_MAX, &header->verifier);
}

/* --- writing the reply --- */

static size_t words_write(uint8_t *at, const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t word = htonl(words[i]);
        memcpy(at + i * 4, &word, 4);
    }
    return count * 4;
}

static size_t reply_accepted(uint8_t *at, uint32_t xid, uint32_t accept)
{
    const uint32_t words[REPLY_HEADER_WORDS] = {xid, MSG_REPLY, REPLY_ACCEPTED, 0, 0, accept};

    return words_write(at, words, REPLY_HEADER_WORDS);
}

static size_t reply_mismatch(uint8_t *at, uint32_t xid, const struct rpc_program *program)
{
    const uint32_t range[2] = {program->versions[0].version,
                               program->versions[program->nversions - 1].version};

    size_t len = reply_accepted(at, xid, ACCEPT_PROG_MISMATCH);
    return len + words_write(at + len, range, 2);
}

static size_t reply_rpc_mismatch(uint8_t *at, uint32_t xid)
{
    const uint32_t words[] = {xid,         MSG_REPLY,  REPLY_DENIED, REJECT_RPC_MISMATCH,
                              RPC_VERSION, RPC_VERSION};

    return words_write(at, words, sizeof(words) / sizeof(words[0]));
}

static size_t reply_auth_error(uint8_t *at, uint32_t xid, uint32_t why)
{
    const uint32_t words[] = {xid, MSG_REPLY, REPLY_DENIED, REJECT_AUTH_ERROR, why};

    return words_write(at, words, sizeof(words) / sizeof(words[0]));
}

/* --- running --- */

/* Room for any procedure's arguments and results. */
union args {
    max_align_t align;
    char bytes[RPC_ARGS_MAX];
};
union results {
    max_align_t align;
    char bytes[RPC_RESULTS_MAX];
};

/* Directs a stream that xdrmem_create() made to other memory, by the fields that <rpc/xdr.h> shows:
 * a call of the library costs as much as decoding some words. */
static void stream_turn(XDR *xdrs, enum xdr_op op, void *bytes, size_t len)
{
    xdrs->x_op = op;
    xdrs->x_private = xdrs->x_base = bytes;
    xdrs->x_handy = (u_int)len;
}

static size_t stream_used(const XDR *xdrs)
{
    return (size_t)((char *)xdrs->x_private - xdrs->x_base);
}

/* Whether the payload in the pipe is the one that the row names. If so, everything before it was
 * decoded from memory, and nothing follows it. */
static bool payload_is_in_place(const struct rpc_procedure *row, const struct rpc_call *call,
                                const struct view *view)
{
    return row->payload_at > 0 && view->data == call->in->data &&
           view->len + payload_pad(view->len) == call->in->len;
}

/* Decodes the arguments where they lie. Bytes in the pipe belong behind the bytes in memory, so the
 * decoder may pass over them; a result that depends on bytes that are not there yet is not used.
 * False: the arguments can't be decoded, or are lost. */
static bool args_decode(const struct rpc_procedure *row, const struct rpc_call *call, XDR *xdrs,
                        union args *args)
{
    struct payload *in = call->in;
    const struct view *view = (const void *)(args->bytes + row->payload_at);

    if (row->payload_at == 0 && !payload_to_memory(in))
        return false;
    for (;;) {
        memset(args->bytes, 0, row->args_size);
        stream_turn(xdrs, XDR_DECODE, (void *)(uintptr_t)call->args.data, call->args.len);
        const bool decoded = row->decode(xdrs, args);
        if (decoded && in->piped > 0 && payload_is_in_place(row, call, view))
            return true;
        if (in->piped == 0) {
            if (decoded && row->payload_at > 0) {
                in->data = (uint8_t *)(uintptr_t)view->data;
                in->len = view->len + payload_pad(view->len);
            }
            return decoded;
        }
        if (!payload_to_memory(in))
            return false;
    }
}

/* Decodes the arguments, runs the procedure, encodes the results. Returns the length of the reply;
 * 0: none. */
static size_t procedure_run(const struct rpc_procedure *row, struct rpc_call *call, uint8_t *reply)
{
    union args args;
    union results results;
    XDR xdrs;

    memset(results.bytes, 0, row->results_size);
    xdrmem_create(&xdrs, NULL, 0, XDR_DECODE);
    call->refused = !args_decode(row, call, &xdrs, &args);
    if (call->refused)
        return call->in->lost ? 0 : reply_accepted(reply, call->xid, RPC_GARBAGE_ARGS);
    enum rpc_outcome outcome = row->run(call, &args, &results);
    /* After a lost payload no true reply can be given, nor kept for a repetition of the call. */
    if (outcome == RPC_NO_REPLY || call->in->lost)
        return 0;
    if (outcome != RPC_DONE)
        return reply_accepted(reply, call->xid, outcome);
    stream_turn(&xdrs, XDR_ENCODE, call->results, call->results_room);
    if (!row->encode(&xdrs, &results)) {
        payload_drop(call->out);
        /* A reply that is always longer than the call is not sent over UDP. */
        const bool is_short = call->is_datagram && row->flags & RPC_SHORT;
        return reply_accepted(reply, call->xid, is_short ? ACCEPT_PROC_UNAVAIL : RPC_SYSTEM_ERR);
    }
    return reply_accepted(reply, call->xid, RPC_DONE) + stream_used(&xdrs);
}

/* Whether a client on this host has gone before its user was found out. By its next connection it
 * may be another user. The client sends the call again, or no longer waits for the reply. */
static bool caller_is_lost(const struct rpc_call *call)
{
    return !call->is_datagram && rpc_peer_of(call).kind == RPC_PEER_UNKNOWN &&
           !net_connection_is_open(call->connection);
}

/* Like procedure_run(), for a procedure whose retransmissions must not be run again. */
static size_t procedure_run_once(const struct rpc_procedure *row, struct rpc_call *call,
                                 uint8_t *reply)
{
    struct reply_cache_entry *entry = NULL;
    size_t len = 0;

    if (row->payload_at == 0 && !payload_to_memory(call->in))
        return 0;
    if ((row->flags & RPC_IDEMPOTENT) == 0 && caller_is_lost(call))
        return 0;
    switch (reply_cache_begin(call, row->flags, reply, REPLY_HEADER + call->results_room, &len,
                              &entry)) {
    case REPLY_CACHE_REPEAT:
        return len;
    case REPLY_CACHE_RUNNING:
        return 0;
    case REPLY_CACHE_RUN:
        break;
    }
    len = procedure_run(row, call, reply);
    if (len > 0 && !call->refused)
        reply_cache_store(entry, reply, len);
    else
        reply_cache_drop(entry);
    return len;
}

bool rpc_connection_is_open(uint64_t connection)
{
    return net_connection_is_open(connection);
}

static const struct rpc_program *program_find(uint32_t number)
{
    for (unsigned i = 0; i < program_count; i++)
        if (programs[i]->number == number)
            return programs[i];
    return NULL;
}

static const struct rpc_version *version_find(const struct rpc_program *program, uint32_t version)
{
    for (uint32_t i = 0; i < program->nversions; i++)
        if (program->versions[i].version == version)
            return &program->versions[i];
    return NULL;
}

/* Answers a call whose header was decoded. */
static size_t call_answer(struct rpc_call *call, const struct header *header, uint8_t *reply)
{
    call->auth.flavor = (enum rpc_flavor)header->flavor;
    if (header->flavor != RPC_AUTH_NONE &&
        (header->flavor != RPC_AUTH_SYS || !auth_sys_read(header->cred, &call->auth)))
        return reply_auth_error(reply, call->xid, AUTH_BADCRED);
    const struct rpc_program *program = program_find(call->program);
    if (program == NULL || (call->is_datagram && !rpc_over_udp(call->program)))
        return reply_accepted(reply, call->xid, ACCEPT_PROG_UNAVAIL);
    const struct rpc_version *version = version_find(program, call->version);
    if (version == NULL)
        return reply_mismatch(reply, call->xid, program);
    if (call->procedure >= version->count || version->procedures[call->procedure].name == NULL)
        return reply_accepted(reply, call->xid, ACCEPT_PROC_UNAVAIL);
    const struct rpc_procedure *row = &version->procedures[call->procedure];
    if (call->is_unknown && row->flags & RPC_SHORT)
        return 0; /* no list is sent yet; the client asks again */
    /* A sender that writes another host's address must not make the server send more there than the
     * sender sent itself. */
    if (call->is_datagram && row->flags & RPC_SHORT)
        call->results_room = call->len > REPLY_HEADER ? (call->len - REPLY_HEADER) & ~(size_t)3 : 0;
    if (row->flags & RPC_REPLAY)
        return procedure_run_once(row, call, reply);
    return procedure_run(row, call, reply);
}

size_t rpc_dispatch(struct net_message *message)
{
    const uint8_t *const end = message->data + message->len;
    struct reader reader = {message->data, message->in.piped > 0 ? message->in.data : end};
    struct rpc_call call;
    struct header header;
    uint32_t type;

    /* Not all of it is cleared: the groups of AUTH_SYS count only as far as ngids says. */
    call.auth.uid = call.auth.gid = call.auth.ngids = 0;
    call.auth.machine = (struct view){0};
    if (!read_word(&reader, &call.xid) || !read_word(&reader, &type) || type != MSG_CALL)
        return 0;
    const enum rpc_verdict verdict = rpc_admission(message);
    if (verdict == RPC_STRANGER)
        return reply_auth_error(message->reply, call.xid, AUTH_TOOWEAK);
    if (!read_word(&reader, &header.rpc_version))
        return reply_accepted(message->reply, call.xid, RPC_GARBAGE_ARGS);
    if (header.rpc_version != RPC_VERSION)
        return reply_rpc_mismatch(message->reply, call.xid);
    struct reader whole = {reader.at, end};
    if (!header_read(&reader, &header, &call)) {
        /* The header may reach into bytes that are in the pipe. */
        if (!payload_to_memory(&message->in))
            return 0;
        reader = whole;
        if (!header_read(&reader, &header, &call))
            return reply_accepted(message->reply, call.xid, RPC_GARBAGE_ARGS);
    }
    call.peer = &message->peer;
    call.local = &message->local;
    call.is_datagram = message->is_datagram;
    call.connection = message->connection;
    call.memory = message->memory;
    call.batch = message->batch;
    call.last_in_batch = message->last_in_batch;
    call.len = message->len;
    call.is_unknown = verdict == RPC_UNKNOWN;
    call.args = (struct view){reader.at, (uint32_t)(end - reader.at)};
    call.in = &message->in;
    call.results = message->reply + REPLY_HEADER;
    call.results_room = message->reply_room - REPLY_HEADER;
    call.out = &message->out;
    return call_answer(&call, &header, message->reply);
}
