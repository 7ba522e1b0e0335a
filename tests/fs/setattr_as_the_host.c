/*
 * setattr_as_the_host.c - SETATTR succeeds for whom the host's own system calls succeed, and makes
 * of the file what they make of it: all combinations of who asks, of the file's rights, and of
 * size, times, mode, owner and group, on every file system.
 *
 * Two files on a tmpfs: one that a local process changes (oracle.h), and the file system's. Hostfs
 * and etfs show a file of the same tmpfs, where access control lists and the append-only and
 * immutable flags have their say, too.
 */
#include "base/cred.h"
#include "tests/fs/setattr_compare.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vop.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void reset_host(struct setattr_subject *s, uint32_t mode)
{
    setattr_host_reset(s->host, mode);
}

/* By what root may do. */
static void reset_own(struct setattr_subject *s, uint32_t mode)
{
    const struct vsetattr size = {.set_size = true, .size = 5};
    const struct vsetattr owner = {.set_uid = true, .uid = OWNER, .set_gid = true, .gid = GROUP};
    const struct vsetattr rest = {.set_mode = true,
                                  .mode = mode,
                                  .set_atime = VTIME_GIVEN,
                                  .set_mtime = VTIME_GIVEN,
                                  .atime = {.tv_sec = SETATTR_OLD},
                                  .mtime = {.tv_sec = SETATTR_OLD}};
    struct vctx ctx = beside_ctx(cred_server());
    struct vchange change = {.has_before = false};

    if (s->kind == VNON)
        assert_int_equal(vop_setattr(&ctx, s->vn, &size, &change), 0);
    assert_int_equal(vop_setattr(&ctx, s->vn, &owner, &change), 0);
    assert_int_equal(vop_setattr(&ctx, s->vn, &rest, &change), 0);
}

static void host_make(const char *path, enum vtype kind)
{
    static const mode_t types[] = {[VNON] = S_IFREG, [VREG] = S_IFREG,   [VBLK] = S_IFBLK,
                                   [VCHR] = S_IFCHR, [VSOCK] = S_IFSOCK, [VFIFO] = S_IFIFO};

    if (kind == VDIR)
        assert_int_equal(mkdir(path, 0777), 0);
    else if (kind == VLNK)
        assert_int_equal(symlink("nowhere", path), 0);
    else
        assert_int_equal(mknod(path, types[kind] | 0644, makedev(7, 200)), 0);
}

static void compare_on_hostfs(enum vtype kind, const struct cred *server, unsigned long read_only)
{
    struct setattr_subject s = {.is_host = true,
                                .type = "hostfs",
                                .reset = reset_host,
                                .kind = kind,
                                .server = server,
                                .read_only = read_only};
    char source[64];

    beside_begin();
    snprintf(setattr_reference, sizeof(setattr_reference), "%s/reference", beside_dir);
    snprintf(source, sizeof(source), "%s/export", beside_dir);
    snprintf(s.host, sizeof(s.host), "%s/file", source);
    host_mkdir(beside_dir, "export", 0777);
    host_make(setattr_reference, kind);
    host_make(s.host, kind);
    struct vfs_mount_args args = {
        .source = source, .state_dir = read_only ? NULL : beside_dir, .fsid = 7};
    setattr_hands(&s, server);
    if (server)
        cred_init();
    assert_true(cred_can_switch() == !server);
    assert_int_equal(vfs_mount("hostfs", &args, &s.fs), 0);
    setattr_find(&s, "file");
    setattr_compare(&s);
}

TEST(attributes_on_hostfs_are_set_by_whom_the_host_lets)
{
    compare_on_hostfs(VNON, NULL, 0);
}

TEST(attributes_of_directories_are_set_by_whom_the_host_lets)
{
    compare_on_hostfs(VDIR, NULL, 0);
}

TEST(attributes_of_symbolic_links_are_set_by_whom_the_host_lets)
{
    compare_on_hostfs(VLNK, NULL, 0);
}

TEST(attributes_of_special_files_are_set_by_whom_the_host_lets)
{
    static const enum vtype kinds[] = {VFIFO, VSOCK, VCHR, VBLK};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        compare_on_hostfs(kinds[i], NULL, 0);
}

/* Whoever asks: what its user may do is done, and no more. */
TEST(attributes_by_an_ordinary_users_server_are_set_as_its_user_may)
{
    static const size_t servers[] = {0, 3, 4}; /* owner, member, other */

    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
        compare_on_hostfs(VNON, &beside_callers[servers[i]].cred, 0);
    compare_on_hostfs(VDIR, &beside_callers[0].cred, 0);
}

/* Its mount, or all of it. */
TEST(attributes_on_what_is_mounted_read_only_are_refused_as_the_host_does)
{
    compare_on_hostfs(VNON, NULL, MS_RDONLY);
    compare_on_hostfs(VNON, NULL, MS_RDONLY | MS_BIND);
    compare_on_hostfs(VDIR, NULL, MS_RDONLY);
    compare_on_hostfs(VDIR, NULL, MS_RDONLY | MS_BIND);
}

static void compare_on_memfs(enum vtype kind)
{
    struct setattr_subject s = {.type = "memfs", .reset = reset_own, .kind = kind};
    struct vfs_mount_args args = {.fsid = 7};
    const struct vsetattr set = {.set_mode = true, .mode = 0644};
    struct vcreate how = {.mode = VCREATE_GUARDED, .attr = set};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    const struct view name = beside_view("file");
    int err;

    beside_begin();
    snprintf(setattr_reference, sizeof(setattr_reference), "%s/reference", beside_dir);
    host_make(setattr_reference, kind);
    struct vctx ctx = beside_ctx(cred_server());
    assert_int_equal(vfs_mount("memfs", &args, &s.fs), 0);
    struct vnode *top = s.fs->root;
    if (kind == VDIR)
        err = vop_mkdir(&ctx, top, name, &set, &s.vn, &attr, &change);
    else if (kind == VLNK)
        err = vop_symlink(&ctx, top, name, beside_view("nowhere"), &set, &s.vn, &attr, &change);
    else if (kind == VNON)
        err = vop_create(&ctx, top, name, &how, &s.vn, &attr, &change);
    else
        err = vop_mknod(&ctx, top, name, kind, 7, 200, &set, &s.vn, &attr, &change);
    assert_int_equal(err, 0);
    setattr_compare(&s);
}

TEST(attributes_on_memfs_are_set_by_whom_the_host_lets)
{
    compare_on_memfs(VNON);
}

TEST(attributes_of_what_is_no_file_on_memfs_are_set_by_whom_the_host_lets)
{
    static const enum vtype kinds[] = {VDIR, VLNK, VFIFO, VBLK};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        compare_on_memfs(kinds[i]);
}

/* --- a file system that leaves rights to the library --- */

static struct vattr kept;

static int simple_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    vnode_attr_default(vn, attr);
    if (vnode_number(vn) == VNODE_NUMBER_ROOT)
        return 0;
    *attr = kept;
    attr->type = VREG;
    return 0;
}

static int simple_lookup(const struct vctx *ctx, struct vnode *parent, const char *name,
                         struct vnode **out, struct vattr *attr)
{
    (void)ctx, (void)attr;
    return strcmp(name, "file") == 0 ? vnode_intern_number(parent->fs, 2, VREG, out) : ENOENT;
}

static int simple_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                          struct vchange *change)
{
    struct timespec now;

    (void)ctx, (void)vn, (void)change;
    clock_gettime(CLOCK_REALTIME, &now);
    if (set->set_size) {
        kept.size = set->size;
        kept.mtime = now;
    }
    if (set->set_mode)
        kept.mode = set->mode & 0777;
    if (set->set_uid)
        kept.uid = set->uid;
    if (set->set_gid)
        kept.gid = set->gid;
    if (set->set_atime != VTIME_KEEP)
        kept.atime = set->set_atime == VTIME_NOW ? now : set->atime;
    if (set->set_mtime != VTIME_KEEP)
        kept.mtime = set->set_mtime == VTIME_NOW ? now : set->mtime;
    return 0;
}

static const struct vfs_type simple_type = {
    .name = "simple",
    .flags = VFS_STABLE_IDS,
    .ops = {.getattr = simple_getattr, .setattr = simple_setattr, .lookup = simple_lookup},
};

TEST(attributes_on_what_leaves_rights_to_the_library_are_set_by_whom_the_host_lets)
{
    struct setattr_subject s = {.type = "simple", .plain_modes = true, .reset = reset_own};
    struct vfs_mount_args args = {.fsid = 7};

    beside_begin();
    snprintf(setattr_reference, sizeof(setattr_reference), "%s/reference", beside_dir);
    host_write(beside_dir, "reference", "text");
    vfs_register(&simple_type);
    kept.nlink = 1;
    assert_int_equal(vfs_mount("simple", &args, &s.fs), 0);
    setattr_find(&s, "file");
    setattr_compare(&s);
    vfs_unregister(&simple_type);
}
