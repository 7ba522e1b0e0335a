/*
 * table.h - what the portmapper knows: which program is where; and the two notations of
 * RFC 1833, network ids and universal addresses.
 *
 * Used by the other portmap files only. The table is guarded by a lock of its own.
 */
#ifndef PORTMAP_TABLE_H
#define PORTMAP_TABLE_H

#include "base/address.h"
#include "base/view.h"
#include "rpc/program.h"
#include <stdbool.h>
#include <stdint.h>

/* A transport by the name netconfig(5) gives it. */
struct netid {
    const char *name;
    int family;   /* AF_INET, AF_INET6 */
    int protocol; /* IPPROTO_UDP, IPPROTO_TCP */
    uint32_t semantics;
    const char *family_name, *protocol_name;
};

#define NETID_COUNT 4
extern const struct netid netids[NETID_COUNT];
/* NULL for any other. */
const struct netid *netid_find(struct view name);
const struct netid *netid_of(int family, int protocol);

/* "192.0.2.1.8.1": an address with its port's two bytes. */
#define UADDR_MAX 64
void uaddr_format(const struct address *a, char buf[UADDR_MAX]);
bool uaddr_parse(struct view text, struct address *out);

struct portmap_entry {
    uint32_t program, version;
    const struct netid *netid;
    struct address address; /* as bound, possibly the wildcard */
    bool own;               /* one of this server's: nobody else may change it */
};

/* Adds an entry; true as well where the very same is there. False: another is there, or the program
 * is our own, or there are too many. */
bool portmap_table_set(const struct portmap_entry *entry);
/* Removes the entries of this version, of one transport or (NULL) of all. False: some are our own,
 * and stay. That there were none is no failure, to rpcbind neither: servers clean up with it. */
bool portmap_table_unset(uint32_t program, uint32_t version, const struct netid *netid);
/* Where there is no entry of this version, one of another version will do unless `exact`: the
 * program itself then says which versions it has. */
bool portmap_table_find(uint32_t program, uint32_t version, const struct netid *netid, bool exact,
                        struct portmap_entry *out);
/* Calls `each` for every entry under the lock until it returns false. */
void portmap_table_walk(bool (*each)(const struct portmap_entry *entry, void *arg), void *arg);
void portmap_table_clear(void);

#endif
