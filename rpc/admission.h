/*
 * admission.h - turns away peers to which nothing is exported, before anything is done for them.
 *
 * dispatch.c asks for each message, before it decodes the message. The verdict comes from exports/,
 * which rpc/ must not include: server/server.c sets the function to be asked. A connection keeps
 * its verdict until other exports are in force. This host is no stranger to its own portmapper
 * (port 111).
 */
#ifndef RPC_ADMISSION_H
#define RPC_ADMISSION_H

#include "net/net.h"

enum rpc_verdict {
    RPC_WELCOME,
    RPC_STRANGER, /* nothing is exported to the peer */
    RPC_UNKNOWN,  /* a host name has to be looked up first: the call goes on, and the export's own
                   * check asks again */
};

/* Sets the functions that decide; to be called before net_start(). `ask` returns the verdict about
 * a peer; it may sleep, and announces that (base/sleep.h). `generation` returns a number that
 * changes whenever verdicts may change, and that is never 0. Where `ask` is NULL, as at first,
 * every peer is welcome. */
void rpc_admission_set(enum rpc_verdict (*ask)(const struct address *peer),
                       uint64_t (*generation)(void));
/* The verdict about a message's sender. A stranger's connection is closed once its reply is
 * sent. */
enum rpc_verdict rpc_admission(const struct net_message *message);

#endif
