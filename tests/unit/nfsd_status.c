/*
 * nfsd_status.c - tests of the errno table (nfsd/status.c).
 */
#include "nfsd/status.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <loopnfs/errors.h>
#include <stdio.h>
#include <string.h>

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
        for (int err = 1; err < 20000; err++)
            assert_int_not_equal(nfs3_status(procedure, err), NFS3_OK);
}

/* RFC 1813 section 3.3: the errors of each procedure; and after the bar those that tell a client's
 * program what a local file system would have told it. */
static const char *const statuses[LAST + 1] = {
    [NFSPROC3_GETATTR] = "IO STALE BADHANDLE SERVERFAULT",
    [NFSPROC3_SETATTR] =
        "PERM IO ACCES INVAL NOSPC ROFS DQUOT NOT_SYNC STALE BADHANDLE SERVERFAULT | FBIG",
    [NFSPROC3_LOOKUP] = "IO NOENT ACCES NOTDIR NAMETOOLONG STALE BADHANDLE SERVERFAULT | INVAL",
    [NFSPROC3_ACCESS] = "IO STALE BADHANDLE SERVERFAULT",
    [NFSPROC3_READLINK] = "IO INVAL ACCES STALE BADHANDLE NOTSUPP SERVERFAULT",
    [NFSPROC3_READ] = "IO NXIO ACCES INVAL STALE BADHANDLE SERVERFAULT | ISDIR",
    [NFSPROC3_WRITE] = "IO ACCES FBIG DQUOT NOSPC ROFS INVAL STALE BADHANDLE SERVERFAULT | PERM",
    [NFSPROC3_CREATE] =
        "IO ACCES EXIST NOTDIR NOSPC ROFS NAMETOOLONG DQUOT STALE BADHANDLE NOTSUPP "
        "SERVERFAULT | PERM INVAL ISDIR FBIG",
    [NFSPROC3_MKDIR] = "IO ACCES EXIST NOTDIR NOSPC ROFS NAMETOOLONG DQUOT STALE BADHANDLE NOTSUPP "
                       "SERVERFAULT | PERM INVAL MLINK",
    [NFSPROC3_SYMLINK] =
        "IO ACCES EXIST NOTDIR NOSPC ROFS NAMETOOLONG DQUOT STALE BADHANDLE NOTSUPP "
        "SERVERFAULT | PERM INVAL",
    [NFSPROC3_MKNOD] = "IO ACCES EXIST NOTDIR NOSPC ROFS NAMETOOLONG DQUOT STALE BADHANDLE NOTSUPP "
                       "SERVERFAULT BADTYPE | PERM INVAL",
    [NFSPROC3_REMOVE] = "NOENT IO ACCES NOTDIR NAMETOOLONG ROFS STALE BADHANDLE SERVERFAULT | PERM "
                        "INVAL ISDIR NOSPC DQUOT",
    [NFSPROC3_RMDIR] =
        "NOENT IO ACCES INVAL EXIST NOTDIR NAMETOOLONG ROFS NOTEMPTY STALE BADHANDLE "
        "NOTSUPP SERVERFAULT | PERM NOSPC DQUOT",
    [NFSPROC3_RENAME] = "NOENT IO ACCES EXIST XDEV NOTDIR ISDIR INVAL NOSPC ROFS MLINK NAMETOOLONG "
                        "NOTEMPTY DQUOT STALE BADHANDLE NOTSUPP SERVERFAULT | PERM",
    [NFSPROC3_LINK] = "IO ACCES EXIST XDEV NOTDIR INVAL NOSPC ROFS MLINK NAMETOOLONG DQUOT STALE "
                      "BADHANDLE NOTSUPP SERVERFAULT | PERM",
    [NFSPROC3_READDIR] = "IO ACCES NOTDIR BAD_COOKIE TOOSMALL STALE BADHANDLE SERVERFAULT",
    [NFSPROC3_READDIRPLUS] =
        "IO ACCES NOTDIR BAD_COOKIE TOOSMALL STALE BADHANDLE NOTSUPP SERVERFAULT",
    [NFSPROC3_FSSTAT] = "IO STALE BADHANDLE SERVERFAULT",
    [NFSPROC3_FSINFO] = "STALE BADHANDLE SERVERFAULT",
    [NFSPROC3_PATHCONF] = "STALE BADHANDLE SERVERFAULT",
    [NFSPROC3_COMMIT] = "IO STALE BADHANDLE SERVERFAULT | INVAL NOSPC DQUOT ROFS FBIG",
};

static const struct {
    nfsstat3 status;
    const char *name;
} names[] = {
#define NAME(name) {NFS3ERR_##name, #name},
    NAME(PERM) NAME(NOENT) NAME(IO) NAME(NXIO) NAME(ACCES) NAME(EXIST) NAME(XDEV) NAME(NODEV)
        NAME(NOTDIR) NAME(ISDIR) NAME(INVAL) NAME(FBIG) NAME(NOSPC) NAME(ROFS) NAME(MLINK)
            NAME(NAMETOOLONG) NAME(NOTEMPTY) NAME(DQUOT) NAME(STALE) NAME(REMOTE) NAME(BADHANDLE)
                NAME(NOT_SYNC) NAME(BAD_COOKIE) NAME(NOTSUPP) NAME(TOOSMALL) NAME(SERVERFAULT)
                    NAME(BADTYPE) NAME(JUKEBOX)
#undef NAME
};

static bool is_among(const char *list, nfsstat3 status)
{
    char word[32];
    const char *name = NULL;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].status == status)
            name = names[i].name;
    assert_non_null(name);
    for (int len = 0; sscanf(list, " %31s%n", word, &len) == 1; list += len)
        if (strcmp(word, name) == 0)
            return true;
    return false;
}

TEST(every_error_becomes_a_status_that_the_procedure_may_answer)
{
    for (uint32_t procedure = FIRST; procedure <= LAST; procedure++) {
        for (int err = 1; err < 20000; err++) {
            nfsstat3 status = nfs3_status(procedure, err);
            if (status != NFS3ERR_JUKEBOX && status != NFS3ERR_ACCES &&
                !is_among(statuses[procedure], status))
                fail_msg("procedure %u: error %d becomes %d", procedure, err, (int)status);
        }
    }
}

/* An error that the procedure may tell as it is. */
TEST(an_error_with_a_status_of_its_own_keeps_it_where_it_is_listed)
{
    static const struct {
        int error;
        nfsstat3 status;
    } own[] = {
        {EPERM, NFS3ERR_PERM},
        {ENOENT, NFS3ERR_NOENT},
        {EIO, NFS3ERR_IO},
        {ENXIO, NFS3ERR_NXIO},
        {EACCES, NFS3ERR_ACCES},
        {EEXIST, NFS3ERR_EXIST},
        {EXDEV, NFS3ERR_XDEV},
        {ENOTDIR, NFS3ERR_NOTDIR},
        {EISDIR, NFS3ERR_ISDIR},
        {EINVAL, NFS3ERR_INVAL},
        {EFBIG, NFS3ERR_FBIG},
        {ENOSPC, NFS3ERR_NOSPC},
        {EROFS, NFS3ERR_ROFS},
        {EMLINK, NFS3ERR_MLINK},
        {ENAMETOOLONG, NFS3ERR_NAMETOOLONG},
        {EDQUOT, NFS3ERR_DQUOT},
        {ESTALE, NFS3ERR_STALE},
        {ENOTEMPTY, NFS3ERR_NOTEMPTY},
        {EOPNOTSUPP, NFS3ERR_NOTSUPP},
    };

    for (uint32_t procedure = FIRST; procedure <= LAST; procedure++)
        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
            if (is_among(statuses[procedure], own[i].status))
                assert_int_equal(nfs3_status(procedure, own[i].error), own[i].status);
}

TEST(only_what_is_gone_is_stale)
{
    for (uint32_t procedure = FIRST; procedure <= LAST; procedure++)
        for (int err = 1; err < 20000; err++)
            if (err != ESTALE && err != ENOENT)
                assert_int_not_equal(nfs3_status(procedure, err), NFS3ERR_STALE);
}

TEST(a_name_that_the_file_system_cannot_have_is_invalid)
{
    static const uint32_t makes_a_name[] = {NFSPROC3_CREATE, NFSPROC3_MKDIR, NFSPROC3_SYMLINK,
                                            NFSPROC3_MKNOD, NFSPROC3_LINK};

    for (size_t i = 0; i < sizeof(makes_a_name) / sizeof(makes_a_name[0]); i++) {
        assert_int_equal(nfs3_status(makes_a_name[i], ENOENT), NFS3ERR_INVAL);
        assert_int_equal(nfs3_status(makes_a_name[i], EINVAL), NFS3ERR_INVAL);
        assert_int_equal(nfs3_status(makes_a_name[i], EILSEQ), NFS3ERR_INVAL);
    }
}
