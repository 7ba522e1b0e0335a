/*
 * vop_names.c - the checked wrappers of vop.h for operations on names in directories.
 */
#include "vfs/node_verify.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include "vfs/vop_check.h"
#include "vfs/vop_rights.h"
#include <errno.h>
#include <string.h>

/* A name that may be made, removed or looked up, as a string with a NUL. */
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

/* For operations that change a name in `dir`. `dots` is the error for `.` and `..` (0: allowed). */
static int change_check(const struct vnode *dir, struct view view, int dots, struct name *name)
{
    if (dir->type != VDIR)
        return ENOTDIR;
    int err = name_check(view, name);
    if (err == 0)
        err = vop_check_writable(dir);
    if (err == 0 && (name->dot || name->dotdot))
        err = dots;
    return err;
}

/* Ends every operation that gives a node: checks *out, which must have the type `type` (VNON: any),
 * and completes its attributes. `err` is from vop_checked(). Without a node *out is NULL. */
static int node_complete(const struct vctx *ctx, struct vnode *dir, const char *operation, int err,
                         enum vtype type, struct vnode **out, struct vattr *attr)
{
    if (err != 0) {
        *out = NULL;
        return err;
    }
    if (*out == NULL || !node_verify(dir->fs, *out)) {
        *out = NULL;
        return vop_broken(dir, operation, "gave no node of its own");
    }
    if (type != VNON && (*out)->type != (uint8_t)type) {
        vnode_put(*out);
        *out = NULL;
        return vop_broken(dir, operation, "gave a node of another type");
    }
    err = vop_complete_attr(ctx, *out, operation, attr);
    if (err != 0) {
        vnode_put(*out);
        *out = NULL;
    }
    return err;
}

/* Says what is impossible about a node of which only id and attributes are given; NULL: nothing. */
static const char *plus_wrong(const struct vnode_id *id, const struct vattr *attr)
{
    if (id->len == 0 || id->len > VNODE_ID_MAX)
        return "gave an impossible id";
    if (attr->type < VREG || attr->type > VFIFO)
        return "gave attributes of no type";
    return vop_attr_wrong(attr->type, attr);
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
    if (name.dot || (name.dotdot && vnode_is_root(dir))) {
        vnode_ref(dir);
        *out = dir;
    } else if (vop_table(dir)->lookup == NULL) {
        err = rights_check(ctx, dir, VACCESS_LOOKUP);
        err = err != 0 ? err : ENOENT;
    } else {
        err = rights_check(ctx, dir, VACCESS_LOOKUP);
        if (err == 0)
            err =
                vop_checked(dir, "lookup", vop_table(dir)->lookup(ctx, dir, name.text, out, attr));
    }
    return node_complete(ctx, dir, "lookup", err, name.dotdot ? VDIR : VNON, out, attr);
}

int vop_getattr_at(const struct vctx *ctx, struct vnode *dir, struct view view, struct vnode_id *id,
                   struct vattr *attr)
{
    struct name name;
    struct vnode *vn;
    int err = dir->type == VDIR ? name_check(view, &name) : ENOTDIR;

    attr->type = VNON;
    if (err != 0)
        return err;
    if (name.dot || name.dotdot || vop_table(dir)->getattr_at == NULL) {
        err = vop_lookup(ctx, dir, view, &vn, attr);
        if (vn != NULL)
            vnode_id_of(vn, id);
        vnode_put(vn);
        return err;
    }
    err = rights_check(ctx, dir, VACCESS_LOOKUP);
    if (err == 0)
        err = vop_checked(dir, "getattr_at",
                          vop_table(dir)->getattr_at(ctx, dir, name.text, id, attr));
    const char *wrong = err == 0 ? plus_wrong(id, attr) : NULL;
    return wrong != NULL ? vop_broken(dir, "getattr_at", wrong) : err;
}

int vop_create(const struct vctx *ctx, struct vnode *dir, struct view view,
               const struct vcreate *how, struct vnode **out, struct vattr *attr,
               struct vchange *dir_change)
{
    struct vcreate made = *how;
    struct name name;
    int err = change_check(dir, view, EEXIST, &name);

    *out = NULL;
    attr->type = VNON;
    rights_new(ctx, &made.attr);
    if (err == 0 && how->attr.set_size && how->attr.size > INT64_MAX)
        err = EFBIG;
    if (err == 0 && vop_table(dir)->create == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = rights_create(ctx, dir, name.text, &made);
    if (err == 0)
        err =
            vop_checked(dir, "create",
                        vop_table(dir)->create(ctx, dir, name.text, &made, out, attr, dir_change));
    err = node_complete(ctx, dir, "create", err, VREG, out, attr);
    vop_complete_change(ctx, dir, dir_change);
    return err;
}

int vop_mkdir(const struct vctx *ctx, struct vnode *dir, struct view view,
              const struct vsetattr *set, struct vnode **out, struct vattr *attr,
              struct vchange *dir_change)
{
    struct vsetattr made = *set;
    struct name name;
    int err = change_check(dir, view, EEXIST, &name);

    *out = NULL;
    attr->type = VNON;
    rights_new(ctx, &made);
    if (err == 0 && vop_table(dir)->mkdir == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = rights_add(ctx, dir, name.text);
    if (err == 0)
        err = vop_checked(dir, "mkdir",
                          vop_table(dir)->mkdir(ctx, dir, name.text, &made, out, attr, dir_change));
    err = node_complete(ctx, dir, "mkdir", err, VDIR, out, attr);
    vop_complete_change(ctx, dir, dir_change);
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
    struct vsetattr made = *set;
    struct name name;
    int err = change_check(dir, view, EEXIST, &name);

    *out = NULL;
    attr->type = VNON;
    rights_new(ctx, &made);
    if (err == 0)
        err = target_check(target, text);
    if (err == 0 && vop_table(dir)->symlink == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = rights_add(ctx, dir, name.text);
    if (err == 0)
        err = vop_checked(
            dir, "symlink",
            vop_table(dir)->symlink(ctx, dir, name.text, text, &made, out, attr, dir_change));
    err = node_complete(ctx, dir, "symlink", err, VLNK, out, attr);
    vop_complete_change(ctx, dir, dir_change);
    return err;
}

int vop_mknod(const struct vctx *ctx, struct vnode *dir, struct view view, enum vtype type,
              uint32_t rdev_major, uint32_t rdev_minor, const struct vsetattr *set,
              struct vnode **out, struct vattr *attr, struct vchange *dir_change)
{
    struct vsetattr made = *set;
    struct name name;
    int err = change_check(dir, view, EEXIST, &name);

    *out = NULL;
    attr->type = VNON;
    rights_new(ctx, &made);
    if (err == 0 && type != VBLK && type != VCHR && type != VSOCK && type != VFIFO)
        err = VFS_EBADTYPE;
    if (err == 0 && vop_table(dir)->mknod == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = rights_special(ctx, dir, name.text, type);
    if (err == 0)
        err = vop_checked(dir, "mknod",
                          vop_table(dir)->mknod(ctx, dir, name.text, type, rdev_major, rdev_minor,
                                                &made, out, attr, dir_change));
    err = node_complete(ctx, dir, "mknod", err, type, out, attr);
    vop_complete_change(ctx, dir, dir_change);
    return err;
}

int vop_remove(const struct vctx *ctx, struct vnode *dir, struct view view,
               struct vchange *dir_change)
{
    struct name name;
    int err = change_check(dir, view, EINVAL, &name);

    if (err == 0 && vop_table(dir)->remove == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = rights_take(ctx, dir, name.text);
    if (err == 0)
        err = vop_checked(dir, "remove", vop_table(dir)->remove(ctx, dir, name.text, dir_change));
    vop_complete_change(ctx, dir, dir_change);
    return err;
}

int vop_rmdir(const struct vctx *ctx, struct vnode *dir, struct view view,
              struct vchange *dir_change)
{
    struct name name;
    int err = change_check(dir, view, 0, &name);

    /* RFC 1813 section 3.3.13 asks for these two errors. */
    if (err == 0 && name.dot)
        err = EINVAL;
    if (err == 0 && name.dotdot)
        err = EEXIST;
    if (err == 0 && vop_table(dir)->rmdir == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = rights_take(ctx, dir, name.text);
    if (err == 0)
        err = vop_checked(dir, "rmdir", vop_table(dir)->rmdir(ctx, dir, name.text, dir_change));
    vop_complete_change(ctx, dir, dir_change);
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
    if (err == 0 && vop_table(from_dir)->rename == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = rights_rename(ctx, from_dir, from_name.text, to_dir, to_name.text);
    if (err == 0)
        err = vop_checked(from_dir, "rename",
                          vop_table(from_dir)->rename(ctx, from_dir, from_name.text, to_dir,
                                                      to_name.text, from_change, to_change));
    vop_complete_change(ctx, from_dir, from_change);
    vop_complete_change(ctx, to_dir, to_change);
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
        err = EPERM; /* as link(2) says */
    if (err == 0 && vop_table(dir)->link == NULL)
        err = EOPNOTSUPP;
    if (err == 0)
        err = rights_add(ctx, dir, name.text);
    if (err == 0)
        err = vop_checked(dir, "link",
                          vop_table(dir)->link(ctx, vn, dir, name.text, attr, dir_change));
    /* LINK has the object's attributes in its failure arm too (RFC 1813 section 3.3.15). */
    if (vop_complete_attr(ctx, vn, "link", attr) != 0)
        attr->type = VNON;
    vop_complete_change(ctx, dir, dir_change);
    return err;
}

/* Adds one of the two, with what a lookup says of it. A caller that may not search the directory
 * does not learn what its parent is: `..` is then shown as the directory itself. */
static int dot_add(const struct vctx *ctx, struct vnode *dir, const char *name,
                   struct vdirents *page, bool *full)
{
    const struct view view = {(const uint8_t *)name, (uint32_t)strlen(name)};
    const uint64_t cookie = view.len;
    struct vdirent_plus *plus;
    struct vnode_id id;
    struct vattr attr;

    int err = vop_getattr_at(ctx, dir, view, &id, &attr);
    bool known = err == 0;
    if (err == EACCES || err == ESTALE || err == ENOENT)
        err = vop_getattr(ctx, dir, &attr);
    if (err != 0)
        return err;
    if (known && page->plus) {
        plus = vdirents_add_plus(page, attr.fileid, cookie, VDIR, name, view.len);
        *full = plus == NULL;
        if (plus != NULL)
            *plus = (struct vdirent_plus){.attr = attr, .id = id};
    } else {
        *full = !vdirents_add(page, attr.fileid, cookie, VDIR, name, view.len);
    }
    return 0;
}

/* Adds `.` and `..`, which the wrapper makes for every file system. */
static int dots_add(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                    struct vdirents *page, bool *full)
{
    int err = cookie < 1 ? dot_add(ctx, dir, ".", page, full) : 0;

    if (err == 0 && !*full)
        err = dot_add(ctx, dir, "..", page, full);
    return err;
}

/* Bytes that an entry with the longest name takes in a page. */
#define ENTRY_MAX (sizeof(struct vdirent) + VNAME_MAX + 8)

static bool entry_lies_in(const struct vdirent *entry, const char *end)
{
    return (const char *)entry->name < end && entry->reclen >= sizeof(*entry) &&
           (const char *)entry + entry->reclen <= end &&
           (const char *)entry->name + entry->namelen < (const char *)entry + entry->reclen;
}

static const char *entry_wrong(const struct vdirent *entry)
{
    if (entry->namelen == 0 || entry->namelen > VNAME_MAX)
        return "gave a name that is empty or too long";
    if (memchr(entry->name, '/', entry->namelen) != NULL ||
        memchr(entry->name, '\0', entry->namelen) != NULL)
        return "gave a name with '/' or NUL";
    if (entry->name[0] == '.' &&
        (entry->namelen == 1 || (entry->namelen == 2 && entry->name[1] == '.')))
        return "gave '.' or '..', which are not its own";
    if (entry->cookie < VCOOKIE_FIRST || entry->cookie > VCOOKIE_LAST)
        return "gave an impossible cookie";
    if (entry->plus != 0 && (entry->plus % 8 != 0 || entry->plus < sizeof(*entry) ||
                             entry->plus + sizeof(struct vdirent_plus) > entry->reclen))
        return "gave an impossible entry";
    return NULL;
}

/* Drops attributes of an entry that were not asked for, or that are impossible: the entry is then
 * looked up by itself, and only that look-up fails. */
static void plus_check(const struct vnode *dir, bool wanted, struct vdirent *entry)
{
    const struct vdirent_plus *plus = vdirent_plus(entry);
    const char *wrong = NULL;

    if (plus == NULL)
        return;
    bool empty = plus->id.len == 0 && plus->attr.type == VNON;
    if (wanted && !empty)
        wrong = plus_wrong(&plus->id, &plus->attr);
    if (wrong != NULL)
        vop_broken(dir, "readdir", wrong);
    if (!wanted || empty || wrong != NULL)
        entry->plus = 0;
}

/* Says what is impossible about the entries that a file system added from offset `used` on, when it
 * was asked for those behind the cookie `asked`; NULL: nothing. */
static const char *page_wrong(const struct vnode *dir, const struct vdirents *page, size_t used,
                              uint32_t count, uint64_t asked)
{
    char *at = page->buf + used, *end = page->buf + page->used;
    uint64_t last = 0;

    if (page->used > page->size || page->used < used)
        return "went beyond its page";
    while (at < end) {
        struct vdirent *entry = (struct vdirent *)(void *)at;
        if (!entry_lies_in(entry, end))
            return "gave an impossible entry";
        const char *wrong = entry_wrong(entry);
        if (wrong != NULL)
            return wrong;
        plus_check(dir, page->plus, entry);
        last = entry->cookie;
        at += entry->reclen;
        count++;
    }
    /* The next call would ask for this page again: a listing that never ends. */
    if (last != 0 && last == asked)
        return "came back to the cookie it was to go on from";
    if (count != page->count)
        return "miscounted its entries";
    bool had_room = page->size - used >= ENTRY_MAX && (page->max == 0 || page->max > count) &&
                    (page->each == 0 || page->room >= page->each + VNAME_MAX + 1);
    if (page->used == used && !page->eof && had_room)
        return "gave neither an entry nor the end";
    return NULL;
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
    int err = rights_check(ctx, dir, VACCESS_READ);
    if (err == 0 && cookie < 2)
        err = dots_add(ctx, dir, cookie, page, &full);
    if (err != 0 || full)
        return err;
    if (vop_table(dir)->readdir == NULL) {
        page->eof = true;
        return 0;
    }
    size_t used = page->used;
    uint32_t count = page->count;
    cookie = cookie < VCOOKIE_FIRST ? 0 : cookie;
    bool plus = page->plus;
    /* A caller that may not search the directory gets names only. */
    page->plus = plus && rights_check(ctx, dir, VACCESS_LOOKUP) == 0;
    err = vop_checked(dir, "readdir", vop_table(dir)->readdir(ctx, dir, cookie, page));
    const char *wrong = err == 0 ? page_wrong(dir, page, used, count, cookie) : NULL;
    page->plus = plus;
    return wrong != NULL ? vop_broken(dir, "readdir", wrong) : err;
}
