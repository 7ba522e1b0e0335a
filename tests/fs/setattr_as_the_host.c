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
#include "tests/fs/beside.h"
#include "tests/fs/oracle.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vop.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define OLD 1000000000

static const uint32_t modes[] = {0644, 0664, 0666, 0444, 0000, 0246, 0420, 06777, 06755, 02664};

/* A file system's file. */
struct subject {
    const char *type;
    bool is_host;              /* its rights are those of a file of the host */
    bool plain_modes;          /* it has no set-id bits */
    bool fixed_owner;          /* mode, owner and group are not its to change */
    enum vtype kind;           /* VNON: a regular file */
    const struct cred *server; /* who runs the server; NULL: root */
    char host[100];            /* the host's file, "" where there is none */
    struct vfs *fs;
    struct vnode *vn;
    /* Brings the file back to owner OWNER:GROUP, this mode, 5 bytes and old times. */
    void (*reset)(struct subject *s, uint32_t mode);
};

static char reference[64];

static void begin(void)
{
    beside_begin();
    snprintf(reference, sizeof(reference), "%s/reference", beside_dir);
    host_write(beside_dir, "reference", "text");
}

static void host_reset(const char *path, uint32_t mode)
{
    const struct timespec old[2] = {{.tv_sec = OLD}, {.tv_sec = OLD}};
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    if (S_ISREG(st.st_mode))
        assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(lchown(path, OWNER, GROUP), 0);
    if (!S_ISLNK(st.st_mode))
        assert_int_equal(chmod(path, mode), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, old, AT_SYMLINK_NOFOLLOW), 0);
}

/* --- combinations --- */

/* The number'th combination; false: there are no more. */
static bool combination(unsigned number, uint32_t mode, struct vsetattr *set)
{
    static const enum vset_time ways[] = {VTIME_KEEP, VTIME_NOW, VTIME_GIVEN};
    const unsigned size = number % 2, atime = number / 2 % 3, mtime = number / 6 % 3;
    const unsigned bits = number / 18 % 3, uid = number / 54 % 3, gid = number / 162 % 4;

    *set = (struct vsetattr){.set_size = size == 1,
                             .size = 2,
                             .set_atime = ways[atime],
                             .set_mtime = ways[mtime],
                             .atime = {.tv_sec = 2000000},
                             .mtime = {.tv_sec = 3000000},
                             .set_mode = bits > 0,
                             .mode = bits == 1 ? mode : 06754,
                             .set_uid = uid > 0,
                             .uid = uid == 1 ? OWNER : 1003,
                             .set_gid = gid > 0,
                             .gid = gid == 1   ? GROUP
                                    : gid == 2 ? OTHER
                                               : 8000};
    return number < 648;
}

static void describe(const struct subject *s, const char *caller, uint32_t mode, enum extra extra,
                     const struct vsetattr *set)
{
    static const char *const ways[] = {
        [VTIME_KEEP] = "left", [VTIME_NOW] = "now", [VTIME_GIVEN] = "given"};

    test_note("%s: %s, mode %04o%s: size %s, atime %s, mtime %s, mode %s%04o, uid %d, gid %d",
              s->type, caller, mode, beside_extra_names[extra], set->set_size ? "set" : "left",
              ways[set->set_atime], ways[set->set_mtime], set->set_mode ? "" : "left, not ",
              set->mode, set->set_uid ? (int)set->uid : -1, set->set_gid ? (int)set->gid : -1);
}

/* Whether a time became what was asked for. */
static bool time_is(enum vset_time how, time_t given, struct timespec was)
{
    if (how == VTIME_NOW)
        return was.tv_sec > OLD;
    return was.tv_sec == (how == VTIME_GIVEN ? given : OLD);
}

/* What the file became. Where one time is to be now and the host lets nobody set it alone (an
 * append-only file, or an ordinary user's server), the other may be, too. */
static bool same_result(const struct subject *s, const struct vsetattr *set, enum extra extra,
                        const struct stat *want, const struct vattr *got)
{
    enum vset_time mtime =
        set->set_size && set->set_mtime == VTIME_KEEP ? VTIME_NOW : set->set_mtime;
    uint32_t mask = s->plain_modes ? 0777 : 07777;
    bool same_size = s->kind == VDIR || (uint64_t)want->st_size == got->size;
    bool times = time_is(set->set_atime, set->atime.tv_sec, got->atime) &&
                 time_is(mtime, set->mtime.tv_sec, got->mtime);

    if ((extra == EXTRA_APPEND || s->server) && !times)
        times = (set->set_atime == VTIME_NOW) != (set->set_mtime == VTIME_NOW);
    return times && same_size && (want->st_mode & mask) == (got->mode & mask) &&
           want->st_uid == got->uid && want->st_gid == got->gid;
}

static bool untouched(const struct subject *s, uint32_t mode, const struct vattr *got)
{
    uint32_t mask = s->kind == VLNK ? 0 : s->plain_modes ? 0777 : 07777;
    return (s->kind != VNON || got->size == 5) && (got->mode & mask) == (mode & mask) &&
           got->uid == OWNER && got->gid == GROUP && got->mtime.tv_sec == OLD &&
           got->atime.tv_sec == OLD;
}

static const struct cred root = {.uid = 0};

/* Where an ordinary user runs the server, the test's own hands are another's. */
static void hands(const struct subject *s, const struct cred *cred)
{
    assert_int_equal(cred_assume_server(), 0);
    if (s->server)
        oracle_become(cred);
}

static void compare_one(struct subject *s, size_t caller, uint32_t mode, enum extra extra,
                        const struct vsetattr *set)
{
    const struct cred *cred = s->server ? s->server : &beside_callers[caller].cred;
    struct vctx ctx = beside_ctx(&beside_callers[caller].cred);
    struct vchange change = {.has_before = false};
    struct vattr got = {.type = VNON};
    struct stat want;

    hands(s, &root);
    host_reset(reference, mode);
    beside_extra_give(reference, extra, mode);
    s->reset(s, mode);
    if (s->is_host)
        beside_extra_give(s->host, extra, mode);
    int expected = oracle_setattr(cred, reference, OWNER, set);
    assert_int_equal(lstat(reference, &want), 0);
    hands(s, s->server);
    int error = vop_setattr(&ctx, s->vn, set, &change);
    assert_int_equal(cred_assume_server(), 0);
    assert_int_equal(vop_getattr(&ctx, s->vn, &got), 0);
    hands(s, &root);
    if (s->is_host && extra != EXTRA_NONE) {
        beside_extra_take(reference);
        beside_extra_take(s->host);
    }
    bool right = expected == 0 ? error == 0 && same_result(s, set, extra, &want, &got)
                               : (error == EPERM || error == EACCES) && untouched(s, mode, &got);
    if (right)
        return;
    describe(s, beside_callers[caller].name, mode, extra, set);
    fail_msg("%d, on the host %d; became %04o %u:%u size %u atime %ld mtime %ld, on the host %04o "
             "%u:%u size %ld",
             error, expected, got.mode, got.uid, got.gid, (unsigned)got.size,
             (long)got.atime.tv_sec, (long)got.mtime.tv_sec, want.st_mode & 07777, want.st_uid,
             want.st_gid, (long)want.st_size);
}

/* Only what the file system can be asked for. */
static bool asks_too_much(const struct subject *s, uint32_t mode, const struct vsetattr *set)
{
    /* What is none of a file's sizes is refused (once for each time is enough). */
    if (set->set_size && s->kind != VNON)
        return true;
    if (s->plain_modes && ((set->set_mode && set->mode & 07000) || mode & 07000))
        return true;
    return s->fixed_owner &&
           ((set->set_mode && set->mode != mode) || (set->set_uid && set->uid != OWNER) ||
            (set->set_gid && set->gid != GROUP));
}

static void compare(struct subject *s)
{
    struct vsetattr set;
    unsigned compared = 0;

    const bool extras = s->is_host && (s->kind == VNON || s->kind == VDIR);
    const size_t step = s->kind == VNON && !s->server ? 1 : 3;

    for (size_t caller = 0; caller < BESIDE_CALLERS; caller += s->server ? 7 : 1) {
        for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m += step)
            for (int extra = 0; extra < (extras && m % 3 == 0 ? EXTRAS : 1); extra++)
                for (unsigned n = 0; combination(n, modes[m], &set); n++) {
                    if (asks_too_much(s, modes[m], &set))
                        continue;
                    compare_one(s, caller, modes[m], (enum extra)extra, &set);
                    compared++;
                }
    }
    test_note("%u combinations", compared);
    assert_true(compared > 1000);
    vnode_put(s->vn);
    beside_finish(s->fs);
}

/* --- the file systems --- */

static void find(struct subject *s, const char *name)
{
    struct vctx ctx = beside_ctx(cred_server());
    struct vattr attr = {.type = VNON};

    assert_int_equal(vop_lookup(&ctx, s->fs->root, beside_view(name), &s->vn, &attr), 0);
}

static void reset_host(struct subject *s, uint32_t mode)
{
    host_reset(s->host, mode);
}

/* By what root may do. */
static void reset_own(struct subject *s, uint32_t mode)
{
    const struct vsetattr size = {.set_size = true, .size = 5};
    const struct vsetattr owner = {.set_uid = true, .uid = OWNER, .set_gid = true, .gid = GROUP};
    const struct vsetattr rest = {.set_mode = true,
                                  .mode = mode,
                                  .set_atime = VTIME_GIVEN,
                                  .set_mtime = VTIME_GIVEN,
                                  .atime = {.tv_sec = OLD},
                                  .mtime = {.tv_sec = OLD}};
    struct vctx ctx = beside_ctx(cred_server());
    struct vchange change = {.has_before = false};

    if (s->kind == VNON)
        assert_int_equal(vop_setattr(&ctx, s->vn, &size, &change), 0);
    assert_int_equal(vop_setattr(&ctx, s->vn, &owner, &change), 0);
    assert_int_equal(vop_setattr(&ctx, s->vn, &rest, &change), 0);
}

static void mount_on_host(struct subject *s, const char *type, struct vfs_mount_args *args)
{
    begin();
    host_write(beside_dir, "file", "text");
    snprintf(s->host, sizeof(s->host), "%s/file", beside_dir);
    s->type = type;
    s->reset = reset_host;
    args->fsid = 7;
    args->state_dir = beside_dir;
    assert_int_equal(vfs_mount(type, args, &s->fs), 0);
}

static void run_command(struct subject *s, int fd, const char *const *argv, int argc)
{
    struct vcontrol control = {.cred = cred_server(),
                               .privileged = true,
                               .argv = argv,
                               .argc = argc,
                               .fd = fd,
                               .reply_fd = -1};
    assert_int_equal(s->fs->type->ops.control(s->fs, &control), 0);
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

static void compare_on_hostfs(enum vtype kind, const struct cred *server)
{
    struct subject s = {
        .is_host = true, .type = "hostfs", .reset = reset_host, .kind = kind, .server = server};
    char source[64];

    beside_begin();
    snprintf(reference, sizeof(reference), "%s/reference", beside_dir);
    snprintf(source, sizeof(source), "%s/export", beside_dir);
    snprintf(s.host, sizeof(s.host), "%s/file", source);
    host_mkdir(beside_dir, "export", 0777);
    host_make(reference, kind);
    host_make(s.host, kind);
    struct vfs_mount_args args = {.source = source, .state_dir = beside_dir, .fsid = 7};
    hands(&s, server);
    if (server)
        cred_init();
    assert_true(cred_can_switch() == !server);
    assert_int_equal(vfs_mount("hostfs", &args, &s.fs), 0);
    find(&s, "file");
    compare(&s);
}

TEST(attributes_on_hostfs_are_set_by_whom_the_host_lets)
{
    compare_on_hostfs(VNON, NULL);
}

TEST(attributes_of_directories_are_set_by_whom_the_host_lets)
{
    compare_on_hostfs(VDIR, NULL);
}

TEST(attributes_of_symbolic_links_are_set_by_whom_the_host_lets)
{
    compare_on_hostfs(VLNK, NULL);
}

TEST(attributes_of_special_files_are_set_by_whom_the_host_lets)
{
    static const enum vtype kinds[] = {VFIFO, VSOCK, VCHR, VBLK};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        compare_on_hostfs(kinds[i], NULL);
}

/* Whoever asks: what its user may do is done, and no more. */
TEST(attributes_by_an_ordinary_users_server_are_set_as_its_user_may)
{
    static const size_t servers[] = {0, 3, 4}; /* owner, member, other */

    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
        compare_on_hostfs(VNON, &beside_callers[servers[i]].cred);
    compare_on_hostfs(VDIR, &beside_callers[0].cred);
}

TEST(attributes_on_etfs_are_set_by_whom_the_host_lets)
{
    struct subject s = {.is_host = true, .plain_modes = true, .fixed_owner = true};
    struct vfs_mount_args args = {.source = NULL};

    mount_on_host(&s, "etfs", &args);
    run_command(&s, -1, (const char *const[]){"add", "/key", s.host}, 3);
    find(&s, "key");
    compare(&s);
}

TEST(a_write_to_a_key_takes_the_set_user_id_bit_away_whoever_wrote_before)
{
    struct subject s = {.is_host = true};
    struct vfs_mount_args args = {.source = NULL};

    mount_on_host(&s, "etfs", &args);
    run_command(&s, -1, (const char *const[]){"add", "/key", s.host}, 3);
    find(&s, "key");
    for (int i = 0; i < 2; i++) {
        host_reset(s.host, 04777);
        for (size_t caller = BESIDE_CALLERS; caller-- > 0;) { /* root first */
            struct vctx ctx = beside_ctx(&beside_callers[caller].cred);
            struct vchange change = {.has_before = false};
            enum vstable stable = VSTABLE_UNSTABLE;
            size_t len = 4;
            assert_int_equal(vop_write(&ctx, s.vn, 0, "evil", &len, &stable, &change), 0);
            assert_int_equal(cred_assume_server(), 0);
            bool is_root = beside_callers[caller].cred.uid == 0;
            assert_int_equal(host_stat(beside_dir, "file").st_mode & 07777, is_root ? 04777 : 0777);
        }
    }
    vnode_put(s.vn);
    beside_finish(s.fs);
}

static void compare_on_memfs(enum vtype kind)
{
    struct subject s = {.type = "memfs", .reset = reset_own, .kind = kind};
    struct vfs_mount_args args = {.fsid = 7};
    const struct vsetattr set = {.set_mode = true, .mode = 0644};
    struct vcreate how = {.mode = VCREATE_GUARDED, .attr = set};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    const struct view name = beside_view("file");
    int error;

    beside_begin();
    snprintf(reference, sizeof(reference), "%s/reference", beside_dir);
    host_make(reference, kind);
    struct vctx ctx = beside_ctx(cred_server());
    assert_int_equal(vfs_mount("memfs", &args, &s.fs), 0);
    struct vnode *top = s.fs->root;
    if (kind == VDIR)
        error = vop_mkdir(&ctx, top, name, &set, &s.vn, &attr, &change);
    else if (kind == VLNK)
        error = vop_symlink(&ctx, top, name, beside_view("nowhere"), &set, &s.vn, &attr, &change);
    else if (kind == VNON)
        error = vop_create(&ctx, top, name, &how, &s.vn, &attr, &change);
    else
        error = vop_mknod(&ctx, top, name, kind, 7, 200, &set, &s.vn, &attr, &change);
    assert_int_equal(error, 0);
    compare(&s);
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
    struct subject s = {.type = "simple", .plain_modes = true, .reset = reset_own};
    struct vfs_mount_args args = {.fsid = 7};

    begin();
    vfs_register(&simple_type);
    kept.nlink = 1;
    assert_int_equal(vfs_mount("simple", &args, &s.fs), 0);
    find(&s, "file");
    compare(&s);
    vfs_unregister(&simple_type);
}
