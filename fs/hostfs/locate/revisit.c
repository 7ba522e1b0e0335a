/*
 * revisit.c - whether an object that is in use is still in the export.
 *
 * Containment is checked when an object is loaded and when it is opened (containment.c, resolve.c).
 * But an object that is used all the time stays open, and the host may move it, or a directory
 * above it, elsewhere. The check is therefore made again for each object that a request finds in
 * the vnode table, once in PERIOD_MS. A RENAME of this server may have moved an object out of
 * another export, which lies below its directories; such objects are checked by the next request.
 *
 * Called by the vnode table for each request. Where nothing has to be checked it costs a look at
 * the clock, and nothing at all where the export is a whole file system. Owns nothing.
 */
#include "base/cred.h"
#include "fs/hostfs/hostfs.h"
#include "fs/hostfs/locate/locate.h"
#include <errno.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds after which an object in use is checked again by the next request. */
#define PERIOD_MS 1500

/* How many exports are a part of a file system, and how many renames may have moved an object out
 * of one of them. */
static _Atomic uint32_t parts, moves;

void hostfs_revisit_begin(struct hostfs *h)
{
    if (!h->whole_mount)
        parts++;
}

void hostfs_revisit_end(struct hostfs *h)
{
    if (!h->whole_mount)
        parts--;
}

void hostfs_revisit_all(const struct hostfs *h)
{
    /* What the RENAME moved stays within its own export. */
    if (parts > (h->whole_mount ? 0 : 1))
        moves++;
}

/* A number that differs in each period, and after each move. */
static uint32_t epoch_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    uint32_t period = (uint32_t)((now.tv_sec * 1000 + now.tv_nsec / 1000000) / PERIOD_MS);
    return period * 2654435761u + atomic_load_explicit(&moves, memory_order_relaxed);
}

/* Checks by the object's path, and from the root down where the path does not tell and files have
 * to be checked, too. */
static int look(struct hostfs *h, struct vnode *vn, int fd)
{
    struct vnode_id id;
    struct statx st;
    int found;

    if (hostfs_statx(fd, "", &st) != 0)
        return 0; /* the operation will find out */
    int err = hostfs_contained(NULL, h, fd, &st);
    if (err != 0 || S_ISDIR(st.stx_mode) || !h->subtree_check || st.stx_nlink == 1)
        return err;
    id.len = vn->id_len;
    memcpy(id.bytes, vn->id, vn->id_len);
    err = hostfs_resolve(h, &id, &found);
    if (err == 0)
        close(found);
    return err;
}

int hostfs_revisit(struct vnode *vn)
{
    struct hostfs *h = hostfs_of(vn);
    struct hostfs_node *node = hostfs_node(vn);

    if ((h->whole_mount && node->mount == &h->own) || hostfs_is_hidden(vn) || vnode_is_root(vn))
        return 0;
    uint32_t epoch = epoch_now();
    if (atomic_load_explicit(&node->checked, memory_order_relaxed) == epoch)
        return 0;
    int fd = hostfs_fd_held(vn);
    /* An object that is not open is checked when it is opened. */
    int err = fd >= 0 ? cred_assume_server() : 0;
    if (err == 0 && fd >= 0)
        err = look(h, vn, fd);
    if (err == 0)
        atomic_store_explicit(&node->checked, epoch, memory_order_relaxed);
    else if (err == ESTALE)
        hostfs_forget(vn);
    return err;
}
