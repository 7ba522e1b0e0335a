/*
 * reply_list.c - linked lists in replies; see reply_list.h.
 */
#include "rpc/reply_list.h"
#include <string.h>

#define XDR_BOOL_SIZE 4

void reply_list_begin(const struct rpc_call *call, struct reply_list *list)
{
    size_t room;

    list->start = rpc_call_payload(call, 0, &room);
    /* Room for the end of the list is kept free. */
    u_int size = room > XDR_BOOL_SIZE ? (u_int)room - XDR_BOOL_SIZE : 0;
    xdrmem_create(&list->xdrs, (char *)list->start, size, XDR_ENCODE);
    list->good = 0;
}

bool reply_list_add(struct reply_list *list, bool_t (*encode)(XDR *xdrs, void *entry), void *entry)
{
    bool_t more = TRUE;

    if (!xdr_bool(&list->xdrs, &more) || !encode(&list->xdrs, entry)) {
        (void)xdr_setpos(&list->xdrs, list->good);
        return false;
    }
    list->good = xdr_getpos(&list->xdrs);
    return true;
}

void reply_list_end(struct reply_list *list, encoded_entries *out)
{
    memset(list->start + list->good, 0, XDR_BOOL_SIZE);
    out->data = list->start;
    out->len = list->good + XDR_BOOL_SIZE;
    xdr_destroy(&list->xdrs);
}

bool_t reply_list_encode(XDR *xdrs, void *results)
{
    return xdr_encoded_entries(xdrs, results);
}
