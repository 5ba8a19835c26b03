/* The penalty of flapping: its arithmetic, when it begins and ends, what it holds down, and for how long that is told.
 *
 *     story   a letter a step: P pass  F fail  z silence until the verdict ages; + one second, m one minute
 *     out     below each letter: s steady  f flapping  h held down, in upper case where the verdict is up
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/rng.h"
#include "health/health.h"
#include "tests/unit/unit.h"

#define SEED 3000
static const struct health_flap_rule plain = { .hold = false };
static const struct health_flap_rule holds = { .hold = true };

static struct health_flap after(unsigned changes, const struct health_flap_rule *r, uint64_t now_ms)
{
	struct health_flap f = { 0 };

	for (unsigned i = 0; i < changes; i++)
		health_flap_add(&f, r, now_ms);
	return f;
}

START_TEST(test_decay)
{
	static const struct { uint64_t after_ms; uint32_t want; } rows[] = { /* 1000 × 2^(-t / 60 s) */
		{ 0, 1000 }, { 1000, 988 }, { 15000, 840 }, { 20000, 793 }, { 30000, 707 }, { 40000, 629 }, { 45000, 594 },
		{ 60000, 500 }, { 90000, 353 }, { 120000, 250 }, { 600000, 0 }, { UINT64_MAX - 1, 0 },
	};
	struct health_flap f = after(1, &plain, 1);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_msg(health_flap_penalty(&f, &plain, 1 + rows[i].after_ms) == rows[i].want, "%" PRIu64 " ms: %" PRIu32, rows[i].after_ms,
			      health_flap_penalty(&f, &plain, 1 + rows[i].after_ms));
	ck_assert_uint_eq(health_flap_penalty(&f, &plain, 0), 1000); /* a clock that went back gives nothing away */
}
END_TEST

/* Whatever the steps: it never grows by time, and asking more often changes nothing. */
START_TEST(test_decay_is_steady)
{
	struct rng rng;

	rng_init(&rng, SEED);
	for (int round = 0; round < 2000; round++) {
		struct health_flap_rule r = { .suppress = 100000, .half_life_ms = 1000 + (uint32_t)rng_below(&rng, 3599000) };
		struct health_flap f = after(1 + (unsigned)rng_below(&rng, 400), &r, 0);
		uint32_t last = health_flap_penalty(&f, &r, 0);

		for (uint64_t now = 0; now < 40ull * r.half_life_ms; now += 1 + rng_below(&rng, r.half_life_ms)) {
			uint32_t p = health_flap_penalty(&f, &r, now), half = health_flap_penalty(&f, &r, now + r.half_life_ms);

			ck_assert_uint_le(p, last);
			ck_assert_msg(half + 1 >= p / 2 && half <= (p + 1) / 2, "%" PRIu32 " halves to %" PRIu32, p, half);
			last = p;
		}
		ck_assert_uint_eq(last, 0);
	}
}
END_TEST

START_TEST(test_begins_and_ends)
{
	struct health_flap f = after(2, &plain, 1000);

	ck_assert(!f.on);
	ck_assert_uint_eq(health_flap_ends_at(&f, &plain), UINT64_MAX);
	f = after(3, &plain, 1000);
	ck_assert(f.on);
	ck_assert_uint_eq(health_flap_ends_at(&f, &plain), 121000); /* 3000 to 750: two half-lives */
	ck_assert(!health_flap_end(&f, &plain, 120999));
	ck_assert(f.on);
	ck_assert(health_flap_end(&f, &plain, 121000));
	ck_assert(!f.on && !health_flap_end(&f, &plain, 121000));
	ck_assert_uint_eq(health_flap_penalty(&f, &plain, 121000), 750);
	health_flap_add(&f, &plain, 121000); /* 1750 is steady, after it ended */
	ck_assert(!f.on);
	f = after(3, &plain, 0);
	health_flap_add(&f, &plain, 110000); /* about 1840 still flaps: it did not end */
	ck_assert(f.on);
	ck_assert_uint_gt(health_flap_ends_at(&f, &plain), 110000 + 60000);
}
END_TEST

START_TEST(test_has_a_top)
{
	struct health_flap f = after(1000000, &plain, 7);

	ck_assert_uint_eq(health_flap_penalty(&f, &plain, 7), 12000);
	ck_assert_uint_eq(health_flap_ends_at(&f, &plain), 7 + 4 * 60000); /* 12000 to 750 */
	/* A million changes at the widest rule end, too. */
	struct health_flap_rule wide = { .suppress = 100000, .reuse = 1, .half_life_ms = 3600000 };
	f = after(1000000, &wide, 0);
	ck_assert_uint_eq(health_flap_penalty(&f, &wide, 0), 400000);
	ck_assert_uint_le(health_flap_ends_at(&f, &wide), 19ull * 3600000);
}
END_TEST

/* The end is where penalty and reuse meet, to the millisecond, whatever the rule. */
START_TEST(test_end_is_exact)
{
	struct rng rng;

	rng_init(&rng, SEED);
	for (int round = 0; round < 20000; round++) {
		struct health_flap_rule r = { .suppress = 1000 + (uint32_t)rng_below(&rng, 99001), .half_life_ms = 1000 + (uint32_t)rng_below(&rng, 3599001) };
		uint64_t now = rng_below(&rng, 1000000);

		r.reuse = 1 + (uint32_t)rng_below(&rng, r.suppress - 1);
		ck_assert(health_flap_rule_ok(&r));
		struct health_flap f = after(1 + (unsigned)rng_below(&rng, 300), &r, now);
		uint64_t end = health_flap_ends_at(&f, &r);
		if (!f.on) {
			ck_assert_uint_eq(end, UINT64_MAX);
			continue;
		}
		ck_assert_uint_gt(end, now);
		ck_assert_uint_ge(health_flap_penalty(&f, &r, end - 1), r.reuse);
		ck_assert_uint_le(health_flap_penalty(&f, &r, end), r.reuse);
	}
}
END_TEST

START_TEST(test_recover)
{
	struct health_flap f = { 0 };

	health_flap_recover(&f, &plain, 4000 * 256, true, 60000, 5);
	ck_assert_uint_eq(health_flap_penalty(&f, &plain, 5), 2000);
	ck_assert(f.on);
	health_flap_recover(&f, &plain, 4000 * 256, false, 0, 5);
	ck_assert(!f.on);
	health_flap_recover(&f, &plain, 4000 * 256, true, 86400000, 5); /* a day ago */
	ck_assert(!f.on);
	ck_assert_uint_eq(health_flap_penalty(&f, &plain, 5), 0);
	health_flap_recover(&f, &plain, UINT32_MAX, true, 0, 5); /* a hostile journal */
	ck_assert_uint_eq(health_flap_penalty(&f, &plain, 5), 12000);
}
END_TEST

START_TEST(test_rules)
{
	static const struct { struct health_flap_rule r; bool ok; } rows[] = {
		{ { 0, 0, 0, false }, true }, { { 3000, 750, 60000, true }, true }, { { 1000, 999, 1000, true }, true },
		{ { 100000, 1, 3600000, true }, true }, { { 999, 1, 60000, true }, false }, { { 100001, 1, 60000, true }, false },
		{ { 3000, 3000, 60000, true }, false }, { { 0, 3000, 0, true }, false }, { { 0, 2999, 0, true }, true },
		{ { 3000, 750, 999, true }, false }, { { 3000, 750, 3600001, true }, false },
		{ { UINT32_MAX, UINT32_MAX, UINT32_MAX, true }, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_msg(health_flap_rule_ok(&rows[i].r) == rows[i].ok, "row %zu", i);
}
END_TEST

/* ---- stories: fall 1, rise 1, an interval of a second, a result a second ---- */
static const struct story {
	const char *name;
	bool hold;
	const char *in, *out;
} stories[] = {
	{ "the first verdict is no change", false, "P", "S" },
	{ "three changes and the time between are not yet enough", false, "PFPF", "SsSs" },
	{ "the fourth is", false, "PFPFP", "SsSsF" },
	{ "flapping alone holds nothing", false, "PFPFPFPF", "SsSsFfFf" },
	{ "with a hold the next down stays", true, "PFPFPFPPPP", "SsSsFhhhhh" },
	{ "one that is up is left there", true, "PFPFPPPPP", "SsSsFFFFF" },
	{ "until the penalty has fallen", true, "PFPFPFmP+P", "SsSsFh.h.h" },
	{ "then the next pass brings it back", true, "PFPFPFmmmP", "SsSsFh...S" },
	{ "a failure at that moment does not", true, "PFPFPFmmmFP", "SsSsFh...sS" },
	{ "silence and what ends it are no changes", false, "PzFzPzFzPzF", "SsssSsssSss" },
	{ "what is unknown is not held", true, "PFPFPFz", "SsSsFhf" },
	{ "slow changes are steady", true, "PmFmPmFmPmFmPmF", "S.s.S.s.S.s.S.s" },
};

static bool step(struct health_state *s, const struct health_timing *t, char c, uint64_t *now)
{
	struct health_result r = { .reason = c == 'P' ? HEALTH_OK : HEALTH_CONNECT_REFUSED, .weight_pct = c == 'P' ? 100 : 0 };

	if (c == 'm' || c == '+') {
		*now += c == 'm' ? 60000 : 1000;
		s->counted_ms = *now; /* silence is not what this is about */
		return false;
	}
	*now = c == 'z' && s->verdict != HEALTH_VERDICT_UNKNOWN ? health_state_age_at(s, t) : *now + 1000;
	return c == 'z' ? health_state_age(s, t, *now) : health_state_feed(s, t, &r, *now);
}

START_TEST(test_story)
{
	const struct story *y = &stories[_i];
	struct health_timing t = { .interval_ms = 1000, .timeout_ms = 500, .retry_ms = 100, .fall = 1, .rise = 1 };
	struct health_state s;
	uint64_t now = 0;
	char out[32] = "";

	t.flap.hold = y->hold;
	health_state_init(&s);
	for (size_t i = 0; y->in[i]; i++) {
		bool changed = step(&s, &t, y->in[i], &now);
		char c = "sfh"[health_state_flapping(&s, &t, now)];

		(void)changed;
		out[i] = (char)(islower(y->in[i]) && y->in[i] != 'z' ? '.' : y->in[i] == '+' ? '.' : s.verdict == HEALTH_VERDICT_UP ? toupper(c) : c);
	}
	ck_assert_msg(strcmp(out, y->out) == 0, "%s: %s gave %s, not %s", y->name, y->in, out, y->out);
}
END_TEST

/* What the journal told is no sign of flapping when it proves wrong. */
START_TEST(test_recovered_is_no_change)
{
	struct health_timing t = { .interval_ms = 1000, .timeout_ms = 500, .retry_ms = 100, .fall = 1, .rise = 1 };
	struct health_state s;
	uint64_t now = 1000;

	health_state_recover(&s, HEALTH_VERDICT_UP, 0, 0, now);
	ck_assert(step(&s, &t, 'F', &now));
	ck_assert_uint_eq(health_flap_penalty(&s.flap, &t.flap, now), 0);
	ck_assert(step(&s, &t, 'P', &now));
	ck_assert_uint_eq(health_flap_penalty(&s.flap, &t.flap, now), 1000);
}
END_TEST

static struct health_state held(const struct health_timing *t, uint64_t now)
{
	struct health_state s;

	health_state_recover(&s, HEALTH_VERDICT_DOWN, 0, 0, now);
	health_flap_recover(&s.flap, &t->flap, 3000 * 256, true, 0, now);
	return s;
}

/* A hold outlives a restart, and no pass gets round it; then rise counts as ever. */
START_TEST(test_recovered_hold)
{
	struct health_timing t = { .interval_ms = 1000, .timeout_ms = 500, .retry_ms = 100, .fall = 3, .rise = 2, .flap = holds };
	uint64_t now = 1000;
	struct health_state s = held(&t, now);

	while (now < 120000)
		ck_assert(!step(&s, &t, 'P', &now));
	ck_assert_int_eq(health_state_flapping(&s, &t, now), HEALTH_SUPPRESSED);
	ck_assert(step(&s, &t, 'P', &now)); /* at 121000 */
	ck_assert_int_eq(s.verdict, HEALTH_VERDICT_UP);
	s = held(&t, now);
	ck_assert(!step(&s, &t, 'm', &now) && !step(&s, &t, 'm', &now));
	ck_assert(!step(&s, &t, 'P', &now)); /* rise */
	ck_assert(step(&s, &t, 'P', &now));
}
END_TEST

/* The TTL of one that is held: the hold's rest, in steps of two; then what rise takes. */
START_TEST(test_flip_of_a_hold)
{
	static const struct { uint64_t after_ms; uint32_t want_ms; } rows[] = {
		{ 0, 64000 }, { 56000, 64000 }, { 56001, 32000 }, { 88001, 16000 }, { 104001, 8000 }, { 115000, 4000 }, { 117000, 2000 },
		{ 119500, 2000 }, { 120000, 2000 }, { 500000, 2000 },
	};
	struct health_timing t = { .interval_ms = 1000, .timeout_ms = 500, .retry_ms = 100, .fall = 3, .rise = 2, .flap = holds };
	struct health_state s = held(&t, 1000);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_msg(health_state_flip_ms(&s, &t, 1000 + rows[i].after_ms) == rows[i].want_ms, "row %zu: %" PRIu32, i,
			      health_state_flip_ms(&s, &t, 1000 + rows[i].after_ms));
	t.flap.hold = false;
	ck_assert_uint_eq(health_state_flip_ms(&s, &t, 1000), 2000);
	t.flap.hold = true;
	t.interval_ms = 0;
	ck_assert_uint_eq(health_state_flip_ms(&s, &t, 1000), 0);
}
END_TEST

/* Whatever the history: without a hold the verdicts are those of the counters; with it no up is ever taken away, and no down
 * outlives the other's by more than the hold. */
START_TEST(test_a_hold_only_delays)
{
	struct rng rng;
	uint64_t delayed = 0;

	rng_init(&rng, SEED);
	for (int round = 0; round < 1000; round++) {
		struct health_timing t = { .interval_ms = 1000, .timeout_ms = 500, .retry_ms = 100, .fall = 2, .rise = 2, .flap = holds };
		struct health_state s;
		uint64_t now = 0;
		unsigned passes = 0;

		health_state_init(&s);
		for (int i = 0; i < 300; i++) {
			char c = rng_below(&rng, 2) ? 'P' : 'F';
			enum health_verdict was = s.verdict;
			bool kept = health_state_flapping(&s, &t, now + 1000) == HEALTH_SUPPRESSED;
			bool changed = step(&s, &t, c, &now);

			passes = c == 'P' ? passes + 1 : 0;
			ck_assert(!(changed && c == 'P' && kept));
			if (was == HEALTH_VERDICT_DOWN && passes >= t.rise)
				ck_assert(kept ? s.verdict == HEALTH_VERDICT_DOWN : s.verdict == HEALTH_VERDICT_UP);
			delayed += kept && passes >= t.rise;
		}
	}
	ck_assert_uint_gt(delayed, 1000);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { test_decay, test_decay_is_steady, test_begins_and_ends, test_has_a_top, test_end_is_exact, test_recover, test_rules,
				 test_recovered_is_no_change, test_recovered_hold, test_flip_of_a_hold, test_a_hold_only_delays };
	TCase *tc = tcase_create("all");

	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(tc, tests[i]);
	tcase_add_loop_test(tc, test_story, 0, (int)(sizeof stories / sizeof *stories));
	printf("seed %d\n", SEED);
	return unit_run_case("health_flap", tc);
}
