/*
 * keeper.h - what main has others do: reading the exports again, and keeping house.
 *
 * Both touch the file systems that are served, and any of those may hang. So each is done on a
 * thread of its own (base/apart.h), and the main thread has time for signals. By main alone.
 */
#ifndef SERVER_KEEPER_H
#define SERVER_KEEPER_H

#include "server/config.h"
#include <stdbool.h>

/* SIGHUP. Returns at once; where the last one is not over yet, it is done once more after that. */
void keeper_reload(struct server_config *config);
/* Keeps house; returns after how many seconds to do it again. */
unsigned keeper_tick(void);
/* Waits a moment for both. False: one of them hangs in a file system, and goes on using it. */
bool keeper_stop(void);

#endif
