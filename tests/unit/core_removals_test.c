/* How many go within a minute, as stories: who is held, for how long, and that nothing but the verdicts' stamps counts. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "core/state.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "lib/plan_make.h"
#include "unit.h"

#define WWW "www.example.test"
#define A DNS_TYPE_A
#define CHECK "check web interval=1000 retry=200 rise=1\n"
#define SIX CHECK "service www.example.test web 127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14 127.0.0.15 127.0.0.16 ttl=1-300 "

static struct world w;

static void finish(void)
{
	world_end(&w);
}

static void die(const char *last)
{
	char address[32];
	for (; *last; last++) {
		snprintf(address, sizeof address, "127.0.0.1%c", *last);
		world_backend(&w, address, HEALTH_CONNECT_REFUSED);
		world_run(&w, 3000);
	}
}

/* "346": the last digits of the addresses published. */
static const char *in(void)
{
	static char out[16];
	const char *at = world_answer(&w, WWW, A);
	size_t n = 0;
	for (; n < sizeof out - 1 && strncmp(at, "127.0.0.1", 9) == 0; at += 11)
		out[n++] = at[9];
	out[n] = '\0';
	return out;
}

/* "46": those that are held. */
static const char *held(void)
{
	static char out[16];
	size_t n = 0;
	for (size_t i = 0; i < w.plan->services[0].policy.member_count; i++) {
		struct core_member_view m;
		core_member_get(w.core, 0, i, &m, w.now_ms);
		if (m.held)
			out[n++] = (char)('0' + m.conf->addr.ip[3] - 10);
		ck_assert(!m.held || (m.state == HEALTH_VERDICT_DOWN && m.answering && m.leaves_ms > w.now_ms));
	}
	out[n] = '\0';
	return out;
}

START_TEST(without_a_bound_all_go)
{
	world_begin(&w, SIX "\n");
	world_run(&w, 1000);
	die("12345");
	ck_assert_str_eq(in(), "6");
	ck_assert_str_eq(held(), "");
}
END_TEST

START_TEST(two_go_and_the_rest_as_the_minute_moves_on)
{
	world_begin(&w, SIX "removals=2\n");
	world_run(&w, 1000);
	uint64_t begin_ms = w.now_ms;
	die("1234"); /* at about 0, 3, 6 and 9 s */
	ck_assert_str_eq(in(), "3456");
	ck_assert_str_eq(held(), "34");
	world_trace(&w, NULL);
	world_run(&w, 47000);
	ck_assert_str_eq(world_trace(&w, "publish"), "");
	world_run(&w, begin_ms + 62000 - w.now_ms); /* the deadline alone wakes it */
	ck_assert_str_eq(in(), "456");
	world_run(&w, 3000);
	ck_assert_str_eq(in(), "56");
	ck_assert_str_eq(held(), "");
	die("5"); /* the second minute has had its two */
	ck_assert_str_eq(in(), "56");
	world_run(&w, 60000);
	ck_assert_str_eq(in(), "6");
}
END_TEST

START_TEST(it_is_told_once_when_it_begins_and_once_when_it_is_over)
{
	world_begin(&w, SIX "removals=1\n");
	world_run(&w, 1000);
	die("12");
	ck_assert_str_eq(world_trace(&w, "notice event=removals"),
			 "notice event=removals service=www.example.test held=1 state=held was=\"within bound\" cause=check "
			 "reason=\"1 member that is down stays in the answers, bound 1 a minute\" observer=ns1\n");
	die("345");
	ck_assert_str_eq(world_trace(&w, "notice event=removals"),
			 "notice event=removals service=www.example.test held=2 state=held was=\"within bound\" cause=check "
			 "reason=\"2 members that are down stay in the answers, bound 1 a minute\" observer=ns1\n"
			 "notice event=removals service=www.example.test held=4 state=held was=\"within bound\" cause=check "
			 "reason=\"4 members that are down stay in the answers, bound 1 a minute\" observer=ns1\n");
	world_run(&w, 300000);
	ck_assert_str_eq(world_trace(&w, "notice event=removals"),
			 "notice event=removals service=www.example.test held=0 most=4 state=\"within bound\" was=held cause=time "
			 "reason=\"all that are down are out of the answers\" observer=ns1\n");
	ck_assert_str_eq(in(), "6");
}
END_TEST

START_TEST(a_share_is_of_those_not_drained_and_never_less_than_one)
{
	static const struct { const char *members, *bound, *in; } rows[] = {
		{ "127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14", "25%", "234" },
		{ "127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14", "26%", "34" },
		{ "127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14", "1%", "234" },
		{ "127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14", "100%", "4" },
		{ "127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14 127.0.0.15!", "25%", "234" },
		{ "127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14 127.0.0.15!", "26%", "34" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char plan[512];
		snprintf(plan, sizeof plan, CHECK "service www.example.test web %s removals=%s\n", rows[i].members, rows[i].bound);
		world_begin(&w, plan);
		world_run(&w, 1000);
		die("123");
		ck_assert_msg(strcmp(in(), rows[i].in) == 0, "%s of %s: %s", rows[i].bound, rows[i].members, in());
		if (i + 1 < sizeof rows / sizeof rows[0])
			world_end(&w);
	}
}
END_TEST

START_TEST(operators_and_drains_are_not_bound)
{
	world_begin(&w, SIX "removals=1\n");
	world_run(&w, 1000);
	world_command(&w, "down 127.0.0.11");
	world_command(&w, "down 127.0.0.12");
	ck_assert_str_eq(in(), "3456");
	die("3"); /* theirs is no place in the minute */
	ck_assert_str_eq(in(), "456");
	die("4");
	ck_assert_str_eq(held(), "4");
	world_command(&w, "down 127.0.0.14"); /* at once, held or not */
	ck_assert_str_eq(in(), "56");
	world_command(&w, "auto 127.0.0.14");
	ck_assert_str_eq(held(), "4");
	world_command(&w, "drain 127.0.0.13"); /* gives its place back */
	ck_assert_str_eq(in(), "56");
	ck_assert_str_eq(held(), "");
}
END_TEST

START_TEST(who_comes_back_gives_its_place_back)
{
	world_begin(&w, SIX "removals=1\n");
	world_run(&w, 1000);
	die("123");
	ck_assert_str_eq(in(), "23456");
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 2000);
	ck_assert_str_eq(in(), "13456");
	world_backend(&w, "127.0.0.13", HEALTH_OK); /* one that was held: nobody sees it */
	world_trace(&w, NULL);
	world_run(&w, 2000);
	ck_assert_str_eq(in(), "13456");
	ck_assert_str_eq(held(), "");
	ck_assert_ptr_null(strstr(world_trace(&w, "notice event=answer"), "now"));
}
END_TEST

START_TEST(who_was_held_does_not_start_slowly)
{
	world_begin(&w, SIX "removals=1 pick=weighted slow_start=60000\n");
	world_run(&w, 1000);
	die("12");
	ck_assert_str_eq(held(), "2");
	world_backend(&w, "127.0.0.12", HEALTH_OK);
	world_run(&w, 3000);
	struct core_member_view m;
	core_member_get(w.core, 0, 1, &m, w.now_ms);
	ck_assert_int_eq(m.state, HEALTH_VERDICT_UP);
	ck_assert_uint_eq(m.start_pct, 0);
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 3000);
	core_member_get(w.core, 0, 0, &m, w.now_ms);
	ck_assert_uint_gt(m.start_pct, 0);
}
END_TEST

START_TEST(a_whole_service_does_not_fall_at_once)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 removals=1 need=1\n");
	world_run(&w, 1000);
	die("123");
	ck_assert_str_eq(in(), "2"); /* the tier goes on, for one that is held counts as up */
	world_run(&w, 60000);
	ck_assert_str_eq(in(), "3");
	world_run(&w, 60000);
	ck_assert_str_eq(in(), "12"); /* all_down */
}
END_TEST

START_TEST(the_first_round_is_bound_too)
{
	world_begin(&w, SIX "removals=2\n"); /* as where a bad check is new */
	for (const char *last = "12345"; *last; last++) {
		char address[32];
		snprintf(address, sizeof address, "127.0.0.1%c", *last);
		world_backend(&w, address, HEALTH_CONNECT_REFUSED);
	}
	world_run(&w, 3000);
	ck_assert_uint_eq(strlen(in()), 4);
	ck_assert_uint_eq(strlen(held()), 3);
}
END_TEST

START_TEST(the_ttl_knows_that_one_will_go)
{
	world_begin(&w, "check web interval=30000 retry=200 rise=10\n"
			"service www.example.test web 127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14 removals=1 ttl=1-300\n");
	world_run(&w, 1000);
	ck_assert_ptr_nonnull(strstr(world_answer(&w, WWW, A), " ttl=90"));
	for (const char *last = "123"; *last; last++) {
		char address[32];
		snprintf(address, sizeof address, "127.0.0.1%c", *last);
		world_backend(&w, address, HEALTH_CONNECT_REFUSED);
	}
	for (int i = 0; i < 60 && !*held(); i++)
		world_run(&w, 1000);
	ck_assert_uint_eq(strlen(held()), 1);
	ck_assert_ptr_nonnull(strstr(world_answer(&w, WWW, A), " ttl=60"));
	world_run(&w, 400000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.14 ttl=90");
}
END_TEST

START_TEST(a_restart_neither_frees_nor_repeats_places)
{
	world_begin(&w, SIX "removals=2\n");
	world_run(&w, 1000);
	uint64_t begin_ms = w.now_ms;
	die("1234");
	for (int i = 0; i < 3; i++) {
		world_restart(&w, SIZE_MAX);
		world_run(&w, 4000);
		ck_assert_str_eq(in(), "3456");
		ck_assert_str_eq(held(), "34");
	}
	world_run(&w, begin_ms + 62000 - w.now_ms);
	ck_assert_str_eq(in(), "456");
}
END_TEST

START_TEST(a_new_plan_goes_on_with_the_same_minute)
{
	world_begin(&w, SIX "removals=2\n");
	world_run(&w, 1000);
	die("1234");
	world_trace(&w, NULL);
	world_plan(&w, SIX "removals=2 answer=3\n");
	ck_assert_str_eq(held(), "34");
	ck_assert_str_eq(world_trace(&w, "notice event=removals"), "");
	world_plan(&w, SIX "removals=3\n");
	ck_assert_str_eq(held(), "4");
	world_plan(&w, SIX "\n");
	ck_assert_str_eq(held(), "");
	ck_assert_str_eq(in(), "56");
	ck_assert_ptr_nonnull(strstr(world_trace(&w, "notice event=removals"), "state=\"within bound\""));
	world_plan(&w, SIX "removals=1\n"); /* they went at those times, whoever was bound then */
	ck_assert_str_eq(held(), "234");
}
END_TEST

START_TEST(of_a_combined_check_the_stream_that_made_it_so_counts)
{
	world_begin(&w, CHECK "check two interval=1000 retry=200 rise=1 port=81\n"
			"service www.example.test web|two 127.0.0.11 127.0.0.12 127.0.0.13 removals=1\n");
	world_run(&w, 1000);
	die("12");
	ck_assert_str_eq(in(), "23");
	ck_assert_str_eq(held(), "2");
}
END_TEST

/* ---- the shared clock and the twins ---- */

static void step_at(uint64_t now_ms, uint64_t wall_ms)
{
	struct core_event e = { .type = CORE_TIMER };
	ck_assert_int_eq(core_step(w.core, &e, now_ms, wall_ms), 0);
}

START_TEST(the_clock_never_goes_back_or_stands_still)
{
	world_begin(&w, SIX "removals=1\n");
	world_run(&w, 1000);
	uint64_t wall = WORLD_WALL_MS + w.now_ms, at = wall;
	step_at(w.now_ms, wall);
	ck_assert_uint_eq(w.core->clock_ms, at);
	step_at(w.now_ms + 10, wall - 3600000);
	ck_assert_uint_eq(w.core->clock_ms, at + 10);
	step_at(w.now_ms + 20, wall - 3600000);
	ck_assert_uint_eq(w.core->clock_ms, at + 20);
	ck_assert_uint_eq(core_stamp(w.core) >> 16, at + 20);
	core_absorb(w.core, (at + 5000) << 16); /* a twin's is ahead */
	step_at(w.now_ms + 30, wall - 3600000);
	ck_assert_uint_eq(w.core->clock_ms, at + 5000);
	step_at(w.now_ms + 40, wall + 90000);
	ck_assert_uint_eq(w.core->clock_ms, wall + 90000);
	w.now_ms += 40;
}
END_TEST

/* The same stamps in another order of arrival, of members in another order: who goes when is the same. */
START_TEST(nothing_depends_on_what_arrived_first)
{
	static const uint64_t stamp[] = { 5000, 9000, 1000, 5000, 70000, 1000 };
	static const char *const plans[] = {
		CHECK "service www.example.test web 127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14 127.0.0.15 127.0.0.16 removals=2\n",
		CHECK "service www.example.test web 127.0.0.16 127.0.0.15 127.0.0.14 127.0.0.13 127.0.0.12 127.0.0.11 removals=2\n",
	};
	uint64_t leaves[2][6];
	for (int p = 0; p < 2; p++) {
		world_begin(&w, plans[p]);
		world_run(&w, 1000);
		struct service *s = &w.core->gen->services[0];
		struct policy_input *input = w.core->gen->input;
		for (size_t i = 0; i < 6; i++) {
			size_t of = (size_t)s->conf->policy.members[i].addr.ip[3] - 11;
			struct stream *stream = &w.core->gen->streams[s->conf->checks[i].streams[0]];
			stream->hold[s->agree - 1] = (struct hold){ .state = HEALTH_VERDICT_DOWN, .since = stamp[of] << 16 };
			input[i] = (struct policy_input){ .state = HEALTH_VERDICT_DOWN };
		}
		w.core->clock_ms = 0; /* all are still to go */
		removals_fill(w.core, s, input);
		for (size_t i = 0; i < 6; i++) {
			leaves[p][s->conf->policy.members[i].addr.ip[3] - 11] = w.core->gen->leaves[i];
			ck_assert_int_eq(input[i].state, HEALTH_VERDICT_UP);
		}
		if (p == 0)
			world_end(&w);
	}
	static const uint64_t want[] = { 61000, 121000, 1000, 61000, 121000, 1000 };
	for (size_t i = 0; i < 6; i++) {
		ck_assert_uint_eq(leaves[0][i], want[i]);
		ck_assert_uint_eq(leaves[1][i], want[i]);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { without_a_bound_all_go, two_go_and_the_rest_as_the_minute_moves_on,
				       it_is_told_once_when_it_begins_and_once_when_it_is_over,
				       a_share_is_of_those_not_drained_and_never_less_than_one,
				       operators_and_drains_are_not_bound, who_comes_back_gives_its_place_back,
				       who_was_held_does_not_start_slowly,
				       a_whole_service_does_not_fall_at_once, the_first_round_is_bound_too,
				       the_ttl_knows_that_one_will_go, a_restart_neither_frees_nor_repeats_places,
				       a_new_plan_goes_on_with_the_same_minute,
				       of_a_combined_check_the_stream_that_made_it_so_counts,
				       the_clock_never_goes_back_or_stands_still, nothing_depends_on_what_arrived_first };
	TCase *t = tcase_create("stories");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, finish);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tcase_add_test(t, tests[i]);
	return unit_run_case("core_removals", t);
}
