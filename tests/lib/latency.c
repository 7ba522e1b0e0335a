/*
 * latency.c - see latency.h. Used by the tests of the groups framework and wire that measure who
 * waits for whom.
 */
#include "tests/lib/latency.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Calls say by their xid what they are; a new one each, so that none is a retransmission. */
#define XID_QUICK  0x51000000u
#define XID_SLOW   0x53000000u
#define XID_SERIAL 0x00ffffffu
/* Offsets in a record: after its mark the xid; in a reply that was accepted, its nfsstat3. */
#define AT_XID    4
#define AT_STATUS 28
/* A measurement without any reply for so long has failed. */
#define PATIENCE_MS 10000

#define ROUNDS    5
#define WINDOW_MS 80

/* How GETATTRs come. */
static const struct way {
    const char *name;
    unsigned depth;      /* so many in flight; 0: */
    unsigned every_usec; /* one each so many microseconds */
} ways[] = {{"1 in flight", 1, 0}, {"8 in flight", 8, 0}, {"one each 300 us", 0, 300}};
#define NWAYS (sizeof(ways) / sizeof(ways[0]))

/* Percentiles of each round, in microseconds. */
struct rounds {
    float p50[ROUNDS], p99[ROUNDS];
    size_t calls, late; /* of all rounds */
};

/* What is to be kept in flight by run(). */
struct load {
    unsigned line;
    unsigned depth;        /* quick calls in flight; 0: one each `every_nsec` */
    int64_t every_nsec;    /* 0: none is begun */
    int64_t next_nsec;     /* when */
    int64_t until_nsec;    /* then no more are begun */
    unsigned slow_allowed; /* run until no more slow calls are in flight than this */
};

void latency_init(struct latency *l, struct client *const *clients, unsigned nlines,
                  const struct fh *fh)
{
    memset(l, 0, sizeof(*l));
    assert_true(nlines <= LATENCY_LINES);
    l->nlines = nlines;
    for (unsigned i = 0; i < nlines; i++)
        l->lines[i].client = clients[i];
    put_fh(nfs3_begin(clients[0], 1), fh);
    client_put_record(&l->quick, &clients[0]->call);
}

void latency_finish(struct latency *l)
{
    bytes_free(&l->quick);
    bytes_free(&l->slow);
    free(l->took);
}

/* --- calls --- */

static void put_quick(struct latency *l, struct bytes *out)
{
    uint32_t serial = ++l->quick_serial & XID_SERIAL;

    assert_true(l->quick_inflight < LATENCY_INFLIGHT);
    bytes_patch_u32(&l->quick, AT_XID, XID_QUICK | serial);
    put_raw(out, l->quick.data, l->quick.len);
    l->sent_nsec[serial % LATENCY_INFLIGHT] = host_now_nsec();
    l->sent_done[serial % LATENCY_INFLIGHT] = l->slow_done;
    l->quick_inflight++;
}

static void put_slow(struct latency *l, struct bytes *out)
{
    bytes_patch_u32(&l->slow, AT_XID, XID_SLOW | (++l->slow_serial & XID_SERIAL));
    put_raw(out, l->slow.data, l->slow.len);
    l->slow_inflight++;
}

/* Sends what is due: one send a connection, slow calls in front of quick ones. */
static void send_due(struct latency *l, struct load *load)
{
    int64_t now = host_now_nsec();

    for (unsigned line = 0; line < l->nlines; line++) {
        struct bytes out = {0};
        if (line == l->slow_line && l->slow_inflight < l->slow_wanted && l->slow_next_nsec <= now) {
            put_slow(l, &out);
            l->slow_next_nsec += l->slow_every_nsec;
        }
        while (line == load->line && now < load->until_nsec && l->quick_inflight < load->depth)
            put_quick(l, &out);
        if (line == load->line && load->every_nsec > 0 && now < load->until_nsec &&
            load->next_nsec <= now && l->quick_inflight < LATENCY_INFLIGHT) {
            put_quick(l, &out);
            load->next_nsec += load->every_nsec;
        }
        if (out.len > 0)
            assert_true(client_send_raw(l->lines[line].client, out.data, out.len));
        bytes_free(&out);
    }
}

/* --- replies --- */

static void note_quick(struct latency *l, uint32_t xid, int64_t now)
{
    if (l->ntook == l->took_room) {
        l->took_room = l->took_room > 0 ? 2 * l->took_room : 4096;
        l->took = realloc(l->took, l->took_room * sizeof(*l->took));
        assert_non_null(l->took);
    }
    int64_t took = now - l->sent_nsec[(xid & XID_SERIAL) % LATENCY_INFLIGHT];
    l->took[l->ntook++] = (float)took / 1e3f;
    unsigned ended = l->slow_done - l->sent_done[(xid & XID_SERIAL) % LATENCY_INFLIGHT];
    l->late += ended > l->slow_count / 2;
    l->quick_inflight--;
}

static void take_reply(struct latency *l, const uint8_t *record, size_t len, int64_t now)
{
    struct cursor c = {record + AT_XID, record + len};
    uint32_t xid = get_u32(&c);

    c.at = record + AT_STATUS;
    expect_ok(get_u32(&c));
    if ((xid & ~XID_SERIAL) == XID_QUICK) {
        note_quick(l, xid, now);
    } else {
        assert_int_equal(xid & ~XID_SERIAL, XID_SLOW);
        l->slow_inflight--;
        l->slow_done++;
    }
}

static void receive(struct latency *l, struct latency_line *line)
{
    ssize_t n = recv(line->client->fd, line->received + line->have,
                     sizeof(line->received) - line->have, MSG_DONTWAIT);
    size_t at = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        fail_msg("the connection ends while calls are in flight");
    int64_t now = host_now_nsec();
    line->have += (size_t)n;
    while (line->have - at >= 4) {
        struct cursor c = {line->received + at, line->received + line->have};
        size_t len = 4 + (get_u32(&c) & 0x7fffffffu);
        assert_true(len >= AT_STATUS + 4 && len <= sizeof(line->received));
        if (line->have - at < len)
            break;
        take_reply(l, line->received + at, len, now);
        at += len;
    }
    memmove(line->received, line->received + at, line->have - at);
    line->have -= at;
}

/* --- the run --- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Until when there is nothing to do but to receive. */
static int64_t next_due(const struct latency *l, const struct load *load, int64_t now)
{
    int64_t due = now + PATIENCE_MS * INT64_C(1000000);

    if (l->slow_inflight < l->slow_wanted)
        due = earlier(due, l->slow_next_nsec);
    if (load->every_nsec > 0 && now < load->until_nsec && l->quick_inflight < LATENCY_INFLIGHT)
        due = earlier(due, load->next_nsec);
    if (now < load->until_nsec)
        due = earlier(due, load->until_nsec);
    return due;
}

static void run(struct latency *l, struct load *load)
{
    struct pollfd polled[LATENCY_LINES];
    int64_t heard = host_now_nsec();

    for (unsigned i = 0; i < l->nlines; i++)
        polled[i] = (struct pollfd){.fd = l->lines[i].client->fd, .events = POLLIN};
    for (;;) {
        int64_t now = host_now_nsec();
        if (now >= load->until_nsec && l->quick_inflight == 0 &&
            l->slow_inflight <= load->slow_allowed)
            return;
        send_due(l, load);
        int64_t left = next_due(l, load, now) - now;
        left = left > 0 ? left : 0;
        struct timespec timeout = {left / 1000000000, left % 1000000000};
        int n = ppoll(polled, l->nlines, &timeout, NULL);
        if (n > 0)
            heard = host_now_nsec();
        else if (now - heard > PATIENCE_MS * INT64_C(1000000))
            fail_msg("no reply within %d s", PATIENCE_MS / 1000);
        for (unsigned i = 0; n > 0 && i < l->nlines; i++)
            if (polled[i].revents != 0)
                receive(l, &l->lines[i]);
    }
}

void latency_slow_begin(struct latency *l, const struct latency_slow *slow)
{
    l->slow.len = 0;
    client_put_record(&l->slow, &l->lines[slow->line].client->call);
    l->slow_line = slow->line;
    l->slow_wanted = l->slow_count = slow->count;
    l->slow_done = 0;
    l->slow_every_nsec = (int64_t)slow->took_ms * 1000000 / slow->count;
    l->slow_next_nsec = host_now_nsec();
}

unsigned latency_slow_end(struct latency *l)
{
    struct load load = {0};

    l->slow_wanted = 0;
    run(l, &load);
    return l->slow_done;
}

static int compare(const void *a, const void *b)
{
    const float *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* --- the comparison --- */

static void measure(struct latency *l, unsigned line, const struct way *way, struct rounds *into,
                    unsigned round)
{
    int64_t now = host_now_nsec();
    struct load load = {.line = line,
                        .depth = way->depth,
                        .every_nsec = (int64_t)way->every_usec * 1000,
                        .next_nsec = now,
                        .until_nsec = now + (int64_t)WINDOW_MS * 1000000,
                        .slow_allowed = UINT32_MAX};

    l->ntook = l->late = 0;
    run(l, &load);
    assert_true(l->ntook > 0);
    qsort(l->took, l->ntook, sizeof(*l->took), compare);
    into->p50[round] = l->took[l->ntook / 2];
    into->p99[round] = l->took[l->ntook * 99 / 100];
    into->calls += l->ntook;
    into->late += l->late;
}

static double median(float values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof(*values), compare);
    return values[ROUNDS / 2];
}

/* Whether all is within the bound. */
static bool compare_rounds(struct rounds quiet[LATENCY_LINES][NWAYS],
                           struct rounds busy[LATENCY_LINES][NWAYS], const struct latency *l)
{
    bool within = true;

    for (unsigned line = 0; line < l->nlines; line++) {
        bool same = line == l->slow_line;
        for (unsigned way = 0; way < NWAYS; way++) {
            struct rounds *q = &quiet[line][way], *b = &busy[line][way];
            test_note(
                "%-5s connection, %-15s: p50 %3.0f -> %3.0f us, p99 %3.0f -> %3.0f us, %zu of "
                "%zu late",
                same ? "same" : "other", ways[way].name, median(q->p50), median(b->p50),
                median(q->p99), median(b->p99), b->late, b->calls);
            if (b->late * 100 > b->calls * LATENCY_LATE_PERCENT)
                within = false;
        }
    }
    return within;
}

void latency_expect(struct latency *l, const struct latency_slow *slow)
{
    struct rounds took[2][LATENCY_LINES][NWAYS] = {0};
    unsigned met = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned busy = 0; busy < 2; busy++) {
            if (busy)
                latency_slow_begin(l, slow);
            for (unsigned i = 0; i < l->nlines * NWAYS; i++)
                measure(l, i / NWAYS, &ways[i % NWAYS], &took[busy][i / NWAYS][i % NWAYS], round);
        }
        met += latency_slow_end(l);
    }
    test_note("%u slow calls of %u ms, %u in flight", met, slow->took_ms, slow->count);
    if (!compare_rounds(took[0], took[1], l))
        fail_msg("GETATTRs wait for slow calls");
}
