/*
 * oracle.h - what a local process of given ids may do, by trying it.
 *
 * The calling thread, which is root's, takes the ids as setresuid(2) and its like have it (without
 * other capabilities than the uid has), makes the host's system calls on files of its own, and is
 * root again; the tests compare a file system's answers with what the kernel said.
 */
#ifndef TESTS_FS_ORACLE_H
#define TESTS_FS_ORACLE_H

#include <loopnfs/cred.h>
#include <loopnfs/vnode.h>

/* Has the thread be this user, from root or back to it. */
void oracle_become(const struct cred *cred);
/* What `call` returns as this user; the thread is root before and after. */
int oracle_ask(const struct cred *cred, int (*call)(const void *question), const void *question);
/*
 * Truncates, gives away, changes the mode and sets the times of the file, as `set` asks and in this
 * order; the errno of the first call that fails. One exception from the host's word is every NFS
 * server's: the owner may write (include `owner` as the file's uid). And one time that is to be the
 * server's takes what both take, utimes(NULL): the right to write.
 */
int oracle_setattr(const struct cred *cred, const char *path, uid_t owner,
                   const struct vsetattr *set);

#endif
