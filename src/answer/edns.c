#include "answer/edns.h"
#include <string.h>

/* A question of any length, an OPT with all options, and EDE fit in what every client takes. */
_Static_assert(DNS_HEADER_LEN + NAME_WIRE_MAX + 4 + 11 + EDNS_OPTIONS_MAX + 6 <= DNS_UDP_PLAIN_MAX, "they fit");

static uint8_t *put_option(struct edns_options *o, uint16_t code, const void *data, size_t len)
{
	uint8_t *p = o->bytes + o->len;

	store_u16(p, code);
	store_u16(p + 2, (uint16_t)len);
	memcpy(p + EDNS_OPTION_HEAD_LEN, data, len);
	o->len = (uint16_t)(o->len + EDNS_OPTION_HEAD_LEN + len);
	return p + EDNS_OPTION_HEAD_LEN;
}

static void put_cookie(struct edns_options *o, const struct query *q, const struct answer_worker *w,
		       const struct answer_from *from)
{
	uint8_t cookie[COOKIE_LEN];

	o->cookie = (uint8_t)cookie_answer(cookie, w->cookies, from->client, q->cookie, q->cookie_len, w->now_s);
	put_option(o, DNS_OPTION_COOKIE, cookie, sizeof cookie);
}

static bool is_believed(const struct answer_limits *lim, const struct addr *client)
{
	const struct answer_nets *n = __atomic_load_n(&lim->subnet_from, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; n && client && i < n->count; i++)
		if (addr_block_has(&n->net[i], client))
			return true;
	return false;
}

/* As it came; the scope, which is 0 in a query, stays 0 unless a sticky pick says otherwise. */
static void put_ecs(struct edns_options *o, const struct query *q, const struct answer_limits *lim, const struct answer_from *from)
{
	o->ecs_counts = from && is_believed(lim, from->client);
	const uint8_t *at = put_option(o, DNS_OPTION_ECS, q->ecs, q->ecs_len);

	o->scope_at = (uint16_t)(at + 3 - o->bytes);
}

void edns_options_encode(struct edns_options *o, const struct query *q, const struct answer_limits *lim,
			 const struct answer_worker *w, const struct answer_from *from)
{
	o->len = o->scope_at = 0;
	o->cookie = 0;
	if (q->options & QUERY_OPTION_NSID && lim->nsid && lim->nsid_len <= ANSWER_NSID_MAX)
		put_option(o, DNS_OPTION_NSID, lim->nsid, lim->nsid_len);
	if (q->options & QUERY_OPTION_COOKIE && lim->cookies && w && w->cookies && from && from->client)
		put_cookie(o, q, w, from);
	if (q->options & QUERY_OPTION_ECS)
		put_ecs(o, q, lim, from);
	if (q->options & QUERY_OPTION_KEEPALIVE && from && from->transport == ANSWER_TCP) {
		uint8_t timeout[2]; /* RFC 7828 3.1: in tenths of a second */
		store_u16(timeout, lim->tcp_idle_ds);
		put_option(o, DNS_OPTION_KEEPALIVE, timeout, sizeof timeout);
	}
}

bool edns_ecs_prefix(const struct query *q, uint64_t *prefix, uint8_t *scope)
{
	struct addr a = { .family = 0 };

	if (!(q->options & QUERY_OPTION_ECS) || q->ecs[2] == 0) /* 0: "do not use my client's address" */
		return false;
	a.family = load_u16(q->ecs) == 1 ? 4 : 6;
	memcpy(a.ip, q->ecs + QUERY_ECS_HEAD_LEN, q->ecs_len - QUERY_ECS_HEAD_LEN);
	*prefix = answer_prefix(&a);
	*scope = a.family == 4 ? ANSWER_PREFIX_V4 : ANSWER_PREFIX_V6;
	return true;
}
