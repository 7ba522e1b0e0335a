/*
 * options.h - loopnfsd's command line, for main.c.
 */
#ifndef CMD_LOOPNFSD_OPTIONS_H
#define CMD_LOOPNFSD_OPTIONS_H

#include "base/log.h"
#include "server/config.h"
#include <sys/types.h>

struct options {
    struct server_config server;
    const char *control; /* the control socket; NULL: the default */
    bool check;
    pid_t running; /* with `check`: the process id of a running server, to compare with; 0: none */
    enum log_level log_level;
};

/* Fills in *options. A wrong command line ends the program with one line and status 2. Also handles
 * --help and --version. */
void options_parse(int argc, char **argv, struct options *options);
void options_finish(struct options *options);

#endif
