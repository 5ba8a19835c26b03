/* policy_decide against the rules said a second time, with sets as bit masks, slowly and without tallies.  The TTL is
 * also judged by its meaning: no single member that flips before it may change the answer.
 *
 *     POLICY_SEED=N tests/unit/policy_random_test        another run; case k of seed N is the same everywhere
 */
#include <check.h>
#include <inttypes.h>
#include "base/rng.h"
#include "policy_dsl.h"

#define CASES 100000
#define SEED 1976
#define MEMBERS 10
#define TIERS 4
typedef uint32_t set; /* bit i: member i, or address i of the fallback list */

struct world {
	const struct policy_service *s;
	const struct policy_input *in;
	const struct policy_answer *last;
	const struct policy_held *held;
	set family[2], tier[TIERS], drained, out, up, mine; /* mine: asked for their health */
	bool waits;
};
struct verdict {
	uint8_t rule;
	int tier;
	set members;
};

static int size(set x)
{
	return __builtin_popcount(x);
}

static void world_see(struct world *w, const struct policy_service *s, const struct policy_input *in,
		      const struct policy_held *held, const struct policy_answer *last)
{
	*w = (struct world){ .s = s, .in = in, .last = last, .held = held };
	for (int i = 0; i < s->member_count; i++) {
		set me = 1u << i;
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

static bool enough(const struct world *w, set group)
{
	int up = size(group & w->up);
	unsigned carried = 0; /* hundredths */

	for (int i = 0; i < w->s->member_count; i++)
		carried += (group & w->up) >> i & 1 ? w->s->members[i].capacity * w->in[i].weight_pct : 0;
	if (up == 0 || carried < 100 * w->s->load)
		return false;
	return w->s->need ? up >= w->s->need : up * 100 >= w->s->need_pct * size(group & ~w->drained);
}

static set cell(const struct world *w, int f, int t)
{
	return w->family[f] & w->tier[t];
}

static bool whole(const struct world *w, int t)
{
	for (int f = 0; f < 2; f++)
		if (cell(w, f, t) != 0 && !enough(w, cell(w, f, t)))
			return false;
	return w->tier[t] != 0;
}

/* Could tier t serve family f? A coupled service's tiers without both families only count where none has both. */
static bool able(const struct world *w, int f, int t)
{
	if (!w->s->couple)
		return enough(w, cell(w, f, t));
	for (int k = 0; k < w->s->tier_count; k++)
		if (whole(w, k))
			return whole(w, t);
	return enough(w, cell(w, 0, t)) || enough(w, cell(w, 1, t));
}

static const struct policy_held *held_of(const struct world *w, int f)
{
	return &w->held[w->s->couple ? 0 : f];
}

/* The tier that serves family f, or -1. */
static int serving(const struct world *w, int f)
{
	const struct policy_held *h = held_of(w, f);
	bool holds = h->tier >= 0 && h->tier < w->s->tier_count && able(w, f, h->tier);

	for (int t = 0; t < w->s->tier_count; t++)
		if (able(w, f, t) && (!holds || t == h->tier || (h->ripe >> t & 1)))
			return t;
	return -1;
}

static uint32_t better_than(const struct world *w, int f, int tier)
{
	uint32_t x = 0;

	for (int t = 0; t < tier; t++)
		x |= able(w, f, t) ? 1u << t : 0;
	return x;
}

/* What else a better tier waits for before it takes over from the one that serves. */
static uint64_t patience(const struct world *w, int f, int t)
{
	const struct policy_held *h = held_of(w, f);
	int now = serving(w, f);
	uint64_t ms = w->s->failback_ms == POLICY_FAILBACK_MANUAL ? UINT64_MAX / 2 : w->s->failback_ms;

	if (now < 0 || t >= now || now != h->tier || (h->ripe >> t & 1))
		return 0;
	return w->s->couple && !whole(w, now) ? 0 : ms;
}

static struct verdict first_of(const struct world *w, int f)
{
	for (int t = 0; t < w->s->tier_count; t++)
		if (((w->s->couple ? w->tier[t] : cell(w, f, t)) & ~w->out) != 0)
			return (struct verdict){ POLICY_RULE_FIRST, t, cell(w, f, t) & ~w->out };
	return (struct verdict){ POLICY_RULE_FIRST, -1, 0 };
}

static set remembered(const struct world *w, int f)
{
	set x = 0;

	if (w->last[f].rule != POLICY_RULE_NONE)
		for (int k = 0; k < w->last[f].count; k++)
			x |= 1u << w->last[f].member[k];
	return x & ~w->out;
}

static bool same_place(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static set once(const struct world *w, set x)
{
	for (int i = 0; i < w->s->member_count; i++)
		for (int k = 0; k < i; k++)
			if ((x >> i & 1) && (x >> k & 1) && same_place(&w->s->members[i].addr, &w->s->members[k].addr))
				x &= ~(1u << i);
	return x;
}

static set list_of(const struct world *w, int f)
{
	set x = 0;

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

static struct verdict nobody_serves(const struct world *w, int f)
{
	set mine = remembered(w, f);

	switch ((enum policy_all_down)w->s->all_down) {
	case POLICY_ALL_DOWN_ALL:
		return (struct verdict){ POLICY_RULE_ALL, -1, once(w, w->family[f] & ~w->out) };
	case POLICY_ALL_DOWN_NONE:
		return (struct verdict){ POLICY_RULE_EMPTY, -1, 0 };
	case POLICY_ALL_DOWN_LIST:
		return (struct verdict){ POLICY_RULE_LIST, -1, list_of(w, f) };
	case POLICY_ALL_DOWN_LAST:
		/* A family without members has nothing to remember that could count. */
		if (mine != 0 || (w->s->couple && w->family[!f] != 0 && remembered(w, !f) != 0))
			return (struct verdict){ POLICY_RULE_LAST, w->last[f].rule ? w->last[f].tier : -1, mine };
		break;
	case POLICY_ALL_DOWN_FIRST:
		break;
	}
	return first_of(w, f);
}

static struct verdict judge(const struct world *w, int f)
{
	int mine = serving(w, f);

	if (w->family[f] == 0)
		return (struct verdict){ POLICY_RULE_ABSENT, -1, 0 };
	if (w->waits)
		return (struct verdict){ POLICY_RULE_WAIT, -1, 0 };
	if (mine >= 0 && enough(w, cell(w, f, mine)))
		return (struct verdict){ POLICY_RULE_TIER, mine, cell(w, f, mine) & w->up };
	if (mine >= 0 || serving(w, !f) >= 0)
		return (struct verdict){ POLICY_RULE_OTHER_FAMILY, mine, 0 };
	return nobody_serves(w, f);
}

/* Members whose flip leads, or may help to lead, to another answer of family f. */
static set movers(const struct world *w, int f, const struct verdict *v)
{
	set own = v->tier >= 0 ? w->tier[v->tier] : 0, better = 0, down = w->mine & ~w->up;

	for (int t = 0; t < v->tier; t++)
		better |= w->tier[t];
	if (v->tier >= 0 && held_of(w, f)->tier >= 0 && held_of(w, f)->tier < TIERS)
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

static uint32_t in_ttl(const struct policy_service *s, uint32_t ms)
{
	uint64_t ttl = ms == UINT32_MAX ? UINT64_MAX : ((uint64_t)ms + 999) / 1000;

	ttl = ttl == 0 ? 1 : ttl;
	ttl = ttl > s->ttl_max_s ? s->ttl_max_s : ttl;
	return (uint32_t)(ttl < s->ttl_min_s ? s->ttl_min_s : ttl);
}

static uint32_t ttl_of(const struct world *w, int f, const struct verdict *v)
{
	uint64_t ms = UINT32_MAX;
	set x = movers(w, f, v);

	if (v->rule == POLICY_RULE_WAIT)
		return w->s->ttl_min_s;
	if (v->rule >= POLICY_RULE_FIRST && v->rule <= POLICY_RULE_LIST && v->members == 0)
		return w->s->ttl_min_s;
	if (v->rule != POLICY_RULE_ABSENT && better_than(w, f, serving(w, f)) && w->s->failback_ms < ms)
		ms = w->s->failback_ms;
	for (int i = 0; i < w->s->member_count; i++)
		if ((x >> i & 1) && w->in[i].flip_ms + patience(w, f, w->s->members[i].tier) < ms)
			ms = w->in[i].flip_ms + patience(w, f, w->s->members[i].tier);
	return in_ttl(w->s, (uint32_t)ms);
}

/* ---- random services ---- */
static bool chance(struct rng *r, unsigned percent)
{
	return rng_below(r, 100) < percent;
}

static void random_members(struct dsl *d, struct rng *r)
{
	static const uint32_t flips[] = { 0, 900, 12000, 15001, 20000, 45000, 400000, UINT32_MAX };
	unsigned health = (unsigned)rng_below(r, 101), meddling = (unsigned)rng_below(r, 60);
	unsigned waiting = chance(r, 10) ? 20 : 0;
	char only = "46xx"[rng_below(r, 4)];

	d->s.member_count = (uint16_t)rng_below(r, MEMBERS + 1);
	for (uint16_t i = 0; i < d->s.member_count; i++) {
		char family = only != 'x' ? only : chance(r, 50) ? '4' : '6';

		d->name[i] = (char)('a' + i);
		d->member[i] = (struct policy_member){ .tier = (uint8_t)rng_below(r, d->s.tier_count), .weight = 1 };
		/* Some addresses stand twice. */
		d->member[i].addr = dsl_addr(family, chance(r, 10) ? 'a' : d->name[i]);
		d->member[i].drain = chance(r, meddling / 4);
		d->in[i].state = chance(r, 15) ? HEALTH_VERDICT_UNKNOWN :
				 chance(r, health) ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN;
		d->in[i].force = chance(r, meddling) ? (uint8_t)rng_below(r, 4) : POLICY_FORCE_NONE;
		d->in[i].flip_ms = flips[rng_below(r, 8)];
		d->in[i].waiting = chance(r, waiting);
		d->in[i].weight_pct = chance(r, 70) ? 100 : (uint8_t)rng_below(r, 101);
		d->in[i].start_pct = chance(r, 80) ? 0 : (uint8_t)rng_below(r, 101);
		d->member[i].capacity = (uint32_t)rng_below(r, 4);
	}
}

static void random_last(struct dsl *d, struct rng *r)
{
	for (int f = 0; f < 2; f++) {
		struct policy_answer *a = &d->last[f];

		if (chance(r, 30))
			continue;
		a->rule = chance(r, 80) ? POLICY_RULE_TIER : POLICY_RULE_OTHER_FAMILY;
		a->tier = (int8_t)rng_below(r, d->s.tier_count);
		for (uint16_t i = 0; i < d->s.member_count && a->rule == POLICY_RULE_TIER; i++)
			if ((d->member[i].addr.family == 6) == f && chance(r, 40))
				a->member[a->count++] = i;
	}
}

static void random_held(struct dsl *d, struct rng *r)
{
	static const uint32_t delays[] = { 0, 5000, 40000, POLICY_FAILBACK_MANUAL };

	d->s.failback_ms = delays[rng_below(r, 4)];
	for (int f = 0; f < 2; f++) {
		d->held[f].tier = (int8_t)((int)rng_below(r, TIERS + 1) - 1); /* some that are no more */
		d->held[f].ripe = chance(r, 40) ? (uint32_t)rng_below(r, 16) : 0;
	}
}

static void random_service(struct dsl *d, struct rng *r)
{
	dsl_init(d, "");
	d->s.tier_count = (uint8_t)(1 + rng_below(r, TIERS));
	d->s.need = (uint16_t)rng_below(r, 4);
	d->s.need_pct = (uint8_t)(d->s.need ? 0 : rng_below(r, 101));
	d->s.all_down = (uint8_t)(1 + rng_below(r, 5));
	d->s.load = chance(r, 70) ? 0 : (uint32_t)rng_below(r, 6);
	d->s.couple = chance(r, 50);
	d->s.initial_up = chance(r, 50);
	d->s.ttl_min_s = (uint32_t)rng_below(r, 20);
	d->s.ttl_max_s = d->s.ttl_min_s + (uint32_t)rng_below(r, 300);
	random_members(d, r);
	random_last(d, r);
	random_held(d, r);
	for (uint64_t k = rng_below(r, 4); k > 0; k--) {
		char name = (char)('a' + rng_below(r, 14));

		d->fallback_name[d->s.fallback_count] = name;
		d->fallback[d->s.fallback_count++] = dsl_addr(chance(r, 50) ? '4' : '6', name);
	}
}

/* ---- judging ---- */
static const char *story(const struct dsl *d, char out[1024])
{
	size_t n = (size_t)sprintf(out, "need %u/%u%% load %u all_down %u%s%s ttl %u-%u tiers %u:", d->s.need,
				   d->s.need_pct, d->s.load, d->s.all_down, d->s.couple ? " couple" : "", d->s.initial_up ? "" : " initial down",
				   d->s.ttl_min_s, d->s.ttl_max_s, d->s.tier_count);

	n += (size_t)sprintf(out + n, " failback %u held %d/%x %d/%x", d->s.failback_ms, d->held[0].tier,
			     d->held[0].ripe, d->held[1].tier, d->held[1].ripe);

	for (uint16_t i = 0; i < d->s.member_count; i++)
		n += (size_t)sprintf(out + n, " %u%c=%u%%%u%c%s%s%s@%u|%u", d->member[i].addr.family, d->name[i],
				     d->member[i].capacity, d->in[i].weight_pct, "?UD"[d->in[i].state], d->member[i].drain ? "!" : "",
				     &"\0\0+\0-\0~"[2 * d->in[i].force], d->in[i].waiting ? "W" : "",
				     d->in[i].flip_ms, d->member[i].tier);
	return out;
}

static struct verdict verdict_of(const struct policy_answer *a)
{
	struct verdict v = { a->rule, a->tier, 0 };

	for (uint16_t k = 0; k < a->count; k++) {
		ck_assert_msg(k == 0 || a->member[k] > a->member[k - 1], "members out of order");
		v.members |= 1u << a->member[k];
	}
	return v;
}

static bool same(const struct verdict *a, const struct verdict *b)
{
	return a->rule == b->rule && a->tier == b->tier && a->members == b->members;
}

/* Before the TTL is over no member alone can have changed the answer, unless the bounds say so. */
static void judge_ttl(struct dsl *d, const struct world *w, const struct verdict v[2], uint64_t k)
{
	char text[1024];

	for (int i = 0; i < d->s.member_count; i++) {
		enum health_verdict was = d->in[i].state;
		struct world next;

		if (!(w->mine >> i & 1))
			continue;
		d->in[i].state = w->up >> i & 1 ? HEALTH_VERDICT_DOWN : HEALTH_VERDICT_UP;
		world_see(&next, &d->s, d->in, d->held, d->last);
		d->in[i].state = was;
		for (int f = 0; f < 2; f++) {
			struct verdict then = judge(&next, f);

			ck_assert_msg(same(&then, &v[f]) || d->out[f].ttl_s <= in_ttl(&d->s, d->in[i].flip_ms),
				      "case %" PRIu64 ": %c changes family %d before its TTL: %s", k, d->name[i], f,
				      story(d, text));
		}
	}
}

static void judge_case(uint64_t seed, uint64_t k, unsigned seen[])
{
	struct rng r;
	struct dsl d;
	struct world w;
	struct verdict want[2];
	char text[1024];

	rng_init(&r, seed * 1000003 + k);
	random_service(&d, &r);
	world_see(&w, &d.s, d.in, d.held, d.last);
	policy_decide_held(&d.s, d.in, d.held, d.last, d.out);
	for (int f = 0; f < 2; f++) {
		struct verdict got = verdict_of(&d.out[f]);
		uint32_t ttl;

		want[f] = judge(&w, f);
		ttl = ttl_of(&w, f, &want[f]);
		ck_assert_msg(same(&got, &want[f]),
			      "case %" PRIu64 " family %d: rule %d tier %d set %x, not %d %d %x: %s",
			      k, f, got.rule, got.tier, got.members, want[f].rule, want[f].tier, want[f].members,
			      story(&d, text));
		ck_assert_msg(d.out[f].better == (got.rule == POLICY_RULE_TIER || got.rule == POLICY_RULE_OTHER_FAMILY ?
						  better_than(&w, f, serving(&w, f)) : 0),
			      "case %" PRIu64 " family %d: better %x: %s", k, f, d.out[f].better, story(&d, text));
		ck_assert_msg(d.out[f].ttl_s == ttl, "case %" PRIu64 " family %d: ttl %u, not %u: %s", k, f,
			      d.out[f].ttl_s, ttl, story(&d, text));
		ck_assert_msg(d.out[f].ready == !(w.waits && w.family[f]), "case %" PRIu64 " family %d: ready", k, f);
		seen[got.rule]++;
	}
	if (!w.waits)
		judge_ttl(&d, &w, want, k);
}

START_TEST(test_random)
{
	const char *given = getenv("POLICY_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : SEED;
	unsigned seen[POLICY_RULE_WAIT + 1] = { 0 };

	printf("seed %" PRIu64 "\n", seed);
	for (uint64_t k = 0; k < CASES; k++)
		judge_case(seed, k, seen);
	for (int rule = POLICY_RULE_TIER; rule <= POLICY_RULE_WAIT; rule++)
		ck_assert_msg(seen[rule] > CASES / 100, "rule %s was seen %u times only",
			      policy_rule_text((enum policy_rule)rule), seen[rule]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy_random");
	TCase *t = tcase_create("against the rules said again");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60); /* under sanitizers on a busy machine */
	tcase_add_test(t, test_random);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
