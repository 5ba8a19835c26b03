/* The history of members: what was, as the records have it; before and after a restart. */
#include <check.h>
#include <stdio.h>
#include "base/rng.h"
#include "core/past.h"
#include "lib/core_world.h"
#include "tests/unit/unit.h"

#define A "127.0.0.11"
#define B "127.0.0.12"
#define PLAN "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\nservice www.example.test web " A " / " B "\n"

#define BEGIN_MS 1000000u /* where the clock of a world begins */

static struct world w;

/* "none up down up": the states of a member since so long after the world began. */
static const char *states_since(size_t member, uint64_t from_ms)
{
	static char text[4096];
	struct core_past *p;
	uint64_t to = WORLD_WALL_MS + w.now_ms + (uint64_t)w.wall_set_ms, from = WORLD_WALL_MS + BEGIN_MS + from_ms;
	ck_assert_int_eq(core_past_new(&p, w.core, 0, from, to), 0);
	text[0] = 0;
	const struct core_past_member *m = &p->members[member];
	for (size_t i = 0; i < m->count; i++) {
		ck_assert_uint_ge(m->spans[i].from_ms, i ? m->spans[i - 1].from_ms + 1 : from);
		ck_assert_uint_lt(m->spans[i].from_ms, to);
		ck_assert(i == 0 || m->spans[i].state != m->spans[i - 1].state);
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", core_past_text(m->spans[i].state));
	}
	ck_assert(m->count == 0 || m->spans[0].from_ms == from);
	core_past_free(p);
	return text;
}

static const char *states(size_t member)
{
	return states_since(member, 0);
}

/* Every verdict that was told stands in the history at its very millisecond. */
static void expect_verdicts(const char *address, size_t member)
{
	struct core_past *p;
	ck_assert_int_eq(core_past_new(&p, w.core, 0, WORLD_WALL_MS + BEGIN_MS, WORLD_WALL_MS + w.now_ms), 0);
	const struct core_past_member *m = &p->members[member];
	for (size_t i = 0; i < core_notices(w.core); i++) {
		struct core_notice n;
		bool found = false;
		core_notice_get(w.core, i, &n);
		if (n.kind != CORE_NOTICE_VERDICT || strcmp(n.subject, address) != 0)
			continue;
		for (size_t k = 0; k < m->count; k++)
			found |= m->spans[k].from_ms == n.wall_ms && strcmp(core_past_text(m->spans[k].state), n.new) == 0;
		ck_assert_msg(found, "%s became %s at %llu", address, n.new, (unsigned long long)(n.wall_ms - WORLD_WALL_MS));
	}
	core_past_free(p);
}

START_TEST(what_fails_and_comes_back_is_seen)
{
	world_begin(&w, PLAN);
	world_run(&w, 60000);
	ck_assert_str_eq(states(0), "none up");
	world_backend(&w, A, HEALTH_CONNECT_REFUSED);
	world_run(&w, 60000);
	world_backend(&w, A, HEALTH_OK);
	world_run(&w, 60000);
	ck_assert_str_eq(states(0), "none up down up");
	ck_assert_str_eq(states(1), "none up");
	ck_assert_str_eq(states_since(0, 30000), "up down up");
	ck_assert_str_eq(states_since(0, 90000), "down up");
	ck_assert_str_eq(states_since(0, 170000), "up");
	expect_verdicts(A, 0);
	world_end(&w);
}
END_TEST

START_TEST(one_failure_is_no_fall)
{
	world_begin(&w, PLAN);
	world_run(&w, 30000);
	world_backend(&w, A, HEALTH_CONNECT_REFUSED);
	world_run(&w, 1100);
	world_backend(&w, A, HEALTH_OK);
	world_run(&w, 30000);
	const char *was = states(0);
	expect_verdicts(A, 0);
	ck_assert(strcmp(was, "none up") == 0 || strcmp(was, "none up down up") == 0);
	world_end(&w);
}
END_TEST

START_TEST(a_check_that_cannot_tell_grows_old)
{
	world_begin(&w, PLAN);
	world_run(&w, 30000);
	world_backend(&w, A, HEALTH_SCRIPT_ERROR);
	world_run(&w, 30000);
	ck_assert_str_eq(states(0), "none up unknown");
	world_backend(&w, A, HEALTH_OK);
	world_run(&w, 30000);
	ck_assert_str_eq(states(0), "none up unknown up");
	world_end(&w);
}
END_TEST

START_TEST(a_restart_loses_nothing_and_the_time_away_is_none)
{
	world_begin(&w, PLAN);
	world_run(&w, 60000);
	world_backend(&w, A, HEALTH_CONNECT_REFUSED);
	world_run(&w, 60000);
	world_restart(&w, SIZE_MAX);
	world_run(&w, 30000);
	ck_assert_str_eq(states(0), "none up down");
	w.now_ms += 10 * 60000;
	world_restart(&w, SIZE_MAX);
	world_backend(&w, A, HEALTH_OK);
	world_run(&w, 30000);
	ck_assert_str_eq(states(0), "none up down none down up");
	ck_assert_str_eq(states(1), "none up none up");
	world_end(&w);
}
END_TEST

START_TEST(what_operators_did_is_seen)
{
	world_begin(&w, PLAN);
	world_run(&w, 30000);
	world_command(&w, "drain " A);
	world_run(&w, 30000);
	ck_assert_str_eq(states(0), "none up drained");
	ck_assert_str_eq(states(1), "none up");
	world_command(&w, "auto " A);
	world_run(&w, 30000);
	world_command(&w, "down www.example.test/" A);
	world_run(&w, 30000);
	world_command(&w, "auto www.example.test/" A);
	world_run(&w, 30000);
	ck_assert_str_eq(states(0), "none up drained up down up");
	world_command(&w, "drain " A " for=20000");
	world_run(&w, 60000);
	ck_assert_str_eq(states(0), "none up drained up down up drained up");
	ck_assert_str_eq(states(1), "none up");
	world_end(&w);
}
END_TEST

/* An override goes on over a restart; one that ended while we were away ended when it said. */
START_TEST(overrides_end_by_themselves)
{
	world_begin(&w, PLAN);
	world_run(&w, 90000);
	world_command(&w, "drain " A " for=120000");
	world_command(&w, "drain " B " for=900000 force");
	world_run(&w, 90000);
	w.now_ms += 300000;
	world_restart(&w, SIZE_MAX);
	world_run(&w, 30000);
	ck_assert_str_eq(states(0), "none up drained none up");
	ck_assert_str_eq(states(1), "none up drained");
	world_command(&w, "up " B);
	world_run(&w, 1000);
	ck_assert_str_eq(states(1), "none up drained up");
	world_end(&w);
}
END_TEST

START_TEST(who_says_most_counts)
{
	world_begin(&w, PLAN);
	world_run(&w, 30000);
	world_command(&w, "up www.example.test");
	world_run(&w, 1000);
	world_command(&w, "drain " A " force");
	world_run(&w, 1000);
	ck_assert_str_eq(states(0), "none up");
	world_command(&w, "auto www.example.test force");
	world_run(&w, 1000);
	ck_assert_str_eq(states(0), "none up drained");
	world_end(&w);
}
END_TEST

START_TEST(windows_are_seen)
{
	world_begin(&w, PLAN "window disk " A " from=2023-11-14_22:31 to=2023-11-14_22:32\n"); /* the world begins at 22:30 */
	world_run(&w, 180000);
	ck_assert_str_eq(states(0), "none up drained up");
	ck_assert_str_eq(states(1), "none up");
	world_end(&w);
}
END_TEST

/* Back ends that come and go as they like: the history is what was told, to the millisecond. */
START_TEST(any_story_is_as_it_was_told)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct rng r;
		rng_init(&r, seed);
		world_begin(&w, PLAN);
		world_run(&w, 5000);
		for (int i = 0; i < 60; i++) {
			world_backend(&w, rng_below(&r, 2) ? A : B, rng_below(&r, 2) ? HEALTH_OK : HEALTH_CONNECT_REFUSED);
			world_run(&w, 500 + rng_below(&r, 30000));
		}
		expect_verdicts(A, 0);
		expect_verdicts(B, 1);
		char before[4096];
		snprintf(before, sizeof before, "%s", states(0));
		world_restart(&w, SIZE_MAX);
		ck_assert_msg(strncmp(states(0), before, strlen(before)) == 0, "seed %llu: %s after %s", (unsigned long long)seed, states(0), before);
		world_end(&w);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { what_fails_and_comes_back_is_seen, one_failure_is_no_fall, a_check_that_cannot_tell_grows_old,
				 a_restart_loses_nothing_and_the_time_away_is_none, what_operators_did_is_seen, overrides_end_by_themselves,
				 who_says_most_counts, windows_are_seen, any_story_is_as_it_was_told };
	return unit_run("core_past", tests, sizeof tests / sizeof *tests);
}
