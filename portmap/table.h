/*
 * table.h - the portmapper's table, which says where each program is, and the two notations of RFC
 * 1833: network ids and universal addresses.
 *
 * Used by the other files of portmap/ only. The table has a lock of its own.
 */
#ifndef PORTMAP_TABLE_H
#define PORTMAP_TABLE_H

#include "base/address.h"
#include "base/view.h"
#include "rpc/program.h"
#include <stdbool.h>
#include <stdint.h>

/* A transport, named as in netconfig(5). */
struct netid {
    const char *name;
    int family;   /* AF_INET, AF_INET6 */
    int protocol; /* IPPROTO_UDP, IPPROTO_TCP */
    uint32_t semantics;
    const char *family_name, *protocol_name;
};

#define NETID_COUNT 4
extern const struct netid netids[NETID_COUNT];
/* Find a transport; NULL: there is none with this name, or this family and protocol. */
const struct netid *netid_find(struct view name);
const struct netid *netid_of(int family, int protocol);

/* A universal address: "192.0.2.1.8.1" is an address followed by its port's two bytes. */
#define UADDR_MAX 64
void uaddr_format(const struct address *a, char buf[UADDR_MAX]);
bool uaddr_parse(struct view text, struct address *out);

struct portmap_entry {
    uint32_t program, version;
    const struct netid *netid;
    struct address address; /* as the server has bound it; may be the wildcard address */
    bool own;               /* an entry of this server, which no caller may change */
};

/* Adds an entry. Also true where an equal entry is there already. False: another entry is there for
 * that program, version and transport, the program is this server's own, or the table is full. */
bool portmap_table_set(const struct portmap_entry *entry);
/* Removes the entries of this version, for one transport or (NULL) for all. False: some are this
 * server's own, and stay. Also true where there were no entries: servers clean up with UNSET, and
 * rpcbind says true as well. */
bool portmap_table_unset(uint32_t program, uint32_t version, const struct netid *netid);
/* Finds an entry. Without `exact`, an entry of another version is found where there is none of this
 * version: the program itself then says which versions it has. */
bool portmap_table_find(uint32_t program, uint32_t version, const struct netid *netid, bool exact,
                        struct portmap_entry *out);
/* Calls `each` for every entry under the lock until it returns false. */
void portmap_table_walk(bool (*each)(const struct portmap_entry *entry, void *arg), void *arg);
void portmap_table_clear(void);

#endif
