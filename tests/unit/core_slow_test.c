/* Slow start, as stories: who comes back begins small and grows; who never went does not. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/state.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "unit.h"

#define WWW "www.example.test"
#define A DNS_TYPE_A
#define CHECK "check web interval=1000 retry=200\n"
#define TWO CHECK "service www.example.test web 127.0.0.11 127.0.0.12 pick=weighted slow_start="
#define FULL "127.0.0.11*100 127.0.0.12*100 ttl=10"

static struct world w;

static void finish(void)
{
	world_end(&w);
}

static void want(const char *answer)
{
	ck_assert_str_eq(world_answer(&w, WWW, A), answer);
}

static void go(const char *address)
{
	world_backend(&w, address, HEALTH_CONNECT_REFUSED);
	world_run(&w, 3000);
}

/* Answers again, and runs until it is published. */
static void come(const char *address)
{
	world_backend(&w, address, HEALTH_OK);
	for (int i = 0; i < 400 && !strstr(world_answer(&w, WWW, A), address); i++)
		world_run(&w, 10);
	ck_assert_ptr_nonnull(strstr(world_answer(&w, WWW, A), address));
}

static unsigned publishes(void)
{
	unsigned n = 0;

	for (const char *p = world_trace(&w, "publish"); (p = strstr(p, "publish ")); p++)
		n++;
	return n;
}

/* The weight of 127.0.0.11 in what is published; 0 = it is not there. */
static unsigned weight(void)
{
	const char *at = strstr(world_answer(&w, WWW, A), "127.0.0.11*");

	return at ? (unsigned)atoi(at + 11) : 0;
}

START_TEST(without_it_who_comes_back_has_all)
{
	world_begin(&w, TWO "0\n");
	world_run(&w, 1000);
	go("127.0.0.11");
	want("127.0.0.12*100 ttl=10");
	come("127.0.0.11");
	want(FULL);
}
END_TEST

START_TEST(who_comes_back_grows)
{
	world_begin(&w, TWO "60000\n");
	world_run(&w, 1000);
	want(FULL); /* the first verdicts are no return */
	go("127.0.0.11");
	come("127.0.0.11");
	want("127.0.0.11*5 127.0.0.12*100 ttl=10");
	world_run(&w, 5500);
	want("127.0.0.11*5 127.0.0.12*100 ttl=10");
	world_run(&w, 500);
	want("127.0.0.11*10 127.0.0.12*100 ttl=10");
	world_run(&w, 30000);
	want("127.0.0.11*60 127.0.0.12*100 ttl=10");
	world_run(&w, 23000);
	want("127.0.0.11*90 127.0.0.12*100 ttl=10");
	world_run(&w, 1000);
	want(FULL);
}
END_TEST

/* Ten steps, and the log says nothing of them. */
START_TEST(it_is_published_ten_times)
{
	world_begin(&w, TWO "60000\n");
	world_run(&w, 1000);
	go("127.0.0.11");
	come("127.0.0.11");
	world_trace(&w, NULL);
	world_run(&w, 90000);
	want(FULL);
	ck_assert_uint_eq(publishes(), POLICY_START_STEPS);
	go("127.0.0.11");
	come("127.0.0.11");
	world_trace(&w, NULL);
	world_run(&w, 60000);
	const char *log = world_trace(&w, NULL);
	ck_assert_ptr_null(strstr(log, "notice"));
	ck_assert_ptr_null(strstr(log, "answer"));
}
END_TEST

/* A step is never sooner than a second, and of many members that come back apart no second has two publishes for it. */
START_TEST(a_service_steps_once_a_second)
{
	char plan[2000] = CHECK "service www.example.test web", address[32];

	for (int i = 0; i < 20; i++)
		snprintf(plan + strlen(plan), sizeof plan - strlen(plan), " 127.0.0.%d", 11 + i);
	snprintf(plan + strlen(plan), sizeof plan - strlen(plan), " pick=weighted slow_start=20000\n");
	world_begin(&w, plan);
	world_run(&w, 1000);
	for (int i = 0; i < 19; i++) {
		snprintf(address, sizeof address, "127.0.0.%d", 11 + i);
		world_backend(&w, address, HEALTH_CONNECT_REFUSED);
	}
	world_run(&w, 3000);
	for (int i = 0; i < 19; i++) {
		snprintf(address, sizeof address, "127.0.0.%d", 11 + i);
		world_backend(&w, address, HEALTH_OK);
		world_run(&w, 130);
	}
	world_run(&w, 2500); /* all are back */
	world_trace(&w, NULL);
	for (int i = 0; i < 25; i++) {
		world_run(&w, 1000);
		ck_assert_uint_le(publishes(), 1);
	}
	ck_assert_ptr_nonnull(strstr(world_answer(&w, WWW, A), "127.0.0.11*100 127.0.0.12*100 "));
	ck_assert_ptr_nonnull(strstr(world_answer(&w, WWW, A), "127.0.0.29*100 127.0.0.30*100 "));
}
END_TEST

START_TEST(a_short_one_steps_by_the_second)
{
	world_begin(&w, TWO "3000\n");
	world_run(&w, 1000);
	go("127.0.0.11");
	come("127.0.0.11");
	ck_assert_uint_eq(weight(), 5);
	world_run(&w, 1000);
	ck_assert_uint_eq(weight(), 33);
	world_run(&w, 1000);
	ck_assert_uint_eq(weight(), 66);
	world_run(&w, 1000);
	ck_assert_uint_eq(weight(), 100);
}
END_TEST

START_TEST(alone_it_is_published_once)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11 all_down=none pick=weighted slow_start=60000\n");
	world_run(&w, 1000);
	go("127.0.0.11");
	want("nodata ttl=10");
	come("127.0.0.11");
	want("127.0.0.11*100 ttl=10");
	world_trace(&w, NULL);
	world_run(&w, 70000);
	ck_assert_uint_eq(publishes(), 0);
}
END_TEST

START_TEST(a_fall_in_the_middle_begins_it_anew)
{
	world_begin(&w, TWO "60000\n");
	world_run(&w, 1000);
	go("127.0.0.11");
	come("127.0.0.11");
	world_run(&w, 30000);
	ck_assert_uint_eq(weight(), 50);
	go("127.0.0.11");
	ck_assert_uint_eq(weight(), 0);
	come("127.0.0.11");
	ck_assert_uint_eq(weight(), 5);
	world_run(&w, 60000);
	want(FULL);
}
END_TEST

START_TEST(the_end_of_an_override_begins_it)
{
	static const char *const out[] = { "down 127.0.0.11", "drain 127.0.0.11", "drain www.example.test/127.0.0.11" };

	world_begin(&w, TWO "60000\n");
	world_run(&w, 1000);
	for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
		char back[64];

		world_command(&w, out[i]);
		world_run(&w, 120000); /* its state rose long ago: that does not count */
		want("127.0.0.12*100 ttl=10");
		snprintf(back, sizeof back, "auto%s", strchr(out[i], ' '));
		world_command(&w, back);
		world_run(&w, 100);
		ck_assert_uint_eq(weight(), 5);
		world_run(&w, 60000);
		want(FULL);
	}
	world_command(&w, "down 127.0.0.11 for=5000");
	world_run(&w, 5100); /* it expires by itself */
	ck_assert_uint_eq(weight(), 5);
	world_run(&w, 60000);
	world_command(&w, "up 127.0.0.11"); /* it was never out */
	world_run(&w, 100);
	want(FULL);
}
END_TEST

START_TEST(who_is_forced_up_begins_slowly)
{
	world_begin(&w, TWO "60000\n");
	world_run(&w, 1000);
	go("127.0.0.11");
	world_command(&w, "up 127.0.0.11");
	world_run(&w, 100);
	ck_assert_uint_eq(weight(), 5);
	world_run(&w, 60000);
	ck_assert_uint_eq(weight(), 100);
}
END_TEST

START_TEST(what_fell_while_drained_begins_when_it_is_back)
{
	world_begin(&w, TWO "60000\n");
	world_run(&w, 1000);
	world_command(&w, "drain 127.0.0.11");
	go("127.0.0.11");
	world_command(&w, "auto 127.0.0.11");
	world_run(&w, 30000);
	ck_assert_uint_eq(weight(), 0);
	come("127.0.0.11");
	ck_assert_uint_eq(weight(), 5);
}
END_TEST

START_TEST(a_restart_goes_on_where_it_was)
{
	world_begin(&w, TWO "60000\n");
	world_run(&w, 1000);
	go("127.0.0.11");
	come("127.0.0.11");
	world_run(&w, 24100);
	ck_assert_uint_eq(weight(), 40);
	world_restart(&w, SIZE_MAX);
	world_run(&w, 100);
	ck_assert_uint_eq(weight(), 40);
	world_run(&w, 20000);
	ck_assert_uint_ge(weight(), 60);
	world_run(&w, 20000);
	want(FULL);
	world_restart(&w, SIZE_MAX);
	world_run(&w, 100);
	want(FULL); /* what is over is over */
}
END_TEST

START_TEST(a_restart_begins_none)
{
	world_begin(&w, TWO "60000\n");
	world_run(&w, 5000);
	world_restart(&w, SIZE_MAX);
	world_run(&w, 100);
	want(FULL);
	go("127.0.0.11"); /* went down before the end, comes back after it */
	world_restart(&w, SIZE_MAX);
	world_run(&w, 1000);
	ck_assert_uint_eq(weight(), 0);
	come("127.0.0.11");
	ck_assert_uint_eq(weight(), 5);
}
END_TEST

START_TEST(a_new_plan_carries_it)
{
	world_begin(&w, TWO "60000\n");
	world_run(&w, 1000);
	go("127.0.0.11");
	come("127.0.0.11");
	world_run(&w, 24100);
	world_plan(&w, CHECK "service www.example.test web 127.0.0.13 127.0.0.12 127.0.0.11 pick=weighted "
		   "slow_start=60000\n");
	world_run(&w, 500);
	want("127.0.0.13*100 127.0.0.12*100 127.0.0.11*40 ttl=10"); /* a new member did not come back */
	world_plan(&w, TWO "120000\n"); /* twice as long: half of the share */
	world_run(&w, 100);
	ck_assert_uint_eq(weight(), 20);
	world_plan(&w, TWO "0\n");
	world_run(&w, 100);
	want(FULL);
	world_plan(&w, TWO "60000\n");
	world_run(&w, 100);
	want(FULL);
}
END_TEST

START_TEST(the_end_of_a_drain_in_the_configuration_begins_it)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11! 127.0.0.12 pick=weighted slow_start=60000\n");
	world_run(&w, 5000);
	want("127.0.0.12*100 ttl=10");
	world_plan(&w, TWO "60000\n");
	world_run(&w, 100);
	ck_assert_uint_eq(weight(), 5);
}
END_TEST

static struct bytes kept;

static int keep(void *ctx, const uint8_t *data, size_t len)
{
	(void)ctx;
	if (data[0] == RECORD_START)
		bytes_add(&kept, data, len);
	return 0;
}

START_TEST(a_shorter_journal_keeps_it)
{
	static const uint8_t ip[] = { 127, 0, 0, 11 };

	bytes_init(&kept, 4096);
	world_begin(&w, TWO "60000\n");
	world_run(&w, 1000);
	ck_assert_int_eq(core_snapshot(w.core, w.now_ms, WORLD_WALL_MS + w.now_ms, keep, NULL), 0);
	ck_assert_uint_eq(kept.len, 0);
	go("127.0.0.11");
	come("127.0.0.11");
	ck_assert_int_eq(core_snapshot(w.core, w.now_ms, WORLD_WALL_MS + w.now_ms, keep, NULL), 0);
	ck_assert_uint_gt(kept.len, 15);
	ck_assert_mem_eq(kept.data + kept.len - 4, ip, 4);
	/* One that is cut, or too long, or of no tier or family, is none; of a stranger it is nothing. */
	for (size_t n = 1; n < kept.len; n++)
		ck_assert_int_eq(core_recover(w.core, kept.data, n, w.now_ms, WORLD_WALL_MS + w.now_ms), ERR_FORMAT);
	kept.data[9] = 2;
	ck_assert_int_eq(core_recover(w.core, kept.data, kept.len, w.now_ms, WORLD_WALL_MS + w.now_ms), ERR_FORMAT);
	kept.data[9] = 0;
	kept.data[10] = POLICY_TIERS_MAX;
	ck_assert_int_eq(core_recover(w.core, kept.data, kept.len, w.now_ms, WORLD_WALL_MS + w.now_ms), ERR_FORMAT);
	kept.data[10] = 0;
	kept.data[kept.len - 1] = 99;
	ck_assert_int_eq(core_recover(w.core, kept.data, kept.len, w.now_ms, WORLD_WALL_MS + w.now_ms), 0);
	memset(kept.data + 1, 0xff, 8); /* begun in the far future */
	kept.data[kept.len - 1] = 12;
	ck_assert_int_eq(core_recover(w.core, kept.data, kept.len, w.now_ms, WORLD_WALL_MS + w.now_ms), 0);
	memset(kept.data + 1, 0, 8); /* or in 1970 */
	ck_assert_int_eq(core_recover(w.core, kept.data, kept.len, w.now_ms, WORLD_WALL_MS + w.now_ms), 0);
	world_run(&w, 61000);
	want(FULL);
	bytes_deinit(&kept);
}
END_TEST

START_TEST(the_view_tells_it)
{
	struct core_member_view m;

	world_begin(&w, TWO "60000\n");
	world_run(&w, 1000);
	core_member_get(w.core, 0, 0, &m, w.now_ms);
	ck_assert_uint_eq(m.start_pct, 0);
	ck_assert_uint_eq(m.start_left_ms, 0);
	go("127.0.0.11");
	come("127.0.0.11");
	world_run(&w, 24100);
	core_member_get(w.core, 0, 0, &m, w.now_ms);
	ck_assert_uint_eq(m.start_pct, 40);
	ck_assert(m.start_left_ms > 35000 && m.start_left_ms < 36000);
}
END_TEST

/* Its own check said up all the time: the return of what it needs is its own. */
START_TEST(the_return_of_what_it_needs_begins_it)
{
	world_begin(&w, CHECK "service db.example.test web 127.0.0.20\n"
		    "service www.example.test web 127.0.0.11^db.example.test 127.0.0.12 pick=weighted "
		    "slow_start=60000\n");
	world_run(&w, 120000);
	want(FULL);
	go("127.0.0.20");
	want("127.0.0.12*100 ttl=10");
	world_backend(&w, "127.0.0.20", HEALTH_OK);
	world_run(&w, 2500);
	ck_assert_uint_eq(weight(), 5);
	world_run(&w, 60000);
	want(FULL);
}
END_TEST

/* By the stamp of the state that rose, as if the twin had decided it a while ago. */
START_TEST(who_hears_of_it_late_goes_on_where_the_other_is)
{
	static const struct { int64_t age_ms; unsigned weight; } cases[] = {
		{ 0, 5 }, { 20000, 30 }, { 59999, 90 }, { 60000, 100 }, { 86400000, 100 },
		{ -5000, 5 }, /* its clock is ahead of ours */
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		world_begin(&w, TWO "60000\n");
		world_run(&w, 1000);
		go("127.0.0.11");
		ck_assert_uint_eq(weight(), 0);
		struct service *s = &w.core->gen->services[0];
		struct hold *h = &w.core->gen->streams[s->conf->checks[0].streams[0]].hold[s->agree - 1];
		h->state = HEALTH_VERDICT_UP;
		h->hlc = (uint64_t)((int64_t)(WORLD_WALL_MS + w.now_ms) - cases[i].age_ms) << 16;
		service_mark(w.core, s);
		world_step(&w, &(struct core_event){ .type = CORE_TIMER });
		ck_assert_uint_eq(weight(), cases[i].weight);
		if (i + 1 < sizeof cases / sizeof *cases)
			world_end(&w);
	}
}
END_TEST

START_TEST(what_they_must_carry_moves_the_tier)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11#40 127.0.0.12#40 / 127.0.0.13#80 load=80\n");
	world_run(&w, 1000);
	want("127.0.0.11 127.0.0.12 ttl=10");
	world_backend_of(&w, &core_plan(w.core)->services[0].policy.members[0].addr)->weight = 50;
	world_run(&w, 2000);
	want("127.0.0.13 ttl=10"); /* its check leaves half of what it carries */
	world_backend_of(&w, &core_plan(w.core)->services[0].policy.members[0].addr)->weight = 100;
	world_run(&w, 2000);
	want("127.0.0.11 127.0.0.12 ttl=10");
	go("127.0.0.12");
	want("127.0.0.13 ttl=10");
	go("127.0.0.13");
	want("127.0.0.11 127.0.0.12 ttl=10"); /* all_down */
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		without_it_who_comes_back_has_all, who_comes_back_grows, it_is_published_ten_times,
		a_service_steps_once_a_second, a_short_one_steps_by_the_second, alone_it_is_published_once, a_fall_in_the_middle_begins_it_anew,
		the_end_of_an_override_begins_it, who_is_forced_up_begins_slowly,
		what_fell_while_drained_begins_when_it_is_back,
		a_restart_goes_on_where_it_was, a_restart_begins_none, a_new_plan_carries_it,
		the_end_of_a_drain_in_the_configuration_begins_it, a_shorter_journal_keeps_it, the_view_tells_it,
		the_return_of_what_it_needs_begins_it, who_hears_of_it_late_goes_on_where_the_other_is,
		what_they_must_carry_moves_the_tier };
	TCase *t = tcase_create("stories");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, finish);
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(t, tests[i]);
	return unit_run_case("core_slow", t);
}
