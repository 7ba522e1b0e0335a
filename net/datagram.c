/*
 * datagram.c - UDP: a datagram is a message, and its reply is a datagram, too.
 *
 * A UDP socket is a source of loop 0. Datagrams are taken in batches (recvmmsg). A reply is sent
 * from the address to which the request went (IP_PKTINFO), since clients drop replies from other
 * addresses. Everything here belongs to the thread that runs the loop; that thread also sends the
 * replies of messages that stayed behind with other threads.
 */
#include "base/log.h"
#include "net/loop.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define BATCH 16
/* Bytes of one slot in a buffer: holds the largest datagram, and keeps every slot aligned. */
#define SLOT 65536u

_Static_assert(BATCH *SLOT <= BUFFER_SIZE, "a batch fits a buffer");

/* The interface number of loopback in every network namespace (LOOPBACK_IFINDEX in
 * include/net/flow.h). */
#define LOOPBACK_INTERFACE 1

/* Room for the control message that carries the local address, of either family. */
#define CONTROL_SIZE CMSG_SPACE(sizeof(struct in6_pktinfo))

/* Where a reply goes to, and the address it comes from. A message that stays behind has a copy. */
struct envelope {
    struct address peer;
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_SIZE];
    size_t control_len;
};

/* A message that stayed behind with its thread. */
struct absent {
    struct list link; /* datagram->absents */
    const struct buffer *out;
    size_t at;
    struct envelope envelope;
};

struct datagram {
    struct source source;
    struct address local; /* the address that was bound, with its port */
    struct buffer *in, *out;
    unsigned count, next; /* messages in the batch, and the index of the next one to be handled */
    size_t lens[BATCH], replies[BATCH];
    struct envelope envelopes[BATCH];
    struct list absents;
};

static struct datagram *datagram_of(struct source *source)
{
    return list_entry(source, struct datagram, source);
}

static struct buffer_pool *pool_of(struct datagram *dg)
{
    return &dg->source.loop->pool;
}

/* Reads the local address of a datagram out of its control message. */
static void envelope_local(const struct datagram *dg, const struct envelope *envelope,
                           struct address *local)
{
    struct msghdr msg = {.msg_control = (void *)(uintptr_t)envelope->control,
                         .msg_controllen = envelope->control_len};

    *local = dg->local;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            const struct in_pktinfo *info = (const void *)CMSG_DATA(c);
            local->in.sin_addr = info->ipi_addr;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            const struct in6_pktinfo *info = (const void *)CMSG_DATA(c);
            local->in6.sin6_addr = info->ipi6_addr;
        }
    }
    address_normalize(local);
}

/* The number of the interface by which a datagram came; 0: not known. */
static unsigned envelope_interface(const struct envelope *envelope)
{
    struct msghdr msg = {.msg_control = (void *)(uintptr_t)envelope->control,
                         .msg_controllen = envelope->control_len};

    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
            return (unsigned)((const struct in_pktinfo *)(const void *)CMSG_DATA(c))->ipi_ifindex;
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
            return ((const struct in6_pktinfo *)(const void *)CMSG_DATA(c))->ipi6_ifindex;
    }
    return 0;
}

/*
 * Whether the source address can be the sender's own. Every machine on a network can write any
 * source address. A datagram with an address of this host must have come by loopback, on which only
 * this host can send. An IPv6 datagram whose source stands for an IPv4 address is nobody's, since
 * IPv4 has sockets of its own.
 */
static bool envelope_is_genuine(const struct envelope *envelope, const struct address *peer)
{
    if (envelope->peer.any.sa_family != peer->any.sa_family)
        return false;
    return envelope_interface(envelope) == LOOPBACK_INTERFACE || !address_is_own(peer);
}

/* Takes the datagrams that have arrived, at most one batch of them. */
static void datagram_receive(struct datagram *dg)
{
    struct mmsghdr msgs[BATCH];
    struct iovec iov[BATCH];

    memset(msgs, 0, sizeof(msgs));
    for (unsigned i = 0; i < BATCH; i++) {
        struct envelope *envelope = &dg->envelopes[i];
        iov[i] = (struct iovec){dg->in->data + i * SLOT, SLOT};
        msgs[i].msg_hdr = (struct msghdr){.msg_name = &envelope->peer,
                                          .msg_namelen = sizeof(envelope->peer),
                                          .msg_iov = &iov[i],
                                          .msg_iovlen = 1,
                                          .msg_control = envelope->control,
                                          .msg_controllen = sizeof(envelope->control)};
    }
    int n = recvmmsg(dg->source.fd, msgs, BATCH, MSG_DONTWAIT, NULL);
    dg->count = n > 0 ? (unsigned)n : 0;
    dg->next = 0;
    loop_batch_begin(dg->source.loop);
    for (unsigned i = 0; i < dg->count; i++) {
        dg->lens[i] = msgs[i].msg_len;
        dg->envelopes[i].control_len = msgs[i].msg_hdr.msg_controllen;
        dg->replies[i] = 0;
    }
}

/* Sends one reply. A full socket drops it, as UDP may; the client asks again. */
static void reply_send(struct datagram *dg, const struct envelope *envelope, uint8_t *data,
                       size_t len)
{
    struct iovec iov = {data, len};
    struct msghdr msg = {.msg_name = (void *)(uintptr_t)&envelope->peer,
                         .msg_namelen = address_len(&envelope->peer),
                         .msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = (void *)(uintptr_t)envelope->control,
                         .msg_controllen = envelope->control_len};

    if (sendmsg(dg->source.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
        log_debug("reply over UDP: %s", strerror(errno));
}

static void datagram_flush(struct source *source)
{
    struct datagram *dg = datagram_of(source);

    /* Without a buffer for replies there is no reply to send. The buffer of the messages is given
     * back in any case. */
    for (unsigned i = 0; dg->out != NULL && i < dg->next; i++) {
        if (dg->replies[i] > 0)
            reply_send(dg, &dg->envelopes[i], dg->out->data + i * SLOT, dg->replies[i]);
        dg->replies[i] = 0;
    }
    if (dg->next == dg->count) {
        buffer_put(pool_of(dg), dg->in, dg->count * SLOT);
        buffer_put(pool_of(dg), dg->out, dg->count * SLOT);
        dg->in = dg->out = NULL;
        dg->count = dg->next = 0;
    }
}

static bool datagram_run(struct source *source)
{
    struct datagram *dg = datagram_of(source);
    struct loop *loop = source->loop;

    while (dg->next < dg->count) {
        unsigned i = dg->next;
        struct address local, peer = dg->envelopes[i].peer;
        size_t len;
        if (!loop_source_may(source)) {
            /* too many calls sleep already: dropped, as UDP may; the client asks again */
            dg->next++;
            continue;
        }
        address_normalize(&peer);
        if (!envelope_is_genuine(&dg->envelopes[i], &peer)) {
            dg->next++;
            continue;
        }
        if (dg->out == NULL)
            dg->out = buffer_get(&loop->pool);
        if (dg->out == NULL)
            break; /* without memory the rest is dropped, as UDP may */
        envelope_local(dg, &dg->envelopes[i], &local);
        struct net_message message = {
            .peer = peer,
            .local = local,
            .is_datagram = true,
            .batch = loop->batch,
            .data = dg->in->data + i * SLOT,
            .len = dg->lens[i],
            .reply = dg->out->data + i * SLOT,
            .reply_room = NET_DATAGRAM_MAX & ~3u,
        };
        loop->handling = (struct handling){source, dg->in, dg->out, NULL};
        source->host = loop_host_hash(&peer);
        /* Counted as done before it runs: if it stays behind, the batch goes on with the next
         * one. */
        dg->next++;
        if (!loop_handle(loop, &message, &len))
            return false;
        dg->replies[i] = len;
    }
    dg->next = dg->count;
    loop_flush_later(source);
    return true;
}

static bool datagram_event(struct source *source, uint32_t events)
{
    struct datagram *dg = datagram_of(source);

    (void)events;
    if (net.stopping) {
        epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
        return true;
    }
    if (dg->count > 0)
        return datagram_run(source);
    dg->in = buffer_get(pool_of(dg));
    if (dg->in == NULL)
        return true;
    datagram_receive(dg);
    return datagram_run(source);
}

static void datagram_detach(struct source *source)
{
    struct datagram *dg = datagram_of(source);
    unsigned i = dg->next - 1;
    struct absent *absent = malloc(sizeof(*absent));

    if (absent != NULL) { /* else its reply is dropped, as UDP may */
        *absent = (struct absent){.out = dg->out, .at = i * SLOT, .envelope = dg->envelopes[i]};
        list_append(&dg->absents, &absent->link);
    }
    buffer_ref(dg->in);
    buffer_ref(dg->out);
    loop_flush_later(source);
    if (dg->next < dg->count)
        loop_ready(source);
}

static void datagram_finish_deferred(struct source *source, struct deferred *deferred)
{
    struct datagram *dg = datagram_of(source);
    struct list *item, *next;

    list_for_each_safe (item, next, &dg->absents) {
        struct absent *absent = list_entry(item, struct absent, link);
        if (absent->out != deferred->out || absent->at != deferred->at)
            continue;
        if (deferred->len > 0 && !source->dead)
            reply_send(dg, &absent->envelope, deferred->out->data + deferred->at, deferred->len);
        list_remove(&absent->link);
        free(absent);
        break;
    }
    buffer_put(pool_of(dg), deferred->in, 0);
    buffer_put(pool_of(dg), deferred->out, deferred->at + deferred->len);
}

static bool datagram_drain(struct source *source)
{
    return source->deferred == 0 && datagram_of(source)->count == 0;
}

static void datagram_destroy(struct source *source)
{
    struct datagram *dg = datagram_of(source);

    if (source->loop != NULL) {
        buffer_put(pool_of(dg), dg->in, 0);
        buffer_put(pool_of(dg), dg->out, 0);
    }
    free(dg);
}

static const struct source_ops datagram_ops = {
    .event = datagram_event,
    .run = datagram_run,
    .flush = datagram_flush,
    .detach = datagram_detach,
    .finish_deferred = datagram_finish_deferred,
    .drain = datagram_drain,
    .destroy = datagram_destroy,
};

int datagram_create(int fd, const struct address *local, struct source **out)
{
    struct datagram *dg = calloc(1, sizeof(*dg));
    int on = 1;

    if (dg == NULL)
        return ENOMEM;
    if (local->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
    else
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
    dg->source.ops = &datagram_ops;
    dg->source.fd = fd;
    dg->local = *local;
    list_init(&dg->source.link);
    list_init(&dg->absents);
    *out = &dg->source;
    return 0;
}
