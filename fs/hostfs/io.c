/*
 * io.c - data of regular files: READ, WRITE, COMMIT, and setting the size.
 *
 * Most descriptors of a file are shared by all callers (open.c). Each operation therefore asks
 * rights.c first whether its caller may use them; a READ asks at the latest before it returns
 * anything. Writing happens with the caller's identity, so that the kernel drops suid bits and
 * counts quotas as for the caller. sync.c says what flushing means.
 */
#include "base/cred.h"
#include "disk.h"
#include "fs/hostfs/locate/locate.h"
#include "memo.h"
#include "newfile.h"
#include "open.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_ATTEMPTS 4 /* how often, where a file grows and is cut all the time */
/* bytes of a page: the room of a pipe is counted in pages and parts of pages */
#define PAGE 4096u

/* Reads up to *len bytes, from the page cache if they are there. Otherwise announces that it will
 * sleep. A file system that can't tell (tmpfs, which never sleeps; FUSE) is simply read; if it
 * sleeps, the loops' monitor notices. Stops before the end of the file only at an error after some
 * bytes. */
static int read_all(struct hostfs_mount *mount, int fd, void *buf, size_t *len, int64_t offset)
{
    struct iovec iov = {.iov_base = buf, .iov_len = *len};
    size_t done = 0;
    bool sleeps = false;

    if (!atomic_load_explicit(&mount->no_nowait, memory_order_relaxed)) {
        ssize_t got = preadv2(fd, &iov, 1, offset, RWF_NOWAIT);
        if (got >= 0)
            done = (size_t)got;
        else if (errno == EOPNOTSUPP || errno == ENOSYS)
            mount->no_nowait = true;
        else if (errno == EAGAIN)
            sleeps = true;
        else if (errno != EINTR)
            return errno;
        if (done == *len || got == 0) {
            *len = done;
            return 0;
        }
    }
    struct statx st;
    if (done > 0 && hostfs_statx(fd, "", &st) == 0 && (uint64_t)offset + done >= st.stx_size) {
        *len = done;
        return 0;
    }
    if (sleeps || done > 0) {
        vfs_will_sleep();
        hostfs_memo_forget(false);
    }
    while (done < *len) {
        ssize_t got = pread(fd, (char *)buf + done, *len - done, offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && done == 0)
            return errno;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    *len = done;
    return 0;
}

struct pipe {
    int fd; /* to write to */
    size_t room;
};

/* Whether splice() would sleep because bytes are not in the page cache, which it can't say itself.
 * Where the last byte is cached, the bytes before it were read ahead, too. */
static bool splice_sleeps(int fd, int64_t offset, size_t len)
{
    char last;
    struct iovec iov = {.iov_base = &last, .iov_len = 1};
    struct statx st;
    ssize_t got = preadv2(fd, &iov, 1, offset + (int64_t)len - 1, RWF_NOWAIT);

    if (got == 0 && hostfs_statx(fd, "", &st) == 0 && st.stx_size > (uint64_t)offset)
        got = preadv2(fd, &iov, 1, (int64_t)st.stx_size - 1, RWF_NOWAIT);
    return got < 0;
}

/* Like read_all(), but into a pipe. EOPNOTSUPP, with nothing in the pipe: read_all() has to be
 * used. */
static int splice_all(struct hostfs_mount *mount, int fd, const struct pipe *pipe, size_t *len,
                      int64_t offset)
{
    size_t done = 0, begin = (size_t)offset % PAGE;

    if ((begin + *len + PAGE - 1) / PAGE * PAGE > pipe->room ||
        atomic_load_explicit(&mount->no_splice, memory_order_relaxed))
        return EOPNOTSUPP;
    if (!mount->below->memory && splice_sleeps(fd, offset, *len))
        return EOPNOTSUPP;
    while (done < *len) {
        loff_t at = offset + (loff_t)done;
        ssize_t got = splice(fd, &at, pipe->fd, NULL, *len - done, SPLICE_F_NONBLOCK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && done == 0 && errno == EINVAL)
            atomic_store_explicit(&mount->no_splice, true, memory_order_relaxed);
        if (got < 0 && done == 0)
            return EOPNOTSUPP;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    *len = done;
    return 0;
}

/* Carries out a READ into buf or, where that is NULL, into the pipe. */
static int read_by(const struct vctx *ctx, struct vnode *vn, const struct hostfs_data *file,
                   uint64_t offset, void *buf, const struct pipe *pipe, size_t *len, bool *eof,
                   struct vattr *attr)
{
    struct hostfs_mount *mount = hostfs_node(vn)->mount;
    const struct statx *st;
    size_t want = *len, asked;
    int err = 0;

    *len = 0;
    if (offset > INT64_MAX)
        want = 0;
    else if (want > INT64_MAX - offset)
        want = INT64_MAX - offset;
    asked = want;
    if (want > 0)
        err = buf ? read_all(mount, file->fd, buf, &want, (int64_t)offset)
                  : splice_all(mount, file->fd, pipe, &want, (int64_t)offset);
    if (err != 0)
        return err;
    /* The attributes for the client also show whether the caller may read, and nothing was returned
     * yet. A caller that just opened the file itself may. Where fewer bytes were read than asked
     * for, the attributes have to be new enough to show why. */
    err = hostfs_memo_stat(ctx, vn, file->fd, want < asked ? UINT64_MAX : offset + want, &st);
    if (err == 0 && !file->own)
        err = hostfs_may(ctx, vn, file->fd, st, R_OK);
    if (err != 0)
        return err;
    *len = want;
    *eof = offset > INT64_MAX ||
           hostfs_comes_to_end(mount, file->fd, offset + want, want < asked, st->stx_size);
    hostfs_attr(vn, st, attr);
    /* Clients treat a reply with neither bytes nor the end as an error. The file grew in this
     * moment. */
    return want == 0 && asked > 0 && !*eof ? EAGAIN : 0;
}

static int read_into(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                     const struct pipe *pipe, size_t *len, bool *eof, struct vattr *attr)
{
    struct hostfs_data file = {.fd = -1};
    int err;

    if (hostfs_is_hidden(vn))
        return EACCES;
    file.fd = hostfs_fd_data(ctx, vn, O_RDONLY);
    err = file.fd >= 0 ? cred_assume(ctx->cred) : hostfs_data_open(ctx, vn, O_RDONLY, &file);
    if (err == 0)
        err = read_by(ctx, vn, &file, offset, buf, pipe, len, eof, attr);
    hostfs_data_close(&file);
    return err;
}

static int read_again(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                      const struct pipe *pipe, size_t *len, bool *eof, struct vattr *attr)
{
    size_t want = *len;
    int err = EAGAIN;

    for (int attempt = 0; err == EAGAIN && attempt < READ_ATTEMPTS; attempt++) {
        *len = want;
        err = read_into(ctx, vn, offset, buf, pipe, len, eof, attr);
    }
    return err;
}

int hostfs_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf, size_t *len,
                bool *eof, struct vattr *attr)
{
    return read_again(ctx, vn, offset, buf, NULL, len, eof, attr);
}

int hostfs_splice(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe, size_t room,
                  size_t *len, bool *eof, struct vattr *attr)
{
    const struct pipe to = {.fd = pipe, .room = room};

    return read_again(ctx, vn, offset, NULL, &to, len, eof, attr);
}

static int write_all(int fd, const void *buf, size_t *len, int64_t offset)
{
    size_t done = 0;
    while (done < *len) {
        ssize_t put = pwrite(fd, (const char *)buf + done, *len - done, offset + (off_t)done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && done == 0)
            return errno;
        if (put <= 0)
            break;
        done += (size_t)put;
    }
    *len = done;
    return 0;
}

/* Like write_all(), but from a pipe. EOPNOTSUPP, with nothing taken from the pipe: write_all() has
 * to be used. */
static int splice_write_all(int fd, int pipe, size_t *len, int64_t offset)
{
    size_t done = 0;
    while (done < *len) {
        loff_t at = offset + (loff_t)done;
        ssize_t put = splice(pipe, NULL, fd, &at, *len - done, 0);
        if (put < 0 && errno == EINTR)
            continue;
        /* EINVAL: this file does not support splice() */
        if (put < 0 && done == 0)
            return errno == EINVAL ? EOPNOTSUPP : errno;
        if (put <= 0)
            break;
        done += (size_t)put;
    }
    *len = done;
    return 0;
}

/* Finds the descriptor by which to write, if the caller may write. */
static int enter_writing(const struct vctx *ctx, struct vnode *vn, struct hostfs_data *file)
{
    struct statx st;
    *file = (struct hostfs_data){.fd = hostfs_fd_data(ctx, vn, O_WRONLY)};
    if (file->fd < 0)
        return hostfs_data_open(ctx, vn, O_WRONLY, file);
    int err = cred_assume(ctx->cred);
    if (err != 0 || hostfs_memo_may_write(ctx, vn))
        return err;
    err = hostfs_stat(vn, file->fd, &st);
    if (err == 0)
        err = hostfs_may(ctx, vn, file->fd, &st, W_OK);
    if (err == 0)
        hostfs_memo_may_write_note(ctx, vn);
    return err;
}

/* Carries out a WRITE from buf or, where that is NULL, from the pipe. */
static int write_by(const struct vctx *ctx, struct vnode *vn, const struct hostfs_data *file,
                    uint64_t offset, const void *buf, int pipe, size_t *len, enum vstable *stable,
                    struct vchange *change)
{
    struct flush_state *flush = &hostfs_node(vn)->flush;
    const uint32_t failures = flush_failures(flush);
    struct statx st;
    /* A descriptor that is closed at once is flushed at once, since a later error could not be
     * reported. */
    bool kept = !file->own;
    if (kept && *stable == VSTABLE_UNSTABLE && !hostfs_needs_no_flush(ctx, vn))
        kept = hostfs_write_begins(vn);
    int err = buf ? write_all(file->fd, buf, len, (int64_t)offset)
                  : splice_write_all(file->fd, pipe, len, (int64_t)offset);
    if (err != 0)
        return err;
    if (!kept)
        *stable = VSTABLE_FILE;
    if (*stable != VSTABLE_UNSTABLE) {
        err = hostfs_sync_data(ctx, vn, file->fd, *stable == VSTABLE_DATA);
        if (err == 0 && flush_failures(flush) != failures)
            err = EIO;
        /* A COMMIT may never come, and the host must be able to execute the file. */
        vnode_drop_soon(vn);
    }
    if (err == 0)
        err = hostfs_stat(vn, file->fd, &st);
    if (err == 0)
        hostfs_attr(vn, &st, &change->after);
    return err;
}

static int write_from(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                      int pipe, size_t *len, enum vstable *stable, struct vchange *change)
{
    struct hostfs_data file = {.fd = -1};
    size_t want = *len;

    *len = 0;
    if (hostfs_is_hidden(vn))
        return EACCES;
    if (offset > INT64_MAX || want > INT64_MAX - offset)
        return EFBIG;
    hostfs_memo_forget(false);
    int err = enter_writing(ctx, vn, &file);
    if (err == 0)
        err = write_by(ctx, vn, &file, offset, buf, pipe, &want, stable, change);
    int closed = hostfs_data_close(&file);
    if (err != 0 || closed)
        return err != 0 ? err : closed;
    *len = want;
    return 0;
}

int hostfs_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                 size_t *len, enum vstable *stable, struct vchange *change)
{
    return write_from(ctx, vn, offset, buf, -1, len, stable, change);
}

int hostfs_splice_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, int pipe,
                        size_t *len, enum vstable *stable, struct vchange *change)
{
    return write_from(ctx, vn, offset, NULL, pipe, len, stable, change);
}

/* A caller that may not write has nothing to commit. */
static int may_commit(const struct vctx *ctx, struct vnode *vn)
{
    struct statx st;
    int fd;
    int err = hostfs_enter(ctx, vn, &fd);
    if (err != 0 || hostfs_memo_may_write(ctx, vn))
        return err;
    err = hostfs_stat(vn, fd, &st);
    return err != 0 ? err : hostfs_may(ctx, vn, fd, &st, W_OK);
}

int hostfs_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
                  struct vchange *change)
{
    struct hostfs_data file = {.fd = -1};

    (void)offset; /* no cheaper call flushes a part of a file and its attributes */
    (void)count;
    int err = may_commit(ctx, vn);
    /* Any descriptor will do: data written by another one, and the errors of that, belong to the
     * file. */
    if (err == 0)
        err = hostfs_open_any(vn, &file);
    if (err == 0)
        err = cred_assume(ctx->cred);
    if (err == 0)
        err = hostfs_sync_data(ctx, vn, file.fd, false);
    vnode_drop_soon(vn);
    if (err == 0)
        hostfs_attr_after(vn, file.fd, &change->after);
    int closed = hostfs_data_close(&file);
    return err != 0 ? err : closed;
}

int hostfs_may_truncate(const struct vctx *ctx, struct vnode *vn, uint64_t size)
{
    struct hostfs_data file;
    int err = size > INT64_MAX ? EFBIG : hostfs_data_open(ctx, vn, O_WRONLY, &file);

    return err != 0 ? err : hostfs_data_close(&file);
}

int hostfs_truncate(const struct vctx *ctx, struct vnode *vn, uint64_t size)
{
    struct hostfs_data file;
    int err = size > INT64_MAX ? EFBIG : hostfs_data_open(ctx, vn, O_WRONLY, &file);
    if (err != 0)
        return err;
    hostfs_memo_forget(false);
    do
        err = ftruncate(file.fd, (off_t)size) == 0 ? 0 : errno;
    while (err == EINTR);
    int closed = hostfs_data_close(&file);
    return err != 0 ? err : closed;
}
