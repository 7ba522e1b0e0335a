/*
 * net_payload_in_fixture.h - a server of one loop whose handler obeys its messages, and clients
 * that send it long ones: for the tests of messages whose end comes by a pipe (net/payload_in.h).
 *
 * A message is a struct question, and behind it bytes that follow from its tag. The reply tells
 * what the handler saw of them, in memory and from the pipe; rest_check() compares that with what
 * was sent. A tag is asked once and answered once. Clients belong to the test's own thread.
 */
#ifndef TESTS_NET_PAYLOAD_IN_FIXTURE_H
#define TESTS_NET_PAYLOAD_IN_FIXTURE_H

#include "base/payload.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "tests/unit/net_peer.h"

#define MIB (1024u * 1024u)
/* No rest of less comes by the pipe. */
#define REST_LEAST (128u * 1024)
/* What rest_put() may need for one message. */
#define STREAM_MAX (2u * MIB)

/* What a handler does with a rest that is in the pipe. */
enum { TAKE, PART, FILL, IGNORE, DEALINGS };
/* When it sleeps, and whether it says so before; until it may go on, or for some time. */
enum { NAP_BEFORE = 1, NAP_AFTER = 2, NAP_SAID = 4, NAP_HELD = 8 };

struct question {
    uint32_t deal, naps, ms;
    uint32_t len;    /* of the whole message */
    uint32_t begins; /* where the next one's rest would begin; 0: the handler says nothing */
    uint32_t part;   /* bytes that PART takes, where there are so many */
    uint32_t reply;  /* bytes it has at least */
    uint32_t tag;    /* rest_put() gives it one */
};

struct outcome {
    uint32_t tag;
    uint32_t rest; /* so many bytes of the message were in the pipe */
};

/* Since the start of the process. */
struct rest_counts {
    _Atomic unsigned calls, by_pipe, by_both, naps_by_pipe, misplaced;
    _Atomic unsigned held; /* now: those that sleep until they may go on */
};
extern struct rest_counts rest_counts;
extern _Atomic bool rest_may_go_on;

struct address rest_start(void);
void rest_finish(void);
/* One whose socket at the server has grown: any rest comes by the pipe. A fresh one's window opens
 * by and by, and what it can't have at once goes through memory. */
int rest_dial_grown(const struct address *to);

/* A long message: `begins` bytes, and a rest. */
struct question rest_long(uint32_t deal, uint32_t begins, uint32_t rest);
/* The record at `to`, in fragments of so many bytes (0: in one); returns its bytes. */
size_t rest_put(uint8_t *to, struct question *q, uint32_t fragment);
void rest_send(int fd, const uint8_t *bytes, size_t len);
/* Waits until the server has the beginning of a message in memory of which `sent` bytes were sent,
 * all there is on the connection. So it waits for the rest, or is about to. */
void rest_until_begun(int fd, size_t sent);
/* Sends a message; returns its tag. */
uint32_t rest_ask(int fd, struct question q);
/* A reply has to be right. */
struct outcome rest_check(const uint8_t *reply, size_t len);
/* The next reply. */
struct outcome rest_answer(int fd);
/* Replies until this one was among them. */
struct outcome rest_answer_to(int fd, uint32_t tag);
void rest_answers(int fd, unsigned count);
/* Messages that have no reply yet. */
unsigned rest_unanswered(void);
/* Has the server expect that a rest begins at `begins` in the next message on this connection. */
void rest_teach(int fd, uint32_t begins);

#endif
