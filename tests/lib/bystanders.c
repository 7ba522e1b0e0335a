/*
 * bystanders.c - see bystanders.h. Used by the tests of the groups framework and wire that hold
 * slow calls and see who waits for them.
 */
#include "tests/lib/bystanders.h"
#include "tests/lib/test.h"

/* Calls say by their xid what they are; a new one each, so that none is a retransmission. */
#define XID_QUICK  0x51000000u
#define XID_SLOW   0x53000000u
#define XID_SERIAL 0x00ffffffu
/* Where it is in a record: behind the mark. */
#define AT_XID 4
/* Only a call that is never answered takes so long. */
#define HANG_MS 60000

#define ROUNDS 3
#define DEPTH  8  /* GETATTRs at once, on each connection */
#define TURNS  25 /* of them while all slow calls are held */

enum { SLOW, OTHER, LINES };

struct line {
    struct client *client;
    struct bytes due;               /* what goes out with the next send */
    unsigned quick_left, slow_left; /* calls without a reply */
};

struct meeting {
    struct line lines[LINES];
    struct bytes quick, slow; /* records of the calls; their xids are patched in */
    uint32_t serial;
    bool held;
};

static void put_call(struct meeting *m, struct line *line, struct bytes *record, uint32_t kind)
{
    bytes_patch_u32(record, AT_XID, kind | (++m->serial & XID_SERIAL));
    put_raw(&line->due, record->data, record->len);
    *(kind == XID_SLOW ? &line->slow_left : &line->quick_left) += 1;
}

/* One send a connection, so that the server has all of it in one batch. */
static void send_due(struct meeting *m, unsigned quick)
{
    for (struct line *line = m->lines; line < m->lines + LINES; line++) {
        for (unsigned i = 0; i < quick; i++)
            put_call(m, line, &m->quick, XID_QUICK);
        assert_true(client_send_raw(line->client, line->due.data, line->due.len));
        line->due.len = 0;
    }
}

static void take_reply(const struct meeting *m, struct line *line)
{
    struct reply reply;

    if (!client_receive(line->client, &reply))
        fail_msg("%u GETATTRs have no reply on the %s connection, where slow calls are %s",
                 line->quick_left, line == m->lines ? "same" : "other",
                 m->held ? "held" : "released");
    expect_ok(get_u32(&reply.results));
    if ((reply.xid & ~XID_SERIAL) == XID_QUICK) {
        line->quick_left--;
        return;
    }
    assert_int_equal(reply.xid & ~XID_SERIAL, XID_SLOW);
    if (m->held)
        fail_msg("a slow call is answered while it is held");
    line->slow_left--;
}

static void take_quick_replies(struct meeting *m)
{
    for (struct line *line = m->lines; line < m->lines + LINES; line++)
        while (line->quick_left > 0)
            take_reply(m, line);
}

static void meet(struct meeting *m, const struct bystanders *b)
{
    struct line *same = &m->lines[SLOW];

    b->hold(b->arg);
    m->held = true;
    for (unsigned i = 0; i < b->count; i++) {
        put_call(m, same, &m->slow, XID_SLOW);
        send_due(m, DEPTH);
        take_quick_replies(m);
    }
    for (unsigned i = 0; i < TURNS; i++) {
        send_due(m, i % 2 ? DEPTH : 1);
        take_quick_replies(m);
    }
    assert_int_equal(same->slow_left, b->count);
    send_due(m, DEPTH);
    m->held = false;
    b->release(b->arg);
    take_quick_replies(m);
    while (same->slow_left > 0)
        take_reply(m, same);
}

void bystanders_wait_for_nobody(const struct bystanders *b)
{
    struct meeting m = {.lines = {[SLOW] = {.client = b->slow}, [OTHER] = {.client = b->other}}};

    client_put_record(&m.slow, &b->slow->call);
    put_fh(nfs3_begin(b->other, 1), b->fh);
    client_put_record(&m.quick, &b->other->call);
    for (struct line *line = m.lines; line < m.lines + LINES; line++)
        line->client->timeout_ms = HANG_MS;
    for (unsigned round = 0; round < ROUNDS; round++)
        meet(&m, b);
    for (struct line *line = m.lines; line < m.lines + LINES; line++)
        bytes_free(&line->due);
    bytes_free(&m.quick);
    bytes_free(&m.slow);
}
