/*
 * cred.h - credentials: sealing them, and having the current thread act as one.
 *
 * exports/ makes credentials (squash, id map), nfsd/ borrows them for a call, and file systems that
 * go through the host's system calls (hostfs) assume them. Each thread has an identity of its own,
 * set by raw system calls, because glibc's wrappers change all threads (nptl(7)).
 */
#ifndef BASE_CRED_H
#define BASE_CRED_H

#include <loopnfs/cred.h>
#include <stdbool.h>

/* Draws the key of the hash. Called once, while starting. */
void cred_init(void);
/* Fills in cred->hash from the other fields. */
void cred_seal(struct cred *cred);
/* The server's own identity, borrowed for ever. cred_assume() with it makes the thread the server
 * again. */
const struct cred *cred_server(void);
/* Whether this process may take other identities (it has CAP_SETUID and CAP_SETGID). Where it may
 * not, cred_assume() does nothing, and everything happens as the user that runs the server. */
bool cred_can_switch(void);

/*
 * Has this thread act as `cred` in file system calls from now on: setfsuid(), setfsgid(),
 * setgroups(), and no effective capability where the uid is not 0. Costs no system call where the
 * thread acts as `cred` already. EPERM, EINVAL (groups): the thread has not gained rights, but may
 * have lost some; the caller must not go on with the operation.
 */
int cred_assume(const struct cred *cred);
/* cred_assume(cred_server()): for what the server does for itself, such as opening by handle. */
int cred_assume_server(void);
/* Does what cred_assume() does, and also lets the thread read files and search directories whose
 * modes forbid it (CAP_DAC_READ_SEARCH). For opening a file that the caller may execute but not
 * read: the file system below still sees the caller's ids. EPERM: the server lacks that
 * capability. */
int cred_assume_reader(const struct cred *cred);
/* Acts as the server for a moment in the middle of an operation: cred_pause() notes which identity
 * the thread has, and cred_go_on() takes that identity again. False: the identity is not known,
 * because it has more than CRED_PAUSE_GROUPS groups, and nothing was done. */
#define CRED_PAUSE_GROUPS 64
struct cred_pause {
    struct cred cred;
    gid_t groups[CRED_PAUSE_GROUPS];
};
bool cred_pause(struct cred_pause *pause);
int cred_go_on(const struct cred_pause *pause);

#endif
