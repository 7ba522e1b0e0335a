/*
 * load.c - keeps calls in flight on connections, and measures.
 *
 * One thread and one epoll set. All replies that one receive brought are answered with next calls,
 * which leave together in one sendmsg(), as a kernel's client with work to do behaves. Owns the
 * connections and their slots for the time of a run. Used by nfsbench.c and prepare.c.
 */
#include "bench/nfsbench.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#define IN_SIZE       (256u << 10)
#define SLOT_BITS     9 /* of an xid; DEPTH_MAX slots */
#define GRACE_NS      10000000000ull
#define WAIT_MS       100
#define BUCKET_BITS   5 /* a bucket of the histogram is 3% wide */
#define BUCKETS       (64u << BUCKET_BITS)
#define EVENTS        64
#define SPIN_LOOKS    16 /* before the CPU is offered to others */
#define LAST_FRAGMENT 0x80000000u

struct connection {
    int fd;
    bool unsent; /* the socket is full: waits for EPOLLOUT */
    uint32_t in_flight;
    uint8_t *in; /* IN_SIZE bytes, of which `have` are there */
    size_t have;
    size_t skip;          /* bytes still to come of a reply that was judged already */
    struct slot *skipped; /* whose it is */
    struct slot *slots;   /* depth of them */
    /* Calls to be sent: a ring of cells for their heads (as many as slots: a call that was not
     * sent occupies a slot), and pieces in the order of sending. */
    uint8_t *cells;
    uint32_t cell;
    struct iovec *pieces;
    uint32_t first, npieces;
};

struct load {
    const struct target *target;
    struct run *run;
    struct outcome *outcome;
    struct connection *connections;
    int epoll;
    uint64_t now;
    uint64_t received;    /* bytes */
    uint64_t from, until; /* what is measured */
    clockid_t server_clock;
    double server_at_from;
    bool measuring, ending;
    uint32_t in_flight;
    int error;
    uint64_t *histogram;
};

volatile sig_atomic_t load_stop;

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static unsigned bucket_of(uint64_t ns)
{
    unsigned shift = 0;

    while (ns >> shift >= 2u << BUCKET_BITS)
        shift++;
    return (shift << BUCKET_BITS) + (unsigned)(ns >> shift);
}

static uint64_t bucket_ns(unsigned bucket)
{
    unsigned shift = bucket < 2u << BUCKET_BITS ? 0 : (bucket >> BUCKET_BITS) - 1;

    return (uint64_t)(bucket - (shift << BUCKET_BITS)) << shift;
}

static uint64_t percentile(const uint64_t *histogram, uint64_t total, double part)
{
    uint64_t left = (uint64_t)((double)total * part);

    for (unsigned i = 0; i < BUCKETS; i++) {
        if (left < histogram[i])
            return bucket_ns(i);
        left -= histogram[i];
    }
    return 0;
}

int load_connect(const struct sockaddr_storage *address, socklen_t len, bool reserved)
{
    const int on = 1;
    const struct linger reset = {.l_onoff = 1}; /* leaves no port in TIME_WAIT */
    static uint16_t port = 1023;

    for (unsigned tries = 0;; tries++) {
        int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return -errno;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        /* BBR would pace what has no path. */
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        int err = 0;
        if (reserved && geteuid() == 0) {
            struct sockaddr_storage own = {.ss_family = address->ss_family};
            /* sin_port and sin6_port are in the same place */
            ((struct sockaddr_in *)&own)->sin_port = htons(port);
            port = port > 512 ? port - 1 : 1023;
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
            err = bind(fd, (struct sockaddr *)&own, len) < 0 ? errno : 0;
        }
        if (err == 0 && connect(fd, (const struct sockaddr *)address, len) == 0)
            return fd;
        err = errno;
        close(fd);
        if ((err != EADDRINUSE && err != EADDRNOTAVAIL) || !reserved || tries > 511)
            return -err;
    }
}

static void arm(struct load *load, struct connection *c, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (c->unsent ? (uint32_t)EPOLLOUT : 0),
                                .data.ptr = c};

    epoll_ctl(load->epoll, operation, c->fd, &event);
}

/* Puts the slot's next call into the queue, where one is due. */
static void issue(struct load *load, struct connection *c, struct slot *slot)
{
    struct run *run = load->run;
    struct message message;
    uint8_t *cell = c->cells + (size_t)c->cell * CALL_MAX;

    if (slot == NULL || load->ending || (run->count != 0 && run->issued == run->count))
        return;
    c->cell = (c->cell + 1) % load->target->depth;
    slot->xid += 1u << SLOT_BITS;
    slot->start = load->now;
    call_build(run, slot, cell, &message);
    run->issued++;
    c->pieces[c->npieces++] = (struct iovec){.iov_base = cell, .iov_len = message.head_len};
    if (message.data_len > 0)
        c->pieces[c->npieces++] = (struct iovec){.iov_base = (uint8_t *)(uintptr_t)message.data,
                                                 .iov_len = message.data_len};
    c->in_flight++;
    load->in_flight++;
}

/* Sends what is queued; what does not go stays, moved to the front of the pieces. */
static int flush(struct load *load, struct connection *c)
{
    bool was_unsent = c->unsent;

    while (c->first < c->npieces) {
        struct msghdr header = {.msg_iov = c->pieces + c->first,
                                .msg_iovlen = c->npieces - c->first};
        ssize_t n = sendmsg(c->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return errno;
        if (n < 0)
            break;
        for (; c->first < c->npieces && (size_t)n >= c->pieces[c->first].iov_len; c->first++)
            n -= (ssize_t)c->pieces[c->first].iov_len;
        if (n > 0) {
            c->pieces[c->first].iov_base = (uint8_t *)c->pieces[c->first].iov_base + n;
            c->pieces[c->first].iov_len -= (size_t)n;
        }
    }
    c->npieces -= c->first;
    memmove(c->pieces, c->pieces + c->first, c->npieces * sizeof(*c->pieces));
    c->first = 0;
    c->unsent = c->npieces > 0;
    if (c->unsent != was_unsent)
        arm(load, c, EPOLL_CTL_MOD);
    return 0;
}

static struct slot *slot_of(const struct load *load, struct connection *c, uint32_t xid)
{
    uint32_t number = xid & ((1u << SLOT_BITS) - 1);
    struct slot *slot = number < load->target->depth ? &c->slots[number] : NULL;

    return slot != NULL && slot->xid == xid && slot->start != 0 ? slot : NULL;
}

static void judge(struct load *load, struct slot *slot, const uint8_t *reply, size_t len)
{
    struct outcome *outcome = load->outcome;
    uint64_t units;
    uint32_t status = call_check(load->run, slot, reply, len, &units);

    if (status != 0) {
        if (outcome->errors++ == 0)
            outcome->first_error = status;
    }
    if (load->measuring)
        outcome->units += units;
}

/* The whole reply is here. */
static void complete(struct load *load, struct connection *c, struct slot *slot)
{
    uint64_t took = load->now - slot->start;

    if (load->measuring) {
        load->outcome->calls++;
        load->histogram[bucket_of(took)]++;
        if (took > load->outcome->max)
            load->outcome->max = took;
    }
    slot->start = 0;
    c->in_flight--;
    load->in_flight--;
    issue(load, c, slot);
}

/* Takes apart what was received. EPROTO: it is not what was asked for. */
static int take_apart(struct load *load, struct connection *c)
{
    uint8_t *at = c->in, *end = c->in + c->have;

    while (at < end) {
        if (c->skip > 0) {
            size_t step = c->skip < (size_t)(end - at) ? c->skip : (size_t)(end - at);
            at += step;
            c->skip -= step;
            if (c->skip == 0)
                complete(load, c, c->skipped);
            continue;
        }
        if (end - at < 8)
            break;
        uint32_t len = wire_peek(at);
        if ((len & LAST_FRAGMENT) == 0)
            return EPROTO;
        len &= ~LAST_FRAGMENT;
        struct slot *slot = slot_of(load, c, wire_peek(at + 4));
        if (slot == NULL)
            return EPROTO;
        size_t need = len < REPLY_HEAD || call_wants_whole(slot) ? len : REPLY_HEAD;
        if (need > IN_SIZE - 4)
            return EPROTO;
        size_t there = (size_t)(end - at) - 4;
        if (there < need)
            break;
        if (there > len)
            there = len;
        judge(load, slot, at + 4, there);
        at += 4 + there;
        c->skip = len - there;
        c->skipped = slot;
        if (c->skip == 0)
            complete(load, c, slot);
    }
    c->have = (size_t)(end - at);
    memmove(c->in, at, c->have);
    return 0;
}

static void measure_end(struct load *load)
{
    load->ending = true;
    load->measuring = false;
    load->until = load->now;
    load->outcome->server_cpu = ((double)clock_ns(load->server_clock) - load->server_at_from) / 1e9;
}

/* Begins and ends what is measured, as time goes by. */
static void look_at_clock(struct load *load)
{
    load->now = clock_ns(CLOCK_MONOTONIC);
    if (!load->measuring && !load->ending && load->now >= load->from) {
        load->measuring = true;
        load->from = load->now;
        load->server_at_from = (double)clock_ns(load->server_clock);
    }
    if (!load->ending && (load->now >= load->until || load_stop != 0))
        measure_end(load);
}

static int receive(struct load *load, struct connection *c, int flags)
{
    ssize_t n = recv(c->fd, c->in + c->have, IN_SIZE - c->have, flags);

    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : errno;
    if (n == 0)
        return ECONNRESET;
    c->have += (size_t)n;
    load->received += (size_t)n;
    look_at_clock(load);
    int err = take_apart(load, c);
    return err != 0 ? err : flush(load, c);
}

static int connection_begin(struct load *load, struct connection *c, uint32_t number)
{
    const uint32_t depth = load->target->depth;
    uint32_t base = (uint32_t)(clock_ns(CLOCK_MONOTONIC) >> 10) * 2654435761u;

    c->fd = load_connect(&load->target->address, load->target->address_len, true);
    if (c->fd < 0)
        return -c->fd;
    const struct timeval wait = {.tv_usec = WAIT_MS * 1000};
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    c->in = malloc(IN_SIZE);
    c->slots = calloc(depth, sizeof(*c->slots));
    c->cells = malloc((size_t)depth * CALL_MAX);
    c->pieces = calloc((size_t)depth * 2, sizeof(*c->pieces));
    if (c->in == NULL || c->slots == NULL || c->cells == NULL || c->pieces == NULL)
        return ENOMEM;
    for (uint32_t i = 0; i < depth; i++) {
        c->slots[i].unique = number * depth + i;
        c->slots[i].xid = (base & ~((1u << SLOT_BITS) - 1)) | i;
    }
    arm(load, c, EPOLL_CTL_ADD);
    return 0;
}

static void connection_end(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->in);
    free(c->slots);
    free(c->cells);
    free(c->pieces);
}

/* Handles what has come; where nothing has, waits for it if `wait`. *had: something had come. */
static int serve_once(struct load *load, bool wait, bool *had)
{
    struct epoll_event events[EVENTS];
    struct connection *only = load->target->connections == 1 ? load->connections : NULL;
    uint64_t before = load->received;
    int err = 0;

    if (only != NULL && !only->unsent) {
        err = receive(load, only, wait ? 0 : MSG_DONTWAIT);
    } else {
        int n = epoll_wait(load->epoll, events, EVENTS, wait ? WAIT_MS : 0);
        for (int i = 0; i < n && err == 0; i++) {
            struct connection *c = events[i].data.ptr;
            if ((events[i].events & EPOLLOUT) != 0)
                err = flush(load, c);
            if (err == 0 && (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
                err = receive(load, c, MSG_DONTWAIT);
        }
    }
    *had = load->received != before;
    return err;
}

/* Until all calls are answered. */
static int serve(struct load *load)
{
    const uint64_t spin_ns = load->target->spin_usec * 1000ull;
    uint64_t since = load->now; /* when something had come last */
    unsigned looks = 0;
    int err = 0;

    while (err == 0 && load->in_flight > 0) {
        bool had, wait = load->now - since >= spin_ns;
        err = serve_once(load, wait, &had);
        looks = had ? 0 : looks + 1;
        if (!had && !wait && looks % SPIN_LOOKS != 0)
            continue;
        if (!had && !wait)
            sched_yield();
        look_at_clock(load);
        if (had || wait)
            since = load->now;
        if (load->ending && load->now > load->until + GRACE_NS)
            err = ETIMEDOUT;
    }
    return err;
}

/* Files that CHURN left. */
static int remove_leftovers(struct load *load)
{
    static const struct work removal = {.shares = {{KIND_CHURN, 100}}};
    struct run *given = load->run, run = *given;
    int err = 0;

    run.work = &removal;
    run.count = 0;
    load->run = &run;
    load->ending = false;
    for (uint32_t i = 0; i < load->target->connections && err == 0; i++) {
        struct connection *c = &load->connections[i];
        for (uint32_t j = 0; j < load->target->depth; j++)
            if (c->slots[j].created)
                issue(load, c, &c->slots[j]);
        err = flush(load, c);
    }
    load->ending = true;
    load->until = clock_ns(CLOCK_MONOTONIC);
    if (err == 0)
        err = serve(load);
    load->run = given;
    return err;
}

static void sum_up(const struct load *load)
{
    struct outcome *outcome = load->outcome;

    outcome->seconds = (double)(load->until - load->from) / 1e9;
    outcome->p50 = percentile(load->histogram, outcome->calls, 0.50);
    outcome->p99 = percentile(load->histogram, outcome->calls, 0.99);
}

static int begin(struct load *load, double seconds)
{
    const struct target *target = load->target;
    int err = 0;

    for (uint32_t i = 0; i < target->connections && err == 0; i++)
        err = connection_begin(load, &load->connections[i], i);
    load->now = clock_ns(CLOCK_MONOTONIC);
    /* What comes first only warms up. */
    load->from = load->now + (uint64_t)((seconds > 2 ? 0.5 : seconds / 4) * 1e9);
    load->until = seconds > 0 ? load->from + (uint64_t)(seconds * 1e9) : UINT64_MAX;
    for (uint32_t i = 0; i < target->connections && err == 0; i++) {
        for (uint32_t j = 0; j < target->depth; j++)
            issue(load, &load->connections[i], &load->connections[i].slots[j]);
        err = flush(load, &load->connections[i]);
    }
    return err;
}

int load_run(const struct target *target, struct run *run, double seconds, struct outcome *outcome)
{
    struct load load = {.target = target, .run = run, .outcome = outcome};
    int err = ENOMEM;

    *outcome = (struct outcome){0};
    if (target->server == 0 || clock_getcpuclockid(target->server, &load.server_clock) != 0)
        load.server_clock = CLOCK_MONOTONIC;
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.connections = calloc(target->connections, sizeof(*load.connections));
    load.histogram = calloc(BUCKETS, sizeof(*load.histogram));
    if (load.epoll < 0 || load.connections == NULL || load.histogram == NULL)
        goto out;
    for (uint32_t i = 0; i < target->connections; i++)
        load.connections[i].fd = -1;
    err = begin(&load, seconds);
    if (err == 0)
        err = serve(&load);
    if (!load.ending) /* all calls that were to be made are done */
        measure_end(&load);
    sum_up(&load);
    if (err == 0)
        err = remove_leftovers(&load);
out:
    for (uint32_t i = 0; load.connections != NULL && i < target->connections; i++)
        connection_end(&load.connections[i]);
    free(load.connections);
    free(load.histogram);
    if (load.epoll >= 0)
        close(load.epoll);
    return err;
}
