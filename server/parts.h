/*
 * parts.h - what a server is made of besides its network: programs, and whatever else begins and
 * ends with it; for server.c.
 *
 * One table (parts.c) names them. A new program is a row there, and nothing else in server/ knows
 * of it.
 */
#ifndef SERVER_PARTS_H
#define SERVER_PARTS_H

/* Registers all programs and counters. Before the network starts; a second call does nothing. */
void parts_register(void);
/* Tells them of the exports that were read, at the start and by each reload. */
void parts_reloaded(void);
/* Keeps house, as often as server_tick() is called. */
void parts_tick(void);
/* Has each free what it has; when no call is under way any more. */
void parts_finish(void);

#endif
