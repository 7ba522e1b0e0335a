/*
 * sleep.h - a thread says that it is about to sleep.
 *
 * The owner of a thread (net/loop.c) installs a hook. Code far below, which knows nothing of loops,
 * calls sleep_announce() right before something slow. vfs_will_sleep() of the public contract calls
 * sleep_announce().
 */
#ifndef BASE_SLEEP_H
#define BASE_SLEEP_H

/* Installs the current thread's hook; NULL removes it. */
void sleep_set_hook(void (*hook)(void *arg), void *arg);
/* Runs the current thread's hook, if it has one. */
void sleep_announce(void);

#endif
