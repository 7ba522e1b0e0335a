/*
 * bystanders.h - that quick calls are answered while slow ones are held.
 *
 * For tests that nobody waits for somebody else's disk. The test has a gate: what slow calls (READ,
 * COMMIT) ask for comes when it is opened, and not before. So a GETATTR that is answered while the
 * gate is closed has waited for none of them, and one that waits for them is never answered. No
 * clock is asked: on a busy machine all of it is late, and none of it is otherwise.
 */
#ifndef TESTS_LIB_BYSTANDERS_H
#define TESTS_LIB_BYSTANDERS_H

#include "tests/lib/nfs3client.h"

struct bystanders {
    struct client *slow;  /* the connection of the slow calls; its `call` is one of them */
    struct client *other; /* a second one, with GETATTRs only */
    const struct fh *fh;  /* what GETATTRs ask for */
    unsigned count;       /* slow calls that are held at once */
    void (*hold)(void *arg);
    void (*release)(void *arg);
    void *arg;
};

/* That GETATTRs wait for no slow call: where they lie behind one in the same batch, where all slow
 * calls are held already, and where those are released meanwhile; on both connections. */
void bystanders_wait_for_nobody(const struct bystanders *b);

#endif
