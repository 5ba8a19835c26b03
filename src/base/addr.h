/* IPv4 and IPv6 addresses with an optional port, and their text forms:
 *     192.0.2.1   192.0.2.1:53   2001:db8::1   [2001:db8::1]:53   0.0.0.0:53   [::]:53
 */
#ifndef GEMEL_BASE_ADDR_H
#define GEMEL_BASE_ADDR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct addr {
	uint8_t family; /* 0 = unset, 4, 6 */
	uint8_t ip[16]; /* network order; the first 4 octets for family 4, the rest zero */
	uint16_t port;  /* 0 = none given */
};

#define ADDR_TEXT_MAX 56 /* "[…]:65535" and NUL */

/* Parses all len bytes of text; default_port where none is given. A leading zero in an IPv4 octet, a zone
 * index or a port of 0 is ERR_FORMAT. */
int addr_parse(struct addr *a, const char *text, size_t len, uint16_t default_port) MUST_CHECK;
/* Writes the text form (RFC 5952), with the port when it is not 0 and with_port is true; "-" when unset.
 * Returns out. */
char *addr_format(const struct addr *a, bool with_port, char out[ADDR_TEXT_MAX]);
/* Whether text reads as if a port had been written behind an IPv6 address without the brackets it needs: what stands before the last
 * colon is an address by itself, and what stands behind it a port. *meant is that address with that port.
 *
 *     ::1:5301   2001:db8::1:53   2001:db8:0:0:0:0:0:1:53      yes; the first two are addresses too, which is why they need a word
 *     2001:db8::5301   fe80::1:2   2001:db8::1:beef            no
 *
 * Where the text is an address too, ports are those that people write and few groups look like: of four decimal digits, or a service's
 * that is often asked for here (53, 80, 443, 853). "[…]" without a port says that none is meant. */
bool addr_lacks_brackets(const char *text, size_t len, struct addr *meant);
bool addr_same_ip(const struct addr *a, const struct addr *b);
bool addr_equal(const struct addr *a, const struct addr *b); /* port too */
/* Orders by family, ip, port: <0, 0, >0. */
int addr_compare(const struct addr *a, const struct addr *b);
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
static inline size_t addr_ip_len(const struct addr *a) { return a->family == 4 ? 4 : a->family == 6 ? 16 : 0; }

/* An address block such as 192.0.2.0/24; a bare address is a block of one. */
struct addr_block {
	struct addr base;
	uint8_t prefix_len;
};
/* Host bits are cleared, so that two spellings of a block are equal; a port or brackets are ERR_FORMAT. */
int addr_block_parse(struct addr_block *b, const char *text, size_t len) MUST_CHECK;
bool addr_block_has(const struct addr_block *b, const struct addr *a);

#endif
