/*
 * access_as_the_host.c - ACCESS grants what the host grants a local process, READ, WRITE, COMMIT,
 * LOOKUP and READDIR follow it (an owner may always read and write his file, and who may execute
 * may read), and what is written to loses set-id bits and capabilities as there: who asks, the
 * rights of the object, and its kind.
 */
#include "base/cred.h"
#include "tests/fs/beside.h"
#include "tests/fs/oracle.h"
#include "tests/lib/data.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vop.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ALL                                                                             \
    (VACCESS_READ | VACCESS_LOOKUP | VACCESS_MODIFY | VACCESS_EXTEND | VACCESS_DELETE | \
     VACCESS_EXECUTE)

struct subject {
    const char *type;
    enum vtype kind;
    char host[64]; /* "" where the file system has its own */
    struct vfs *fs;
    struct vnode *vn;
};

static char reference[64];

/* --- what the host grants --- */

struct question {
    char path[64];
    int value;
};

/* Which of R_OK, W_OK and X_OK. */
static int host_access(const void *question)
{
    const struct question *ask = question;
    int granted = 0;

    for (int bit = 1; bit <= 4; bit <<= 1)
        if (faccessat(AT_FDCWD, ask->path, bit, AT_EACCESS) == 0)
            granted |= bit;
    return granted;
}

static int ask_host(int (*call)(const void *), const struct cred *cred, int value)
{
    struct question ask = {.value = value};

    snprintf(ask.path, sizeof(ask.path), "%s", reference);
    return oracle_ask(cred, call, &ask);
}

/* Only who appends may write to what is append-only, which no WRITE says of itself; and nothing is
 * taken from such a directory. */
static uint32_t expected(enum vtype kind, enum extra extra, int host)
{
    uint32_t bits = host & R_OK ? VACCESS_READ : 0;

    if (host & X_OK)
        bits |= kind == VDIR ? VACCESS_LOOKUP : VACCESS_EXECUTE;
    if (kind == VDIR && (host & (W_OK | X_OK)) == (W_OK | X_OK))
        bits |= VACCESS_MODIFY | VACCESS_EXTEND | (extra == EXTRA_APPEND ? 0 : VACCESS_DELETE);
    if (kind != VDIR && host & W_OK && extra != EXTRA_APPEND)
        bits |= VACCESS_MODIFY | VACCESS_EXTEND;
    return bits;
}

/* --- objects --- */

static void host_make(const char *path, enum vtype kind)
{
    if (kind == VDIR)
        assert_int_equal(mkdir(path, 0777), 0);
    else
        assert_int_equal(mknod(path,
                               kind == VREG    ? S_IFREG | 0644
                               : kind == VFIFO ? S_IFIFO | 0644
                                               : S_IFCHR | 0644,
                               makedev(1, 3)),
                         0);
}

static void host_rights(const char *path, enum vtype kind, uint32_t mode)
{
    assert_int_equal(chown(path, OWNER, GROUP), 0);
    assert_int_equal(chmod(path, mode), 0);
    if (kind == VREG)
        assert_int_equal(truncate(path, 5), 0);
}

static void rights(struct subject *s, uint32_t mode, enum extra extra)
{
    const struct vsetattr owner = {.set_uid = true, .uid = OWNER, .set_gid = true, .gid = GROUP};
    const struct vsetattr bits = {.set_mode = true, .mode = mode};
    struct vctx ctx = beside_ctx(cred_server());
    struct vchange change = {.has_before = false};

    assert_int_equal(cred_assume_server(), 0);
    host_rights(reference, s->kind, mode);
    beside_extra_give(reference, extra, mode);
    if (s->host[0]) {
        host_rights(s->host, s->kind, mode);
        beside_extra_give(s->host, extra, mode);
        return;
    }
    assert_int_equal(vop_setattr(&ctx, s->vn, &owner, &change), 0);
    assert_int_equal(vop_setattr(&ctx, s->vn, &bits, &change), 0);
}

static void rights_end(struct subject *s, enum extra extra)
{
    assert_int_equal(cred_assume_server(), 0);
    if (extra == EXTRA_NONE)
        return;
    beside_extra_take(reference);
    beside_extra_take(s->host);
}

static void begin(struct subject *s)
{
    struct vfs_mount_args args = {.state_dir = beside_dir, .fsid = 7};
    const struct vsetattr set = {.set_mode = true, .mode = 0644};
    const struct vcreate how = {.mode = VCREATE_GUARDED, .attr = set};
    const struct view name = beside_view("file");
    struct vchange change = {.has_before = false};
    struct vattr attr = {.type = VNON};
    char source[64];
    int err;

    beside_begin();
    struct vctx ctx = beside_ctx(cred_server());
    snprintf(reference, sizeof(reference), "%s/reference", beside_dir);
    snprintf(source, sizeof(source), "%s/export", beside_dir);
    host_make(reference, s->kind);
    host_mkdir(beside_dir, "export", 0777);
    if (strcmp(s->type, "hostfs") == 0) {
        snprintf(s->host, sizeof(s->host), "%s/export/file", beside_dir);
        host_make(s->host, s->kind);
        args.source = source;
    }
    assert_int_equal(vfs_mount(s->type, &args, &s->fs), 0);
    struct vnode *top = s->fs->root;
    if (s->host[0])
        err = vop_lookup(&ctx, top, name, &s->vn, &attr);
    else if (s->kind == VDIR)
        err = vop_mkdir(&ctx, top, name, &set, &s->vn, &attr, &change);
    else if (s->kind == VREG)
        err = vop_create(&ctx, top, name, &how, &s->vn, &attr, &change);
    else
        err = vop_mknod(&ctx, top, name, s->kind, 1, 3, &set, &s->vn, &attr, &change);
    assert_int_equal(err, 0);
}

static void end(struct subject *s)
{
    vnode_put(s->vn);
    beside_finish(s->fs);
}

/* --- what is done --- */

static int try_read(const struct vctx *ctx, struct vnode *vn)
{
    struct vattr attr = {.type = VNON};
    char buf[8];
    size_t len = sizeof(buf);
    bool eof;

    return data_read(ctx, vn, 0, buf, &len, &eof, &attr);
}

static int try_write(const struct vctx *ctx, struct vnode *vn, size_t len)
{
    struct vchange change = {.has_before = false};
    enum vstable stable = VSTABLE_UNSTABLE;

    return data_write(ctx, vn, 0, "text", &len, &stable, &change);
}

static int try_splice(const struct vctx *ctx, struct vnode *vn)
{
    struct vchange change = {.has_before = false};
    enum vstable stable = VSTABLE_UNSTABLE;
    size_t len = 4;

    return data_write_piped(ctx, vn, 0, "text", &len, &stable, &change);
}

static int try_list(const struct vctx *ctx, struct vnode *vn)
{
    uint64_t buf[512];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf)};

    return vop_readdir(ctx, vn, 0, &page);
}

static int try_look(const struct vctx *ctx, struct vnode *vn)
{
    struct vattr attr = {.type = VNON};
    struct vnode *out = NULL;
    int err = vop_lookup(ctx, vn, beside_view("name"), &out, &attr);

    return err == ENOENT ? 0 : err;
}

/* Whether an operation went as it should. */
static bool follows(int err, bool granted)
{
    return granted ? err == 0 : err == EACCES || err == EPERM;
}

static bool operations_follow(const struct subject *s, const struct vctx *ctx, uint32_t bits,
                              bool owner, enum extra extra)
{
    const bool changes = bits & VACCESS_MODIFY || (owner && extra < EXTRA_APPEND);
    struct vchange change = {.has_before = false};

    if (s->kind == VDIR)
        return follows(try_list(ctx, s->vn), bits & VACCESS_READ) &&
               follows(try_look(ctx, s->vn), bits & VACCESS_LOOKUP);
    if (s->kind != VREG)
        return try_read(ctx, s->vn) == EINVAL && try_write(ctx, s->vn, 4) == EINVAL;
    return follows(try_read(ctx, s->vn), owner || bits & (VACCESS_READ | VACCESS_EXECUTE)) &&
           follows(try_write(ctx, s->vn, 4), changes) &&
           follows(vop_commit(ctx, s->vn, 0, 0, &change), changes);
}

static void compare_access(struct subject *s, const struct beside_caller *who, uint32_t mode,
                           enum extra extra)
{
    struct vctx ctx = beside_ctx(&who->cred);
    struct vattr attr = {.type = VNON};
    uint32_t granted = 0;

    rights(s, mode, extra);
    const int host = ask_host(host_access, &who->cred, 0);
    const uint32_t want = expected(s->kind, extra, host);
    assert_int_equal(vop_access(&ctx, s->vn, ALL, &granted, &attr), 0);
    const bool follow = operations_follow(s, &ctx, granted, who->cred.uid == OWNER, extra);
    rights_end(s, extra);
    if (granted != want || !follow)
        fail_msg("%s of type %d: %s, mode %04o%s: granted %02x, on the host %02x%s", s->type,
                 s->kind, who->name, mode, beside_extra_names[extra], granted, want,
                 follow ? "" : ", and an operation does not follow it");
}

static void compare(const char *type, enum vtype kind)
{
    struct subject s = {.type = type, .kind = kind};

    begin(&s);
    const bool extras = s.host[0] && (kind == VREG || kind == VDIR);
    for (size_t caller = 0; caller < BESIDE_CALLERS; caller++)
        for (uint32_t mode = 0; mode < 0777; mode += 7 + mode % 3)
            for (int extra = 0; extra < (extras ? EXTRAS : 1); extra++)
                compare_access(&s, &beside_callers[caller], mode, (enum extra)extra);
    end(&s);
}

static const enum vtype kinds[] = {VREG, VDIR, VFIFO, VCHR};

TEST(access_on_hostfs_is_what_the_host_grants_and_operations_follow_it)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        compare("hostfs", kinds[i]);
}

TEST(access_on_memfs_is_what_the_host_grants_and_operations_follow_it)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        compare("memfs", kinds[i]);
}

/* What is granted by attributes alone: srvfs and the wrappers of file systems without rights of
 * their own have it so. */
TEST(access_by_attributes_is_what_the_host_grants)
{
    struct subject s = {.type = "memfs"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        s.kind = kinds[i];
        begin(&s);
        for (size_t caller = 0; caller < BESIDE_CALLERS; caller++) {
            const struct cred *cred = &beside_callers[caller].cred;
            for (uint32_t mode = 0; mode <= 0777; mode++) {
                const struct vattr attr = {
                    .type = kinds[i], .mode = mode, .uid = OWNER, .gid = GROUP};
                host_rights(reference, s.kind, mode);
                assert_int_equal(vaccess_granted(cred, &attr, ALL),
                                 expected(s.kind, EXTRA_NONE, ask_host(host_access, cred, 0)));
            }
        }
        end(&s);
    }
}

/* --- set-id bits and capabilities --- */

enum change {
    WRITE,
    WRITE_NOTHING,
    WRITE_BY_PIPE,
    CUT,
    SAME_SIZE,
    GROW,
    SAME_OWNER,
    SAME_GROUP,
    CHANGES
};
static const char *const change_names[CHANGES] = {
    "WRITE",  "WRITE of nothing", "WRITE by a pipe", "size 2",
    "size 5", "size 9",           "the same owner",  "the same group"};
static const uint64_t sizes[CHANGES] = {[CUT] = 2, [SAME_SIZE] = 5, [GROW] = 9};

static int host_changes(const void *question)
{
    const struct question *ask = question;
    int err = 0;

    if (ask->value == SAME_OWNER || ask->value == SAME_GROUP)
        return chown(ask->path, ask->value == SAME_OWNER ? OWNER : (uid_t)-1,
                     ask->value == SAME_GROUP ? GROUP : (gid_t)-1) == 0
                   ? 0
                   : errno;
    int fd = open(ask->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    if (ask->value < CUT)
        err = pwrite(fd, "text", ask->value == WRITE_NOTHING ? 0 : 4, 0) < 0 ? errno : 0;
    else
        err = ftruncate(fd, (off_t)sizes[ask->value]) == 0 ? 0 : errno;
    close(fd);
    return err;
}

static int own_changes(const struct vctx *ctx, struct vnode *vn, enum change what)
{
    const struct vsetattr set = {.set_size = what >= CUT && what <= GROW,
                                 .size = sizes[what],
                                 .set_uid = what == SAME_OWNER,
                                 .uid = OWNER,
                                 .set_gid = what == SAME_GROUP,
                                 .gid = GROUP};
    struct vchange change = {.has_before = false};

    if (what == WRITE_BY_PIPE)
        return try_splice(ctx, vn);
    if (what < CUT)
        return try_write(ctx, vn, what == WRITE_NOTHING ? 0 : 4);
    return vop_setattr(ctx, vn, &set, &change);
}

/* cap_net_raw=p: capabilities(7), vfs_cap_data. */
static void give_capability(const char *path)
{
    const struct vfs_cap_data data = {.magic_etc = VFS_CAP_REVISION_2,
                                      .data = {{.permitted = 1 << CAP_NET_RAW}}};

    assert_int_equal(setxattr(path, "security.capability", &data, sizeof(data), 0), 0);
}

static bool has_capability(const char *path)
{
    return getxattr(path, "security.capability", NULL, 0) > 0;
}

static void compare_change(struct subject *s, const struct beside_caller *who, uint32_t mode,
                           enum change what)
{
    struct vctx ctx = beside_ctx(&who->cred);
    struct vattr got = {.type = VNON};
    struct stat want;
    bool equal = true;

    rights(s, mode, EXTRA_NONE);
    give_capability(reference);
    if (s->host[0])
        give_capability(s->host);
    const int host = ask_host(host_changes, &who->cred, (int)what);
    const int err = own_changes(&ctx, s->vn, what);
    assert_int_equal(cred_assume_server(), 0);
    assert_int_equal(stat(reference, &want), 0);
    assert_int_equal(vop_getattr(&ctx, s->vn, &got), 0);
    if (s->host[0])
        equal = has_capability(reference) == has_capability(s->host);
    assert_int_equal(cred_assume_server(), 0);
    if (err != host || got.mode != (want.st_mode & 07777) || !equal)
        fail_msg("%s: %s, mode %04o, %s: %d and %04o, on the host %d and %04o%s", s->type,
                 who->name, mode, change_names[what], err, got.mode, host, want.st_mode & 07777,
                 equal ? "" : ", and its capabilities");
}

static void compare_changes(const char *type)
{
    static const uint32_t modes[] = {06777, 06767, 02666, 04666, 02676, 0777, 06677};
    struct subject s = {.type = type, .kind = VREG};

    begin(&s);
    for (size_t caller = 0; caller < BESIDE_CALLERS; caller++)
        for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++)
            for (int what = 0; what < CHANGES; what++)
                compare_change(&s, &beside_callers[caller], modes[m], (enum change)what);
    end(&s);
}

TEST(what_changes_on_hostfs_loses_set_id_bits_and_capabilities_as_on_the_host)
{
    compare_changes("hostfs");
}

TEST(what_changes_on_memfs_loses_set_id_bits_as_on_the_host)
{
    compare_changes("memfs");
}
