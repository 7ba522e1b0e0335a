/*
 * beside_tree.c - see beside_tree.h. The host's trees by system calls, the others by operations, as
 * root.
 */
#include "tests/fs/beside_tree.h"
#include "base/cred.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vop.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LINK_OF VNON
static const struct thing {
    const char *path;
    enum vtype type;
    uint32_t mode;
    const char *target;
} things[] = {
    {"d", VDIR, 0777, ""},
    {"e", VDIR, 0777, ""},
    {"d/file", VREG, 0644, ""},
    {"d/other", VREG, 0600, ""},
    {"d/hard", LINK_OF, 0, "d/file"},
    {"d/empty", VDIR, 0755, ""},
    {"d/empty2", VDIR, 0775, ""},
    {"d/full", VDIR, 0755, ""},
    {"d/full/in", VREG, 0644, ""},
    {"d/link", VLNK, 0777, "file"},
    {"d/dangling", VLNK, 0777, "x/y"},
    {"d/fifo", VFIFO, 0666, ""},
    {"e/efile", VREG, 0666, ""},
    {"e/eempty", VDIR, 0777, ""},
    {"e/efull", VDIR, 0777, ""},
    {"e/efull/in", VREG, 0644, ""},
    {"e/ehard", LINK_OF, 0, "d/file"},
};
#define THINGS (sizeof(things) / sizeof(things[0]))

char beside_reference[64];

/* u::rwx, NAMED rwx, g::r-x, mask rwx, o::--- */
static void host_default_list(const char *path)
{
    const struct {
        uint32_t version;
        struct {
            uint16_t tag, perm;
            uint32_t id;
        } entries[5];
    } list = {2,
              {{1, 7, UINT32_MAX},
               {2, 7, NAMED},
               {4, 5, UINT32_MAX},
               {16, 7, UINT32_MAX},
               {32, 0, UINT32_MAX}}};

    assert_int_equal(setxattr(path, "system.posix_acl_default", &list, sizeof(list), 0), 0);
}

static void host_make(const char *path, const struct thing *thing, const char *top, uid_t owner)
{
    char target[200];
    int err = -1;

    snprintf(target, sizeof(target), "%s/%s", top, thing->target);
    if (thing->type == VDIR)
        err = mkdir(path, 0777);
    else if (thing->type == VLNK)
        err = symlink(thing->target, path);
    else if (thing->type == LINK_OF)
        err = link(target, path);
    else
        err = mknod(path, thing->type == VFIFO ? S_IFIFO : S_IFREG, 0);
    assert_int_equal(err, 0);
    assert_int_equal(lchown(path, owner, GROUP), 0);
    if (thing->type != VLNK && thing->type != LINK_OF)
        assert_int_equal(chmod(path, thing->mode), 0);
}

static void host_tree(const char *top, const struct beside_rights *rights)
{
    char path[200];

    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", top, things[i].path);
        host_remove_tree(path);
    }
    for (size_t i = 0; i < THINGS; i++) {
        snprintf(path, sizeof(path), "%s/%s", top, things[i].path);
        host_make(path, &things[i], top, i < 2 ? 0 : rights->owner);
    }
    snprintf(path, sizeof(path), "%s/d", top);
    assert_int_equal(chown(path, rights->dir_owner, GROUP), 0);
    assert_int_equal(chmod(path, rights->mode), 0);
    if (rights->list)
        host_default_list(path);
}

/* --- the same by operations, as root --- */

struct vnode *beside_parent(struct vfs *fs, const char *path, const char **name)
{
    struct vctx ctx = beside_ctx(cred_server());
    struct vnode *at = fs->root;
    char part[64];
    const char *slash;

    vnode_ref(at);
    while ((slash = strchr(path, '/'))) {
        struct vattr attr = {.type = VNON};
        struct vnode *next;
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        int err = vop_lookup(&ctx, at, beside_view(part), &next, &attr);
        vnode_put(at);
        if (err != 0)
            return NULL;
        at = next;
        path = slash + 1;
    }
    *name = path;
    return at;
}

struct vnode *beside_find(struct vfs *fs, const char *path)
{
    struct vctx ctx = beside_ctx(cred_server());
    struct vattr attr = {.type = VNON};
    struct vnode *vn;
    const char *name;
    struct vnode *dir = beside_parent(fs, path, &name);

    if (!dir || vop_lookup(&ctx, dir, beside_view(name), &vn, &attr) != 0)
        vn = NULL;
    vnode_put(dir);
    return vn;
}

static void own_make(struct vfs *fs, const struct thing *thing, const struct beside_rights *rights)
{
    struct vctx ctx = beside_ctx(cred_server());
    struct vsetattr set = {.set_mode = true,
                           .mode = thing->mode,
                           .set_uid = true,
                           .uid = rights->owner,
                           .set_gid = true,
                           .gid = GROUP};
    struct vcreate how = {.mode = VCREATE_GUARDED, .attr = set};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn = NULL;
    const char *name;
    struct vnode *dir = beside_parent(fs, thing->path, &name);
    const struct view view = beside_view(name);
    int err = EINVAL;

    if (thing->type == VDIR)
        err = vop_mkdir(&ctx, dir, view, &set, &vn, &attr, &change);
    else if (thing->type == VLNK)
        err = vop_symlink(&ctx, dir, view, beside_view(thing->target), &set, &vn, &attr, &change);
    else if (thing->type == VFIFO)
        err = vop_mknod(&ctx, dir, view, VFIFO, 0, 0, &set, &vn, &attr, &change);
    else if (thing->type == VREG)
        err = vop_create(&ctx, dir, view, &how, &vn, &attr, &change);
    else if ((vn = beside_find(fs, thing->target)))
        err = vop_link(&ctx, vn, dir, view, &attr, &change);
    assert_int_equal(err, 0);
    vnode_put(vn);
    vnode_put(dir);
}

static void own_set(struct vfs *fs, const char *path, uid_t owner, uint32_t mode)
{
    const struct vsetattr whose = {.set_uid = true, .uid = owner, .set_gid = true, .gid = GROUP};
    const struct vsetattr which = {.set_mode = true, .mode = mode};
    struct vctx ctx = beside_ctx(cred_server());
    struct vchange change = {.has_before = false};
    struct vnode *vn = *path ? beside_find(fs, path) : fs->root;

    assert_int_equal(vop_setattr(&ctx, vn, &whose, &change), 0);
    assert_int_equal(vop_setattr(&ctx, vn, &which, &change), 0);
    if (*path)
        vnode_put(vn);
}

static void own_tree(struct beside_tree *t, const struct beside_rights *rights)
{
    struct vfs_mount_args args = {.fsid = 7};

    vfs_put(t->fs);
    assert_int_equal(vfs_mount(t->type, &args, &t->fs), 0);
    own_set(t->fs, "", 0, 0777);
    for (size_t i = 0; i < THINGS; i++)
        own_make(t->fs, &things[i], rights);
    own_set(t->fs, "d", rights->dir_owner, rights->mode);
    own_set(t->fs, "e", 0, 0777);
}

/* --- what became of it --- */

static const char *const names_in[] = {
    "d",         "d/file",   "d/other",     "d/hard",      "d/empty",    "d/empty2", "d/full",
    "d/full/in", "d/link",   "d/fifo",      "d/new",       "d/dangling", "d/new/in", "d/empty/in",
    "d/empty/x", "d/full/x", "e",           "e/efile",     "e/eempty",   "e/efull",  "e/efull/in",
    "e/ehard",   "e/new",    "d/empty2/in", "e/eempty/in", "e/new/in"};
#define NAMES (sizeof(names_in) / sizeof(names_in[0]))

static size_t add(char text[BESIDE_TEXT], size_t at, const char *path, unsigned type, uint32_t mode,
                  uint64_t links, uid_t uid, gid_t gid)
{
    return at + (size_t)snprintf(text + at, BESIDE_TEXT - at, "%s %u %05o %u %u:%u\n", path, type,
                                 mode, (unsigned)links, uid, gid);
}

static unsigned type_of(mode_t mode)
{
    return S_ISREG(mode)   ? VREG
           : S_ISDIR(mode) ? VDIR
           : S_ISLNK(mode) ? VLNK
           : S_ISCHR(mode) ? VCHR
                           : VFIFO;
}

static void host_describe(const char *top, char text[BESIDE_TEXT])
{
    char path[200];
    struct stat st;
    size_t at = 0;

    for (size_t i = 0; i < NAMES; i++) {
        snprintf(path, sizeof(path), "%s/%s", top, names_in[i]);
        if (lstat(path, &st) == 0)
            at = add(text, at, names_in[i], type_of(st.st_mode), st.st_mode & 07777, st.st_nlink,
                     st.st_uid, st.st_gid);
    }
}

static void own_describe(struct vfs *fs, char text[BESIDE_TEXT])
{
    struct vctx ctx = beside_ctx(cred_server());
    struct vnode *vn;
    size_t at = 0;

    for (size_t i = 0; i < NAMES; i++) {
        struct vattr attr = {.type = VNON};
        vn = beside_find(fs, names_in[i]);
        if (!vn)
            continue;
        assert_int_equal(vop_getattr(&ctx, vn, &attr), 0);
        at = add(text, at, names_in[i], attr.type, attr.mode, attr.nlink, attr.uid, attr.gid);
        vnode_put(vn);
    }
}

void beside_trees(struct beside_tree *t, const struct beside_rights *rights)
{
    host_tree(beside_reference, rights);
    if (t->host)
        host_tree(t->host, rights);
    else
        own_tree(t, rights);
}

bool beside_trees_are_equal(const struct beside_tree *t, char host[BESIDE_TEXT],
                            char own[BESIDE_TEXT])
{
    host[0] = own[0] = '\0';
    host_describe(beside_reference, host);
    if (t->host)
        host_describe(t->host, own);
    else
        own_describe(t->fs, own);
    return strcmp(host, own) == 0;
}
