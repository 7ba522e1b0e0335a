/*
 * turn.c - lets one call at a time do something with a node; calls for other nodes do not wait.
 *
 * Called by attr.c (the comparison and the change of a guarded SETATTR are one step) and open.c (a
 * right that is added to a mode for a moment). System calls that may hang are made in a turn.
 * Another call that wants the node meanwhile waits for TURN_S seconds at most, and its client is
 * then told to ask again later.
 *
 * Each turn is on the list, in memory of the call that has it. `lock` guards the list, and is never
 * held during a system call.
 */
#include "turn.h"
#include <errno.h>
#include <time.h>

#define TURN_S 3

void hostfs_turns_init(struct hostfs_turns *turns)
{
    pthread_mutex_init(&turns->lock, NULL);
    pthread_cond_init(&turns->ended, NULL);
    turns->first = NULL;
}

void hostfs_turns_finish(struct hostfs_turns *turns)
{
    pthread_mutex_destroy(&turns->lock);
    pthread_cond_destroy(&turns->ended);
}

static bool is_taken(const struct hostfs_turns *turns, const struct vnode *vn)
{
    const struct hostfs_turn *turn = turns->first;

    while (turn && turn->vn != vn)
        turn = turn->next;
    return turn;
}

int hostfs_turn_begin(struct hostfs_turns *turns, struct vnode *vn, struct hostfs_turn *turn)
{
    struct timespec until;
    int err = 0;

    turn->vn = vn;
    pthread_mutex_lock(&turns->lock);
    if (is_taken(turns, vn)) {
        pthread_mutex_unlock(&turns->lock);
        vfs_will_sleep();
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += TURN_S;
        pthread_mutex_lock(&turns->lock);
        while (err == 0 && is_taken(turns, vn))
            err = pthread_cond_clockwait(&turns->ended, &turns->lock, CLOCK_MONOTONIC, &until);
        err = is_taken(turns, vn) ? VFS_EJUKEBOX : 0;
    }
    if (err == 0) {
        turn->next = turns->first;
        turns->first = turn;
    }
    pthread_mutex_unlock(&turns->lock);
    return err;
}

void hostfs_turn_end(struct hostfs_turns *turns, const struct hostfs_turn *turn)
{
    pthread_mutex_lock(&turns->lock);
    for (struct hostfs_turn **at = &turns->first; *at; at = &(*at)->next) {
        if (*at == turn) {
            *at = turn->next;
            break;
        }
    }
    pthread_cond_broadcast(&turns->ended);
    pthread_mutex_unlock(&turns->lock);
}
