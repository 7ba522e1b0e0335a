/*
 * process.h - what loopnfsd asks of the kernel for itself, and tells systemd; for main.
 */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Descriptors 0, 1, 2 open, no umask, unwanted signals ignored; the signals main waits for are
 * blocked, here and in all threads to come: they are *waited. Before any thread is made. */
void process_prepare(sigset_t *waited);
/* Raises RLIMIT_NOFILE as far as it goes; returns it. */
uint64_t process_raise_files(void);
/*
 * Keeps this server from waiting for itself: pages that a client on this host must write back to it
 * are what the kernel would have it wait for (PR_SET_IO_FLUSHER). Then gives up CAP_SYS_RESOURCE,
 * with which clients would fill the blocks a file system reserves for root.
 */
void process_set_io_flusher(void);
/* From now on the process ends after so many seconds, whatever hangs: by process_leave(). */
void process_end_within(unsigned seconds);
/*
 * Ends the process at once, with status 0. Threads that sleep in a disk without an answer can't be
 * ended by anybody, and would keep sockets and locks for as long: so these are given up before, and
 * the next server has its port. Never returns.
 */
void process_leave(void) __attribute__((noreturn));
/* Tells systemd, where it wants to know ($NOTIFY_SOCKET): see sd_notify(3). */
void process_notify_ready(void);
void process_notify_reloading(void);
void process_notify_stopping(void);
/* How often systemd wants to hear that the server is alive; 0: not at all. */
unsigned process_watchdog_seconds(void);
void process_notify_alive(void);
/*
 * Whether the process `pid` was started with the same words as argv, but for `--check` and
 * `--running PID` in argv. False: `message` is a line that says in which word they differ, or why
 * that can't be told.
 */
bool process_runs_with(pid_t pid, char *const *argv, char *message, size_t size);

/* The first port that every user may bind, by the sysctl; 1024 where that can't be read. */
unsigned process_first_free_port(void);

#endif
