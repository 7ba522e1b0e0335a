/*
 * dispatch.h - from a message to its reply: the handler that server/ gives to net/.
 */
#ifndef RPC_DISPATCH_H
#define RPC_DISPATCH_H

#include "net/net.h"

/*
 * Answers one ONC RPC message (RFC 5531 section 9). Returns the reply's length in bytes, without
 * its tail, or 0 where no reply is to be sent. A message that can't be a call (too short, or not of
 * type CALL) gets no reply. A wrong RPC version, program, version, procedure, credential or
 * argument gets the reply that the RFC names.
 */
size_t rpc_dispatch(struct net_message *message);

#endif
