/*
 * verifier.c - the write verifiers (RFC 1813 section 3.3.7) of file systems that have none of their
 * own.
 *
 * A client that sees a new verifier sends again everything that it wrote unstable. The verifier
 * must therefore differ after every start of the server, even where two starts lie within a second.
 * It is 64 random bits, drawn when a file system is mounted, and drawn again when data was lost
 * that a client was told is written. Each mounted file system has its own verifier, so data lost by
 * one makes no client of another write again.
 */
#include "base/flush.h"
#include "vfs/mounted.h"
#include "vfs/vop.h"
#include "vfs/vop_check.h"

uint64_t vfs_verifier(const struct vfs *fs)
{
    return mounted_of(fs)->verifier;
}

uint64_t vop_verifier(struct vnode *vn)
{
    return vop_table(vn)->verifier != NULL ? vop_table(vn)->verifier(vn) : vfs_verifier(vn->fs);
}

void vfs_data_lost(struct vfs *fs)
{
    flush_verifier_renew(&mounted_of(fs)->verifier);
}
