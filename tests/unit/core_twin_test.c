/* What a core makes of its twin beyond votes: patience while it is behind its own time, witnesses, disputes. */
#include "unit/twin_kit.h"
#include "unit/unit.h"

#define CHECK "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
#define ONE "pair any-up away\n" CHECK "service www.test web 192.0.2.11\n"
#define TWO "pair any-up away\n" CHECK "service www.test web 192.0.2.11 192.0.2.12\n"

static void begin(const char *plan)
{
	world_begin(&w, plan);
	w.on_send = on_send;
	twin_begin();
	run(4000);
	world_trace(&w, NULL);
}

static unsigned alarms(const char *word)
{
	unsigned n = 0;
	for (const char *t = world_trace(&w, "notice"); (t = strstr(t, "event=alarm")); t++) {
		const char *end = strchr(t, '\n'), *at = strstr(t, word);
		n += at && (!end || at < end);
	}
	return n;
}

static void all_are(enum health_reason r)
{
	world_backend(&w, "192.0.2.11", r);
	world_backend(&w, "192.0.2.12", r);
}

/* ---- local health ---- */

static void be_late(unsigned times)
{
	for (; times > 0; times--) {
		w.now_ms += 500; /* more than an interval later than any timer, and no jump */
		run(50);
	}
}

static uint32_t longest_timeout(uint64_t ms)
{
	uint32_t longest = 0;
	for (; ms > 0; ms -= STEP_MS) {
		run(STEP_MS);
		longest = stream(0)->timeout_ms > longest ? stream(0)->timeout_ms : longest;
	}
	return longest;
}

START_TEST(who_is_behind_gives_others_more_time)
{
	begin(ONE);
	ck_assert_uint_eq(stream(0)->timeout_ms, 500);
	be_late(2);
	ck_assert_uint_eq(pair_lhm(w.core->pair), 2);
	ck_assert_uint_eq(longest_timeout(1300), 1500);
	be_late(9);
	ck_assert_uint_eq(pair_lhm(w.core->pair), 7);
	ck_assert_uint_eq(longest_timeout(1300), 2000); /* two intervals, not four seconds */
	run(20000);
	ck_assert_uint_eq(pair_lhm(w.core->pair), 0);
	ck_assert_uint_eq(stream(0)->timeout_ms, 500);
	finish();
}
END_TEST

START_TEST(a_run_is_waited_for_as_long_as_it_may_take)
{
	begin(ONE);
	struct world_backend *b = world_backend_of(&w, &stream(0)->conf->addr);
	while (pair_lhm(w.core->pair) < 3)
		be_late(1);
	b->silent = true; /* the run never comes back */
	while (!stream(0)->run || stream(0)->timeout_ms < 1500)
		run(STEP_MS);
	uint32_t patience_ms = stream(0)->timeout_ms, run_then = stream(0)->run;
	uint64_t begun_ms = stream(0)->schedule.started_ms;
	while (stream(0)->run == run_then)
		run(STEP_MS);
	ck_assert_uint_ge(w.now_ms, begun_ms + patience_ms + CORE_LOST_MS);
	ck_assert_uint_le(w.now_ms, begun_ms + patience_ms + CORE_LOST_MS + 2 * STEP_MS);
	finish();
}
END_TEST

START_TEST(a_verdict_does_not_grow_old_for_that)
{
	begin(ONE);
	world_backend(&w, "192.0.2.11", HEALTH_CONNECT_TIMEOUT);
	run(4000);
	ck_assert_int_eq(stream(0)->health.verdict, HEALTH_VERDICT_DOWN);
	be_late(7);
	w.latency_ms = 2000; /* each takes all of its time */
	while (pair_lhm(w.core->pair) >= 3) {
		run(50);
		ck_assert_int_eq(stream(0)->health.verdict, HEALTH_VERDICT_DOWN);
	}
	finish();
}
END_TEST

/* ---- one target, and who can witness ---- */

static bool is_out(void)
{
	return strcmp(world_answer(&w, "www.test", 1), "192.0.2.11 192.0.2.12 ttl=10") != 0;
}

static enum health_verdict after(uint64_t ms)
{
	run(ms);
	return stream(0)->health.verdict;
}

START_TEST(the_twin_witnesses_for_the_only_target)
{
	begin(ONE);
	all_are(HEALTH_CONNECT_TIMEOUT);
	ck_assert_int_eq(after(5000), HEALTH_VERDICT_DOWN);
	ck_assert_uint_eq(alarms("its silence counts"), 0);
	finish();
}
END_TEST

START_TEST(without_a_witness_the_only_target_speaks_for_itself)
{
	begin(ONE);
	twin_end();
	run(10000);
	ck_assert_uint_eq(alarms("only 192.0.2.11 is asked"), 1);
	all_are(HEALTH_CONNECT_TIMEOUT);
	ck_assert_int_eq(after(8000), HEALTH_VERDICT_DOWN);
	struct core_network n;
	core_network_get(w.core, &n);
	ck_assert_int_ne(n.state, CORE_NETWORK_ISOLATED);
	ck_assert_uint_eq(alarms("is asked"), 0); /* told once */
	all_are(HEALTH_OK);
	ck_assert_int_eq(after(5000), HEALTH_VERDICT_UP);
	/* the twin comes, and goes again: that is news */
	twin_begin();
	run(5000);
	ck_assert_uint_eq(alarms("is asked"), 0);
	twin_end();
	run(10000);
	ck_assert_uint_eq(alarms("is asked"), 1);
	finish();
}
END_TEST

START_TEST(a_twin_that_never_came_is_no_witness)
{
	world_begin(&w, ONE);
	all_are(HEALTH_CONNECT_TIMEOUT);
	ck_assert_int_eq(after(10000), HEALTH_VERDICT_DOWN);
	ck_assert_uint_eq(alarms("its silence counts"), 1);
	finish();
}
END_TEST

START_TEST(what_went_with_the_twin_is_our_own_network)
{
	begin(ONE);
	twin_end();
	all_are(HEALTH_CONNECT_TIMEOUT);
	ck_assert_int_ne(after(120000), HEALTH_VERDICT_DOWN);
	ck_assert(w.core->isolated_ms != 0);
	ck_assert_uint_eq(alarms("its silence counts"), 0);
	finish();
}
END_TEST

START_TEST(several_targets_witness_for_each_other)
{
	begin(TWO);
	twin_end();
	run(10000);
	all_are(HEALTH_CONNECT_TIMEOUT);
	run(120000);
	ck_assert_uint_eq(alarms("its silence counts"), 0);
	ck_assert(!is_out());
	finish();
}
END_TEST

START_TEST(a_canary_witnesses_for_the_only_target)
{
	begin(ONE "canary 192.0.2.101:80\n");
	twin_end();
	run(10000);
	all_are(HEALTH_CONNECT_TIMEOUT);
	world_backend(&w, "192.0.2.101:80", HEALTH_CONNECT_TIMEOUT);
	ck_assert_int_ne(after(60000), HEALTH_VERDICT_DOWN);
	ck_assert_uint_eq(alarms("its silence counts"), 0);
	finish();
}
END_TEST

START_TEST(without_a_pair_it_is_told_too)
{
	world_begin(&w, CHECK "service www.test web 192.0.2.11\n");
	world_run(&w, 5000);
	ck_assert_uint_eq(alarms("its silence counts"), 1);
	world_plan(&w, CHECK "service www.test web 192.0.2.11\n");
	world_run(&w, 5000);
	ck_assert_uint_eq(alarms("its silence counts"), 0);
	finish();
}
END_TEST

/* ---- our own network ---- */

START_TEST(a_node_without_a_route_is_isolated)
{
	begin(TWO);
	twin_end();
	all_are(HEALTH_LOCAL_ERROR);
	run(6000);
	ck_assert(w.core->isolated_ms != 0);
	ck_assert_int_eq(pair_self(w.core->pair), PAIR_ISOLATED);
	ck_assert(!is_out());
	const char *told = world_trace(&w, "notice");
	ck_assert_msg(strstr(told, "state=isolated") && !strstr(told, "state=unknown"), "%s", told);
	all_are(HEALTH_OK);
	twin_begin();
	run(5000);
	ck_assert(w.core->isolated_ms == 0);
	finish();
}
END_TEST

START_TEST(an_error_of_ours_is_no_doubt_while_others_are_heard)
{
	begin(TWO);
	twin_end();
	world_backend(&w, "192.0.2.11", HEALTH_LOCAL_ERROR);
	run(60000);
	ck_assert(w.core->isolated_ms == 0);
	ck_assert_ptr_null(strstr(world_trace(&w, "notice"), "event=network"));
	finish();
}
END_TEST

/* ---- disputes ---- */

static void twin_says(uint32_t i, enum health_verdict v)
{
	uint8_t value[20] = { (uint8_t)v, 0, HEALTH_OK, 100 };
	ck_assert_int_eq(pair_write(twin, PAIR_VERDICT, stream(i)->conf->key, value, sizeof value, w.now_ms), 0);
}

static uint32_t disputed(void)
{
	struct core_target_view first;
	return core_disputed(w.core, &first);
}

START_TEST(a_long_disagreement_is_told_once)
{
	begin(TWO);
	twin_says(0, HEALTH_VERDICT_DOWN);
	twin_says(1, HEALTH_VERDICT_DOWN);
	run(119000);
	ck_assert_uint_eq(disputed(), 0);
	ck_assert_uint_eq(alarms("disputed"), 0);
	run(2000);
	ck_assert_uint_eq(disputed(), 2);
	ck_assert_uint_eq(alarms("the nodes see 2 targets differently, first 192.0.2.11 by check web, up here"), 1);
	ck_assert(!is_out()); /* told, no more */
	run(300000);
	ck_assert_uint_eq(alarms("disputed"), 0);
	twin_says(0, HEALTH_VERDICT_UP);
	run(1000);
	ck_assert_uint_eq(disputed(), 1);
	world_plan(&w, TWO CHECK); /* a reload does not end it */
	run(1000);
	ck_assert_uint_eq(disputed(), 1);
	twin_end();
	run(5000);
	ck_assert_uint_eq(disputed(), 0);
	finish();
}
END_TEST

START_TEST(what_comes_and_goes_is_no_dispute)
{
	begin(ONE);
	for (int i = 0; i < 4; i++) {
		twin_says(0, HEALTH_VERDICT_DOWN);
		run(100000);
		twin_says(0, i & 1 ? HEALTH_VERDICT_UP : HEALTH_VERDICT_UNKNOWN);
		run(1000);
	}
	twin_says(0, HEALTH_VERDICT_DOWN);
	pair_set_self(twin, &(struct pair_self_signs){ .booted = true, .isolated = true }, w.now_ms); /* its D abstains */
	run(200000);
	ck_assert_uint_eq(disputed(), 0);
	ck_assert_uint_eq(alarms("disputed"), 0);
	finish();
}
END_TEST

START_TEST(alarms_of_disputes_are_a_minute_apart)
{
	begin(TWO);
	twin_says(0, HEALTH_VERDICT_DOWN);
	run(20000);
	twin_says(1, HEALTH_VERDICT_DOWN);
	run(125000);
	ck_assert_uint_eq(disputed(), 2);
	ck_assert_uint_eq(alarms("1 target differently"), 1);
	run(50000);
	ck_assert_uint_eq(alarms("2 targets differently"), 1);
	finish();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		who_is_behind_gives_others_more_time, a_run_is_waited_for_as_long_as_it_may_take, a_verdict_does_not_grow_old_for_that,
		the_twin_witnesses_for_the_only_target, without_a_witness_the_only_target_speaks_for_itself,
		a_twin_that_never_came_is_no_witness, what_went_with_the_twin_is_our_own_network, several_targets_witness_for_each_other,
		a_canary_witnesses_for_the_only_target, without_a_pair_it_is_told_too, a_node_without_a_route_is_isolated,
		an_error_of_ours_is_no_doubt_while_others_are_heard, a_long_disagreement_is_told_once,
		what_comes_and_goes_is_no_dispute, alarms_of_disputes_are_a_minute_apart
	};
	return unit_run("core_twin", tests, sizeof tests / sizeof *tests);
}
