/*
 * mnt.c - MNT: which client may mount which directory, and the handle that it gets.
 *
 * Called by mountd.c for both versions. The way from the export's root to a subdirectory is walked
 * with vop_lookup() as the caller after squash, so that a mount never gives more rights than
 * walking there through a mount of the export would. The walk follows no symbolic link; `..` and
 * `.` were removed from the text before (exports_path_clean). Owns nothing. A call works with one
 * table of exports from beginning to end.
 */
#include "mountd/mnt.h"
#include "access/gate.h"
#include "access/handle.h"
#include "base/log.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include <errno.h>
#include <string.h>

static const struct {
    int error;
    mountstat3 status;
} mnt_statuses[] = {
    {0, MNT3_OK},
    {EPERM, MNT3ERR_PERM},
    {ENOENT, MNT3ERR_NOENT},
    {ESTALE, MNT3ERR_NOENT}, /* removed between two steps of the walk */
    {EIO, MNT3ERR_IO},
    {EACCES, MNT3ERR_ACCES},
    {ENOTDIR, MNT3ERR_NOTDIR},
    {ELOOP, MNT3ERR_NOTDIR}, /* a symbolic link */
    {EINVAL, MNT3ERR_INVAL},
    {ENAMETOOLONG, MNT3ERR_NAMETOOLONG},
    {EOPNOTSUPP, MNT3ERR_NOTSUPP},
    {VFS_ESERVERFAULT, MNT3ERR_SERVERFAULT},
};

static mountstat3 mnt_status(int err)
{
    if (err == VFS_EJUKEBOX)
        return MNT_ASK_AGAIN;
    for (size_t i = 0; i < sizeof(mnt_statuses) / sizeof(mnt_statuses[0]); i++)
        if (mnt_statuses[i].error == err)
            return mnt_statuses[i].status;
    return MNT3ERR_IO;
}

/* Takes the first component off `rest`; false where `rest` has none. */
static bool mnt_next_component(struct view *rest, struct view *name)
{
    while (rest->len > 0 && rest->data[0] == '/') {
        rest->data++;
        rest->len--;
    }
    name->data = rest->data;
    name->len = 0;
    while (name->len < rest->len && name->data[name->len] != '/')
        name->len++;
    rest->data += name->len;
    rest->len -= name->len;
    return name->len > 0;
}

/* Walks from the export's root down `rest`; *out has a reference. */
static int mnt_walk(const struct vctx *ctx, struct vnode *root, struct view rest,
                    struct vnode **out)
{
    struct vnode *vn = root;
    struct view name;

    vnode_ref(vn);
    while (mnt_next_component(&rest, &name)) {
        struct vnode *next;
        struct vattr attr = {0};
        int err = vnode_enter(vn);
        if (err == 0)
            err = vop_lookup(ctx, vn, name, &next, &attr);

        vnode_put(vn);
        if (err != 0)
            return err;
        vn = next;
    }
    if (vn->type != VDIR) {
        vnode_put(vn);
        return ENOTDIR;
    }
    *out = vn;
    return 0;
}

/* Control characters of a client's path must not reach a terminal through the log. */
static void mnt_printable(struct view path, char *buf, size_t size)
{
    size_t len = path.len < size - 1 ? path.len : size - 1;

    for (size_t i = 0; i < len; i++)
        buf[i] = path.data[i] < 0x20 || path.data[i] == 0x7f ? '?' : (char)path.data[i];
    buf[len] = '\0';
}

static void mnt_log_refusal(const struct rpc_call *call, struct view path, const char *why)
{
    static struct log_limit limit;
    char peer[ADDRESS_TEXT_MAX], shown[256];

    if (!log_limit_allows(&limit))
        return;
    mnt_printable(path, shown, sizeof(shown));
    log_warning("mount of %s refused to %s: %s", shown, address_format(call->peer, true, peer),
                why);
}

/* Walks from the export's root as the caller, and makes the handle of the directory that it
 * reaches. */
static int mnt_open(const struct access *access, struct view rest, bool is_short,
                    struct handle *out)
{
    const struct export *export = access->export;
    struct vnode *vn;

    if (export->fs == NULL)
        return ENOENT;
    int err = mnt_walk(&access->ctx, export->fs->root, rest, &vn);
    if (err != 0)
        return err;
    (is_short ? handle_seal_short : handle_seal)(export->id, vn, out);
    vnode_put(vn);
    return 0;
}

/* Tries a mount once. EAGAIN: the directory that the export with the id *outdated should serve has
 * changed. With outdated NULL this is not checked. */
static int mnt_try(const struct rpc_call *call, struct view path, bool is_short, uint32_t *outdated,
                   struct handle *out)
{
    struct access access = {0};
    struct view rest;
    const char *why;
    int err = gate_by_path(&access, call, path, &rest, &why);

    if (err == EACCES)
        mnt_log_refusal(call, path, why);
    if (err == 0 && outdated != NULL && export_is_outdated(access.export)) {
        *outdated = access.export->id;
        err = EAGAIN;
    }
    if (err == 0)
        err = mnt_open(&access, rest, is_short, out);
    gate_leave(&access);
    return err;
}

mountstat3 mnt_resolve(const struct rpc_call *call, struct view path, bool is_short,
                       struct handle *out)
{
    if (path.len > MNT_PATH_MAX)
        return MNT3ERR_NAMETOOLONG;
    if (path.len == 0 || path.data[0] != '/' || memchr(path.data, '\0', path.len) != NULL)
        return MNT3ERR_INVAL;

    uint32_t outdated = 0;
    int err = mnt_try(call, path, is_short, &outdated, out);
    /* The directory at the export's path was replaced, has come, or has gone: the export is
     * refreshed first. */
    if (err == EAGAIN) {
        exports_refresh_one(outdated);
        err = mnt_try(call, path, is_short, NULL, out);
    }
    return mnt_status(err);
}
