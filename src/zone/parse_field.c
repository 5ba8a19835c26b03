/* One field of rdata → wire. What names, numbers, times and strings mean is ours; encodings (base64, LOC, keys, SVCB …)
 * are ldns's, by the table below.
 *
 *     mail ─DNAME─▶ 04 'm' 'a' 'i' 'l' …       AAEC ─B64─▶ ldns_str2rdf_b64 ─▶ 00 01 02
 *
 * ldns 1.8.3 takes NUL-terminated text of any length and does not always look where it writes, so each field says how
 * much text it may be given, and what ldns would take for something else (300 for the octet 44) is refused before.
 */
#include "zone/parse.h"
#include <ldns/ldns.h>

/* ---- text for ldns ---- */

/* n tokens as one terminated text, `between` them, into p->joined. */
static const char *join(struct parse *p, const struct parse_token *t, size_t n, const char *between)
{
	p->joined.len = 0;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			bytes_add(&p->joined, between, strlen(between));
		bytes_add(&p->joined, t[i].text, t[i].len);
	}
	bytes_u8(&p->joined, 0);
	if (p->joined.failed && p->fatal == 0)
		p->fatal = ERR_NOMEM; /* a line's tokens never exceed ZONE_LINE_MAX */
	return p->joined.failed ? "" : (const char *)p->joined.data;
}

enum take { TAKE_ONE = 1, TAKE_REST /* joined without spaces */, TAKE_SPACED /* joined with them */, TAKE_THREE };

struct encoding {
	int kind;
	ldns_status (*read)(ldns_rdf **rd, const char *text);
	enum take take;
	uint32_t max; /* octets of text */
	const char *expected;
};

static const struct encoding encodings[] = {
	{ LDNS_RDF_TYPE_B64, ldns_str2rdf_b64, TAKE_REST, 87380, "base64" },
	{ LDNS_RDF_TYPE_HEX, ldns_str2rdf_hex, TAKE_REST, 131070, "hexadecimal digits in pairs" },
	{ LDNS_RDF_TYPE_CERT_ALG, ldns_str2rdf_cert_alg, TAKE_ONE, 32,
	  "a certificate type such as PKIX, or its number" },
	{ LDNS_RDF_TYPE_ALG, ldns_str2rdf_alg, TAKE_ONE, 32, "an algorithm such as ECDSAP256SHA256, or its number" },
	{ LDNS_RDF_TYPE_CERTIFICATE_USAGE, ldns_str2rdf_certificate_usage, TAKE_ONE, 32,
	  "0 to 255, or a name such as DANE-EE" },
	{ LDNS_RDF_TYPE_SELECTOR, ldns_str2rdf_selector, TAKE_ONE, 32, "0 to 255, or a name such as SPKI" },
	{ LDNS_RDF_TYPE_MATCHING_TYPE, ldns_str2rdf_matching_type, TAKE_ONE, 32,
	  "0 to 255, or a name such as SHA2-256" },
	{ LDNS_RDF_TYPE_TIME, ldns_str2rdf_time, TAKE_ONE, 14, "a time such as 20261121023100" },
	{ LDNS_RDF_TYPE_APL, ldns_str2rdf_apl, TAKE_ONE, 64, "[!]FAMILY:ADDRESS/PREFIX such as 1:192.0.2.0/24" },
	{ LDNS_RDF_TYPE_NSEC3_SALT, ldns_str2rdf_nsec3_salt, TAKE_ONE, 510, "hexadecimal digits in pairs, or -" },
	{ LDNS_RDF_TYPE_NSEC3_NEXT_OWNER, ldns_str2rdf_b32_ext, TAKE_ONE, 255, "a hash in base32hex" },
	{ LDNS_RDF_TYPE_HIP, ldns_str2rdf_hip, TAKE_THREE, 65535, "ALGORITHM TAG KEY" },
	{ LDNS_RDF_TYPE_LOC, ldns_str2rdf_loc, TAKE_SPACED, 255,
	  "a position such as 52 22 23 N 4 53 32 E 0m (RFC 1876)" },
	{ LDNS_RDF_TYPE_NSAP, ldns_str2rdf_nsap, TAKE_REST, 1024, "0x and hexadecimal digits" },
	{ LDNS_RDF_TYPE_ATMA, ldns_str2rdf_atma, TAKE_REST, 1024, "hexadecimal digits" },
	{ LDNS_RDF_TYPE_ILNP64, ldns_str2rdf_ilnp64, TAKE_ONE, 19,
	  "four groups of hexadecimal digits, such as 2001:db8:1:2" },
	{ LDNS_RDF_TYPE_EUI48, ldns_str2rdf_eui48, TAKE_ONE, 17, "six octets such as 00-00-5e-00-53-2a" },
	{ LDNS_RDF_TYPE_EUI64, ldns_str2rdf_eui64, TAKE_ONE, 23, "eight octets such as 00-00-5e-ef-10-00-00-2a" },
	{ LDNS_RDF_TYPE_TAG, ldns_str2rdf_tag, TAKE_ONE, 255, "letters and digits, such as issue" },
	{ LDNS_RDF_TYPE_SVCPARAMS, ldns_str2rdf_svcparams, TAKE_SPACED, 65535,
	  "KEY=VALUE pairs such as alpn=h2 port=443, each key once (RFC 9460)" },
};

static const struct encoding *encoding_find(int kind)
{
	for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
		if (encodings[i].kind == kind)
			return &encodings[i];
	return NULL;
}

static bool all_digits(const struct parse_token *t)
{
	for (uint32_t i = 0; i < t->len; i++)
		if (t->text[i] < '0' || t->text[i] > '9')
			return false;
	return t->len > 0;
}

/* The number behind the last `mark` (or the whole, without one), at most max? ldns would cut it to 8 or 16 bits. */
static bool number_behind(const struct parse_token *t, char mark, uint32_t max)
{
	uint32_t v = 0, i = t->len;

	while (i > 0 && t->text[i - 1] != mark)
		i--;
	if (i == t->len || t->len - i > 7)
		return false;
	for (; i < t->len; i++) {
		if (t->text[i] == '"') /* port="443" */
			continue;
		if (t->text[i] < '0' || t->text[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(t->text[i] - '0');
	}
	return v <= max;
}

#define IPV6_TEXT_MAX 45

/* The longest of the values: ldns copies an ipv6hint's addresses into room for 46 octets, and forgets the NUL. */
static uint32_t longest_value(const struct parse_token *t)
{
	uint32_t longest = 0, run = 0;

	for (uint32_t i = 0; i < t->len; i++) {
		run = t->text[i] == ',' || t->text[i] == '=' || t->text[i] == '"' ? 0 : run + 1;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static bool starts(const struct parse_token *t, const char *word)
{
	return t->len >= strlen(word) && memcmp(t->text, word, strlen(word)) == 0;
}

static bool svc_guard(const struct parse_token *t)
{
	if (starts(t, "port=") || starts(t, "key3="))
		return number_behind(t, '=', UINT16_MAX);
	if (starts(t, "ipv6hint=") || starts(t, "key6="))
		return longest_value(t) <= IPV6_TEXT_MAX;
	return !starts(t, "key0") || starts(t, "key0="); /* no leading zeros (RFC 9460 2.1), so key6 has one spelling */
}

/* Refuses what ldns would misread. */
static bool guard(int kind, const struct parse_token *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (memchr(t[i].text, '\0', t[i].len) != NULL || (kind == LDNS_RDF_TYPE_SVCPARAMS && !svc_guard(&t[i])))
			return false;
	switch (kind) {
	case LDNS_RDF_TYPE_CERT_ALG:
		return !all_digits(t) || number_behind(t, ' ', UINT16_MAX);
	case LDNS_RDF_TYPE_HIP: /* for 0 ldns looks at errno, which may be another's */
		return number_behind(t, ' ', UINT8_MAX) && !parse_is(t, "0");
	case LDNS_RDF_TYPE_APL:
		return number_behind(t, '/', memchr(t->text, '.', t->len) != NULL ? 32 : 128);
	default:
		return true;
	}
}

/* SvcParamKeys once each (RFC 9460 2.2: ascending), and an alpn that names something (7.1.1). */
static bool svc_check(const uint8_t *wire, size_t len)
{
	int last = -1;

	for (size_t at = 0; at + 4 <= len; at += 4u + load_u16(wire + at + 2)) {
		int key = load_u16(wire + at);

		if (key <= last || (key == 1 && load_u16(wire + at + 2) == 0))
			return false;
		last = key;
	}
	return true;
}

/* What ldns made, looked at once more where it lets through what is not whole. */
static bool encoded_check(int kind, const uint8_t *wire, size_t len)
{
	if (len == 0)
		return false;
	if (kind == LDNS_RDF_TYPE_SVCPARAMS)
		return svc_check(wire, len);
	/* Padding in the middle ends base32hex, but not the length that ldns wrote before. */
	return kind != LDNS_RDF_TYPE_NSEC3_NEXT_OWNER || wire[0] + 1u == len;
}

static size_t field_encoded(struct parse *p, const struct encoding *e, const char *name, const struct parse_token *t,
			    size_t n)
{
	size_t take = e->take == TAKE_ONE ? 1 : e->take == TAKE_THREE ? (n < 3 ? n : 3) : n;
	const char *text = join(p, t, take, e->take == TAKE_REST ? "" : " ");
	size_t len = p->joined.len - 1;
	struct parse_token whole = { .text = text, .len = (uint32_t)len, .line = t->line, .col = t->col };
	ldns_rdf *rdf = NULL;
	char q[PARSE_QUOTE_MAX];
	bool ok;

	if (p->fatal != 0)
		return 0;
	ok = len > 0 && len <= e->max && !(e->kind == LDNS_RDF_TYPE_HEX && len % 2 != 0) && guard(e->kind, t, take) &&
	     e->read(&rdf, text) == LDNS_STATUS_OK && rdf != NULL &&
	     encoded_check(e->kind, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
	if (ok)
		put_bytes(&p->rdata, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
	else if (len > e->max)
		parse_error(p, t, "%s: %zu octets of text; at most %u are allowed", name, len, e->max);
	else
		parse_error(p, t, "%s %s is not valid; expected %s", name, parse_quote(&whole, q), e->expected);
	ldns_rdf_deep_free(rdf);
	return ok ? take : 0;
}

/* ---- our own ---- */

static size_t field_name(struct parse *p, const char *name, const struct parse_token *t)
{
	uint8_t wire[NAME_WIRE_MAX];

	if (!parse_name(p, t, name, wire))
		return 0;
	put_bytes(&p->rdata, wire, name_len(wire));
	return 1;
}

static size_t field_uint(struct parse *p, const char *name, const struct parse_token *t, unsigned octets)
{
	uint32_t v, max = octets == 1 ? UINT8_MAX : octets == 2 ? UINT16_MAX : UINT32_MAX;

	if (!parse_uint(p, t, name, max, &v))
		return 0;
	if (octets == 1)
		put_u8(&p->rdata, (uint8_t)v);
	else if (octets == 2)
		put_u16(&p->rdata, (uint16_t)v);
	else
		put_u32(&p->rdata, v);
	return 1;
}

static size_t field_period(struct parse *p, const char *name, const struct parse_token *t)
{
	uint32_t v;

	if (!parse_ttl(p, t, name, &v))
		return 0;
	put_u32(&p->rdata, v);
	return 1;
}

/* A character-string: length octet, then at most 255 (RFC 1035 3.3). */
static size_t field_string(struct parse *p, const char *name, const struct parse_token *t)
{
	uint8_t text[256];
	size_t len;

	if (!t->quoted && memchr(t->text, '"', t->len) != NULL) {
		parse_error(p, t,
			    "%s: a quote inside the text; expected the whole of it in quotes, and \\\" for one inside",
			    name);
		return 0;
	}
	if (!parse_octets(p, t, text, sizeof text, &len))
		return 0;
	if (len > UINT8_MAX) {
		parse_error(
			p, t,
			"%s: a string of %zu octets; at most 255 are allowed, so split it into several, each in quotes",
			name, len);
		return 0;
	}
	put_u8(&p->rdata, (uint8_t)len);
	put_bytes(&p->rdata, text, len);
	return 1;
}

/* A string up to the end of the rdata, without a length octet (CAA, URI). */
static size_t field_long_string(struct parse *p, const struct parse_token *t)
{
	uint8_t *room = p->rdata.data + p->rdata.len;
	size_t len, left = p->rdata.cap - p->rdata.len;

	if (!parse_octets(p, t, room, left, &len))
		return 0;
	(void)put_room(&p->rdata, len); /* already in place */
	return 1;
}

static size_t field_type(struct parse *p, const struct parse_token *t)
{
	uint16_t type = parse_type(p, t);

	if (type == 0)
		return 0;
	put_u16(&p->rdata, type);
	return 1;
}

/* The types bitmap of NSEC, NSEC3 and CSYNC (RFC 4034 4.1.2): window, length, bits, for each window that has any. */
static size_t field_bitmap(struct parse *p, const struct parse_token *t, size_t n)
{
	uint8_t bits[256][32] = { { 0 } };

	for (size_t i = 0; i < n; i++) {
		uint16_t type = parse_type(p, &t[i]);

		if (type == 0)
			return 0;
		bits[type >> 8][(type & 255) >> 3] |= (uint8_t)(0x80 >> (type & 7));
	}
	for (unsigned w = 0; w < 256; w++) {
		unsigned len = 32;

		while (len > 0 && bits[w][len - 1] == 0)
			len--;
		if (len == 0)
			continue;
		put_u8(&p->rdata, (uint8_t)w);
		put_u8(&p->rdata, (uint8_t)len);
		put_bytes(&p->rdata, bits[w], len);
	}
	return n;
}

/* PRECEDENCE GATEWAY-TYPE ALGORITHM GATEWAY [KEY] (RFC 4025 2): ldns would take the gateway's name as absolute. */
static size_t field_ipseckey(struct parse *p, const struct parse_token *t, size_t n)
{
	static const int gateway[] = { 0, LDNS_RDF_TYPE_A, LDNS_RDF_TYPE_AAAA, LDNS_RDF_TYPE_DNAME };
	uint32_t kind;

	if (n < 4) {
		parse_error(p, &t[n - 1],
			    "IPSECKEY ends early; expected PRECEDENCE GATEWAY-TYPE ALGORITHM GATEWAY KEY");
		return 0;
	}
	if (!parse_uint(p, &t[1], "gateway type", 3, &kind) || field_uint(p, "precedence", &t[0], 1) == 0 ||
	    field_uint(p, "gateway type", &t[1], 1) == 0 || field_uint(p, "algorithm", &t[2], 1) == 0)
		return 0;
	if (kind == 0 && !parse_is(&t[3], ".")) {
		parse_error(p, &t[3], "a gateway where the gateway type is 0; expected \".\"");
		return 0;
	}
	if (kind != 0 && parse_field(p, gateway[kind], "gateway", &t[3], 1) == 0)
		return 0;
	if (n == 4)
		return n;
	return field_encoded(p, encoding_find(LDNS_RDF_TYPE_B64), "key", &t[4], n - 4) == 0 ? 0 : n;
}

/* Addresses inside other types (IPSECKEY, L32). */
static size_t field_address(struct parse *p, const char *name, const struct parse_token *t, bool v6)
{
	const struct encoding e = { v6 ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_A, v6 ? ldns_str2rdf_aaaa : ldns_str2rdf_a,
				    TAKE_ONE, 45, v6 ? "an IPv6 address" : "an IPv4 address" };

	return field_encoded(p, &e, name, t, 1);
}

size_t parse_field(struct parse *p, int kind, const char *name, const struct parse_token *t, size_t n)
{
	const struct encoding *e;
	char q[PARSE_QUOTE_MAX];

	switch (kind) {
	case LDNS_RDF_TYPE_DNAME:
		return field_name(p, name, t);
	case LDNS_RDF_TYPE_INT8:
		return field_uint(p, name, t, 1);
	case LDNS_RDF_TYPE_INT16:
		return field_uint(p, name, t, 2);
	case LDNS_RDF_TYPE_INT32:
		return field_uint(p, name, t, 4);
	case LDNS_RDF_TYPE_PERIOD:
		return field_period(p, name, t);
	case LDNS_RDF_TYPE_STR:
		return field_string(p, name, t);
	case LDNS_RDF_TYPE_LONG_STR:
		return field_long_string(p, t);
	case LDNS_RDF_TYPE_TYPE:
		return field_type(p, t);
	case LDNS_RDF_TYPE_NSEC:
		return field_bitmap(p, t, n);
	case LDNS_RDF_TYPE_IPSECKEY:
		return field_ipseckey(p, t, n);
	case LDNS_RDF_TYPE_A:
	case LDNS_RDF_TYPE_AAAA:
		return field_address(p, name, t, kind == LDNS_RDF_TYPE_AAAA);
	case LDNS_RDF_TYPE_ALG:
	case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
	case LDNS_RDF_TYPE_SELECTOR:
	case LDNS_RDF_TYPE_MATCHING_TYPE:
		if (all_digits(t)) /* ldns takes 300 for 44 */
			return field_uint(p, name, t, 1);
		break;
	default:
		break;
	}
	e = encoding_find(kind);
	if (e != NULL)
		return field_encoded(p, e, name, t, n);
	parse_error(p, t, "%s %s: no text form here; expected the whole data as \\# LENGTH HEX (RFC 3597)", name,
		    parse_quote(t, q));
	return 0;
}
