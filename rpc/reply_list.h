/*
 * reply_list.h - results that are linked lists (DUMP, EXPORT, ...), encoded entry by entry.
 *
 * An XDR list has a TRUE before each entry and a FALSE at its end. Entries are encoded straight
 * into the room of the reply, without a list in memory. Where the room is full, the list ends after
 * the last entry that fitted whole. The result structure of such a procedure is one
 * `encoded_entries` (xdr/view.h). Used by mountd/ and portmap/.
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
/* Appends an entry. Returns false, and appends nothing, where the entry does not fit. */
bool reply_list_add(struct reply_list *list, bool_t (*encode)(XDR *xdrs, void *entry), void *entry);
void reply_list_end(struct reply_list *list, encoded_entries *out);
/* The encode routine for the procedure's row. */
bool_t reply_list_encode(XDR *xdrs, void *results);

#endif
