/*
 * nfsd_status.c - tests of the errno table (nfsd/status.c).
 */
#include "nfsd/status.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <loopnfs/errors.h>

#define FIRST NFSPROC3_GETATTR
#define LAST  NFSPROC3_COMMIT

TEST(no_error_is_ok_for_every_procedure)
{
    for (uint32_t procedure = FIRST; procedure <= LAST; procedure++)
        assert_int_equal(nfs3_status(procedure, 0), NFS3_OK);
}

TEST(errors_about_handle_caller_and_server_pass_everywhere)
{
    static const struct {
        int error;
        nfsstat3 status;
    } always[] = {
        {ESTALE, NFS3ERR_STALE},         {VFS_EBADHANDLE, NFS3ERR_BADHANDLE},
        {EACCES, NFS3ERR_ACCES},         {VFS_ESERVERFAULT, NFS3ERR_SERVERFAULT},
        {VFS_EJUKEBOX, NFS3ERR_JUKEBOX}, {ENOMEM, NFS3ERR_JUKEBOX},
        {EMFILE, NFS3ERR_JUKEBOX},       {EAGAIN, NFS3ERR_JUKEBOX},
        {ETXTBSY, NFS3ERR_ACCES},        {EBUSY, NFS3ERR_ACCES},
        {EBADF, NFS3ERR_SERVERFAULT},
    };

    for (uint32_t procedure = FIRST; procedure <= LAST; procedure++)
        for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
            assert_int_equal(nfs3_status(procedure, always[i].error), always[i].status);
}

TEST(each_procedure_says_what_rfc_1813_lists_for_it)
{
    static const struct {
        uint32_t procedure;
        int error;
        nfsstat3 status;
    } rows[] = {
        {NFSPROC3_GETATTR, EIO, NFS3ERR_IO},
        {NFSPROC3_SETATTR, VFS_ENOTSYNC, NFS3ERR_NOT_SYNC},
        {NFSPROC3_SETATTR, EPERM, NFS3ERR_PERM},
        {NFSPROC3_SETATTR, EINVAL, NFS3ERR_INVAL},
        {NFSPROC3_LOOKUP, ENOENT, NFS3ERR_NOENT},
        {NFSPROC3_LOOKUP, ENOTDIR, NFS3ERR_NOTDIR},
        {NFSPROC3_LOOKUP, ENAMETOOLONG, NFS3ERR_NAMETOOLONG},
        {NFSPROC3_READLINK, EINVAL, NFS3ERR_INVAL},
        {NFSPROC3_READ, ENXIO, NFS3ERR_NXIO},
        {NFSPROC3_READ, EISDIR, NFS3ERR_ISDIR},
        {NFSPROC3_WRITE, ENOSPC, NFS3ERR_NOSPC},
        {NFSPROC3_WRITE, EDQUOT, NFS3ERR_DQUOT},
        {NFSPROC3_WRITE, EFBIG, NFS3ERR_FBIG},
        {NFSPROC3_WRITE, EROFS, NFS3ERR_ROFS},
        {NFSPROC3_CREATE, EEXIST, NFS3ERR_EXIST},
        {NFSPROC3_CREATE, EOPNOTSUPP, NFS3ERR_NOTSUPP},
        {NFSPROC3_MKNOD, VFS_EBADTYPE, NFS3ERR_BADTYPE},
        {NFSPROC3_REMOVE, ENOENT, NFS3ERR_NOENT},
        {NFSPROC3_RMDIR, ENOTEMPTY, NFS3ERR_NOTEMPTY},
        {NFSPROC3_RMDIR, EEXIST, NFS3ERR_EXIST},
        {NFSPROC3_RMDIR, EINVAL, NFS3ERR_INVAL},
        {NFSPROC3_RENAME, EXDEV, NFS3ERR_XDEV},
        {NFSPROC3_RENAME, EISDIR, NFS3ERR_ISDIR},
        {NFSPROC3_RENAME, EMLINK, NFS3ERR_MLINK},
        {NFSPROC3_LINK, EXDEV, NFS3ERR_XDEV},
        {NFSPROC3_LINK, EMLINK, NFS3ERR_MLINK},
        {NFSPROC3_READDIR, VFS_EBADCOOKIE, NFS3ERR_BAD_COOKIE},
        {NFSPROC3_READDIR, VFS_ETOOSMALL, NFS3ERR_TOOSMALL},
        {NFSPROC3_READDIRPLUS, EOPNOTSUPP, NFS3ERR_NOTSUPP},
        {NFSPROC3_COMMIT, EIO, NFS3ERR_IO},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(nfs3_status(rows[i].procedure, rows[i].error), rows[i].status);
}

TEST(a_status_not_listed_becomes_the_nearest_that_is)
{
    /* The node went away under the procedure. */
    assert_int_equal(nfs3_status(NFSPROC3_GETATTR, ENOENT), NFS3ERR_STALE);
    assert_int_equal(nfs3_status(NFSPROC3_CREATE, ENOENT), NFS3ERR_STALE);
    assert_int_equal(nfs3_status(NFSPROC3_READDIR, ENOENT), NFS3ERR_STALE);
    assert_int_equal(nfs3_status(NFSPROC3_READ, EPERM), NFS3ERR_ACCES);
    assert_int_equal(nfs3_status(NFSPROC3_COMMIT, EROFS), NFS3ERR_ROFS);
    assert_int_equal(nfs3_status(NFSPROC3_WRITE, EISDIR), NFS3ERR_INVAL);
    assert_int_equal(nfs3_status(NFSPROC3_LINK, EISDIR), NFS3ERR_INVAL);
    assert_int_equal(nfs3_status(NFSPROC3_SYMLINK, EMLINK), NFS3ERR_NOSPC);
    assert_int_equal(nfs3_status(NFSPROC3_CREATE, VFS_EBADTYPE), NFS3ERR_INVAL);
    assert_int_equal(nfs3_status(NFSPROC3_GETATTR, EOPNOTSUPP), NFS3ERR_IO);
    /* FSINFO and PATHCONF have not even IO. */
    assert_int_equal(nfs3_status(NFSPROC3_FSINFO, EIO), NFS3ERR_SERVERFAULT);
    assert_int_equal(nfs3_status(NFSPROC3_PATHCONF, EOPNOTSUPP), NFS3ERR_SERVERFAULT);
}

TEST(a_client_gets_the_errno_a_local_file_system_would_give)
{
    assert_int_equal(nfs3_status(NFSPROC3_REMOVE, EPERM), NFS3ERR_PERM);
    assert_int_equal(nfs3_status(NFSPROC3_REMOVE, EISDIR), NFS3ERR_ISDIR);
    assert_int_equal(nfs3_status(NFSPROC3_RENAME, EPERM), NFS3ERR_PERM);
    assert_int_equal(nfs3_status(NFSPROC3_LOOKUP, EINVAL), NFS3ERR_INVAL);
    assert_int_equal(nfs3_status(NFSPROC3_MKDIR, EMLINK), NFS3ERR_MLINK);
    assert_int_equal(nfs3_status(NFSPROC3_COMMIT, ENOSPC), NFS3ERR_NOSPC);
}

TEST(an_unknown_error_is_an_io_error)
{
    assert_int_equal(nfs3_status(NFSPROC3_READ, ENOTBLK), NFS3ERR_IO);
    assert_int_equal(nfs3_status(NFSPROC3_READ, EHWPOISON), NFS3ERR_IO);
    assert_int_equal(nfs3_status(NFSPROC3_READ, 4095), NFS3ERR_IO);
    assert_int_equal(nfs3_status(NFSPROC3_READ, 12345), NFS3ERR_IO);
    assert_int_equal(nfs3_status(NFSPROC3_READ, -1), NFS3ERR_IO);
    assert_int_equal(nfs3_status(NFSPROC3_FSINFO, 4095), NFS3ERR_SERVERFAULT);
}

TEST(every_error_has_an_answer_in_every_procedure)
{
    for (uint32_t procedure = FIRST; procedure <= LAST; procedure++)
        for (int error = 1; error < 20000; error++)
            assert_int_not_equal(nfs3_status(procedure, error), NFS3_OK);
}
