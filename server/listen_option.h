/*
 * listen_option.h - reads the addresses to listen on: addresses and names of this host.
 *
 * Used by cmd/loopnfsd/options.c (loopnfsd's command line) and lib/loopnfs.c (a program with the
 * library).
 */
#ifndef SERVER_LISTEN_OPTION_H
#define SERVER_LISTEN_OPTION_H

#include "server/config.h"

/* What --listen takes, for messages. */
#define LISTEN_EXPECTED                                                                         \
    "give a numeric address or a name of this host, with :PORT or without, as 192.0.2.1:2049, " \
    "[::1] or "                                                                                 \
    "localhost"

/* The addresses while the options are being read. An address without a port gets the port of the
 * others. */
struct listen_option {
    struct address address[SERVER_LISTEN_MAX];
    bool has_port[SERVER_LISTEN_MAX];
    bool is_optional[SERVER_LISTEN_MAX]; /* one of several addresses that one word stands for */
    size_t count;
    bool has_common_port; /* --port */
    uint16_t common_port;
};

/*
 * Adds what one --listen names: a numeric address; `::`, which also means 0.0.0.0; or a host name,
 * with all of its addresses. An address that is there already is not added again. EINVAL; EAGAIN:
 * the name service does not answer. Then *why says what is wrong (a constant string).
 */
int listen_option_add(struct listen_option *listen, const char *text, const char **why);

/* Gives all addresses one port, since one port carries every program, and puts them into *config;
 * the default where there are none. EINVAL: two ports were named, and *why says so. */
int listen_option_settle(const struct listen_option *listen, struct server_config *config,
                         const char **why);

#endif
