/*
 * setattr_compare.c - see setattr_compare.h.
 */
#include "tests/fs/setattr_compare.h"
#include "base/cred.h"
#include "tests/fs/oracle.h"
#include "tests/lib/test.h"
#include "vfs/vop.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint32_t modes[] = {0644, 0664, 0666, 0444, 0000, 0246, 0420, 06777, 06755, 02664};

char setattr_reference[64];

void setattr_host_reset(const char *path, uint32_t mode)
{
    const struct timespec old[2] = {{.tv_sec = SETATTR_OLD}, {.tv_sec = SETATTR_OLD}};
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

static void describe(const struct setattr_subject *s, const char *caller, uint32_t mode,
                     enum extra extra, const struct vsetattr *set)
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
        return was.tv_sec > SETATTR_OLD;
    return was.tv_sec == (how == VTIME_GIVEN ? given : SETATTR_OLD);
}

/* What the file became. Where one time is to be now and the host lets nobody set it alone (an
 * append-only file, or an ordinary user's server), the other may be, too. */
static bool same_result(const struct setattr_subject *s, const struct vsetattr *set,
                        enum extra extra, const struct stat *want, const struct vattr *got)
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

static bool untouched(const struct setattr_subject *s, uint32_t mode, const struct vattr *got)
{
    uint32_t mask = s->kind == VLNK ? 0 : s->plain_modes ? 0777 : 07777;
    return (s->kind != VNON || got->size == 5) && (got->mode & mask) == (mode & mask) &&
           got->uid == OWNER && got->gid == GROUP && got->mtime.tv_sec == SETATTR_OLD &&
           got->atime.tv_sec == SETATTR_OLD;
}

static const struct cred root = {.uid = 0};

void setattr_hands(const struct setattr_subject *s, const struct cred *cred)
{
    assert_int_equal(cred_assume_server(), 0);
    if (s->server)
        oracle_become(cred);
}

/* The mount, or its whole file system. */
static void remount(const struct setattr_subject *s, unsigned long flags)
{
    if (s->read_only)
        assert_int_equal(mount(NULL, beside_dir, NULL, MS_REMOUNT | flags, NULL), 0);
}

static void compare_one(struct setattr_subject *s, size_t caller, uint32_t mode, enum extra extra,
                        const struct vsetattr *set)
{
    const struct cred *cred = s->server ? s->server : &beside_callers[caller].cred;
    struct vctx ctx = beside_ctx(&beside_callers[caller].cred);
    struct vchange change = {.has_before = false};
    struct vattr got = {.type = VNON};
    struct stat want;

    setattr_hands(s, &root);
    setattr_host_reset(setattr_reference, mode);
    beside_extra_give(setattr_reference, extra, mode);
    s->reset(s, mode);
    if (s->is_host)
        beside_extra_give(s->host, extra, mode);
    remount(s, s->read_only);
    int expected = oracle_setattr(cred, setattr_reference, OWNER, set);
    assert_int_equal(lstat(setattr_reference, &want), 0);
    setattr_hands(s, s->server);
    int err = vop_setattr(&ctx, s->vn, set, &change);
    assert_int_equal(cred_assume_server(), 0);
    assert_int_equal(vop_getattr(&ctx, s->vn, &got), 0);
    setattr_hands(s, &root);
    remount(s, s->read_only & MS_BIND);
    if (s->is_host && extra != EXTRA_NONE) {
        beside_extra_take(setattr_reference);
        beside_extra_take(s->host);
    }
    bool right = expected == 0 ? err == 0 && same_result(s, set, extra, &want, &got)
                               : (err == EPERM || err == EACCES) && untouched(s, mode, &got);
    /* Which of two reasons is told first. */
    if (s->read_only)
        right =
            (err == 0) == (expected == 0) && ((err == EROFS) == (expected == EROFS) ||
                                              (s->read_only & MS_BIND && extra == EXTRA_APPEND));
    if (right)
        return;
    describe(s, beside_callers[caller].name, mode, extra, set);
    fail_msg("%d, on the host %d; became %04o %u:%u size %u atime %ld mtime %ld, on the host %04o "
             "%u:%u size %ld",
             err, expected, got.mode, got.uid, got.gid, (unsigned)got.size, (long)got.atime.tv_sec,
             (long)got.mtime.tv_sec, want.st_mode & 07777, want.st_uid, want.st_gid,
             (long)want.st_size);
}

/* Only what the file system can be asked for. */
static bool asks_too_much(const struct setattr_subject *s, uint32_t mode,
                          const struct vsetattr *set)
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

void setattr_compare(struct setattr_subject *s)
{
    struct vsetattr set;
    unsigned compared = 0;

    const bool extras = s->is_host && (s->kind == VNON || s->kind == VDIR);
    const size_t step = s->kind == VNON && !s->server && !s->read_only ? 1 : 3;
    /* A remount costs more than all the rest; with 7 each value of each attribute comes. */
    const unsigned stride = s->read_only ? 7 : 1;

    for (size_t caller = 0; caller < BESIDE_CALLERS; caller += s->server ? 7 : 1) {
        for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m += step)
            for (int extra = 0; extra < (extras && m % 3 == 0 ? EXTRAS : 1); extra++)
                for (unsigned n = 0; combination(n, modes[m], &set); n += stride) {
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

void setattr_find(struct setattr_subject *s, const char *name)
{
    struct vctx ctx = beside_ctx(cred_server());
    struct vattr attr = {.type = VNON};

    assert_int_equal(vop_lookup(&ctx, s->fs->root, beside_view(name), &s->vn, &attr), 0);
}
