/*
 * newfile.c - makes a new regular file whole, or not at all.
 *
 * A file that is to have more than a mode (an owner, times, a size, an exclusive create's verifier)
 * is made without a name (O_TMPFILE), gets all of that, and then gets its name by link(2), which
 * fails where the name exists. A server that is killed in between leaves nothing behind. Where the
 * file system has no nameless files, the file is made under its name, and a record says that it is
 * not whole until it is (kept.c). A file that has a mode only is made by one call.
 *
 * An exclusive create's verifier is stored in the file's times, like in every server that must know
 * it after a restart, where those times hold all of its 64 bits. The file system's row says whether
 * they may (below.c), and the new file's times whether they do. Elsewhere the verifier is stored in
 * a record (kept.c).
 *
 * Called by create.c, for a caller whose identity the thread has.
 */
#include "newfile.h"
#include "base/cred.h"
#include "disk.h"
#include "fs/hostfs/locate/locate.h"
#include "open.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* RFC 1813 lets the server choose the mode where the client gives none. */
#define FILE_MODE 0644
/* An exclusive create has no attributes; a SETATTR follows. */
#define EXCLUSIVE_MODE 0600
#define NEW_FLAGS      (O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)

uint32_t hostfs_mode_of(const struct vsetattr *set, uint32_t otherwise)
{
    return set->set_mode ? set->mode & 07777 : otherwise;
}

/* --- verifiers --- */

/* Spreads the verifier over two times. XFS without bigtime stores 31 bits of seconds, so the
 * highest bit of each word becomes half a second. */
static void verifier_times(const uint8_t verifier[8], struct timespec times[2])
{
    for (int i = 0; i < 2; i++) {
        uint32_t word;
        memcpy(&word, verifier + 4 * i, sizeof(word));
        times[i].tv_sec = word & 0x7fffffff;
        times[i].tv_nsec = word >> 31 ? 500000000 : 0;
    }
}

static bool times_match(const uint8_t verifier[8], const struct statx *st)
{
    struct timespec times[2];
    verifier_times(verifier, times);
    return st->stx_atime.tv_sec == times[0].tv_sec && st->stx_mtime.tv_sec == times[1].tv_sec &&
           (long)st->stx_atime.tv_nsec == times[0].tv_nsec &&
           (long)st->stx_mtime.tv_nsec == times[1].tv_nsec;
}

/* Whether the times that are read back are the times as they are stored, so that they survive a
 * restart. */
static bool times_are_true(const struct hostfs *h, const struct hostfs_mount *mount)
{
    uint64_t granularity = mount->below->granularity_ns;
    return !h->state_dir || (granularity > 0 && granularity < 500000000);
}

bool hostfs_verifier_matches(struct vnode *vn, const uint8_t verifier[8], const struct statx *st)
{
    struct hostfs *h = hostfs_of(vn);
    struct vnode_id id = {.len = vn->id_len};

    if (times_are_true(h, hostfs_node(vn)->mount) && times_match(verifier, st))
        return true;
    memcpy(id.bytes, vn->id, vn->id_len);
    return hostfs_kept_verifier(h, &id, verifier);
}

/* Stores the verifier in the times of fd, a file that was just made. *held: the times hold all of
 * it. */
static int verifier_to_times(struct vnode *dir, int fd, const uint8_t verifier[8], bool *held)
{
    struct hostfs *h = hostfs_of(dir);
    struct timespec times[2];
    struct statx st;

    *held = false;
    if (!times_are_true(h, hostfs_node(dir)->mount))
        return 0;
    verifier_times(verifier, times);
    if (futimens(fd, times) != 0)
        return errno;
    int err = hostfs_statx(fd, "", &st);
    *held = times_match(verifier, &st) || !h->state_dir;
    if (err != 0 || *held)
        return err;
    /* Times that hold a part of the verifier must not be taken for another verifier. */
    return futimens(fd, NULL) == 0 ? 0 : errno;
}

/* Whether records have to be on stable storage; announces in that case that the thread will
 * sleep. */
static bool must_last(const struct vctx *ctx, struct vnode *dir)
{
    if (hostfs_needs_no_flush(ctx, dir) || !hostfs_of(dir)->state_dir)
        return false;
    vfs_will_sleep();
    return true;
}

/* Keeps the verifier of a file that was just made in a record. The file is fd, or vn where it has a
 * node already. */
static int verifier_to_record(const struct vctx *ctx, struct vnode *dir, const char *name, int fd,
                              const struct vnode *vn, const uint8_t verifier[8])
{
    const struct hostfs_place place = hostfs_place_in(dir, name);
    struct hostfs *h = hostfs_of(dir);
    struct hostfs_object object;
    int err = 0;

    if (vn) {
        object.id.len = vn->id_len;
        memcpy(object.id.bytes, vn->id, vn->id_len);
    } else {
        err = hostfs_identify(h, ctx->cred, hostfs_node(dir)->mount, &place, fd, "", &object);
    }
    if (err == 0)
        err = hostfs_keep_verifier(h, &object.id, verifier, must_last(ctx, dir));
    int back = cred_assume(ctx->cred);
    return err != 0 ? err : back;
}

/* --- attributes --- */

/* Whether an error means that the caller may not give the file this owner or group, or that the
 * host does not know such an owner or group. */
static bool is_refusal(int err)
{
    return err == EPERM || err == EINVAL || err == EOVERFLOW || err == EOPNOTSUPP || err == ENOSYS;
}

int hostfs_dress(int fd, enum vtype type, const struct vsetattr *set)
{
    struct vsetattr rest = *set, owner = {.set_uid = set->set_uid, .uid = set->uid},
                    group = {.set_gid = set->set_gid, .gid = set->gid};

    struct statx st;

    rest.set_uid = rest.set_gid = false;
    int err = hostfs_apply(fd, type, &group);
    if (err == 0 || is_refusal(err))
        err = hostfs_apply(fd, type, &owner);
    if (err != 0 && !is_refusal(err))
        return err;
    if (rest.set_mode) {
        err = hostfs_statx(fd, "", &st);
        if (err != 0)
            return err;
        /* The directory's default access list may have left less of the mode than the client asked
         * for. */
        rest.mode = (st.stx_mode & 07777) | (set->mode & 06000);
    }
    return hostfs_apply(fd, type, &rest);
}

static bool in_steps(const struct vcreate *how)
{
    const struct vsetattr *set = &how->attr;
    return how->mode == VCREATE_EXCLUSIVE || set->set_uid || set->set_gid ||
           set->set_atime != VTIME_KEEP || set->set_mtime != VTIME_KEEP ||
           (set->set_size && set->size > 0);
}

/* Gives a new file everything but its mode. *record: the verifier has to be kept in a record. */
static int dress_file(struct vnode *dir, int fd, const struct vcreate *how, bool *record)
{
    struct vsetattr set = how->attr;

    *record = false;
    if (how->mode == VCREATE_EXCLUSIVE) {
        bool held;
        int err = verifier_to_times(dir, fd, how->verifier, &held);
        *record = !held;
        return err;
    }
    if (set.set_size && set.size > INT64_MAX)
        return EFBIG;
    if (set.set_size && set.size > 0 && ftruncate(fd, (off_t)set.size) != 0)
        return errno;
    /* open() has set the mode; changes of owner and size clear the set-id bits. */
    set.set_mode = set.set_mode && set.mode & 06000;
    return hostfs_dress(fd, VREG, &set);
}

/* --- the two ways --- */

/* Links by /proc/self/fd, since AT_EMPTY_PATH needs a capability that the caller lacks. */
static int give_name(const struct hostfs *h, int fd, int dirfd, const char *name)
{
    struct hostfs_proc_path link;

    if (!h->has_proc)
        return linkat(fd, "", dirfd, name, AT_EMPTY_PATH) == 0 ? 0 : errno;
    hostfs_proc_path(&link, fd);
    return linkat(AT_FDCWD, link.text, dirfd, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

/*
 * Whether an error of give_name() says that this file can't get a name, though the caller may make
 * a file of that name. Where the file system gives a new file to another owner, the kernel lets
 * only that owner link it (protected_hardlinks). Some file systems have nameless files but can't
 * name them.
 */
static bool is_unlinkable(const struct hostfs *h, int err)
{
    return err == EPERM || err == EXDEV || err == EOPNOTSUPP || err == ENOSYS ||
           (err == ENOENT && !h->has_proc);
}

/* Makes a node for fd, which has this name. The node, or data that the node can't keep, takes over
 * fd after success. */
static int adopt(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name, int fd,
                 struct vnode **out, struct statx *st)
{
    struct hostfs_data file;
    int err = hostfs_adopt(ctx, dir, name, fd, out, st);
    if (err != 0) {
        unlinkat(dirfd, name, 0);
        return err;
    }
    /* The client will write to the file as its owner, whatever the mode says. */
    hostfs_data_keep(ctx, *out, O_WRONLY, fd, &file);
    hostfs_data_close(&file);
    return 0;
}

/* Makes the file without a name first. EOPNOTSUPP: the file system has no such files, or can't name
 * them. */
static int make_nameless(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                         const struct vcreate *how, uint32_t mode, struct vnode **out,
                         struct statx *st)
{
    const struct hostfs *h = hostfs_of(dir);
    int fd = openat(dirfd, ".", O_TMPFILE | NEW_FLAGS, mode);
    if (fd < 0)
        return errno == EISDIR || errno == EINVAL || errno == ENOENT || errno == ENOSYS ? EOPNOTSUPP
                                                                                        : errno;
    bool record;
    int err = dress_file(dir, fd, how, &record);
    if (err == 0 && record)
        err = verifier_to_record(ctx, dir, name, fd, NULL, how->verifier);
    if (err == 0) {
        err = give_name(h, fd, dirfd, name);
        if (is_unlinkable(h, err))
            err = EOPNOTSUPP;
        if (err == 0)
            err = adopt(ctx, dir, dirfd, name, fd, out, st);
    }
    if (err != 0)
        close(fd);
    return err;
}

static int make_in_place(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                         const struct vcreate *how, uint32_t mode, struct vnode **out,
                         struct statx *st)
{
    int fd = openat(dirfd, name, O_CREAT | O_EXCL | O_NOFOLLOW | NEW_FLAGS, mode);
    if (fd < 0)
        return errno;
    bool record = false;
    int err = in_steps(how) ? dress_file(dir, fd, how, &record) : 0;
    if (err != 0)
        unlinkat(dirfd, name, 0);
    else
        err = adopt(ctx, dir, dirfd, name, fd, out, st);
    if (err != 0) {
        close(fd);
        return err;
    }
    if (record)
        err = verifier_to_record(ctx, dir, name, fd, *out, how->verifier);
    if (err != 0) {
        if (cred_assume(ctx->cred) == 0)
            unlinkat(dirfd, name, 0);
        vnode_put(*out);
        *out = NULL;
    }
    return err;
}

int hostfs_make_begins(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                       enum vtype type, struct hostfs_kept *kept)
{
    struct stat there;

    /* Only an object that is not there now can be the one that a later start finds half-made. */
    if (fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) == 0)
        return EEXIST;
    int err = hostfs_keep_new(hostfs_of(dir), dir, name, type, must_last(ctx, dir), kept);
    int back = cred_assume(ctx->cred);
    if (err == 0 && back)
        err = hostfs_make_ends(ctx, dir, back, kept);
    return err;
}

int hostfs_make_ends(const struct vctx *ctx, struct vnode *dir, int err, struct hostfs_kept *kept)
{
    if (!kept->name[0])
        return err;
    int ended = hostfs_kept_end(hostfs_of(dir), kept);
    int back = cred_assume(ctx->cred);
    if (err == 0)
        err = ended;
    return err != 0 ? err : back;
}

int hostfs_make_file(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                     const struct vcreate *how, struct vnode **out, struct statx *st,
                     struct hostfs_kept *kept)
{
    struct hostfs_mount *mount = hostfs_node(dir)->mount;
    bool exclusive = how->mode == VCREATE_EXCLUSIVE;
    uint32_t mode = exclusive ? EXCLUSIVE_MODE : hostfs_mode_of(&how->attr, FILE_MODE);
    struct stat there;
    int err = EOPNOTSUPP;

    if (!in_steps(how))
        return make_in_place(ctx, dir, dirfd, name, how, mode, out, st);
    /* On a named mount a file is identified by its name, so it must have one from the beginning. */
    if (!mount->named && !atomic_load_explicit(&mount->no_nameless, memory_order_relaxed)) {
        if (fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) == 0)
            return EEXIST;
        err = make_nameless(ctx, dir, dirfd, name, how, mode, out, st);
    }
    if (err != EOPNOTSUPP)
        return err;
    err = hostfs_make_begins(ctx, dir, dirfd, name, VREG, kept);
    if (err != 0)
        return err;
    err = make_in_place(ctx, dir, dirfd, name, how, mode, out, st);
    if (err != 0)
        return hostfs_make_ends(ctx, dir, err, kept);
    /* Only the other way worked; later files take it at once. */
    mount->no_nameless = true;
    return 0;
}
