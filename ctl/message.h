/*
 * message.h - one message over the control socket: a line of JSON, and perhaps a descriptor.
 *
 * Used by both ends: the server (server.c) and the tool (loopnfs.c). Descriptors travel with the
 * first byte (SCM_RIGHTS, unix(7)).
 */
#ifndef CTL_MESSAGE_H
#define CTL_MESSAGE_H

#include <stddef.h>

struct json_object;

#define MESSAGE_MAX (4u * 1024 * 1024)

/* Sends; fd -1: none goes along. EPIPE, EAGAIN (time-out of the socket), .... */
int message_send(int socket, struct json_object *message, int fd);
/* Receives at most `max` bytes; *message is the caller's (json_object_put), *fd the caller's to
 * close, or -1. EPROTO: no JSON; EMSGSIZE; ENODATA: the other end said nothing. */
int message_receive(int socket, size_t max, struct json_object **message, int *fd);

#endif
