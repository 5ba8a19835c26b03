/* Verdicts as stories: results in, verdicts out, a letter a step.
 *
 *     in    P pass  F fail  B script bug  V void  0 pass of weight 0   z silence until the verdict ages, and no longer
 *     out   U up  D down  ? unknown; in lower case (u d -) while marked recovered
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/rng.h"
#include "health/health.h"

#define SEED 20231
#define DEFAULT { .hold = false } /* rule of flapping */
static const struct health_timing plain = {
	.interval_ms = 5000, .timeout_ms = 2000, .retry_ms = 1000, .fall = 3, .rise = 2
};

static struct health_result result_of(char c)
{
	struct health_result r = { .reason = HEALTH_OK, .weight_pct = 100, .took_us = 250 };

	if (c == 'F')
		r = (struct health_result){ .reason = HEALTH_CONNECT_REFUSED, .weight_pct = 0 };
	else if (c == 'B')
		r.reason = HEALTH_SCRIPT_ERROR;
	else if (c == 'V')
		r.reason = HEALTH_LOCAL_ERROR;
	else if (c == '0')
		r.weight_pct = 0;
	return r;
}

static bool feed(struct health_state *s, const struct health_timing *t, char c, uint64_t now)
{
	struct health_result r = result_of(c);

	return health_state_feed(s, t, &r, now);
}

static char letter(const struct health_state *s)
{
	const char *letters = s->recovered ? "-ud" : "?UD";

	return letters[s->verdict];
}

static void start(struct health_state *s, char how, uint8_t fails, uint8_t passes)
{
	enum health_verdict v = how == 'u' ? HEALTH_VERDICT_UP :
				how == 'd' ? HEALTH_VERDICT_DOWN : HEALTH_VERDICT_UNKNOWN;

	if (how == 'n')
		health_state_init(s);
	else
		health_state_recover(s, v, 0, 0, 0);
	s->fails = fails;
	s->passes = passes;
}

/* ---- stories ---- */
static const struct story {
	const char *name;
	char from; /* n new; u d - recovered as up, down, unknown, and then counted so far */
	uint8_t fails, passes, fall, rise;
	const char *in, *out;
} stories[] = {
	{ "the first pass decides alone", 'n', 0, 0, 3, 2, "P", "U" },
	{ "the first failure decides alone", 'n', 0, 0, 3, 2, "F", "D" },
	{ "fall in a row take it down", 'n', 0, 0, 3, 2, "PFFF", "UUUD" },
	{ "a pass takes one failure off", 'n', 0, 0, 3, 2, "PFFPFF", "UUUUUD" },
	{ "two passes take two off", 'n', 0, 0, 3, 2, "PFFPPFFF", "UUUUUUUD" },
	{ "what was forgiven stays so", 'n', 0, 0, 3, 2, "PFPFPFPFPFPFP", "UUUUUUUUUUUUU" },
	{ "two of three that fail are too many", 'n', 0, 0, 3, 2, "PFFPFFP", "UUUUUDD" },
	{ "passes are not saved up", 'n', 0, 0, 3, 2, "PPPPPPPPFFF", "UUUUUUUUUUD" },
	{ "voids and bugs leak nothing", 'n', 0, 0, 3, 2, "PFFVBVBF", "UUUUUUUD" },
	{ "coming back, it begins whole", 'n', 0, 0, 3, 2, "PFFFPPFFPFF", "UUUDDUUUUUD" },
	{ "fall 1 leaks nothing", 'n', 0, 0, 1, 1, "PF", "UD" },
	{ "no pass takes down, though a reload lowered fall", 'u', 9, 0, 3, 2, "PPPFFF", "uUUUUD" },
	{ "rise in a row bring it back", 'n', 0, 0, 3, 2, "FPP", "DDU" },
	{ "a failure between starts the rise anew", 'n', 0, 0, 3, 2, "FPFPFPP", "DDDDDDU" },
	{ "fall 1, rise 1: every result decides", 'n', 0, 0, 1, 1, "PFPFFP", "UDUDDU" },
	{ "fall 0 and rise 0 count as 1", 'n', 0, 0, 0, 0, "PFPF", "UDUD" },
	{ "the first failure counts towards nothing else", 'n', 0, 0, 3, 3, "FPPFPPP", "DDDDDDU" },
	{ "a weight of 0 is a failure", 'n', 0, 0, 2, 2, "P00", "UUD" },
	{ "a first weight of 0 decides", 'n', 0, 0, 3, 2, "0", "D" },
	{ "bugs decide nothing at first", 'n', 0, 0, 3, 2, "BBBBP", "????U" },
	{ "void decides nothing at first", 'n', 0, 0, 3, 2, "VVVF", "???D" },
	{ "bugs never take down", 'n', 0, 0, 2, 2, "PBBBBBBBB", "UUUUUUUUU" },
	{ "bugs never bring back", 'n', 0, 0, 2, 2, "FBBBBB", "DDDDDD" },
	{ "bugs do not break a row", 'n', 0, 0, 3, 2, "PFBFBF", "UUUUUD" },
	{ "void does not break a row", 'n', 0, 0, 3, 2, "PFVFVF", "UUUUUD" },
	{ "void breaks no rise", 'n', 0, 0, 3, 2, "FPVP", "DDDU" },
	{ "silence makes up unknown", 'n', 0, 0, 3, 2, "Pz", "U?" },
	{ "silence makes down unknown", 'n', 0, 0, 3, 2, "Fz", "D?" },
	{ "after silence one failure is not enough", 'n', 0, 0, 3, 2, "PzFFF", "U???D" },
	{ "after silence one pass is not enough", 'n', 0, 0, 3, 2, "FzPP", "D??U" },
	{ "failures from before the silence are forgotten", 'n', 0, 0, 3, 2, "PFFzFFF", "UUU???D" },
	{ "after silence rows break too", 'n', 0, 0, 3, 2, "PzFFPFFPP", "U???????U" },
	{ "unknown ages no more", 'n', 0, 0, 3, 2, "zPzz", "?U??" },
	{ "recovered up needs fall", 'u', 0, 0, 3, 2, "FFF", "uuD" },
	{ "recovered down needs rise", 'd', 0, 0, 3, 2, "PP", "dU" },
	{ "recovered up is confirmed by rise", 'u', 0, 0, 3, 2, "PPF", "uUU" },
	{ "recovered down is confirmed by fall", 'd', 0, 0, 3, 2, "FFF", "ddD" },
	{ "one pass of two does not bear out an up", 'u', 0, 0, 3, 2, "PFPFPP", "uuuuuU" },
	{ "two failures of three do not bear out a down", 'd', 0, 0, 3, 2, "FFPFFF", "dddddD" },
	{ "failures leak while recovered, too", 'u', 0, 0, 3, 2, "FFPFF", "uuuuD" },
	{ "recovered unknown needs rise", '-', 0, 0, 3, 2, "PP", "-U" },
	{ "recovered unknown needs fall", '-', 0, 0, 3, 2, "FFF", "--D" },
	{ "recovered and bugs: still recovered", 'u', 0, 0, 3, 2, "BVB", "uuu" },
	{ "recovered ages from the recovery", 'u', 0, 0, 3, 2, "zP", "??" },
};

START_TEST(test_story)
{
	const struct story *y = &stories[_i];
	struct health_timing t = plain;
	struct health_state s;
	uint64_t now = 0;
	char out[32] = "";
	size_t n = strlen(y->in);

	t.fall = y->fall;
	t.rise = y->rise;
	start(&s, y->from, y->fails, y->passes);
	for (size_t i = 0; i < n; i++) {
		enum health_verdict before = s.verdict;
		bool changed;

		if (y->in[i] == 'z' && s.verdict != HEALTH_VERDICT_UNKNOWN) {
			now = health_state_age_at(&s, &t);
			ck_assert_msg(!health_state_age(&s, &t, now - 1), "%s: aged too early", y->name);
		} else {
			now += 5000;
		}
		changed = y->in[i] == 'z' ? health_state_age(&s, &t, now) : feed(&s, &t, y->in[i], now);
		ck_assert_msg(changed == (s.verdict != before), "%s: step %zu lies about the change", y->name, i);
		ck_assert_msg(!changed || s.changed_ms == now, "%s: step %zu has the wrong time", y->name, i);
		out[i] = letter(&s);
	}
	ck_assert_msg(strcmp(out, y->out) == 0, "%s: %s gave %s, not %s", y->name, y->in, out, y->out);
}
END_TEST

START_TEST(test_state_shows_results)
{
	struct health_state s;
	struct health_result r = { .reason = HEALTH_OK, .weight_pct = 40, .took_us = 7, .detail = "busy" };

	health_state_init(&s);
	ck_assert_int_eq(s.last.reason, HEALTH_REASON_NONE);
	ck_assert_uint_eq(s.weight_pct, 100);
	ck_assert(health_state_feed(&s, &plain, &r, 10));
	ck_assert_uint_eq(s.weight_pct, 40);
	ck_assert_str_eq(s.last.detail, "busy");
	ck_assert_uint_eq(s.counted_ms, 10);
	/* A failure is shown, but the address keeps its weight until the verdict says down. */
	ck_assert(!feed(&s, &plain, 'F', 20));
	ck_assert_int_eq(s.last.reason, HEALTH_CONNECT_REFUSED);
	ck_assert_uint_eq(s.weight_pct, 40);
	/* A bug is shown, but does not count; void is not shown. */
	ck_assert(!feed(&s, &plain, 'B', 30));
	ck_assert_int_eq(s.last.reason, HEALTH_SCRIPT_ERROR);
	ck_assert(!feed(&s, &plain, 'V', 40));
	ck_assert_int_eq(s.last.reason, HEALTH_SCRIPT_ERROR);
	ck_assert_uint_eq(s.counted_ms, 20);
	ck_assert_uint_eq(s.bitmap, 2); /* pass, then fail */
	ck_assert_uint_eq(s.fails, 1);
	r.reason = HEALTH_REASON_MAX; /* nonsense is void */
	ck_assert(!health_state_feed(&s, &plain, &r, 50));
	ck_assert_uint_eq(s.bitmap, 2);
	r = result_of('P');
	r.weight_pct = 255;
	ck_assert(!health_state_feed(&s, &plain, &r, 60));
	ck_assert_uint_eq(s.weight_pct, 100);
}
END_TEST

START_TEST(test_counters_saturate)
{
	struct health_state s;

	health_state_init(&s);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(feed(&s, &plain, 'P', i) == (i == 0));
	ck_assert_uint_eq(s.passes, 255);
	ck_assert_uint_eq(s.bitmap, UINT64_MAX);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(feed(&s, &plain, 'F', i) == (i == 2));
	ck_assert_uint_eq(s.fails, 255);
	ck_assert_uint_eq(s.passes, 0);
	ck_assert_uint_eq(s.bitmap, 0);
	struct health_timing slow = plain;
	slow.fall = slow.rise = 255;
	health_state_init(&s);
	ck_assert(feed(&s, &slow, 'P', 0));
	for (unsigned i = 1; i < 600; i++)
		ck_assert(feed(&s, &slow, 'F', i) == (i == 255));
}
END_TEST

START_TEST(test_recover_keeps_the_past)
{
	struct health_state s;
	uint64_t long_ago = 1000 - (uint64_t)86400000; /* before the monotonic clock's zero */

	health_state_recover(&s, HEALTH_VERDICT_DOWN, 0xf0, long_ago, 1000);
	ck_assert_int_eq(s.verdict, HEALTH_VERDICT_DOWN);
	ck_assert_uint_eq(s.fails, 0); /* or one probe would finish what others began before we went */
	ck_assert_uint_eq(s.passes, 0);
	ck_assert_uint_eq(s.bitmap, 0xf0);
	ck_assert_uint_eq(1000 - s.changed_ms, 86400000);
	ck_assert_uint_eq(health_state_age_at(&s, &plain), 1000 + 3 * 5000 + 2000);
	ck_assert(!health_state_age(&s, &plain, 17999));
	ck_assert(health_state_age(&s, &plain, 18000));
	ck_assert(!s.recovered);
	ck_assert_uint_eq(health_state_age_at(&s, &plain), UINT64_MAX);
	health_state_recover(&s, (enum health_verdict)77, 0, 0, 0);
	ck_assert_int_eq(s.verdict, HEALTH_VERDICT_UNKNOWN);
}
END_TEST

/* Evidence is as old as it is: it is taken where the next probe comes before it grows old (3 intervals and the time-out). */
START_TEST(test_resume)
{
	static const struct { uint64_t age_ms; uint8_t hung; bool taken; } cases[] = {
		{ 0, 0, true }, { 5000, 0, true }, { 9688, 0, true }, { 9689, 0, false }, { 15000, 0, false }, { 17001, 0, false },
		{ 9689, HEALTH_BREAKER_AFTER, true }, { 19376, HEALTH_BREAKER_AFTER, true }, { 19377, HEALTH_BREAKER_AFTER, false },
		{ 38752, 255, true }, { 38753, 255, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const uint64_t now = 1000000;
		struct health_state s;
		health_state_recover(&s, HEALTH_VERDICT_DOWN, 1, now - 7777, now);
		struct health_state before = s;
		ck_assert_int_eq(health_state_resume(&s, &plain, now - cases[i].age_ms, cases[i].hung, 6, now), cases[i].taken);
		if (!cases[i].taken) {
			ck_assert_mem_eq(&s, &before, sizeof s);
			continue;
		}
		ck_assert(s.recovered && s.known && s.verdict == HEALTH_VERDICT_DOWN && s.changed_ms == now - 7777);
		ck_assert(s.counted_ms == now - cases[i].age_ms && s.hung == cases[i].hung && s.bitmap == 6 && s.fails == 0);
		ck_assert(!health_state_age(&s, &plain, now));
		ck_assert(!feed(&s, &plain, 'F', now) && s.recovered); /* counting begins anew */
	}
	struct health_state s;
	health_state_recover(&s, HEALTH_VERDICT_UP, 1, 0, 1000);
	ck_assert(!health_state_resume(&s, &plain, 1001, 0, 0, 1000)); /* of a time that is to come */
	ck_assert(!health_state_resume(&s, &plain, UINT64_MAX, 0, 0, 1000));
}
END_TEST

START_TEST(test_to_flip)
{
	static const struct { char from; uint8_t fails, passes, fall, rise; unsigned want; } rows[] = {
		{ 'n', 0, 0, 3, 2, 1 }, { 'u', 0, 9, 3, 2, 3 }, { 'u', 1, 0, 3, 2, 2 }, { 'u', 2, 0, 3, 2, 1 },
		{ 'd', 9, 0, 3, 2, 2 }, { 'd', 0, 1, 3, 2, 1 }, { '-', 0, 0, 3, 2, 2 }, { '-', 2, 0, 3, 2, 1 },
		{ 'u', 2, 5, 3, 2, 1 }, { 'u', 1, 1, 3, 2, 2 }, { '-', 0, 1, 3, 5, 3 }, { 'u', 9, 0, 3, 2, 1 } /* fall lowered by a reload */, { 'u', 0, 0, 0, 0, 1 },
		{ 'u', 0, 0, 255, 1, 255 },
	};
	struct health_timing t = plain;
	struct health_state s;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		t.fall = rows[i].fall;
		t.rise = rows[i].rise;
		start(&s, rows[i].from, rows[i].fails, rows[i].passes);
		ck_assert_msg(health_state_to_flip(&s, &t) == rows[i].want, "row %zu: %u", i,
			      health_state_to_flip(&s, &t));
		ck_assert_uint_eq(health_state_flip_ms(&s, &t, 0), rows[i].want * 5000);
	}
	t.interval_ms = UINT32_MAX;
	ck_assert_uint_eq(health_state_flip_ms(&s, &t, 0), UINT32_MAX - 1);
}
END_TEST

/* The rules again, slowly, from nothing but the results since the verdict last changed. */
struct past { char results[64]; size_t count; };

/* While up: the most by which failures outnumber passes in any stretch that ends now. */
static unsigned standing(const struct past *p)
{
	int sum = 0, most = 0;

	for (size_t i = p->count; i > 0; i--) {
		sum += p->results[i - 1] == 'F' ? 1 : -1;
		most = sum > most ? sum : most;
	}
	return (unsigned)most;
}

static unsigned run_of(const struct past *p, char c)
{
	unsigned n = 0;

	while (n < p->count && p->results[p->count - 1 - n] == c)
		n++;
	return n;
}

static enum health_verdict restated(enum health_verdict was, bool knew, const struct past *p, const struct health_timing *t)
{
	unsigned fails = was == HEALTH_VERDICT_UP ? standing(p) : run_of(p, 'F');

	if (was != HEALTH_VERDICT_UP && (run_of(p, 'P') >= t->rise || (!knew && run_of(p, 'P'))))
		return HEALTH_VERDICT_UP;
	if (was != HEALTH_VERDICT_DOWN && (fails >= t->fall || (!knew && fails)))
		return HEALTH_VERDICT_DOWN;
	return was;
}

/* Whatever the history: the verdict is the one of the rules above, and a flip comes after exactly to_flip contrary results. */
START_TEST(test_random_histories)
{
	struct rng rng;

	rng_init(&rng, SEED);
	for (int round = 0; round < 5000; round++) {
		struct health_timing t = plain;
		struct health_state s, ahead;
		struct past past = { .count = 0 };
		uint64_t now = rng_below(&rng, 10000);

		t.fall = (uint8_t)(1 + rng_below(&rng, 6));
		t.rise = (uint8_t)(1 + rng_below(&rng, 6));
		health_state_init(&s);
		for (int step = 0; step < 60; step++) {
			enum health_verdict was = s.verdict;
			bool knew = s.known, changed;
			char c = "PPPPFFFFBV"[rng_below(&rng, 10)];

			now += rng_below(&rng, 6000);
			changed = feed(&s, &t, c, now);
			if (c == 'P' || c == 'F')
				past.results[past.count++] = c;
			ck_assert_msg(s.verdict == (c == 'P' || c == 'F' ? restated(was, knew, &past, &t) : was), "round %d step %d", round, step);
			ck_assert(changed == (s.verdict != was));
			if (s.verdict == HEALTH_VERDICT_UP) /* below fall, whatever was before */
				ck_assert_uint_lt(s.fails, t.fall);
			if (rng_below(&rng, 40) == 0) {
				bool old = s.verdict != HEALTH_VERDICT_UNKNOWN;

				ck_assert(health_state_age(&s, &t, s.counted_ms + 17000) == old);
				changed |= old;
			}
			/* What came before a change counts for nothing after it. */
			if (changed)
				past.count = 0;
			if (s.verdict == HEALTH_VERDICT_UNKNOWN)
				continue;
			ahead = s;
			c = s.verdict == HEALTH_VERDICT_UP ? 'F' : 'P';
			for (unsigned k = health_state_to_flip(&s, &t); k > 0; k--)
				ck_assert(feed(&ahead, &t, c, now) == (k == 1));
		}
	}
}
END_TEST

/* ---- schedule ---- */

#define JITTER (5000 / 16)
#define LONGEST (5000 + JITTER)

/* A target that dies and comes back, probed on its own time: start, result and verdict of every probe. */
START_TEST(test_timeline)
{
	static const char *want = "1947P? 6753PU 11888PU 16901FU 17911FU 18921FU 21723FD 26842PD 27852PD 31834PU "
				  "36953PU ";
	struct health_schedule s = { 0 };
	struct health_state st;
	char got[512] = "";

	health_state_init(&st);
	health_schedule_init(&s, &plain, 1700, 0);
	while (s.next_ms < 40000) {
		uint64_t begun = s.next_ms;
		char c = begun >= 15000 && begun < 25000 ? 'F' : 'P';
		size_t n = strlen(got);

		snprintf(got + n, sizeof got - n, "%" PRIu64 "%c%c ", begun, c, letter(&st));
		health_schedule_started(&s, begun);
		ck_assert(s.running);
		ck_assert_uint_eq(s.started_ms, begun);
		if (feed(&st, &plain, c, begun + 10))
			ck_assert_uint_eq(st.changed_ms, begun + 10);
		health_schedule_next(&s, &plain, &st, begun + 10);
		ck_assert(!s.running);
	}
	ck_assert_str_eq(got, want);
}
END_TEST

/* Two take turns: together they are at every interval's place once, whoever asks when. */
START_TEST(test_schedule_turns)
{
	struct rng rng;

	rng_init(&rng, SEED);
	for (int i = 0; i < 500; i++) {
		uint64_t place = rng_u64(&rng), clock = 1700000000000u + rng_below(&rng, 100000), at[2], last = 0;

		for (unsigned turn = 0; turn < 2; turn++)
			at[turn] = health_schedule_turn(place, &plain, turn, clock);
		for (int n = 0; n < 20; n++) {
			unsigned turn = at[1] < at[0];

			ck_assert(at[turn] > clock && at[turn] <= clock + 2 * LONGEST);
			ck_assert_uint_le((at[turn] - place % 5000) % 5000, JITTER);
			ck_assert_uint_eq((at[turn] - place % 5000) / 5000 % 2, turn);
			ck_assert(!last || (at[turn] - last <= LONGEST && at[turn] - last >= 5000 - JITTER));
			ck_assert_uint_eq(health_schedule_turn(place, &plain, turn, clock), at[turn]); /* nothing is remembered */
			last = clock = at[turn];
			at[turn] = health_schedule_turn(place, &plain, turn, clock + rng_below(&rng, 300));
		}
	}
	/* no interval, and a clock near its zero */
	ck_assert_uint_le(health_schedule_turn(7, &(struct health_timing){ 0 }, 1, 0), 2);
	ck_assert_uint_le(health_schedule_turn(UINT64_MAX, &plain, 3, 0), 2 * LONGEST);
}
END_TEST

START_TEST(test_patience)
{
	static const struct { struct health_timing t; unsigned lhm; uint32_t ms; } cases[] = {
		{ { .interval_ms = 10000, .timeout_ms = 1000 }, 0, 1000 },
		{ { .interval_ms = 10000, .timeout_ms = 1000 }, 1, 2000 },
		{ { .interval_ms = 10000, .timeout_ms = 1000 }, 7, 8000 },
		{ { .interval_ms = 10000, .timeout_ms = 1000 }, 200, 8000 },
		{ { .interval_ms = 1000, .timeout_ms = 1000 }, 7, 2000 }, /* two intervals */
		{ { .interval_ms = 1000, .timeout_ms = 5000 }, 7, 5000 }, /* it takes longer as it is */
		{ { .interval_ms = UINT32_MAX, .timeout_ms = UINT32_MAX }, 7, UINT32_MAX },
		{ { 0 }, 0, 1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct health_timing *t = &cases[i].t;
		ck_assert_uint_eq(health_timeout_ms(t, cases[i].lhm), cases[i].ms);
		ck_assert_uint_eq(health_timeout_within(t, cases[i].ms), cases[i].ms);
	}
	const struct health_timing *t = &cases[0].t;
	ck_assert_uint_eq(health_timeout_within(t, 0), 1000);
	ck_assert_uint_eq(health_timeout_within(t, 999), 1000);
	ck_assert_uint_eq(health_timeout_within(t, 8001), 1000);
	ck_assert_uint_eq(health_timeout_within(t, UINT32_MAX), 1000);
	/* What a stretched probe finds comes before the verdict that it renews is too old, wherever in its interval it began. */
	struct health_schedule s;
	struct health_state st;
	health_state_init(&st);
	for (uint64_t place = 0; place < 100; place++) {
		health_schedule_init(&s, t, place * 977, 5000);
		health_state_recover(&st, HEALTH_VERDICT_DOWN, 0, 0, 5000);
		ck_assert_uint_lt(s.next_ms + health_timeout_ms(t, 7), health_state_age_at(&st, t));
	}
}
END_TEST

START_TEST(test_shared_ages_at_half_the_rate)
{
	struct health_state s;

	health_state_init(&s);
	ck_assert(feed(&s, &plain, 'P', 1000));
	ck_assert_uint_eq(health_state_age_at(&s, &plain), 1000 + 3 * 5000 + 2000);
	uint32_t flip_ms = health_state_flip_ms(&s, &plain, 1000);
	s.shared = true;
	ck_assert_uint_eq(health_state_age_at(&s, &plain), 1000 + 6 * 5000 + 2000);
	ck_assert_uint_eq(health_state_flip_ms(&s, &plain, 1000), flip_ms); /* somebody looks every interval */
	ck_assert(!health_state_age(&s, &plain, 32999));
	ck_assert(health_state_age(&s, &plain, 33000));
}
END_TEST

START_TEST(test_schedule_start)
{
	struct health_schedule s;
	struct rng rng;
	unsigned bucket[10] = { 0 };

	rng_init(&rng, SEED);
	for (int i = 0; i < 5000; i++) {
		uint64_t now = rng_below(&rng, 1000000);

		uint64_t place = rng_u64(&rng);

		health_schedule_init(&s, &plain, place, now);
		ck_assert(!s.running);
		ck_assert(s.next_ms > now && s.next_ms <= now + LONGEST);
		ck_assert_uint_le((s.next_ms - place % 5000) % 5000, JITTER);
		bucket[s.next_ms % 5000 / 500]++;
	}
	for (int i = 0; i < 10; i++) /* the herd is spread: 500 a bucket, give or take */
		ck_assert_msg(bucket[i] > 400 && bucket[i] < 600, "bucket %d has %u", i, bucket[i]);
}
END_TEST

START_TEST(test_schedule_does_not_drift)
{
	struct health_schedule s;
	struct health_state st;
	struct rng rng;
	uint64_t first;
	unsigned jittered = 0;

	rng_init(&rng, SEED);
	health_state_init(&st);
	health_schedule_init(&s, &plain, rng_u64(&rng), 123456);
	first = s.next_ms - (s.next_ms - s.place % 5000) % 5000 - s.place % 5000;
	for (unsigned i = 1; i <= 20000; i++) {
		uint64_t now = s.next_ms + rng_below(&rng, 4999 - JITTER); /* late by lag and by the probe's own time */

		ck_assert(feed(&st, &plain, 'P', now) == (i == 1));
		health_schedule_next(&s, &plain, &st, now);
		uint64_t phase = s.place % 5000, from = first + i * 5000u + phase;
		ck_assert_msg(s.next_ms >= from && s.next_ms <= from + JITTER, "interval %u: %" PRIu64 " off %" PRIu64, i, s.next_ms, from);
		jittered += s.next_ms != from;
	}
	ck_assert_uint_gt(jittered, 19000);
}
END_TEST

START_TEST(test_schedule_never_in_the_past)
{
	static const struct health_timing odd[] = {
		{ 5000, 2000, 1000, 3, 2, DEFAULT }, { 0, 0, 0, 0, 0, DEFAULT }, { 1, 1, 0, 1, 1, DEFAULT },
		{ 1000, 1, 60000, 3, 3, DEFAULT }, { UINT32_MAX, UINT32_MAX, UINT32_MAX, 255, 255, DEFAULT },
		{ 200, 5000, 40, 2, 200, DEFAULT },
	};
	struct rng rng;

	rng_init(&rng, SEED);
	for (int round = 0; round < 20000; round++) {
		const struct health_timing *t = &odd[rng_below(&rng, 6)];
		uint64_t now = rng_below(&rng, 2) ? rng_below(&rng, 100000) : rng_u64(&rng) >> 2;
		struct health_schedule s;
		struct health_state st;
		uint64_t longest = t->interval_ms > 0 ? t->interval_ms : 1;

		start(&st, "nud-"[rng_below(&rng, 4)], (uint8_t)rng_below(&rng, 3), (uint8_t)rng_below(&rng, 3));
		/* Then a reload changes the interval, or the machine sleeps. */
		health_schedule_init(&s, &odd[rng_below(&rng, 6)], rng_u64(&rng), now);
		now += rng_below(&rng, 3) ? rng_below(&rng, 100) : rng_u64(&rng) >> 3;
		health_schedule_next(&s, t, &st, now);
		ck_assert_msg(s.next_ms > now && s.next_ms - now <= longest + longest / 16, "%" PRIu64 " after %" PRIu64, s.next_ms,
			      now);
	}
}
END_TEST

START_TEST(test_schedule_retries)
{
	static const struct { const char *name; char from; uint8_t fails, passes; bool retry; } rows[] = {
		{ "up, at ease", 'u', 0, 9, false },
		{ "up, first failure", 'u', 1, 0, true },
		{ "up, a failure not yet made good", 'u', 1, 1, true },
		{ "up, all made good", 'u', 0, 2, false },
		{ "down, first pass", 'd', 0, 1, true },
		{ "down from the journal, not yet borne out", 'd', 1, 0, true },
		{ "down from the journal, nothing heard", 'd', 0, 0, false },
		{ "down, held though passes are enough", 'd', 0, 2, false },
		{ "nothing known", 'n', 0, 0, false },
		{ "unknown, counting", '-', 1, 0, true },
		{ "unknown, counting up", '-', 0, 1, true },
		{ "unknown, at ease", '-', 0, 0, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct health_schedule s = { .place = 4000 };
		struct health_state st;

		start(&st, rows[i].from, rows[i].fails, rows[i].passes);
		health_schedule_next(&s, &plain, &st, 10500);
		ck_assert_msg(rows[i].retry ? s.next_ms == 11500 : s.next_ms >= 14000 && s.next_ms <= 14000 + JITTER, "%s: %" PRIu64, rows[i].name, s.next_ms);
	}
}
END_TEST

/* T a time-out, F another failure, P a pass; below each, the breaker after it: c closed, 2 and 4 open, by the factor. */
START_TEST(test_breaker)
{
	static const struct { const char *name; uint32_t interval_ms; const char *in, *out; } rows[] = {
		{ "a target that hangs is asked less often, up to a bound", 1000, "PTTTTTTTTTTTTTTTTTTTT", "ccccccccccc2222222244" },
		{ "one that refuses is not", 1000, "PFFFFFFFFFFFFFFFFFFFF", "ccccccccccccccccccccc" },
		{ "any answer closes it", 1000, "TTTTTTTTTTFTT", "cccccccc22ccc" },
		{ "a pass too", 1000, "TTTTTTTTTTPTT", "cccccccc22ccc" },
		{ "bugs and void change nothing", 1000, "TTTTTTTTTBVT", "cccccccc2222" },
		{ "where the interval is long, less", 10000, "TTTTTTTTTTTTTTTTTT", "cccccccc2222222222" },
		{ "or not at all", 20000, "TTTTTTTTTTTTTTTTTT", "cccccccccccccccccc" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct health_timing t = { rows[i].interval_ms, 500, 100, 3, 2, DEFAULT };
		struct health_schedule s;
		struct health_state st;
		uint64_t now = 1000000;

		health_state_init(&st);
		health_schedule_init(&s, &t, 4711, now);
		for (size_t k = 0; rows[i].in[k]; k++) {
			struct health_result timeout = { .reason = HEALTH_READ_TIMEOUT };
			bool changed = rows[i].in[k] == 'T' ? health_state_feed(&st, &t, &timeout, now) : feed(&st, &t, rows[i].in[k], now);
			unsigned factor = health_breaker_factor(&st, &t);

			(void)changed;
			health_schedule_next(&s, &t, &st, now);
			ck_assert_msg((factor == 1 ? 'c' : (char)('0' + factor)) == rows[i].out[k], "%s: %zu: %u", rows[i].name, k, factor);
			ck_assert_uint_le(s.next_ms - now, (uint64_t)factor * t.interval_ms + t.interval_ms / 16);
			ck_assert(!health_state_age(&st, &t, s.next_ms + 500)); /* it does not grow old meanwhile */
			now = s.next_ms;
		}
	}
	ck_assert_str_eq(health_breaker_text(health_breaker_of(&(struct health_state){ .hung = 7 }, true)), "closed");
	ck_assert_str_eq(health_breaker_text(health_breaker_of(&(struct health_state){ .hung = 8 }, false)), "open");
	ck_assert_str_eq(health_breaker_text(health_breaker_of(&(struct health_state){ .hung = 8 }, true)), "half-open");
}
END_TEST

static Suite *health_suite(void)
{
	Suite *s = suite_create("health");
	TCase *state = tcase_create("state"), *schedule = tcase_create("schedule");

	tcase_add_loop_test(state, test_story, 0, (int)(sizeof stories / sizeof *stories));
	tcase_add_test(state, test_state_shows_results);
	tcase_add_test(state, test_counters_saturate);
	tcase_add_test(state, test_recover_keeps_the_past);
	tcase_add_test(state, test_resume);
	tcase_add_test(state, test_to_flip);
	tcase_add_test(state, test_random_histories);
	suite_add_tcase(s, state);
	tcase_add_test(schedule, test_timeline);
	tcase_add_test(schedule, test_schedule_start);
	tcase_add_test(schedule, test_schedule_turns);
	tcase_add_test(schedule, test_patience);
	tcase_add_test(schedule, test_shared_ages_at_half_the_rate);
	tcase_add_test(schedule, test_schedule_does_not_drift);
	tcase_add_test(schedule, test_schedule_never_in_the_past);
	tcase_add_test(schedule, test_schedule_retries);
	tcase_add_test(schedule, test_breaker);
	suite_add_tcase(s, schedule);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(health_suite());
	int failed;

	printf("seed %d\n", SEED);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
