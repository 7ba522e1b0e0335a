/*
 * batch.h - operations that "arrived together", for tests that call them without a network.
 */
#ifndef TESTS_LIB_BATCH_H
#define TESTS_LIB_BATCH_H

#include <loopnfs/vfs.h>

/* What ctx is used for from here on is of a new batch, with a number that no other has, and not its
 * last call. By any thread. */
void batch_begin(struct vctx *ctx);

#endif
