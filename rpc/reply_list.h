/*
 * reply_list.h - results that are linked lists (DUMP, EXPORT, ...), encoded entry by entry.
 *
 * XDR's lists have a TRUE before each entry and a FALSE at their end. They are encoded straight
 * into the room of the reply, without a list in memory, and end after the last whole entry where
 * the room is full. The row's result is one `encoded_entries` (xdr/view.h). Used by mountd/ and
 * the portmapper.
 *
 *     reply_list_begin(call, &list);
 *     while (... && reply_list_add(&list, xdr_entry, &entry))
 *         ...
 *     reply_list_end(&list, results);
 */
#ifndef RPC_REPLY_LIST_H
#define RPC_REPLY_LIST_H

#include "rpc/program.h"
#include "xdr/view.h"

struct reply_list {
    XDR xdrs;
    uint8_t *start;
    u_int good; /* bytes up to the end of the last whole entry */
};

void reply_list_begin(const struct rpc_call *call, struct reply_list *list);
/* Appends an entry; false, and nothing is appended, where it does not fit. */
bool reply_list_add(struct reply_list *list, bool_t (*encode)(XDR *xdrs, void *entry), void *entry);
void reply_list_end(struct reply_list *list, encoded_entries *out);
/* A row's encode routine. */
bool_t reply_list_encode(XDR *xdrs, void *results);

#endif
