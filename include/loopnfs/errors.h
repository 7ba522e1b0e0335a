/*
 * errors.h - what a function that can fail returns.
 *
 * Every function in loopnfs that can fail returns 0 or a positive number: an errno, or one of the
 * values below for conditions without an errno. They begin far above the kernel's errnos. One table
 * in nfsd/ turns them into nfsstat3 (RFC 1813 section 2.6); no room below nfsd/ knows that type.
 */
#ifndef LOOPNFS_ERRORS_H
#define LOOPNFS_ERRORS_H

enum vfs_error {
    VFS_EBADHANDLE = 10000, /* the file handle was not minted by this server */
    VFS_ENOTSYNC,           /* SETATTR: the object's ctime differs from the guard */
    VFS_EBADCOOKIE,         /* READDIR: there is no such position, and none to go on from */
    VFS_ETOOSMALL,          /* READDIR: no entry fits the client's limit */
    VFS_ESERVERFAULT,       /* the file system broke its contract */
    VFS_EBADTYPE,           /* create: this type of object is not supported here */
    VFS_EJUKEBOX,           /* it would take too long now: the client is to ask again later */
    /* returned by an operation: the answer comes by vfs_answer(); never leaves vfs/ */
    VFS_ELATER,
};

#endif
