/* policy_decide against the rules said a second time (lib/policy_oracle.h). The TTL is also judged by its meaning: no single
 * member that flips before it may change the answer.
 *
 *     POLICY_SEED=N tests/unit/policy_random_test        another run; case k of seed N is the same everywhere
 */
#include <check.h>
#include <inttypes.h>
#include "base/rng.h"
#include "lib/policy_oracle.h"
#include "policy_dsl.h"

#define CASES 100000
#define SEED 1976
#define MEMBERS 10
#define TIERS POLICY_ORACLE_TIERS

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

static struct policy_opinion verdict_of(const struct policy_answer *a)
{
	struct policy_opinion v = { a->rule, a->tier, 0 };

	for (uint16_t k = 0; k < a->count; k++) {
		ck_assert_msg(k == 0 || a->member[k] > a->member[k - 1], "members out of order");
		v.members |= 1u << a->member[k];
	}
	return v;
}

static bool same(const struct policy_opinion *a, const struct policy_opinion *b)
{
	return a->rule == b->rule && a->tier == b->tier && a->members == b->members;
}

/* Before the TTL is over no member alone can have changed the answer, unless the bounds say so. */
static void judge_ttl(struct dsl *d, const struct policy_oracle *w, const struct policy_opinion v[2], uint64_t k)
{
	char text[1024];

	for (int i = 0; i < d->s.member_count; i++) {
		enum health_verdict was = d->in[i].state;
		struct policy_oracle next;

		if (!(w->mine >> i & 1))
			continue;
		d->in[i].state = w->up >> i & 1 ? HEALTH_VERDICT_DOWN : HEALTH_VERDICT_UP;
		policy_oracle_see(&next, &d->s, d->in, d->held, d->last);
		d->in[i].state = was;
		for (int f = 0; f < 2; f++) {
			struct policy_opinion then = policy_oracle_judge(&next, f);

			ck_assert_msg(same(&then, &v[f]) || d->out[f].ttl_s <= policy_oracle_in_ttl(&d->s, d->in[i].flip_ms),
				      "case %" PRIu64 ": %c changes family %d before its TTL: %s", k, d->name[i], f,
				      story(d, text));
		}
	}
}

static void judge_case(uint64_t seed, uint64_t k, unsigned seen[])
{
	struct rng r;
	struct dsl d;
	struct policy_oracle w;
	struct policy_opinion want[2];
	char text[1024];

	rng_init(&r, seed * 1000003 + k);
	random_service(&d, &r);
	policy_oracle_see(&w, &d.s, d.in, d.held, d.last);
	policy_decide_held(&d.s, d.in, d.held, d.last, d.out);
	for (int f = 0; f < 2; f++) {
		struct policy_opinion got = verdict_of(&d.out[f]);
		uint32_t ttl;

		want[f] = policy_oracle_judge(&w, f);
		ttl = policy_oracle_ttl(&w, f, &want[f]);
		ck_assert_msg(same(&got, &want[f]),
			      "case %" PRIu64 " family %d: rule %d tier %d set %x, not %d %d %x: %s",
			      k, f, got.rule, got.tier, got.members, want[f].rule, want[f].tier, want[f].members,
			      story(&d, text));
		ck_assert_msg(d.out[f].better == (got.rule == POLICY_RULE_TIER || got.rule == POLICY_RULE_OTHER_FAMILY ?
						  policy_oracle_better(&w, f, policy_oracle_serving(&w, f)) : 0),
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
