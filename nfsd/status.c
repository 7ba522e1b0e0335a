/*
 * status.c - the one table of errors; see status.h. Called by nfsd/program.c for every reply.
 *
 * Three tables: what an errno means, which statuses a procedure may answer, and, where the
 * meaning is not among them, which status comes nearest. In this order:
 *   - RFC 1813 lists errors for each procedure; `listed` is that list.
 *   - `added` are statuses that it does not list and that we send all the same, because a client's
 *     program gets from them the errno a local file system would have given: PERM (sticky
 *     directories, immutable files), INVAL for names that hold '/' or NUL, ISDIR, MLINK, FBIG, and
 * the full disk or quota that only COMMIT finds out about. Other servers send them, too.
 *   - STALE, BADHANDLE, ACCES, SERVERFAULT and JUKEBOX are about the handle, the caller and the
 * server rather than about the procedure: always allowed.
 */
#include "nfsd/status.h"
#include <errno.h>
#include <loopnfs/errors.h>
#include <stdint.h>

/* X(status, nearest): the errors of RFC 1813, and what to say where one is not allowed. The chains
 * end at a status that always is. */
#define NFS3_ERRORS(X)          \
    X(IO, SERVERFAULT)          \
    X(PERM, ACCES)              \
    X(NOENT, IO)                \
    X(NXIO, IO)                 \
    X(ACCES, ACCES)             \
    X(EXIST, INVAL)             \
    X(XDEV, INVAL)              \
    X(NODEV, NXIO)              \
    X(NOTDIR, INVAL)            \
    X(ISDIR, INVAL)             \
    X(INVAL, IO)                \
    X(FBIG, INVAL)              \
    X(NOSPC, IO)                \
    X(ROFS, ACCES)              \
    X(MLINK, NOSPC)             \
    X(NAMETOOLONG, INVAL)       \
    X(NOTEMPTY, EXIST)          \
    X(DQUOT, NOSPC)             \
    X(STALE, STALE)             \
    X(REMOTE, IO)               \
    X(BADHANDLE, BADHANDLE)     \
    X(NOT_SYNC, INVAL)          \
    X(BAD_COOKIE, INVAL)        \
    X(NOTSUPP, INVAL)           \
    X(TOOSMALL, INVAL)          \
    X(SERVERFAULT, SERVERFAULT) \
    X(BADTYPE, INVAL)           \
    X(JUKEBOX, JUKEBOX)

/* The errors numbered without gaps; E_IO is 0, so that it is what an errno means that is not in
 * the table below. */
#define NUMBER(name, nearest) E_##name,
enum { NFS3_ERRORS(NUMBER) };
#define WIRE(name, nearest) [E_##name] = NFS3ERR_##name,
static const nfsstat3 wire_of[] = {NFS3_ERRORS(WIRE)};
#define NEAREST(name, nearest) [E_##name] = E_##nearest,
static const uint8_t nearest_of[] = {NFS3_ERRORS(NEAREST)};

static const uint8_t errno_meaning[] = {
    [EPERM] = E_PERM,
    [ENOENT] = E_NOENT,
    [ENXIO] = E_NXIO,
    [EACCES] = E_ACCES,
    [EEXIST] = E_EXIST,
    [EXDEV] = E_XDEV,
    [ENODEV] = E_NODEV,
    [ENOTDIR] = E_NOTDIR,
    [EISDIR] = E_ISDIR,
    [EINVAL] = E_INVAL,
    [EFBIG] = E_FBIG,
    [EOVERFLOW] = E_FBIG,
    [ENOSPC] = E_NOSPC,
    [EROFS] = E_ROFS,
    [EMLINK] = E_MLINK,
    [ENAMETOOLONG] = E_NAMETOOLONG,
    [ENOTEMPTY] = E_NOTEMPTY,
    [EDQUOT] = E_DQUOT,
    [ESTALE] = E_STALE,
    [EREMOTE] = E_REMOTE,
    [EOPNOTSUPP] = E_NOTSUPP,
    [ENOSYS] = E_NOTSUPP,
    [ENOTTY] = E_NOTSUPP,
    /* Bytes of a name that the host's file system can't keep. */
    [EILSEQ] = E_INVAL,
    [ELOOP] = E_INVAL,
    /* In use on the host: a mount point, a running program, swap. Waiting does not help. */
    [EBUSY] = E_ACCES,
    [ETXTBSY] = E_ACCES,
    /* Short of something that comes back: the client is to try again, not to fail. */
    [EAGAIN] = E_JUKEBOX,
    [EINTR] = E_JUKEBOX,
    [ETIMEDOUT] = E_JUKEBOX,
    [EDEADLK] = E_JUKEBOX,
    [ENOLCK] = E_JUKEBOX,
    [ENOMEM] = E_JUKEBOX,
    [ENOBUFS] = E_JUKEBOX,
    [EMFILE] = E_JUKEBOX,
    [ENFILE] = E_JUKEBOX,
    /* Only a bug of ours gives these. */
    [EBADF] = E_SERVERFAULT,
    [EFAULT] = E_SERVERFAULT,
};

/* enum vfs_error, counted from its first. */
#define VFS_FIRST 10000
_Static_assert((int)VFS_EBADHANDLE == VFS_FIRST, "enum vfs_error begins with VFS_EBADHANDLE");
static const uint8_t vfs_error_meaning[] = {
    [VFS_EBADHANDLE - VFS_FIRST] = E_BADHANDLE,     [VFS_ENOTSYNC - VFS_FIRST] = E_NOT_SYNC,
    [VFS_EBADCOOKIE - VFS_FIRST] = E_BAD_COOKIE,    [VFS_ETOOSMALL - VFS_FIRST] = E_TOOSMALL,
    [VFS_ESERVERFAULT - VFS_FIRST] = E_SERVERFAULT, [VFS_EBADTYPE - VFS_FIRST] = E_BADTYPE,
    [VFS_EJUKEBOX - VFS_FIRST] = E_JUKEBOX,
};

#define S(name) (UINT32_C(1) << E_##name)
#define ALWAYS  (S(STALE) | S(BADHANDLE) | S(ACCES) | S(SERVERFAULT) | S(JUKEBOX))
/* What every procedure that makes a name may answer. */
#define MAKES_NAME \
    (S(IO) | S(EXIST) | S(NOTDIR) | S(NOSPC) | S(ROFS) | S(NAMETOOLONG) | S(DQUOT) | S(NOTSUPP))

/*
 * `missing` is what ENOENT means where it is not among them. To who asks about the object itself it
 * is gone: its handle is stale. To who makes a name the directory is there, or the file system
 * would have said ESTALE: it can't have that name. Data that is missing says nothing about the
 * handle.
 */
static const struct {
    uint32_t listed, added;
    uint8_t missing;
} allowed[] = {
    [NFSPROC3_GETATTR] = {S(IO), 0, E_STALE},
    [NFSPROC3_SETATTR] = {S(PERM) | S(IO) | S(INVAL) | S(NOSPC) | S(ROFS) | S(DQUOT) | S(NOT_SYNC),
                          S(FBIG), E_STALE},
    [NFSPROC3_LOOKUP] = {S(IO) | S(NOENT) | S(NOTDIR) | S(NAMETOOLONG), S(INVAL), E_NOENT},
    [NFSPROC3_ACCESS] = {S(IO), 0, E_STALE},
    [NFSPROC3_READLINK] = {S(IO) | S(INVAL) | S(NOTSUPP), 0, E_STALE},
    [NFSPROC3_READ] = {S(IO) | S(NXIO) | S(INVAL), S(ISDIR), E_IO},
    [NFSPROC3_WRITE] = {S(IO) | S(FBIG) | S(DQUOT) | S(NOSPC) | S(ROFS) | S(INVAL), S(PERM), E_IO},
    [NFSPROC3_CREATE] = {MAKES_NAME, S(PERM) | S(INVAL) | S(ISDIR) | S(FBIG), E_INVAL},
    [NFSPROC3_MKDIR] = {MAKES_NAME, S(PERM) | S(INVAL) | S(MLINK), E_INVAL},
    [NFSPROC3_SYMLINK] = {MAKES_NAME, S(PERM) | S(INVAL), E_INVAL},
    [NFSPROC3_MKNOD] = {MAKES_NAME | S(BADTYPE), S(PERM) | S(INVAL), E_INVAL},
    [NFSPROC3_REMOVE] = {S(NOENT) | S(IO) | S(NOTDIR) | S(NAMETOOLONG) | S(ROFS),
                         S(PERM) | S(INVAL) | S(ISDIR) | S(NOSPC) | S(DQUOT), E_NOENT},
    [NFSPROC3_RMDIR] = {S(NOENT) | S(IO) | S(INVAL) | S(EXIST) | S(NOTDIR) | S(NAMETOOLONG) |
                            S(ROFS) | S(NOTEMPTY) | S(NOTSUPP),
                        S(PERM) | S(NOSPC) | S(DQUOT), E_NOENT},
    [NFSPROC3_RENAME] = {MAKES_NAME | S(NOENT) | S(XDEV) | S(ISDIR) | S(INVAL) | S(MLINK) |
                             S(NOTEMPTY),
                         S(PERM), E_NOENT},
    [NFSPROC3_LINK] = {MAKES_NAME | S(XDEV) | S(INVAL) | S(MLINK), S(PERM), E_INVAL},
    [NFSPROC3_READDIR] = {S(IO) | S(NOTDIR) | S(BAD_COOKIE) | S(TOOSMALL), 0, E_STALE},
    [NFSPROC3_READDIRPLUS] = {S(IO) | S(NOTDIR) | S(BAD_COOKIE) | S(TOOSMALL) | S(NOTSUPP), 0,
                              E_STALE},
    [NFSPROC3_FSSTAT] = {S(IO), 0, E_STALE},
    [NFSPROC3_FSINFO] = {0, 0, E_STALE},
    [NFSPROC3_PATHCONF] = {0, 0, E_STALE},
    [NFSPROC3_COMMIT] = {S(IO), S(INVAL) | S(NOSPC) | S(DQUOT) | S(ROFS) | S(FBIG), E_IO},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned meaning_of(int error)
{
    if (error > 0 && (size_t)error < COUNT(errno_meaning))
        return errno_meaning[error];
    if (error >= VFS_FIRST && (size_t)(error - VFS_FIRST) < COUNT(vfs_error_meaning))
        return vfs_error_meaning[error - VFS_FIRST];
    return E_IO;
}

nfsstat3 nfs3_status(uint32_t procedure, int error)
{
    if (error == 0)
        return NFS3_OK;

    uint32_t may = allowed[procedure].listed | allowed[procedure].added | ALWAYS;
    unsigned status = meaning_of(error);
    if (status == E_NOENT && (may & S(NOENT)) == 0)
        status = allowed[procedure].missing;
    while ((may & (UINT32_C(1) << status)) == 0)
        status = nearest_of[status];
    return wire_of[status];
}
