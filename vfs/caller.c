/*
 * caller.c - what a file system may ask about a caller beyond his credential (loopnfs/vfs.h).
 *
 * The gate says who calls; it is looked at only by file systems that want to know.
 */
#include "base/address.h"
#include <loopnfs/vfs.h>

bool vctx_is_local(const struct vctx *ctx)
{
    return ctx->peer != NULL && address_is_own(ctx->peer);
}
