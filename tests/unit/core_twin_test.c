/* What a core makes of its twin beyond votes: patience while it is behind its own time, witnesses, disputes. */
#include "unit/twin_kit.h"
#include "unit/unit.h"

#define CHECK "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
#define ONE "pair any-up away\n" CHECK "service www.test web 192.0.2.11\n"
#define THREE "service www.test web 192.0.2.11 192.0.2.12 192.0.2.13\n"
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

/* ---- what its disk lost ---- */

static unsigned overrides(void)
{
	struct core_override_view v;
	size_t pos = 0;
	unsigned n = 0;
	while (core_override_next(w.core, &pos, &v, w.now_ms, WORLD_WALL_MS + w.now_ms))
		n++;
	return n;
}

#define DAY_MS 86400000

/* A drain that waits for the disk takes the place of an up; then the clock is set. The journal's length before that. */
static size_t set_the_clock(int64_t by_ms)
{
	size_t len;
	begin(TWO);
	world_command(&w, "up 192.0.2.11 for=60000");
	run(100);
	w.disk_slow = true;
	world_command(&w, "drain 192.0.2.11 for=60000");
	len = w.journal.len;
	w.wall_set_ms = by_ms;
	run(1000);
	ck_assert_uint_gt(alarms("jumped"), 0);
	w.disk_slow = false;
	return len;
}

static void restart_drained(size_t octets)
{
	struct core_override_view v;
	size_t pos = 0;
	world_restart(&w, octets);
	uint64_t wall_ms = WORLD_WALL_MS + w.now_ms + (uint64_t)w.wall_set_ms;
	ck_assert(core_override_next(w.core, &pos, &v, w.now_ms, wall_ms));
	ck_assert_int_eq(v.verb, CORE_VERB_DRAIN);
	ck_assert_msg(v.left_ms >= 58000 && v.left_ms <= 60000, "ends in %lu ms", (unsigned long)v.left_ms);
	ck_assert(!core_override_next(w.core, &pos, &v, w.now_ms, wall_ms));
}

/* Its end is dated anew, too, and what it takes the place of does not come back behind it, wherever the journal is cut. */
START_TEST(a_command_that_waits_for_the_disk_outlives_a_clock_that_is_set)
{
	set_the_clock(DAY_MS);
	restart_drained(SIZE_MAX);
	finish();
	w.wall_set_ms = 0;
	size_t written = set_the_clock(-DAY_MS);
	ck_assert_uint_gt(w.journal.len, written);
	for (size_t len = w.journal.len; len >= written; len--)
		restart_drained(len);
	finish();
	w.wall_set_ms = 0;
}
END_TEST

START_TEST(what_the_twin_does_not_say_any_more_is_forgotten)
{
	struct pair_record said;
	uint8_t value[PAIR_VALUE_MAX];
	size_t pos = 0;
	begin(TWO);
	world_command(&w, "down 192.0.2.12");
	run(100);
	said = *pair_walk(w.core->pair, PAIR_ADMIN, &pos);
	ck_assert_uint_gt(said.value_len, 0);
	memcpy(value, said.value, said.value_len);
	finish();
	begin(TWO);
	ck_assert_int_eq(pair_write(twin, PAIR_ADMIN, said.key, value, said.value_len, w.now_ms), 0);
	run(500);
	ck_assert_uint_eq(overrides(), 1);
	twin_end();
	world_restart(&w, SIZE_MAX); /* ours has it in its journal */
	run(200);
	ck_assert_uint_eq(overrides(), 1);
	twin_begin(); /* from a disk that was wiped */
	run(6000);
	ck_assert_uint_eq(overrides(), 0);
	finish();
}
END_TEST

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

/* The first target is silent: what it is asked takes all of its time-out. */
static void first_hangs(void)
{
	w.latency_ms = 5;
	world_backend_of(&w, &stream(0)->conf->addr)->silent = true;
}

static void run_while_it_hangs(void)
{
	struct core_event e = { .type = CORE_RESULT, .result = { .result = { .reason = HEALTH_CONNECT_TIMEOUT } } };
	run(STEP_MS);
	e.result.run = stream(0)->run;
	if (e.result.run && w.now_ms >= stream(0)->schedule.started_ms + stream(0)->timeout_ms)
		world_step(&w, &e);
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

/* The twin is dead, there are no canaries: the others are asked in the very moment in which the last failure begins, until it has waited
 * for half of its time-out, and it is found no later than by a node that asks nobody. */
START_TEST(others_are_asked_with_a_probe_that_must_not_be_doubted)
{
	begin("pair any-up away\ncheck web interval=5000 timeout=500 retry=200 fall=3\n" THREE);
	twin_end();
	run(10000);
	first_hangs();
	while (stream(0)->health.fails < 2 || !stream(0)->run)
		run_while_it_hangs();
	uint64_t begun_ms = stream(0)->schedule.started_ms;
	ck_assert(stream(0)->kept);
	ck_assert(stream(1)->schedule.started_ms == begun_ms || stream(2)->schedule.started_ms == begun_ms);
	while (stream(0)->health.verdict != HEALTH_VERDICT_DOWN)
		run_while_it_hangs();
	ck_assert_uint_eq(stream(0)->schedule.started_ms, begun_ms);
	ck_assert_uint_eq(w.core->unwitnessed, 0);
	/* with one that is down nobody else is asked any more */
	while (!stream(0)->run)
		run_while_it_hangs();
	ck_assert(!stream(0)->kept);
	finish();
}
END_TEST

/* fall = 1: nobody was asked with the first, which is void, but with the next. */
START_TEST(the_first_failure_is_doubted_where_it_is_enough)
{
	begin("pair any-up away\ncheck web interval=5000 timeout=2000 retry=200 fall=1\n" THREE);
	twin_end();
	run(10000);
	first_hangs();
	unsigned probes = 0;
	for (uint32_t last = stream(0)->run; stream(0)->health.verdict != HEALTH_VERDICT_DOWN; run_while_it_hangs()) {
		probes += stream(0)->run != last && stream(0)->run;
		last = stream(0)->run;
		ck_assert_uint_le(probes, 2);
	}
	ck_assert_uint_eq(probes, 2);
	ck_assert_uint_eq(w.core->unwitnessed, 1);
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

static const struct health_witness *path(void)
{
	return &w.core->paths[HEALTH_PATH_V4];
}

/* The twin is gone, all are silent, and in so long that has lasted for as long as it takes to be isolated. */
static void be_nearly_isolated(uint64_t left_ms)
{
	begin(TWO);
	twin_end();
	all_are(HEALTH_CONNECT_TIMEOUT);
	while (!path()->doubt_ms || path()->doubt_ms + health_witness_patience_ms(path()) > w.now_ms + left_ms)
		run(STEP_MS);
	ck_assert(w.core->isolated_ms == 0);
}

/* Of a run that is void or was given up. */
START_TEST(a_late_answer_is_one)
{
	static const struct { enum health_reason reason; bool answer; } rows[] = {
		{ HEALTH_OK, true }, { HEALTH_CONNECT_REFUSED, true }, { HEALTH_CONNECT_TIMEOUT, false }, { HEALTH_LOCAL_ERROR, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct core_event e = { .type = CORE_RESULT, .result = { .stream = 0, .result = { .reason = rows[i].reason } } };
		be_nearly_isolated(300);
		uint64_t seen_ms = path()->seen_ms, doubt_ms = path()->doubt_ms;
		e.result.run = w.core->last_run + 1000;
		world_step(&w, &e);
		ck_assert_uint_eq(path()->seen_ms, seen_ms); /* no witness of anybody's silence */
		ck_assert_uint_eq(path()->doubt_ms, doubt_ms);
		run(1500);
		ck_assert_msg((w.core->isolated_ms == 0) == rows[i].answer, "row %zu", i);
		run(2000);
		ck_assert(w.core->isolated_ms != 0);
		finish();
	}
}
END_TEST

/* Each of these is too short to be a pause; what is left of a second's patience is more than it runs between them. */
START_TEST(naps_isolate_nobody)
{
	be_nearly_isolated(1000);
	for (int i = 0; i < 6; i++) {
		w.now_ms += 900;
		run(STEP_MS);
		ck_assert_msg(w.core->isolated_ms == 0, "nap %d", i);
	}
	run(3500);
	ck_assert(w.core->isolated_ms != 0);
	finish();
}
END_TEST

/* The twin is dead, and nobody else speaks often. Of an answer that is slow it is known only that the network is there at its end. */
static uint64_t ms_to_find(const char *plan, uint32_t others_take_ms, uint64_t most_ms)
{
	uint64_t from_ms;
	begin(plan);
	twin_end();
	run(30000);
	w.answer_ms = others_take_ms;
	run(30000);
	from_ms = w.now_ms;
	world_backend(&w, "192.0.2.11", HEALTH_CONNECT_TIMEOUT);
	while (strstr(world_answer(&w, "www.test", 1), "192.0.2.11") && w.now_ms < from_ms + most_ms) {
		run(50);
		world_trace(&w, NULL);
	}
	from_ms = w.now_ms - from_ms;
	finish();
	return from_ms;
}

START_TEST(slow_others_hide_no_dead_one)
{
	static const uint32_t takes_ms[] = { 20, 850, 950, 1200, 2000, 3000 };
	for (size_t i = 0; i < sizeof takes_ms / sizeof takes_ms[0]; i++) {
		uint64_t ms = ms_to_find("pair any-up away\ncheck web interval=10000 timeout=5000 retry=1000 fall=3 rise=2\n" THREE, takes_ms[i], 90000);
		ck_assert_msg(ms < 60000, "others take %u ms: found after %u", takes_ms[i], (unsigned)ms);
	}
}
END_TEST

START_TEST(a_crowd_on_another_path_hides_no_dead_one)
{
	static char plan[20000];
	for (unsigned crowd = 60; crowd <= 180; crowd += 60) {
		size_t n = (size_t)snprintf(plan, sizeof plan, "pair any-up away\ncheck web interval=10000 timeout=2000 retry=1000 fall=3 rise=2\n" THREE);
		for (unsigned i = 0; i < crowd; i++) {
			if (i % 60 == 0)
				n += (size_t)snprintf(plan + n, sizeof plan - n, "%sservice x%u.test web", i ? "\n" : "", i);
			n += (size_t)snprintf(plan + n, sizeof plan - n, " 2001:db8::%x", i + 1);
		}
		n += (size_t)snprintf(plan + n, sizeof plan - n, "\n");
		ck_assert_uint_lt(n, sizeof plan);
		uint64_t ms = ms_to_find(plan, 20, 90000);
		ck_assert_msg(ms < 40000, "%u beside: found after %u", crowd, (unsigned)ms);
	}
}
END_TEST

static void cut_off(void)
{
	world_step(&w, &(struct core_event){ .type = CORE_CUT_OFF });
}

START_TEST(a_machine_that_knows_it_is_cut_off_is_isolated_at_once)
{
	begin(TWO);
	run(3000);
	world_trace(&w, "notice");
	cut_off();
	ck_assert(w.core->isolated_ms == w.now_ms);
	ck_assert_int_eq(pair_self(w.core->pair), PAIR_ISOLATED);
	cut_off(); /* again is no news */
	const char *told = world_trace(&w, "notice");
	ck_assert_msg(strstr(told, "no route or no carrier") && strstr(told, "state=isolated"), "%s", told);
	ck_assert_ptr_null(strstr(strstr(told, "state=isolated") + 1, "state=isolated"));
	/* it blinked: the twin was heard all the while, and after three of its words that is enough */
	run(50);
	ck_assert(w.core->isolated_ms != 0);
	run(1500);
	ck_assert(w.core->isolated_ms == 0);
	ck_assert_int_eq(pair_self(w.core->pair), PAIR_NORMAL);
	ck_assert(!is_out());
	finish();
}
END_TEST

START_TEST(what_is_silent_once_we_are_cut_off_is_nobodys_failure)
{
	begin(TWO);
	run(3000);
	cut_off();
	twin_end();
	all_are(HEALTH_CONNECT_TIMEOUT);
	run(60000);
	ck_assert(w.core->isolated_ms != 0);
	ck_assert(!is_out());
	finish();
}
END_TEST

/* It stops each time when it is about to ask. */
START_TEST(pauses_make_no_verdict_old)
{
	begin(ONE);
	all_are(HEALTH_CONNECT_REFUSED);
	run(5000);
	ck_assert_int_eq(stream(0)->health.verdict, HEALTH_VERDICT_DOWN);
	for (int i = 0; i < 12; i++) {
		while (stream(0)->run || stream(0)->schedule.next_ms > w.now_ms + STEP_MS)
			run(STEP_MS);
		w.now_ms += 1500;
		run(STEP_MS);
		ck_assert_msg(stream(0)->health.verdict == HEALTH_VERDICT_DOWN, "pause %d", i);
	}
	finish();
}
END_TEST

/* ---- isolated = "servfail" ---- */

#define SERVFAIL(words) "pair any-up away servfail" words "\n" CHECK "service www.test web 192.0.2.11 192.0.2.12\n"

static const char *answer(void)
{
	return world_answer(&w, "www.test", 1);
}

START_TEST(an_isolated_node_sends_resolvers_to_its_twin)
{
	static const char all[] = "192.0.2.11 192.0.2.12 ttl=10";
	begin(SERVFAIL(""));
	run(3000);
	cut_off();
	ck_assert(w.core->withheld);
	ck_assert_str_eq(answer(), "not ready");
	ck_assert_int_eq(core_publish_all(w.core, w.now_ms), 0); /* to a new responder, too */
	run(1000);
	ck_assert_str_eq(answer(), all); /* the twin is heard: it was a blink */
	cut_off();
	ck_assert_str_eq(answer(), "not ready");
	world_plan(&w, "pair any-up away\n" CHECK "service www.test web 192.0.2.11 192.0.2.12\n");
	ck_assert_str_eq(answer(), all); /* the operator said otherwise */
	finish();
}
END_TEST

START_TEST(without_a_twin_it_answers_what_it_knows)
{
	begin(SERVFAIL(""));
	twin_end();
	run(11000); /* it is dead for long */
	cut_off();
	ck_assert(w.core->isolated_ms != 0 && !w.core->withheld && !is_out());
	finish();
	begin(SERVFAIL(""));
	pair_set_self(twin, &(struct pair_self_signs){ .booted = true, .isolated = true }, w.now_ms); /* or says that it is cut off itself */
	run(1000);
	cut_off();
	ck_assert(w.core->isolated_ms != 0 && !w.core->withheld && !is_out());
	finish();
	world_begin(&w, SERVFAIL("")); /* or never came */
	world_run(&w, 5000);
	cut_off();
	ck_assert(!w.core->withheld && !is_out());
	finish();
}
END_TEST

/* Our own kernel gives up asking for a neighbour three seconds after the network is back. */
START_TEST(a_neighbour_asked_for_in_the_dark_is_nobodys_failure)
{
	begin(TWO);
	run(3000);
	cut_off();
	world_backend(&w, "192.0.2.11", HEALTH_CONNECT_UNREACHABLE);
	run(2500);
	ck_assert(w.core->isolated_ms == 0); /* the twin is heard */
	ck_assert(!is_out());
	run(10000);
	ck_assert(is_out());
	finish();
}
END_TEST

START_TEST(who_has_no_witness_cannot_be_cut_off)
{
	world_begin(&w, CHECK "service www.test web 192.0.2.11\n");
	world_run(&w, 5000);
	cut_off();
	ck_assert(w.core->isolated_ms == 0);
	world_plan(&w, CHECK "service www.test web 127.0.0.11\ncanary 127.0.0.1:80\n"); /* all at home */
	world_run(&w, 5000);
	cut_off();
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

/* UDP does not get through: the twin speaks once a second by TCP, and what it echoes may be nearly as old. With it nobody is isolated who
 * has targets that are all silent, and who was isolated is so no more; while one target lives, the others' failures are found. */
START_TEST(a_twin_that_is_heard_by_tcp_only_is_somebody)
{
	static const uint64_t ages_ms[] = { 100, 450, 950, 1900 };
	for (size_t i = 0; i < sizeof ages_ms / sizeof *ages_ms; i++) {
		begin(TWO);
		w.latency_ms = 300; /* a silence takes its time */
		twin_end();
		all_are(HEALTH_CONNECT_TIMEOUT);
		run(6000);
		ck_assert(w.core->isolated_ms != 0);
		for (int s = 0; s < 60; s++) {
			run(1000);
			w.core->packet_path = HEALTH_PATH_V4;
			w.core->packet_kept = true;
			watch_echo(w.core, w.core->now_ms - ages_ms[i]);
			ck_assert_msg(s < 5 || w.core->isolated_ms == 0, "age %u, after %d s", (unsigned)ages_ms[i], s);
		}
		ck_assert(!is_out());
		w.latency_ms = 100;
		world_backend(&w, "192.0.2.12", HEALTH_OK);
		run(10000);
		ck_assert_int_eq(stream(0)->health.verdict, HEALTH_VERDICT_DOWN);
		ck_assert_str_eq(world_answer(&w, "www.test", 1), "192.0.2.12 ttl=10");
		finish();
	}
}
END_TEST

static void all_hang(void)
{
	for (uint32_t i = 0; i < core_plan(w.core)->stream_count; i++)
		world_backend_of(&w, &stream(i)->conf->addr)->silent = true;
}

static void result(uint32_t i, enum health_reason r)
{
	struct core_event e = { .type = CORE_RESULT, .result = { .stream = i, .run = stream(i)->run, .result = { .reason = r, .weight_pct = 100 } } };
	world_step(&w, &e);
}

/* The network goes as a probe has begun. A canary answered just before, and we are too late to read that at once: it does not count as
 * heard when it is read. */
START_TEST(what_was_read_late_was_not_heard_then)
{
	static const struct { uint64_t read_ms; enum health_verdict v; } rows[] = { { 300, HEALTH_VERDICT_UP }, { 700, HEALTH_VERDICT_UP },
										    { 0, HEALTH_VERDICT_DOWN } /* on time */ };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		world_begin(&w, "check web interval=600 timeout=1000 fall=1\nservice www.test web 192.0.2.11 192.0.2.12\ncanary 192.0.2.101:80\n");
		w.latency_ms = 5;
		world_run(&w, 5000);
		all_hang();
		while (!stream(0)->run || !stream(2)->run)
			world_run(&w, 1);
		uint64_t begun_ms = stream(0)->schedule.started_ms;
		if (rows[i].read_ms)
			w.now_ms = begun_ms + rows[i].read_ms;
		else
			world_run(&w, begun_ms + 700 - w.now_ms);
		result(2, HEALTH_OK);
		world_run(&w, begun_ms + 1000 - w.now_ms);
		result(0, HEALTH_CONNECT_TIMEOUT);
		ck_assert_msg(stream(0)->health.verdict == rows[i].v, "row %zu", i);
		ck_assert_uint_eq(w.core->unwitnessed, rows[i].v == HEALTH_VERDICT_UP);
		world_end(&w);
	}
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
		others_are_asked_with_a_probe_that_must_not_be_doubted, the_first_failure_is_doubted_where_it_is_enough,
		a_canary_witnesses_for_the_only_target, without_a_pair_it_is_told_too, a_node_without_a_route_is_isolated, what_the_twin_does_not_say_any_more_is_forgotten,
		a_command_that_waits_for_the_disk_outlives_a_clock_that_is_set,
		a_late_answer_is_one, naps_isolate_nobody, slow_others_hide_no_dead_one, a_crowd_on_another_path_hides_no_dead_one, pauses_make_no_verdict_old,
		a_machine_that_knows_it_is_cut_off_is_isolated_at_once, what_is_silent_once_we_are_cut_off_is_nobodys_failure,
		a_neighbour_asked_for_in_the_dark_is_nobodys_failure, who_has_no_witness_cannot_be_cut_off,
		an_isolated_node_sends_resolvers_to_its_twin, without_a_twin_it_answers_what_it_knows,
		an_error_of_ours_is_no_doubt_while_others_are_heard, what_was_read_late_was_not_heard_then,
		a_twin_that_is_heard_by_tcp_only_is_somebody, a_long_disagreement_is_told_once,
		what_comes_and_goes_is_no_dispute, alarms_of_disputes_are_a_minute_apart
	};
	return unit_run("core_twin", tests, sizeof tests / sizeof *tests);
}
