/*
 * control.h - the control socket: commands from the host's users to the running server.
 *
 * cmd/loopnfsd/main.c starts and ends it. A request is a line of JSON:
 *     {"fs": "srvfs", "export": "/srv", "argv": ["post", "NAME"]}
 * `fs` names a kind of file system, `export` one of its exports (may be left out where there is
 * only one). A request with neither goes to the server itself ("status"). The answer:
 *     {"error": 0, "message": "", "lines": ["...", ...]}
 * with `error` an errno. Descriptors may go along in both directions. Any user of this host may
 * connect. The kernel says which user that is, and the file system that gets the command decides
 * what the user may do.
 */
#ifndef CTL_CONTROL_H
#define CTL_CONTROL_H

#include <stddef.h>

/* Listens at `path`. A socket that a dead server has left there is replaced. EADDRINUSE: another
 * server listens there; EACCES, ENOENT, ENAMETOOLONG, .... */
int control_start(const char *path);
/* Takes no new requests, waits for those in progress (for a second at most), removes the socket. */
void control_finish(void);

/* Writes into `path`, of `size` bytes, where the server listens without --control:
 * $RUNTIME_DIRECTORY/control under systemd, else STATE_DIR/control. ENAMETOOLONG. */
int control_default_path(const char *state_dir, char *path, size_t size);

#endif
