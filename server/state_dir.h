/*
 * state_dir.h - the directory where what must survive a restart is kept; for main.
 */
#ifndef SERVER_STATE_DIR_H
#define SERVER_STATE_DIR_H

#include <stddef.h>

/* The directory to use: `given`, or where that is NULL: systemd's ($STATE_DIRECTORY), else
 * /var/lib/loopnfs as root, else $XDG_STATE_HOME/loopnfs or ~/.local/state/loopnfs. Absolute.
 * ENOENT: there is no home either. ENAMETOOLONG. */
int state_dir_choose(const char *given, char *path, size_t size);
/*
 * Makes it where it is missing, mode 0700; it must be ours. Holds its lock file, so that no second
 * server uses it, until the process ends. On failure `message` has one line that says what and how
 * to mend it.
 */
int state_dir_open(const char *path, char *message, size_t message_size);
/* For --check: whether state_dir_open() would be able to, as far as can be seen without making
 * anything or taking the lock. */
int state_dir_check(const char *path, char *message, size_t message_size);
/* Looks whether it is still there, and the one it was; where not, says so once and makes it again.
 * By one thread, which may sleep. */
void state_dir_keep(const char *path);
/* Gives the lock up. */
void state_dir_close(void);

#endif
