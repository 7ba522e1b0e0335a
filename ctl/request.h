/*
 * request.h - between server.c, which has the socket, and request.c, which knows who gets a
 * command.
 */
#ifndef CTL_REQUEST_H
#define CTL_REQUEST_H

#include <loopnfs/vfs.h>

struct json_object;

/*
 * Runs one request for `cred`. *fd is what came along (-1: nothing); taken over by who keeps it.
 * The answer is the caller's to put; *reply_fd is his to send and close, or -1.
 */
struct json_object *request_run(struct json_object *request, const struct cred *cred, pid_t pid,
                                int *fd, int *reply_fd);

#endif
