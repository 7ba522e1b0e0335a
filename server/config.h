/*
 * config.h - what a server is to be: filled in by those who start one, a command line or a program.
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "base/address.h"
#include "exports/exports.h"
#include "portmap/portmap.h"

#define NFS_PORT          2049
#define SERVER_LISTEN_MAX 16

struct server_config {
    struct address listen[SERVER_LISTEN_MAX]; /* all with one port */
    size_t nlisten;
    /* One that this host does not have is no error: a default, or one of several of a name. */
    bool listen_optional[SERVER_LISTEN_MAX];
    bool freebind; /* nor is any other: it may come */
    /* The strings are borrowed until the server was stopped. */
    struct exports_source exports;
    enum portmap_mode portmap;
    const char *state_dir; /* NULL: the default */
    unsigned threads;      /* 0: as many as CPUs */
    int spin_usec;         /* -1: automatic */
    uint32_t cache_nodes;
    uint32_t waiting;   /* calls that may sleep at once */
    uint32_t cache_fds; /* 0: by RLIMIT_NOFILE */
    bool manage_gids;
    bool local_peers_any; /* clients on this host are known by their ports only */
};

#endif
