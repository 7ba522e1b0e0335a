/*
 * later.h - operations that answer later: between the wrappers, and those who run an operation on
 * another thread than its caller's (lib/). File systems use vfs_later() and vfs_answer().
 */
#ifndef VFS_LATER_H
#define VFS_LATER_H

struct later;

/* What an operation that this thread just ran returned; waits for the answer where that comes
 * later. -1: VFS_ELATER without a ticket. Cheap where no ticket was asked for. */
int later_settle(int err);
/* Takes this thread's open ticket (NULL: none), to have another thread settle it. */
struct later *later_detach(void);
void later_attach(struct later *later);

#endif
