/*
 * cred.h - credentials: sealing them, and having the current thread act as one.
 *
 * exports/ makes credentials (squash, id map), nfsd/ borrows them for a call, file systems that
 * go through the host's system calls (hostfs) assume them. Identities are per thread: raw system
 * calls, because glibc's wrappers change all threads (nptl(7)).
 */
#ifndef BASE_CRED_H
#define BASE_CRED_H

#include <loopnfs/cred.h>
#include <stdbool.h>

/* Draws the key of the hash. Once, while starting. */
void cred_init(void);
/* Fills in cred->hash from the other fields. */
void cred_seal(struct cred *cred);
/* The server's own identity: what cred_assume() with it restores. */
const struct cred *cred_server(void);
/* Whether this process may take other identities (it has CAP_SETUID, CAP_SETGID). Where not, all
 * of cred_assume() is a no-op and everything happens as the user who runs the server. */
bool cred_can_switch(void);
/* For tests and main: act as though the answer were no. */
void cred_never_switch(void);

/*
 * Has this thread act as `cred` in file system calls from now on (setfsuid, setfsgid, setgroups,
 * and no capability is effective where the uid is not 0). Does nothing where the thread already
 * does. EPERM, EINVAL (groups): nothing changed that could widen rights; the caller must not go on.
 */
int cred_assume(const struct cred *cred);
/* cred_assume(cred_server()): for what the server does for itself, such as opening by handle. */
int cred_assume_server(void);
/* The same as cred_assume(), and the kernel lets the thread read what modes forbid: for the opening
 * of what the caller may execute, by which a file system still sees who opens. EPERM. */
int cred_assume_reader(const struct cred *cred);
/* For a moment as the server in the middle of an operation: who the thread acts as is kept, and is
 * assumed again. False: that is not known (a caller of very many groups), and nothing was done. */
#define CRED_PAUSE_GROUPS 64
struct cred_pause {
    struct cred cred;
    gid_t groups[CRED_PAUSE_GROUPS];
};
bool cred_pause(struct cred_pause *pause);
int cred_go_on(const struct cred_pause *pause);

#endif
