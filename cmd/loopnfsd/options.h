/*
 * options.h - loopnfsd's command line, for main.
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
    pid_t running; /* with `check`: the server that is to take these options at a reload; 0: none */
    enum log_level log_level;
};

/* Fills in *options; on a wrong command line prints one line and exits with status 2. --help
 * and --version are done here, too. */
void options_parse(int argc, char **argv, struct options *options);
void options_finish(struct options *options);

#endif
