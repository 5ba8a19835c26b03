/* Votes, all of them for up to four observers, against a second statement of the rules and against what must hold of
 * any rule; the hybrid clock; the names of states.
 */
#include <stdio.h>
#include <string.h>
#include "pair/clock.h"
#include "pair/pair.h"
#include "tests/unit/unit.h"

#define OBSERVERS_MAX 4
#define BALLOTS 6 /* abstain, up, down; isolated or not */

static const enum pair_agree rules[] = { PAIR_ANY_UP, PAIR_ANY_DOWN, PAIR_QUORUM, PAIR_LOCAL };

static void ballots_of(unsigned number, size_t n, struct pair_ballot out[OBSERVERS_MAX])
{
	for (size_t i = 0; i < n; i++, number /= BALLOTS)
		out[i] = (struct pair_ballot){ .vote = (uint8_t)(number % BALLOTS % 3),
					       .isolated = number % BALLOTS >= 3 };
}

static unsigned power(size_t n)
{
	return n ? BALLOTS * power(n - 1) : 1;
}

static bool says_up(struct pair_ballot b) { return b.vote == PAIR_UP; }
static bool says_down(struct pair_ballot b) { return b.vote == PAIR_DOWN && !b.isolated; }

/* The table of the rules, said another way: as the sign of a weighted sum. */
static enum pair_effective oracle(enum pair_agree rule, const struct pair_ballot *b, size_t n)
{
	int sum = 0;

	if (rule == PAIR_LOCAL && n && (says_up(b[0]) || says_down(b[0])))
		n = 1;
	for (size_t i = 0; i < n; i++) {
		int up = rule == PAIR_QUORUM     ? 1
			 : rule == PAIR_ANY_DOWN ? 1
						 : 100,
		    down = rule == PAIR_ANY_DOWN ? 100 : 1;
		sum += says_up(b[i]) ? up : says_down(b[i]) ? -down : 0;
	}
	return sum > 0 ? PAIR_EFF_UP : sum < 0 ? PAIR_EFF_DOWN : PAIR_HOLD;
}

static void check_case(enum pair_agree rule, const struct pair_ballot *b, size_t n)
{
	enum pair_effective e = pair_decide(rule, b, n);
	bool any_down = false;

	ck_assert_int_eq(e, oracle(rule, b, n));
	for (size_t i = 0; i < n; i++) {
		struct pair_ballot better[OBSERVERS_MAX];
		any_down |= says_down(b[i]);
		memcpy(better, b, n * sizeof *b);
		better[i] = (struct pair_ballot){ .vote = PAIR_UP };
		if (e == PAIR_EFF_UP) /* good news never turns UP to DOWN */
			ck_assert_int_eq(pair_decide(rule, better, n), PAIR_EFF_UP);
	}
	if (e == PAIR_EFF_DOWN) /* somebody with a working network has seen it */
		ck_assert(any_down);
}

/* Every node has its own ballot first; all but local must not mind. */
static void check_order(enum pair_agree rule, const struct pair_ballot *b, size_t n)
{
	struct pair_ballot turned[OBSERVERS_MAX];

	for (size_t by = 1; by < n; by++) {
		for (size_t i = 0; i < n; i++)
			turned[i] = b[(i + by) % n];
		if (rule != PAIR_LOCAL)
			ck_assert_int_eq(pair_decide(rule, turned, n), pair_decide(rule, b, n));
	}
	if (n > 2) { /* and the order of the others matters to nobody */
		memcpy(turned, b, n * sizeof *b);
		turned[1] = b[n - 1];
		turned[n - 1] = b[1];
		ck_assert_int_eq(pair_decide(rule, turned, n), pair_decide(rule, b, n));
	}
}

START_TEST(all_votes_of_up_to_four_observers)
{
	struct pair_ballot b[OBSERVERS_MAX];

	for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
		for (size_t n = 0; n <= OBSERVERS_MAX; n++) {
			for (unsigned i = 0; i < power(n); i++) {
				ballots_of(i, n, b);
				check_case(rules[r], b, n);
				check_order(rules[r], b, n);
			}
		}
	}
}
END_TEST

START_TEST(a_lone_survivor_can_still_declare_down)
{
	struct pair_ballot b = { .vote = PAIR_DOWN };

	for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
		ck_assert_int_eq(pair_decide(rules[r], &b, 1), PAIR_EFF_DOWN);
}
END_TEST

START_TEST(nonsense_abstains)
{
	struct pair_ballot b[2] = { { .vote = 200 }, { .vote = PAIR_UP } };

	ck_assert_int_eq(pair_decide(PAIR_ANY_DOWN, b, 1), PAIR_HOLD);
	ck_assert_int_eq(pair_decide(PAIR_LOCAL, b, 2), PAIR_EFF_UP);
	ck_assert_int_eq(pair_decide((enum pair_agree)0, b, 2), PAIR_HOLD);
	ck_assert_int_eq(pair_decide((enum pair_agree)9, b, 2), PAIR_HOLD);
}
END_TEST

START_TEST(stamps_rise_whatever_the_clock_does)
{
	static const uint64_t walls[] = { 1000, 1000, 500, 2000, 0, UINT64_MAX, 3000 };
	struct clock_hlc c = { 0 };
	uint64_t last = 0;

	for (size_t i = 0; i < sizeof walls / sizeof *walls; i++) {
		uint64_t stamp = clock_hlc_next(&c, walls[i]);
		ck_assert_uint_gt(stamp, last);
		ck_assert_uint_eq(clock_hlc_peek(&c, 0), stamp);
		last = stamp;
	}
}
END_TEST

START_TEST(a_stamp_is_above_all_that_were_seen)
{
	struct clock_hlc c = { 0 };
	uint64_t theirs = (uint64_t)9000 << 16 | 5;

	ck_assert_uint_eq(clock_hlc_next(&c, 1000), (uint64_t)1000 << 16);
	clock_hlc_absorb(&c, theirs);
	ck_assert_uint_eq(clock_hlc_next(&c, 1001), theirs + 1);
	clock_hlc_absorb(&c, 7); /* an old one changes nothing */
	ck_assert_uint_eq(clock_hlc_next(&c, 9001), (uint64_t)9001 << 16);
	clock_hlc_absorb(&c, UINT64_MAX); /* the end of time: no way round to zero */
	ck_assert_uint_eq(clock_hlc_next(&c, 9001), UINT64_MAX);
}
END_TEST

START_TEST(states_have_names)
{
	for (int i = PAIR_SELF_NONE + 1; i <= PAIR_MAINT; i++)
		ck_assert_str_ne(pair_self_state_text((enum pair_self_state)i), "none");
	for (int i = PAIR_LINK_NONE + 1; i <= PAIR_INCOMPATIBLE; i++)
		ck_assert_str_ne(pair_link_state_text((enum pair_link_state)i), "none");
	ck_assert_str_eq(pair_link_state_text((enum pair_link_state)77), "none");
	ck_assert_str_eq(pair_self_state_text((enum pair_self_state)77), "none");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		all_votes_of_up_to_four_observers,   a_lone_survivor_can_still_declare_down, nonsense_abstains,
		stamps_rise_whatever_the_clock_does, a_stamp_is_above_all_that_were_seen,    states_have_names
	};
	return unit_run("pair_vote", tests, sizeof tests / sizeof *tests);
}
