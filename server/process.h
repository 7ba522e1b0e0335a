/*
 * process.h - what the server's process asks of the kernel and tells systemd; for the programs that
 * start a server.
 */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens descriptors 0, 1 and 2 where they are closed, clears the umask, ignores unwanted signals.
 * Blocks the signals that the main thread waits for, here and in all later threads; they are
 * returned in *waited. Called before any thread is made. */
void process_prepare(sigset_t *waited);
/* Raises RLIMIT_NOFILE as far as possible; returns the new limit in descriptors. */
uint64_t process_raise_files(void);
/*
 * Keeps this server from waiting for itself: the kernel might make it wait for dirty pages that a
 * client on this host must first write back to it (PR_SET_IO_FLUSHER). Then gives up
 * CAP_SYS_RESOURCE, with which clients could fill the blocks that a file system reserves for root.
 */
void process_set_io_flusher(void);
/* Makes the process end by process_leave() after this number of seconds, whatever hangs. */
void process_end_within(unsigned seconds);
/*
 * Ends the process at once, with status 0. Threads that sleep in a disk without an answer can't be
 * ended, and would keep sockets and locks for that time. So these are closed first, and the next
 * server can have the port. Never returns.
 */
void process_leave(void) __attribute__((noreturn));
/* Tell systemd about the server's state, where it listens for that ($NOTIFY_SOCKET): see
 * sd_notify(3). */
void process_notify_ready(void);
void process_notify_reloading(void);
void process_notify_stopping(void);
/* How often, in seconds, systemd expects to hear that the server is alive; 0: never. */
unsigned process_watchdog_seconds(void);
void process_notify_alive(void);
/*
 * Whether the process `pid` was started with the words of argv, but for `--check` and `--running
 * PID` in argv. False: `message`, of `size` bytes, is a line that says in which word they differ,
 * or why that can't be found out.
 */
bool process_runs_with(pid_t pid, char *const *argv, char *message, size_t size);

/* The first port that every user may bind, from the sysctl; 1024 where that can't be read. */
unsigned process_first_free_port(void);

#endif
