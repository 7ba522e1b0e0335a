/*
 * later.h - operations that answer later: for the wrappers, and for lib/, which runs an operation
 * on another thread than its caller's. File systems use vfs_later() and vfs_answer().
 */
#ifndef VFS_LATER_H
#define VFS_LATER_H

struct later;

/* Settles an operation that this thread just ran and that returned `err`: waits for its answer
 * where it returned VFS_ELATER. Returns the operation's error; -1: VFS_ELATER without a ticket, or
 * as an answer. Costs little where no ticket was asked for. */
int later_settle(int err);
/* Takes this thread's open ticket (NULL: none), which another thread is to settle. */
struct later *later_detach(void);
void later_attach(struct later *later);

#endif
