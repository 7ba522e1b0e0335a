/*
 * server.h - the whole server, from the state directory to the sockets: started and stopped.
 *
 * For the programs that contain a server: cmd/loopnfsd/main.c and lib/ (a file system's own
 * program). A process has one server at a time, started and stopped by one thread. Signals, limits
 * and standard streams belong to the process; the server does not change them.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "server/config.h"
#include <stdbool.h>
#include <stddef.h>

enum server_status { SERVER_OK = 0, SERVER_FAILURE = 1, SERVER_USAGE = 2 };

/* Fills in the defaults, before any option is read. */
void server_defaults(struct server_config *config);
/* Adds the addresses to listen on where the user names none. */
void server_listen_default(struct server_config *config, uint16_t port);
/* Checks whether the server could start, as far as that can be seen without changing anything. On
 * failure `message` has one line that says what is wrong and how to mend it. */
enum server_status server_check(struct server_config *config, char *message, size_t size);
/*
 * Starts the server: when this returns, clients are answered. config->listen then has the addresses
 * that are listened on; *config must stay valid until the server has stopped. On failure nothing is
 * left started.
 */
enum server_status server_start(struct server_config *config, char *message, size_t size);
/* Reads the exports again. On failure nothing is changed. */
enum server_status server_reload(struct server_config *config, char *message, size_t size);
/* Does housekeeping; returns the number of seconds until the next call. Called by one thread. */
unsigned server_tick(void);
/* Answers the calls that have begun, then frees everything. False: some calls did not end in time;
 * what they use is still there, and this process can't start another server. */
bool server_stop(void);
/* Called after a stop that failed, or without one: no client is served any more, the portmapper
 * forgets the server, and another server may take the state directory. Frees nothing. */
void server_leave(void);

#endif
