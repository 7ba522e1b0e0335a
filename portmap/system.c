/*
 * system.c - registers with the system's rpcbind; see portmap/system.h.
 *
 * libtirpc's rpcb_set() may wait for a minute, and it asks the program behind /run/rpcbind.sock,
 * which in a network namespace is not the rpcbind that clients reach. So the connection is made
 * here, and libtirpc's client runs on it. rpcbind takes registrations from privileged ports, and
 * over its socket from every user for that user. The socket is used where this server can't bind a
 * privileged port.
 */
#include "portmap/system.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <rpc/rpc.h>
#include <rpc/rpcb_prot.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_MS   1000
#define RPCBIND_SOCK "/run/rpcbind.sock"

static const struct timeval call_timeout = {.tv_sec = 2};
static CLIENT *client;

/* Connects, but gives up after some seconds. */
static int connect_soon(int fd, const struct sockaddr *address, socklen_t len)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int err = 0;
    socklen_t size = sizeof(err);

    if (connect(fd, address, len) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (poll(&wait, 1, CONNECT_MS) != 1)
        return ETIMEDOUT;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) != 0)
        return errno;
    return err;
}

/* Makes a client of rpcbind version 4 and proves it by a NULL call. *privileged: the connection
 * comes from a reserved port, or goes over a Unix socket, which carries the server's
 * credentials. */
static int client_open(const struct sockaddr *address, socklen_t len, CLIENT **out,
                       bool *privileged)
{
    struct netbuf server = {.maxlen = len, .len = len, .buf = (void *)(uintptr_t)address};
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CLIENT *made = NULL;

    if (fd < 0)
        return errno;
    *privileged = address->sa_family == AF_UNIX || bindresvport(fd, NULL) == 0;
    int err = connect_soon(fd, address, len);
    if (err != 0)
        goto out;
    fcntl(fd, F_SETFL, 0); /* blocking again: libtirpc polls, but writes whole */
    err = EPROTO;
    made = clnt_vc_create(fd, &server, RPCBPROG, RPCBVERS4, 0, 0);
    if (made == NULL)
        goto out;
    clnt_control(made, CLSET_FD_CLOSE, NULL);
    fd = -1;
    enum clnt_stat status = clnt_call(made, NULLPROC, (xdrproc_t)(void (*)(void))xdr_void, NULL,
                                      (xdrproc_t)(void (*)(void))xdr_void, NULL, call_timeout);
    if (status != RPC_SUCCESS)
        goto out;
    *out = made;
    return 0;
out:
    if (made != NULL)
        clnt_destroy(made);
    if (fd >= 0)
        close(fd);
    return err;
}

int portmap_system_open(void)
{
    struct sockaddr_in loopback = {
        .sin_family = AF_INET,
        .sin_port = htons(PORTMAP_PORT),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = RPCBIND_SOCK};
    bool privileged = false;
    CLIENT *by_socket = NULL;

    portmap_system_close();
    int err =
        client_open((const struct sockaddr *)&loopback, sizeof(loopback), &client, &privileged);
    if (err != 0 || privileged)
        return err;
    if (client_open((const struct sockaddr *)&local, sizeof(local), &by_socket, &privileged) == 0) {
        portmap_system_close();
        client = by_socket;
    }
    return 0;
}

void portmap_system_close(void)
{
    if (client != NULL)
        clnt_destroy(client);
    client = NULL;
}

/* Calls SET or UNSET. EACCES: rpcbind refuses. */
static int rpcbind_change(rpcproc_t procedure, const struct portmap_entry *entry)
{
    char uaddr[UADDR_MAX], netid[8], owner[16];
    bool_t done = FALSE;
    struct rpcb args = {
        .r_prog = entry->program,
        .r_vers = entry->version,
        .r_netid = netid,
        .r_addr = uaddr,
        .r_owner = owner,
    };

    uaddr_format(&entry->address, uaddr);
    snprintf(netid, sizeof(netid), "%s", entry->netid->name);
    snprintf(owner, sizeof(owner), "%u", (unsigned)geteuid());
    enum clnt_stat status = clnt_call(client, procedure, (xdrproc_t)(void (*)(void))xdr_rpcb, &args,
                                      (xdrproc_t)(void (*)(void))xdr_bool, &done, call_timeout);
    if (status != RPC_SUCCESS)
        return EPROTO;
    return done ? 0 : EACCES;
}

/* Finds rpcbind's entry for this program, version and transport. ENOENT: it has none. */
static int rpcbind_find(const struct portmap_entry *entry, struct address *out)
{
    rpcblist_ptr list = NULL;
    int err = ENOENT;
    enum clnt_stat status =
        clnt_call(client, (rpcproc_t)RPCBPROC_DUMP, (xdrproc_t)(void (*)(void))xdr_void, NULL,
                  (xdrproc_t)(void (*)(void))xdr_rpcblist_ptr, &list, call_timeout);

    if (status != RPC_SUCCESS)
        return EPROTO;
    for (const struct rp__list *pos = list; pos != NULL; pos = pos->rpcb_next) {
        const struct rpcb *known = &pos->rpcb_map;
        struct view uaddr = {(const uint8_t *)known->r_addr, (uint32_t)strlen(known->r_addr)};
        if (known->r_prog == entry->program && known->r_vers == entry->version &&
            strcmp(known->r_netid, entry->netid->name) == 0 && uaddr_parse(uaddr, out))
            err = 0;
    }
    xdr_free((xdrproc_t)(void (*)(void))xdr_rpcblist_ptr, &list);
    return err;
}

/* Whether no server has this address's port. Tried by binding it. */
static bool port_is_free(const struct address *address, int protocol)
{
    int type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(address->any.sa_family, type | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return false;
    /* A closed connection that lingers is no server. With SO_REUSEADDR only a listener makes bind()
     * fail. */
    if (protocol == IPPROTO_TCP)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    bool free = bind(fd, &address->any, address_len(address)) == 0;
    close(fd);
    return free;
}

int portmap_system_set(const struct portmap_entry *entry)
{
    struct address known;
    int err = rpcbind_change((rpcproc_t)RPCBPROC_SET, entry);

    if (err != EACCES || rpcbind_find(entry, &known) != 0)
        return err;
    /* An entry with this server's own port is left over from an earlier run, since no other server
     * can listen there; so is one whose port is free. */
    if (address_port(&known) != address_port(&entry->address) &&
        !port_is_free(&known, entry->netid->protocol)) {
        log_warning("rpcbind has program %u version %u (%s) at port %u, of another server",
                    entry->program, entry->version, entry->netid->name, address_port(&known));
        return EADDRINUSE;
    }
    err = rpcbind_change((rpcproc_t)RPCBPROC_UNSET, entry);
    if (err == 0)
        err = rpcbind_change((rpcproc_t)RPCBPROC_SET, entry);
    return err;
}

int portmap_system_unset(const struct portmap_entry *entry)
{
    return rpcbind_change((rpcproc_t)RPCBPROC_UNSET, entry);
}
