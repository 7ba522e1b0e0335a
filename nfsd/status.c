/*
 * status.c - the one table of errors; see status.h. Called by nfsd/program.c for every reply.
 *
 * Three tables say what an errno means, which statuses a procedure may answer, and which status
 * comes nearest where the meaning is not among them.
 *
 * A procedure may answer the errors that RFC 1813 lists for it: `listed`. It may also answer the
 * statuses in `added`, which RFC 1813 does not list for it but which give a client's program the
 * errno of a local file system: PERM (sticky directories, immutable files), INVAL for names with
 * '/' or NUL, ISDIR, MLINK, FBIG, and the full disk or quota that only COMMIT finds. Other servers
 * send these, too. STALE, BADHANDLE, ACCES, SERVERFAULT and JUKEBOX are always allowed: they are
 * about the handle, the caller and the server, not about the procedure.
 */
#include "nfsd/status.h"
#include <errno.h>
#include <loopnfs/errors.h>
#include <stdint.h>

/* X(status, nearest): the errors of RFC 1813, and the status to send where one is not allowed. Each
 * chain ends at a status that is always allowed. */
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

/* The errors, numbered without gaps. E_IO is 0, so an errno that is not in the table below means
 * E_IO. */
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
    /* Bytes of a name that the host's file system can't store. */
    [EILSEQ] = E_INVAL,
    [ELOOP] = E_INVAL,
    /* In use on the host: a mount point, a running program, swap. Waiting does not help. */
    [EBUSY] = E_ACCES,
    [ETXTBSY] = E_ACCES,
    /* The server is short of something that will be there again: the client must try again and not
     * fail. */
    [EAGAIN] = E_JUKEBOX,
    [EINTR] = E_JUKEBOX,
    [ETIMEDOUT] = E_JUKEBOX,
    [EDEADLK] = E_JUKEBOX,
    [ENOLCK] = E_JUKEBOX,
    [ENOMEM] = E_JUKEBOX,
    [ENOBUFS] = E_JUKEBOX,
    [EMFILE] = E_JUKEBOX,
    [ENFILE] = E_JUKEBOX,
    /* Only a fault in this server gives these. */
    [EBADF] = E_SERVERFAULT,
    [EFAULT] = E_SERVERFAULT,
};

/* What each enum vfs_error means, counted from the first one. */
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
/* The statuses of every procedure that makes a name. */
#define MAKES_NAME \
    (S(IO) | S(EXIST) | S(NOTDIR) | S(NOSPC) | S(ROFS) | S(NAMETOOLONG) | S(DQUOT) | S(NOTSUPP))

/*
 * `missing` is the meaning of ENOENT where NOENT is not allowed. A procedure about the object
 * itself has found it gone: the handle is stale. A procedure that makes a name can't have found the
 * directory missing, since the file system would have said ESTALE: the name is not possible.
 * Missing data says nothing about the handle.
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

static unsigned meaning_of(int err)
{
    if (err > 0 && (size_t)err < COUNT(errno_meaning))
        return errno_meaning[err];
    if (err >= VFS_FIRST && (size_t)(err - VFS_FIRST) < COUNT(vfs_error_meaning))
        return vfs_error_meaning[err - VFS_FIRST];
    return E_IO;
}

nfsstat3 nfs3_status(uint32_t procedure, int err)
{
    if (err == 0)
        return NFS3_OK;

    uint32_t may = allowed[procedure].listed | allowed[procedure].added | ALWAYS;
    unsigned status = meaning_of(err);
    if (status == E_NOENT && (may & S(NOENT)) == 0)
        status = allowed[procedure].missing;
    while ((may & (UINT32_C(1) << status)) == 0)
        status = nearest_of[status];
    return wire_of[status];
}
