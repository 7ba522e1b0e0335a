/*
 * workdir.h - a working directory of the thread's own, for many names below one directory.
 *
 * A system call that is given a descriptor takes a reference to what it stands for and gives it
 * back, since other threads could close it meanwhile: two atomic operations, a twelfth of a
 * statx(). Below the working directory neither is needed. hostfs lists directories so.
 */
#ifndef BASE_WORKDIR_H
#define BASE_WORKDIR_H

/* Makes the directory that is open as `fd` the working directory of this thread, and of no other
 * (unshare(2), CLONE_FS). 0, or an errno: EACCES where the thread's identity may not search it;
 * then nothing has changed. */
int workdir_enter(int fd);

/* Back to the one the thread had: until then it keeps the directory's file system busy. */
void workdir_leave(void);

#endif
