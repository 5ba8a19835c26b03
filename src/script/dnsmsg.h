/* An answer that a probed name server sent, read record by record.  Everything in it is hostile: no octet outside the
 * message is read, names stay within 255 octets, compression pointers lead backwards only (RFC 1035 4.1.4).
 *
 *     dnsmsg_begin ─▶ header and question  ─▶ dnsmsg_next … (answer, authority, additional) ─▶ 0 at the end
 *                                                └─▶ dnsmsg_text: "192.0.2.1", "10 mx.example.test", "\# 2 0a0b"
 */
#ifndef GEMEL_SCRIPT_DNSMSG_H
#define GEMEL_SCRIPT_DNSMSG_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "dns/name.h"

#define DNSMSG_TEXT_MAX 4096 /* of one record's data, NUL included; more is cut off */

enum dnsmsg_section { DNSMSG_NONE = 0, DNSMSG_ANSWER, DNSMSG_AUTHORITY, DNSMSG_ADDITIONAL };
struct dnsmsg {
	const uint8_t *wire; /* borrowed */
	size_t len, at;
	uint16_t flags;      /* of the header */
	uint16_t left[4];    /* records that are still to come, by section */
};
struct dnsmsg_record {
	enum dnsmsg_section section;
	uint8_t name[NAME_WIRE_MAX];
	uint16_t type, class;
	uint32_t ttl_s;
	size_t data_at, data_len;
};

/* Reads the header and passes over the question. ERR_FORMAT. */
int dnsmsg_begin(struct dnsmsg *m, const uint8_t *wire, size_t len) MUST_CHECK;
/* 1 = a record, 0 = the message is over; ERR_FORMAT, also for octets after the last record. */
int dnsmsg_next(struct dnsmsg *m, struct dnsmsg_record *r) MUST_CHECK;
/* The data as text: as a zone file has it for A AAAA NS CNAME PTR DNAME MX SRV SOA TXT, else as RFC 3597 has it.
 * ERR_FORMAT where it is not what its type asks for. */
int dnsmsg_text(const struct dnsmsg *m, const struct dnsmsg_record *r, char out[DNSMSG_TEXT_MAX]) MUST_CHECK;
/* What the data of a type is made of: a IPv4, A IPv6, n name, 2 and 4 integers of so many octets, s strings to the end.
 * NULL = not known. */
const char *dnsmsg_layout(uint16_t type);
/* The serial of an SOA record (RFC 1035 3.3.13). ERR_FORMAT. */
int dnsmsg_serial(const struct dnsmsg *m, const struct dnsmsg_record *r, uint32_t *serial) MUST_CHECK;

#endif
