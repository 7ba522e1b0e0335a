/*
 * rights.c - what a caller may do to a node, by the kernel's verdict.
 *
 * Descriptors for reading and writing are shared by all callers, so io.c asks here first. The
 * kernel is asked as the caller (faccessat2). The node keeps the verdict for one caller, as long as
 * its ctime does not change. A change of rights sets the ctime, but by a clock that ticks in
 * milliseconds, and some file systems store coarser times. A verdict is therefore kept only if the
 * ctime was already old when the verdict was taken; otherwise a change right after it could leave
 * an equal ctime (base/settled.h). Where it is not known how coarse the times are, no verdict is
 * kept.
 *
 * node->verdict is one word, so no lock is needed. It has a keyed hash of caller and ctime, and
 * below that 3 bits for the rights that are known and 3 bits for those that are granted.
 */
#include "base/cred.h"
#include "base/hash.h"
#include "base/settled.h"
#include "hostfs.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KNOWN     3 /* shift of the known bits */
#define BITS_MASK 0x3fu

static uint64_t verdict_tag(const struct cred *cred, const struct statx *st)
{
    uint64_t ctime = (uint64_t)hostfs_ns(st->stx_ctime.tv_sec, st->stx_ctime.tv_nsec);
    return hash_mix(cred->hash ^ hash_mix(ctime)) & ~(uint64_t)BITS_MASK;
}

static int ask(int fd, int mode)
{
    if (syscall(SYS_faccessat2, fd, "", mode, AT_EMPTY_PATH | AT_EACCESS) == 0)
        return 0;
    return errno;
}

bool hostfs_settled(const struct hostfs_mount *mount, const struct statx *st)
{
    return mount->below->granularity_ns > 0 &&
           settled_ctime(st->stx_ctime.tv_sec, st->stx_ctime.tv_nsec, mount->below->granularity_ns);
}

bool hostfs_ticked(const struct statx *st)
{
    struct statx_timestamp ctime = st->stx_ctime;
    struct timespec now;

    if (!(st->stx_mask & STATX_BTIME) || ctime.tv_nsec == 0) /* it may have whole seconds */
        return settled_ctime(ctime.tv_sec, ctime.tv_nsec, 1000000000);
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec > ctime.tv_sec ||
           (now.tv_sec == ctime.tv_sec && now.tv_nsec > (long)ctime.tv_nsec);
}

/* Which of `want` (R_OK, W_OK, X_OK) the kernel grants to the caller. The thread acts as the
 * caller. */
static uint32_t verdict(const struct vctx *ctx, struct vnode *vn, int fd, const struct statx *st,
                        uint32_t want)
{
    _Atomic uint64_t *kept = &hostfs_node(vn)->verdict;
    uint64_t tag = verdict_tag(ctx->cred, st);
    uint64_t word = atomic_load_explicit(kept, memory_order_relaxed);
    uint32_t bits = (word & ~(uint64_t)BITS_MASK) == tag ? (uint32_t)word & BITS_MASK : 0;
    uint32_t unknown = want & ~(bits >> KNOWN);

    if (unknown == 0)
        return bits & want;
    bool keep = hostfs_settled(hostfs_node(vn)->mount, st);
    if (ask(fd, (int)unknown) == 0) {
        bits |= unknown;
    } else {
        for (uint32_t bit = 1; bit <= 4; bit <<= 1)
            if (unknown & bit && unknown != bit && ask(fd, (int)bit) == 0)
                bits |= bit;
    }
    bits |= unknown << KNOWN;
    if (keep)
        atomic_store_explicit(kept, tag | bits, memory_order_relaxed);
    return bits & want;
}

uid_t hostfs_uid(const struct vctx *ctx)
{
    return cred_can_switch() ? ctx->cred->uid : cred_server()->uid;
}

/* Whether the caller may read a file because it may execute it: executing needs reading. Where a
 * file judges by its opener, the kernel's verdict on executing means little: FUSE grants it to
 * every caller, unless the kernel judges by modes there. */
static bool executes(const struct vctx *ctx, struct vnode *vn, int fd, const struct statx *st)
{
    const struct hostfs_mount *mount = hostfs_node(vn)->mount;

    return vn->type == VREG && (!mount->below->opener_judged || mount->by_modes) &&
           verdict(ctx, vn, fd, st, X_OK);
}

bool hostfs_privileged(const struct vctx *ctx, struct vnode *vn, int fd, const struct statx *st,
                       int want)
{
    /* The owner may have opened the file while it had the right, or have made it read-only itself.
     * NFS has no open by which to remember that (RFC 1813 section 4.4). */
    if (st->stx_uid == hostfs_uid(ctx))
        return true;
    return want == R_OK && executes(ctx, vn, fd, st);
}

int hostfs_may(const struct vctx *ctx, struct vnode *vn, int fd, const struct statx *st, int want)
{
    /* The kernel checks these attributes only when a file is opened, and the node's descriptor may
     * be open already. */
    if (want == W_OK && st->stx_attributes & (STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE))
        return ask(fd, want) == EROFS ? EROFS : EPERM;
    if (st->stx_uid == hostfs_uid(ctx) || verdict(ctx, vn, fd, st, (uint32_t)want) ||
        hostfs_privileged(ctx, vn, fd, st, want))
        return 0;
    /* Asks for the reason: a file that can't be changed gives another error than one that this
     * caller may not change. */
    return ask(fd, want);
}

static uint32_t access_of_directory(uint32_t bits)
{
    uint32_t granted = 0;
    if (bits & R_OK)
        granted |= VACCESS_READ;
    if (bits & X_OK)
        granted |= VACCESS_LOOKUP;
    if (bits & W_OK && bits & X_OK)
        granted |= VACCESS_MODIFY | VACCESS_EXTEND | VACCESS_DELETE;
    return granted;
}

static uint32_t access_of_file(uint32_t bits)
{
    uint32_t granted = 0;
    if (bits & R_OK)
        granted |= VACCESS_READ;
    if (bits & W_OK)
        granted |= VACCESS_MODIFY | VACCESS_EXTEND;
    if (bits & X_OK)
        granted |= VACCESS_EXECUTE;
    return granted;
}

/* Rights that the kernel withholds only when an object is opened or removed: nothing can be removed
 * from an append-only directory, and a WRITE does not say that it appends. */
static uint32_t withheld(const struct vnode *vn, const struct statx *st)
{
    if (!(st->stx_attributes & STATX_ATTR_APPEND))
        return 0;
    return vn->type == VDIR ? VACCESS_DELETE : VACCESS_MODIFY | VACCESS_EXTEND;
}

int hostfs_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
                  struct vattr *attr)
{
    struct statx st;
    int fd;

    if (hostfs_is_hidden(vn)) {
        hostfs_attr_hidden(vn, attr);
        *granted = want & (vn->type == VDIR ? VACCESS_READ | VACCESS_LOOKUP : 0);
        return 0;
    }
    int err = hostfs_fd_stat(ctx, vn, &fd, &st);
    if (err == 0)
        err = cred_assume(ctx->cred);
    if (err != 0)
        return err;
    uint32_t bits = verdict(ctx, vn, fd, &st, R_OK | W_OK | X_OK);
    *granted = want & (vn->type == VDIR ? access_of_directory(bits) : access_of_file(bits)) &
               ~withheld(vn, &st);
    hostfs_attr(vn, &st, attr);
    return 0;
}
