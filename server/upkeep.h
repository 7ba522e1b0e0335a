/*
 * upkeep.h - a thread that looks after what changes below the server's feet; for server.c.
 */
#ifndef SERVER_UPKEEP_H
#define SERVER_UPKEEP_H

/* state_dir is borrowed until the stop. An errno where there is no thread to be had. */
int upkeep_start(const char *state_dir);
/* Ends it; one that hangs in a file system is left behind after a second. */
void upkeep_stop(void);

#endif
