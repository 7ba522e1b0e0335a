/*
 * errors.h - what a function that can fail returns.
 *
 * Everything in loopnfs that can fail returns 0 or a positive number: an errno, or one of the
 * values below for conditions that have no errno. They begin far above the kernel's errnos. One
 * table in nfsd/ turns them into nfsstat3 (RFC 1813 section 2.6); nothing below nfsd/ knows
 * that type.
 */
#ifndef LOOPNFS_ERRORS_H
#define LOOPNFS_ERRORS_H

enum vfs_error {
    VFS_EBADHANDLE = 10000, /* the file handle was not minted by this server */
    VFS_ENOTSYNC,           /* SETATTR guard: the object's ctime is another one */
    VFS_EBADCOOKIE,         /* READDIR: no such position, and no way to go on from it */
    VFS_ETOOSMALL,          /* READDIR: not one entry fits the caller's limit */
    VFS_ESERVERFAULT,       /* the file system broke its contract */
    VFS_EBADTYPE,           /* create: this type of object is not supported here */
    VFS_EJUKEBOX,           /* would take too long now: the client is to ask again later */
    VFS_ELATER,             /* an operation: the answer comes by vfs_answer(); never leaves vfs/ */
};

#endif
