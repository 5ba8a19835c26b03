#include "app/tap_line.h"
#include <stdio.h>
#include <string.h>
#include "dns/query.h"
#include "zone/type.h"

#define FLAG_AD 0x20 /* RFC 4035, in the fourth octet of the header */
#define FLAG_CD 0x10
#define EXTENDED_AT 5 /* in an OPT: root, type, size, then the higher bits of the rcode (RFC 6891 6.1.3) */

static void text(struct logline *l, const char *key, const char *value)
{
	logline_text(l, key, value, strlen(value));
}

static void where(struct logline *l, const char *key, const struct addr *a)
{
	char host[ADDR_TEXT_MAX], out[ADDR_TEXT_MAX + 8];
	snprintf(out, sizeof out, "%s#%u", addr_format(a, false, host), a->port);
	text(l, key, out);
}

static void question(struct logline *l, const struct query *q)
{
	char name[NAME_TEXT_MAX], type[ZONE_TYPE_TEXT_MAX], class[16];
	text(l, "name", name_format(q->name, name));
	snprintf(class, sizeof class, "CLASS%u", q->qclass);
	text(l, "class", q->qclass == DNS_CLASS_IN ? "IN" : q->qclass == DNS_CLASS_CH ? "CH" : q->qclass == DNS_CLASS_ANY ? "ANY" : class);
	text(l, "type", zone_type_text(q->qtype, type));
}

static void flags(struct logline *l, const struct query *q, enum query_verdict v, const struct tap_copy *c)
{
	const bool parsed = v == QUERY_OK || v == QUERY_COOKIE;
	const struct { bool is; const char *name; } all[] = {
		{ c->query[2] & DNS_FLAG_RD >> 8, "rd" }, { c->query[3] & FLAG_AD, "ad" }, { c->query[3] & FLAG_CD, "cd" },
		{ parsed && q->has_edns && q->edns_do, "do" }, { parsed && q->options & QUERY_OPTION_COOKIE, "cookie" },
		{ parsed && q->options & QUERY_OPTION_ECS, "ecs" },
	};
	char out[64] = "";
	for (size_t i = 0, n = 0; i < sizeof all / sizeof all[0]; i++)
		if (all[i].is)
			n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", n ? "," : "", all[i].name);
	text(l, "flags", out);
	if (parsed && q->has_edns)
		logline_number(l, "bufsize", q->edns_size);
}

/* The answers with a higher rcode (BADVERS, BADCOOKIE) hold nothing but the question and the OPT. */
static unsigned rcode_of(const struct tap_copy *c, const struct query *q)
{
	const uint8_t *r = c->response;
	const size_t opt = DNS_HEADER_LEN + (load_u16(r + 4) ? q->question_len : 0u);
	const unsigned low = r[3] & 15u;
	if (load_u16(r + 6) || load_u16(r + 8) || !load_u16(r + 10) || c->record.response_len < opt + EXTENDED_AT + 1 || r[opt] != 0 ||
	    load_u16(r + opt + 1) != DNS_TYPE_OPT)
		return low;
	return (unsigned)r[opt + EXTENDED_AT] << 4 | low;
}

static void answer(struct logline *l, const struct tap_copy *c, const struct query *q)
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", NULL, NULL, "NOTAUTH",
					     [DNS_RCODE_BADVERS] = "BADVERS", [DNS_RCODE_BADCOOKIE] = "BADCOOKIE" };
	if (c->record.response_len < DNS_HEADER_LEN) {
		text(l, "rcode", "none");
		logline_number(l, "size", 0);
		return;
	}
	const unsigned rcode = rcode_of(c, q);
	char number[16];
	snprintf(number, sizeof number, "%u", rcode);
	text(l, "rcode", rcode < sizeof names / sizeof names[0] && names[rcode] ? names[rcode] : number);
	if (c->response[2] & DNS_FLAG_TC >> 8)
		text(l, "truncated", "yes");
	logline_number(l, "answers", load_u16(c->response + 6));
	logline_number(l, "size", c->record.response_len);
}

void tap_line(struct logline *l, const struct tap_copy *c)
{
	static const struct hash_key none;
	struct query q;
	q.question_len = 0;
	const bool has_head = c->record.query_len >= DNS_HEADER_LEN;
	const enum query_verdict v = has_head ? query_parse(&q, c->query, c->record.query_len, &none) : QUERY_DROP;
	text(l, "event", "query");
	where(l, "client", &c->record.client);
	where(l, "server", &c->record.server);
	text(l, "transport", c->record.tcp ? "tcp" : "udp");
	if (v == QUERY_DROP)
		q.question_len = 0;
	if (q.question_len)
		question(l, &q);
	if (has_head) {
		logline_number(l, "id", load_u16(c->query));
		flags(l, &q, v, c);
	}
	answer(l, c, &q);
	logline_number(l, "took_us", c->record.took_us);
}
