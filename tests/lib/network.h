/*
 * network.h - a network namespace for one test, and what may be done to it.
 *
 * Skips the test where that is not allowed.
 */
#ifndef TESTS_LIB_NETWORK_H
#define TESTS_LIB_NETWORK_H

#include "tests/lib/rpcclient.h"

/* Moves this process, and the servers it starts from now on, to a namespace with loopback only. */
void network_private(void);
/* There: every user may bind every port. */
void network_free_ports(void);
/* A command for ip(8), as "addr add 192.0.2.7/32 dev lo". */
void network_ip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Another host, 10.77.0.2 and fd77::2, on a network with this one, 10.77.0.1 and fd77::1. Between
 * begin and end this process is there. */
void network_neighbour_make(void);
void network_neighbour_begin(void);
void network_neighbour_end(void);

/* From one numeric address to another one; from a low port unless CLIENT_UNPRIVILEGED, also as
 * another user than root, where the namespace allows it. Of `flags` CLIENT_IPV6 has no meaning. */
void client_connect_between(struct client *client, const char *from, const char *to, uint16_t port,
                            int flags);

#endif
