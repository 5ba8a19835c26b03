/* When silence counts. The histories are told in lines of time; a letter stands for 100 ms:
 *
 *     c  a canary, or the twin, answers (asked 20 ms before)    t  another target answers
 *     s  a canary answered that was asked 600 ms before; when is not known, for we were late to read it
 *     e  the twin answers what was sent 300 ms before           k  likewise, by a connection
 *     x  a canary is silent                                     .  nothing
 *     [  a probe with a time-out of 1 s begins                  +  it ends silent, and counts      -  and is void
 *     ^  a start: from here on somebody is asked                |  we stood still for 3 s until here
 *     !  from here on it is not the failure that takes the target down
 */
#include "tests/unit/unit.h"
#include "health/witness.h"

#define STEP_MS 100
#define EVERY_MS 200
#define TIMEOUT_MS 1000 /* H = 500 ms */
#define STOOD_MS 3000

static const struct { const char *what, *line; } stories[] = {
	{ "all is well: a silence counts as it ends", "c.c.c.[.c.c.c.c.c.+" },
	{ "one canary's word is lost", "c.c.c.[.c.c.c.c...+" },
	{ "the network went within the probe's second half: its first half was time enough to answer", "c.c.c.[c.c.c.c....+" },
	{ "the network went within its first half", "c.c.c.[c.c........-" },
	{ "the network went before it", "c.c.......[..........-" },
	{ "nobody has ever answered", "..[.........-" },
	{ "the network came back within it, and canaries had been silent", "c.c.x.x.x.[x.x.x.c.c.c.-" },
	{ "it began as the network was back", "c.c.x.x.x.xc.[c.c.c.c.c.+" },
	{ "a target is as good a witness", "t..[.t...t...t.+" },
	{ "a target is, but it was too long ago", "t..[.t..........-" },
	{ "targets were silent for long as it began: the network may have come back since", "t.....[.t...t...t.-" },
	{ "the same, while it does not take anybody down", "!t.....[.t...t...t.+" },
	{ "the same, but a target that answers was asked just before", "t.....t[...t...t...+" },
	{ "a gap behind a gap, and canaries were silent all the while", "c.c.......t.......[..t..c.c.c.-" },
	{ "and where the twin is dead for long", "c.c.................................t.......t...[.......t.-" },
	{ "one that began behind them", "c.c.......t.......t[...t...t...+" },
	{ "after a start the first word came late: the network may have", "^[..c.c.c.c.c.-[c.c.c.c.c.+" },
	{ "after a start it was asked before anybody who answered", "^[c.c.c.c.c.c.-" },
	{ "after a start it came at once", "^c[c.c.c.c.c.+" },
	{ "asked before we stood still", "c.c.c.[..|.c.c.c.-" },
	{ "it ends with our standing still", "c.c.c.[.c.|-" },
	{ "asked after we stood still, and before anybody who answers", "c.c.c.|[.c.c.c.c.c.-" },
	{ "not even one that takes nobody down", "!c.c.c.|[.c.c.c.c.c.-" },
	{ "asked after we stood still, and after somebody who answers", "c.c.c.|.c[.c.c.c.c.c+" },
	{ "an answer to what was asked before we stood still tells nothing of after it", "c.c.c.|.e[.c.c.c.c.c.-" },
	{ "nor where a connection kept it until we ran again", "c.c.c.|.k[.c.c.c.c.c.-" },
	{ "an old echo tells of when it was asked", "c.c.......[.ec.c.c.c.+" },
	{ "but by a connection, which says again what was lost, only of now", "c.c.......[.kc.c.c.c.-" },
	{ "what we were late to read may have come long ago", "c.c.c.[c.......s.-" },
	{ "what we were not late to read came now", "c.c.c.[c.c.c...e.+" },
	{ "no canary has spoken yet, and targets were silent for long", "^t......[t...t...t.-" },
	{ "after a void one the next, with all well, counts", "c.c......[.........-.c.c.[c.c.c.c.c.+" },
};

static void hear(struct health_witness *w, uint64_t asked, uint64_t heard, uint64_t now, bool beat, bool kept)
{
	health_witness_success(w, &(struct health_word){ .asked_ms = asked, .heard_ms = heard, .beat = beat, .kept = kept }, now);
}

START_TEST(silence_counts_where_somebody_witnesses)
{
	struct health_witness w = { 0 };
	uint64_t from = 0, stood_ms = 0;
	bool last = true;

	health_witness_set(&w, true, EVERY_MS);
	for (size_t i = 0; stories[_i].line[i]; i++) {
		uint64_t now = 1000 + i * STEP_MS + stood_ms;

		switch (stories[_i].line[i]) {
		case 'c':
		case 't':
			hear(&w, now - 20, now, now, stories[_i].line[i] == 'c', false);
			break;
		case 's':
			hear(&w, now - 600, now - 600, now, true, false);
			break;
		case 'e':
		case 'k':
			hear(&w, now - 300, now, now, stories[_i].line[i] == 'e', stories[_i].line[i] == 'k');
			break;
		case '|':
			stood_ms += STOOD_MS;
			now += STOOD_MS;
			from += from ? STOOD_MS : 0;
			health_witness_shift(&w, STOOD_MS, now);
			break;
		case 'x':
			health_witness_silence(&w, now);
			break;
		case '[':
			from = now;
			break;
		case '^':
			health_witness_begin(&w, now);
			break;
		case '!':
			last = false;
			break;
		case '+':
		case '-':
			ck_assert_msg(health_witness_counts(&w, from, from, TIMEOUT_MS, last, now) == (stories[_i].line[i] == '+'),
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
	ck_assert(health_witness_counts(&w, 1000, 1000, TIMEOUT_MS, false, 2000));
	health_witness_silence(&w, 2000);
	ck_assert_uint_eq(w.doubt_ms, 0);
	ck_assert(!health_witness_wants(&w, TIMEOUT_MS, 3000, 2500));
}
END_TEST

START_TEST(a_doubt_is_counted_and_ends)
{
	struct health_witness w = { 0 };

	health_witness_set(&w, true, EVERY_MS);
	hear(&w, 980, 1000, 1000, true, false);
	for (int i = 0; i < 3; i++)
		ck_assert(!health_witness_counts(&w, 2000, 2000, TIMEOUT_MS, false, 3000));
	ck_assert_uint_eq(w.doubt_ms, 1000); /* the last that was heard */
	ck_assert_uint_eq(w.voided, 3);
	hear(&w, 3980, 4000, 4000, false, false);
	ck_assert_uint_eq(w.doubt_ms, 0);
	ck_assert_uint_eq(w.since_ms, 3980);
	ck_assert_uint_eq(w.voided, 0);
	/* a reload that takes the last canary away leaves no doubt behind */
	ck_assert(!health_witness_counts(&w, 5000, 5000, TIMEOUT_MS, false, 6000));
	health_witness_set(&w, false, 0);
	ck_assert_uint_eq(w.doubt_ms, 0);
	ck_assert(health_witness_counts(&w, 5000, 5000, TIMEOUT_MS, false, 6000));
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

START_TEST(others_are_asked_all_along_where_nobody_speaks)
{
	static const struct { const char *what; uint64_t seen, beat; bool on, sparse; } rows[] = {
		{ "a canary spoke just now", 2000, 2200, true, false },
		{ "a canary is overdue", 2000, 2199, true, true },
		{ "a canary is overdue, but a target spoke just now", 2400, 2000, true, false },
		{ "a target did a little before", 2399, 2000, true, true },
		{ "nobody ever", 0, 0, true, true },
		{ "there is no witness", 0, 0, false, false },
	};
	struct health_witness w = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		health_witness_set(&w, rows[i].on, EVERY_MS);
		w.seen_ms = rows[i].seen;
		w.beat_ms = rows[i].beat;
		ck_assert_msg(health_witness_is_sparse(&w, 2500) == rows[i].sparse, "%s", rows[i].what);
	}
	/* together no more than what is held to be a gap */
	ck_assert_uint_eq(health_witness_keep_ms(&w) + health_witness_slack_ms(&w), EVERY_MS * 5 / 2);
}
END_TEST

START_TEST(a_pause_of_ours_is_no_silence_of_theirs)
{
	struct health_witness w = { 0 };

	health_witness_set(&w, true, EVERY_MS);
	hear(&w, 980, 1000, 1000, true, false);
	health_witness_shift(&w, 60000, 61000);
	ck_assert(!health_witness_counts(&w, 60600, 60600, TIMEOUT_MS, false, 61400));
	ck_assert_uint_eq(w.doubt_ms, 0); /* void, but nothing to be isolated for */
	ck_assert_uint_eq(w.seen_ms, 61000);
}
END_TEST

START_TEST(whole_is_what_is_known_to_be)
{
	struct health_witness w = { 0 };

	health_witness_set(&w, true, EVERY_MS);
	health_witness_begin(&w, 1000);
	ck_assert(!health_witness_is_whole(&w, 0, 1000));
	hear(&w, 1100, 1150, 1150, true, false);
	ck_assert(health_witness_is_whole(&w, 50, 1150));
	ck_assert(!health_witness_is_whole(&w, 51, 1150));
	ck_assert(!health_witness_counts(&w, 2000, 2000, TIMEOUT_MS, false, 3000));
	ck_assert(!health_witness_is_whole(&w, 0, 3000));
	hear(&w, 3050, 3100, 3100, true, false);
	ck_assert(health_witness_is_whole(&w, 50, 3100));
	health_witness_shift(&w, 5000, 8100);
	ck_assert(!health_witness_is_whole(&w, 0, 8100));
	/* who was asked before is heard, but does not end a doubt */
	hear(&w, 8000, 8150, 8150, false, false);
	ck_assert(!health_witness_is_whole(&w, 0, 8150));
	ck_assert_uint_eq(w.seen_ms, 8150);
	hear(&w, 8200, 8250, 8250, true, false);
	ck_assert(health_witness_is_whole(&w, 50, 8250));
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
				 others_are_asked_all_along_where_nobody_speaks, whole_is_what_is_known_to_be, paths_are_told_apart, canaries_are_asked_often_enough };

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
