/*
 * keeper.h - runs on threads of their own what the main thread must not do: reading the exports
 * again, and housekeeping.
 *
 * Both touch the file systems that are served, and any of those may hang. So each runs on a thread
 * of its own (base/apart.h), and the main thread stays free for signals. Called by the main thread
 * alone.
 */
#ifndef SERVER_KEEPER_H
#define SERVER_KEEPER_H

#include "server/config.h"
#include <stdbool.h>

/* Reads the exports again (SIGHUP). Returns at once. While the last reading is still under way,
 * notes that the exports must be read once more after it. */
void keeper_reload(struct server_config *config);
/* Does a round of housekeeping; returns the number of seconds until the next one. */
unsigned keeper_tick(void);
/* Waits for both for half a second. False: one of them hangs in a file system, and goes on using
 * it. */
bool keeper_stop(void);

#endif
