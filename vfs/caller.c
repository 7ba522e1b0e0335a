/*
 * caller.c - what a file system may ask about a caller besides the credential (loopnfs/vfs.h).
 *
 * The gate sets the caller's address in the context; it is used only by file systems that ask here.
 */
#include "base/address.h"
#include "base/hash.h"
#include <loopnfs/vfs.h>

bool vctx_is_local(const struct vctx *ctx)
{
    return ctx->peer != NULL && address_is_own(ctx->peer);
}

uint64_t vctx_caller(const struct vctx *ctx)
{
    size_t len;

    if (ctx->peer == NULL)
        return 0;
    const uint8_t *bytes = address_bytes(ctx->peer, &len);
    uint64_t hash = hash_bytes(bytes, len, address_port(ctx->peer) + 1);
    return hash != 0 ? hash : 1;
}
