/*
 * listen_option.h - where to listen, as the user says it: addresses and names of this host.
 *
 * Used by options.c (loopnfsd's command line) and lib/loopnfs.c (a program with the library).
 */
#ifndef SERVER_LISTEN_OPTION_H
#define SERVER_LISTEN_OPTION_H

#include "server/config.h"

/* What --listen wants, for messages. */
#define LISTEN_EXPECTED                                                                         \
    "give a numeric address or a name of this host, with :PORT or without, as 192.0.2.1:2049, " \
    "[::1] or "                                                                                 \
    "localhost"

/* While the options are being read: an address without a port takes the port of the others. */
struct listen_option {
    struct address address[SERVER_LISTEN_MAX];
    bool has_port[SERVER_LISTEN_MAX];
    bool is_optional[SERVER_LISTEN_MAX]; /* one of several that the same word stands for */
    size_t count;
    bool has_common_port; /* --port */
    uint16_t common_port;
};

/*
 * Adds what one --listen names: a numeric address; `::`, which is 0.0.0.0 as well; or a host name,
 * with all of its addresses. What was there already is not added twice. On failure returns EINVAL,
 * or EAGAIN where the name service does not answer, and *why is what is wrong (a constant string).
 */
int listen_option_add(struct listen_option *listen, const char *text, const char **why);

/* One port carries every program: gives all addresses the same, and puts them, or the default where
 * there are none, into *config. EINVAL and *why where two ports were named. */
int listen_option_settle(const struct listen_option *listen, struct server_config *config,
                         const char **why);

#endif
