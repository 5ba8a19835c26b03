/* Which zones the twins serve: what is told, and when other ones are an alarm. */
#include "unit/twin_kit.h"
#include "unit/unit.h"

#define PLAN "pair any-up away\ncheck web interval=1000 timeout=500 retry=200 fall=3 rise=2\nservice www.test web 192.0.2.11\n"
#define MINUTE 60000

static const struct core_zone three[] = { { "a.test", 3, 30 }, { "b.test", 4, 40 }, { "c.test", 5, 50 } };

static void serve(const struct core_zone *list, size_t count, uint64_t digest)
{
	world_step(&w, &(struct core_event){ .type = CORE_ZONES, .zones = { list, count, digest } });
}

static void begin(void)
{
	world_begin(&w, PLAN);
	w.on_send = on_send;
	twin_begin();
	run(4000);
	serve(three, 3, 120);
	world_trace(&w, NULL);
}

static void twin_writes(uint64_t key, uint32_t number, uint64_t digest)
{
	uint8_t value[12];
	store_u32(value, number);
	store_u64(value + 4, digest);
	ck_assert_int_eq(pair_write(twin, PAIR_ZONE, key, value, sizeof value, w.now_ms), 0);
}

/* The key under which one of ours is told, found by its content. */
static uint64_t key_of(uint64_t digest)
{
	const struct pair_record *r;
	size_t pos = 0;
	while ((r = pair_walk(w.core->pair, PAIR_ZONE, &pos)))
		if (r->owner == core_plan(w.core)->nodes[0].id && r->value_len == 12 && r->key && load_u64(r->value + 4) == digest)
			return r->key;
	ck_abort_msg("nobody tells of %u", (unsigned)digest);
	return 0;
}

static void twin_serves_the_same(void)
{
	for (size_t i = 0; i < 3; i++)
		twin_writes(key_of(three[i].digest), three[i].serial, three[i].digest);
	twin_writes(0, 3, 120);
}

static enum core_zones_state state(char text[200])
{
	struct core_zones_difference d;
	enum core_zones_state s = core_zones_get(w.core, core_plan(w.core)->nodes[1].id, &d);
	core_zones_text(&d, text, 200);
	return s;
}

START_TEST(what_differs_is_named)
{
	static const struct { size_t zone; bool gone; uint32_t serial; uint64_t digest; const char *text; } rows[] = {
		{ 0, false, 2, 31, "1 differ, 0 only here, 0 only there: a.test (serial 3, there 2)" },
		{ 1, false, 4, 41, "1 differ, 0 only here, 0 only there: b.test" }, /* somebody forgot the serial */
		{ 2, true, 0, 0, "0 differ, 1 only here, 0 only there: c.test" },
	};
	char text[200];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		begin();
		ck_assert_int_eq(state(text), CORE_ZONES_UNTOLD);
		twin_serves_the_same();
		run(500);
		ck_assert_int_eq(state(text), CORE_ZONES_SAME);
		ck_assert_str_eq(text, "");
		if (rows[i].gone)
			ck_assert_int_eq(pair_write(twin, PAIR_ZONE, key_of(three[rows[i].zone].digest), NULL, 0, w.now_ms), 0);
		else
			twin_writes(key_of(three[rows[i].zone].digest), rows[i].serial, rows[i].digest);
		twin_writes(0, rows[i].gone ? 2 : 3, 999);
		run(500);
		ck_assert_int_eq(state(text), CORE_ZONES_DIFFER);
		ck_assert_str_eq(text, rows[i].text);
		finish();
	}
}
END_TEST

START_TEST(a_zone_that_is_only_there_is_counted)
{
	char text[200];
	begin();
	twin_serves_the_same();
	twin_writes(4711, 1, 77);
	twin_writes(0, 4, 197);
	run(500);
	ck_assert_int_eq(state(text), CORE_ZONES_DIFFER);
	ck_assert_str_eq(text, "0 differ, 0 only here, 1 only there");
	finish();
}
END_TEST

START_TEST(files_may_take_a_minute_to_reach_both)
{
	begin();
	twin_serves_the_same();
	run(500);
	static const struct core_zone newer[] = { { "a.test", 4, 31 }, { "b.test", 4, 40 }, { "c.test", 5, 50 } };
	serve(newer, 3, 121);
	run(MINUTE - 1000);
	ck_assert_ptr_null(strstr(world_trace(&w, "notice"), "other zones"));
	run(2000);
	const char *told = world_trace(&w, "notice");
	ck_assert_msg(strstr(told, "event=alarm") && strstr(told, "serves other zones: 1 differ, 0 only here, 0 only there: a.test (serial 4, there 3)"),
		      "%s", told);
	run(MINUTE);
	twin_writes(0, 3, 777); /* others again */
	run(3 * MINUTE);
	ck_assert_ptr_null(strstr(world_trace(&w, "notice"), "other zones")); /* once is enough */
	twin_writes(key_of(31), 4, 31);
	twin_writes(0, 3, 121);
	run(500);
	told = world_trace(&w, "notice");
	ck_assert_msg(strstr(told, "it serves the same zones again"), "%s", told);
	finish();
}
END_TEST

START_TEST(what_is_alike_in_time_is_no_news)
{
	begin();
	twin_serves_the_same();
	run(500);
	for (int i = 0; i < 4; i++) { /* each change alone is short */
		twin_writes(0, 3, 500u + (unsigned)i);
		run(MINUTE - 2000);
		twin_writes(0, 3, 120);
		run(500);
	}
	ck_assert_ptr_null(strstr(world_trace(&w, "notice"), "zones"));
	finish();
}
END_TEST

START_TEST(of_one_who_is_lost_nothing_is_said)
{
	begin();
	twin_serves_the_same();
	twin_writes(0, 3, 500);
	run(1000);
	twin_end();
	run(3 * MINUTE);
	ck_assert_ptr_null(strstr(world_trace(&w, "notice"), "other zones"));
	finish();
}
END_TEST

START_TEST(zones_that_are_gone_are_told_no_more)
{
	const struct pair_record *r;
	size_t pos = 0, n = 0;
	begin();
	serve(three + 1, 1, 40);
	while ((r = pair_walk(w.core->pair, PAIR_ZONE, &pos)))
		n += r->value_len > 0;
	ck_assert_uint_eq(n, 2); /* b.test, and all */
	ck_assert_uint_ne(key_of(40), 0);
	serve(NULL, 0, 0);
	n = pos = 0;
	while ((r = pair_walk(w.core->pair, PAIR_ZONE, &pos)))
		n += r->value_len > 0;
	ck_assert_uint_eq(n, 1);
	finish();
}
END_TEST

START_TEST(too_many_are_told_in_one_number)
{
	static char names[10001][16];
	static struct core_zone many[10001];
	char text[200];
	const struct pair_record *r;
	size_t pos = 0, n = 0;
	for (unsigned i = 0; i < 10001; i++) {
		snprintf(names[i], sizeof names[i], "z%u.test", i);
		many[i] = (struct core_zone){ names[i], i, i };
	}
	begin();
	serve(many, 10001, 5);
	while ((r = pair_walk(w.core->pair, PAIR_ZONE, &pos)))
		n += r->value_len > 0;
	ck_assert_uint_eq(n, 1);
	twin_writes(0, 10001, 6);
	run(500);
	ck_assert_int_eq(state(text), CORE_ZONES_DIFFER);
	ck_assert_str_eq(text, "");
	finish();
}
END_TEST

/* A twin may say anything. */
START_TEST(values_of_another_length_tell_nothing)
{
	char text[200];
	begin();
	for (size_t len = 1; len < 30; len++) {
		uint8_t value[30] = { 1 };
		if (len == 12)
			continue;
		ck_assert_int_eq(pair_write(twin, PAIR_ZONE, 0, value, len, w.now_ms), 0);
		run(50);
		ck_assert_int_eq(state(text), CORE_ZONES_UNTOLD);
	}
	finish();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_differs_is_named, a_zone_that_is_only_there_is_counted, files_may_take_a_minute_to_reach_both,
		what_is_alike_in_time_is_no_news, of_one_who_is_lost_nothing_is_said, zones_that_are_gone_are_told_no_more,
		too_many_are_told_in_one_number, values_of_another_length_tell_nothing
	};
	return unit_run("core_zones", tests, sizeof tests / sizeof *tests);
}
