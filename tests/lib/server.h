/*
 * server.h - the real loopnfsd, run for one test.
 *
 * A test that needs a server makes its directories (server_prepare), may put files there, starts
 * it, and ends it (server_finish), which also checks how it ended: a sanitizer's report or an exit
 * status other than 0 fails the test. A test that fails on its way just returns: when the process
 * ends, the server is killed, its log printed, its directories removed.
 *
 * The program is the one named by LOOPNFSD in the environment (ctest sets it). In the variant
 * "user" (LOOPNFS_VARIANT) it runs as an ordinary user, and the test itself acts on files as that
 * user from server_prepare() on, so that both see the same rights; everywhere else as root.
 */
#ifndef TESTS_LIB_SERVER_H
#define TESTS_LIB_SERVER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SERVER_USER 65533 /* uid and gid of the variant "user" */
#define SERVER_ARGS 40

struct server {
    /* Options: set between server_prepare() and server_start(). */
    const char *portmap;           /* --portmap; "off" at first */
    const char *listen;            /* an address; NULL: 127.0.0.1 */
    bool no_listen;                /* an argument says where to listen */
    bool ipv6;                     /* listen at ::1 too */
    bool table_handles;            /* --handles=table, which is what an ordinary user gets anyway */
    bool no_plain_export;          /* do not export export_dir by naming it on the command line */
    unsigned nofile;               /* RLIMIT_NOFILE, 0: as it is */
    bool exit_unchecked;           /* server_finish() is not to judge the exit status */
    const char *args[SERVER_ARGS]; /* further arguments, ended by NULL; borrowed */

    /* Where things are. */
    char home[64];       /* holds the others; made by server_prepare() */
    char state_dir[80];  /* --state-dir */
    char export_dir[80]; /* the export: what tests work in */
    char log[80];        /* stdout and stderr of all its runs */

    /* While it runs. */
    pid_t pid; /* 0: does not run */
    uint16_t port;
    uint16_t port_ipv6;
    size_t slot; /* server.c's own */
};

/* Whether the server of this test runs as root (and we are, then). */
bool server_is_root(void);
/* The uid that owns what an ordinary create through the server makes, for a caller who is root. */
uid_t server_uid(void);

/* Makes the directories, below `base` (NULL: /tmp). */
void server_prepare(struct server *server, const char *base);
void server_add_arg(struct server *server, const char *arg);
/* Starts it and waits until it is ready. */
void server_start(struct server *server);
/* As server_start, for one that is to fail: returns its exit status. */
int server_start_failing(struct server *server);
/* Both at once, for the many tests that need nothing special. */
void server_run(struct server *server);

/* SIGTERM; it must exit with 0 within 10 s. */
void server_stop(struct server *server);
/* SIGKILL. */
void server_kill(struct server *server);
/* Starts it again with the same state directory and port, after server_stop or server_kill. */
void server_restart(struct server *server);
/* Waits for its end by itself (after a signal that the test sent); the exit status, or 128 + the
 * signal that killed it. */
int server_wait(struct server *server);
/* Stops it if it runs, checks the log, removes everything. */
void server_finish(struct server *server);

/* The log contains `text`: now; or within `ms` milliseconds. */
bool server_log_has(const struct server *server, const char *text);
bool server_log_waits_for(const struct server *server, const char *text, int ms);

/* The CPU time it has used. */
long server_cpu_ms(const struct server *server);

/* Runs loopnfsd with these arguments (ended by NULL) to its end; the exit status. What it printed
 * (both streams) goes to output. */
int server_run_once(const char *const *args, char *output, size_t size);

#endif
