/*
 * message.h - one message over the control socket: a line of JSON, and perhaps a descriptor.
 *
 * Used by both ends: the server (server.c) and the tool (cmd/loopnfs/). Descriptors travel with the
 * first byte (SCM_RIGHTS, unix(7)).
 */
#ifndef CTL_MESSAGE_H
#define CTL_MESSAGE_H

#include <stddef.h>

struct json_object;

#define MESSAGE_MAX (4u * 1024 * 1024)

/* Sends a message, and `fd` with it (-1: none), which stays the caller's. EPIPE; EAGAIN: the
 * socket's time-out is over; .... */
int message_send(int socket, struct json_object *message, int fd);
/* Receives a message of at most `max` bytes. *message belongs to the caller (json_object_put), and
 * so does *fd, which is -1 where no descriptor came along. EPROTO: it is not JSON; EMSGSIZE: it is
 * too long; ENODATA: the other end sent nothing. */
int message_receive(int socket, size_t max, struct json_object **message, int *fd);

#endif
