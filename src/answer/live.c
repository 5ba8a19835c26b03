#include "answer/live.h"
#include <stdlib.h>

#define RECORD_MAX (2 + 10 + 16) /* pointer, fixed part, address */
#define TTL_MAX 0x7fffffffu      /* RFC 2181 8 */

/* ---- compiling ---- */

/* Enough in front for a window from any lead, and whole weights where all are 0. */
struct plan {
	size_t ip_len, record_len, records, weights_at, sticky_at, size;
	uint16_t window;
	bool even; /* all weights are 0, or the pick ignores them: every member counts 1 */
};

static int plan_make(struct plan *p, const struct answer_set *s)
{
	const bool weighted = s->pick == ANSWER_PICK_WEIGHTED, sticky = s->pick == ANSWER_PICK_STICKY;

	if ((s->type != DNS_TYPE_A && s->type != DNS_TYPE_AAAA) || s->count > ANSWER_MEMBERS_MAX)
		return ERR_RANGE;
	if (s->pick < ANSWER_PICK_ROTATE || s->pick > ANSWER_PICK_STICKY)
		return ERR_RANGE;
	p->ip_len = s->type == DNS_TYPE_A ? 4 : 16;
	p->record_len = 12 + p->ip_len;
	p->window = s->answer_n && s->answer_n < s->count ? s->answer_n : s->count;
	p->records = s->count ? (size_t)s->count + p->window - 1 : 0;
	p->even = true;
	for (unsigned i = 0; i < s->count; i++)
		p->even &= s->members[i].weight == 0;
	p->sticky_at = (sizeof(struct answer_live) + p->records * p->record_len + 7) & ~(size_t)7;
	p->weights_at = p->sticky_at + (sticky ? s->count * sizeof(struct live_sticky) : 0);
	p->size = p->weights_at + (weighted ? s->count * sizeof(uint32_t) : 0);
	return 0;
}

static void put_record(uint8_t *to, const struct answer_set *s, const struct plan *p, const uint8_t *ip)
{
	store_u16(to, 0xc000 | DNS_HEADER_LEN);
	store_u16(to + 2, s->type);
	store_u16(to + 4, DNS_CLASS_IN);
	store_u32(to + 6, s->ttl_s < TTL_MAX ? s->ttl_s : TTL_MAX);
	store_u16(to + 10, (uint16_t)p->ip_len);
	memcpy(to + 12, ip, p->ip_len);
}

static void put_weights(struct answer_live *l, const struct answer_set *s, const struct plan *p)
{
	/* No secret: both twins must send one client to one member. */
	static const struct hash_key key = { { 0x9e3779b97f4a7c15, 0xd1b54a32d192ed03 } };
	struct live_sticky *sticky = (struct live_sticky *)((uint8_t *)l + p->sticky_at);
	uint32_t *sum = (uint32_t *)(void *)((uint8_t *)l + p->weights_at), total = 0;

	for (unsigned i = 0; i < s->count; i++) {
		uint32_t weight = p->even ? 1 : s->members[i].weight;
		l->drawable = (uint16_t)(l->drawable + (weight > 0));
		total += weight;
		if (s->pick == ANSWER_PICK_WEIGHTED)
			sum[i] = total;
		if (s->pick == ANSWER_PICK_STICKY)
			sticky[i] = (struct live_sticky){ .hash = hash_bytes(&key, s->members[i].ip, p->ip_len),
				.cost = weight ? 1.0 / weight : 1e9 }; /* 1e9: after every other */
	}
}

int answer_live_new(struct answer_live **out, const struct answer_set *s)
{
	struct plan p;
	int e = plan_make(&p, s);

	if (e)
		return e;
	struct answer_live *l = calloc(1, p.size);
	if (!l)
		return ERR_NOMEM;
	l->count = s->count;
	l->window = p.window;
	l->window_len = (uint16_t)(p.window * p.record_len);
	l->in_turn = s->pick == ANSWER_PICK_ROTATE ? s->count : 0;
	l->pick = s->pick;
	l->record_len = (uint8_t)p.record_len;
	l->ttl_s = s->ttl_s;
	l->sticky_at = (uint32_t)p.sticky_at;
	l->weights_at = (uint32_t)p.weights_at;
	put_weights(l, s, &p);
	uint8_t *to = l->records;
	for (size_t i = 0; i < p.records; i++, to += p.record_len)
		put_record(to, s, &p, s->members[i % s->count].ip);
	*out = l;
	return 0;
}

void answer_live_free(struct answer_live *l)
{
	free(l);
}

/* ---- choosing ---- */

static inline uint64_t draw(uint64_t s[2])
{
	uint64_t x = s[0], y = s[1];

	s[0] = y;
	x ^= x << 23;
	s[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
	return s[1] + y;
}

static unsigned draw_below(uint64_t s[2], uint32_t bound)
{
	return (unsigned)(((draw(s) >> 32) * bound) >> 32);
}

/* The first steps of a shuffle. */
static void choose_random(struct live_choice *c, const struct answer_live *l, uint64_t rng[2])
{
	c->scattered = true;
	for (unsigned i = 0; i < l->count; i++)
		c->index[i] = (uint8_t)i;
	for (unsigned i = 0; i < c->count; i++) {
		unsigned k = i + draw_below(rng, l->count - i);
		uint8_t x = c->index[i];
		c->index[i] = c->index[k];
		c->index[k] = x;
	}
}

static unsigned draw_weighted(const struct answer_live *l, uint64_t rng[2])
{
	const uint32_t *sum = (const uint32_t *)(const void *)((const uint8_t *)l + l->weights_at);
	uint32_t x = draw_below(rng, sum[l->count - 1]);
	unsigned lo = 0, hi = l->count - 1u;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		if (sum[mid] > x)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Draws again when it meets a member already taken: that is a draw without replacement. After so many misses that heavy
 * members must have taken nearly all the weight, the others follow in order. */
static void choose_weighted(struct live_choice *c, const struct answer_live *l, uint64_t rng[2])
{
	const uint32_t *sum = (const uint32_t *)(const void *)((const uint8_t *)l + l->weights_at);
	uint64_t taken[ANSWER_MEMBERS_MAX / 64] = { 0 };
	unsigned n = 0, lead = draw_weighted(l, rng), tries = 4u * c->count;

	c->lead = lead;
	if (c->count == l->count || c->count == 1)
		return;
	c->scattered = true;
	if (c->count > l->drawable)
		c->count = l->drawable;
	for (unsigned i = lead; n < c->count && tries > 0; i = draw_weighted(l, rng), tries--) {
		if (taken[i / 64] >> (i % 64) & 1)
			continue;
		taken[i / 64] |= 1ull << (i % 64);
		c->index[n++] = (uint8_t)i;
	}
	for (unsigned k = 0; n < c->count && k < l->count; k++) {
		unsigned i = (lead + k) % l->count;
		if (!(taken[i / 64] >> (i % 64) & 1) && sum[i] > (i ? sum[i - 1] : 0))
			c->index[n++] = (uint8_t)i;
	}
}

/* -ln of h as a fraction of 2^64: ln x = 2 (s + s³/3 + s⁵/5 + …) with s = (x-1)/(x+1), x near 1. */
static double minus_log(uint64_t h)
{
	h |= 1;
	int e = __builtin_clzll(h);
	double x = (double)(h << e) / 18446744073709551616.0; /* in [1/2, 1) */
	double shift = e;
	if (x < 0.70710678118654752) {
		x *= 2;
		shift += 1;
	}
	double s = (x - 1) / (x + 1), q = s * s;
	double ln = 2 * s * (1 + q * (1 / 3.0 + q * (1 / 5.0 + q * (1 / 7.0 + q / 9.0))));
	return shift * 0.69314718055994531 - ln;
}

/* Weighted rendezvous: each member's score is -ln(hash) / weight, the lowest scores are chosen. A member that leaves
 * moves only its own clients. */
static void choose_sticky(struct live_choice *c, const struct answer_live *l, uint64_t prefix)
{
	const struct live_sticky *m = (const struct live_sticky *)((const uint8_t *)l + l->sticky_at);
	double score[ANSWER_MEMBERS_MAX];

	for (unsigned i = 0; i < l->count; i++) {
		uint64_t h = hash_mix(prefix ^ 0x8bb84b93962eacc9, m[i].hash ^ 0x4b33a62ed433d4a3);
		score[i] = minus_log(hash_mix(h ^ 0xaaaaaaaaaaaaaaab, 0x9e3779b97f4a7c15)) * m[i].cost;
	}
	bool whole = c->count == l->count;
	unsigned wanted = whole ? 1 : c->count;
	for (unsigned n = 0; n < wanted; n++) {
		unsigned best = 0;
		for (unsigned i = 1; i < l->count; i++)
			if (score[i] < score[best])
				best = i;
		c->index[n] = (uint8_t)best;
		score[best] = 1e300;
	}
	c->lead = c->index[0];
	c->scattered = !whole;
}

uint32_t live_any_turn(const struct answer_live *l, uint64_t rng[2])
{
	return l->in_turn ? draw_below(rng, l->in_turn) : 0;
}

void live_choose(struct live_choice *c, const struct answer_live *l, uint32_t *turn, uint64_t rng[2], uint64_t prefix)
{
	c->count = l->window;
	c->lead = 0;
	c->scattered = false;
	if (l->count == 1)
		return;
	switch ((enum answer_pick)l->pick) {
	case ANSWER_PICK_ROTATE:
		c->lead = live_rotate(l, turn);
		break;
	case ANSWER_PICK_RANDOM:
		choose_random(c, l, rng);
		break;
	case ANSWER_PICK_WEIGHTED:
		choose_weighted(c, l, rng);
		break;
	case ANSWER_PICK_STICKY:
		choose_sticky(c, l, prefix);
		break;
	}
}

uint64_t answer_prefix(const struct addr *client)
{
	uint64_t net = client->family == 4 ? (uint64_t)load_u32(client->ip) >> 8 : load_u64(client->ip) >> 8;

	return net | (uint64_t)client->family << 56;
}

size_t answer_sticky_order(const struct answer_set *s, const struct addr *client, uint16_t *order)
{
	struct answer_live *l;
	struct live_choice c;
	uint32_t turn = 0;
	uint64_t rng[2] = { 1, 1 };
	size_t n = 0;

	if (s->pick != ANSWER_PICK_STICKY || s->count == 0 || answer_live_new(&l, s))
		return 0;
	live_choose(&c, l, &turn, rng, answer_prefix(client));
	for (; n < c.count; n++)
		order[n] = (uint16_t)(c.scattered ? c.index[n] : (c.lead + n) % l->count);
	answer_live_free(l);
	return n;
}
