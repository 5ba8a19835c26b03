/* Services that need others, as stories: what is missing takes its dependents down, in one step, and gives them back. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/state.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "lib/plan_make.h"

#define WWW "www.example.test"
#define DB "db.example.test"
#define A DNS_TYPE_A
#define CHECK "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
#define S_DB "service db.example.test web 127.0.0.51\n"

static struct world w;

static const char *answer(const char *service)
{
	return world_answer(&w, service, A);
}

static struct core_member_view member(const char *service, size_t i)
{
	struct core_member_view m;
	core_member_get(w.core, (size_t)core_service_find(w.core, service), i, &m, w.now_ms);
	return m;
}

START_TEST(a_member_goes_with_what_it_needs)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11^db.example.test 127.0.0.12\n" S_DB);
	world_run(&w, 3000);
	ck_assert_str_eq(answer(WWW), "127.0.0.11 127.0.0.12 ttl=10");
	ck_assert_ptr_null(member(WWW, 0).missing);
	world_backend(&w, "127.0.0.51", HEALTH_CONNECT_REFUSED);
	world_run(&w, 3000);
	ck_assert_str_eq(answer(WWW), "127.0.0.12 ttl=10");
	ck_assert_str_eq(member(WWW, 0).missing, DB);
	ck_assert_int_eq(member(WWW, 0).state, HEALTH_VERDICT_DOWN);
	ck_assert_int_eq(member(WWW, 0).own, HEALTH_VERDICT_UP);
	ck_assert_ptr_null(member(WWW, 1).missing);
	world_backend(&w, "127.0.0.51", HEALTH_OK);
	world_run(&w, 5000);
	ck_assert_str_eq(answer(WWW), "127.0.0.11 127.0.0.12 ttl=10");
	ck_assert_ptr_null(member(WWW, 0).missing);
}
END_TEST

START_TEST(tiers_go_on_as_ever)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11^db.example.test / 127.0.0.12 all_down=none\n" S_DB);
	world_run(&w, 3000);
	ck_assert_str_eq(answer(WWW), "127.0.0.11 ttl=10");
	world_backend(&w, "127.0.0.51", HEALTH_CONNECT_REFUSED);
	world_run(&w, 3000);
	ck_assert_str_eq(answer(WWW), "127.0.0.12 ttl=10");
	world_backend(&w, "127.0.0.12", HEALTH_CONNECT_REFUSED);
	world_run(&w, 3000);
	ck_assert_str_eq(answer(WWW), "nodata ttl=10");
}
END_TEST

/* From the end of the chain to its head in the step of the verdict, as one transaction; whatever the order of the file. */
START_TEST(a_chain_settles_in_one_step)
{
	static const char *const orders[] = {
		CHECK "service www.example.test web 127.0.0.11 needs=api.example.test all_down=none\n"
		"service api.example.test web 127.0.0.21 needs=db.example.test all_down=none\n" S_DB,
		CHECK S_DB "service api.example.test web 127.0.0.21 needs=db.example.test all_down=none\n"
		"service www.example.test web 127.0.0.11 needs=api.example.test all_down=none\n" };
	for (size_t i = 0; i < 2; i++) {
		world_begin(&w, orders[i]);
		world_run(&w, 3000);
		world_backend(&w, "127.0.0.51", HEALTH_CONNECT_REFUSED);
		world_trace(&w, NULL);
		for (int n = 0; n < 3000 && strcmp(answer("api.example.test"), "nodata ttl=10") != 0; n++)
			world_run(&w, 1);
		ck_assert_str_eq(answer(WWW), "nodata ttl=10");
		ck_assert_str_eq(world_trace(&w, "publish api|publish www"),
				 "publish api.example.test A nodata ttl=10\npublish www.example.test A nodata ttl=10\n");
		world_end(&w);
	}
}
END_TEST

START_TEST(all_that_is_needed_must_be_there)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11^db.example.test all_down=none needs=api.example.test\n"
		    "service api.example.test web 127.0.0.21\n" S_DB);
	world_backend(&w, "127.0.0.21", HEALTH_CONNECT_REFUSED);
	world_run(&w, 3000);
	ck_assert_str_eq(answer(WWW), "nodata ttl=10");
	ck_assert_str_eq(member(WWW, 0).missing, "api.example.test");
	world_backend(&w, "127.0.0.51", HEALTH_CONNECT_REFUSED);
	world_backend(&w, "127.0.0.21", HEALTH_OK);
	world_run(&w, 5000);
	ck_assert_str_eq(answer(WWW), "nodata ttl=10");
	ck_assert_str_eq(member(WWW, 0).missing, DB);
	world_backend(&w, "127.0.0.51", HEALTH_OK);
	world_run(&w, 5000);
	ck_assert_str_eq(answer(WWW), "127.0.0.11 ttl=10");
}
END_TEST

START_TEST(an_operator_may_force_it_up)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11 needs=db.example.test all_down=none\n" S_DB);
	world_backend(&w, "127.0.0.51", HEALTH_CONNECT_REFUSED);
	world_run(&w, 3000);
	ck_assert_str_eq(answer(WWW), "nodata ttl=10");
	world_command(&w, "up 127.0.0.11");
	ck_assert_str_eq(answer(WWW), "127.0.0.11 ttl=60");
	world_command(&w, "auto 127.0.0.11");
	ck_assert_str_eq(answer(WWW), "nodata ttl=10");
	world_command(&w, "up db.example.test"); /* what serves by force serves */
	ck_assert_str_eq(answer(WWW), "127.0.0.11 ttl=10");
	world_command(&w, "auto db.example.test");
	world_backend(&w, "127.0.0.51", HEALTH_OK);
	world_run(&w, 5000);
	world_command(&w, "drain db.example.test force"); /* and what is taken out serves no longer */
	ck_assert_str_eq(answer(WWW), "nodata ttl=10");
}
END_TEST

/* What is not known yet, or not any more, takes nothing down; what is known to be down does, whoever is unknown beside it. */
START_TEST(unknown_takes_nothing_down)
{
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11 needs=db.example.test all_down=none\n"
		    "service db.example.test web 127.0.0.51 127.0.0.52 initial=down\n");
	world_backend(&w, "127.0.0.51", HEALTH_SCRIPT_ERROR);
	world_backend(&w, "127.0.0.52", HEALTH_SCRIPT_ERROR);
	world_run(&w, 10000);
	ck_assert_str_eq(answer(DB), "127.0.0.51 127.0.0.52 ttl=10"); /* by all_down */
	ck_assert_str_eq(answer(WWW), "127.0.0.11 ttl=10");
	world_backend(&w, "127.0.0.51", HEALTH_CONNECT_REFUSED);
	world_run(&w, 5000);
	ck_assert_str_eq(answer(WWW), "127.0.0.11 ttl=10"); /* the other may be there */
	world_backend(&w, "127.0.0.52", HEALTH_CONNECT_REFUSED);
	world_run(&w, 5000);
	ck_assert_str_eq(answer(WWW), "nodata ttl=10");
	world_end(&w);
	world_begin(&w, CHECK "service www.example.test web 127.0.0.11 needs=db.example.test all_down=none\n"
		    "service db.example.test web 127.0.0.51 127.0.0.52 need=2 initial=down\n");
	world_backend(&w, "127.0.0.51", HEALTH_SCRIPT_ERROR);
	world_backend(&w, "127.0.0.52", HEALTH_CONNECT_REFUSED);
	world_run(&w, 10000);
	ck_assert_str_eq(answer(WWW), "nodata ttl=10"); /* of two that it needs one is down: no unknown one could help */
}
END_TEST

START_TEST(before_the_first_round_nothing_is_down)
{
	struct addr a;
	world_begin(&w, CHECK "service www.example.test - 127.0.0.11 needs=db.example.test all_down=none\n" S_DB);
	ck_assert_int_eq(addr_parse(&a, "127.0.0.51", 10, 0), 0);
	world_backend(&w, "127.0.0.51", HEALTH_CONNECT_REFUSED);
	world_backend_of(&w, &a)->silent = true;
	world_run(&w, 100);
	ck_assert_str_eq(answer(DB), "not ready");
	ck_assert_int_ne(member(WWW, 0).state, HEALTH_VERDICT_DOWN);
}
END_TEST

/* The way of what is needed is a way of the dependents: db, alone, fails in 3 s; of two that can stand in for each other none
 * counts. */
START_TEST(the_ttl_knows_what_is_needed)
{
	static const struct { const char *db, *ttl; } rows[] = {
		{ "127.0.0.51", "127.0.0.11 ttl=3" },
		{ "127.0.0.51 127.0.0.52", "127.0.0.11 ttl=30" },
		{ "127.0.0.51 127.0.0.52 need=2", "127.0.0.11 ttl=3" },
		{ "127.0.0.51 / 127.0.0.52", "127.0.0.11 ttl=30" },
		{ "127.0.0.51 ::51", "127.0.0.11 ttl=30" },
		{ "127.0.0.51!", "nodata ttl=1" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char plan[512];
		snprintf(plan, sizeof plan, "check slow interval=10000 timeout=500 retry=10000 fall=3 rise=2\n" CHECK
			 "service www.example.test slow 127.0.0.11 needs=db.example.test all_down=none ttl=1-60\n"
			 "service db.example.test web %s\n", rows[i].db);
		world_begin(&w, plan);
		world_run(&w, 25000);
		ck_assert_msg(strcmp(answer(WWW), rows[i].ttl) == 0, "%s: %s", rows[i].db, answer(WWW));
		world_end(&w);
	}
	world_begin(&w, "check slow interval=10000 timeout=500 retry=10000 fall=3 rise=2\n" CHECK
		    "service www.example.test slow 127.0.0.11 needs=api.example.test ttl=1-60\n"
		    "service api.example.test slow 127.0.0.21 needs=db.example.test ttl=1-60\n" S_DB);
	world_run(&w, 25000);
	ck_assert_str_eq(answer(WWW), "127.0.0.11 ttl=3"); /* through the chain */
}
END_TEST

START_TEST(only_what_is_touched_is_decided)
{
	char *plan = malloc(200000);
	size_t n = (size_t)snprintf(plan, 200000, CHECK S_DB "service other.example.test web 127.0.0.52\n");
	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(plan + n, 200000 - n, "service s%d.example.test web 127.0.0.%d needs=%s all_down=none\n", i, 11 + i % 2,
				      i < 3 ? DB : "other.example.test");
	world_begin(&w, plan);
	free(plan);
	world_run(&w, 3000);
	world_backend(&w, "127.0.0.51", HEALTH_CONNECT_REFUSED);
	world_trace(&w, NULL);
	world_run(&w, 3000);
	const char *trace = world_trace(&w, "publish s");
	ck_assert_str_eq(trace, "publish s0.example.test A nodata ttl=10\npublish s1.example.test A nodata ttl=10\n"
				"publish s2.example.test A nodata ttl=10\n");
}
END_TEST

START_TEST(it_outlives_a_restart_and_a_new_plan)
{
	static const char plan[] = CHECK "service www.example.test web 127.0.0.11 needs=db.example.test all_down=none\n" S_DB;
	world_begin(&w, plan);
	world_backend(&w, "127.0.0.51", HEALTH_CONNECT_REFUSED);
	world_run(&w, 5000);
	world_restart(&w, SIZE_MAX);
	ck_assert_str_eq(answer(WWW), "nodata ttl=10");
	world_plan(&w, plan);
	ck_assert_str_eq(answer(WWW), "nodata ttl=10");
	world_plan(&w, CHECK "service www.example.test web 127.0.0.11 all_down=none\n" S_DB);
	ck_assert_str_eq(answer(WWW), "127.0.0.11 ttl=10");
	world_plan(&w, plan);
	ck_assert_str_eq(answer(WWW), "nodata ttl=10");
}
END_TEST

/* Plans come from outside: chains are bounded, and circles never get as far as the core. */
START_TEST(ranks_are_bounded)
{
	for (int len = PLAN_NEEDS_DEPTH - 1; len <= PLAN_NEEDS_DEPTH + 1; len++) {
		for (int backward = 0; backward < 2; backward++) {
			char text[8192];
			size_t n = (size_t)snprintf(text, sizeof text, CHECK);
			for (int i = 0; i < len; i++) {
				int at = backward ? len - 1 - i : i;
				n += (size_t)snprintf(text + n, sizeof text - n, "service s%d.test web 127.0.0.1", at);
				if (at > 0)
					n += (size_t)snprintf(text + n, sizeof text - n, " needs=s%d.test", at - 1);
				n += (size_t)snprintf(text + n, sizeof text - n, "\n");
			}
			struct plan *p = plan_make(text, 0), *q = NULL;
			struct bytes b;
			bytes_init(&b, SIZE_MAX);
			ck_assert_int_eq(plan_encode(&b, p), 0);
			int e = plan_decode(&q, b.data, b.len);
			ck_assert_int_eq(e, len <= PLAN_NEEDS_DEPTH ? 0 : ERR_FORMAT);
			if (e == 0)
				plan_free(q);
			bytes_deinit(&b);
			plan_free(p);
		}
	}
	static const char *const circles[] = { "service a.test web 127.0.0.1 needs=a.test\n",
					       "service a.test web 127.0.0.1 needs=b.test\nservice b.test web 127.0.0.1^a.test\n" };
	for (size_t i = 0; i < 2; i++) {
		char text[512];
		uint8_t rank[2];
		snprintf(text, sizeof text, CHECK "%s", circles[i]);
		struct plan *p = plan_make(text, 0);
		ck_assert_int_eq(plan_ranks(p, rank), ERR_FORMAT);
		plan_free(p);
	}
}
END_TEST

START_TEST(needs_go_over_the_wire)
{
	struct plan *p = plan_make(CHECK "service a.test web 127.0.0.1 127.0.0.2^b.test needs=c.test\nservice b.test web 127.0.0.1\n"
				   "service c.test web 127.0.0.1\n", 0), *q = NULL;
	struct bytes b;
	bytes_init(&b, SIZE_MAX);
	ck_assert_int_eq(plan_encode(&b, p), 0);
	ck_assert_int_eq(plan_decode(&q, b.data, b.len), 0);
	ck_assert_uint_eq(q->services[0].needs.count, 1);
	ck_assert_uint_eq(q->services[0].needs.services[0], 2);
	ck_assert_uint_eq(q->services[0].member_needs[0].count, 0);
	ck_assert_uint_eq(q->services[0].member_needs[1].services[0], 1);
	ck_assert_ptr_null(q->services[1].member_needs);
	plan_free(q);
	((uint32_t *)(uintptr_t)p->services[0].needs.services)[0] = 3; /* nobody's index */
	b.len = 0;
	ck_assert_int_eq(plan_encode(&b, p), 0);
	ck_assert_int_eq(plan_decode(&q, b.data, b.len), ERR_FORMAT);
	bytes_deinit(&b);
	plan_free(p);
}
END_TEST

static void finish(void)
{
	world_end(&w);
}

int main(void)
{
	const TTest *const worlds[] = { a_member_goes_with_what_it_needs, tiers_go_on_as_ever, all_that_is_needed_must_be_there,
		an_operator_may_force_it_up, unknown_takes_nothing_down, before_the_first_round_nothing_is_down, the_ttl_knows_what_is_needed,
		only_what_is_touched_is_decided, it_outlives_a_restart_and_a_new_plan };
	const TTest *const alone[] = { a_chain_settles_in_one_step, ranks_are_bounded, needs_go_over_the_wire };
	Suite *s = suite_create("needs");
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
