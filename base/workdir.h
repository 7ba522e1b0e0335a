/*
 * workdir.h - a working directory of the thread's own, for many names below one directory.
 *
 * A system call that is given a descriptor takes a reference to what it stands for and gives it
 * back, since other threads could close it meanwhile: two atomic operations, a twentieth of a
 * statx(). Below the working directory neither is needed. hostfs lists directories so.
 */
#ifndef BASE_WORKDIR_H
#define BASE_WORKDIR_H

#include <stdbool.h>

/* Before the first of the others, as the server (base/cred.h): notes where threads go back to. */
void workdir_init(void);

/* Makes the directory that is open as `fd` the working directory of this thread, and of no other
 * (unshare(2), CLONE_FS). 0, or an errno: EACCES where the thread's identity may not search it. Who
 * has tried calls workdir_leave(), whatever came of it. */
int workdir_enter(int fd);

/* Back: until then the directory's file system is busy. False: the thread's identity may not go
 * there; as the server it may. */
bool workdir_leave(void);

#endif
