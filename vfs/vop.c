/*
 * vop.c - the checked wrappers of vop.h, by which nfsd/ and mountd/ call file systems.
 *
 * Three kinds of checks are here so that no file system and no protocol has them: what the caller
 * may ask at all (names, types, read-only), what is missing (NULL operations), and whether what
 * came back is possible. A file system that breaks its contract gets a log line and its caller
 * EIO; the server goes on.
 */
#include "vfs/vop.h"
#include "base/log.h"
#include "vfs/mount.h"
#include <errno.h>
#include <string.h>

#define ERROR_MAX 20000 /* above errnos and enum vfs_error */

static const struct vfs_ops *ops_of(const struct vnode *vn)
{
    return &vn->fs->type->ops;
}

/* Says which file system broke which operation's contract, and makes it EIO. */
static int broken(const struct vnode *vn, const char *operation, const char *what)
{
    static struct log_limit limit;

    if (log_limit_allows(&limit))
        log_error("file system %s (%s): %s %s", vn->fs->type->name, vn->fs->source, operation,
                  what);
    return EIO;
}

static int checked(const struct vnode *vn, const char *operation, int err)
{
    if (err >= 0 && err < ERROR_MAX)
        return err;
    return broken(vn, operation, "returned an impossible error");
}

/* A name that may be made, removed or looked up, as a string. */
struct name {
    char text[VNAME_MAX + 1];
    bool dot, dotdot;
};

static int name_check(struct view view, struct name *name)
{
    if (view.len == 0)
        return EINVAL;
    if (view.len > VNAME_MAX)
        return ENAMETOOLONG;
    if (memchr(view.data, '\0', view.len) != NULL || memchr(view.data, '/', view.len) != NULL)
        return EINVAL;
    memcpy(name->text, view.data, view.len);
    name->text[view.len] = '\0';
    name->dot = view.len == 1 && view.data[0] == '.';
    name->dotdot = view.len == 2 && view.data[0] == '.' && view.data[1] == '.';
    return 0;
}

static int writable_check(const struct vnode *vn)
{
    return vn->fs->type->flags & VFS_READ_ONLY ? EROFS : 0;
}

/* For operations that change a name in `dir`; `dots` is the answer to `.` and `..`. */
static int change_check(const struct vnode *dir, struct view view, int dots, struct name *name)
{
    if (dir->type != VDIR)
        return ENOTDIR;
    int err = name_check(view, name);
    if (err == 0)
        err = writable_check(dir);
    if (err == 0 && (name->dot || name->dotdot))
        err = dots;
    return err;
}

static int file_check(const struct vnode *vn)
{
    if (vn->type == VDIR)
        return EISDIR;
    return vn->type == VREG ? 0 : EINVAL;
}

/* Attributes after an operation: asked for where it left them out, and of the right kind. */
static int attr_complete(const struct vctx *ctx, struct vnode *vn, const char *operation,
                         struct vattr *attr)
{
    int err = 0;

    if (attr->type == VNON)
        err = checked(vn, operation, ops_of(vn)->getattr(ctx, vn, attr));
    if (err == 0 && attr->type != (enum vtype)vn->type)
        return broken(vn, operation, "gave attributes of another type of node");
    return err;
}

/* The same for what changed; attributes that can't be had are left out, the change is done. */
static void change_complete(const struct vctx *ctx, struct vnode *vn, struct vchange *change)
{
    if (change->after.type == VNON && ops_of(vn)->getattr(ctx, vn, &change->after) != 0)
        change->after.type = VNON;
}

/* The end of every operation that gives a node. */
static int node_complete(const struct vctx *ctx, struct vnode *dir, const char *operation, int err,
                         struct vnode **out, struct vattr *attr)
{
    err = checked(dir, operation, err);
    if (err != 0) {
        *out = NULL;
        return err;
    }
    if (*out == NULL || (*out)->fs != dir->fs) {
        *out = NULL;
        return broken(dir, operation, "gave no node of its own");
    }
    err = attr_complete(ctx, *out, operation, attr);
    if (err != 0) {
        vnode_put(*out);
        *out = NULL;
    }
    return err;
}

int vop_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    attr->type = VNON;
    int err = checked(vn, "getattr", ops_of(vn)->getattr(ctx, vn, attr));
    if (err == 0 && attr->type != (enum vtype)vn->type)
        return broken(vn, "getattr", "gave attributes of another type of node");
    return err;
}

int vop_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                struct vchange *change)
{
    int err = writable_check(vn);

    if (err == 0 && set->set_size)
        err = file_check(vn);
    if (err == 0 && set->set_size && set->size > INT64_MAX)
        err = EFBIG;
    if (err == 0 && ops_of(vn)->setattr == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = checked(vn, "setattr", ops_of(vn)->setattr(ctx, vn, set, change));
    change_complete(ctx, vn, change);
    return err;
}

int vop_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted)
{
    *granted = 0;
    if (ops_of(vn)->access == NULL)
        return EOPNOTSUPP;
    int err = checked(vn, "access", ops_of(vn)->access(ctx, vn, want, granted));
    *granted &= want;
    if (vn->fs->type->flags & VFS_READ_ONLY)
        *granted &= ~(uint32_t)(VACCESS_MODIFY | VACCESS_EXTEND | VACCESS_DELETE);
    return err;
}

int vop_lookup(const struct vctx *ctx, struct vnode *dir, struct view view, struct vnode **out,
               struct vattr *attr)
{
    struct name name;

    *out = NULL;
    attr->type = VNON;
    if (dir->type != VDIR)
        return ENOTDIR;
    int err = name_check(view, &name);
    if (err != 0)
        return err;
    if (name.dot || (name.dotdot && dir->flags & VNODE_IS_ROOT)) {
        vnode_ref(dir);
        *out = dir;
    } else if (ops_of(dir)->lookup == NULL) {
        err = ENOENT;
    } else {
        err = ops_of(dir)->lookup(ctx, dir, name.text, out, attr);
    }
    return node_complete(ctx, dir, "lookup", err, out, attr);
}

int vop_readlink(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size, size_t *len)
{
    *len = 0;
    if (vn->type != VLNK)
        return EINVAL;
    if (ops_of(vn)->readlink == NULL)
        return EOPNOTSUPP;
    int err = checked(vn, "readlink", ops_of(vn)->readlink(ctx, vn, buf, size, len));
    if (err == 0 && *len >= size)
        return broken(vn, "readlink", "gave more than there was room for");
    return err;
}

int vop_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
             bool *eof, struct vattr *attr)
{
    size_t asked = *len;
    int err = file_check(vn);

    *eof = false;
    attr->type = VNON;
    if (err == 0 && ops_of(vn)->read == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = checked(vn, "read", ops_of(vn)->read(ctx, vn, offset, buf, len, eof, attr));
    if (err == 0 && *len > asked)
        err = broken(vn, "read", "gave more than was asked for");
    if (err == 0)
        err = attr_complete(ctx, vn, "read", attr);
    if (err != 0)
        *len = 0;
    return err;
}

/* A write-back error is told once, to one client; the others learn from the verifier that what
 * they wrote unstable may be gone. */
static void writeback_check(int err)
{
    if (err == EIO || err == ENOSPC || err == EDQUOT)
        vfs_verifier_renew();
}

int vop_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
              size_t *len, enum vstable *stable, struct vchange *change)
{
    size_t asked = *len;
    enum vstable wanted = *stable;
    int err = writable_check(vn);

    if (err == 0)
        err = file_check(vn);
    if (err == 0 && (offset > INT64_MAX || asked > INT64_MAX - offset))
        err = EFBIG;
    if (err == 0 && ops_of(vn)->write == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = checked(vn, "write", ops_of(vn)->write(ctx, vn, offset, buf, len, stable, change));
    if (err == 0 && (*len > asked || *stable < wanted))
        err = broken(vn, "write", "claimed more bytes, or did it less stable, than asked");
    if (err != 0 && wanted != VSTABLE_UNSTABLE)
        writeback_check(err);
    change_complete(ctx, vn, change);
    return err;
}

int vop_create(const struct vctx *ctx, struct vnode *dir, struct view view,
               const struct vcreate *how, struct vnode **out, struct vattr *attr,
               struct vchange *dir_change)
{
    struct name name;
    int err = change_check(dir, view, EEXIST, &name);

    *out = NULL;
    attr->type = VNON;
    if (err == 0 && how->attr.set_size && how->attr.size > INT64_MAX)
        err = EFBIG;
    if (err == 0 && ops_of(dir)->create == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = ops_of(dir)->create(ctx, dir, name.text, how, out, attr, dir_change);
    err = node_complete(ctx, dir, "create", err, out, attr);
    change_complete(ctx, dir, dir_change);
    return err;
}

int vop_mkdir(const struct vctx *ctx, struct vnode *dir, struct view view,
              const struct vsetattr *set, struct vnode **out, struct vattr *attr,
              struct vchange *dir_change)
{
    struct name name;
    int err = change_check(dir, view, EEXIST, &name);

    *out = NULL;
    attr->type = VNON;
    if (err == 0 && ops_of(dir)->mkdir == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = ops_of(dir)->mkdir(ctx, dir, name.text, set, out, attr, dir_change);
    err = node_complete(ctx, dir, "mkdir", err, out, attr);
    change_complete(ctx, dir, dir_change);
    return err;
}

static int target_check(struct view view, char target[VPATH_MAX])
{
    if (view.len == 0)
        return EINVAL;
    if (view.len >= VPATH_MAX)
        return ENAMETOOLONG;
    if (memchr(view.data, '\0', view.len) != NULL)
        return EINVAL;
    memcpy(target, view.data, view.len);
    target[view.len] = '\0';
    return 0;
}

int vop_symlink(const struct vctx *ctx, struct vnode *dir, struct view view, struct view target,
                const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                struct vchange *dir_change)
{
    char text[VPATH_MAX];
    struct name name;
    int err = change_check(dir, view, EEXIST, &name);

    *out = NULL;
    attr->type = VNON;
    if (err == 0)
        err = target_check(target, text);
    if (err == 0 && ops_of(dir)->symlink == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = ops_of(dir)->symlink(ctx, dir, name.text, text, set, out, attr, dir_change);
    err = node_complete(ctx, dir, "symlink", err, out, attr);
    change_complete(ctx, dir, dir_change);
    return err;
}

int vop_mknod(const struct vctx *ctx, struct vnode *dir, struct view view, enum vtype type,
              uint32_t rdev_major, uint32_t rdev_minor, const struct vsetattr *set,
              struct vnode **out, struct vattr *attr, struct vchange *dir_change)
{
    struct name name;
    int err = change_check(dir, view, EEXIST, &name);

    *out = NULL;
    attr->type = VNON;
    if (err == 0 && type != VBLK && type != VCHR && type != VSOCK && type != VFIFO)
        err = VFS_EBADTYPE;
    if (err == 0 && ops_of(dir)->mknod == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = ops_of(dir)->mknod(ctx, dir, name.text, type, rdev_major, rdev_minor, set, out, attr,
                                 dir_change);
    err = node_complete(ctx, dir, "mknod", err, out, attr);
    change_complete(ctx, dir, dir_change);
    return err;
}

int vop_remove(const struct vctx *ctx, struct vnode *dir, struct view view,
               struct vchange *dir_change)
{
    struct name name;
    int err = change_check(dir, view, EINVAL, &name);

    if (err == 0 && ops_of(dir)->remove == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = checked(dir, "remove", ops_of(dir)->remove(ctx, dir, name.text, dir_change));
    change_complete(ctx, dir, dir_change);
    return err;
}

int vop_rmdir(const struct vctx *ctx, struct vnode *dir, struct view view,
              struct vchange *dir_change)
{
    struct name name;
    int err = change_check(dir, view, 0, &name);

    /* RFC 1813 section 3.3.13 has these two. */
    if (err == 0 && name.dot)
        err = EINVAL;
    if (err == 0 && name.dotdot)
        err = EEXIST;
    if (err == 0 && ops_of(dir)->rmdir == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = checked(dir, "rmdir", ops_of(dir)->rmdir(ctx, dir, name.text, dir_change));
    change_complete(ctx, dir, dir_change);
    return err;
}

int vop_rename(const struct vctx *ctx, struct vnode *from_dir, struct view from,
               struct vnode *to_dir, struct view to, struct vchange *from_change,
               struct vchange *to_change)
{
    struct name from_name, to_name;
    int err = change_check(from_dir, from, EINVAL, &from_name);

    if (err == 0)
        err = change_check(to_dir, to, EINVAL, &to_name);
    if (err == 0 && from_dir->fs != to_dir->fs)
        err = EXDEV;
    if (err == 0 && ops_of(from_dir)->rename == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = checked(from_dir, "rename",
                      ops_of(from_dir)->rename(ctx, from_dir, from_name.text, to_dir, to_name.text,
                                               from_change, to_change));
    change_complete(ctx, from_dir, from_change);
    change_complete(ctx, to_dir, to_change);
    return err;
}

int vop_link(const struct vctx *ctx, struct vnode *vn, struct vnode *dir, struct view view,
             struct vattr *attr, struct vchange *dir_change)
{
    struct name name;
    int err = change_check(dir, view, EEXIST, &name);

    attr->type = VNON;
    if (err == 0 && vn->fs != dir->fs)
        err = EXDEV;
    if (err == 0 && vn->type == VDIR)
        err = EISDIR;
    if (err == 0 && ops_of(dir)->link == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = checked(dir, "link", ops_of(dir)->link(ctx, vn, dir, name.text, attr, dir_change));
    /* LINK has the object's attributes in its failure arm too (RFC 1813 section 3.3.15). */
    if (attr_complete(ctx, vn, "link", attr) != 0)
        attr->type = VNON;
    change_complete(ctx, dir, dir_change);
    return err;
}

/* `.` and `..`, which no file system gives itself. */
static int dots_add(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                    struct vdirents *page, bool *full)
{
    static const struct view dotdot = {(const uint8_t *)"..", 2};
    struct vnode *parent;
    struct vattr attr;

    if (cookie < 1) {
        int err = vop_getattr(ctx, dir, &attr);
        if (err != 0)
            return err;
        *full = !vdirents_add(page, attr.fileid, 1, VDIR, ".", 1);
    }
    if (cookie < 2 && !*full) {
        /* Without the right to search it the parent can't be seen: its number is then unknown. */
        int err = vop_lookup(ctx, dir, dotdot, &parent, &attr);
        if (err != 0 && err != EACCES && err != ESTALE && err != ENOENT)
            return err;
        if (err != 0 && vop_getattr(ctx, dir, &attr) != 0)
            return err;
        vnode_put(parent);
        *full = !vdirents_add(page, attr.fileid, 2, VDIR, "..", 2);
    }
    return 0;
}

/* The entries a file system gave: names, cookies, and that it kept to its page. */
static bool page_is_sound(const struct vdirents *page)
{
    const struct vdirent *entry = NULL;
    uint32_t count = 0;

    if (page->used > page->size)
        return false;
    while ((entry = vdirents_next(page, entry)) != NULL) {
        const char *end = page->buf + page->used;
        if ((const char *)entry->name >= end || entry->reclen < sizeof(*entry) ||
            (const char *)entry + entry->reclen > end ||
            (const char *)entry->name + entry->namelen >= (const char *)entry + entry->reclen)
            return false;
        if (entry->namelen == 0 || entry->namelen > VNAME_MAX || entry->cookie == 0 ||
            entry->cookie > VCOOKIE_LAST)
            return false;
        count++;
    }
    return count == page->count;
}

int vop_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie, struct vdirents *page)
{
    bool full = false;

    page->used = 0;
    page->count = 0;
    page->eof = false;
    if (dir->type != VDIR)
        return ENOTDIR;
    if (cookie > VCOOKIE_LAST)
        return VFS_EBADCOOKIE;
    if (ops_of(dir)->readdir == NULL)
        page->eof = true;
    int err = 0;
    if (cookie < 2)
        err = dots_add(ctx, dir, cookie, page, &full);
    if (err != 0 || full || ops_of(dir)->readdir == NULL) {
        page->eof = page->eof && !full;
        return err;
    }
    err = checked(dir, "readdir",
                  ops_of(dir)->readdir(ctx, dir, cookie < VCOOKIE_FIRST ? 0 : cookie, page));
    if (err == 0 && !page_is_sound(page))
        err = broken(dir, "readdir", "gave an impossible entry");
    return err;
}

int vop_statfs(const struct vctx *ctx, struct vnode *vn, struct vstatfs *st)
{
    memset(st, 0, sizeof(*st));
    if (ops_of(vn)->statfs == NULL)
        return 0;
    return checked(vn, "statfs", ops_of(vn)->statfs(ctx, vn, st));
}

int vop_pathconf(const struct vctx *ctx, struct vnode *vn, struct vpathconf *pc)
{
    *pc = (struct vpathconf){.link_max = 1,
                             .name_max = VNAME_MAX,
                             .no_trunc = true,
                             .chown_restricted = true,
                             .case_preserving = true};
    if (ops_of(vn)->pathconf == NULL)
        return 0;
    return checked(vn, "pathconf", ops_of(vn)->pathconf(ctx, vn, pc));
}

int vop_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
               struct vchange *change)
{
    int err = file_check(vn);

    if (err == 0 && ops_of(vn)->commit != NULL) {
        err = checked(vn, "commit", ops_of(vn)->commit(ctx, vn, offset, count, change));
        writeback_check(err);
    }
    change_complete(ctx, vn, change);
    return err;
}
