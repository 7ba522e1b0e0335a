/*
 * net_peer.h - a server of one loop with a test's own handler, and sockets that speak to it: for
 * the tests of net/ by its messages (net_payload_out.c, net_payload_in*.c).
 */
#ifndef TESTS_NET_PEER_H
#define TESTS_NET_PEER_H

#include "net/net.h"

/* Where it listens. The test is killed after so many seconds. */
struct address peer_server(net_handler handler, unsigned seconds);
/* room: of the socket that replies wait in; 0: the system's. */
int peer_dial(const struct address *to, int room);
/* With a reset. */
void peer_hang_up(int fd);
/* Of this process. */
unsigned peer_descriptors(void);

#endif
