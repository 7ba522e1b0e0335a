/*
 * options.h - loopnfsd's command line, for main.
 */
#ifndef NFSD_OPTIONS_H
#define NFSD_OPTIONS_H

#include "base/address.h"
#include "base/log.h"
#include "exports/exports.h"
#include "rpc/portmap.h"
#include <sys/types.h>

#define NFS_PORT           2049
#define OPTIONS_LISTEN_MAX 16

struct options {
    struct address listen[OPTIONS_LISTEN_MAX]; /* all with one port */
    size_t nlisten;
    /* One that this host does not have is no error: a default, or one of several of a name. */
    bool listen_optional[OPTIONS_LISTEN_MAX];
    bool freebind; /* nor is any other: it may come */
    /* The strings are the command line's own. */
    struct exports_source exports;
    enum portmap_mode portmap;
    const char *state_dir; /* NULL: the default */
    const char *control;   /* the control socket; NULL: the default */
    unsigned threads;      /* 0: as many as CPUs */
    int spin_usec;         /* -1: automatic */
    uint32_t cache_nodes;
    uint32_t waiting;   /* calls that may sleep at once */
    uint32_t cache_fds; /* 0: by RLIMIT_NOFILE */
    bool manage_gids;
    bool local_peers_any; /* clients on this host are known by their ports only */
    bool check;
    pid_t running; /* with `check`: the server that is to take these options at a reload; 0: none */
    enum log_level log_level;
};

/* Fills in *options; on a wrong command line prints one line and exits with status 2. --help
 * and --version are done here, too. */
void options_parse(int argc, char **argv, struct options *options);
void options_finish(struct options *options);

#endif
