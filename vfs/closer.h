/*
 * closer.h - closes descriptors that nodes gave up.
 *
 * close() may hang: the kernel tells a FUSE file system of it, and that file system may not answer.
 * A call that makes room for its own files must not hang in another file system. Descriptors of
 * another place (base/wait_place.h) than the call's own are therefore closed by a thread of that
 * place. The call waits a moment for that thread, and not at all where the thread was busy already.
 */
#ifndef VFS_CLOSER_H
#define VFS_CLOSER_H

#include "base/wait_place.h"

/* Descriptors of several nodes that are to be closed. */
#define CLOSER_BATCH 256
struct closer_batch {
    unsigned count;
    struct {
        struct wait_place *place;
        int fd;
    } items[CLOSER_BATCH];
};

/* Closes `count` descriptors of the place, or has its thread close them. NULL place: closes them
 * here. To be called without any lock. */
void closer_close(struct wait_place *place, const int *fds, unsigned count);
/* Closes all of a batch, which is empty afterwards. */
void closer_flush(struct closer_batch *batch);

#endif
