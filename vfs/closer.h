/*
 * closer.h - closes descriptors that nodes gave up.
 *
 * close() may hang: a FUSE file system is told of it, and may not answer. Who makes room for his
 * own files must not hang in somebody else's: what belongs to another place (base/wait_place.h)
 * than the call's own is closed by a thread of that place, for which the call waits a moment only,
 * and not at all where it is behind.
 */
#ifndef VFS_CLOSER_H
#define VFS_CLOSER_H

#include "base/wait_place.h"

/* Descriptors of several nodes, until they are closed. */
#define CLOSER_BATCH 256
struct closer_batch {
    unsigned count;
    struct {
        struct wait_place *place;
        int fd;
    } items[CLOSER_BATCH];
};

/* Closes them, or has them closed. With no lock held. */
void closer_close(struct wait_place *place, const int *fds, unsigned count);
/* All of a batch, which is then empty. */
void closer_flush(struct closer_batch *batch);

#endif
