/* The decision: tally the members by family and tier, choose the serving tiers, fill the answers.
 *
 *     cell           tier 0       tier 1
 *     A              1 of 2 up    1 of 1 up       need 2: serving[0] = -1; need 1: serving[0] = 0
 *     AAAA           0 of 1 up    –               serving[1] = -1: NODATA beside a live A
 */
#include <string.h>
#include "policy/view.h"

const char *policy_rule_text(enum policy_rule r)
{
	static const char text[][20] = {
		[POLICY_RULE_NONE] = "none",
		[POLICY_RULE_TIER] = "tier",
		[POLICY_RULE_FIRST] = "all_down first",
		[POLICY_RULE_ALL] = "all_down all",
		[POLICY_RULE_LAST] = "all_down last",
		[POLICY_RULE_EMPTY] = "all_down none",
		[POLICY_RULE_LIST] = "all_down list",
		[POLICY_RULE_OTHER_FAMILY] = "other family lives",
		[POLICY_RULE_ABSENT] = "no such member",
		[POLICY_RULE_WAIT] = "first round",
	};
	return text[(unsigned)r <= POLICY_RULE_WAIT ? (unsigned)r : POLICY_RULE_NONE];
}

/* ---- what is there ---- */

static int tiers(const struct policy_view *v)
{
	return v->s->tier_count < POLICY_TIERS_MAX ? v->s->tier_count : POLICY_TIERS_MAX;
}

static uint32_t weight_pct(const struct policy_view *v, uint16_t i)
{
	return v->in[i].weight_pct < 100 ? v->in[i].weight_pct : 100;
}

/* With nobody up a tier never serves, so no need is below 1. */
static void view_needs(struct policy_view *v)
{
	for (int f = 0; f < 2; f++) {
		for (int t = 0; t < tiers(v); t++) {
			struct policy_tally *c = &v->why.tally[f][t];
			unsigned need = v->s->need;

			if (need == 0)
				need = (v->s->need_pct * (unsigned)c->counted + 99) / 100;
			c->need = need ? (uint16_t)need : 1;
			/* The load is whole, so what is cut off here decides nothing. */
			c->carry = (uint32_t)(v->carry_pct[f][t] / 100);
		}
	}
}

static void count_member(struct policy_view *v, uint16_t i)
{
	int f = policy_view_family(v, i), tier = v->s->members[i].tier % POLICY_TIERS_MAX;
	struct policy_tally *c = &v->why.tally[f][tier];

	v->present[f] = true;
	c->there++;
	if (!policy_view_drained(v, i))
		c->counted++;
	if (!policy_view_out(v, i))
		c->left++;
	if (!policy_view_up(v, i))
		return;
	c->up++;
	v->carry_pct[f][tier] += (uint64_t)v->s->members[i].capacity * weight_pct(v, i);
}

static void view_init(struct policy_view *v, const struct policy_service *s, const struct policy_input *in,
		      const struct policy_held held[2])
{
	memset(v, 0, sizeof *v);
	v->s = s;
	v->in = in;
	v->serving[0] = v->serving[1] = -1;
	v->why.soonest[0] = v->why.soonest[1] = (struct policy_soonest){ POLICY_NO_MEMBER, UINT32_MAX };
	for (int f = 0; f < 2; f++)
		v->held[f] = held ? held[s->couple ? 0 : f] : (struct policy_held){ .tier = -1 };
	for (uint16_t i = 0; i < s->member_count; i++) {
		count_member(v, i);
		if (in[i].waiting && policy_view_free(v, i))
			v->waiting = true;
	}
	view_needs(v);
}

bool policy_tally_enough(const struct policy_service *s, const struct policy_tally *t)
{
	return t->up >= t->need && t->carry >= s->load;
}

static bool has_enough(const struct policy_view *v, int f, int tier)
{
	return policy_tally_enough(v->s, &v->why.tally[f][tier]);
}

/* Coupled: has every family with members in the tier enough? */
static bool is_complete(const struct policy_view *v, int tier)
{
	bool any = false;

	for (int f = 0; f < 2; f++) {
		if (v->why.tally[f][tier].there == 0)
			continue;
		if (!has_enough(v, f, tier))
			return false;
		any = true;
	}
	return any;
}

/* Of the tiers that can serve, a set of bits: the held one while it can, unless a better one is ripe; else the first. */
static void choose(struct policy_view *v, int f, uint32_t able)
{
	const struct policy_held *h = &v->held[f];
	uint32_t may = able;

	if (h->tier >= 0 && h->tier < POLICY_TIERS_MAX && able >> h->tier & 1)
		may &= h->ripe | 1u << h->tier;
	if (may == 0)
		return;
	v->serving[f] = (int8_t)__builtin_ctz(may);
	v->better[f] = able & ((1u << v->serving[f]) - 1);
}

static void choose_together(struct policy_view *v)
{
	uint32_t whole = 0, half = 0;

	for (int t = 0; t < tiers(v); t++) {
		whole |= is_complete(v, t) ? 1u << t : 0;
		half |= has_enough(v, 0, t) || has_enough(v, 1, t) ? 1u << t : 0;
	}
	/* No tier has both families: half of one is better than all_down beside living members. */
	v->why.complete = whole != 0;
	for (int f = 0; f < 2; f++)
		choose(v, f, whole ? whole : half);
}

static void choose_apart(struct policy_view *v)
{
	for (int f = 0; f < 2; f++) {
		uint32_t able = 0;

		for (int t = 0; t < tiers(v); t++)
			able |= has_enough(v, f, t) ? 1u << t : 0;
		choose(v, f, able);
	}
}

/* ---- filling answers ---- */

static void begin(const struct policy_view *v, struct policy_answer *a, enum policy_rule rule, int tier)
{
	a->rule = (uint8_t)rule;
	a->tier = (int8_t)tier;
	a->ready = rule != POLICY_RULE_WAIT;
	a->ttl_s = v->s->ttl_min_s;
	a->better = 0;
	a->count = 0;
}

static void fill_serving(const struct policy_view *v, int f, struct policy_answer *a)
{
	for (uint16_t i = 0; i < v->s->member_count; i++)
		if (policy_view_family(v, i) == f && v->s->members[i].tier == a->tier && policy_view_up(v, i))
			a->member[a->count++] = i;
}

/* The first tier with anybody left; in a coupled service one tier for both. */
static int first_tier(const struct policy_view *v, int f)
{
	for (int t = 0; t < tiers(v); t++)
		if (v->why.tally[f][t].left > 0 || (v->s->couple && v->why.tally[!f][t].left > 0))
			return t;
	return -1;
}

static void fill_first(const struct policy_view *v, int f, struct policy_answer *a)
{
	begin(v, a, POLICY_RULE_FIRST, first_tier(v, f));
	for (uint16_t i = 0; i < v->s->member_count; i++)
		if (policy_view_family(v, i) == f && v->s->members[i].tier == a->tier && !policy_view_out(v, i))
			a->member[a->count++] = i;
}

static bool is_listed(const struct policy_view *v, const struct policy_answer *a, uint16_t i)
{
	for (uint16_t k = 0; k < a->count; k++)
		if (addr_same_ip(&v->s->members[a->member[k]].addr, &v->s->members[i].addr))
			return true;
	return false;
}

/* An address may stand in several tiers, but an RRset holds it once (RFC 2181 5). */
static void fill_all(const struct policy_view *v, int f, struct policy_answer *a)
{
	begin(v, a, POLICY_RULE_ALL, -1);
	for (uint16_t i = 0; i < v->s->member_count; i++)
		if (policy_view_family(v, i) == f && !policy_view_out(v, i) && !is_listed(v, a, i))
			a->member[a->count++] = i;
}

static void fill_last(const struct policy_view *v, int f, const struct policy_answer *last, struct policy_answer *a)
{
	begin(v, a, POLICY_RULE_LAST, -1);
	if (!last || !policy_keeps_last(&last[f]))
		return;
	a->tier = last[f].tier;
	for (uint16_t k = 0; k < last[f].count; k++) {
		uint16_t i = last[f].member[k];

		if (i < v->s->member_count && policy_view_family(v, i) == f && !policy_view_out(v, i))
			a->member[a->count++] = i;
	}
}

static bool is_out(const struct policy_view *v, const struct addr *addr)
{
	for (uint16_t i = 0; i < v->s->member_count; i++)
		if (policy_view_out(v, i) && addr_same_ip(&v->s->members[i].addr, addr))
			return true;
	return false;
}

static void fill_list(const struct policy_view *v, int f, struct policy_answer *a)
{
	begin(v, a, POLICY_RULE_LIST, -1);
	for (uint16_t k = 0; k < v->s->fallback_count; k++)
		if ((v->s->fallback[k].family == 6) == f && !is_out(v, &v->s->fallback[k]))
			a->member[a->count++] = k;
}

static void fill_all_down(const struct policy_view *v, int f, const struct policy_answer *last, struct policy_answer *a)
{
	switch ((enum policy_all_down)v->s->all_down) {
	case POLICY_ALL_DOWN_ALL:
		fill_all(v, f, a);
		return;
	case POLICY_ALL_DOWN_LAST:
		fill_last(v, f, last, a);
		return;
	case POLICY_ALL_DOWN_NONE:
		begin(v, a, POLICY_RULE_EMPTY, -1);
		return;
	case POLICY_ALL_DOWN_LIST:
		fill_list(v, f, a);
		return;
	case POLICY_ALL_DOWN_FIRST:
		break;
	}
	fill_first(v, f, a);
}

/* ---- weights ---- */

static uint32_t start_pct(const struct policy_view *v, uint16_t i)
{
	return v->in[i].start_pct > 0 && v->in[i].start_pct < 100 ? v->in[i].start_pct : 100;
}

/* A hundredth of a weight is the unit, so that 50% of weight 1 is less than weight 1. */
static uint64_t scaled(const struct policy_view *v, uint16_t i, uint32_t most)
{
	return ((uint64_t)v->s->members[i].weight * weight_pct(v, i) * start_pct(v, i) + most / 2) / most;
}

/* Shares of a slow start are reckoned against the largest: one that answers alone, or a whole tier that comes back at
 * once, gains nothing by growing, and is not published for it. */
static uint32_t most_started(const struct policy_view *v, const struct policy_answer *a)
{
	uint32_t most = 1;

	for (uint16_t k = 0; k < a->count; k++)
		most = start_pct(v, a->member[k]) > most ? start_pct(v, a->member[k]) : most;
	return most;
}

static void fill_weights(const struct policy_view *v, struct policy_answer *a)
{
	uint64_t top = UINT16_MAX;
	uint32_t most;

	if (!a->weight)
		return;
	if (!policy_weighs(v->s) || a->rule == POLICY_RULE_LIST) {
		for (uint16_t k = 0; k < a->count; k++)
			a->weight[k] = 1;
		return;
	}
	most = most_started(v, a);
	for (uint16_t k = 0; k < a->count; k++)
		if (scaled(v, a->member[k], most) > top)
			top = scaled(v, a->member[k], most);
	for (uint16_t k = 0; k < a->count; k++) {
		uint16_t w = (uint16_t)(scaled(v, a->member[k], most) * UINT16_MAX / top);

		a->weight[k] = w == 0 && v->s->members[a->member[k]].weight > 0 ? 1 : w;
	}
}

/* ---- the decision ---- */

static void decide_living(struct policy_view *v, struct policy_answer out[2])
{
	for (int f = 0; f < 2; f++) {
		if (!v->present[f])
			continue;
		if (v->serving[f] >= 0 && has_enough(v, f, v->serving[f])) {
			begin(v, &out[f], POLICY_RULE_TIER, v->serving[f]);
			fill_serving(v, f, &out[f]);
		} else {
			begin(v, &out[f], POLICY_RULE_OTHER_FAMILY, v->serving[f]);
		}
		out[f].better = v->better[f];
		out[f].ttl_s = policy_view_ttl(v, f, (enum policy_rule)out[f].rule);
	}
}

static void decide_all_down(struct policy_view *v, const struct policy_answer *last, struct policy_answer out[2])
{
	uint16_t total = 0;

	for (int f = 0; f < 2; f++) {
		if (!v->present[f])
			continue;
		fill_all_down(v, f, last, &out[f]);
		total = (uint16_t)(total + out[f].count);
	}
	for (int f = 0; f < 2; f++) {
		if (!v->present[f])
			continue;
		/* Nothing left of the last good set: apart a family alone falls back, coupled both do or none. */
		if (out[f].rule == POLICY_RULE_LAST && (v->s->couple ? total : out[f].count) == 0)
			fill_first(v, f, &out[f]);
		if (out[f].count > 0)
			out[f].ttl_s = policy_view_ttl(v, f, (enum policy_rule)out[f].rule);
	}
}

static void decide(struct policy_view *v, const struct policy_answer last[2], struct policy_answer out[2])
{
	for (int f = 0; f < 2; f++) {
		begin(v, &out[f], v->present[f] ? POLICY_RULE_WAIT : POLICY_RULE_ABSENT, -1);
		if (!v->present[f])
			out[f].ttl_s = policy_view_ttl(v, f, POLICY_RULE_ABSENT);
	}
	if (v->waiting)
		return;
	if (v->s->couple)
		choose_together(v);
	else
		choose_apart(v);
	if (v->serving[0] >= 0 || v->serving[1] >= 0)
		decide_living(v, out);
	else
		decide_all_down(v, last, out);
	for (int f = 0; f < 2; f++)
		fill_weights(v, &out[f]);
}

void policy_decide(const struct policy_service *s, const struct policy_input *in, const struct policy_answer last[2],
		   struct policy_answer out[2])
{
	policy_decide_held(s, in, NULL, last, out);
}

void policy_decide_held(const struct policy_service *s, const struct policy_input *in, const struct policy_held held[2],
			const struct policy_answer last[2], struct policy_answer out[2])
{
	struct policy_view v;

	view_init(&v, s, in, held);
	decide(&v, last, out);
}

void policy_decide_why(const struct policy_service *s, const struct policy_input *in, const struct policy_held held[2],
		       const struct policy_answer last[2], struct policy_answer out[2], struct policy_why *why)
{
	struct policy_view v;

	view_init(&v, s, in, held);
	decide(&v, last, out);
	*why = v.why;
}

bool policy_keeps_last(const struct policy_answer *a)
{
	return a->rule == POLICY_RULE_TIER || (a->rule == POLICY_RULE_OTHER_FAMILY && a->tier >= 0);
}

bool policy_answer_equal(const struct policy_answer *a, const struct policy_answer *b)
{
	size_t size = a->count * sizeof *a->member;

	if (a->rule != b->rule || a->tier != b->tier || a->ready != b->ready)
		return false;
	if (a->ttl_s != b->ttl_s || a->count != b->count)
		return false;
	if (a->count == 0)
		return true;
	if (memcmp(a->member, b->member, size) != 0)
		return false;
	return !a->weight || !b->weight || memcmp(a->weight, b->weight, size) == 0;
}
