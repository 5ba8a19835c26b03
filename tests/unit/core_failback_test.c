/* Which tier serves, as stories: what fails is left at once, what returns must wait. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "core/state.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "unit.h"

#define WWW "www.example.test"
#define A DNS_TYPE_A
#define AAAA DNS_TYPE_AAAA
#define CHECK "check web interval=1000 retry=200\n"
#define TIERS CHECK "service www.example.test web 127.0.0.11 / 127.0.0.12 / 127.0.0.13 failback="

static struct world w;

static void finish(void)
{
	world_end(&w);
}

/* Tier 1 fails and comes back; the second serves. */
static void fail_and_return(void)
{
	world_run(&w, 1000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 3000);
}

START_TEST(without_it_the_better_takes_over_at_once)
{
	world_begin(&w, TIERS "0\n");
	fail_and_return();
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
}
END_TEST

START_TEST(a_better_tier_waits_for_its_delay)
{
	world_begin(&w, TIERS "30000\n");
	fail_and_return();
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_run(&w, 26000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_trace(&w, NULL);
	world_run(&w, 4000); /* the deadline alone wakes it */
	ck_assert_str_eq(world_trace(&w, "journal tier|publish"), "journal tier\npublish www.example.test A 127.0.0.11 ttl=10\n");
}
END_TEST

START_TEST(a_break_begins_the_delay_anew)
{
	world_begin(&w, TIERS "10000\n");
	fail_and_return();
	world_run(&w, 5000);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 2000);
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 9000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_run(&w, 5000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
}
END_TEST

START_TEST(what_serves_is_left_at_once_when_it_fails)
{
	world_begin(&w, TIERS "manual\n");
	fail_and_return();
	world_run(&w, 600000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_backend(&w, "127.0.0.12", HEALTH_CONNECT_REFUSED);
	world_run(&w, 3000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10"); /* the first that has enough, not the next */
	world_backend(&w, "127.0.0.12", HEALTH_OK);
	world_run(&w, 5000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
}
END_TEST

START_TEST(the_operator_says_when)
{
	world_begin(&w, TIERS "manual\nservice auto.example.test web 127.0.0.11\n");
	world_run(&w, 1000);
	world_trace(&w, NULL);
	world_command(&w, "failback www.example.test");
	world_command(&w, "failback auto.example.test");
	world_command(&w, "failback ww.example.test");
	ck_assert_str_eq(world_trace(&w, "re|publish"),
			 "refused 1 www.example.test: no better tier has enough members up\n"
			 "refused 2 auto.example.test holds no tier: its failback is \"auto\"\n"
			 "refused 3 \"ww.example.test\" is no service\n");
	fail_and_return();
	world_trace(&w, NULL);
	world_command(&w, "failback WWW.example.test.");
	ck_assert_str_eq(world_trace(&w, "re|publish"),
			 "publish www.example.test A 127.0.0.11 ttl=10\n"
			 "reply 4 failback www.example.test: tier 1 serves on ns1\n");
	world_command(&w, "failback www.example.test");
	ck_assert_str_eq(world_trace(&w, "re|publish"), "refused 5 www.example.test: no better tier has enough members up\n");
}
END_TEST

START_TEST(the_operator_is_answered_when_the_disk_has_it)
{
	world_begin(&w, TIERS "manual\n");
	fail_and_return();
	w.disk_slow = true;
	world_trace(&w, NULL);
	world_command(&w, "failback www.example.test");
	world_command(&w, "failback www.example.test"); /* has nothing to move, and nothing to wait for */
	world_command(&w, "drain 127.0.0.13");
	ck_assert_str_eq(world_trace(&w, "re|publish|journal tier"),
			 "journal tier sync\npublish www.example.test A 127.0.0.11 ttl=10\n"
			 "refused 2 www.example.test: no better tier has enough members up\n");
	world_run(&w, 1000);
	ck_assert_str_eq(world_trace(&w, "re|publish"), "");
	world_sync(&w);
	ck_assert_str_eq(world_trace(&w, "re|publish"), "reply 1 failback www.example.test: tier 1 serves on ns1\n"
							"reply 3 drain 127.0.0.13: in force on ns1 (1 service)\n");
	fail_and_return();
	w.disk_slow = true;
	world_trace(&w, NULL);
	world_command(&w, "failback www.example.test");
	world_plan(&w, TIERS "manual\n"); /* a reload meanwhile loses nothing */
	ck_assert_str_eq(world_trace(&w, "re"), "");
	world_sync(&w);
	ck_assert_str_eq(world_trace(&w, "re"), "reply 4 failback www.example.test: tier 1 serves on ns1\n");
}
END_TEST

START_TEST(it_survives_a_restart)
{
	world_begin(&w, TIERS "manual\n");
	fail_and_return();
	for (int i = 0; i < 3; i++) { /* the last time with all found up at the first look */
		world_restart(&w, SIZE_MAX);
		ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
		world_run(&w, 5000);
		ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	}
	world_command(&w, "failback www.example.test");
	world_restart(&w, SIZE_MAX);
	world_run(&w, 5000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
}
END_TEST

START_TEST(it_survives_a_new_plan)
{
	world_begin(&w, TIERS "manual\n");
	fail_and_return();
	world_plan(&w, TIERS "manual\nservice dl.example.test web 127.0.0.14\n");
	world_run(&w, 5000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_plan(&w, CHECK "service www.example.test web 127.0.0.11 failback=manual\n"); /* that tier is no more */
	world_run(&w, 5000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
	world_plan(&w, TIERS "0\n");
	world_run(&w, 5000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
}
END_TEST

START_TEST(families_go_apart_or_together)
{
	for (int couple = 0; couple < 2; couple++) {
		char plan[256];
		snprintf(plan, sizeof plan, CHECK "service www.example.test web 127.0.0.11 ::11 / 127.0.0.12 ::12 failback=manual couple=%d\n",
			 couple);
		world_begin(&w, plan);
		fail_and_return();
		ck_assert_str_eq(world_answer(&w, WWW, AAAA), couple ? "::12 ttl=10" : "::11 ttl=10");
		world_command(&w, "failback www.example.test");
		ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
		ck_assert_str_eq(world_answer(&w, WWW, AAAA), "::11 ttl=10");
		if (!couple)
			world_end(&w);
	}
}
END_TEST

START_TEST(the_ttl_knows_the_delay)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11 / 127.0.0.12 failback=20000 ttl=1-300\n");
	world_run(&w, 1000);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=3"); /* its own fall */
	world_end(&w);
	world_begin(&w, "check web interval=60000 retry=200\nservice www.example.test web 127.0.0.11 / 127.0.0.12 failback=20000 ttl=1-300\n");
	world_run(&w, 1000);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 200000);
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_trace(&w, NULL);
	world_run(&w, 100000);
	ck_assert_str_eq(world_trace(&w, "publish"), "publish www.example.test A 127.0.0.12 ttl=80\n" /* one interval, then the delay */
						     "publish www.example.test A 127.0.0.12 ttl=20\n"
						     "publish www.example.test A 127.0.0.11 ttl=180\n");
}
END_TEST

START_TEST(a_hold_of_the_journal_is_checked)
{
	uint8_t good[64];
	size_t len = 0;
	world_begin(&w, TIERS "manual\n");
	world_run(&w, 1000);
	world_end(&w);
	world_begin(&w, TIERS "manual\n");
	struct wbuf b;
	wbuf_init(&b, good, sizeof good);
	put_u8(&b, RECORD_TIER);
	put_u8(&b, 0);
	put_u8(&b, 1);
	put_u64(&b, 77);
	put_block(&b, w.plan->services[0].owner, name_len(w.plan->services[0].owner));
	ck_assert(!b.failed);
	len = b.len;
	for (size_t n = 0; n < len; n++)
		ck_assert_int_eq(core_recover(w.core, good, n, w.now_ms, WORLD_WALL_MS), ERR_FORMAT);
	good[2] = POLICY_TIERS_MAX;
	ck_assert_int_eq(core_recover(w.core, good, len, w.now_ms, WORLD_WALL_MS), ERR_FORMAT);
	good[2] = 31; /* could be, but is not here */
	ck_assert_int_eq(core_recover(w.core, good, len, w.now_ms, WORLD_WALL_MS), 0);
	good[1] = 2;
	ck_assert_int_eq(core_recover(w.core, good, len, w.now_ms, WORLD_WALL_MS), ERR_FORMAT);
	world_run(&w, 1000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { without_it_the_better_takes_over_at_once, a_better_tier_waits_for_its_delay,
				       a_break_begins_the_delay_anew, what_serves_is_left_at_once_when_it_fails,
				       the_operator_says_when, the_operator_is_answered_when_the_disk_has_it, it_survives_a_restart, it_survives_a_new_plan,
				       families_go_apart_or_together, the_ttl_knows_the_delay,
				       a_hold_of_the_journal_is_checked };
	TCase *t = tcase_create("stories");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, finish);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tcase_add_test(t, tests[i]);
	return unit_run_case("core_failback", t);
}
