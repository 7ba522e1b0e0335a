/*
 * world.h - where a client's test takes place: a network of its own, a tree, the real server.
 *
 * Used by the tests of this folder. The test's process moves to a network namespace of its own
 * (port 111 is free there, whatever runs on this machine) with a /run of its own (so that nobody
 * talks to this machine's rpcbind), and the server with it. It all ends with the process.
 */
#ifndef TESTS_CLIENTS_WORLD_H
#define TESTS_CLIENTS_WORLD_H

#include "tests/clients/replay.h"
#include "tests/lib/server.h"

#define WORLD_PORT 2049

struct world {
    struct server server;
    struct replay *replay; /* at 127.0.0.1, with $port, $export, $boot, $uaddr set */
    char insecure[160];    /* an --export= for clients with ordinary ports */
    bool tcp_only;         /* NFS is not served over UDP; false at first */
    bool low_ports;        /* ordinary users may bind port 111 here; true at first */
};

/* The namespaces; skips the test where they are not allowed. */
void world_enter(void);
/*
 * A neighbour: another namespace with address 10.77.0.2, to which this one is 10.77.0.1. Sockets
 * opened between begin and end belong to the neighbour.
 */
void world_neighbour_make(void);
void world_neighbour_begin(void);
void world_neighbour_end(void);

/*
 * world_enter(), and a server prepared but not started, port 2049, --portmap=builtin. Its export:
 *   hello (13 bytes of the pattern), boot/zImage (5000), boot/kernel -> zImage,
 *   many/name000..name199, shared/ (mode 0777)
 */
void world_prepare(struct world *world);
/* Exports for ordinary source ports instead. */
void world_export_insecure(struct world *world);
/* Makes low_ports so; part of world_start(). */
void world_low_ports(const struct world *world);
/* Starts the server, makes the replay. */
void world_start(struct world *world);
/* Another replay with the same names set, for `address`. */
struct replay *world_replay(const struct world *world, const char *address);
/* All of a plain test: prepare, start, play one script, finish. */
void world_play(const char *script);
void world_finish(struct world *world);

#endif
