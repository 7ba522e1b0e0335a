/*
 * verifier.c - the write verifier (RFC 1813 section 3.3.7).
 *
 * A client that sees another verifier sends again what it wrote unstable. So it must differ
 * after every restart, two in one second included: 64 random bits. It is also renewed when the
 * kernel reported a write-back error, since data that a client believes written may be lost.
 */
#include "vfs/mount.h"
#include <sodium.h>
#include <stdatomic.h>

static _Atomic uint64_t verifier;

void vfs_verifier_init(void)
{
    vfs_verifier_renew();
}

uint64_t vfs_verifier(void)
{
    return verifier;
}

void vfs_verifier_renew(void)
{
    uint64_t fresh;

    do
        randombytes_buf(&fresh, sizeof(fresh));
    while (fresh == verifier || fresh == 0);
    verifier = fresh;
}
