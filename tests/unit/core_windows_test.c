/* Maintenance windows, as stories. At the start the wall clock says 2023-11-14 22:30:00, a Tuesday; times count from there. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "core/plan_wire.h"
#include "core/state.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "lib/plan_make.h"

#define WWW "www.example.test"
#define A DNS_TYPE_A
#define CHECK "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
#define SERVICE CHECK "service www.example.test web 127.0.0.11 127.0.0.12\n"
#define ONCE " from=2023-11-14_22:31 to=2023-11-14_22:33\n"
#define START 1000000 /* the world's monotonic clock then */
#define TO_BEGIN 60000 /* 22:31:00 */
#define TO_END 180000  /* 22:33:00 */
#define BOTH "127.0.0.11 127.0.0.12 ttl=10"

static struct world w;

static const char *answer(void)
{
	return world_answer(&w, WWW, A);
}

static void run_to(uint64_t ms)
{
	ck_assert_uint_le(w.now_ms, START + ms);
	world_run(&w, START + ms - w.now_ms);
}

static struct core_member_view member(size_t i)
{
	struct core_member_view m;
	core_member_get(w.core, 0, i, &m, w.now_ms);
	return m;
}

static const char *events(void)
{
	return world_trace(&w, "notice event=window");
}

START_TEST(it_begins_and_ends_by_the_clock_alone)
{
	world_begin(&w, CHECK "service www.example.test - 127.0.0.11 127.0.0.12\nwindow upgrade 127.0.0.11" ONCE);
	run_to(TO_BEGIN - 1);
	ck_assert_str_eq(answer(), "127.0.0.11 127.0.0.12 ttl=60");
	ck_assert_str_eq(events(), "");
	run_to(TO_BEGIN);
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=60");
	ck_assert_str_eq(events(), "notice event=window window=upgrade state=began was=ended cause=time reason=\"drain 127.0.0.11\" observer=ns1\n");
	ck_assert_str_eq(member(0).window, "upgrade");
	ck_assert_str_eq(member(0).forced_by, "maintenance");
	ck_assert_uint_eq(member(0).forced_until_ms, START + TO_END);
	ck_assert_ptr_null(member(1).window);
	run_to(TO_END - 1);
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=60");
	run_to(TO_END);
	ck_assert_str_eq(answer(), "127.0.0.11 127.0.0.12 ttl=60");
	ck_assert_str_eq(events(), "notice event=window window=upgrade state=ended was=began cause=time reason=\"drain 127.0.0.11\" observer=ns1\n");
	run_to(10 * TO_END);
	ck_assert_str_eq(events(), "");
	ck_assert_ptr_null(member(0).window);
}
END_TEST

/* 22:32, 22:37, …, for two minutes each. */
START_TEST(it_comes_again)
{
	world_begin(&w, SERVICE "window often 127.0.0.11 cron=2-59/5_*_*_*_* lasts=120000\n");
	for (uint64_t n = 0; n < 20; n++) {
		uint64_t begins = 120000 + n * 300000;
		run_to(begins - 1);
		ck_assert_str_eq(answer(), BOTH);
		run_to(begins);
		ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
		run_to(begins + 119999);
		ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
		run_to(begins + 120000);
		ck_assert_str_eq(answer(), BOTH);
	}
}
END_TEST

/* By every kind of selector; another service of the same address goes too, where the selector says so. */
START_TEST(what_is_any_selector)
{
	static const struct { const char *what, *www, *dl; } rows[] = {
		{ "127.0.0.11", "127.0.0.12 ttl=10", "127.0.0.13 ttl=10" },
		{ "ams1", "127.0.0.12 ttl=10", "127.0.0.13 ttl=10" },
		{ "site:ams", "127.0.0.12 ttl=10", "127.0.0.13 ttl=10" },
		{ "www.example.test/127.0.0.11", "127.0.0.12 ttl=10", "127.0.0.11 127.0.0.13 ttl=10" },
		{ "127.0.0.12,dl.example.test/127.0.0.11", "127.0.0.11 ttl=10", "127.0.0.13 ttl=10" },
		{ "nobody.example.test", BOTH, "127.0.0.11 127.0.0.13 ttl=10" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char plan[512];
		snprintf(plan, sizeof plan, CHECK "service www.example.test web 127.0.0.11@ams1%%ams 127.0.0.12\n"
			 "service dl.example.test web 127.0.0.11@ams1%%ams 127.0.0.13\nwindow x %s" ONCE, rows[i].what);
		world_begin(&w, plan);
		run_to(TO_BEGIN + 1000);
		ck_assert_msg(strcmp(answer(), rows[i].www) == 0, "%s: %s", rows[i].what, answer());
		ck_assert_msg(strcmp(world_answer(&w, "dl.example.test", A), rows[i].dl) == 0, "%s", rows[i].what);
		world_end(&w);
	}
}
END_TEST

START_TEST(drained_or_down)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 need=100%\nwindow x 127.0.0.11 state=down" ONCE);
	run_to(TO_BEGIN + 1000);
	ck_assert_str_eq(answer(), "127.0.0.13 ttl=10"); /* it counts as missing */
	world_end(&w);
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 need=100%\nwindow x 127.0.0.11" ONCE);
	run_to(TO_BEGIN + 1000);
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
}
END_TEST

/* Of whatever age it is, and for as long as it lasts. */
START_TEST(an_override_wins)
{
	world_begin(&w, SERVICE "window x 127.0.0.11 state=down" ONCE);
	run_to(1000);
	world_command(&w, "up 127.0.0.11 for=90000");
	run_to(TO_BEGIN + 1000);
	ck_assert_str_eq(answer(), BOTH);
	ck_assert_ptr_null(member(0).window);
	ck_assert_str_ne(member(0).forced_by, "maintenance");
	run_to(92000);
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
	ck_assert_str_eq(member(0).window, "x");
	world_command(&w, "drain www.example.test/127.0.0.11");
	ck_assert_int_eq(member(0).force, POLICY_FORCE_DRAIN);
	world_command(&w, "auto www.example.test/127.0.0.11");
	ck_assert_int_eq(member(0).force, POLICY_FORCE_DOWN);
	run_to(TO_END + 1000);
	ck_assert_str_eq(answer(), BOTH);
}
END_TEST

#define HELD_BACK "notice event=window window=%s state=\"held back\" was=began cause=%s " \
	"reason=\"it would leave www.example.test without a member that could answer\" observer=ns1\n"

START_TEST(it_leaves_no_service_without_an_answer)
{
	char want[512];
	world_begin(&w, SERVICE "service dl.example.test web 127.0.0.11 127.0.0.13\nwindow all 127.0.0.11,127.0.0.12" ONCE);
	run_to(TO_BEGIN + 1000);
	ck_assert_str_eq(answer(), BOTH); /* whole: not the one and not the other */
	ck_assert_str_eq(world_answer(&w, "dl.example.test", A), "127.0.0.13 ttl=10");
	ck_assert_str_eq(member(0).held_back, "all");
	ck_assert_int_eq(member(0).force, POLICY_FORCE_NONE);
	snprintf(want, sizeof want, "notice event=window window=all state=began was=ended cause=time reason=\"drain 127.0.0.11, 127.0.0.12\" observer=ns1\n"
		 HELD_BACK, "all", "maintenance");
	ck_assert_str_eq(events(), want);
	run_to(TO_END + 1000);
	ck_assert_ptr_null(member(0).held_back);
	ck_assert_str_eq(answer(), BOTH);
	ck_assert_ptr_null(strstr(events(), "no longer"));
}
END_TEST

/* While the others are down, and not a moment longer. */
START_TEST(it_is_held_back_while_the_others_are_down)
{
	char want[512];
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11 / 127.0.0.12\nwindow x 127.0.0.11" ONCE);
	run_to(TO_BEGIN + 1000);
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
	events();
	world_backend(&w, "127.0.0.12", HEALTH_CONNECT_REFUSED);
	run_to(TO_BEGIN + 5000);
	ck_assert_str_eq(answer(), "127.0.0.11 ttl=10");
	snprintf(want, sizeof want, HELD_BACK, "x", "check");
	ck_assert_str_eq(events(), want);
	run_to(TO_BEGIN + 20000);
	ck_assert_str_eq(events(), ""); /* told once */
	world_backend(&w, "127.0.0.12", HEALTH_OK);
	run_to(TO_BEGIN + 30000);
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
	ck_assert_str_eq(events(), "notice event=window window=x state=began was=\"held back\" cause=check "
				   "reason=\"www.example.test no longer holds it back\" observer=ns1\n");
	/* All are down, it among them: nothing is lost by it. */
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_backend(&w, "127.0.0.12", HEALTH_CONNECT_REFUSED);
	run_to(TO_BEGIN + 40000);
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=10"); /* by all_down */
	ck_assert_str_eq(member(0).window, "x");
}
END_TEST

START_TEST(of_two_the_first_goes_first)
{
	world_begin(&w, SERVICE "window first 127.0.0.12" ONCE "window second 127.0.0.11,127.0.0.12" ONCE);
	run_to(TO_BEGIN + 1000);
	ck_assert_str_eq(answer(), "127.0.0.11 ttl=10");
	ck_assert_str_eq(member(0).held_back, "second");
	ck_assert_str_eq(member(1).window, "first");
	world_command(&w, "drain 127.0.0.12"); /* the operator's word changes nothing for the other */
	ck_assert_str_eq(answer(), "127.0.0.11 ttl=10");
	world_command(&w, "auto 127.0.0.12");
	world_end(&w);
	world_begin(&w, SERVICE "window x 127.0.0.11" ONCE);
	run_to(TO_BEGIN + 1000);
	world_command(&w, "drain 127.0.0.12"); /* not refused: the window gives way */
	ck_assert_str_eq(answer(), "127.0.0.11 ttl=10");
	ck_assert_str_eq(member(0).held_back, "x");
	world_command(&w, "auto 127.0.0.12");
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
	world_command(&w, "drain www.example.test"); /* both: refused as ever */
	ck_assert_ptr_nonnull(strstr(world_trace(&w, "refused"), "would leave www.example.test without an answer"));
}
END_TEST

START_TEST(no_false_alarm_at_the_start)
{
	for (int up = 0; up < 2; up++) {
		char plan[512];
		snprintf(plan, sizeof plan, CHECK "service www.example.test web 127.0.0.11 127.0.0.12 initial=%s\nwindow x 127.0.0.11 "
			 "from=2023-11-14_22:00 to=2023-11-14_22:40\n", up ? "up" : "down");
		world_begin(&w, plan);
		run_to(10000);
		ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
		ck_assert_str_eq(events(), "notice event=window window=x state=began was=ended cause=start reason=\"drain 127.0.0.11\" observer=ns1\n");
		world_end(&w);
	}
}
END_TEST

/* Somebody set the wall clock: what is open is what is open at the time it says. */
START_TEST(clocks_jump)
{
	world_begin(&w, SERVICE "window x 127.0.0.11" ONCE);
	run_to(1000);
	w.wall_set_ms = TO_BEGIN;
	world_run(&w, 1000); /* the next step, of a probe, looks */
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
	w.wall_set_ms = 0; /* and back */
	world_run(&w, 1000);
	ck_assert_str_eq(answer(), BOTH);
	w.wall_set_ms = 86400000; /* a day over it */
	world_run(&w, 1000);
	ck_assert_str_eq(answer(), BOTH);
	w.wall_set_ms = -86400000;
	run_to(TO_BEGIN + 1000);
	ck_assert_str_eq(answer(), BOTH);
	w.wall_set_ms = 0;
	world_run(&w, 1000);
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
	world_end(&w);
	/* Without anything else to do, too: within a minute. */
	world_begin(&w, "service www.example.test - 127.0.0.11 127.0.0.12\nwindow x 127.0.0.11 from=2023-11-15_22:31 to=2023-11-15_22:40\n");
	run_to(1000);
	w.wall_set_ms = 86400000 + TO_BEGIN;
	world_run(&w, 61000);
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=60");
}
END_TEST

START_TEST(a_new_plan_and_a_restart)
{
	world_begin(&w, SERVICE "window x 127.0.0.11,127.0.0.12" ONCE "window y 127.0.0.11" ONCE);
	run_to(TO_BEGIN + 1000);
	events();
	world_plan(&w, SERVICE "window y 127.0.0.11" ONCE "window x 127.0.0.11,127.0.0.12" ONCE);
	ck_assert_str_eq(answer(), "127.0.0.12 ttl=10");
	ck_assert_str_eq(events(), ""); /* what was told is told, the alarm too */
	world_plan(&w, SERVICE "window y 127.0.0.12" ONCE);
	ck_assert_str_eq(answer(), "127.0.0.11 ttl=10");
	ck_assert_str_eq(events(), "notice event=window window=x state=ended was=began cause=reload reason=\"drain 127.0.0.11, 127.0.0.12\" observer=ns1\n");
	world_plan(&w, SERVICE);
	ck_assert_str_eq(answer(), BOTH);
	world_plan(&w, SERVICE "window z 127.0.0.12" ONCE);
	ck_assert_str_eq(answer(), "127.0.0.11 ttl=10");
	world_restart(&w, SIZE_MAX);
	ck_assert_str_eq(answer(), "127.0.0.11 ttl=10");
	run_to(TO_END + 1000);
	ck_assert_str_eq(answer(), BOTH);
}
END_TEST

START_TEST(what_is_shown)
{
	struct core_window_view v;
	world_begin(&w, SERVICE "window x 127.0.0.11,127.0.0.12" ONCE "window past 127.0.0.11 from=2020-01-01_00:00 to=2020-01-02_00:00\n"
		    "window often 127.0.0.11 cron=0,10,20_23_*_*_* lasts=900000\n");
	run_to(1000);
	ck_assert_str_eq(events(), "notice event=window window=past state=over was=over cause=start "
				   "reason=\"it is past, and may be taken out of the configuration\" observer=ns1\n");
	ck_assert_uint_eq(core_windows(w.core), 3);
	core_window_get(w.core, 0, &v, WORLD_WALL_MS + w.now_ms);
	ck_assert(!v.open);
	ck_assert_uint_eq(v.opens_ms, WORLD_WALL_MS + START + TO_BEGIN);
	ck_assert_uint_eq(v.closes_ms, WORLD_WALL_MS + START + TO_END);
	ck_assert_uint_eq(v.next_ms, CALENDAR_NEVER);
	ck_assert_uint_eq(v.services, 1);
	core_window_get(w.core, 1, &v, WORLD_WALL_MS + w.now_ms);
	ck_assert(!v.open);
	ck_assert_uint_eq(v.opens_ms, CALENDAR_NEVER);
	/* 23:00, 23:10 and 23:20, a quarter of an hour each, are one opening: 23:00 to 23:35; then tomorrow's. */
	uint64_t eleven = WORLD_WALL_MS + START + 30 * 60000;
	core_window_get(w.core, 2, &v, WORLD_WALL_MS + w.now_ms);
	ck_assert_uint_eq(v.opens_ms, eleven);
	ck_assert_uint_eq(v.closes_ms, eleven + 35 * 60000);
	ck_assert_uint_eq(v.next_ms, eleven + 86400000);
	core_window_get(w.core, 2, &v, eleven + 34 * 60000);
	ck_assert(v.open);
	ck_assert_uint_eq(v.opens_ms, eleven);
	ck_assert_uint_eq(v.closes_ms, eleven + 35 * 60000);
	run_to(TO_BEGIN + 1000);
	core_window_get(w.core, 0, &v, WORLD_WALL_MS + w.now_ms);
	ck_assert(v.open);
	ck_assert_uint_eq(v.held_back, 1);
	ck_assert_str_eq(v.held_back_by, WWW);
}
END_TEST

START_TEST(over_the_wire)
{
	struct plan *p = plan_make(SERVICE "window x 127.0.0.11,site:ams" ONCE "window y *.example.test cron=0_3_*_*_sun lasts=7200000 state=down\n", 0);
	struct plan *q = NULL;
	struct bytes b;
	bytes_init(&b, SIZE_MAX);
	ck_assert_int_eq(plan_encode(&b, p), 0);
	ck_assert_int_eq(plan_decode(&q, b.data, b.len), 0);
	ck_assert_uint_eq(q->window_count, 2);
	ck_assert_str_eq(q->windows[0].name, "x");
	ck_assert_str_eq(q->windows[0].what[1], "site:ams");
	ck_assert_uint_eq(q->windows[0].to_ms - q->windows[0].from_ms, 120000);
	ck_assert_ptr_null(q->windows[0].cron);
	ck_assert_uint_eq(q->windows[0].force, POLICY_FORCE_DRAIN);
	ck_assert_str_eq(q->windows[1].cron, "0 3 * * sun");
	ck_assert_uint_eq(q->windows[1].when.hours, 8);
	ck_assert_uint_eq(q->windows[1].lasts_ms, 7200000);
	ck_assert_uint_eq(q->windows[1].force, POLICY_FORCE_DOWN);
	plan_free(q);
	for (size_t cut = 1; cut < b.len; cut++)
		ck_assert_int_lt(plan_decode(&q, b.data, b.len - cut), 0);
	bytes_deinit(&b);
	plan_free(p);
}
END_TEST

START_TEST(lies_are_refused)
{
	for (int lie = 0; lie < 9; lie++) {
		struct plan *p = plan_make(SERVICE "window x 127.0.0.11" ONCE "window y 127.0.0.11 cron=0_3_*_*_* lasts=60000\n", 0), *q = NULL;
		struct plan_window *x = (struct plan_window *)(uintptr_t)&p->windows[0], *y = (struct plan_window *)(uintptr_t)&p->windows[1];
		static const char *const loud[] = { "AMS1" }, *const empty[] = { "" };
		struct bytes b;
		switch (lie) {
		case 0: x->to_ms = x->from_ms; break;
		case 1: x->to_ms = x->from_ms + PLAN_WINDOW_MAX_MS + 1; break;
		case 2: x->force = POLICY_FORCE_UP; break;
		case 3: x->what = loud; break;
		case 4: x->what = empty; break;
		case 5: x->name = ""; break;
		case 6: y->cron = "0 3 * *"; break;
		case 7: y->lasts_ms = 0; break;
		case 8: y->lasts_ms = PLAN_WINDOW_MAX_MS + 1; break;
		}
		bytes_init(&b, SIZE_MAX);
		ck_assert_int_eq(plan_encode(&b, p), 0);
		ck_assert_msg(plan_decode(&q, b.data, b.len) == ERR_FORMAT, "lie %d", lie);
		bytes_deinit(&b);
		plan_free(p);
	}
}
END_TEST

static void finish(void)
{
	world_end(&w);
}

int main(void)
{
	const TTest *const worlds[] = { it_begins_and_ends_by_the_clock_alone, it_comes_again, drained_or_down, an_override_wins,
		it_leaves_no_service_without_an_answer, it_is_held_back_while_the_others_are_down, of_two_the_first_goes_first, clocks_jump,
		a_new_plan_and_a_restart, what_is_shown };
	const TTest *const alone[] = { what_is_any_selector, no_false_alarm_at_the_start, over_the_wire, lies_are_refused };
	Suite *s = suite_create("windows");
	TCase *with = tcase_create("worlds"), *without = tcase_create("alone");
	tcase_add_checked_fixture(with, NULL, finish);
	for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++)
		tcase_add_test(with, worlds[i]);
	for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
		tcase_add_test(without, alone[i]);
	suite_add_tcase(s, with);
	suite_add_tcase(s, without);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
