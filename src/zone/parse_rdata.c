/* The rdata of one record, field by field as ldns describes its type; A and AAAA, which are most of all, go straight.
 *
 *     MX      10          mail         ─▶ 00 0a  04 'm' 'a' 'i' 'l' …
 *     ldns:   INT16       DNAME
 *     people: preference  exchange
 *
 *     TYPE731 \# 3 0a0b0c              ─▶ 0a 0b 0c   (RFC 3597 5)
 */
#include "zone/parse.h"
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/addr.h"
#include "zone/type.h"

/* ---- what people call the fields ---- */

struct names {
	uint16_t type;
	const char *fields; /* parted by ", " */
};

static const struct names field_names[] = {
	{ LDNS_RR_TYPE_A, "address" },
	{ LDNS_RR_TYPE_AAAA, "address" },
	{ LDNS_RR_TYPE_AFSDB, "subtype, host" },
	{ LDNS_RR_TYPE_APL, "prefix" },
	{ LDNS_RR_TYPE_CAA, "flags, tag, value" },
	{ LDNS_RR_TYPE_CDNSKEY, "flags, protocol, algorithm, key" },
	{ LDNS_RR_TYPE_CDS, "key tag, algorithm, digest type, digest" },
	{ LDNS_RR_TYPE_CERT, "certificate type, key tag, algorithm, certificate" },
	{ LDNS_RR_TYPE_CNAME, "target" },
	{ LDNS_RR_TYPE_CSYNC, "serial, flags, types" },
	{ LDNS_RR_TYPE_DNAME, "target" },
	{ LDNS_RR_TYPE_DNSKEY, "flags, protocol, algorithm, key" },
	{ LDNS_RR_TYPE_DS, "key tag, algorithm, digest type, digest" },
	{ LDNS_RR_TYPE_EUI48, "address" },
	{ LDNS_RR_TYPE_EUI64, "address" },
	{ LDNS_RR_TYPE_HINFO, "machine, system" },
	{ LDNS_RR_TYPE_HIP, "identity, server" },
	{ LDNS_RR_TYPE_HTTPS, "priority, target, parameters" },
	{ LDNS_RR_TYPE_IPSECKEY, "gateway and key" },
	{ LDNS_RR_TYPE_KX, "preference, exchanger" },
	{ LDNS_RR_TYPE_L32, "preference, locator" },
	{ LDNS_RR_TYPE_L64, "preference, locator" },
	{ LDNS_RR_TYPE_LOC, "position" },
	{ LDNS_RR_TYPE_LP, "preference, name" },
	{ LDNS_RR_TYPE_MX, "preference, exchange" },
	{ LDNS_RR_TYPE_NAPTR, "order, preference, flags, services, expression, replacement" },
	{ LDNS_RR_TYPE_NID, "preference, node" },
	{ LDNS_RR_TYPE_NS, "server" },
	{ LDNS_RR_TYPE_NSEC, "next name, types" },
	{ LDNS_RR_TYPE_NSEC3, "hash algorithm, flags, iterations, salt, next hash, types" },
	{ LDNS_RR_TYPE_NSEC3PARAM, "hash algorithm, flags, iterations, salt" },
	{ LDNS_RR_TYPE_OPENPGPKEY, "key" },
	{ LDNS_RR_TYPE_PTR, "target" },
	{ LDNS_RR_TYPE_RP, "mailbox, text name" },
	{ LDNS_RR_TYPE_RRSIG,
	  "type covered, algorithm, labels, original TTL, expiration, inception, key tag, signer, signature" },
	{ LDNS_RR_TYPE_SMIMEA, "usage, selector, matching type, data" },
	{ LDNS_RR_TYPE_SOA, "primary server, mailbox, serial, refresh, retry, expiry, minimum" },
	{ LDNS_RR_TYPE_SPF, "text" },
	{ LDNS_RR_TYPE_SRV, "priority, weight, port, target" },
	{ LDNS_RR_TYPE_SSHFP, "algorithm, fingerprint type, fingerprint" },
	{ LDNS_RR_TYPE_SVCB, "priority, target, parameters" },
	{ LDNS_RR_TYPE_TLSA, "usage, selector, matching type, data" },
	{ LDNS_RR_TYPE_TXT, "text" },
	{ LDNS_RR_TYPE_URI, "priority, weight, target" },
	{ LDNS_RR_TYPE_ZONEMD, "serial, scheme, hash algorithm, digest" },
};

#define FIELD_NAME_MAX 32

static const char *names_find(uint16_t type)
{
	for (size_t i = 0; i < sizeof field_names / sizeof *field_names; i++)
		if (field_names[i].type == type)
			return field_names[i].fields;
	return NULL;
}

/* "refresh" for the fourth field of SOA, "field 4" for what has no name here. */
static const char *name_of(uint16_t type, size_t field, char out[FIELD_NAME_MAX])
{
	const char *at = names_find(type);

	for (size_t i = 0; at != NULL && i < field; i++) {
		const char *comma = strchr(at, ',');

		at = comma != NULL ? comma + 2 : NULL;
	}
	if (at != NULL)
		snprintf(out, FIELD_NAME_MAX, "%.*s", (int)strcspn(at, ","), at);
	else
		snprintf(out, FIELD_NAME_MAX, "field %zu", field + 1);
	return out;
}

/* "7 fields: primary server, mailbox, …" */
static const char *names_all(uint16_t type, size_t min, char out[160])
{
	const char *names = names_find(type);

	snprintf(out, 160, "%zu field%s%s%s", min, min == 1 ? "" : "s", names != NULL ? ": " : "",
		 names != NULL ? names : "");
	return out;
}

/* ---- RFC 3597 ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hex digits in any grouping into p->rdata; false after a fault. */
static bool hex_read(struct parse *p, const struct parse_token *t, size_t n)
{
	int high = -1;

	for (size_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < t[i].len; k++) {
			int v = hex_digit(t[i].text[k]);
			char q[PARSE_QUOTE_MAX];

			if (v < 0) {
				parse_error(p, &t[i], "%s is not hexadecimal; expected pairs of 0-9 and a-f",
					    parse_quote(&t[i], q));
				return false;
			}
			if (high >= 0)
				put_u8(&p->rdata, (uint8_t)(high << 4 | v));
			high = high >= 0 ? -1 : v;
		}
	if (high >= 0)
		parse_error(p, &t[n - 1],
			    "half an octet at the end of the data; expected an even number of hexadecimal digits");
	return high < 0;
}

/* Octets given for a type that ldns knows must be what that type holds: answers are made from the names in them. ldns
 * reads them as a message would be, so what it writes back differs exactly where a compression pointer stood. */
static bool wire_is_type(uint16_t type, const uint8_t *wire, size_t len)
{
	const ldns_rr_descriptor *desc = ldns_rr_descript(type);
	size_t min = ldns_rr_descriptor_minimum(desc);
	ldns_rr *rr;
	ldns_buffer *back = NULL;
	uint8_t *framed;
	size_t pos = 0;
	bool same = false;

	if (desc == NULL || ldns_rr_descriptor_field_type(desc, 0) == LDNS_RDF_TYPE_UNKNOWN)
		return true;
	/* The text at the end of CAA and URI may be empty, and then ldns counts no field. */
	min -= ldns_rr_descriptor_field_type(desc, min - 1) == LDNS_RDF_TYPE_LONG_STR;
	rr = ldns_rr_new();
	framed = malloc(len + 2);
	if (rr != NULL && framed != NULL) {
		store_u16(framed, (uint16_t)len);
		memcpy(framed + 2, wire, len);
		ldns_rr_set_type(rr, type);
		if (ldns_wire2rdf(rr, framed, len + 2, &pos) == LDNS_STATUS_OK && pos == len + 2 &&
		    ldns_rr_rd_count(rr) >= min)
			back = ldns_buffer_new(len + 2);
	}
	if (back != NULL)
		same = ldns_rr_rdata2buffer_wire(back, rr) == LDNS_STATUS_OK && ldns_buffer_position(back) == len &&
		       memcmp(ldns_buffer_begin(back), wire, len) == 0;
	ldns_buffer_free(back);
	ldns_rr_free(rr);
	free(framed);
	return same;
}

/* \# LENGTH HEX… */
static bool generic_read(struct parse *p, const struct parse_token *t, size_t n)
{
	uint32_t len;
	char type[ZONE_TYPE_TEXT_MAX];

	if (n < 2) {
		parse_error(p, t, "the length is missing after \\#; expected \\# LENGTH HEX");
		return false;
	}
	if (!parse_uint(p, &t[1], "the length", UINT16_MAX, &len) || !hex_read(p, t + 2, n - 2))
		return false;
	if (p->rdata.failed || p->rdata.len != len) {
		parse_error(p, &t[1], "\\# says %u octets and brings %zu%s; expected both alike", len, p->rdata.len,
			    p->rdata.failed ? " or more" : "");
		return false;
	}
	if (!wire_is_type(p->type, p->rdata.data, p->rdata.len)) {
		parse_error(p, t, "the octets after \\# are no %s; expected its fields in wire form",
			    zone_type_text(p->type, type));
		return false;
	}
	return true;
}

/* ---- fields ---- */

/* Letters that no hexadecimal number has, and a dot: somebody aliased with an address record. */
static bool looks_like_a_name(const struct parse_token *t)
{
	bool letter = false;

	for (uint32_t i = 0; i < t->len; i++)
		letter |= (t->text[i] | 32) > 'f' && (t->text[i] | 32) <= 'z';
	return letter && memchr(t->text, '.', t->len) != NULL && memchr(t->text, ':', t->len) == NULL;
}

static bool address_read(struct parse *p, const struct parse_token *t, uint8_t family)
{
	struct addr a;
	char q[PARSE_QUOTE_MAX];

	if (memchr(t->text, '[', t->len) == NULL && addr_parse(&a, t->text, t->len, 0) == 0 && a.port == 0) {
		if (a.family == family) {
			put_bytes(&p->rdata, a.ip, addr_ip_len(&a));
			return true;
		}
		parse_error(p, t, "%s is an IPv%d address; expected IPv%d; did you mean %s", parse_quote(t, q),
			    a.family, family, family == 4 ? "AAAA" : "A");
		return false;
	}
	parse_error(p, t, "%s is no IPv%d address; expected one such as %s%s", parse_quote(t, q), family,
		    family == 4 ? "192.0.2.1" : "2001:db8::1", looks_like_a_name(t) ? "; did you mean CNAME" : "");
	return false;
}

static bool fields_leftover(struct parse *p, uint16_t type, size_t min, const struct parse_token *t)
{
	char q[PARSE_QUOTE_MAX], all[160], name[ZONE_TYPE_TEXT_MAX];

	parse_error(p, t, "%s: %s is left over; expected %s", zone_type_text(type, name), parse_quote(t, q),
		    names_all(type, min, all));
	return false;
}

static bool fields_missing(struct parse *p, uint16_t type, size_t field, size_t min, const struct parse_token *t)
{
	char name[FIELD_NAME_MAX], all[160], text[ZONE_TYPE_TEXT_MAX];

	parse_error(p, t, "%s: the %s is missing; expected %s", zone_type_text(type, text), name_of(type, field, name),
		    names_all(type, min, all));
	return false;
}

static bool fields_read(struct parse *p, uint16_t type, const struct parse_token *t, size_t n,
			const struct parse_token *before)
{
	const ldns_rr_descriptor *desc = ldns_rr_descript(type);
	size_t min = ldns_rr_descriptor_minimum(desc), max = ldns_rr_descriptor_maximum(desc), at = 0;
	char text[ZONE_TYPE_TEXT_MAX];

	if (desc == NULL || desc->_name == NULL || type == LDNS_RR_TYPE_WKS || /* its text form needs /etc/services */
	    ldns_rr_descriptor_field_type(desc, 0) == LDNS_RDF_TYPE_UNKNOWN) {
		parse_error(p, n > 0 ? t : before, "%s has no text form here; expected \\# LENGTH HEX (RFC 3597)",
			    zone_type_text(type, text));
		return false;
	}
	for (size_t field = 0; field < max; field++) {
		char name[FIELD_NAME_MAX];
		size_t taken;

		if (at >= n && field < min)
			return fields_missing(p, type, field, min, at > 0 ? &t[at - 1] : before);
		if (at >= n)
			return true;
		taken = parse_field(p, (int)ldns_rr_descriptor_field_type(desc, field), name_of(type, field, name),
				    t + at, n - at);
		if (taken == 0)
			return false;
		at += taken;
	}
	return at == n || fields_leftover(p, type, min, &t[at]);
}

bool parse_rdata(struct parse *p, uint16_t type, const struct parse_token *t, size_t n,
		 const struct parse_token *before)
{
	bool ok;
	char text[ZONE_TYPE_TEXT_MAX];

	wbuf_init(&p->rdata, p->rdata_room, sizeof p->rdata_room);
	if (n > 0 && parse_is(t, "\\#"))
		return generic_read(p, t, n);
	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		if (n == 0)
			return fields_missing(p, type, 0, 1, before);
		ok = address_read(p, t, type == DNS_TYPE_A ? 4 : 6) && (n == 1 || fields_leftover(p, type, 1, &t[1]));
	} else {
		ok = fields_read(p, type, t, n, before);
	}
	if (ok && p->rdata.failed) {
		parse_error(p, before, "%s: more than %d octets of data; expected fewer", zone_type_text(type, text),
			    UINT16_MAX);
		return false;
	}
	return ok;
}
