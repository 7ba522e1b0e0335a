/*
 * request.h - between server.c, which has the socket, and request.c, which finds the receiver of a
 * command.
 */
#ifndef CTL_REQUEST_H
#define CTL_REQUEST_H

#include <loopnfs/vfs.h>

struct json_object;

/*
 * Runs one request of the user `cred` and the process `pid`. *fd is the descriptor that came along
 * (-1: none); a command that keeps it sets *fd to -1. Returns the answer, which the caller puts
 * (json_object_put). *reply_fd is a descriptor for the caller to send and close, or -1.
 */
struct json_object *request_run(struct json_object *request, const struct cred *cred, pid_t pid,
                                int *fd, int *reply_fd);

#endif
