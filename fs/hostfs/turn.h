/*
 * turn.h - lets one call at a time do something with a node: turn.c. For the other files of hostfs.
 */
#ifndef HOSTFS_TURN_H
#define HOSTFS_TURN_H

#include <loopnfs/vfs.h>
#include <pthread.h>

/* The turn of one call, in memory of that call. */
struct hostfs_turn {
    const struct vnode *vn;
    struct hostfs_turn *next;
};

/* The turns that calls have now, for one purpose. */
struct hostfs_turns {
    pthread_mutex_t lock; /* guards the list; never held during a system call */
    pthread_cond_t ended;
    struct hostfs_turn *first;
};

void hostfs_turns_init(struct hostfs_turns *turns);
void hostfs_turns_finish(struct hostfs_turns *turns);
/* Waits until no other call has a turn at this node, for some seconds at most, and announces
 * that it sleeps. 0: hostfs_turn_end() must end the turn. VFS_EJUKEBOX: another call still has
 * its turn. */
int hostfs_turn_begin(struct hostfs_turns *turns, struct vnode *vn, struct hostfs_turn *turn);
void hostfs_turn_end(struct hostfs_turns *turns, const struct hostfs_turn *turn);

#endif
