/*
 * memo.c - what this thread has found out for one call of a batch, and need not ask again for the
 * others.
 *
 * All calls of one batch had arrived before the first of them was handled (struct vctx), so an
 * answer for one of them is recent enough for each. Three things are kept: the attributes of the
 * file that was read last, which callers were found to have the right to write to which files, and
 * the path of the export's root, with which the path of each object that is opened by its handle is
 * compared.
 *
 * One rule decides to what a memo belongs. It belongs to the thread that made it, ends with its
 * batch, and is about one object: the node, on the mount with this serial number, with the inode
 * number and birth by which the host knows it. The node's address alone is not enough, since
 * another node may lie there by now. A path belongs to the mount with this serial number only, and
 * a right to the caller with this credential, too. A call without a batch finds nothing and leaves
 * nothing. A thread that runs operations of several loops in turn (lib/proxy.c) therefore begins
 * anew at each change of batch.
 *
 * Every operation that changes a file or a name calls hostfs_memo_forget(), and so does one that is
 * about to sleep. Called by io.c, names.c, attr.c and locate/containment.c.
 */
#include "memo.h"
#include "fs/hostfs/locate/locate.h"
#include <limits.h>
#include <string.h>

/* Rights to write: one for each remainder of an inode number. */
#define WRITERS 8
/* Bits of memo.known, above the bits of the writers. */
#define KNOWN_ATTR    (1u << WRITERS)
#define KNOWN_ROOT    (KNOWN_ATTR << 1)
#define KNOWN_WRITERS (KNOWN_ATTR - 1)

struct object {
    const struct vnode *vn;
    uint64_t ino;
    int64_t btime_sec;
    uint32_t btime_nsec;
    uint32_t mount_serial;
};

static _Thread_local struct {
    uint64_t batch;
    unsigned known; /* which members below are of this batch */
    struct object read;
    struct statx st; /* attributes of `read` */
    struct {
        struct object object;
        uint64_t cred;
    } writers[WRITERS];
    uint32_t root_serial; /* the mount to whose root the path `root` leads */
    ssize_t root_len;
    char root[PATH_MAX];
} memo;

static struct object object_of(struct vnode *vn)
{
    const struct hostfs_node *node = hostfs_node(vn);

    return (struct object){.vn = vn,
                           .ino = node->ino,
                           .btime_sec = node->btime_sec,
                           .btime_nsec = node->btime_nsec,
                           .mount_serial = node->mount->serial};
}

static bool is_object(const struct object *object, struct vnode *vn)
{
    const struct hostfs_node *node = hostfs_node(vn);

    return object->vn == vn && object->ino == node->ino && object->btime_sec == node->btime_sec &&
           object->btime_nsec == node->btime_nsec && object->mount_serial == node->mount->serial;
}

/* Begins a new memo where the call is of another batch. False: the call has no batch. */
static bool memo_begin(const struct vctx *ctx)
{
    if (ctx == NULL || ctx->batch == 0)
        return false;
    if (memo.batch != ctx->batch) {
        memo.batch = ctx->batch;
        memo.known = 0;
    }
    return true;
}

void hostfs_memo_forget(bool rights)
{
    memo.known &= rights ? 0 : KNOWN_WRITERS;
}

int hostfs_memo_stat(const struct vctx *ctx, struct vnode *vn, int fd, uint64_t end,
                     const struct statx **st)
{
    const bool keep = memo_begin(ctx);

    *st = &memo.st;
    if (keep && memo.known & KNOWN_ATTR && is_object(&memo.read, vn) && end < memo.st.stx_size)
        return 0;
    memo.known &= ~KNOWN_ATTR;
    int err = hostfs_stat(vn, fd, &memo.st);
    /* Where numbers and births do not last, the object is checked by its name each time. */
    if (err == 0 && keep && hostfs_is_of(vn, &memo.st)) {
        memo.read = object_of(vn);
        memo.known |= KNOWN_ATTR;
    }
    return err;
}

bool hostfs_memo_may_write(const struct vctx *ctx, struct vnode *vn)
{
    const unsigned i = hostfs_node(vn)->ino % WRITERS;

    return memo_begin(ctx) && memo.known & 1u << i && memo.writers[i].cred == ctx->cred->hash &&
           is_object(&memo.writers[i].object, vn);
}

void hostfs_memo_may_write_note(const struct vctx *ctx, struct vnode *vn)
{
    const unsigned i = hostfs_node(vn)->ino % WRITERS;

    if (!memo_begin(ctx))
        return;
    memo.writers[i].object = object_of(vn);
    memo.writers[i].cred = ctx->cred->hash;
    memo.known |= 1u << i;
}

ssize_t hostfs_memo_root_path(const struct vctx *ctx, struct hostfs *h, const char **path)
{
    const bool keep = memo_begin(ctx);

    *path = memo.root;
    if (keep && memo.known & KNOWN_ROOT && memo.root_serial == h->own.serial)
        return memo.root_len;
    memo.root_len = hostfs_root_path(h, memo.root);
    memo.root_serial = h->own.serial;
    memo.known &= ~KNOWN_ROOT;
    memo.known |= keep ? KNOWN_ROOT : 0;
    return memo.root_len;
}
