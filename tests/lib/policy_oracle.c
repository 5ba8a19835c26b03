#include <string.h>
#include "lib/policy_oracle.h"

static int size(member_set x)
{
	return __builtin_popcount(x);
}

void policy_oracle_see(struct policy_oracle *w, const struct policy_service *s, const struct policy_input *in,
		      const struct policy_held *held, const struct policy_answer *last)
{
	*w = (struct policy_oracle){ .s = s, .in = in, .last = last, .held = held };
	for (int i = 0; i < s->member_count; i++) {
		member_set me = 1u << i;
		enum health_verdict believed = in[i].state;

		if (believed == HEALTH_VERDICT_UNKNOWN)
			believed = s->initial_up ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN;
		w->family[s->members[i].addr.family == 6] |= me;
		w->tier[s->members[i].tier] |= me;
		switch ((enum policy_force)in[i].force) {
		case POLICY_FORCE_UP:
			w->up |= me;
			break;
		case POLICY_FORCE_DOWN:
			w->out |= me;
			w->drained |= s->members[i].drain ? me : 0;
			break;
		case POLICY_FORCE_DRAIN:
			w->drained |= me;
			w->out |= me;
			break;
		case POLICY_FORCE_NONE:
			if (s->members[i].drain) {
				w->drained |= me;
				w->out |= me;
				break;
			}
			w->mine |= me;
			w->up |= believed == HEALTH_VERDICT_UP ? me : 0;
			w->waits = w->waits || in[i].waiting;
		}
	}
}

static bool enough(const struct policy_oracle *w, member_set group)
{
	int up = size(group & w->up);
	unsigned carried = 0; /* hundredths */

	for (int i = 0; i < w->s->member_count; i++)
		carried += (group & w->up) >> i & 1 ? w->s->members[i].capacity * w->in[i].weight_pct : 0;
	if (up == 0 || carried < 100 * w->s->load)
		return false;
	return w->s->need ? up >= w->s->need : up * 100 >= w->s->need_pct * size(group & ~w->drained);
}

static member_set cell(const struct policy_oracle *w, int f, int t)
{
	return w->family[f] & w->tier[t];
}

static bool whole(const struct policy_oracle *w, int t)
{
	for (int f = 0; f < 2; f++)
		if (cell(w, f, t) != 0 && !enough(w, cell(w, f, t)))
			return false;
	return w->tier[t] != 0;
}

/* Could tier t serve family f? A coupled service's tiers without both families only count where none has both. */
static bool able(const struct policy_oracle *w, int f, int t)
{
	if (!w->s->couple)
		return enough(w, cell(w, f, t));
	for (int k = 0; k < w->s->tier_count; k++)
		if (whole(w, k))
			return whole(w, t);
	return enough(w, cell(w, 0, t)) || enough(w, cell(w, 1, t));
}

static const struct policy_held *held_of(const struct policy_oracle *w, int f)
{
	return &w->held[w->s->couple ? 0 : f];
}

/* The tier that serves family f, or -1. */
int policy_oracle_serving(const struct policy_oracle *w, int f)
{
	const struct policy_held *h = held_of(w, f);
	bool holds = h->tier >= 0 && h->tier < w->s->tier_count && able(w, f, h->tier);

	for (int t = 0; t < w->s->tier_count; t++)
		if (able(w, f, t) && (!holds || t == h->tier || (h->ripe >> t & 1)))
			return t;
	return -1;
}

uint32_t policy_oracle_better(const struct policy_oracle *w, int f, int tier)
{
	uint32_t x = 0;

	for (int t = 0; t < tier; t++)
		x |= able(w, f, t) ? 1u << t : 0;
	return x;
}

/* What else a better tier waits for before it takes over from the one that serves. */
static uint64_t patience(const struct policy_oracle *w, int f, int t)
{
	const struct policy_held *h = held_of(w, f);
	int now = policy_oracle_serving(w, f);
	uint64_t ms = w->s->failback_ms == POLICY_FAILBACK_MANUAL ? UINT64_MAX / 2 : w->s->failback_ms;

	if (now < 0 || t >= now || now != h->tier || (h->ripe >> t & 1))
		return 0;
	return w->s->couple && !whole(w, now) ? 0 : ms;
}

static struct policy_opinion first_of(const struct policy_oracle *w, int f)
{
	for (int t = 0; t < w->s->tier_count; t++)
		if (((w->s->couple ? w->tier[t] : cell(w, f, t)) & ~w->out) != 0)
			return (struct policy_opinion){ POLICY_RULE_FIRST, t, cell(w, f, t) & ~w->out };
	return (struct policy_opinion){ POLICY_RULE_FIRST, -1, 0 };
}

static member_set remembered(const struct policy_oracle *w, int f)
{
	member_set x = 0;

	if (w->last[f].rule != POLICY_RULE_NONE)
		for (int k = 0; k < w->last[f].count; k++)
			x |= 1u << w->last[f].member[k];
	return x & ~w->out;
}

static bool same_place(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static member_set once(const struct policy_oracle *w, member_set x)
{
	for (int i = 0; i < w->s->member_count; i++)
		for (int k = 0; k < i; k++)
			if ((x >> i & 1) && (x >> k & 1) && same_place(&w->s->members[i].addr, &w->s->members[k].addr))
				x &= ~(1u << i);
	return x;
}

static member_set list_of(const struct policy_oracle *w, int f)
{
	member_set x = 0;

	for (int k = 0; k < w->s->fallback_count; k++) {
		const struct addr *a = &w->s->fallback[k];
		bool shunned = a->family != (f ? 6 : 4);

		for (int i = 0; i < w->s->member_count; i++)
			if ((w->out >> i & 1) && same_place(&w->s->members[i].addr, a))
				shunned = true;
		x |= shunned ? 0 : 1u << k;
	}
	return x;
}

static struct policy_opinion nobody_serves(const struct policy_oracle *w, int f)
{
	member_set mine = remembered(w, f);

	switch ((enum policy_all_down)w->s->all_down) {
	case POLICY_ALL_DOWN_ALL:
		return (struct policy_opinion){ POLICY_RULE_ALL, -1, once(w, w->family[f] & ~w->out) };
	case POLICY_ALL_DOWN_NONE:
		return (struct policy_opinion){ POLICY_RULE_EMPTY, -1, 0 };
	case POLICY_ALL_DOWN_LIST:
		return (struct policy_opinion){ POLICY_RULE_LIST, -1, list_of(w, f) };
	case POLICY_ALL_DOWN_LAST:
		/* A family without members has nothing to remember that could count. */
		if (mine != 0 || (w->s->couple && w->family[!f] != 0 && remembered(w, !f) != 0))
			return (struct policy_opinion){ POLICY_RULE_LAST, w->last[f].rule ? w->last[f].tier : -1, mine };
		break;
	case POLICY_ALL_DOWN_FIRST:
		break;
	}
	return first_of(w, f);
}

struct policy_opinion policy_oracle_judge(const struct policy_oracle *w, int f)
{
	int mine = policy_oracle_serving(w, f);

	if (w->family[f] == 0)
		return (struct policy_opinion){ POLICY_RULE_ABSENT, -1, 0 };
	if (w->waits)
		return (struct policy_opinion){ POLICY_RULE_WAIT, -1, 0 };
	if (mine >= 0 && enough(w, cell(w, f, mine)))
		return (struct policy_opinion){ POLICY_RULE_TIER, mine, cell(w, f, mine) & w->up };
	if (mine >= 0 || policy_oracle_serving(w, !f) >= 0)
		return (struct policy_opinion){ POLICY_RULE_OTHER_FAMILY, mine, 0 };
	return nobody_serves(w, f);
}

/* Members whose flip leads, or may help to lead, to another answer of family f. */
static member_set movers(const struct policy_oracle *w, int f, const struct policy_opinion *v)
{
	member_set own = v->tier >= 0 ? w->tier[v->tier] : 0, better = 0, down = w->mine & ~w->up;

	for (int t = 0; t < v->tier; t++)
		better |= w->tier[t];
	if (v->tier >= 0 && held_of(w, f)->tier >= 0 && held_of(w, f)->tier < POLICY_ORACLE_TIERS)
		own |= w->tier[held_of(w, f)->tier];
	if (v->rule == POLICY_RULE_ABSENT)
		return 0;
	if (v->rule != POLICY_RULE_TIER && v->rule != POLICY_RULE_OTHER_FAMILY)
		return down;
	if (w->s->couple)
		return w->mine & (own | (down & (whole(w, v->tier) ? better : ~0u)));
	if (v->rule == POLICY_RULE_TIER)
		return w->mine & w->family[f] & (own | (down & better));
	return (down & w->family[f]) | (w->mine & w->up & w->family[!f]);
}

uint32_t policy_oracle_in_ttl(const struct policy_service *s, uint32_t ms)
{
	uint64_t ttl = ms == UINT32_MAX ? UINT64_MAX : ((uint64_t)ms + 999) / 1000;

	ttl = ttl == 0 ? 1 : ttl;
	ttl = ttl > s->ttl_max_s ? s->ttl_max_s : ttl;
	return (uint32_t)(ttl < s->ttl_min_s ? s->ttl_min_s : ttl);
}

uint32_t policy_oracle_ttl(const struct policy_oracle *w, int f, const struct policy_opinion *v)
{
	uint64_t ms = UINT32_MAX;
	member_set x = movers(w, f, v);

	if (v->rule == POLICY_RULE_WAIT)
		return w->s->ttl_min_s;
	if (v->rule >= POLICY_RULE_FIRST && v->rule <= POLICY_RULE_LIST && v->members == 0)
		return w->s->ttl_min_s;
	if (v->rule != POLICY_RULE_ABSENT && policy_oracle_better(w, f, policy_oracle_serving(w, f)) && w->s->failback_ms < ms)
		ms = w->s->failback_ms;
	for (int i = 0; i < w->s->member_count; i++)
		if ((x >> i & 1) && w->in[i].flip_ms + patience(w, f, w->s->members[i].tier) < ms)
			ms = w->in[i].flip_ms + patience(w, f, w->s->members[i].tier);
	return policy_oracle_in_ttl(w->s, (uint32_t)ms);
}
