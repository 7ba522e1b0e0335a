/*
 * address.h - IP socket addresses: text, comparison, ports.
 *
 * address_normalize() turns IPv4-mapped IPv6 addresses into IPv4 ones, so that a client has one
 * address, whether it came in by an IPv4 or by an IPv6 socket. Used by net/, rpc/, exports/,
 * mountd/, nfsd/.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    };
};

/* Large enough for "[ipv6%scope]:port" and a NUL. */
#define ADDRESS_TEXT_MAX 80

void address_normalize(struct address *a);
socklen_t address_len(const struct address *a);
uint16_t address_port(const struct address *a); /* host byte order */
void address_set_port(struct address *a, uint16_t port);
/* Whether both addresses are of one host; ports are not compared. */
bool address_same_host(const struct address *a, const struct address *b);
bool address_is_loopback(const struct address *a);
/* The address' bytes in network order; *len becomes 4 or 16. Borrowed from `a`. */
const uint8_t *address_bytes(const struct address *a, size_t *len);
/* "192.0.2.1" or "[2001:db8::1]", with ":port" appended where `with_port`. Returns buf. */
const char *address_format(const struct address *a, bool with_port, char buf[ADDRESS_TEXT_MAX]);
/* Reads a numeric "ADDR", "ADDR:PORT", "[ADDR6]", "[ADDR6]:PORT" or a bare IPv6 address. EINVAL:
 * the text is none of these. */
int address_parse(const char *text, uint16_t default_port, struct address *out);
/* Whether an address is one of this host's own: loopback, or on one of its interfaces. The list of
 * interfaces is kept for a few seconds, then read again. */
bool address_is_own(const struct address *a);

#endif
