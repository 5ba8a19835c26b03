/* When silence counts. The histories are told in lines of time; a letter stands for 100 ms:
 *
 *     c  a canary, or the twin, answers (asked 20 ms before)    t  another target answers
 *     x  a canary is silent                                     .  nothing
 *     [  a probe with a time-out of 1 s begins                  +  it ends silent, and counts      -  and is void
 *     ^  a start: from here on somebody is asked
 *     !  from here on it is not the failure that takes the target down
 */
#include "tests/unit/unit.h"
#include "health/witness.h"

#define STEP_MS 100
#define EVERY_MS 200
#define TIMEOUT_MS 1000 /* H = 500 ms */

static const struct { const char *what, *line; } stories[] = {
	{ "all is well: a silence counts as it ends", "c.c.c.[.c.c.c.c.c.+" },
	{ "one canary's word is lost", "c.c.c.[.c.c.c.c...+" },
	{ "the network went within the probe's second half: its first half was time enough to answer", "c.c.c.[c.c.c.c....+" },
	{ "the network went within its first half", "c.c.c.[c.c........-" },
	{ "the network went before it", "c.c.......[..........-" },
	{ "nobody has ever answered", "..[.........-" },
	{ "the network came back within it, and canaries had been silent", "c.c.x.x.x.[x.x.x.c.c.c.-" },
	{ "it began as the network was back", "c.c.x.x.x.xc.[c.c.c.c.c.+" },
	{ "a target is as good a witness", "t....[...t...t...+" },
	{ "a target is, but it was too long ago", "t....[t..........-" },
	{ "after a start the first word came late: the network may have", "^[..c.c.c.c.c.-[c.c.c.c.c.+" },
	{ "after a start it came at once", "^c[c.c.c.c.c.+" },
	{ "no canary has spoken yet, and targets were silent for long", "^t......[t...t...t.-" },
	{ "after a void one the next, with all well, counts", "c.c......[.........-.c.c.[c.c.c.c.c.+" },
};

START_TEST(silence_counts_where_somebody_witnesses)
{
	struct health_witness w = { 0 };
	uint64_t from = 0;
	bool last = true;

	health_witness_set(&w, true, EVERY_MS);
	for (size_t i = 0; stories[_i].line[i]; i++) {
		uint64_t now = 1000 + i * STEP_MS;

		switch (stories[_i].line[i]) {
		case 'c':
		case 't':
			health_witness_success(&w, now - 20, now, stories[_i].line[i] == 'c');
			break;
		case 'x':
			health_witness_silence(&w, now);
			break;
		case '[':
			from = now;
			break;
		case '^':
			w.asked_ms = now;
			break;
		case '!':
			last = false;
			break;
		case '+':
		case '-':
			ck_assert_msg(health_witness_counts(&w, from, TIMEOUT_MS, last, now) == (stories[_i].line[i] == '+'),
				      "%s: %s at %zu", stories[_i].what, stories[_i].line, i);
			break;
		}
	}
}
END_TEST

START_TEST(without_a_witness_the_rule_is_off)
{
	struct health_witness w = { 0 };

	health_witness_set(&w, false, 0);
	ck_assert(health_witness_counts(&w, 1000, TIMEOUT_MS, false, 2000));
	health_witness_silence(&w, 2000);
	ck_assert_uint_eq(w.doubt_ms, 0);
	ck_assert(!health_witness_wants(&w, TIMEOUT_MS, 3000, 2500));
}
END_TEST

START_TEST(a_doubt_is_counted_and_ends)
{
	struct health_witness w = { 0 };

	health_witness_set(&w, true, EVERY_MS);
	health_witness_success(&w, 980, 1000, true);
	for (int i = 0; i < 3; i++)
		ck_assert(!health_witness_counts(&w, 2000, TIMEOUT_MS, false, 3000));
	ck_assert_uint_eq(w.doubt_ms, 1000); /* the last that was heard */
	ck_assert_uint_eq(w.voided, 3);
	health_witness_success(&w, 3980, 4000, false);
	ck_assert_uint_eq(w.doubt_ms, 0);
	ck_assert_uint_eq(w.since_ms, 3980);
	ck_assert_uint_eq(w.voided, 0);
	/* a reload that takes the last canary away leaves no doubt behind */
	ck_assert(!health_witness_counts(&w, 5000, TIMEOUT_MS, false, 6000));
	health_witness_set(&w, false, 0);
	ck_assert_uint_eq(w.doubt_ms, 0);
	ck_assert(health_witness_counts(&w, 5000, TIMEOUT_MS, false, 6000));
}
END_TEST

START_TEST(others_are_asked_where_the_own_witnesses_do_not_speak)
{
	static const struct { const char *what; uint64_t seen, beat; bool wants; } rows[] = {
		{ "a canary spoke just now", 2400, 2400, false },
		{ "a canary is overdue, a target spoke just now but will be too long ago", 2400, 2000, true },
		{ "a canary is overdue, a target will do", 2600, 2000, false },
		{ "nobody ever", 0, 0, true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct health_witness w = { 0 };

		health_witness_set(&w, true, EVERY_MS);
		w.seen_ms = rows[i].seen;
		w.beat_ms = rows[i].beat;
		ck_assert_msg(health_witness_wants(&w, TIMEOUT_MS, 3000, 2500) == rows[i].wants, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(a_pause_of_ours_is_no_silence_of_theirs)
{
	struct health_witness w = { 0 };

	health_witness_set(&w, true, EVERY_MS);
	health_witness_success(&w, 980, 1000, true);
	health_witness_shift(&w, 60000);
	ck_assert(health_witness_counts(&w, 60600, TIMEOUT_MS, false, 61400));
	ck_assert_uint_eq(w.doubt_ms, 0);
}
END_TEST

START_TEST(paths_are_told_apart)
{
	static const struct { const char *address; enum health_path path; bool local; } rows[] = {
		{ "192.0.2.1", HEALTH_PATH_V4, false }, { "2001:db8::1", HEALTH_PATH_V6, false },
		{ "127.0.0.9", HEALTH_PATH_V4_LOCAL, true }, { "::1", HEALTH_PATH_V6_LOCAL, true },
	};
	struct addr none = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct addr a;

		ck_assert_int_eq(addr_parse(&a, rows[i].address, strlen(rows[i].address), 0), 0);
		ck_assert_int_eq(health_path_of(&a), rows[i].path);
		ck_assert(health_path_is_local(rows[i].path) == rows[i].local);
		ck_assert_str_ne(health_path_text(rows[i].path), "none");
	}
	ck_assert_int_eq(health_path_of(&none), HEALTH_PATH_NONE);
	ck_assert_str_eq(health_path_text((enum health_path)99), "none");
}
END_TEST

START_TEST(canaries_are_asked_often_enough)
{
	static const uint32_t rows[][3] = { { 10, 100, 200 }, { 500, 100, 200 }, { 2000, 400, 800 }, { 60000, 1000, 900 } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_uint_eq(health_canary_every_ms(rows[i][0]), rows[i][1]);
		ck_assert_uint_eq(health_canary_timeout_ms(rows[i][1]), rows[i][2]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("witness");
	TCase *c = tcase_create("all");
	const TTest *tests[] = { without_a_witness_the_rule_is_off, a_doubt_is_counted_and_ends,
				 others_are_asked_where_the_own_witnesses_do_not_speak, a_pause_of_ours_is_no_silence_of_theirs,
				 paths_are_told_apart, canaries_are_asked_often_enough };

	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(c, tests[i]);
	tcase_add_loop_test(c, silence_counts_where_somebody_witnesses, 0, (int)(sizeof stories / sizeof *stories));
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
