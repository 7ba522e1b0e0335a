/*
 * config.h - what a server is to be like. Filled in by the program that starts it: from a command
 * line (cmd/loopnfsd/), or by lib/.
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "base/address.h"
#include "exports/exports.h"
#include "portmap/portmap.h"

#define NFS_PORT          2049
#define SERVER_LISTEN_MAX 16

struct server_config {
    struct address listen[SERVER_LISTEN_MAX]; /* all have one port */
    size_t nlisten;
    /* True for an address that the host may lack without an error: a default, or one of several for
     * a name. */
    bool listen_optional[SERVER_LISTEN_MAX];
    bool freebind; /* no missing address is an error: the host may get it later */
    /* The strings are borrowed until the server has stopped. */
    struct exports_source exports;
    const char **modules; /* shared objects with file systems of others */
    size_t nmodules;
    enum portmap_mode portmap;
    const char *state_dir; /* NULL: the default */
    unsigned threads;      /* 0: as many as CPUs */
    int spin_usec;         /* -1: automatic */
    uint32_t cache_nodes;
    uint32_t waiting;   /* calls that may sleep at once */
    uint32_t cache_fds; /* open files in the cache; 0: chosen by RLIMIT_NOFILE */
    bool manage_gids;
    bool local_peers_any; /* treat clients on this host like others: by their ports only */
};

#endif
