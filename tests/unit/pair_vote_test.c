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
static const struct pair_quorum majority = { PAIR_QUORUM_ABOVE_PCT, PAIR_QUORUM_LEAST };

/* Quorums, and what the observers weigh: shares above, below and at them, and too little in all. */
static const struct pair_quorum quorums[] = { { 50, 1 }, { 50, 2 }, { 50, 4 }, { 1, 1 }, { 25, 1 }, { 33, 2 }, { 34, 2 }, { 60, 3 },
					      { 66, 2 }, { 67, 2 }, { 75, 1 }, { 80, 5 }, { 99, 1 }, { 50, 8 }, { 50, 700 } };
static const uint8_t weights[][OBSERVERS_MAX] = { { 1, 1, 1, 1 }, { 2, 1, 1, 1 }, { 3, 1, 2, 1 }, { 0, 1, 1, 0 }, { 0, 0, 0, 0 },
						  { 100, 99, 1, 100 }, { 1, 2, 4, 8 } };

static void ballots_of(unsigned number, size_t n, const uint8_t weight[OBSERVERS_MAX], struct pair_ballot out[OBSERVERS_MAX])
{
	for (size_t i = 0; i < n; i++, number /= BALLOTS)
		out[i] = (struct pair_ballot){ .vote = (uint8_t)(number % BALLOTS % 3),
					       .isolated = number % BALLOTS >= 3, .weight = weight[i] };
}

static unsigned power(size_t n)
{
	return n ? BALLOTS * power(n - 1) : 1;
}

static bool says_up(struct pair_ballot b) { return b.vote == PAIR_UP; }
static bool says_down(struct pair_ballot b) { return b.vote == PAIR_DOWN && !b.isolated; }

/* A quorum, said another way: every vote for down pulls by what q leaves, every vote for up by q, and the stronger side wins. */
static int pull(const struct pair_quorum *q, struct pair_ballot b)
{
	return says_down(b) ? -(100 - q->above_pct) * b.weight : says_up(b) ? q->above_pct * b.weight : 0;
}

static enum pair_effective oracle_quorum(const struct pair_quorum *q, const struct pair_ballot *b, size_t n)
{
	int sum = 0, said = 0;

	for (size_t i = 0; i < n; i++) {
		sum += pull(q, b[i]);
		said += says_up(b[i]) || says_down(b[i]) ? b[i].weight : 0;
	}
	return said < q->least || sum == 0 ? PAIR_HOLD : sum > 0 ? PAIR_EFF_UP : PAIR_EFF_DOWN;
}

/* The other rules, said another way: as the sign of a weighted sum. */
static enum pair_effective oracle(enum pair_agree rule, const struct pair_quorum *q, const struct pair_ballot *b, size_t n)
{
	int sum = 0;

	if (rule == PAIR_QUORUM)
		return oracle_quorum(q, b, n);
	if (rule == PAIR_LOCAL && n && (says_up(b[0]) || says_down(b[0])))
		n = 1;
	for (size_t i = 0; i < n; i++) {
		int up = rule == PAIR_ANY_DOWN ? 1 : 100, down = rule == PAIR_ANY_DOWN ? 100 : 1;
		sum += says_up(b[i]) ? up : says_down(b[i]) ? -down : 0;
	}
	return sum > 0 ? PAIR_EFF_UP : sum < 0 ? PAIR_EFF_DOWN : PAIR_HOLD;
}

static void check_case(enum pair_agree rule, const struct pair_quorum *q, const struct pair_ballot *b, size_t n)
{
	enum pair_effective e = pair_decide(rule, q, b, n);
	bool any_down = false;

	ck_assert_int_eq(e, oracle(rule, q, b, n));
	for (size_t i = 0; i < n; i++) {
		struct pair_ballot better[OBSERVERS_MAX];
		any_down |= says_down(b[i]);
		memcpy(better, b, n * sizeof *b);
		better[i] = (struct pair_ballot){ .vote = PAIR_UP, .weight = b[i].weight };
		if (e == PAIR_EFF_UP) /* good news never turns UP to DOWN */
			ck_assert_int_eq(pair_decide(rule, q, better, n), PAIR_EFF_UP);
	}
	if (e == PAIR_EFF_DOWN) /* somebody with a working network has seen it */
		ck_assert(any_down);
}

/* Every node has its own ballot first; all but local must not mind. */
static void check_order(enum pair_agree rule, const struct pair_quorum *q, const struct pair_ballot *b, size_t n)
{
	struct pair_ballot turned[OBSERVERS_MAX];

	for (size_t by = 1; by < n; by++) {
		for (size_t i = 0; i < n; i++)
			turned[i] = b[(i + by) % n];
		if (rule != PAIR_LOCAL)
			ck_assert_int_eq(pair_decide(rule, q, turned, n), pair_decide(rule, q, b, n));
	}
	if (n > 2) { /* and the order of the others matters to nobody */
		memcpy(turned, b, n * sizeof *b);
		turned[1] = b[n - 1];
		turned[n - 1] = b[1];
		ck_assert_int_eq(pair_decide(rule, q, turned, n), pair_decide(rule, q, b, n));
	}
}

static void check_all(enum pair_agree rule, const struct pair_quorum *q, const uint8_t weight[OBSERVERS_MAX])
{
	struct pair_ballot b[OBSERVERS_MAX];

	for (size_t n = 0; n <= OBSERVERS_MAX; n++) {
		for (unsigned i = 0; i < power(n); i++) {
			ballots_of(i, n, weight, b);
			check_case(rule, q, b, n);
			check_order(rule, q, b, n);
		}
	}
}

START_TEST(all_votes_of_up_to_four_observers)
{
	for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
		check_all(rules[r], &majority, weights[0]);
}
END_TEST

START_TEST(all_votes_of_all_weights_and_quorums)
{
	for (size_t w = 0; w < sizeof weights / sizeof *weights; w++)
		for (size_t q = 0; q < sizeof quorums / sizeof *quorums; q++)
			check_all(PAIR_QUORUM, &quorums[q], weights[w]);
}
END_TEST

/* What an operator would try by hand. */
START_TEST(a_quorum_by_hand)
{
	static const struct { struct pair_quorum q; const char *votes; uint8_t weight[3]; enum pair_effective e; } rows[] = {
		{ { 50, 1 }, "du", { 1, 1 }, PAIR_HOLD },        { { 50, 1 }, "ddu", { 1, 1, 1 }, PAIR_EFF_DOWN },
		{ { 50, 1 }, "du", { 2, 1 }, PAIR_EFF_DOWN },    { { 50, 1 }, "du", { 0, 1 }, PAIR_EFF_UP },
		{ { 50, 1 }, "d", { 0 }, PAIR_HOLD },            { { 50, 2 }, "d-", { 1, 1 }, PAIR_HOLD },
		{ { 50, 2 }, "d-", { 2, 1 }, PAIR_EFF_DOWN },    { { 66, 1 }, "ddu", { 1, 1, 1 }, PAIR_EFF_DOWN },
		{ { 67, 1 }, "ddu", { 1, 1, 1 }, PAIR_EFF_UP },  { { 75, 1 }, "du", { 3, 1 }, PAIR_HOLD },
		{ { 99, 1 }, "ddd", { 100, 100, 100 }, PAIR_EFF_DOWN },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pair_ballot b[3];
		size_t n = strlen(rows[i].votes);
		for (size_t k = 0; k < n; k++)
			b[k] = (struct pair_ballot){ .vote = rows[i].votes[k] == 'u' ? PAIR_UP : rows[i].votes[k] == 'd' ? PAIR_DOWN : PAIR_ABSTAIN,
						     .weight = rows[i].weight[k] };
		ck_assert_msg(pair_decide(PAIR_QUORUM, &rows[i].q, b, n) == rows[i].e, "row %zu", i);
	}
}
END_TEST

START_TEST(a_lone_survivor_can_still_declare_down)
{
	struct pair_ballot b = { .vote = PAIR_DOWN, .weight = 1 };

	for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
		ck_assert_int_eq(pair_decide(rules[r], &majority, &b, 1), PAIR_EFF_DOWN);
}
END_TEST

START_TEST(nonsense_abstains)
{
	struct pair_ballot b[2] = { { .vote = 200 }, { .vote = PAIR_UP } };

	ck_assert_int_eq(pair_decide(PAIR_ANY_DOWN, &majority, b, 1), PAIR_HOLD);
	ck_assert_int_eq(pair_decide(PAIR_LOCAL, &majority, b, 2), PAIR_EFF_UP);
	ck_assert_int_eq(pair_decide((enum pair_agree)0, &majority, b, 2), PAIR_HOLD);
	ck_assert_int_eq(pair_decide((enum pair_agree)9, &majority, b, 2), PAIR_HOLD);
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
		all_votes_of_up_to_four_observers, all_votes_of_all_weights_and_quorums, a_quorum_by_hand, a_lone_survivor_can_still_declare_down, nonsense_abstains,
		stamps_rise_whatever_the_clock_does, a_stamp_is_above_all_that_were_seen,    states_have_names
	};
	return unit_run("pair_vote", tests, sizeof tests / sizeof *tests);
}
