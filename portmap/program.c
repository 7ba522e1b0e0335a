/*
 * program.c - the portmapper, version 2, and rpcbind, versions 3 and 4 (RFC 1833).
 *
 * rpc/dispatch.c calls the rows; the table is in portmap/table.c. Only the kernel and root of this
 * host (rpc/peer.h) may register programs: lockd and statd do. Calls are never forwarded: CALLIT,
 * BCAST and INDIRECT have no row.
 */
#include "portmap/program.h"
#include "base/log.h"
#include "portmap/table.h"
#include "rpc/peer.h"
#include "rpc/program.h"
#include "rpc/reply_list.h"
#include "xdr/rpcb.h"
#include <rpc/pmap_prot.h>
#include <rpc/rpcb_prot.h>
#include <string.h>
#include <time.h>

/* The owner of every entry in versions 3 and 4: only privileged callers may register. */
#define PORTMAP_OWNER "superuser"

/* Calls by version (2, 3, 4) and procedure, for GETSTAT. */
static _Atomic int calls[3][RPCB_STAT_PROCS];
static _Atomic int sets[3], unsets[3];

static void portmap_count(const struct rpc_call *call)
{
    calls[call->version - PMAPVERS][call->procedure]++;
}

static struct view view_of(const char *text)
{
    return (struct view){.data = (const uint8_t *)text, .len = (uint32_t)strlen(text)};
}

/* Whether the caller may change the table. */
static bool portmap_may_change(const struct rpc_call *call)
{
    static struct log_limit limit;
    char peer[ADDRESS_TEXT_MAX];

    const struct rpc_peer caller = rpc_peer_of(call);

    if (caller.kind == RPC_PEER_ROOT)
        return true;
    if (caller.kind == RPC_PEER_FAR && address_is_own(call->peer) &&
        address_port(call->peer) < IPPORT_RESERVED)
        return true;
    if (log_limit_allows(&limit))
        log_warning("portmapper: %s may not register programs (only root on this host)",
                    address_format(call->peer, true, peer));
    return false;
}

static u_int portmap_set(const struct rpc_call *call, const struct portmap_entry *entry)
{
    if (!portmap_may_change(call) || entry->netid == NULL || address_port(&entry->address) == 0 ||
        entry->netid->family != entry->address.any.sa_family)
        return FALSE;
    bool done = portmap_table_set(entry);
    sets[call->version - PMAPVERS] += done;
    return done;
}

static u_int portmap_unset(const struct rpc_call *call, uint32_t program, uint32_t version,
                           const struct netid *netid)
{
    if (!portmap_may_change(call))
        return FALSE;
    bool done = portmap_table_unset(program, version, netid);
    unsets[call->version - PMAPVERS] += done;
    return done;
}

/* --- version 2 --- */

static enum rpc_outcome portmap2_set(struct rpc_call *call, pmap_mapping *args, u_int *done)
{
    struct portmap_entry entry = {
        .program = args->prog,
        .version = args->vers,
        .netid = netid_of(AF_INET, (int)args->prot),
        .address.in.sin_family = AF_INET,
    };

    portmap_count(call);
    if (args->port > UINT16_MAX)
        return RPC_DONE;
    address_set_port(&entry.address, (uint16_t)args->port);
    *done = portmap_set(call, &entry);
    return RPC_DONE;
}

/* RFC 1833: the protocol and the port in the arguments are ignored. */
static enum rpc_outcome portmap2_unset(struct rpc_call *call, pmap_mapping *args, u_int *done)
{
    const struct netid *udp = netid_of(AF_INET, IPPROTO_UDP);
    const struct netid *tcp = netid_of(AF_INET, IPPROTO_TCP);

    portmap_count(call);
    *done = portmap_unset(call, args->prog, args->vers, udp) &&
            portmap_unset(call, args->prog, args->vers, tcp);
    return RPC_DONE;
}

static enum rpc_outcome portmap2_getport(struct rpc_call *call, pmap_mapping *args, u_int *port)
{
    const struct netid *netid = netid_of(AF_INET, (int)args->prot);
    struct portmap_entry entry;

    portmap_count(call);
    if (netid != NULL && portmap_table_find(args->prog, args->vers, netid, false, &entry))
        *port = address_port(&entry.address);
    return RPC_DONE;
}

static bool_t portmap2_encode_mapping(XDR *xdrs, void *entry)
{
    return xdr_pmap_mapping(xdrs, entry);
}

static bool portmap2_dump_one(const struct portmap_entry *entry, void *list)
{
    struct pmap_mapping mapping = {
        .prog = entry->program,
        .vers = entry->version,
        .prot = (u_int)entry->netid->protocol,
        .port = address_port(&entry->address),
    };

    if (entry->netid->family != AF_INET)
        return true; /* version 2 knows IPv4 only */
    return reply_list_add(list, portmap2_encode_mapping, &mapping);
}

static enum rpc_outcome portmap2_dump_run(struct rpc_call *call, void *args, void *results)
{
    struct reply_list list;

    (void)args;
    portmap_count(call);
    reply_list_begin(call, &list);
    portmap_table_walk(portmap2_dump_one, &list);
    reply_list_end(&list, results);
    return RPC_DONE;
}

/* --- versions 3 and 4 --- */

static enum rpc_outcome portmap3_set(struct rpc_call *call, rpcb_mapping *args, u_int *done)
{
    struct portmap_entry entry = {
        .program = args->r_prog,
        .version = args->r_vers,
        .netid = netid_find(args->r_netid),
    };

    portmap_count(call);
    if (uaddr_parse(args->r_addr, &entry.address))
        *done = portmap_set(call, &entry);
    return RPC_DONE;
}

/* An empty netid stands for all netids. */
static enum rpc_outcome portmap3_unset(struct rpc_call *call, rpcb_mapping *args, u_int *done)
{
    const struct netid *netid = netid_find(args->r_netid);

    portmap_count(call);
    if (netid != NULL || args->r_netid.len == 0)
        *done = portmap_unset(call, args->r_prog, args->r_vers, netid);
    return RPC_DONE;
}

/* Puts a text into the results, `offset` bytes from their beginning, behind its length. */
static void portmap3_answer_bytes(const struct rpc_call *call, size_t offset, const void *bytes,
                                  size_t len, rpcb_text *out)
{
    size_t room;
    uint8_t *at = rpc_call_payload(call, offset, &room);

    if (len > room)
        len = 0;
    memcpy(at, bytes, len);
    *out = (struct view){.data = at, .len = (uint32_t)len};
}

/* The address where a client can reach the entry. In place of a wildcard address this is the
 * address that the client sent its call to. */
static void portmap3_merge(const struct rpc_call *call, const struct portmap_entry *entry,
                           char uaddr[UADDR_MAX])
{
    struct address a = entry->address;
    size_t len;
    const uint8_t *bytes = address_bytes(&a, &len);
    bool wildcard = true;

    for (size_t i = 0; i < len; i++)
        wildcard = wildcard && bytes[i] == 0;
    if (wildcard && address_port(call->local) != 0 &&
        call->local->any.sa_family == a.any.sa_family) {
        a = *call->local;
        address_set_port(&a, address_port(&entry->address));
    }
    uaddr_format(&a, uaddr);
}

/*
 * The transport that is asked about. Version 4 (and rpcbind also in version 3) answers about the
 * transport of the call itself. A client that names another one gets the one it names; a client
 * that names none gets that of the call.
 */
static const struct netid *portmap3_netid(const struct rpc_call *call, struct view name)
{
    const struct netid *netid = netid_find(name);

    if (netid != NULL)
        return netid;
    return netid_of(call->peer->any.sa_family, call->is_datagram ? IPPROTO_UDP : IPPROTO_TCP);
}

static void portmap3_answer_address(const struct rpc_call *call, const rpcb_mapping *args,
                                    bool exact, rpcb_text *out)
{
    const struct netid *netid = portmap3_netid(call, args->r_netid);
    struct portmap_entry entry;
    char uaddr[UADDR_MAX];

    portmap_count(call);
    if (netid == NULL || !portmap_table_find(args->r_prog, args->r_vers, netid, exact, &entry))
        return;
    portmap3_merge(call, &entry, uaddr);
    portmap3_answer_bytes(call, 4, uaddr, strlen(uaddr), out);
}

static enum rpc_outcome portmap3_getaddr(struct rpc_call *call, rpcb_mapping *args, rpcb_text *out)
{
    portmap3_answer_address(call, args, false, out);
    return RPC_DONE;
}

static enum rpc_outcome portmap3_getversaddr(struct rpc_call *call, rpcb_mapping *args,
                                             rpcb_text *out)
{
    portmap3_answer_address(call, args, true, out);
    return RPC_DONE;
}

static bool_t portmap3_encode_mapping(XDR *xdrs, void *entry)
{
    return xdr_rpcb_mapping(xdrs, entry);
}

static bool portmap3_dump_one(const struct portmap_entry *entry, void *list)
{
    char uaddr[UADDR_MAX];
    struct rpcb_mapping mapping = {
        .r_prog = entry->program,
        .r_vers = entry->version,
        .r_netid = view_of(entry->netid->name),
        .r_owner = view_of(PORTMAP_OWNER),
    };

    uaddr_format(&entry->address, uaddr);
    mapping.r_addr = view_of(uaddr);
    return reply_list_add(list, portmap3_encode_mapping, &mapping);
}

static enum rpc_outcome portmap3_dump_run(struct rpc_call *call, void *args, void *results)
{
    struct reply_list list;

    (void)args;
    portmap_count(call);
    reply_list_begin(call, &list);
    portmap_table_walk(portmap3_dump_one, &list);
    reply_list_end(&list, results);
    return RPC_DONE;
}

static enum rpc_outcome portmap3_gettime_run(struct rpc_call *call, void *args, void *results)
{
    u_int *now = results;

    (void)args;
    portmap_count(call);
    *now = (u_int)time(NULL);
    return RPC_DONE;
}

/* The host's own form of an address: a sockaddr. */
static enum rpc_outcome portmap3_uaddr2taddr(struct rpc_call *call, rpcb_text *args,
                                             rpcb_taddr *out)
{
    struct address a;

    portmap_count(call);
    if (!uaddr_parse(*args, &a))
        return RPC_DONE;
    out->maxlen = address_len(&a);
    portmap3_answer_bytes(call, 8, &a.any, address_len(&a), &out->buf);
    return RPC_DONE;
}

static enum rpc_outcome portmap3_taddr2uaddr(struct rpc_call *call, rpcb_taddr *args,
                                             rpcb_text *out)
{
    struct address a = {0};
    char uaddr[UADDR_MAX];

    portmap_count(call);
    if (args->buf.len > sizeof(a))
        return RPC_DONE;
    memcpy(&a, args->buf.data, args->buf.len);
    bool known = a.any.sa_family == AF_INET || a.any.sa_family == AF_INET6;
    if (!known || args->buf.len < address_len(&a))
        return RPC_DONE;
    uaddr_format(&a, uaddr);
    portmap3_answer_bytes(call, 4, uaddr, strlen(uaddr), out);
    return RPC_DONE;
}

static bool_t portmap3_encode_address(XDR *xdrs, void *entry)
{
    return xdr_rpcb_address(xdrs, entry);
}

struct portmap3_address_walk {
    const struct rpc_call *call;
    const rpcb_mapping *args;
    struct reply_list list;
};

static bool portmap3_address_one(const struct portmap_entry *entry, void *arg)
{
    struct portmap3_address_walk *walk = arg;
    const struct netid *netid = entry->netid;
    char uaddr[UADDR_MAX];

    if (entry->program != walk->args->r_prog || entry->version != walk->args->r_vers)
        return true;
    portmap3_merge(walk->call, entry, uaddr);
    struct rpcb_address address = {
        .r_maddr = view_of(uaddr),
        .r_nc_netid = view_of(netid->name),
        .r_nc_semantics = netid->semantics,
        .r_nc_protofmly = view_of(netid->family_name),
        .r_nc_proto = view_of(netid->protocol_name),
    };
    return reply_list_add(&walk->list, portmap3_encode_address, &address);
}

static enum rpc_outcome portmap3_getaddrlist(struct rpc_call *call, rpcb_mapping *args,
                                             encoded_entries *out)
{
    struct portmap3_address_walk walk = {.call = call, .args = args};

    portmap_count(call);
    reply_list_begin(call, &walk.list);
    portmap_table_walk(portmap3_address_one, &walk);
    reply_list_end(&walk.list, out);
    return RPC_DONE;
}

static enum rpc_outcome portmap3_getstat_run(struct rpc_call *call, void *args, void *results)
{
    rpcb_counts_byvers *res = results;

    (void)args;
    portmap_count(call);
    for (size_t v = 0; v < 3; v++) {
        struct rpcb_counts *counts = &res->byvers[v];
        for (size_t p = 0; p < RPCB_STAT_PROCS; p++)
            counts->info[p] = calls[v][p];
        counts->setinfo = sets[v];
        counts->unsetinfo = unsets[v];
    }
    return RPC_DONE;
}

/* --- the program --- */

static bool_t portmap3_encode_time(XDR *xdrs, void *results)
{
    return xdr_u_int(xdrs, results);
}

static bool_t portmap3_encode_counts(XDR *xdrs, void *results)
{
    return xdr_rpcb_counts_byvers(xdrs, results);
}

RPC_PROC(portmap2, set, pmap_mapping, u_int)
RPC_PROC(portmap2, unset, pmap_mapping, u_int)
RPC_PROC(portmap2, getport, pmap_mapping, u_int)
RPC_PROC(portmap3, set, rpcb_mapping, u_int)
RPC_PROC(portmap3, unset, rpcb_mapping, u_int)
RPC_PROC(portmap3, getaddr, rpcb_mapping, rpcb_text)
RPC_PROC(portmap3, getversaddr, rpcb_mapping, rpcb_text)
RPC_PROC(portmap3, uaddr2taddr, rpcb_text, rpcb_taddr)
RPC_PROC(portmap3, taddr2uaddr, rpcb_taddr, rpcb_text)
RPC_PROC(portmap3, getaddrlist, rpcb_mapping, encoded_entries)

/* A procedure without arguments. */
#define ROW_NO_ARGS(verb, ENCODE, RES)                                            \
    {                                                                             \
        .name = #verb, .decode = rpc_void, .encode = (ENCODE), .run = verb##_run, \
        .results_size = sizeof(RES), .flags = RPC_SHORT                           \
    }

/* The rows that versions 3 and 4 share. */
#define RPCB_ROWS                                                                               \
    [NULLPROC] = RPC_ROW_NULL, [RPCBPROC_SET] = RPC_ROW(portmap3, set, rpcb_mapping, u_int, 0), \
    [RPCBPROC_UNSET] = RPC_ROW(portmap3, unset, rpcb_mapping, u_int, 0),                        \
    [RPCBPROC_GETADDR] = RPC_ROW(portmap3, getaddr, rpcb_mapping, rpcb_text, 0),                \
    [RPCBPROC_DUMP] = ROW_NO_ARGS(portmap3_dump, reply_list_encode, encoded_entries),           \
    [RPCBPROC_GETTIME] = ROW_NO_ARGS(portmap3_gettime, portmap3_encode_time, u_int),            \
    [RPCBPROC_UADDR2TADDR] = RPC_ROW(portmap3, uaddr2taddr, rpcb_text, rpcb_taddr, 0),          \
    [RPCBPROC_TADDR2UADDR] = RPC_ROW(portmap3, taddr2uaddr, rpcb_taddr, rpcb_text, 0)

static const struct rpc_procedure portmap_v2[] = {
    [NULLPROC] = RPC_ROW_NULL,
    [PMAPPROC_SET] = RPC_ROW(portmap2, set, pmap_mapping, u_int, 0),
    [PMAPPROC_UNSET] = RPC_ROW(portmap2, unset, pmap_mapping, u_int, 0),
    [PMAPPROC_GETPORT] = RPC_ROW(portmap2, getport, pmap_mapping, u_int, 0),
    [PMAPPROC_DUMP] = ROW_NO_ARGS(portmap2_dump, reply_list_encode, encoded_entries),
};

static const struct rpc_procedure portmap_v3[] = {RPCB_ROWS};

static const struct rpc_procedure portmap_v4[] = {
    RPCB_ROWS,
    [RPCBPROC_GETVERSADDR] = RPC_ROW(portmap3, getversaddr, rpcb_mapping, rpcb_text, 0),
    [RPCBPROC_GETADDRLIST] =
        RPC_ROW(portmap3, getaddrlist, rpcb_mapping, encoded_entries, RPC_SHORT),
    [RPCBPROC_GETSTAT] = ROW_NO_ARGS(portmap3_getstat, portmap3_encode_counts, rpcb_counts_byvers),
};

#define ROWS(table) sizeof(table) / sizeof((table)[0]), (table)

static const struct rpc_version portmap_versions[] = {
    {PMAPVERS, ROWS(portmap_v2)},
    {RPCBVERS, ROWS(portmap_v3)},
    {RPCBVERS4, ROWS(portmap_v4)},
};

static const struct rpc_program portmap_program = {
    .number = PMAPPROG,
    .name = "portmapper",
    .nversions = sizeof(portmap_versions) / sizeof(portmap_versions[0]),
    .versions = portmap_versions,
};

void portmap_program_register(void)
{
    rpc_register(&portmap_program);
}
