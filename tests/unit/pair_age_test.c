/* What only shows after a long time, or on a clock that was wrong once: stamps that begin anew, echoes that were held for hours, a
 * wall clock that stood a day ahead for a moment.
 */
#include "tests/unit/pair_world.h"

#define MINUTE_MS 60000u
#define DAY_MS (1440u * MINUTE_MS)
#define WEEKS_MS (26u * DAY_MS) /* over 2^31 ms: the stamp of then looks as if it were yet to come */

/* As if the newest packet that came that way had come so long ago. */
static void age_echo(size_t i, enum link_way way, uint32_t by_ms)
{
	struct pair_echo *echo = &w.node[i]->peers[0].echo[way];
	ck_assert(echo->has);
	echo->ts -= by_ms;
	echo->at_ms -= by_ms;
}

START_TEST(a_way_that_rested_for_weeks_carries_again)
{
	meet(2);
	cut_udp(0, 1, true);
	run(8000);
	ck_assert(view(0, 1).link == PAIR_TCP_ONLY && view(1, 0).link == PAIR_TCP_ONLY);
	cut_udp(0, 1, false);
	run(15000);
	ck_assert(view(0, 1).link == PAIR_ACTIVE && view(1, 0).link == PAIR_ACTIVE);
	hush();
	for (size_t i = 0; i < 2; i++)
		age_echo(i, LINK_TCP, WEEKS_MS);
	cut_udp(0, 1, true);
	run(8000);
	ck_assert_str_eq(w.story[0], "suspect tcp-only ");
	ck_assert_str_eq(w.story[1], "suspect tcp-only ");
	world_deinit();
}
END_TEST

START_TEST(a_cut_of_weeks_heals)
{
	meet(2);
	cut_udp(0, 1, true);
	cut_tcp(0, 1, true);
	run(8000);
	ck_assert(view(0, 1).link == PAIR_LOST && view(1, 0).link == PAIR_LOST);
	for (size_t i = 0; i < 2; i++)
		age_echo(i, LINK_UDP, WEEKS_MS);
	cut_udp(0, 1, false);
	run(3000);
	ck_assert(view(0, 1).link == PAIR_ACTIVE && view(1, 0).link == PAIR_ACTIVE);
	world_deinit();
}
END_TEST

/* Whether node i told of a clock that is far off. */
static bool blames(size_t i)
{
	char word[16];
	snprintf(word, sizeof word, "event%d!", PAIR_EVENT_SKEW);
	return strstr(w.story[i], word) != NULL;
}

/* The first word after a long cut is the echo of the last one before it. */
START_TEST(an_echo_that_was_held_for_hours_is_no_round_trip)
{
	world_init(2);
	w.now_ms += DAY_MS;
	start(0);
	start(1);
	run(3000);
	w.cut[0][1] = true;
	cut_tcp(0, 1, true);
	run(8000);
	hush();
	age_echo(1, LINK_UDP, 120 * MINUTE_MS);
	w.node[0]->peers[0].link.echo_ms -= 121 * MINUTE_MS;
	w.node[0]->peers[0].session.highest--; /* (nothing else came meanwhile) */
	run(500);
	ck_assert_uint_lt(view(0, 1).rtt_us, 100000);
	w.cut[0][1] = false;
	run(3000);
	ck_assert_uint_lt(view(0, 1).rtt_us, 100000);
	ck_assert(view(0, 1).link == PAIR_ACTIVE && !blames(0));
	world_deinit();
}
END_TEST

static bool is_right(int64_t offset_ms)
{
	return offset_ms > -2000 && offset_ms < 2000;
}

/* Stamps stay where they have got to; what is said of a twin's clock is its clock. */
START_TEST(a_clock_that_is_right_again_is_blamed_no_longer)
{
	meet(2);
	w.wall_off_ms[1] = DAY_MS;
	run(3000);
	ck_assert(view(0, 1).clock_offset_ms > DAY_MS - 2000 && view(0, 1).clock_offset_ms < DAY_MS + 2000);
	ck_assert(view(1, 0).clock_offset_ms < 2000 - (int64_t)DAY_MS && view(1, 0).clock_offset_ms > -2000 - (int64_t)DAY_MS);
	ck_assert(blames(0) && blames(1));
	w.wall_off_ms[1] = 0;
	run(3000);
	hush();
	ck_assert(is_right(view(0, 1).clock_offset_ms) && is_right(view(1, 0).clock_offset_ms));
	run(10000);
	ck_assert_str_eq(w.story[0], "");
	ck_assert_str_eq(w.story[1], "");
	ck_assert(is_right(view(0, 1).clock_offset_ms) && is_right(view(1, 0).clock_offset_ms));
	world_deinit();
}
END_TEST

/* Of three the one that is wrong is blamed, and not who believed it. */
START_TEST(who_follows_a_fast_clock_is_not_taken_for_fast)
{
	meet(3);
	w.wall_off_ms[2] = DAY_MS;
	run(3000);
	ck_assert(is_right(view(0, 1).clock_offset_ms) && is_right(view(1, 0).clock_offset_ms));
	ck_assert(!is_right(view(0, 2).clock_offset_ms) && !is_right(view(1, 2).clock_offset_ms));
	world_deinit();
}
END_TEST

START_TEST(how_far_a_stamp_is_ahead_is_said_as_far_as_it_goes)
{
	ck_assert_uint_eq(clock_hlc_ahead_s(WALL << 16 | 7, WALL), 0);
	ck_assert_uint_eq(clock_hlc_ahead_s(WALL << 16, WALL + 5000), 0);
	ck_assert_uint_eq(clock_hlc_ahead_s((WALL + 2999) << 16, WALL), 2);
	ck_assert_uint_eq(clock_hlc_ahead_s((WALL + 1000ull * BEAT_AHEAD_MAX_S) << 16, WALL), BEAT_AHEAD_MAX_S);
	ck_assert_uint_eq(clock_hlc_ahead_s(UINT64_MAX, 0), BEAT_AHEAD_MAX_S);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_way_that_rested_for_weeks_carries_again, a_cut_of_weeks_heals, an_echo_that_was_held_for_hours_is_no_round_trip,
				 a_clock_that_is_right_again_is_blamed_no_longer, who_follows_a_fast_clock_is_not_taken_for_fast,
				 how_far_a_stamp_is_ahead_is_said_as_far_as_it_goes };
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	return unit_run("pair_age", tests, sizeof tests / sizeof *tests);
}
