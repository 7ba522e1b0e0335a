/*
 * batch.c - see batch.h.
 */
#include "tests/lib/batch.h"
#include <stdatomic.h>

void batch_begin(struct vctx *ctx)
{
    static _Atomic uint64_t last;

    ctx->batch = atomic_fetch_add(&last, 1) + 1;
    ctx->last_in_batch = false;
}
