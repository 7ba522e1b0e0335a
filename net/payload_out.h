/*
 * payload_out.h - a connection's side of the payload that a reply delivers: READ's data, by the
 * pipe (base/payload.h).
 *
 * Bytes of message->out that a handler leaves in the pipe are the last ones of its reply. The
 * connection sends them behind the reply as soon as the handler returns. It copies what the socket
 * does not take, or all of it where other replies have to go first. The reply is padded behind the
 * payload.
 *
 * Called by conn_send.c, and by workers.c for the reply of a thread that has lost its loop.
 */
#ifndef NET_PAYLOAD_OUT_H
#define NET_PAYLOAD_OUT_H

#include "base/payload.h"

/* Sends what the socket takes now of the `len` bytes at `head` and of the payload behind them.
 * Returns how many bytes of the head were sent. An error is not reported: it will come again when
 * the rest is sent. */
size_t payload_out_send(struct payload *out, int socket, const uint8_t *head, size_t len);
/* Copies what is left in the pipe to `at`, and pads it; *len grows by the number of bytes written.
 * False: the pipe can't be read, so the reply can't be sent. */
bool payload_out_copy(struct payload *out, uint8_t *at, size_t *len);

#endif
