/*
 * rpcclient.c - ONC RPC at the level of bytes; see rpcclient.h. Used by tests/lib/nfs3client.c and
 * mountclient.c, and directly by tests of the RPC layer.
 */
#include "tests/lib/rpcclient.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is not answered by then hangs, on a busy machine too. */
#define HANG_MS       60000
#define LAST_FRAGMENT 0x80000000u
#define REPLY_MAX     (4 * 1024 * 1024) /* more than any legal reply */
#define JUKEBOX       10008             /* of NFS */
#define PATIENCE      600               /* how often a patient client asks again */

const struct caller caller_root = {.flavor = 1};
const struct caller caller_nobody = {.flavor = 0};

struct caller caller_uid(uint32_t uid, uint32_t gid)
{
    return (struct caller){.flavor = 1, .uid = uid, .gid = gid};
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Loopback, with this port. */
static socklen_t loopback(struct sockaddr_storage *ss, int flags, uint16_t port)
{
    memset(ss, 0, sizeof(*ss));
    if (flags & CLIENT_IPV6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
        in6->sin6_family = AF_INET6;
        in6->sin6_addr = in6addr_loopback;
        in6->sin6_port = htons(port);
        return sizeof(*in6);
    }
    struct sockaddr_in *in = (struct sockaddr_in *)ss;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in->sin_port = htons(port);
    return sizeof(*in);
}

static void set_port(struct sockaddr_storage *ss, uint16_t port)
{
    if (ss->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)ss)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)ss)->sin_port = htons(port);
}

/*
 * A source port below 1024 of `mine`, and a connection from it. There are few, and many tests at
 * once: SO_REUSEADDR shares them, also those in TIME_WAIT, between connections to different
 * servers. EADDRNOTAVAIL: the same server had one from this port a moment ago.
 */
static int connect_reserved(int fd, int flags, const struct sockaddr_storage *server,
                            struct sockaddr_storage mine, socklen_t len)
{
    static unsigned tries;
    unsigned start = (unsigned)getpid() * 7 + tries++;
    int share = !(flags & CLIENT_UDP); /* datagrams have no connection to be told apart by */

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &share, sizeof(share));
    for (unsigned i = 0; i < 400; i++) {
        set_port(&mine, 600 + (start + i) % 400);
        if (bind(fd, (struct sockaddr *)&mine, len)) {
            if (errno == EADDRINUSE)
                continue;
            return errno;
        }
        return connect(fd, (const struct sockaddr *)server, len) ? errno : 0;
    }
    return EADDRINUSE;
}

static int connect_from(struct client *client, const struct sockaddr_storage *server,
                        const struct sockaddr_storage *mine, socklen_t len)
{
    int on = 1, err = EADDRNOTAVAIL;
    int flags = client->flags;
    bool reserved = geteuid() == 0 && !(flags & CLIENT_UNPRIVILEGED);

    /* All of them may be in TIME_WAIT where many tests run at once: some end at any moment. */
    for (int i = 0; i < 200 && (err == EADDRNOTAVAIL || err == EADDRINUSE); i++) {
        if (err == EADDRINUSE)
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        if (client->fd >= 0)
            close(client->fd);
        client->fd = socket(server->ss_family,
                            (flags & CLIENT_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
        assert_true(client->fd >= 0);
        if (reserved)
            err = connect_reserved(client->fd, flags, server, *mine, len);
        else
            err = connect(client->fd, (const struct sockaddr *)server, len) ? errno : 0;
    }
    if (!(flags & CLIENT_UDP))
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return err;
}

static void client_init(struct client *client, int flags)
{
    static uint32_t made;

    *client = (struct client){.fd = -1, .flags = flags, .timeout_ms = HANG_MS, .who = caller_root};
    /* No two clients of a test have the same. */
    client->xid = (uint32_t)getpid() << 16 ^ (uint32_t)now_ms() << 8 ^ made++ << 24;
}

void client_connect_nowhere(struct client *client, int flags)
{
    client_init(client, flags);
}

void client_connect(struct client *client, uint16_t port, int flags)
{
    struct sockaddr_storage server, mine;
    socklen_t len = loopback(&server, flags, port);

    loopback(&mine, flags, 0);
    client_init(client, flags);
    int err = connect_from(client, &server, &mine, len);
    if (err != 0)
        fail_msg("can't connect to port %u: %s", port, strerror(err));
}

int client_connect_to(struct client *client, const struct sockaddr *server, socklen_t len,
                      int flags)
{
    struct sockaddr_storage to = {.ss_family = AF_UNSPEC};
    struct sockaddr_storage mine = {.ss_family = server->sa_family};

    memcpy(&to, server, len);
    client_init(client, flags);
    return connect_from(client, &to, &mine, len);
}

/* A reset instead of a FIN: reserved ports are few, and must not lie in TIME_WAIT. */
void client_disconnect(struct client *client)
{
    struct linger reset = {.l_onoff = 1};

    if (client->fd >= 0) {
        if (!(client->flags & CLIENT_UDP))
            setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(client->fd);
    }
    bytes_free(&client->call);
    free(client->reply);
    *client = (struct client){.fd = -1};
}

void client_end(struct client *client)
{
    char byte;

    assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
    assert_int_equal(recv(client->fd, &byte, 1, 0), 0);
    client_disconnect(client);
}

void client_reconnect(struct client *client, uint16_t port)
{
    struct client fresh;

    client_connect(&fresh, port, client->flags);
    int old = client->fd;
    client->fd = fresh.fd;
    fresh.fd = old;
    client_disconnect(&fresh);
}

static void put_auth_sys(struct bytes *b, const struct caller *who)
{
    struct bytes body = {0};

    put_u32(&body, 0x10ca1); /* stamp */
    put_string(&body, who->machine ? who->machine : "tester");
    put_u32(&body, who->uid);
    put_u32(&body, who->gid);
    put_u32(&body, who->ngids);
    for (uint32_t i = 0; i < who->ngids; i++)
        put_u32(&body, who->gids[i]);
    put_opaque(b, body.data, body.len);
    bytes_free(&body);
}

void client_put_header(struct bytes *b, uint32_t xid, uint32_t program, uint32_t version,
                       uint32_t procedure, const struct caller *who)
{
    put_u32(b, xid);
    put_u32(b, 0); /* CALL */
    put_u32(b, 2); /* RPC version */
    put_u32(b, program);
    put_u32(b, version);
    put_u32(b, procedure);
    put_u32(b, who->flavor);
    if (who->flavor == 1 && !who->raw)
        put_auth_sys(b, who);
    else
        put_opaque(b, who->raw, who->raw_len);
    put_u32(b, 0); /* verifier: AUTH_NONE, empty */
    put_u32(b, 0);
}

struct bytes *client_begin(struct client *client, uint32_t program, uint32_t version,
                           uint32_t procedure)
{
    client->call.len = 0;
    client_put_header(&client->call, ++client->xid, program, version, procedure, &client->who);
    return &client->call;
}

bool client_send_raw(struct client *client, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len) {
        ssize_t n = send(client->fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= n;
    }
    return true;
}

void client_put_record(struct bytes *stream, const struct bytes *message)
{
    put_u32(stream, LAST_FRAGMENT | message->len);
    put_raw(stream, message->data, message->len);
}

void client_send(struct client *client)
{
    bool sent;

    if (client->flags & CLIENT_UDP) {
        sent = client_send_raw(client, client->call.data, client->call.len);
    } else {
        struct bytes stream = {0};
        client_put_record(&stream, &client->call);
        sent = client_send_raw(client, stream.data, stream.len);
        bytes_free(&stream);
    }
    if (!sent)
        fail_msg("the server does not take the call: %s", strerror(errno));
}

void client_send_fragments(struct client *client, size_t size, bool empty)
{
    size_t len = client->call.len;

    for (size_t at = 0; at < len; at += size) {
        size_t n = len - at < size ? len - at : size;
        struct bytes stream = {0};
        if (empty)
            put_u32(&stream, 0);
        put_u32(&stream, (at + n == len ? LAST_FRAGMENT : 0) | n);
        put_raw(&stream, client->call.data + at, n);
        assert_true(client_send_raw(client, stream.data, stream.len));
        bytes_free(&stream);
    }
}

/* Waits for something to read; false at the deadline. */
static bool wait_readable(struct client *client, int64_t deadline)
{
    for (;;) {
        struct pollfd p = {.fd = client->fd, .events = POLLIN};
        int64_t left = deadline - now_ms();
        int n = poll(&p, 1, left > 0 ? (int)left : 0);
        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

/* Exactly `len` bytes of the stream; false: deadline, or the end of the stream before the first
 * byte (an end in the midst of a record fails the test). */
static bool receive_exactly(struct client *client, uint8_t *to, size_t len, int64_t deadline,
                            bool first)
{
    size_t have = 0;

    while (have < len) {
        if (!wait_readable(client, deadline)) {
            if (have || !first)
                fail_msg("the reply stops within a record");
            return false;
        }
        ssize_t n = recv(client->fd, to + have, len - have, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (have || !first)
                fail_msg("the connection ends within a reply");
            return false;
        }
        have += n;
    }
    return true;
}

static void reply_reserve(struct client *client, size_t room)
{
    if (client->reply_room >= room)
        return;
    client->reply = realloc(client->reply, room);
    assert_non_null(client->reply);
    client->reply_room = room;
}

static bool receive_record(struct client *client, size_t *len)
{
    int64_t deadline = now_ms() + client->timeout_ms;
    uint8_t mark[4];

    if (client->flags & CLIENT_UDP) {
        reply_reserve(client, 65536);
        if (!wait_readable(client, deadline))
            return false;
        ssize_t n = recv(client->fd, client->reply, client->reply_room, 0);
        if (n < 0)
            return false;
        *len = n;
        return true;
    }
    if (!receive_exactly(client, mark, sizeof(mark), deadline, true))
        return false;
    struct cursor c = {mark, mark + sizeof(mark)};
    uint32_t word = get_u32(&c);
    if (!(word & LAST_FRAGMENT))
        fail_msg("the reply comes in several fragments");
    *len = word & ~LAST_FRAGMENT;
    if (*len > REPLY_MAX)
        fail_msg("the reply's record mark says %zu bytes", *len);
    reply_reserve(client, *len);
    return receive_exactly(client, client->reply, *len, deadline, false);
}

bool client_receive(struct client *client, struct reply *reply)
{
    size_t len, ignored;

    memset(reply, 0, sizeof(*reply));
    if (!receive_record(client, &len))
        return false;
    assert_int_equal(len % 4, 0);
    struct cursor *c = &reply->results;
    *c = (struct cursor){client->reply, client->reply + len};
    reply->xid = get_u32(c);
    assert_int_equal(get_u32(c), 1); /* REPLY */
    reply->kind = get_u32(c);
    assert_true(reply->kind <= REPLY_DENIED);
    if (reply->kind == REPLY_ACCEPTED) {
        assert_int_equal(get_u32(c), 0); /* verifier: AUTH_NONE */
        get_opaque(c, 400, &ignored);
    }
    reply->status = get_u32(c);
    if (reply->kind == REPLY_ACCEPTED && reply->status == ACCEPT_PROG_MISMATCH) {
        reply->low = get_u32(c);
        reply->high = get_u32(c);
    } else if (reply->kind == REPLY_DENIED) {
        reply->low = get_u32(c);
        if (reply->status == REJECT_RPC_MISMATCH)
            reply->high = get_u32(c);
    }
    if (reply->kind == REPLY_DENIED || reply->status != ACCEPT_SUCCESS)
        cursor_expect_end(c);
    return true;
}

/* As any client over UDP: datagrams get lost when a socket's buffer is full. */
static bool receive_or_resend(struct client *client, struct reply *reply)
{
    int timeout_ms = client->timeout_ms;
    bool got = false;

    for (int waited = 0; waited < timeout_ms && !got; waited += client->timeout_ms) {
        if (waited)
            client_send(client);
        client->timeout_ms = 1000;
        got = client_receive(client, reply);
    }
    client->timeout_ms = timeout_ms;
    return got;
}

struct reply client_exchange(struct client *client)
{
    struct reply reply;

    client_send(client);
    if (client->flags & CLIENT_UDP ? !receive_or_resend(client, &reply)
                                   : !client_receive(client, &reply))
        fail_msg("no reply within %d ms, or the connection was closed", client->timeout_ms);
    struct cursor sent = {client->call.data, client->call.data + client->call.len};
    assert_int_equal(reply.xid, get_u32(&sent));
    return reply;
}

/* The server is busy with it, and asks for the call to be sent again (RFC 1813, section 2.6). */
static bool is_jukebox(const struct reply *reply)
{
    struct cursor c = reply->results;

    return reply->kind == REPLY_ACCEPTED && reply->status == ACCEPT_SUCCESS &&
           cursor_left(&c) >= 4 && get_u32(&c) == JUKEBOX;
}

struct cursor client_finish(struct client *client)
{
    struct reply reply = client_exchange(client);

    for (int i = 0; client->patient && is_jukebox(&reply) && i < PATIENCE; i++) {
        struct timespec pause = {.tv_nsec = 50000000};
        nanosleep(&pause, NULL);
        bytes_patch_u32(&client->call, 0, ++client->xid);
        reply = client_exchange(client);
    }
    if (reply.kind != REPLY_ACCEPTED || reply.status != ACCEPT_SUCCESS)
        fail_msg("the call was %s, status %u (%u, %u)", reply.kind ? "denied" : "accepted",
                 reply.status, reply.low, reply.high);
    return reply.results;
}

void client_expect_close(struct client *client)
{
    int64_t deadline = now_ms() + client->timeout_ms;
    uint8_t byte;
    ssize_t n;

    if (!wait_readable(client, deadline))
        fail_msg("the server keeps the connection open");
    n = recv(client->fd, &byte, 1, 0);
    if (n > 0)
        fail_msg("the server answers instead of closing the connection");
    assert_true(n == 0 || errno == ECONNRESET);
}

void client_expect_silence(struct client *client, int ms)
{
    if (wait_readable(client, now_ms() + ms))
        fail_msg("the server answers, or closes the connection");
}
