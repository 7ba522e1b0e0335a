/*
 * admission.h - who is turned away before anything else is done for him.
 *
 * dispatch.c asks for each message, before it is decoded. The verdict itself is exports/'s, below
 * which rpc/ lies: server/server.c says whom to ask. What was found about a connection is kept with
 * it, until other exports are in force. This host is no stranger to its own portmapper (port 111).
 */
#ifndef RPC_ADMISSION_H
#define RPC_ADMISSION_H

#include "net/net.h"

enum rpc_verdict {
    RPC_WELCOME,
    RPC_STRANGER, /* in no export */
    RPC_UNKNOWN,  /* by a name that is not known yet: may go on to where that is asked again */
};

/* `ask`: about a peer; may sleep, and says so. `generation`: a number that is another one, and not
 * 0, whenever answers may differ. Before net_start(); NULL, as at first: everybody is welcome. */
void rpc_admission_set(enum rpc_verdict (*ask)(const struct address *peer),
                       uint64_t (*generation)(void));
/* A stranger's connection is ended when he has his answer. */
enum rpc_verdict rpc_admission(const struct net_message *message);

#endif
