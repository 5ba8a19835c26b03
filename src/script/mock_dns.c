/* The mock's name server: a query against what a step expects of it, and the answer that the step gives, in octets, so that
 * what reads real answers reads this one.
 *
 *     { dns = true | { name = "example.test", type = "SOA", rd = false, tcp = false, port = 53 }, rcode = "NOERROR", aa = true,
 *       answer = { "example.test 60 SOA ns1.example.test host.example.test 2026112101 7200 900 1209600 300" } }
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dns/const.h"
#include "script/dnsmsg.h"
#include "script/mock.h"

#define TTL_MAX 2147483647u
#define RECORDS_MAX 255

/* ---- the query ---- */

struct query {
	uint8_t name[NAME_WIRE_MAX];
	size_t len; /* of the question section, in req->data behind the header */
	uint16_t type, flags;
};

/* Our own octets: script/dns.c wrote them. */
static void query_read(struct query *q, const struct script_request *req)
{
	const uint8_t *p = (const uint8_t *)req->data + DNS_HEADER_LEN;
	int n = name_check(p, req->len - DNS_HEADER_LEN);

	memset(q, 0, sizeof *q);
	if (n <= 0)
		return;
	memcpy(q->name, p, (size_t)n);
	q->type = load_u16(p + n);
	q->flags = load_u16((const uint8_t *)req->data + 2);
	q->len = (size_t)n + 4;
}

const char *mock_dns_text(const struct script_request *req, char *out, size_t cap)
{
	char name[NAME_TEXT_MAX];
	struct query q;

	query_read(&q, req);
	snprintf(out, cap, "%.120s %s", name_format(q.name, name), dns_type_text(q.type));
	return out;
}

static bool query_matches(struct mock *m, const struct script_request *req, const struct query *q)
{
	static const char *const known[] = { "name", "type", "rd", "tcp", "port", NULL };
	uint8_t name[NAME_WIRE_MAX];
	char shown[200];
	size_t len;
	const char *text;
	bool rd = (q->flags & DNS_FLAG_RD) != 0;

	mock_check_keys(m->L, lua_gettop(m->L), "dns", known);
	text = mock_text(m, "name", &len);
	if (text != NULL && name_parse(name, text, len, NULL, false) < 0)
		mock_fault(m, "\"%.100s\" is not a domain name", text);
	if (text != NULL && !name_equal(name, q->name))
		return mock_wrong(m, "the check asks for %s; the mock expects %.120s", mock_dns_text(req, shown, sizeof shown), text), false;
	text = mock_text(m, "type", &len);
	if (text != NULL && dns_type_parse(text) != q->type)
		return mock_wrong(m, "the check asks for %s; the mock expects type %.20s", mock_dns_text(req, shown, sizeof shown), text), false;
	if (mock_bool(m, "rd", rd) != rd)
		return mock_wrong(m, "the check asks %s recursion; the mock expects it the other way", rd ? "for" : "without"), false;
	if (mock_bool(m, "tcp", req->stream) != req->stream)
		return mock_wrong(m, "the check asks over %s; the mock expects it the other way", req->stream ? "TCP" : "UDP"), false;
	if (mock_integer(m, "port", req->addr.port) != req->addr.port)
		return mock_wrong(m, "the port is %u; the mock expects %d", req->addr.port, (int)mock_integer(m, "port", 0)), false;
	return true;
}

/* ---- records ---- */

/* The next word of *p, or of a text in quotes what is in it; NULL at the end. */
static const char *next_word(const char **p, size_t *len)
{
	const char *word = *p + strspn(*p, " \t"), *end;

	if (*word == '\0')
		return NULL;
	if (*word == '"') {
		end = strchr(++word, '"');
		*len = end != NULL ? (size_t)(end - word) : strlen(word);
		*p = word + *len + (end != NULL);
		return word;
	}
	*len = strcspn(word, " \t");
	*p = word + *len;
	return word;
}

static void put_name(struct mock *m, const char *word, size_t len)
{
	uint8_t name[NAME_WIRE_MAX];
	int n = name_parse(name, word, len, NULL, false);

	if (n < 0)
		mock_fault(m, "\"%.*s\" is not a domain name", (int)(len < 100 ? len : 100), word);
	bytes_add(&m->body, name, (size_t)n);
}

static uint64_t number(struct mock *m, const char *word, size_t len, uint64_t max)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++) {
		if (word[i] < '0' || word[i] > '9' || (v = v * 10 + (uint64_t)(word[i] - '0')) > max)
			mock_fault(m, "\"%.*s\" is not a number up to %llu", (int)(len < 40 ? len : 40), word, (unsigned long long)max);
	}
	return v;
}

static void put_address(struct mock *m, const char *word, size_t len, uint8_t family)
{
	struct addr a;

	if (addr_parse(&a, word, len, 0) != 0 || a.family != family || a.port != 0)
		mock_fault(m, "\"%.*s\" is not an IPv%u address", (int)(len < 60 ? len : 60), word, family);
	bytes_add(&m->body, a.ip, addr_ip_len(&a));
}

/* One item of a type's layout, as dnsmsg.h has them. */
static void put_item(struct mock *m, char item, const char *word, size_t len)
{
	if (item == 'n') {
		put_name(m, word, len);
	} else if (item == 'a' || item == 'A') {
		put_address(m, word, len, item == 'a' ? 4 : 6);
	} else if (item == '2') {
		bytes_u16(&m->body, (uint16_t)number(m, word, len, UINT16_MAX));
	} else if (item == '4') {
		bytes_u32(&m->body, (uint32_t)number(m, word, len, UINT32_MAX));
	} else {
		if (len > 255)
			mock_fault(m, "a text of more than 255 octets");
		bytes_u8(&m->body, (uint8_t)len);
		bytes_add(&m->body, word, len);
	}
}

static void put_data(struct mock *m, const char *type, uint16_t number_of_type, const char *p)
{
	const char *layout = dnsmsg_layout(number_of_type), *word;
	size_t len, at = m->body.len;

	if (layout == NULL)
		mock_fault(m, "records of type %.20s cannot be given by a mock; A AAAA NS CNAME PTR DNAME MX SRV SOA TXT can", type);
	bytes_u16(&m->body, 0);
	for (const char *item = layout; *item != '\0'; item++) {
		do {
			word = next_word(&p, &len);
			if (word == NULL)
				mock_fault(m, "too little data for a record of type %.20s", type);
			put_item(m, *item, word, len);
		} while (*item == 's' && p[strspn(p, " \t")] != '\0');
	}
	if (next_word(&p, &len) != NULL)
		mock_fault(m, "too much data for a record of type %.20s", type);
	if (!m->body.failed)
		store_u16(m->body.data + at, (uint16_t)(m->body.len - at - 2));
}

/* "NAME TTL TYPE DATA" */
static void put_record(struct mock *m, const char *p)
{
	char type[24] = "";
	const char *word;
	size_t len;
	uint64_t ttl;

	word = next_word(&p, &len);
	if (word == NULL)
		mock_fault(m, "an empty record; expected \"NAME TTL TYPE DATA\"");
	put_name(m, word, len);
	word = next_word(&p, &len);
	ttl = word != NULL ? number(m, word, len, TTL_MAX) : 0;
	word = next_word(&p, &len);
	if (word != NULL && len < sizeof type)
		memcpy(type, word, len);
	if (dns_type_parse(type) == 0)
		mock_fault(m, "no type \"%s\" is known; expected a record such as \"www.example.test 60 A 192.0.2.1\"", type);
	bytes_u16(&m->body, dns_type_parse(type));
	bytes_u16(&m->body, DNS_CLASS_IN);
	bytes_u32(&m->body, (uint32_t)ttl);
	put_data(m, type, dns_type_parse(type), p);
}

/* The list in the field key; how many records it has. */
static uint16_t put_section(struct mock *m, const char *key)
{
	int type = lua_getfield(m->L, -1, key);
	lua_Integer n = 0;

	if (type != LUA_TNIL && type != LUA_TTABLE)
		mock_fault(m, "\"%s\" must be a list of records", key);
	for (n = 0; type == LUA_TTABLE && lua_rawgeti(m->L, -1, n + 1) != LUA_TNIL; n++) {
		if (lua_type(m->L, -1) != LUA_TSTRING || n == RECORDS_MAX)
			mock_fault(m, "\"%s\" must be a list of at most %d records such as \"www.example.test 60 A 192.0.2.1\"", key, RECORDS_MAX);
		put_record(m, lua_tostring(m->L, -1));
		lua_pop(m->L, 1);
	}
	lua_pop(m->L, type == LUA_TTABLE ? 2 : 1);
	return (uint16_t)n;
}

/* ---- the answer ---- */

static uint16_t step_flags(struct mock *m)
{
	static const struct { const char *key; bool fallback; uint16_t flag; } flags[] = {
		{ "aa", true, DNS_FLAG_AA }, { "tc", false, DNS_FLAG_TC }, { "ra", false, 0x0080 }, { "ad", false, 0x0020 }
	};
	uint16_t out = DNS_FLAG_QR;
	size_t len;
	const char *text = mock_text(m, "rcode", &len);
	int rcode = text != NULL ? dns_rcode_parse(text) : 0;

	if (rcode < 0 || rcode > 15)
		mock_fault(m, "no rcode is called \"%.40s\"; expected one such as \"SERVFAIL\"", text);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		out |= mock_bool(m, flags[i].key, flags[i].fallback) ? flags[i].flag : 0;
	return (uint16_t)(out | rcode);
}

static void put_answer(struct mock *m, const struct script_request *req, const struct query *q, struct script_answer *a)
{
	uint16_t answers, authorities;

	m->body.len = 0;
	bytes_u16(&m->body, 0);
	bytes_u16(&m->body, step_flags(m));
	bytes_u16(&m->body, 1);
	bytes_u16(&m->body, 0);
	bytes_u16(&m->body, 0);
	bytes_u16(&m->body, 0);
	bytes_add(&m->body, req->data + DNS_HEADER_LEN, q->len);
	answers = put_section(m, "answer");
	authorities = put_section(m, "authority");
	if (m->body.failed || m->body.len > DNS_MESSAGE_MAX)
		mock_fault(m, "an answer of more than %d octets", DNS_MESSAGE_MAX);
	store_u16(m->body.data + 6, answers);
	store_u16(m->body.data + 8, authorities);
	a->data = (const char *)m->body.data;
	a->len = m->body.len;
}

enum mock_outcome mock_dns(struct mock *m, const struct script_request *req, struct script_answer *a)
{
	enum mock_kind kind = mock_next(m);
	struct mock_effect e;
	struct query q;
	bool ok;

	if (kind != MOCK_ANY && kind != MOCK_DNS) {
		lua_pop(m->L, kind != MOCK_KIND_NONE);
		return mock_unexpected(m, req);
	}
	query_read(&q, req);
	ok = lua_getfield(m->L, -1, "dns") != LUA_TTABLE || query_matches(m, req, &q);
	lua_pop(m->L, 1);
	if (!ok) {
		lua_pop(m->L, 1);
		return MOCK_WRONG;
	}
	put_answer(m, req, &q, a);
	e = mock_take(m);
	return mock_settle(m, req, &e, a);
}
