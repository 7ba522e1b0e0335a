/*
 * dispatch.h - from a message to its reply: the handler that main gives to net/.
 */
#ifndef RPC_DISPATCH_H
#define RPC_DISPATCH_H

#include "net/net.h"

/*
 * Answers one ONC RPC message (RFC 5531 section 9). What can't be a call (too short, not CALL) gets
 * no reply; wrong RPC version, program, version, procedure, credential, arguments get theirs.
 */
size_t rpc_dispatch(const struct net_message *message);

#endif
