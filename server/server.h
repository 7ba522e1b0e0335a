/*
 * server.h - the whole server, from the state directory to the sockets: started and stopped.
 *
 * For those who put it into a process: main.c (loopnfsd) and lib/ (a file system's own program).
 * There is one in a process at a time, and it is started and stopped by one thread. It leaves
 * signals, limits and standard streams alone: they are the process's.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "server/config.h"
#include <stdbool.h>
#include <stddef.h>

enum server_status { SERVER_OK = 0, SERVER_FAILURE = 1, SERVER_USAGE = 2 };

/* What options are before anybody said anything. */
void server_defaults(struct server_config *config);
/* Adds the addresses that are listened on unless others are said. */
void server_listen_default(struct server_config *config, uint16_t port);
/* Looks whether it could start, as far as can be seen without changing anything. On failure
 * `message` has one line that says what and how to mend it. */
enum server_status server_check(struct server_config *config, char *message, size_t size);
/*
 * Starts it: when this returns, clients are answered. config->listen becomes what is listened
 * on; *config must stay until the stop. On failure everything is as before.
 */
enum server_status server_start(struct server_config *config, char *message, size_t size);
/* Reads the exports again; on failure nothing is changed. */
enum server_status server_reload(struct server_config *config, char *message, size_t size);
/* Keeps house: to be called again after as many seconds as it returns. By one thread. */
unsigned server_tick(void);
/* Calls that have begun are answered, then everything is freed. False: some did not end in time;
 * what they use is still there, and this process can't start another server. */
bool server_stop(void);
/* After a stop that failed, or without one: nobody is served any more, the portmapper forgets us,
 * and the state directory is another server's to have. Frees nothing. */
void server_leave(void);

#endif
