/* The state machine, as stories: events go in, a readable trace comes out. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/journal.h"
#include "core/state.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "lib/plan_make.h"
#include "unit.h"

#define A DNS_TYPE_A
#define AAAA DNS_TYPE_AAAA
#define WWW "www.example.test"

static struct world w;

static const char *const two = "check web\nservice www.example.test web 127.0.0.11 127.0.0.12\n";
static const char *const tiers = "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13\n";

static void finish(void)
{
	world_end(&w);
}

/* ---- the first round ---- */

START_TEST(a_cold_start_waits_for_the_first_round)
{
	world_begin(&w, two);
	ck_assert_str_eq(world_trace(&w, "publish"), "publish www.example.test A not ready\n"
						     "publish www.example.test AAAA nodata ttl=60\n");
	world_run(&w, 300);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
	struct core_totals t;
	core_totals_get(w.core, &t);
	ck_assert(t.round_done);
	ck_assert_uint_eq(t.members_up, 2);
	world_run(&w, 1000);
	ck_assert_uint_eq(w.now_ms, 1001300);
}
END_TEST

START_TEST(the_first_round_finds_the_dead)
{
	world_begin(&w, two);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 300);
	/* with nothing known the first result decides alone */
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
}
END_TEST

START_TEST(the_first_round_ends_without_the_silent)
{
	world_begin(&w, two);
	struct addr a;
	ck_assert_int_eq(addr_parse(&a, "127.0.0.11", 10, 0), 0);
	world_backend_of(&w, &a)->silent = true; /* not even a timeout is reported */
	world_run(&w, 499);
	ck_assert_str_eq(world_answer(&w, WWW, A), "not ready");
	world_run(&w, 2); /* the largest timeout is 500 ms */
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
}
END_TEST

START_TEST(initial_down_is_honoured)
{
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 initial=down\n");
	struct addr a;
	ck_assert_int_eq(addr_parse(&a, "127.0.0.11", 10, 0), 0);
	world_backend_of(&w, &a)->silent = true;
	world_run(&w, 600);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
}
END_TEST

/* ---- failing over ---- */

START_TEST(a_failure_is_journalled_then_published)
{
	world_begin(&w, tiers);
	world_run(&w, 1000);
	world_trace(&w, NULL);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 1500); /* interval 1 s, then two retries at 200 ms */
	ck_assert_str_eq(world_trace(&w, "journal|publish"), "journal verdict\n"
							     "publish www.example.test A 127.0.0.12 ttl=10\n");
	world_backend(&w, "127.0.0.12", HEALTH_READ_TIMEOUT);
	world_run(&w, 1500);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=10");
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 1500); /* rise = 2 */
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
}
END_TEST

START_TEST(one_failure_is_no_verdict)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_trace(&w, NULL);
	while (!strstr(world_trace(&w, "probe 127.0.0.11"), "probe"))
		world_run(&w, 10);
	world_run(&w, 100);
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 5000);
	ck_assert_str_eq(world_trace(&w, "journal|publish"), "");
}
END_TEST

START_TEST(unknown_and_void_take_nothing_down)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	world_backend(&w, "127.0.0.11", HEALTH_SCRIPT_ERROR);
	world_backend(&w, "127.0.0.12", HEALTH_LOCAL_ERROR);
	world_run(&w, 60000); /* the verdicts age, what was decided is held */
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
	struct core_member_view v;
	core_member_get(w.core, 0, 0, &v, w.now_ms);
	ck_assert_int_eq(v.own, HEALTH_VERDICT_UNKNOWN);
	ck_assert_int_eq(v.state, HEALTH_VERDICT_UP);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 3000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	/* and the other way round: unknown brings nothing back */
	world_backend(&w, "127.0.0.11", HEALTH_SCRIPT_ERROR);
	world_run(&w, 60000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
}
END_TEST

START_TEST(ttl_follows_the_counters)
{
	world_begin(
		&w,
		"check web interval=5000 retry=1000\nservice www.example.test web 127.0.0.11 127.0.0.12 ttl=1-300\n");
	world_run(&w, 300);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=15");
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_trace(&w, NULL);
	world_run(&w, 8000);
	ck_assert_str_eq(world_trace(&w, "journal|publish"),
			 "publish www.example.test A 127.0.0.11 127.0.0.12 ttl=10\n"
			 "publish www.example.test A 127.0.0.11 127.0.0.12 ttl=5\n"
			 "journal verdict\n"
			 "publish www.example.test A 127.0.0.12 ttl=10\n"); /* rise = 2 */
}
END_TEST

START_TEST(all_down_and_back)
{
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 all_down=none\n");
	world_run(&w, 1000);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_backend(&w, "127.0.0.12", HEALTH_CONNECT_REFUSED);
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "nodata ttl=10");
	world_backend(&w, "127.0.0.12", HEALTH_OK);
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
}
END_TEST

START_TEST(checks_are_combined)
{
	world_begin(&w, "check web\ncheck port\nservice all.test web+port 127.0.0.11 127.0.0.12\n"
			"service any.test web|port 127.0.0.11 127.0.0.12\nservice none.test - 127.0.0.11\n");
	world_run(&w, 300);
	ck_assert_uint_eq(core_plan(w.core)->stream_count, 4);
	for (size_t i = 0; i < w.flight_count; i++)
		w.flight[i].at_ms = UINT64_MAX;
	/* "web" of .11 dies: told by hand, since the world's back ends know no checks */
	uint32_t s = plan_make_stream(w.plan, "web", "127.0.0.11");
	w.latency_ms = 1000000;
	for (int i = 0; i < 3; i++) {
		world_run(&w, 1000);
		for (size_t k = 0; k < w.flight_count; k++) {
			if (w.flight[k].stream != s || w.flight[k].at_ms == UINT64_MAX)
				continue;
			struct core_event e = { .type = CORE_RESULT };
			e.result.stream = s;
			e.result.run = w.flight[k].run;
			e.result.result = (struct health_result){ .reason = HEALTH_CONNECT_REFUSED, .weight_pct = 100 };
			w.flight[k].at_ms = UINT64_MAX;
			world_step(&w, &e);
		}
	}
	ck_assert_str_eq(world_answer(&w, "all.test", A), "127.0.0.12 ttl=10");
	ck_assert_str_eq(world_answer(&w, "any.test", A), "127.0.0.11 127.0.0.12 ttl=10");
	ck_assert_str_eq(world_answer(&w, "none.test", A), "127.0.0.11 ttl=60");
}
END_TEST

START_TEST(a_flip_costs_what_it_touches)
{
	struct bytes plan;
	bytes_init(&plan, 1 << 20);
	bytes_printf(&plan, "check web\n");
	for (int i = 0; i < 500; i++)
		bytes_printf(&plan, "service s%d.test web 127.0.%d.1 127.0.%d.2\n", i, i / 200, 10 + i % 40);
	bytes_u8(&plan, 0);
	world_begin(&w, (const char *)plan.data);
	w.latency_ms = 1;
	world_run(&w, 1000);
	world_trace(&w, NULL);
	world_backend(&w, "127.0.17.2", HEALTH_CONNECT_REFUSED); /* of services 7, 47, 87 …: 13 of them */
	world_run(&w, 1500);
	const char *t = world_trace(&w, "publish"), *at = t;
	int n = 0;
	for (; (at = strstr(at, "publish")); at++)
		n++;
	ck_assert_int_eq(n, 13);
	ck_assert_ptr_nonnull(strstr(t, "publish s487.test A 127.0.2.1 ttl=10"));
	bytes_deinit(&plan);
}
END_TEST

/* ---- probes ---- */

START_TEST(results_of_no_running_run_count_for_nothing)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	world_trace(&w, NULL);
	struct core_event e = { .type = CORE_RESULT };
	e.result.result = (struct health_result){ .reason = HEALTH_CONNECT_REFUSED, .weight_pct = 100 };
	for (uint32_t stream = 0; stream < 4; stream++) {
		for (uint32_t run = 0; run < 5; run++) {
			e.result.stream = stream == 3 ? UINT32_MAX : stream;
			e.result.run = run == 4 ? UINT32_MAX : run;
			world_step(&w, &e);
		}
	}
	ck_assert_str_eq(world_trace(&w, "journal|publish"), "");
}
END_TEST

START_TEST(a_lost_probe_is_void_and_tried_again)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	struct addr a;
	ck_assert_int_eq(addr_parse(&a, "127.0.0.11", 10, 0), 0);
	world_backend_of(&w, &a)->silent = true;
	world_run(&w, 1000);
	world_trace(&w, NULL);
	world_run(&w, 2000); /* 500 ms timeout + 1 s patience, then the next interval */
	ck_assert_ptr_nonnull(strstr(world_trace(&w, "probe"), "probe 127.0.0.11/web"));
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
}
END_TEST

START_TEST(without_a_prober_nothing_changes)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	world_prober(&w, false);
	world_trace(&w, NULL);
	world_run(&w, 60000);
	ck_assert_str_eq(world_trace(&w, "probe"), "");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
	struct core_totals t;
	core_totals_get(w.core, &t);
	ck_assert_uint_eq(t.in_flight, 0);
	world_prober(&w, true);
	world_run(&w, 1000 + 1000 / 16); /* spread over their interval */
	const char *trace = world_trace(&w, "probe");
	ck_assert_ptr_nonnull(strstr(trace, "127.0.0.11"));
	ck_assert_ptr_nonnull(strstr(trace, "127.0.0.12"));
}
END_TEST

START_TEST(a_prober_comes_back_to_no_herd)
{
	char plan[8192] = "check web\nservice www.example.test web";
	unsigned count = 0, most = 0;
	for (int i = 0; i < 200; i++)
		sprintf(plan + strlen(plan), " 127.0.%d.%d", 1 + i / 100, 1 + i % 100);
	world_begin(&w, plan);
	world_run(&w, 3000);
	world_prober(&w, false);
	world_run(&w, 1500);
	world_trace(&w, NULL);
	world_prober(&w, true);
	for (int i = 0; i < 11; i++) { /* 200 probes in an interval, and its jitter: 20 in each tenth, give or take */
		unsigned here = 0;
		const char *trace = world_trace(&w, "probe");
		for (const char *at = trace; (at = strstr(at, "probe ")); at++)
			here++;
		count += here;
		most = here > most ? here : most;
		world_run(&w, 100);
	}
	ck_assert_uint_ge(count, 180);
	ck_assert_msg(most <= 40, "%u at once", most);
}
END_TEST

/* ---- the own network ---- */

static const char *const watched = "check web fall=3\nservice www.example.test web 192.0.2.11 192.0.2.12\n"
				   "canary 192.0.2.101:80\ncanary 192.0.2.102:80\n";

static void cut(enum health_reason canaries)
{
	world_backend(&w, "192.0.2.11", HEALTH_CONNECT_TIMEOUT);
	world_backend(&w, "192.0.2.12", HEALTH_CONNECT_TIMEOUT);
	world_backend(&w, "192.0.2.101:80", canaries);
	world_backend(&w, "192.0.2.102:80", canaries);
}

static void heal(void)
{
	cut(HEALTH_OK);
	world_backend(&w, "192.0.2.11", HEALTH_OK);
	world_backend(&w, "192.0.2.12", HEALTH_OK);
}

static enum core_network_state network(void)
{
	struct core_network n;
	core_network_get(w.core, &n);
	return n.state;
}

START_TEST(a_lost_network_takes_nothing_down)
{
	world_begin(&w, watched);
	world_run(&w, 2000);
	ck_assert_int_eq(network(), CORE_NETWORK_OK);
	world_trace(&w, NULL);
	cut(HEALTH_CONNECT_TIMEOUT);
	world_run(&w, 1500);
	ck_assert_int_eq(network(), CORE_NETWORK_DOUBT);
	world_run(&w, 8500);
	ck_assert_int_eq(network(), CORE_NETWORK_ISOLATED);
	ck_assert_str_eq(world_answer(&w, WWW, A), "192.0.2.11 192.0.2.12 ttl=10");
	const char *trace = world_trace(&w, "notice");
	ck_assert_ptr_nonnull(strstr(trace, "own network seems lost: "));
	ck_assert_ptr_null(strstr(trace, "state=down"));
	cut(HEALTH_OK);
	world_run(&w, 3000); /* their first answers go with it, they were asked before */
	ck_assert_int_eq(network(), CORE_NETWORK_OK);
	ck_assert_ptr_nonnull(strstr(world_trace(&w, "notice"), "event=network path=IPv4 away_ms="));
}
END_TEST

static bool is_asked(const struct world_backend *b)
{
	for (size_t i = 0; i < w.flight_count; i++) {
		if (addr_equal(&core_plan(w.core)->streams[w.flight[i].stream].addr, &b->addr))
			return true;
	}
	return false;
}

/* The network goes while targets are asked, and before it is missed we stand still: whatever is silent then is void. */
START_TEST(what_was_asked_before_we_stood_still_takes_nothing_down)
{
	static const struct { uint64_t stood_ms, back_ms; } rows[] = {
		{ 1000, 0 }, { 1300, 0 }, { 1300, 100 }, { 3000, 0 }, { 3000, 400 }, { 60000, 0 }, { 60000, 700 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		world_begin(&w, "check web fall=1 timeout=300\nservice www.example.test web 192.0.2.11 192.0.2.12\n"
				"canary 192.0.2.101:80\ncanary 192.0.2.102:80\n");
		w.latency_ms = 50;
		world_run(&w, 3000);
		for (struct addr a = core_plan(w.core)->streams[0].addr; !is_asked(world_backend_of(&w, &a));)
			world_run(&w, 1);
		cut(HEALTH_CONNECT_TIMEOUT);
		w.now_ms += rows[i].stood_ms;
		world_run(&w, rows[i].back_ms);
		heal();
		world_run(&w, 5000);
		ck_assert_msg(!strstr(world_trace(&w, "notice"), "state=down"), "row %zu", i);
		ck_assert_int_eq(network(), CORE_NETWORK_OK);
		/* one that dies is found as ever */
		world_backend(&w, "192.0.2.11", HEALTH_CONNECT_TIMEOUT);
		world_run(&w, 1500);
		ck_assert_str_eq(world_answer(&w, WWW, A), "192.0.2.12 ttl=10");
		world_end(&w);
	}
	world_begin(&w, watched);
}
END_TEST

/* The machine knows that its link is gone: no silence, but errors of its own. Nobody but the twin is a witness here. */
START_TEST(a_link_that_is_unplugged_isolates_too)
{
	world_begin(&w, "pair any-up away\ncheck web fall=3\nservice www.example.test web 192.0.2.11 192.0.2.12\n");
	world_run(&w, 2000);
	ck_assert_int_ne(network(), CORE_NETWORK_ISOLATED);
	world_backend(&w, "192.0.2.11", HEALTH_LOCAL_ERROR);
	world_backend(&w, "192.0.2.12", HEALTH_LOCAL_ERROR);
	world_run(&w, 5000);
	ck_assert_int_eq(network(), CORE_NETWORK_ISOLATED);
	ck_assert_int_eq(pair_self(core_pair(w.core)), PAIR_ISOLATED);
	world_backend(&w, "192.0.2.11", HEALTH_OK);
	world_run(&w, 5000);
	ck_assert_int_ne(network(), CORE_NETWORK_ISOLATED);
}
END_TEST

/* How often a word stands in a trace. */
static unsigned times(const char *trace, const char *word)
{
	unsigned n = 0;
	for (const char *at = trace; (at = strstr(at, word)); at += strlen(word))
		n++;
	return n;
}

START_TEST(a_long_cut_is_told_once_for_all)
{
	world_begin(&w, watched);
	world_run(&w, 2000);
	world_trace(&w, NULL);
	cut(HEALTH_CONNECT_TIMEOUT);
	world_run(&w, 30000);
	heal();
	world_run(&w, 10000);
	const char *trace = world_trace(&w, "notice");
	ck_assert_msg(times(trace, "event=") == 2, "%s", trace);
	ck_assert_ptr_nonnull(strstr(trace, "state=isolated was=ok cause=check reason=\"own network seems lost: "));
	ck_assert_ptr_nonnull(strstr(trace, " state=back was=lost"));
	ck_assert_ptr_nonnull(strstr(trace, " unknown=2"));
	ck_assert_str_eq(world_answer(&w, WWW, A), "192.0.2.11 192.0.2.12 ttl=10");
	/* what is another than before is told */
	cut(HEALTH_CONNECT_TIMEOUT);
	world_run(&w, 30000);
	heal();
	world_backend(&w, "192.0.2.12", HEALTH_CONNECT_REFUSED);
	world_run(&w, 10000);
	trace = world_trace(&w, "notice");
	ck_assert_msg(times(trace, "event=verdict") == 1, "%s", trace);
	ck_assert_ptr_nonnull(strstr(trace, "event=verdict address=192.0.2.12 check=web took_us=300 owner=www.example.test state=down"));
}
END_TEST

START_TEST(of_two_paths_one_may_be_lost)
{
	world_begin(&w, "check web fall=3\nservice www.example.test web 192.0.2.11 192.0.2.12 2001:db8::11\n"
			"canary 192.0.2.101:80\ncanary 192.0.2.102:80\ncanary [2001:db8::101]:80\n");
	world_run(&w, 2000);
	world_trace(&w, NULL);
	cut(HEALTH_CONNECT_TIMEOUT);
	world_run(&w, 30000);
	heal();
	world_run(&w, 10000);
	const char *trace = world_trace(&w, "notice");
	ck_assert_msg(times(trace, "event=") == 2, "%s", trace);
	ck_assert_ptr_nonnull(strstr(trace, "state=lost was=ok"));
	ck_assert_ptr_nonnull(strstr(trace, "state=back was=lost"));
}
END_TEST

/* A ping, where this machine has no socket for one. */
START_TEST(a_canary_that_cannot_be_asked_is_none)
{
	world_begin(&w, watched);
	cut(HEALTH_CHECK_IMPOSSIBLE);
	world_backend(&w, "192.0.2.11", HEALTH_OK);
	world_backend(&w, "192.0.2.12", HEALTH_OK);
	world_run(&w, 2000);
	const char *trace = world_trace(&w, "notice");
	ck_assert_msg(times(trace, "state=mute was=asked cause=check reason=\"canary 192.0.2.101:80 cannot be asked: ") == 1, "%s", trace);
	ck_assert_msg(times(trace, "state=mute was=asked cause=check reason=\"canary 192.0.2.102:80 cannot be asked: ") == 1, "%s", trace);
	ck_assert_int_eq(network(), CORE_NETWORK_UNWATCHED);
	world_backend(&w, "192.0.2.11", HEALTH_CONNECT_TIMEOUT);
	world_run(&w, 6000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "192.0.2.12 ttl=10");
	ck_assert_ptr_null(strstr(world_trace(&w, "notice"), "event=alarm"));
	/* a reload forgets nothing of it; then one can be asked */
	world_plan(&w, watched);
	world_backend(&w, "192.0.2.101:80", HEALTH_OK);
	world_run(&w, 2000);
	ck_assert_int_eq(network(), CORE_NETWORK_OK);
	trace = world_trace(&w, "notice");
	ck_assert_ptr_null(strstr(trace, "event=alarm"));
	ck_assert_msg(times(trace, "event=canary address=192.0.2.101:80 state=asked") == 1, "%s", trace);
}
END_TEST

START_TEST(a_check_that_stays_unknown_raises_an_alarm)
{
	struct core_target_view first;
	world_begin(&w, "check web\nservice www.example.test web 192.0.2.11 192.0.2.12\n");
	world_run(&w, 2000);
	ck_assert_uint_eq(core_unknown(w.core, &first), 0);
	world_trace(&w, NULL);
	world_backend(&w, "192.0.2.11", HEALTH_SCRIPT_ERROR);
	world_backend(&w, "192.0.2.12", HEALTH_SCRIPT_ERROR);
	world_run(&w, 2500);
	ck_assert_ptr_null(strstr(world_trace(&w, "notice"), "event=alarm"));
	world_run(&w, 7500);
	const char *trace = world_trace(&w, "notice");
	ck_assert_msg(times(trace, "event=check check=web address=192.0.2.1") == 1, "%s", trace);
	ck_assert_msg(times(trace, "reason=\"check web stays unknown: script error") == 1, "%s", trace);
	ck_assert_uint_eq(core_unknown(w.core, &first), 2);
	ck_assert_str_eq(first.conf->check, "web");
	ck_assert_uint_ne(first.unknown_ms, 0);
	ck_assert_str_eq(world_answer(&w, WWW, A), "192.0.2.11 192.0.2.12 ttl=10");
	/* neither a reload nor results that are nobody's end it, nor a part of the targets */
	world_plan(&w, "check web\nservice www.example.test web 192.0.2.11 192.0.2.12 192.0.2.13\n");
	world_backend(&w, "192.0.2.12", HEALTH_LOCAL_ERROR);
	world_run(&w, 5000);
	world_backend(&w, "192.0.2.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 5000);
	trace = world_trace(&w, "notice");
	ck_assert_msg(times(trace, "event=alarm") == 0 && times(trace, "event=check") == 0, "%s", trace);
	ck_assert_uint_eq(core_unknown(w.core, &first), 1);
	world_backend(&w, "192.0.2.12", HEALTH_OK);
	world_run(&w, 2000);
	trace = world_trace(&w, "notice");
	ck_assert_msg(times(trace, "event=check check=web state=known") == 1, "%s", trace);
	ck_assert_uint_eq(core_unknown(w.core, &first), 0);
	/* and it begins anew; where a reload takes the check away, that is its end */
	world_backend(&w, "192.0.2.12", HEALTH_CHECK_SAID_UNKNOWN);
	world_run(&w, 5000);
	ck_assert_uint_eq(core_unknown(w.core, &first), 1);
	world_trace(&w, NULL);
	world_plan(&w, "check web\nservice www.example.test web 192.0.2.11\n");
	ck_assert_msg(times(trace = world_trace(&w, "notice"), "event=check check=web state=gone") == 1, "%s", trace);
	ck_assert_uint_eq(core_unknown(w.core, &first), 0);
}
END_TEST

START_TEST(a_lost_route_is_a_lost_network)
{
	world_begin(&w, watched);
	world_run(&w, 2000);
	cut(HEALTH_LOCAL_ERROR);
	world_run(&w, 6000);
	ck_assert_int_eq(network(), CORE_NETWORK_ISOLATED);
	ck_assert_str_eq(world_answer(&w, WWW, A), "192.0.2.11 192.0.2.12 ttl=10");
}
END_TEST

START_TEST(a_canary_that_refuses_is_there)
{
	world_begin(&w, watched);
	world_run(&w, 2000);
	cut(HEALTH_CONNECT_REFUSED);
	world_backend(&w, "192.0.2.12", HEALTH_OK);
	world_run(&w, 5000);
	ck_assert_int_eq(network(), CORE_NETWORK_OK);
	ck_assert_str_eq(world_answer(&w, WWW, A), "192.0.2.12 ttl=10");
}
END_TEST

START_TEST(what_a_target_says_itself_needs_no_witness)
{
	world_begin(&w, watched);
	world_run(&w, 2000);
	cut(HEALTH_CONNECT_TIMEOUT);
	world_backend(&w, "192.0.2.11", HEALTH_HTTP_STATUS);
	world_run(&w, 5000);
	ck_assert_ptr_nonnull(strstr(world_trace(&w, "notice"), "address=192.0.2.11 check=web took_us=300 owner=www.example.test state=down was=up cause=check reason=\"HTTP status\""));
}
END_TEST

START_TEST(canaries_are_nobodys_members)
{
	struct core_totals t;
	struct core_network n;
	world_begin(&w, watched);
	world_run(&w, 2000);
	core_totals_get(w.core, &t);
	ck_assert_uint_eq(t.streams, 2);
	core_network_get(w.core, &n);
	ck_assert_uint_eq(n.canaries, 2);
	ck_assert_uint_eq(n.canaries_up, 2);
	ck_assert_ptr_null(strstr(world_trace(&w, "notice"), "canary"));
	/* and the journal holds nothing of them */
	world_restart(&w, SIZE_MAX);
	world_run(&w, 300);
	ck_assert_str_eq(world_answer(&w, WWW, A), "192.0.2.11 192.0.2.12 ttl=10");
	/* a reload takes them away, and with them the rule */
	world_plan(&w, "check web fall=3\nservice www.example.test web 192.0.2.11 192.0.2.12\n");
	ck_assert_int_eq(network(), CORE_NETWORK_UNWATCHED);
	cut(HEALTH_CONNECT_TIMEOUT);
	world_backend(&w, "192.0.2.12", HEALTH_OK);
	world_run(&w, 5000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "192.0.2.12 ttl=10");
}
END_TEST

/* ---- how many at once, and how late ---- */

static struct core_target_view target(const char *check, const char *address)
{
	struct core_target_view v;
	core_target_get(w.core, plan_make_stream(w.plan, check, address), &v);
	return v;
}

START_TEST(no_more_probes_at_once_than_a_target_may_bear)
{
	size_t most = 0;
	uint64_t late = 0;
	world_begin(&w, "probes 100 2\ncheck a\ncheck b\ncheck c\ncheck d\nservice www.example.test a+b+c+d 127.0.0.11 127.0.0.12\n");
	w.latency_ms = 300;
	world_backend(&w, "127.0.0.11", HEALTH_READ_TIMEOUT);
	for (int i = 0; i < 400; i++) {
		size_t here = 0;
		world_run(&w, 10);
		for (size_t k = 0; k < w.flight_count; k++)
			here += w.plan->streams[w.flight[k].stream].addr.ip[3] == 12;
		most = here > most ? here : most;
		late += target("a", "127.0.0.12").late_ms + target("b", "127.0.0.12").late_ms + target("c", "127.0.0.12").late_ms;
	}
	ck_assert_uint_eq(most, 2);
	ck_assert_uint_gt(late, 0);
	/* four of 300 ms each, two at once: all have their turn, late */
	for (int i = 0; i < 4; i++) {
		struct core_target_view v = target((const char *[]){ "a", "b", "c", "d" }[i], "127.0.0.12");
		ck_assert_int_eq(v.verdict, HEALTH_VERDICT_UP);
	}
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
}
END_TEST

START_TEST(no_more_probes_at_once_than_there_may_be)
{
	size_t most = 0;
	world_begin(&w, "probes 3 2\ncheck a\ncheck b\nservice www.example.test a+b 127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14\n");
	w.latency_ms = 200;
	for (int i = 0; i < 500; i++) {
		world_run(&w, 10);
		most = w.flight_count > most ? w.flight_count : most;
	}
	ck_assert_uint_eq(most, 3);
	struct core_totals t;
	core_totals_get(w.core, &t);
	ck_assert_uint_eq(t.members_up, 4);
	/* the line survives a prober that goes and a plan that changes */
	world_prober(&w, false);
	world_run(&w, 500);
	world_prober(&w, true);
	world_run(&w, 300);
	world_plan(&w, "probes 4 1\ncheck a\ncheck b\nservice www.example.test a+b 127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14\n");
	world_trace(&w, NULL);
	world_run(&w, 4000);
	const char *trace = world_trace(&w, "probe");
	ck_assert_ptr_nonnull(strstr(trace, "127.0.0.11/b"));
	ck_assert_ptr_nonnull(strstr(trace, "127.0.0.14/a"));
	core_totals_get(w.core, &t);
	ck_assert_uint_eq(t.members_up, 4);
}
END_TEST

START_TEST(a_pause_of_ours_makes_nothing_old)
{
	world_begin(&w, "pair any-up\ncheck web\nservice www.example.test web 127.0.0.11 127.0.0.12\n");
	world_run(&w, 5000);
	w.now_ms += 30000; /* stopped, or the machine slept */
	world_trace(&w, NULL);
	world_run(&w, 0);
	ck_assert_int_eq(target("web", "127.0.0.11").verdict, HEALTH_VERDICT_UP);
	ck_assert_ptr_null(strstr(world_trace(&w, "notice"), "event=verdict"));
	world_run(&w, 3000);
	ck_assert_int_eq(target("web", "127.0.0.11").verdict, HEALTH_VERDICT_UP);
	ck_assert_uint_gt(target("web", "127.0.0.11").counted_ms, w.now_ms - 1100);
}
END_TEST

START_TEST(standby_tiers_are_probed_like_all_others)
{
	world_begin(&w, tiers);
	world_run(&w, 3000);
	world_trace(&w, NULL);
	world_run(&w, 10000);
	const char *trace = world_trace(&w, "probe");
	unsigned count = 0;
	for (const char *at = trace; (at = strstr(at, "127.0.0.13/web")); at++)
		count++;
	ck_assert_uint_ge(count, 9);
	world_backend(&w, "127.0.0.13", HEALTH_CONNECT_REFUSED);
	world_run(&w, 3000);
	ck_assert_int_eq(target("web", "127.0.0.13").verdict, HEALTH_VERDICT_DOWN);
}
END_TEST

/* ---- overrides ---- */

START_TEST(an_override_waits_for_the_disk)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	world_trace(&w, NULL);
	w.disk_slow = true;
	world_command(&w, "down 127.0.0.11 for=60000");
	ck_assert_str_eq(world_trace(&w, "journal|publish|reply|refused"), "journal override sync\n");
	world_run(&w, 100);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
	world_sync(&w);
	const char *t = world_trace(&w, "journal|publish|reply|refused");
	ck_assert_ptr_nonnull(strstr(t, "publish www.example.test A 127.0.0.12 ttl=10\nreply "));
	ck_assert_msg(strstr(t, "down 127.0.0.11 for 1m00s: in force on ns1 (1 service)\n") != NULL, "%s", t);
	struct core_override_view v;
	size_t pos = 0;
	ck_assert(core_override_next(w.core, &pos, &v, w.now_ms, WORLD_WALL_MS + w.now_ms));
	ck_assert_str_eq(v.selector, "127.0.0.11");
	ck_assert_str_eq(v.author, "alice");
	ck_assert_uint_eq(v.left_ms, 59900);
	ck_assert(!core_override_next(w.core, &pos, &v, w.now_ms, WORLD_WALL_MS + w.now_ms));
	struct core_member_view m;
	core_member_get(w.core, 0, 0, &m, w.now_ms);
	ck_assert_int_eq(m.force, POLICY_FORCE_DOWN);
	ck_assert_int_eq(m.state, HEALTH_VERDICT_UP);
	ck_assert(!m.answering);
	ck_assert_str_eq(m.forced_by, "alice");
	ck_assert_str_eq(m.forced_reason, "because");
	/* it ends by itself */
	world_run(&w, 59800);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_run(&w, 200);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	static const struct { const char *command, *answer;
	} cases[] = {
		{ "down ww.example.test",
		  "\"ww.example.test\" matches no address, host or service; did you mean \"www.example.test\"\n" },
		{ "down 127.0.0.99", "\"127.0.0.99\" matches no address, host or service\n" },
		{ "down ams2", "\"ams2\" matches no address, host or service; did you mean \"ams1\"\n" },
		{ "down site:ams", "\"site:ams\": no member's host has that site\n" },
		{ "down www.example.test/127.0.0.99",
		  "\"www.example.test/127.0.0.99\" matches no address, host or service\n" },
		{ "down www.example.test/nonsense",
		  "this is no selector; expected an address, host, site:NAME, service, SERVICE/ADDRESS or glob\n" },
		{ "explode 127.0.0.11", "no such verb; expected auto, down, up or drain\n" },
		{ "auto 127.0.0.99", "\"127.0.0.99\" matches no address, host or service\n" },
		{ "down www.example.test",
		  "down www.example.test would leave www.example.test without an answer; --force does it anyway\n" },
		{ "drain *", "drain * would leave www.example.test without an answer; --force does it anyway\n" },
	};
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11@ams1 127.0.0.12\n");
	world_run(&w, 1000);
	world_trace(&w, NULL);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		world_command(&w, cases[i].command);
		const char *t = world_trace(&w, "journal|publish|reply|refused");
		ck_assert_msg(strncmp(t, "refused ", 8) == 0, "%s: %s", cases[i].command, t);
		ck_assert_str_eq(strchr(t + 8, ' ') + 1, cases[i].answer);
	}
	world_run(&w, 10);
	struct core_totals totals;
	core_totals_get(w.core, &totals);
	ck_assert_uint_eq(totals.overrides, 0);
}
END_TEST

START_TEST(a_site_is_all_its_hosts)
{
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11@a1%AMS 127.0.0.12@a2%ams 127.0.0.13@f1%fra\n"
			"service dl.example.test web 127.0.0.11@a1%AMS 127.0.0.14\n");
	world_run(&w, 1000);
	world_trace(&w, NULL);
	world_command(&w, "drain Site:Ams");
	ck_assert_str_eq(world_trace(&w, "reply"), "reply 1 drain site:ams: in force on ns1 (2 services)\n");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=10");
	ck_assert_str_eq(world_answer(&w, "dl.example.test", A), "127.0.0.14 ttl=10");
	world_command(&w, "up *.example.test"); /* says less than a site */
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=60");
	world_command(&w, "up a2"); /* and a host says more */
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 127.0.0.13 ttl=60");
	world_command(&w, "down site:fra/x");
	ck_assert_str_eq(world_trace(&w, "refused"), "refused 4 \"site:fra/x\": no member's host has that site\n");
	world_restart(&w, SIZE_MAX);
	world_run(&w, 1000);
	ck_assert_str_eq(world_answer(&w, "dl.example.test", A), "127.0.0.14 ttl=60");
	world_command(&w, "auto site:ams");
	ck_assert_str_eq(world_answer(&w, "dl.example.test", A), "127.0.0.11 127.0.0.14 ttl=60");
}
END_TEST

START_TEST(two_commands_may_not_do_together_what_neither_may_alone)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	w.disk_slow = true;
	world_command(&w, "down 127.0.0.11");
	world_trace(&w, NULL);
	world_command(&w, "down 127.0.0.12");
	ck_assert_ptr_nonnull(strstr(world_trace(&w, "refused"), "would leave www.example.test without an answer"));
	world_command(&w, "down 127.0.0.12 force");
	world_sync(&w);
	ck_assert_str_eq(world_answer(&w, WWW, A), "nodata ttl=10");
	world_command(&w, "auto 127.0.0.11");
	world_command(&w, "auto 127.0.0.12");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
}
END_TEST

START_TEST(the_selector_that_says_most_counts)
{
	world_begin(
		&w,
		"check web\nservice www.example.test web 127.0.0.11@ams1 127.0.0.12\nservice dl.example.test web 127.0.0.11@ams1 127.0.0.12\n");
	world_run(&w, 1000);
	world_command(&w, "down *.example.test force");
	ck_assert_str_eq(world_answer(&w, WWW, A), "nodata ttl=10");
	world_command(&w, "up AMS1");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=60");
	world_command(&w, "down 127.0.0.11 force");
	ck_assert_str_eq(world_answer(&w, WWW, A), "nodata ttl=10");
	world_command(&w, "up WWW.example.test.");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=60");
	ck_assert_str_eq(world_answer(&w, "dl.example.test", A), "nodata ttl=10");
	world_command(&w, "drain www.example.test/127.0.0.12");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=60");
	/* auto takes one away and uncovers what says less */
	world_trace(&w, NULL);
	world_command(&w, "auto www.example.test");
	const char *told = world_trace(&w, "reply"); /* and names what still holds, the first that is met */
	ck_assert_msg(strstr(told, "; down 127.0.0.11 still holds\n") != NULL, "%s", told);
	ck_assert_str_eq(world_answer(&w, WWW, A), "nodata ttl=10");
	world_command(&w, "auto 127.0.0.11");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=60");
	world_command(&w, "auto ams1");
	world_trace(&w, NULL);
	world_command(&w, "auto *.example.test");
	told = world_trace(&w, "reply");
	ck_assert_msg(strstr(told, "; drain www.example.test/127.0.0.12 still holds\n") != NULL, "%s", told);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
	ck_assert_str_eq(world_answer(&w, "dl.example.test", A), "127.0.0.11 127.0.0.12 ttl=10");
}
END_TEST

START_TEST(force_up_brings_the_dead_back)
{
	world_begin(&w, two);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 1000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_command(&w, "up www.example.test");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=60");
}
END_TEST

START_TEST(dead_overrides_are_forgotten_in_the_end)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	for (int i = 0; i < 1100; i++) { /* more selectors than the bound: refused ones leave nothing behind */
		char text[64];
		snprintf(text, sizeof text, "down www.example.test*%d", i);
		world_command(&w, text);
	}
	world_command(&w, "down 127.0.0.11 for=1000");
	world_run(&w, 3000);
	world_command(&w, "auto 127.0.0.12");
	world_run(&w, 3700000);
	world_trace(&w, NULL);
	world_command(&w, "auto 127.0.0.11"); /* still an address of a member */
	ck_assert_ptr_nonnull(strstr(world_trace(&w, "reply"), "auto 127.0.0.11"));
}
END_TEST

/* ---- the journal ---- */

START_TEST(after_a_restart_the_last_states_serve_at_once)
{
	world_begin(&w, tiers);
	world_run(&w, 1000);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 2000);
	world_command(&w, "down 127.0.0.12");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=10");
	world_trace(&w, NULL);
	world_restart(&w, SIZE_MAX);
	ck_assert_str_eq(world_trace(&w, "publish"), "publish www.example.test A 127.0.0.13 ttl=10\n"
						     "publish www.example.test AAAA nodata ttl=60\n");
	struct core_member_view v;
	core_member_get(w.core, 0, 0, &v, w.now_ms);
	ck_assert(v.recovered);
	ck_assert_int_eq(v.state, HEALTH_VERDICT_DOWN);
	ck_assert_int_eq(v.last.reason, HEALTH_CONNECT_REFUSED);
	ck_assert_uint_ge(w.now_ms - v.changed_ms, 100); /* since when is remembered too */
	world_run(&w, 2000);
	core_member_get(w.core, 0, 0, &v, w.now_ms);
	ck_assert(!v.recovered);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=10");
	world_command(&w, "auto 127.0.0.12");
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
}
END_TEST

/* Found down before the first round was over, when that is no vote; then killed. */
START_TEST(a_restart_decides_nothing_that_was_not)
{
	struct core_member_view v;
	world_begin(&w, "pair any-down\ncheck web fall=1 retry=100\nservice www.example.test web 127.0.0.11 127.0.0.12\n");
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_backend(&w, "127.0.0.12", HEALTH_OK);
	for (core_member_get(w.core, 0, 0, &v, w.now_ms); v.own != HEALTH_VERDICT_DOWN; core_member_get(w.core, 0, 0, &v, w.now_ms))
		world_run(&w, 1);
	ck_assert(!core_round_done(w.core));
	ck_assert_int_eq(v.state, HEALTH_VERDICT_UNKNOWN);
	world_restart(&w, SIZE_MAX);
	core_member_get(w.core, 0, 0, &v, w.now_ms);
	ck_assert(v.recovered);
	ck_assert_int_eq(v.state, HEALTH_VERDICT_UNKNOWN);
	world_run(&w, 10000);
	core_member_get(w.core, 0, 0, &v, w.now_ms);
	ck_assert_int_eq(v.state, HEALTH_VERDICT_DOWN);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
}
END_TEST

/* Whatever the journal has: one probe's word is not enough against it, in either way. */
START_TEST(after_a_restart_one_probe_decides_nothing)
{
	struct core_member_view v;
	world_begin(&w, "check web fall=3 rise=2 retry=100\nservice www.example.test web 127.0.0.11 127.0.0.12\n");
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 5000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_restart(&w, SIZE_MAX);
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_backend(&w, "127.0.0.12", HEALTH_CONNECT_REFUSED);
	for (unsigned heard[2] = { 0 }; heard[0] < 2 || heard[1] < 3;) {
		ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
		world_run(&w, 1);
		const char *now = world_trace(&w, "probe");
		heard[0] += strstr(now, "127.0.0.11/") != NULL;
		heard[1] += strstr(now, "127.0.0.12/") != NULL;
		core_member_get(w.core, 0, 0, &v, w.now_ms);
		ck_assert(v.recovered || heard[0] >= 2);
		core_member_get(w.core, 0, 1, &v, w.now_ms);
		ck_assert(v.recovered || heard[1] >= 3);
		if (heard[0] >= 2 || heard[1] >= 3)
			break;
	}
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
	core_member_get(w.core, 0, 0, &v, w.now_ms);
	ck_assert(!v.recovered && v.state == HEALTH_VERDICT_UP);
}
END_TEST

/* ---- flapping ---- */

#define FLAPPY "check web interval=1000 timeout=300 retry=100 fall=1 rise=1 "
#define FLAPPY_SERVICE "\nservice www.example.test web 127.0.0.11 127.0.0.12 ttl=1-600\n"

/* Another answer at each probe. */
static void flap(const char *ip, unsigned changes)
{
	for (unsigned i = 0; i < changes; i++) {
		world_backend(&w, ip, i % 2 ? HEALTH_OK : HEALTH_CONNECT_REFUSED);
		world_run(&w, 1100);
	}
}

static struct core_target_view target_of(const char *ip)
{
	struct core_target_view t;
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < core_targets(w.core); i++) {
		core_target_get(w.core, i, &t);
		if (strcmp(addr_format(&t.conf->addr, true, text), ip) == 0)
			return t;
	}
	ck_abort_msg("no target %s", ip);
	return t;
}

START_TEST(flapping_is_told_and_holds_nothing)
{
	world_begin(&w, FLAPPY FLAPPY_SERVICE);
	world_run(&w, 2000);
	world_trace(&w, NULL);
	flap("127.0.0.11", 3);
	ck_assert_int_eq(target_of("127.0.0.11").flapping, HEALTH_STEADY);
	ck_assert_uint_gt(target_of("127.0.0.11").penalty, 2800);
	ck_assert_ptr_null(strstr(world_trace(&w, NULL), "event=flap"));
	flap("127.0.0.12", 0);
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 1100);
	ck_assert_int_eq(target_of("127.0.0.11").flapping, HEALTH_FLAPPING);
	ck_assert_ptr_nonnull(strstr(world_trace(&w, NULL), "event=flap address=127.0.0.11"));
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=1");
	flap("127.0.0.11", 2); /* down, and up again: nothing holds it */
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=1");
	struct core_member_view v;
	core_member_get(w.core, 0, 0, &v, w.now_ms);
	ck_assert_int_eq(v.flapping, HEALTH_FLAPPING);
	core_member_get(w.core, 0, 1, &v, w.now_ms);
	ck_assert_int_eq(v.flapping, HEALTH_STEADY);
	world_trace(&w, NULL);
	world_run(&w, 200000);
	ck_assert_int_eq(target_of("127.0.0.11").flapping, HEALTH_STEADY);
	ck_assert_ptr_nonnull(strstr(world_trace(&w, NULL), "state=steady was=flapping cause=time"));
}
END_TEST

START_TEST(a_hold_keeps_it_down_over_a_restart)
{
	unsigned publishes = 0;
	world_begin(&w, FLAPPY "suppress=3000" FLAPPY_SERVICE);
	world_run(&w, 2000);
	flap("127.0.0.11", 5);
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	struct core_target_view t = target_of("127.0.0.11");
	ck_assert_int_eq(t.flapping, HEALTH_SUPPRESSED);
	uint64_t ends_ms = t.flap_ends_ms;
	ck_assert_uint_gt(ends_ms, w.now_ms + 120000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=1"); /* the other's own fall */
	world_run(&w, 30000);
	world_restart(&w, SIZE_MAX);
	t = target_of("127.0.0.11");
	ck_assert_int_eq(t.flapping, HEALTH_SUPPRESSED);
	ck_assert_msg(t.flap_ends_ms + 5 > ends_ms && t.flap_ends_ms < ends_ms + 5, "%lu, %lu before", (unsigned long)t.flap_ends_ms,
		      (unsigned long)ends_ms);
	world_trace(&w, NULL);
	while (w.now_ms + 1000 < t.flap_ends_ms) {
		world_run(&w, 1000);
		ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=1");
		publishes += *world_trace(&w, "publish") != '\0';
	}
	ck_assert_uint_eq(publishes, 0);
	world_run(&w, 2500);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=1");
	ck_assert_int_eq(target_of("127.0.0.11").flapping, HEALTH_STEADY);
}
END_TEST

/* Nobody else can change the answer: its TTL is what is left of the hold, published when it halves. */
START_TEST(the_ttl_of_a_hold_is_its_rest)
{
	unsigned publishes = 0;
	world_begin(&w, FLAPPY "suppress=3000\nservice www.example.test web 127.0.0.11 ttl=1-600\n");
	world_run(&w, 2000);
	flap("127.0.0.11", 5);
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	struct core_target_view t = target_of("127.0.0.11");
	world_trace(&w, NULL);
	while (w.now_ms + 1000 < t.flap_ends_ms) {
		unsigned ttl_s;
		ck_assert_int_eq(sscanf(world_answer(&w, WWW, A), "127.0.0.11 ttl=%u", &ttl_s), 1);
		ck_assert_uint_le(ttl_s * 1000ull, t.flap_ends_ms - w.now_ms + 1000);
		ck_assert_uint_ge(ttl_s * 3000ull + 2000, t.flap_ends_ms - w.now_ms); /* not absurdly short */
		world_run(&w, 500);
		publishes += *world_trace(&w, "publish") != '\0';
	}
	ck_assert_msg(publishes >= 6 && publishes <= 9, "%u publishes", publishes);
}
END_TEST

/* A record without a penalty, as it was written before there were any, and ones with a broken tail. */
START_TEST(records_without_a_penalty_are_read)
{
	world_begin(&w, FLAPPY FLAPPY_SERVICE);
	uint8_t record[64] = { 0 };
	struct wbuf r;
	wbuf_init(&r, record, sizeof record);
	put_u8(&r, 1);
	put_u64(&r, w.plan->streams[0].key);
	put_u8(&r, HEALTH_VERDICT_DOWN);
	put_u16(&r, 0x0300); /* fails, passes */
	put_u8(&r, HEALTH_CONNECT_REFUSED);
	put_u64(&r, 0);
	put_u64(&r, WORLD_WALL_MS - 60000);
	put_u8(&r, 0);
	ck_assert_int_eq(core_recover(w.core, record, r.len, w.now_ms, WORLD_WALL_MS + w.now_ms), 0);
	struct core_target_view t = target_of("127.0.0.11");
	ck_assert(t.recovered && t.verdict == HEALTH_VERDICT_DOWN && t.penalty == 0);
	put_u32(&r, 4000 * 256);
	for (size_t len = r.len; len > r.len - 4; len--)
		ck_assert_int_eq(core_recover(w.core, record, len, w.now_ms, WORLD_WALL_MS + w.now_ms), ERR_FORMAT);
	put_u64(&r, WORLD_WALL_MS + w.now_ms - 60000);
	put_u8(&r, 1);
	ck_assert_int_eq(core_recover(w.core, record, r.len, w.now_ms, WORLD_WALL_MS + w.now_ms), 0);
	t = target_of("127.0.0.11");
	ck_assert_int_eq(t.flapping, HEALTH_FLAPPING);
	ck_assert_uint_eq(t.penalty, 2000);
	static const struct { uint8_t weight; int result; } weights[] = { { 0, ERR_FORMAT }, { 101, ERR_FORMAT }, { 40, 0 } };
	for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
		record[r.len] = weights[i].weight;
		ck_assert_int_eq(core_recover(w.core, record, r.len + 1, w.now_ms, WORLD_WALL_MS + w.now_ms), weights[i].result);
	}
	ck_assert_int_eq(core_recover(w.core, record, r.len + 2, w.now_ms, WORLD_WALL_MS + w.now_ms), ERR_FORMAT);
}
END_TEST

/* ---- the TTL while failures are counted ---- */

/* fall = 4, an interval of 5 s: each failure standing takes one interval off, each pass gives one back; nothing comes by the clock. */
START_TEST(the_ttl_follows_the_failures_standing)
{
	static const struct { enum health_reason reason; const char *answer; } rows[] = {
		{ HEALTH_OK, "127.0.0.11 ttl=20" }, { HEALTH_CONNECT_REFUSED, "127.0.0.11 ttl=15" }, { HEALTH_CONNECT_REFUSED, "127.0.0.11 ttl=10" },
		{ HEALTH_OK, "127.0.0.11 ttl=15" }, { HEALTH_CONNECT_REFUSED, "127.0.0.11 ttl=10" }, { HEALTH_CONNECT_REFUSED, "127.0.0.11 ttl=5" },
		{ HEALTH_OK, "127.0.0.11 ttl=10" }, { HEALTH_OK, "127.0.0.11 ttl=15" }, { HEALTH_OK, "127.0.0.11 ttl=20" },
		{ HEALTH_OK, "127.0.0.11 ttl=20" },
	};
	world_begin(&w, "check web interval=5000 timeout=300 retry=1000 fall=4 rise=2\nservice www.example.test web 127.0.0.11 ttl=1-600\n");
	w.latency_ms = 10;
	world_run(&w, 500);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool quick = i > 0 && strcmp(rows[i - 1].answer, "127.0.0.11 ttl=20") != 0; /* as long as a failure stands */
		uint64_t asked_ms = w.now_ms;
		world_backend(&w, "127.0.0.11", rows[i].reason);
		world_trace(&w, NULL);
		for (const char *now = ""; !strstr(now, "probe 127.0.0.11"); now = world_trace(&w, "probe|publish")) {
			ck_assert_msg(!strstr(now, "publish"), "row %zu: published by the clock", i);
			world_run(&w, 1);
		}
		ck_assert_msg(!quick || w.now_ms - asked_ms <= 1000, "row %zu: asked after %lu ms", i, (unsigned long)(w.now_ms - asked_ms));
		world_run(&w, 10);
		ck_assert_msg(strcmp(world_answer(&w, WWW, A), rows[i].answer) == 0, "row %zu: %s", i, world_answer(&w, WWW, A));
	}
}
END_TEST

#define DAY_MS 86400000

/* The journal reckons in wall time, and nobody saw the clock being put back: no more is left than there was when it was written. */
START_TEST(an_override_outlives_no_clock_that_was_put_back)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	world_command(&w, "down 127.0.0.11 for=60000");
	world_run(&w, 20000);
	w.wall_set_ms = -DAY_MS;
	world_restart(&w, SIZE_MAX);
	world_run(&w, 59000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_run(&w, 3000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
	world_restart(&w, SIZE_MAX); /* nor does it come back with the next start */
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
}
END_TEST

/* A journal of old says only when, not how long. */
START_TEST(an_override_of_an_old_journal_is_read)
{
	uint8_t record[128], frame[160];
	struct wbuf b, f;
	struct reg r = { .node = 0, .verb = CORE_VERB_DOWN, .hlc = 77, .author = "joe" };
	world_begin(&w, two);
	r.until_ms = w.now_ms + 5000;
	r.until_wall = WORLD_WALL_MS + r.until_ms;
	wbuf_init(&b, record, sizeof record);
	record_override_put(&b, "127.0.0.11", &r, w.now_ms);
	wbuf_init(&f, frame, sizeof frame);
	journal_frame_put(&f, 1, record, b.len - 8);
	ck_assert(!b.failed && !f.failed);
	w.journal.len = 0;
	bytes_add(&w.journal, frame, f.len);
	world_restart(&w, SIZE_MAX);
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_run(&w, 4000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
}
END_TEST

START_TEST(an_override_that_ran_out_while_we_were_away)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	world_command(&w, "down 127.0.0.11 for=5000");
	w.now_ms += 3000;
	world_restart(&w, SIZE_MAX);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	w.now_ms += 3000;
	world_restart(&w, SIZE_MAX);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
}
END_TEST

START_TEST(any_prefix_of_the_journal_is_a_start)
{
	world_begin(&w, tiers);
	world_run(&w, 1000);
	for (int i = 0; i < 4; i++) {
		world_backend(&w, "127.0.0.11", i & 1 ? HEALTH_OK : HEALTH_CONNECT_REFUSED);
		world_command(&w, i & 1 ? "auto 127.0.0.12" : "drain 127.0.0.12 for=100000");
		world_run(&w, 2500);
	}
	struct bytes whole = w.journal;
	for (size_t cut = 0; cut <= whole.len; cut++) {
		w.journal = (struct bytes){ .bound = whole.bound };
		bytes_add(&w.journal, whole.data, whole.len);
		world_restart(&w, cut);
		ck_assert_int_eq(w.err, 0);
		world_run(&w, 300);
		ck_assert_str_ne(world_answer(&w, WWW, A), "not ready");
		w.trace.len = 0;
		bytes_deinit(&w.journal);
	}
	w.journal = whole;
}
END_TEST

static int add_frame(void *ctx, const uint8_t *data, size_t len)
{
	struct bytes *b = ctx;
	bytes_block(b, data, len);
	return 0;
}

START_TEST(a_snapshot_says_what_the_journal_says)
{
	struct bytes shot;
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 all_down=last\n");
	world_run(&w, 1000);
	world_backend(&w, "127.0.0.12", HEALTH_CONNECT_REFUSED);
	world_run(&w, 2000);
	world_command(&w, "drain 127.0.0.13 for=50000");
	bytes_init(&shot, 1 << 20);
	ck_assert_int_eq(core_snapshot(w.core, w.now_ms, WORLD_WALL_MS + w.now_ms, add_frame, &shot), 0);
	struct core_start start = { .plan = w.plan, .boot = 9, .epoch = (uint64_t)9 << 32, .seed = 1 };
	struct core *c;
	ck_assert_int_eq(core_new(&c, &start, w.now_ms, WORLD_WALL_MS + w.now_ms), 0);
	struct rbuf r;
	rbuf_init(&r, shot.data, shot.len);
	while (rbuf_left(&r)) {
		size_t len;
		const uint8_t *record = get_block(&r, &len);
		ck_assert_int_eq(core_recover(c, record, len, w.now_ms, WORLD_WALL_MS + w.now_ms), 0);
	}
	core_free(w.core);
	w.core = c;
	world_trace(&w, NULL);
	w.flight_count = 0;
	world_step(&w, &(struct core_event){ .type = CORE_TIMER });
	ck_assert_ptr_nonnull(strstr(world_trace(&w, "publish"), "publish www.example.test A 127.0.0.11 ttl=10\n"));
	bytes_deinit(&shot);
}
END_TEST

START_TEST(the_last_good_set_outlives_us)
{
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 all_down=last\n");
	world_run(&w, 1000);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_backend(&w, "127.0.0.12", HEALTH_CONNECT_REFUSED);
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=10");
	world_backend(&w, "127.0.0.13", HEALTH_CONNECT_REFUSED);
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=10"); /* not the first tier's */
	world_restart(&w, SIZE_MAX);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=10");
}
END_TEST

START_TEST(strange_records_are_refused)
{
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 all_down=last\n");
	world_run(&w, 1000);
	world_command(&w, "down 127.0.0.11 for=1000");
	uint8_t record[1024];
	struct rbuf r;
	uint64_t seq = 0;
	const uint8_t *p;
	size_t len;
	rbuf_init(&r, w.journal.data, w.journal.len);
	while (journal_frame_get(&r, &seq, &p, &len)) {
		for (size_t cut = 0; cut < len; cut++) {
			bool old = p[0] == RECORD_OVERRIDE && cut == len - 8; /* as journals had it before what is left */
			ck_assert_int_eq(core_recover(w.core, p, cut, w.now_ms, WORLD_WALL_MS), old ? 0 : ERR_FORMAT);
		}
		for (size_t bit = 0; bit < len * 8; bit++) {
			memcpy(record, p, len);
			record[bit / 8] ^= (uint8_t)(1u << bit % 8);
			int e = core_recover(w.core, record, len, w.now_ms, WORLD_WALL_MS);
			ck_assert(e == 0 || e == ERR_FORMAT);
		}
	}
	world_run(&w, 5000);
}
END_TEST

/* ---- a new configuration ---- */

START_TEST(a_new_plan_keeps_what_is_known)
{
	world_begin(&w, tiers);
	world_run(&w, 1000);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 2000);
	world_command(&w, "drain 127.0.0.13");
	world_trace(&w, NULL);
	world_plan(
		&w,
		"check web\nservice new.example.test web 127.0.0.14\nservice www.example.test web 127.0.0.12 127.0.0.11\n"
		"service other.example.test web 127.0.0.13 127.0.0.12\n");
	ck_assert_str_eq(world_trace(&w, "publish"), "publish new.example.test A not ready\n"
						     "publish new.example.test AAAA nodata ttl=60\n"
						     "publish www.example.test A 127.0.0.12 ttl=10\n"
						     "publish www.example.test AAAA nodata ttl=60\n"
						     "publish other.example.test A 127.0.0.12 ttl=10\n"
						     "publish other.example.test AAAA nodata ttl=60\n");
	world_run(&w, 300);
	ck_assert_str_eq(world_answer(&w, "new.example.test", A), "127.0.0.14 ttl=10");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 127.0.0.11 ttl=10");
}
END_TEST

START_TEST(runs_in_flight_survive_a_new_plan)
{
	world_begin(&w, two);
	w.latency_ms = 600; /* later than the timeout, not yet lost */
	world_run(&w, 2000);
	while (w.flight_count < 2)
		world_run(&w, 10);
	world_plan(&w,
		   "check web\nservice a.test web 127.0.0.14\nservice www.example.test web 127.0.0.12 127.0.0.11\n");
	struct core_totals t;
	core_totals_get(w.core, &t);
	ck_assert_uint_eq(t.in_flight, 2);
	world_trace(&w, NULL);
	struct core_event e = { .type = CORE_RESULT };
	e.result.result = (struct health_result){ .reason = HEALTH_OK, .weight_pct = 100 };
	for (size_t i = 0; i < 2; i++) {
		e.result.stream = w.flight[i].stream; /* an index of the old plan */
		e.result.run = w.flight[i].run;
		world_step(&w, &e);
	}
	w.flight_count = 0;
	core_totals_get(w.core, &t);
	ck_assert_uint_eq(t.in_flight, 0);
}
END_TEST

START_TEST(a_service_that_was_ready_stays_ready)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	world_plan(&w, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 127.0.0.14\n");
	/* the new member is left out until it was asked */
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
	world_run(&w, 300);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 127.0.0.14 ttl=10");
	/* where all are new `initial` decides */
	world_plan(&w, "check web\nservice www.example.test web 127.0.0.15 127.0.0.16\n");
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.15 127.0.0.16 ttl=10");
}
END_TEST

START_TEST(a_pair_comes_and_goes_with_the_plan)
{
	static const char *const paired =
		"pair any-up\ncheck web\nservice www.example.test web 127.0.0.11 127.0.0.12\n";
	world_begin(&w, two);
	world_run(&w, 1000);
	world_plan(&w, paired); /* the boot of the start was never used: no need to ask */
	ck_assert_ptr_nonnull(core_pair(w.core));
	world_run(&w, 1000);
	ck_assert_ptr_nonnull(strstr(world_trace(&w, "send"), "send 127.0.0.1:5402"));
	world_plan(&w, two);
	ck_assert_ptr_null(core_pair(w.core));
	world_trace(&w, NULL);
	world_plan(&w, paired); /* a boot is part of every nonce: never twice */
	ck_assert_ptr_null(core_pair(w.core));
	ck_assert_str_eq(world_trace(&w, "epoch|send"), "epoch\n");
	struct core_event e = { .type = CORE_EPOCH };
	e.epoch.epoch = w.epoch + ((uint64_t)1 << 32);
	e.epoch.boot = 77;
	world_step(&w, &e);
	ck_assert_ptr_nonnull(core_pair(w.core));
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12 ttl=10");
}
END_TEST

/* A service whose addresses stay, since nobody else is there, has failed all the same. */
START_TEST(another_rule_with_the_same_addresses_is_told)
{
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11 ::1\n");
	world_run(&w, 2000);
	world_trace(&w, NULL);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_backend(&w, "::1", HEALTH_CONNECT_REFUSED);
	world_run(&w, 5000);
	const char *told = world_trace(&w, "notice event=answer");
	ck_assert_msg(strstr(told, "all_down first gives them: ") != NULL, "%s", told);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 ttl=10");
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 5000);
	told = world_trace(&w, "notice event=answer");
	ck_assert_msg(strstr(told, "tier 1 gives them: 127.0.0.11 up: ") != NULL, "%s", told);
}
END_TEST

/* Nobody looks any more, or a restart has forgotten it: an ailing member does not get its full share for that. */
START_TEST(a_weight_is_held_as_its_state_is)
{
	struct addr a;
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 pick=weighted\n");
	ck_assert_int_eq(addr_parse(&a, "127.0.0.11", 10, 0), 0);
	world_backend_of(&w, &a)->weight = 25;
	world_run(&w, 2000);
	const char *quarter = "127.0.0.11*25 127.0.0.12*100 ttl=10";
	ck_assert_str_eq(world_answer(&w, WWW, A), quarter);
	world_prober(&w, false);
	world_run(&w, 60000);
	ck_assert_int_eq(target_of("127.0.0.11").verdict, HEALTH_VERDICT_UNKNOWN);
	ck_assert_str_eq(world_answer(&w, WWW, A), quarter);
	world_backend_of(&w, &a)->weight = 50;
	world_prober(&w, true);
	world_run(&w, 3000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11*50 127.0.0.12*100 ttl=10");
	world_restart(&w, SIZE_MAX);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11*50 127.0.0.12*100 ttl=10");
	world_backend_of(&w, &a)->weight = 70;
	world_trace(&w, NULL);
	while (!strstr(world_trace(&w, "probe"), "127.0.0.11"))
		world_run(&w, 1);
	world_run(&w, 200); /* one pass: no vote yet, but a weight */
	ck_assert(target_of("127.0.0.11").recovered);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11*70 127.0.0.12*100 ttl=10");
}
END_TEST

/* A tier that could not carry its load does not serve again for the moment until the first result. */
START_TEST(a_load_is_carried_by_the_weights_from_before_a_restart)
{
	struct addr a;
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11#60 127.0.0.12#60 / 127.0.0.13#200 load=100\n");
	ck_assert_int_eq(addr_parse(&a, "127.0.0.11", 10, 0), 0);
	world_backend_of(&w, &a)->weight = 40;
	world_run(&w, 3000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=10");
	world_restart(&w, SIZE_MAX);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=10");
	world_run(&w, 3000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.13 ttl=10");
	const char *told = world_trace(&w, "notice event=answer");
	ck_assert_msg(!strstr(told, "now=\"127.0.0.11"), "%s", told);
}
END_TEST

/* A check that gives another weight at each probe does not have the disk write for each, and no restart forgets more than that. */
START_TEST(a_weight_is_journalled_when_it_moved_far)
{
	struct addr a;
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 pick=weighted\n");
	ck_assert_int_eq(addr_parse(&a, "127.0.0.11", 10, 0), 0);
	world_run(&w, 3000);
	world_trace(&w, NULL);
	for (uint8_t weight = 99; weight > 90; weight--) {
		world_backend_of(&w, &a)->weight = weight;
		world_run(&w, 1000);
	}
	ck_assert_str_eq(world_trace(&w, "journal"), "");
	world_backend_of(&w, &a)->weight = 90;
	world_run(&w, 1000);
	ck_assert_str_ne(world_trace(&w, "journal"), "");
}
END_TEST

START_TEST(maintenance_is_for_one_at_a_time)
{
	world_begin(&w, two);
	world_run(&w, 1000);
	world_command(&w, "maint on force");
	world_command(&w, "maint yes");
	ck_assert_str_eq(world_trace(&w, "reply|refused"), "refused 1 ns1 has no twin to tell\nrefused 2 maint takes on or off\n");
	world_plan(&w, "pair any-up\ncheck web\nservice www.example.test web 127.0.0.11 127.0.0.12\n");
	world_run(&w, 1000);
	world_command(&w, "maint on");
	ck_assert_int_eq(pair_self(core_pair(w.core)), PAIR_NORMAL);
	world_command(&w, "maint on for=5000 force");
	ck_assert_str_eq(world_trace(&w, "reply|refused"),
			 "refused 3 no twin is there to answer meanwhile; --force does it all the same\n"
			 "reply 4 ns1 is in maintenance\n");
	ck_assert_int_eq(pair_self(core_pair(w.core)), PAIR_MAINT);
	world_command(&w, "maint on"); /* it is already: another word on how long */
	world_run(&w, 6000);
	ck_assert_int_eq(pair_self(core_pair(w.core)), PAIR_MAINT);
	world_command(&w, "maint on for=5000");
	world_run(&w, 4000);
	ck_assert_int_eq(pair_self(core_pair(w.core)), PAIR_MAINT);
	world_run(&w, 1001);
	ck_assert_int_eq(pair_self(core_pair(w.core)), PAIR_NORMAL);
	world_command(&w, "maint off");
	ck_assert_ptr_nonnull(strstr(world_trace(&w, "reply"), "reply 7 ns1 is in service\n"));
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11 127.0.0.12 ttl=10");
}
END_TEST

START_TEST(after_a_jump_of_the_clock_a_failure_is_no_vote_for_a_while)
{
	world_begin(&w, "pair any-up\ncheck web\nservice www.example.test web 127.0.0.11 127.0.0.12\n");
	world_run(&w, 3000);
	ck_assert_int_eq(pair_self(core_pair(w.core)), PAIR_NORMAL);
	struct core_event e = { .type = CORE_TIMER };
	for (int i = 0; i < 2; i++) /* seen at the end of a step, heard in the next */
		ck_assert_int_eq(core_step(w.core, &e, w.now_ms, WORLD_WALL_MS + w.now_ms + 86400000), 0);
	ck_assert_int_eq(pair_self(core_pair(w.core)), PAIR_TILT);
	ck_assert_uint_lt(core_deadline(w.core), w.now_ms + 60000);
}
END_TEST

START_TEST(a_check_may_give_a_weight)
{
	world_begin(&w, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 pick=weighted\n");
	struct addr a;
	ck_assert_int_eq(addr_parse(&a, "127.0.0.11", 10, 0), 0);
	world_backend_of(&w, &a)->weight = 25;
	world_run(&w, 500);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11*25 127.0.0.12*100 ttl=10");
	world_backend_of(&w, &a)->weight = 50;
	world_run(&w, 1500);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.11*50 127.0.0.12*100 ttl=10");
	world_backend_of(&w, &a)->weight = 0; /* is down */
	world_run(&w, 2000);
	ck_assert_str_eq(world_answer(&w, WWW, A), "127.0.0.12*100 ttl=10");
}
END_TEST

START_TEST(the_same_events_give_the_same_effects)
{
	char *first = NULL;
	for (int round = 0; round < 2; round++) {
		world_begin(&w, tiers);
		world_backend(&w, "127.0.0.12", HEALTH_CONNECT_REFUSED);
		world_run(&w, 3000);
		const char *t = world_trace(&w, NULL);
		if (round == 0) {
			first = strdup(t);
			world_end(&w);
		} else {
			ck_assert_str_eq(t, first);
		}
	}
	ck_assert_uint_gt(strlen(first), 500);
	free(first);
}
END_TEST

START_TEST(publish_all_repeats_everything)
{
	struct core_effect e;
	int n = 0;
	world_begin(&w, two);
	world_run(&w, 1000);
	ck_assert_int_eq(core_publish_all(w.core, w.now_ms), 0);
	while (core_next_effect(w.core, &e)) {
		ck_assert_int_eq(e.type, CORE_PUBLISH);
		ck_assert_uint_eq(e.publish.count, n == 0 ? 2 : 0);
		n++;
	}
	ck_assert_int_eq(n, 2);
}
END_TEST

START_TEST(views_find_what_is_asked)
{
	struct core_service_view v;
	world_begin(&w, tiers);
	world_run(&w, 1000);
	ck_assert_int_eq(core_service_find(w.core, "WWW.Example.test."), 0);
	ck_assert_int_eq(core_service_find(w.core, "w.example.test"), ERR_ABSENT);
	ck_assert_int_eq(core_service_find(w.core, ""), ERR_ABSENT);
	core_service_get(w.core, 0, &v);
	ck_assert_uint_eq(v.members, 3);
	ck_assert_uint_eq(v.members_up, 3);
	ck_assert_uint_eq(v.answering, 2);
	ck_assert_int_eq(v.rule[0], POLICY_RULE_TIER);
	ck_assert_int_eq(v.rule[1], POLICY_RULE_ABSENT);
	ck_assert(v.ready);
	ck_assert_ptr_null(core_pair(w.core));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { a_cold_start_waits_for_the_first_round,
				       the_first_round_finds_the_dead,
				       the_first_round_ends_without_the_silent,
				       initial_down_is_honoured,
				       a_failure_is_journalled_then_published,
				       one_failure_is_no_verdict,
				       unknown_and_void_take_nothing_down,
				       ttl_follows_the_counters,
				       all_down_and_back,
				       checks_are_combined,
				       a_flip_costs_what_it_touches,
				       results_of_no_running_run_count_for_nothing,
				       a_lost_probe_is_void_and_tried_again,
				       without_a_prober_nothing_changes, a_lost_network_takes_nothing_down, what_was_asked_before_we_stood_still_takes_nothing_down, a_link_that_is_unplugged_isolates_too, a_long_cut_is_told_once_for_all,
				       of_two_paths_one_may_be_lost, a_canary_that_cannot_be_asked_is_none,
				       a_check_that_stays_unknown_raises_an_alarm, a_lost_route_is_a_lost_network,
				       a_canary_that_refuses_is_there, what_a_target_says_itself_needs_no_witness,
				       canaries_are_nobodys_members, no_more_probes_at_once_than_a_target_may_bear,
				       a_prober_comes_back_to_no_herd,
				       no_more_probes_at_once_than_there_may_be, a_pause_of_ours_makes_nothing_old,
				       standby_tiers_are_probed_like_all_others,
				       an_override_waits_for_the_disk,
				       what_makes_no_sense_is_refused,
				       a_site_is_all_its_hosts,
				       two_commands_may_not_do_together_what_neither_may_alone,
				       the_selector_that_says_most_counts,
				       force_up_brings_the_dead_back,
				       dead_overrides_are_forgotten_in_the_end,
				       after_a_restart_the_last_states_serve_at_once, a_restart_decides_nothing_that_was_not,
				       an_override_outlives_no_clock_that_was_put_back, an_override_of_an_old_journal_is_read,
				       an_override_that_ran_out_while_we_were_away,
				       any_prefix_of_the_journal_is_a_start,
				       a_snapshot_says_what_the_journal_says,
				       the_last_good_set_outlives_us,
				       strange_records_are_refused,
				       a_new_plan_keeps_what_is_known,
				       runs_in_flight_survive_a_new_plan,
				       a_service_that_was_ready_stays_ready,
				       a_pair_comes_and_goes_with_the_plan,
				       maintenance_is_for_one_at_a_time,
				       after_a_jump_of_the_clock_a_failure_is_no_vote_for_a_while,
				       a_check_may_give_a_weight, a_weight_is_held_as_its_state_is, another_rule_with_the_same_addresses_is_told,
				       a_load_is_carried_by_the_weights_from_before_a_restart, a_weight_is_journalled_when_it_moved_far, after_a_restart_one_probe_decides_nothing, flapping_is_told_and_holds_nothing,
				       a_hold_keeps_it_down_over_a_restart, the_ttl_of_a_hold_is_its_rest, records_without_a_penalty_are_read,
				       the_ttl_follows_the_failures_standing,
				       the_same_events_give_the_same_effects,
				       publish_all_repeats_everything,
				       views_find_what_is_asked };
	TCase *t = tcase_create("stories");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, finish);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tcase_add_test(t, tests[i]);
	return unit_run_case("core", t);
}
