/* Which packets count: bound or hello, new or old session, and the window, also against a plain second statement of
 * it. */
#include <stdio.h>
#include <string.h>
#include "base/rng.h"
#include "pair/session.h"
#include "tests/unit/unit.h"

#define MINE 100

START_TEST(sessions_are_judged)
{
	/* the current session: boot 7, epoch 50, counters 1..3 seen but 2 */
	static const struct {
		uint64_t your_boot, boot, epoch, counter;
		enum session_verdict want;
		const char *what;
	} rows[] = {
		{ MINE, 7, 50, 4, SESSION_BOUND, "the next" },
		{ MINE, 7, 50, 2, SESSION_BOUND, "overtaken" },
		{ MINE, 7, 50, 3, SESSION_REPLAY, "again" },
		{ MINE, 7, 50, 1, SESSION_REPLAY, "the first again" },
		{ 0, 7, 50, 4, SESSION_HELLO, "does not know me" },
		{ 99, 7, 50, 4, SESSION_HELLO, "knows an earlier me" },
		{ 99, 8, 51, 1, SESSION_HELLO, "new, but knows an earlier me" },
		{ MINE, 8, 51, 1, SESSION_NEW, "a new start" },
		{ MINE, 8, 51, 900, SESSION_NEW, "a new start, first packets lost" },
		{ MINE, 8, 50, 1, SESSION_OLD, "another boot of the same epoch" },
		{ MINE, 6, 49, 1, SESSION_OLD, "an earlier start" },
		{ MINE, 7, 51, 4, SESSION_OLD, "boot and epoch change together" },
	};
	struct session s = { 0 };

	ck_assert_int_eq(session_judge(&s, MINE, MINE, 7, 50, 1), SESSION_NEW);
	session_accept(&s, 7, 50, 1);
	session_accept(&s, 7, 50, 3);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct session before = s;
		enum session_verdict v =
			session_judge(&s, MINE, rows[i].your_boot, rows[i].boot, rows[i].epoch, rows[i].counter);
		ck_assert_msg(v == rows[i].want, "%s: %d", rows[i].what, (int)v);
		ck_assert_mem_eq(&s, &before, sizeof s);
	}
	session_accept(&s, 8, 51, 900);
	ck_assert_int_eq(session_judge(&s, MINE, MINE, 8, 51, 3), SESSION_BOUND); /* the window begins anew */
	ck_assert_int_eq(session_judge(&s, MINE, MINE, 7, 50, 9), SESSION_OLD);
}
END_TEST

START_TEST(window_ends_where_promised)
{
	struct session s = { 0 };

	session_accept(&s, 7, 50, 5000);
	ck_assert_int_eq(session_judge(&s, MINE, MINE, 7, 50, 5000 - SESSION_WINDOW + 1), SESSION_BOUND);
	ck_assert_int_eq(session_judge(&s, MINE, MINE, 7, 50, 5000 - SESSION_WINDOW), SESSION_REPLAY);
	session_accept(&s, 7, 50, UINT64_MAX);
	ck_assert_int_eq(session_judge(&s, MINE, MINE, 7, 50, UINT64_MAX), SESSION_REPLAY);
	ck_assert_int_eq(session_judge(&s, MINE, MINE, 7, 50, UINT64_MAX - 1), SESSION_BOUND);
	ck_assert_int_eq(session_judge(&s, MINE, MINE, 7, 50, 5000), SESSION_REPLAY);
	s = (struct session){ 0 };
	session_accept(&s, 7, 50, UINT64_MAX - 5); /* and step by step up to the last */
	session_accept(&s, 7, 50, UINT64_MAX);
	ck_assert_int_eq(session_judge(&s, MINE, MINE, 7, 50, UINT64_MAX), SESSION_REPLAY);
	ck_assert_int_eq(session_judge(&s, MINE, MINE, 7, 50, UINT64_MAX - 1), SESSION_BOUND);
}
END_TEST

#define SPAN 20000
START_TEST(window_agrees_with_its_plain_statement)
{
	static bool seen[SPAN + 1];
	struct session s = { 0 };
	struct rng r;
	uint64_t highest = 1;

	rng_init(&r, 4711);
	session_accept(&s, 7, 50, 1);
	seen[1] = true;
	for (int i = 0; i < 200000; i++) {
		uint64_t reach = rng_below(&r, 50) ? 40 : 2000, c = highest + reach / 8;
		c = c > rng_below(&r, reach) ? c - rng_below(&r, reach) : 1;
		c = c < 1 ? 1 : c > SPAN ? SPAN : c;
		bool replay = (c <= highest && highest - c >= SESSION_WINDOW) || seen[c];
		ck_assert_msg(session_judge(&s, MINE, MINE, 7, 50, c) == (replay ? SESSION_REPLAY : SESSION_BOUND),
			      "round %d", i);
		if (replay)
			continue;
		session_accept(&s, 7, 50, c);
		seen[c] = true;
		highest = c > highest ? c : highest;
	}
	ck_assert_uint_gt(highest, 10000);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { sessions_are_judged, window_ends_where_promised,
				 window_agrees_with_its_plain_statement };
	return unit_run("pair_session", tests, sizeof tests / sizeof *tests);
}
