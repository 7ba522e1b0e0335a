/*
 * state_dir.h - the directory for what must survive a restart; for server.c.
 */
#ifndef SERVER_STATE_DIR_H
#define SERVER_STATE_DIR_H

#include <stddef.h>

/* Chooses the directory: `given`, or where that is NULL: systemd's ($STATE_DIRECTORY), else
 * /var/lib/loopnfs as root, else $XDG_STATE_HOME/loopnfs or ~/.local/state/loopnfs. `path` becomes
 * absolute; its buffer has `size` bytes. ENOENT: there is no home either. ENAMETOOLONG. */
int state_dir_choose(const char *given, char *path, size_t size);
/*
 * Makes the directory where it is missing, with mode 0700; it must belong to the server's user.
 * Holds its lock file until the process ends, so that no second server uses the directory. On
 * failure `message` has one line that says what is wrong and how to mend it.
 */
int state_dir_open(const char *path, char *message, size_t message_size);
/* For --check: whether state_dir_open() would succeed, as far as that can be seen without making
 * anything or taking the lock. */
int state_dir_check(const char *path, char *message, size_t message_size);
/* Checks that the directory is still there, and still the one that was opened. Where it is not,
 * logs that once and makes it again. Called by one thread, which may sleep. */
void state_dir_keep(const char *path);
/* Gives up the lock. */
void state_dir_close(void);

#endif
