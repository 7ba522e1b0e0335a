/*
 * open.c - with which identity a regular file is opened for its data, and which callers a
 * descriptor may serve.
 *
 * Called by io.c and sync.c. A file is opened as the caller, so that the kernel decides. Where the
 * kernel says EACCES, the server opens the file for the caller in two cases that every NFS server
 * knows (hostfs_privileged()): the caller owns the file, or may execute it and wants to read. This
 * is the only place where more is allowed than the host would allow, and it never applies to pseudo
 * file systems. Where a FUSE daemon judges the opener, a caller that may execute opens the file
 * under its own identity, with the right to read added.
 *
 * The node keeps the descriptor, which then serves all callers; hostfs_may() asks the kernel about
 * each of them. That is right only where the kernel can judge by owner, mode and access list at any
 * time. It is wrong where a file judges by its opener (below->opener_judged): a FUSE daemon may
 * check nothing but the opening, a network file system speaks to its server with the opener's
 * credential, and proc and cgroup files keep the opener's credential. There the node keeps the
 * descriptors of one caller, whose credential's hash is `opener`; each other caller gets a
 * descriptor for the one operation. Files of pseudo file systems are opened anew for each
 * operation.
 *
 * A server that can't take other identities opens all files as itself, so there is one opener.
 */
#include "open.h"
#include "base/cred.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include "newfile.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DATA_FLAGS (O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC)

static _Atomic int *slot_of(struct vnode *vn, int mode)
{
    struct hostfs_node *node = hostfs_node(vn);
    return mode == O_WRONLY ? &node->write_fd : &node->read_fd;
}

static bool is_opener_judged(struct vnode *vn)
{
    return hostfs_node(vn)->mount->below->opener_judged && cred_can_switch();
}

int hostfs_fd_data(const struct vctx *ctx, struct vnode *vn, int mode)
{
    int fd = hostfs_fd_any(vn, mode);

    if (fd >= 0 && is_opener_judged(vn) && atomic_load(&hostfs_node(vn)->opener) != ctx->cred->hash)
        return -1;
    return fd;
}

static int set_mode(int fd, uint32_t mode)
{
    struct vsetattr set = {.set_mode = true, .mode = mode};
    return hostfs_apply(fd, VREG, &set);
}

static uint32_t lent_mode(const struct statx *st, int mode)
{
    return (st->stx_mode & 07777) | (mode == O_WRONLY ? S_IWUSR : S_IRUSR);
}

/*
 * Opens a file for which its mode gives the server, an ordinary user that owns it, no right,
 * although the client may open it (hostfs_may()). The server adds the right to the mode for the
 * moment of opening. If it is killed in that moment, the next start restores the mode (kept.c).
 */
static int open_lent(struct vnode *vn, const struct vnode_id *id, int mode, int *fd)
{
    struct hostfs *h = hostfs_of(vn);
    struct hostfs_turn turn;
    struct hostfs_kept kept;
    struct statx st;
    int path_fd;
    int err = hostfs_fd(NULL, vn, &path_fd);
    if (err == 0)
        err = cred_assume_server();
    if (err == 0)
        err = hostfs_turn_begin(&h->lends, vn, &turn);
    if (err != 0)
        return err;
    err = hostfs_stat(vn, path_fd, &st);
    if (err == 0 && st.stx_uid != cred_server()->uid)
        err = EACCES;
    if (err == 0)
        err = hostfs_keep_mode(h, vn, st.stx_mode & 07777, lent_mode(&st, mode), &kept);
    if (err == 0) {
        err = set_mode(path_fd, lent_mode(&st, mode));
        if (err == 0)
            err = hostfs_open_id(h, id, mode | DATA_FLAGS, fd);
        /* Where the mode can't be restored, the next start tries again. */
        if (set_mode(path_fd, st.stx_mode & 07777) == 0)
            hostfs_kept_end(h, &kept);
    }
    hostfs_turn_end(&h->lends, &turn);
    return err;
}

/* Opens a file again with the thread's identity. `held` is known to be open on a regular file,
 * since opening a device or a fifo could do things by itself. */
static int open_again(int held, int mode, int *fd)
{
    struct hostfs_proc_path link;

    hostfs_proc_path(&link, held);
    *fd = open(link.text, mode | (DATA_FLAGS & ~O_NOFOLLOW));
    if (*fd >= 0)
        return 0;
    /* The file is opened as an object, not by a name: these errors mean that it is gone or
     * replaced. */
    return errno == ENOENT || errno == ELOOP ? ESTALE : errno;
}

/* Opens a file for reading as execve() does: the kernel does not check the right to read, and a
 * FUSE daemon sees the caller's identity. */
static int open_to_execute(const struct vctx *ctx, int held, int *fd)
{
    int err = cred_assume_reader(ctx->cred);

    if (err == 0)
        err = open_again(held, O_RDONLY, fd);
    int back = cred_assume(ctx->cred);
    if (err == 0 && back)
        close(*fd);
    return err != 0 ? err : back;
}

static int open_as_server(struct vnode *vn, int held, int mode, int *fd)
{
    struct vnode_id id;
    int err = cred_assume_server();
    if (err != 0)
        return err;
    id.len = vn->id_len;
    memcpy(id.bytes, vn->id, vn->id_len);
    err = hostfs_of(vn)->has_proc ? open_again(held, mode, fd)
                                  : hostfs_open_id(hostfs_of(vn), &id, mode | DATA_FLAGS, fd);
    return err == EACCES && !cred_can_switch() ? open_lent(vn, &id, mode, fd) : err;
}

/* Opens the file of `held` for the caller; st has the attributes of `held`. */
static int open_for(const struct vctx *ctx, struct vnode *vn, int mode, int held,
                    const struct statx *st, int *fd)
{
    int want = mode == O_WRONLY ? W_OK : R_OK;
    int err = cred_assume(ctx->cred);
    if (err != 0)
        return err;
    if (hostfs_of(vn)->has_proc) {
        err = open_again(held, mode, fd);
        if (err != EACCES)
            return err;
        if (hostfs_node(vn)->mount->below->pseudo || !hostfs_privileged(ctx, vn, held, st, want))
            return EACCES;
        /* A file that judges by its opener has to judge the caller, unless the caller owns it. */
        if (is_opener_judged(vn) && st->stx_uid != hostfs_uid(ctx))
            return mode == O_RDONLY ? open_to_execute(ctx, held, fd) : EACCES;
    } else {
        /* Without /proc only the server can open it, by its handle. */
        err = is_opener_judged(vn) ? EACCES : hostfs_may(ctx, vn, held, st, want);
        if (err != 0)
            return err;
    }
    return open_as_server(vn, held, mode, fd);
}

/* Checks that FUSE has opened the node's own file, and not another one that has the name now: no
 * data of that may be read or written. Closes fd where it has. */
static int check_named(struct vnode *vn, int fd)
{
    struct statx st;
    int err = hostfs_statx_now(fd, &st);

    if (err == 0 && !hostfs_named_sure(vn, fd, &st))
        err = ESTALE;
    if (err != 0)
        close(fd);
    if (err == ESTALE)
        hostfs_forget(vn);
    return err;
}

/* Whether the node may keep a descriptor that this caller opened. */
static bool may_keep(const struct vctx *ctx, struct vnode *vn)
{
    uint64_t nobody = 0;

    if (!is_opener_judged(vn))
        return true;
    if (hostfs_node(vn)->mount->below->pseudo)
        return false;
    return atomic_compare_exchange_strong(&hostfs_node(vn)->opener, &nobody, ctx->cred->hash) ||
           nobody == ctx->cred->hash;
}

void hostfs_data_keep(const struct vctx *ctx, struct vnode *vn, int mode, int fd,
                      struct hostfs_data *data)
{
    data->own = !may_keep(ctx, vn);
    data->fd = data->own ? fd : hostfs_set_fd(vn, slot_of(vn, mode), fd);
}

int hostfs_data_open(const struct vctx *ctx, struct vnode *vn, int mode, struct hostfs_data *data)
{
    struct statx st;
    int held, fd;

    *data = (struct hostfs_data){.fd = -1};
    int err = hostfs_enter(ctx, vn, &held);
    if (err == 0)
        err = hostfs_stat(vn, held, &st);
    if (err != 0)
        return err;
    data->fd = hostfs_fd_data(ctx, vn, mode);
    if (data->fd >= 0)
        return hostfs_may(ctx, vn, held, &st, mode == O_WRONLY ? W_OK : R_OK);
    err = open_for(ctx, vn, mode, held, &st, &fd);
    if (err == 0 && hostfs_node(vn)->mount->named)
        err = check_named(vn, fd);
    if (err != 0)
        return err;
    hostfs_data_keep(ctx, vn, mode, fd, data);
    err = cred_assume(ctx->cred);
    if (err != 0)
        hostfs_data_close(data);
    return err;
}

int hostfs_data_close(struct hostfs_data *data)
{
    int err = data->own && close(data->fd) != 0 ? errno : 0;

    data->fd = -1;
    data->own = false;
    return err;
}

int hostfs_open_any(struct vnode *vn, struct hostfs_data *data)
{
    int modes[] = {O_RDONLY, O_WRONLY}, held, fd;

    *data = (struct hostfs_data){.fd = hostfs_fd_any(vn, O_WRONLY)};
    if (data->fd < 0)
        data->fd = hostfs_fd_any(vn, O_RDONLY);
    if (data->fd >= 0)
        return 0;
    int err = hostfs_fd(NULL, vn, &held);
    if (err != 0)
        return err;
    err = EACCES;
    for (int i = 0; i < 2 && err == EACCES; i++) {
        err = open_as_server(vn, held, modes[i], &fd);
        if (err != 0)
            continue;
        data->own = is_opener_judged(vn);
        data->fd = data->own ? fd : hostfs_set_fd(vn, slot_of(vn, modes[i]), fd);
    }
    return err;
}
