/*
 * turn.h - one at a time does something with a node: turn.c. For the other files of hostfs.
 */
#ifndef HOSTFS_TURN_H
#define HOSTFS_TURN_H

#include <loopnfs/vfs.h>
#include <pthread.h>

/* Somebody's turn, in memory of his own. */
struct hostfs_turn {
    const struct vnode *vn;
    struct hostfs_turn *next;
};

/* Those who have a turn now, for one purpose. */
struct hostfs_turns {
    pthread_mutex_t lock; /* guards the list, for a walk of it */
    pthread_cond_t ended;
    struct hostfs_turn *first;
};

void hostfs_turns_init(struct hostfs_turns *turns);
void hostfs_turns_finish(struct hostfs_turns *turns);
/* Waits until nobody else has a turn at this node, for some seconds at most, and says that it
 * sleeps. 0: hostfs_turn_end() ends the turn. VFS_EJUKEBOX: somebody still has. */
int hostfs_turn_begin(struct hostfs_turns *turns, struct vnode *vn, struct hostfs_turn *turn);
void hostfs_turn_end(struct hostfs_turns *turns, const struct hostfs_turn *turn);

#endif
