/*
 * oracle.h - what a local process of given ids may do to a file's attributes, by trying it.
 *
 * A process of its own for each credential makes the host's system calls on a file of its own; the
 * tests compare a file system's SETATTR with it.
 */
#ifndef TESTS_FS_ORACLE_H
#define TESTS_FS_ORACLE_H

#include <loopnfs/cred.h>
#include <loopnfs/vnode.h>

struct oracle;
/* Starts a process with this credential. Ends with oracle_end(). */
struct oracle *oracle_begin(const struct cred *cred);
void oracle_end(struct oracle *oracle);
/*
 * Truncates, gives away, changes the mode and sets the times of the file, as `set` asks and in this
 * order; the errno of the first call that fails. One exception from the host's word is every NFS
 * server's: the owner may write (include `owner` as the file's uid). And one time that is to be the
 * server's takes what both take, utimes(NULL): the right to write.
 */
int oracle_setattr(struct oracle *oracle, const char *path, uid_t owner,
                   const struct vsetattr *set);

#endif
