/*
 * upkeep.h - a thread that notices when directories the server needs are replaced or removed; for
 * server.c.
 */
#ifndef SERVER_UPKEEP_H
#define SERVER_UPKEEP_H

/* Starts the thread. state_dir is borrowed until the stop. An errno: no thread could be made. */
int upkeep_start(const char *state_dir);
/* Ends the thread. One that hangs in a file system is left behind after a second. */
void upkeep_stop(void);

#endif
