/*
 * control.h - the control socket: commands from the host's users to the running server.
 *
 * main starts and ends it. A request is a line of JSON:
 *     {"fs": "srvfs", "export": "/srv", "argv": ["post", "NAME"]}
 * `fs` names a kind of file system, `export` one of its exports (may be left out where there is
 * only one); without both it goes to the server itself ("status"). The answer:
 *     {"error": 0, "message": "", "lines": ["...", ...]}
 * with `error` an errno. Descriptors go along both ways. Anyone on this host may connect; who it
 * is says the kernel, and what he may do decides who gets the command.
 */
#ifndef CTL_CONTROL_H
#define CTL_CONTROL_H

#include <stddef.h>

/* Listens at `path`; a socket left behind by a dead server is replaced. EADDRINUSE: another server
 * listens there; EACCES, ENOENT, ENAMETOOLONG, .... */
int control_start(const char *path);
/* No new requests; waits for those in progress (bounded), removes the socket. */
void control_finish(void);

/* Where the server listens without --control: $RUNTIME_DIRECTORY/control under systemd, else
 * STATE_DIR/control. ENAMETOOLONG. */
int control_default_path(const char *state_dir, char *path, size_t size);

#endif
