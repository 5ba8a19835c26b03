/* When a node shares its probes, and when it does not: a bare pair, which says what a test has it say, speaks to a whole core. */
#include "unit/twin_kit.h"

#define CHECK "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
#define SHARED "pair any-up share\n" CHECK "service www.test web 127.0.0.11\n"
enum { LOOKS = 1, ALARM = 2, ON = 4 };

static uint32_t digest; /* of the timing, as the core under test has it */

/* What we put on our shelf of it. */
static const struct pair_record *own_word(void)
{
	return pair_find(w.core->pair, core_plan(w.core)->nodes[0].id, PAIR_VERDICT, stream(0)->conf->key);
}

static void says_all(enum health_verdict v, bool recovered, uint8_t flags, uint8_t alarms, uint32_t timing, size_t len)
{
	uint8_t value[40] = { (uint8_t)v, recovered, HEALTH_OK, 100 };
	value[20] = flags;
	value[21] = alarms;
	store_u32(value + 22, timing);
	ck_assert_int_eq(pair_write(twin, PAIR_VERDICT, stream(0)->conf->key, value, len, w.now_ms), 0);
}

static void says(enum health_verdict v, uint8_t flags)
{
	static uint8_t alarms;
	says_all(v, false, flags, ++alarms, digest, 26);
}

static void has_prober(uint8_t yes)
{
	ck_assert_int_eq(pair_write(twin, PAIR_NODE, 2, &yes, 1, w.now_ms), 0);
}

/* A twin that shares, and both are calm. */
static void begin(const char *plan)
{
	world_begin(&w, plan);
	w.on_send = on_send;
	twin_begin();
	run(1000);
	const struct pair_record *r = own_word();
	digest = r && r->value_len == 26 ? load_u32(r->value + 22) : 0;
	has_prober(1);
	says(HEALTH_VERDICT_UP, ON | LOOKS);
	run(3000);
}

static unsigned probes(uint64_t ms)
{
	unsigned n = 0;
	world_trace(&w, NULL);
	run(ms);
	for (const char *t = world_trace(&w, "probe"); (t = strstr(t, "probe ")); t++)
		n++;
	return n;
}

static bool is_shared(void)
{
	struct core_target_view v;
	core_target_get(w.core, 0, &v);
	return v.shared;
}

START_TEST(half_the_rate_while_both_are_calm)
{
	begin(SHARED);
	ck_assert(is_shared());
	ck_assert_uint_eq(own_word()->value_len, 26);
	ck_assert_uint_eq(own_word()->value[20], ON | LOOKS);
	const struct pair_record *node = pair_find(w.core->pair, core_plan(w.core)->nodes[0].id, PAIR_NODE, 2);
	ck_assert(node && node->value_len == 1 && node->value[0] == 1);
	ck_assert_uint_eq(probes(20000), 10);
	ck_assert_int_eq(stream(0)->health.verdict, HEALTH_VERDICT_UP); /* and grows no older for it */
	finish();
}
END_TEST

START_TEST(off_nothing_is_said_and_nothing_is_heard)
{
	begin("pair any-up\n" CHECK "service www.test web 127.0.0.11\n");
	ck_assert(!is_shared());
	ck_assert_uint_eq(own_word()->value_len, 20);
	ck_assert_ptr_null(pair_find(w.core->pair, core_plan(w.core)->nodes[0].id, PAIR_NODE, 2));
	ck_assert_uint_eq(probes(20000), 20);
	says(HEALTH_VERDICT_UP, ON | LOOKS | ALARM);
	ck_assert_uint_eq(probes(10000), 10);
	finish();
}
END_TEST

/* Of three the first and the third look at the same moments: neither stands in for the other. */
START_TEST(who_has_the_same_turn_is_no_help)
{
	twin_at = 2;
	begin("pair any-up share three\n" CHECK "service www.test web 127.0.0.11\n");
	ck_assert(!is_shared());
	ck_assert_uint_ge(probes(10000), 9);
	finish();
	twin_at = 1;
}
END_TEST

/* Each of these alone ends it at once, and its end begins it again. */
START_TEST(full_rate_where_anything_is_not_well)
{
	begin(SHARED);
	const struct { const char *name; enum health_verdict v; bool recovered; uint8_t flags; uint32_t timing; size_t len; } cases[] = {
		{ "it is down there", HEALTH_VERDICT_DOWN, false, ON | LOOKS, digest, 26 },
		{ "unknown there", HEALTH_VERDICT_UNKNOWN, false, ON, digest, 26 },
		{ "from its journal", HEALTH_VERDICT_UP, true, ON, digest, 26 },
		{ "from its journal, and it boasts", HEALTH_VERDICT_UP, true, ON | LOOKS, digest, 26 },
		{ "its results say nothing", HEALTH_VERDICT_UP, false, ON, digest, 26 },
		{ "an alarm", HEALTH_VERDICT_UP, false, ON | LOOKS | ALARM, digest, 26 },
		{ "another timing", HEALTH_VERDICT_UP, false, ON | LOOKS, digest ^ 1, 26 },
		{ "it does not share", HEALTH_VERDICT_UP, false, LOOKS, digest, 26 },
		{ "an older version", HEALTH_VERDICT_UP, false, ON | LOOKS, digest, 20 },
		{ "cut off", HEALTH_VERDICT_UP, false, ON | LOOKS, digest, 25 },
		{ "no verdict at all", (enum health_verdict)9, false, ON | LOOKS, digest, 26 },
		{ "gone", HEALTH_VERDICT_UP, false, ON | LOOKS, digest, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_msg(is_shared(), "before %s", cases[i].name);
		says_all(cases[i].v, cases[i].recovered, cases[i].flags, 0, cases[i].timing, cases[i].len);
		run(50);
		ck_assert_msg(!is_shared(), "%s", cases[i].name);
		unsigned n = probes(10000);
		ck_assert_msg(n >= 9 && n <= 11, "%s: %u probes", cases[i].name, n);
		says_all(HEALTH_VERDICT_UP, false, ON | LOOKS, 0, digest, 40); /* a later version may say more */
		run(3000);
	}
	ck_assert(is_shared());
	finish();
}
END_TEST

START_TEST(full_rate_while_the_twin_is_not_there)
{
	begin(SHARED);
	has_prober(0);
	run(50);
	ck_assert(!is_shared());
	has_prober(1);
	run(50);
	ck_assert(is_shared());
	pair_set_self(twin, &(struct pair_self_signs){ .booted = true, .isolated = true }, w.now_ms);
	run(500);
	ck_assert(!is_shared());
	pair_set_self(twin, &(struct pair_self_signs){ .booted = true, .tilt_until_ms = w.now_ms + 60000 }, w.now_ms);
	run(500);
	ck_assert(!is_shared());
	pair_set_self(twin, &(struct pair_self_signs){ .booted = true, .maint = true }, w.now_ms); /* it probes on until it goes */
	run(500);
	ck_assert(is_shared());
	pair_free(twin);
	twin = NULL;
	run(4000);
	ck_assert(!is_shared());
	ck_assert_uint_ge(probes(10000), 9);
	ck_assert_int_eq(stream(0)->health.verdict, HEALTH_VERDICT_UP);
	finish();
}
END_TEST

START_TEST(an_alarm_has_us_look_at_once)
{
	begin(SHARED);
	for (int i = 0; i < 10; i++) {
		run(4000 + (uint64_t)i * 130);
		ck_assert(is_shared());
		ck_assert_uint_eq(probes(300), stream(0)->schedule.started_ms + 300 > w.now_ms); /* none but its own */
		if (stream(0)->schedule.started_ms + 250 > w.now_ms || stream(0)->run)
			continue; /* it is just being looked at */
		says(HEALTH_VERDICT_UP, ON | LOOKS | ALARM);
		ck_assert_uint_eq(probes(30), 1);
		says(HEALTH_VERDICT_UP, ON | LOOKS);
	}
	/* a verdict at once, where fall is 1 there */
	run(4000);
	while (stream(0)->run || stream(0)->schedule.started_ms + 250 > w.now_ms)
		run(50);
	says(HEALTH_VERDICT_DOWN, ON | LOOKS);
	ck_assert_uint_eq(probes(30), 1);
	finish();
}
END_TEST

START_TEST(alarms_without_end_are_bound_by_retry)
{
	begin(SHARED);
	world_trace(&w, NULL);
	for (int i = 0; i < 2000; i++) { /* one every 5 ms, ten seconds long */
		says(HEALTH_VERDICT_UP, ON | LOOKS | ALARM);
		run(STEP_MS);
	}
	unsigned n = 0;
	for (const char *t = world_trace(&w, "probe"); (t = strstr(t, "probe ")); t++)
		n++;
	ck_assert_uint_le(n, 51);
	finish();
}
END_TEST

START_TEST(our_failure_is_told_at_once_and_retried)
{
	begin(SHARED);
	uint8_t alarms = own_word()->value[21];
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	while (stream(0)->health.fails == 0)
		run(STEP_MS);
	run(10);
	ck_assert_uint_eq(own_word()->value[20], ON | LOOKS | ALARM);
	ck_assert_uint_eq(own_word()->value[21], (uint8_t)(alarms + 1));
	ck_assert(!is_shared());
	run(500); /* two retries */
	ck_assert_int_eq(stream(0)->health.verdict, HEALTH_VERDICT_DOWN);
	ck_assert_uint_eq(own_word()->value[20], ON | LOOKS); /* nothing stands against the verdict */
	says(HEALTH_VERDICT_DOWN, ON | LOOKS);
	run(3000);
	ck_assert(is_shared());
	ck_assert_uint_eq(probes(10000), 5);
	finish();
}
END_TEST

START_TEST(a_silence_is_told_at_half_its_time_out)
{
	begin(SHARED);
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_backend_of(&w, &stream(0)->conf->addr)->silent = true;
	while (!stream(0)->run)
		run(STEP_MS);
	uint64_t begun = stream(0)->schedule.started_ms;
	while (!(own_word()->value[20] & ALARM))
		run(STEP_MS);
	ck_assert_uint_le(w.now_ms, begun + 250 + 2 * STEP_MS);
	ck_assert_uint_ge(w.now_ms, begun + 250);
	world_backend_of(&w, &stream(0)->conf->addr)->silent = false;
	run(4000); /* its result is lost; the next is well */
	ck_assert_uint_eq(own_word()->value[20], ON | LOOKS);
	ck_assert(is_shared());
	finish();
}
END_TEST

START_TEST(what_is_down_is_silent_without_an_alarm)
{
	begin(SHARED);
	w.latency_ms = 400; /* of 500 */
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_TIMEOUT);
	while (stream(0)->health.verdict != HEALTH_VERDICT_DOWN)
		run(STEP_MS);
	says(HEALTH_VERDICT_DOWN, ON | LOOKS);
	run(100);
	ck_assert(is_shared());
	uint8_t alarms = own_word()->value[21];
	uint64_t seq = own_word()->seq;
	ck_assert_uint_eq(probes(6000), 3);
	ck_assert_uint_eq(own_word()->value[21], alarms);
	ck_assert_uint_eq(own_word()->seq, seq); /* nothing is news */
	finish();
}
END_TEST

/* A target that is only slow must not have twins call each other to and fro. */
START_TEST(what_was_asked_for_an_alarm_raises_none)
{
	begin(SHARED);
	w.latency_ms = 350;
	run(5000);
	while (stream(0)->run || stream(0)->schedule.started_ms + 700 > w.now_ms)
		run(STEP_MS);
	says(HEALTH_VERDICT_UP, ON | LOOKS | ALARM);
	uint8_t alarms = own_word()->value[21];
	ck_assert_uint_eq(probes(30), 1);
	says(HEALTH_VERDICT_UP, ON | LOOKS);
	run(30);
	ck_assert(is_shared() && stream(0)->run);
	while (stream(0)->run)
		run(STEP_MS);
	ck_assert_uint_eq(own_word()->value[21], alarms);
	finish();
}
END_TEST

START_TEST(what_is_local_and_canaries_are_not_shared)
{
	begin("pair any-up share\n" CHECK "service www.test web 127.0.0.11 agree=local\ncanary 127.0.0.99:80\n");
	ck_assert(!is_shared());
	ck_assert_uint_eq(own_word()->value_len, 20);
	struct core_target_view v;
	core_target_get(w.core, 1, &v);
	ck_assert(v.conf->canary && !v.shared);
	finish();
}
END_TEST

START_TEST(a_reload_ends_and_begins_it)
{
	begin(SHARED);
	world_plan(&w, "pair any-up\n" CHECK "service www.test web 127.0.0.11\n");
	run(500);
	ck_assert(!is_shared());
	ck_assert_uint_eq(own_word()->value_len, 20);
	ck_assert_ptr_null(pair_find(w.core->pair, core_plan(w.core)->nodes[0].id, PAIR_NODE, 2));
	ck_assert_uint_eq(probes(10000), 10);
	world_plan(&w, SHARED);
	run(3000);
	ck_assert(is_shared());
	world_plan(&w, "pair any-up share\ncheck web interval=1000 timeout=500 retry=200 fall=2 rise=2\nservice www.test web 127.0.0.11\n");
	run(500);
	ck_assert(!is_shared()); /* the twin has it otherwise */
	ck_assert_uint_ne(load_u32(own_word()->value + 22), digest);
	finish();
}
END_TEST

START_TEST(without_a_prober_we_say_so)
{
	begin(SHARED);
	world_prober(&w, false);
	run(50);
	const struct pair_record *node = pair_find(w.core->pair, core_plan(w.core)->nodes[0].id, PAIR_NODE, 2);
	ck_assert(node && node->value_len == 1 && node->value[0] == 0);
	ck_assert(!is_shared());
	run(3500); /* and what we saw grows as old as it would alone */
	ck_assert_int_eq(stream(0)->health.verdict, HEALTH_VERDICT_UNKNOWN);
	world_prober(&w, true);
	run(3000);
	ck_assert(is_shared());
	finish();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		half_the_rate_while_both_are_calm, who_has_the_same_turn_is_no_help, off_nothing_is_said_and_nothing_is_heard, full_rate_where_anything_is_not_well,
		full_rate_while_the_twin_is_not_there, an_alarm_has_us_look_at_once, alarms_without_end_are_bound_by_retry,
		our_failure_is_told_at_once_and_retried, a_silence_is_told_at_half_its_time_out,
		what_is_down_is_silent_without_an_alarm, what_was_asked_for_an_alarm_raises_none, what_is_local_and_canaries_are_not_shared,
		a_reload_ends_and_begins_it, without_a_prober_we_say_so };
	Suite *s = suite_create("core_share");
	TCase *tc = tcase_create("share");
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
