#include "answer/rate.h"
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "dns/const.h"

#define WAYS 4 /* accounts of 16 octets: a cache line */
#define LINE 64u
#define NS_PER_MS 1000000u
#define CREDIT_NS 1000000000u /* a second's worth may come at once */
#define ODD 0x9e3779b97f4a7c15u

struct account { /* all zero: full credit, as good as none */
	uint64_t due_ns;
	uint32_t tag;
	uint32_t limited; /* responses, for slip */
};
struct block4 { uint32_t mask, base; };
struct block6 { uint64_t mask[2], base[2]; };

struct rate {
	struct hash_key key;
	uint64_t cost_ns, window_ns;
	uint64_t set_mask;
	struct account *sets; /* in room, on a cache line */
	uint32_t slip;
	uint16_t exempt4_count, exempt6_count;
	struct block4 exempt4[RATE_EXEMPT_MAX];
	struct block6 exempt6[RATE_EXEMPT_MAX];
	struct rate_watched watched[RATE_WATCHED_MAX]; /* net 0 = free */
	void *room;
};

static uint64_t ones(unsigned n)
{
	return n == 0 ? 0 : n >= 64 ? UINT64_MAX : UINT64_MAX << (64 - n);
}

static void add_exempt(struct rate *r, const struct addr_block *b)
{
	unsigned n = b->prefix_len;

	if (b->base.family == 4) {
		r->exempt4[r->exempt4_count++] = (struct block4){ (uint32_t)(ones(n) >> 32), load_u32(b->base.ip) };
	} else if (b->base.family == 6) {
		struct block6 *x = &r->exempt6[r->exempt6_count++];
		x->mask[0] = ones(n);
		x->mask[1] = ones(n > 64 ? n - 64 : 0);
		x->base[0] = load_u64(b->base.ip);
		x->base[1] = load_u64(b->base.ip + 8);
	}
}

static size_t sets_for(uint32_t accounts)
{
	size_t sets = 1;

	while (sets * WAYS < accounts)
		sets *= 2;
	return sets;
}

struct rate *rate_new(const struct rate_limits *l, const struct hash_key *key)
{
	struct rate *r = calloc(1, sizeof *r);
	size_t sets = sets_for(l->accounts);

	if (!r)
		return NULL;
	r->room = calloc(sets + 1, LINE);
	if (!r->room) {
		free(r);
		return NULL;
	}
	r->sets = (struct account *)(void *)((char *)r->room + (LINE - (uintptr_t)r->room % LINE) % LINE);
	r->set_mask = sets - 1;
	r->key = *key;
	r->cost_ns = CREDIT_NS / (l->per_s ? l->per_s : 1);
	r->window_ns = (uint64_t)l->window_ms * NS_PER_MS;
	r->slip = l->slip;
	for (unsigned i = 0; i < l->exempt_count && i < RATE_EXEMPT_MAX; i++)
		add_exempt(r, &l->exempt[i]);
	return r;
}

void rate_free(struct rate *r)
{
	if (!r)
		return;
	free(r->room);
	free(r);
}

enum rate_class rate_class_of(const uint8_t *m)
{
	const unsigned flags = load_u16(m + 2), rcode = flags & 15;

	if (rcode == DNS_RCODE_NXDOMAIN)
		return RATE_NXDOMAIN;
	if (rcode != DNS_RCODE_NOERROR)
		return RATE_ERROR;
	if (load_u16(m + 6) || (flags & DNS_FLAG_TC))
		return RATE_ANSWER;
	return !(flags & DNS_FLAG_AA) && load_u16(m + 8) ? RATE_REFERRAL : RATE_NODATA;
}

bool rate_is_exempt(const struct rate *r, const struct addr *client)
{
	if (client->family == 4) {
		uint32_t ip = load_u32(client->ip);
		for (unsigned i = 0; i < r->exempt4_count; i++)
			if ((ip & r->exempt4[i].mask) == r->exempt4[i].base)
				return true;
		return false;
	}
	uint64_t hi = load_u64(client->ip), lo = load_u64(client->ip + 8);
	for (unsigned i = 0; i < r->exempt6_count; i++) {
		const struct block6 *x = &r->exempt6[i];
		if ((hi & x->mask[0]) == x->base[0] && (lo & x->mask[1]) == x->base[1])
			return true;
	}
	return false;
}

static struct account *account_of(struct rate *r, uint64_t h)
{
	struct account *set = &r->sets[(h & r->set_mask) * WAYS], *least = set;
	const uint32_t tag = (uint32_t)(h >> 32);
	unsigned found = 0; /* a bit a way: which one it is cannot be predicted, so it is not branched on */

	for (unsigned i = 0; i < WAYS; i++)
		found |= (unsigned)(set[i].tag == tag) << i;
	if (__builtin_expect(found != 0, 1))
		return &set[__builtin_ctz(found)];
	for (unsigned i = 1; i < WAYS; i++)
		if (set[i].due_ns < least->due_ns)
			least = &set[i];
	*least = (struct account){ .tag = tag };
	return least;
}

/* Its owner takes places, whoever takes the counts gives them back: what is counted in between for a network that seemed
 * quiet is lost to people's eyes, no more. */
static enum rate_verdict watch(struct rate *r, uint64_t net, enum rate_verdict v)
{
	struct rate_watched *place = NULL;

	for (unsigned i = 0; i < RATE_WATCHED_MAX; i++) {
		const uint64_t there = __atomic_load_n(&r->watched[i].net, __ATOMIC_RELAXED);
		if (there == net) {
			place = &r->watched[i];
			break;
		}
		if (!there && !place)
			place = &r->watched[i];
	}
	if (!place)
		return v;
	if (__atomic_load_n(&place->net, __ATOMIC_RELAXED) != net) {
		__atomic_store_n(&place->dropped, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&place->slipped, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&place->net, net, __ATOMIC_RELEASE);
	}
	__atomic_fetch_add(v == RATE_SLIP ? &place->slipped : &place->dropped, 1, __ATOMIC_RELAXED);
	return v;
}

size_t rate_take_watched(struct rate *r, struct rate_watched out[RATE_WATCHED_MAX])
{
	size_t count = 0;

	for (unsigned i = 0; i < RATE_WATCHED_MAX; i++) {
		struct rate_watched *w = &r->watched[i], taken = { .net = __atomic_load_n(&w->net, __ATOMIC_ACQUIRE) };
		if (!taken.net)
			continue;
		taken.dropped = __atomic_exchange_n(&w->dropped, 0, __ATOMIC_RELAXED);
		taken.slipped = __atomic_exchange_n(&w->slipped, 0, __ATOMIC_RELAXED);
		if (taken.dropped || taken.slipped)
			out[count++] = taken;
		else
			__atomic_store_n(&w->net, 0, __ATOMIC_RELAXED);
	}
	return count;
}

enum rate_verdict rate_judge(struct rate *r, uint64_t net, enum rate_class c, uint64_t now_ms)
{
	/* The family's octet leaves its upper bits free for the class. */
	uint64_t h = hash_mix((net | (uint64_t)c << 60) ^ r->key.k[0], r->key.k[1] | 1);
	struct account *a = account_of(r, hash_mix(h ^ r->key.k[1], ODD));
	/* Time is counted from a second before the clock's zero, so that full credit is never before it. */
	const uint64_t full_ns = now_ms * NS_PER_MS, now_ns = full_ns + CREDIT_NS;
	uint64_t due = (a->due_ns > full_ns ? a->due_ns : full_ns) + r->cost_ns;

	if (due <= now_ns) {
		a->due_ns = due;
		return RATE_PASS;
	}
	a->due_ns = due < now_ns + r->window_ns ? due : now_ns + r->window_ns;
	if (c == RATE_ERROR || !r->slip)
		return watch(r, net, RATE_DROP);
	return watch(r, net, ++a->limited % r->slip == 0 ? RATE_SLIP : RATE_DROP);
}
