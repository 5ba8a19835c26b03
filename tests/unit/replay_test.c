/* Recorded results: what is written of them, what a compacted journal keeps, and that a replay tells the same story again. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/rng.h"
#include "core/journal.h"
#include "core/replay.h"
#include "core/stretch.h"
#include "lib/core_world.h"
#include "lib/plan_make.h"
#include "tests/unit/unit.h"

#define A "127.0.0.11"
#define B "127.0.0.12"
#define STORY_MAX 16384

static struct world w;
static const char plan_text[] = "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
				"service www.example.test web 127.0.0.11 / 127.0.0.12\n"
				"service shop.example.test web 127.0.0.12 127.0.0.13\n";
static const char hasty_text[] = "check web interval=1000 timeout=500 retry=200 fall=1 rise=2\n"
				 "service www.example.test web 127.0.0.11 / 127.0.0.12\n"
				 "service shop.example.test web 127.0.0.12 127.0.0.13\n";

/* ---- the record ---- */

static struct core_stretch sample(void)
{
	return (struct core_stretch){ .key = 7, .first_ms = 1000, .last_ms = 4000, .count = 4, .session = 2, .reason = HEALTH_OK,
				      .weight_pct = 100, .open = true };
}

static size_t encode(const struct core_stretch *s, uint8_t out[64])
{
	struct wbuf b;
	wbuf_init(&b, out, 64);
	stretch_encode(&b, s);
	ck_assert(!b.failed);
	return b.len;
}

static int decode(struct core_stretch *s, const uint8_t *data, size_t len)
{
	struct rbuf r;
	rbuf_init(&r, data, len);
	ck_assert_uint_eq(get_u8(&r), 6);
	return stretch_decode(s, &r);
}

START_TEST(a_record_comes_back)
{
	uint8_t room[64];
	struct core_stretch in = sample(), out;
	ck_assert_uint_eq(encode(&in, room), STRETCH_RECORD_LEN);
	ck_assert_int_eq(decode(&out, room, STRETCH_RECORD_LEN), 0);
	ck_assert_uint_eq(out.key, 7);
	ck_assert_uint_eq(out.first_ms, 1000);
	ck_assert_uint_eq(out.last_ms, 4000);
	ck_assert_uint_eq(out.count, 4);
	ck_assert_uint_eq(out.session, 2);
	ck_assert_uint_eq(out.reason, HEALTH_OK);
	ck_assert_uint_eq(out.weight_pct, 100);
	ck_assert(out.open);
	ck_assert_uint_eq(stretch_spacing_ms(&out), 1000);
}
END_TEST

START_TEST(what_cannot_have_been_is_refused)
{
	static const struct { const char *what; struct core_stretch s; } rows[] = {
		{ "no result", { .first_ms = 1, .last_ms = 2, .count = 0, .reason = HEALTH_OK } },
		{ "no reason", { .first_ms = 1, .last_ms = 2, .count = 1 } },
		{ "an unknown reason", { .first_ms = 1, .last_ms = 2, .count = 1, .reason = HEALTH_REASON_MAX } },
		{ "a weight over 100", { .first_ms = 1, .last_ms = 2, .count = 1, .reason = HEALTH_OK, .weight_pct = 101 } },
		{ "an end before the beginning", { .first_ms = 3, .last_ms = 2, .count = 1, .reason = HEALTH_OK } },
		{ "more than one a millisecond", { .first_ms = 1, .last_ms = 2, .count = 3, .reason = HEALTH_OK } },
		{ "a time without end", { .first_ms = 1, .last_ms = STRETCH_WALL_MAX, .count = 2, .reason = HEALTH_OK } },
	};
	uint8_t room[64];
	struct core_stretch out = sample(), good = sample();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t len = encode(&rows[i].s, room);
		ck_assert_msg(decode(&out, room, len) == ERR_FORMAT, "%s was taken", rows[i].what);
		ck_assert_uint_eq(out.key, 7); /* untouched */
	}
	size_t len = encode(&good, room);
	for (size_t n = 1; n < len; n++)
		ck_assert_int_eq(decode(&out, room, n), ERR_FORMAT);
	ck_assert_int_eq(decode(&out, room, len + 1), ERR_FORMAT);
}
END_TEST

/* ---- what is written ---- */

static unsigned lines(const char *trace)
{
	unsigned n = 0;
	for (; *trace; trace++)
		n += *trace == '\n';
	return n;
}

/* But one record a minute, of all targets together: so it is known how long they were so. */
START_TEST(steady_targets_write_a_record_a_minute)
{
	world_begin(&w, plan_text);
	world_run(&w, 5000);
	unsigned n = lines(world_trace(&w, "record 6"));
	ck_assert_msg(n >= 3 && n <= 9, "%u records of three targets that began", n); /* the first may come out of turn */
	world_run(&w, 3600000);
	n = lines(world_trace(&w, "record 6"));
	ck_assert_msg(n >= 58 && n <= 60, "%u records of an hour", n);
	world_backend(&w, A, HEALTH_CONNECT_REFUSED);
	world_run(&w, 60000);
	n = lines(world_trace(&w, "record 6"));
	ck_assert_msg(n >= 2 && n <= 6, "%u records of one target that died", n);
	world_run(&w, 3600000);
	n = lines(world_trace(&w, "record 6"));
	ck_assert_msg(n >= 58 && n <= 60, "%u records of an hour", n);
	world_end(&w);
}
END_TEST

/* Every result differs from the one before: the disk's account is what bounds it. */
START_TEST(a_flood_is_bounded)
{
	char text[8192] = "check web interval=100 timeout=50 retry=100 fall=3 rise=3\nservice www.example.test web";
	world_begin(&w, "check web interval=1000\nservice www.example.test web 127.0.0.11\n");
	world_end(&w);
	for (int i = 0; i < 200; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), " 127.0.1.%d", i + 1);
	strcat(text, "\n");
	world_begin(&w, text);
	for (int s = 0; s < 300; s++) {
		for (int i = 0; i < 200; i++) {
			char ip[20];
			snprintf(ip, sizeof ip, "127.0.1.%d", i + 1);
			world_backend(&w, ip, s % 2 ? HEALTH_OK : HEALTH_CONNECT_REFUSED);
		}
		world_run(&w, 100);
	}
	unsigned n = lines(world_trace(&w, "record 6"));
	ck_assert_msg(n > 1000 && n <= 1000 + 200 * 31, "%u records in 30 s", n);
	world_end(&w);
}
END_TEST

/* ---- replaying ---- */

struct story { char text[STORY_MAX]; size_t len; uint64_t first_ms; unsigned count; };

static void story_add(struct story *s, const struct core_notice *n)
{
	const char *at = n->detail, *key, *value;
	size_t key_len, value_len;
	if (n->kind != CORE_NOTICE_ANSWER)
		return;
	ck_assert(notice_detail_next(&at, &key, &key_len, &value, &value_len)); /* the type comes first */
	s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len, "%s %.*s %s > %s\n", n->subject, (int)value_len, value, n->old, n->new);
	ck_assert_uint_lt(s->len, sizeof s->text);
	if (s->count++ == 0)
		s->first_ms = n->wall_ms;
}

/* From the first change after from_ms on: what the real core told. */
static void story_of_core(struct story *s, const struct core *c)
{
	struct core_notice n;
	*s = (struct story){ 0 };
	for (size_t i = 0; i < core_notices(c); i++) {
		core_notice_get(c, i, &n);
		story_add(s, &n);
	}
}

static struct replay *replay_of(const struct plan *p, const uint8_t *data, size_t octets, int *e)
{
	struct replay *r;
	struct rbuf in;
	const uint8_t *record;
	uint64_t seq = 0;
	size_t len;
	ck_assert_int_eq(replay_new(&r, p), 0);
	rbuf_init(&in, data, octets);
	while (journal_frame_get(&in, &seq, &record, &len))
		ck_assert_int_eq(replay_add(r, record, len), 0);
	*e = replay_begin(r);
	return r;
}

static void story_of_replay(struct story *s, const char *text, const uint8_t *data, size_t octets)
{
	struct plan *p = plan_make(text, 0);
	const struct core_notice *n;
	int e;
	struct replay *r = replay_of(p, data, octets, &e);
	*s = (struct story){ 0 };
	while (e == 0 && (e = replay_next(r, &n)) == 1) {
		story_add(s, n);
		ck_assert_uint_ge(n->wall_ms, replay_first_ms(r));
		ck_assert_uint_le(n->wall_ms, replay_last_ms(r));
		e = 0;
	}
	replay_free(r);
	plan_free(p);
}

/* Two back ends die and come back, one hiccups without consequence, one hangs. */
static void live(void)
{
	world_begin(&w, plan_text);
	world_run(&w, 20000);
	world_backend(&w, A, HEALTH_CONNECT_REFUSED);
	world_run(&w, 30000);
	world_backend(&w, B, HEALTH_CONNECT_TIMEOUT);
	world_run(&w, 90000);
	world_backend(&w, A, HEALTH_OK);
	world_run(&w, 10000);
	world_backend(&w, B, HEALTH_OK);
	world_run(&w, 60000);
	world_backend(&w, "127.0.0.13", HEALTH_READ_CLOSED);
	world_run(&w, 1100); /* two failures at the most, of the three that it takes */
	world_backend(&w, "127.0.0.13", HEALTH_OK);
	world_run(&w, 20000);
}

START_TEST(the_same_plan_tells_the_same_story)
{
	struct story real, again;
	live();
	story_of_core(&real, w.core);
	ck_assert_uint_gt(real.count, 5);
	story_of_replay(&again, plan_text, w.journal.data, w.journal.len);
	ck_assert_str_eq(again.text, real.text);
	ck_assert_uint_eq(again.count, real.count);
	world_end(&w);
}
END_TEST

START_TEST(changes_come_at_the_times_at_which_they_came)
{
	struct core_notice real;
	const struct core_notice *n;
	size_t at = 0;
	int e;
	live();
	struct replay *r = replay_of(w.plan, w.journal.data, w.journal.len, &e);
	ck_assert_int_eq(e, 0);
	while ((e = replay_next(r, &n)) == 1) {
		if (n->kind != CORE_NOTICE_ANSWER || strcmp(n->old, "not ready") == 0)
			continue;
		do
			core_notice_get(w.core, at++, &real);
		while (real.kind != CORE_NOTICE_ANSWER || strcmp(real.old, "not ready") == 0);
		ck_assert_str_eq(n->new, real.new);
		ck_assert_msg(n->wall_ms == real.wall_ms, "%llu, not %llu", (unsigned long long)n->wall_ms,
			      (unsigned long long)real.wall_ms);
	}
	ck_assert_int_eq(e, 0);
	replay_free(r);
	world_end(&w);
}
END_TEST

START_TEST(another_fall_tells_another_story)
{
	struct story real, hasty, again;
	live();
	story_of_core(&real, w.core);
	story_of_replay(&hasty, hasty_text, w.journal.data, w.journal.len);
	story_of_replay(&again, hasty_text, w.journal.data, w.journal.len);
	ck_assert_str_eq(hasty.text, again.text); /* always the same */
	ck_assert_uint_gt(hasty.count, real.count);
	ck_assert_ptr_nonnull(strstr(hasty.text, "shop.example.test A 127.0.0.12 127.0.0.13 > 127.0.0.12\n")); /* the hiccup */
	ck_assert_ptr_null(strstr(real.text, "shop.example.test A 127.0.0.12 127.0.0.13 > 127.0.0.12\n"));
	world_end(&w);
}
END_TEST

/* Back ends come and go by chance, with every kind of failure, over all that a plan may say of it. */
START_TEST(any_story_is_told_again)
{
	static const char *const plans[] = {
		"check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
		"service www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 127.0.0.14 need=2\n"
		"service shop.example.test web 127.0.0.12 / 127.0.0.15 all_down=none\n",
		"check web interval=5000 timeout=2000 retry=500 fall=2 rise=1\ncheck api interval=300 timeout=100 retry=300 fall=5 rise=5\n"
		"service www.example.test web+api 127.0.0.11 127.0.0.12 / 127.0.0.13 all_down=last\n"
		"service shop.example.test api 127.0.0.14 127.0.0.15 all_down=all\n",
	};
	static const enum health_reason reasons[] = { HEALTH_OK, HEALTH_OK, HEALTH_OK, HEALTH_CONNECT_REFUSED, HEALTH_CONNECT_TIMEOUT,
						      HEALTH_READ_CLOSED, HEALTH_SCRIPT_ERROR, HEALTH_LOCAL_ERROR };
	struct rng rng;
	struct story real, again;
	const char *text = plans[_i % 2];
	rng_init(&rng, (uint64_t)_i + 1);
	world_begin(&w, text);
	world_run(&w, 10000);
	for (int step = 0; step < 150; step++) {
		char ip[20];
		snprintf(ip, sizeof ip, "127.0.0.%d", 11 + (int)rng_below(&rng, 5));
		world_backend(&w, ip, reasons[rng_below(&rng, sizeof reasons / sizeof reasons[0])]);
		world_run(&w, 1 + rng_below(&rng, rng_below(&rng, 8) ? 3000 : 60000));
	}
	story_of_core(&real, w.core);
	story_of_replay(&again, text, w.journal.data, w.journal.len);
	ck_assert_uint_gt(real.count, 5);
	/* What the last open stretches went on with is known up to their last record only: the end may be missing. */
	ck_assert_msg(strncmp(again.text, real.text, again.len) == 0, "seed %d:\n%s\nnot\n%s", _i + 1, again.text, real.text);
	ck_assert_msg(again.count + 3 >= real.count, "seed %d: %u changes of %u", _i + 1, again.count, real.count);
	world_end(&w);
}
END_TEST

/* ---- what is not there ---- */

START_TEST(targets_that_the_record_does_not_know_are_told)
{
	struct plan *p = plan_make("check web\nservice www.example.test web 127.0.0.11 127.0.0.99\n", 0);
	int e;
	live();
	struct replay *r = replay_of(p, w.journal.data, w.journal.len, &e);
	ck_assert_int_eq(e, 0);
	ck_assert(replay_knows(r, plan_make_stream(p, "web", A)));
	ck_assert(!replay_knows(r, plan_make_stream(p, "web", "127.0.0.99")));
	ck_assert_uint_gt(replay_strangers(r), 0);
	replay_free(r);
	r = replay_of(p, w.journal.data, 0, &e);
	ck_assert_int_eq(e, ERR_ABSENT);
	replay_free(r);
	plan_free(p);
	world_end(&w);
}
END_TEST

START_TEST(a_journal_that_is_cut_anywhere_tells_a_part)
{
	struct story s;
	live();
	for (size_t octets = 0; octets < w.journal.len; octets += octets % 7 + 1)
		story_of_replay(&s, plan_text, w.journal.data, octets);
	world_end(&w);
}
END_TEST

START_TEST(ages_without_end_are_refused)
{
	struct plan *p = plan_make(plan_text, 0);
	uint8_t room[64];
	struct replay *r;
	struct core_stretch s = sample();
	s.key = p->streams[0].key;
	ck_assert_int_eq(replay_new(&r, p), 0);
	ck_assert_int_eq(replay_add(r, room, encode(&s, room)), 0);
	s.first_ms = s.last_ms = STRETCH_WALL_MAX - 1;
	s.count = 1;
	ck_assert_int_eq(replay_add(r, room, encode(&s, room)), 0);
	ck_assert_int_eq(replay_begin(r), ERR_RANGE);
	replay_free(r);
	plan_free(p);
}
END_TEST

/* A clock that went back: what was recorded before and after it lies over each other. */
START_TEST(time_does_not_go_back)
{
	struct plan *p = plan_make(plan_text, 0);
	const struct core_notice *n;
	uint8_t room[64];
	struct replay *r;
	uint64_t last = 0;
	int e;
	ck_assert_int_eq(replay_new(&r, p), 0);
	for (uint32_t i = 0; i < 6; i++) {
		struct core_stretch s = { .key = p->streams[i % p->stream_count].key, .first_ms = 100000 - i * 9000, .count = 30, .session = i / 2,
					  .reason = i % 2 ? HEALTH_OK : HEALTH_CONNECT_REFUSED, .weight_pct = 100, .open = true };
		s.last_ms = s.first_ms + 29000;
		ck_assert_int_eq(replay_add(r, room, encode(&s, room)), 0);
	}
	ck_assert_int_eq(replay_begin(r), 0);
	while ((e = replay_next(r, &n)) == 1) {
		ck_assert_uint_ge(n->wall_ms, last);
		last = n->wall_ms;
	}
	ck_assert_int_eq(e, 0);
	replay_free(r);
	plan_free(p);
}
END_TEST

/* ---- over restarts, reloads and compactions ---- */

static int emit_record(void *ctx, const uint8_t *data, size_t len)
{
	uint8_t frame[JOURNAL_FRAME_HEAD_LEN + JOURNAL_RECORD_MAX];
	static uint64_t seq;
	struct wbuf b;
	wbuf_init(&b, frame, sizeof frame);
	journal_frame_put(&b, ++seq, data, len);
	bytes_add(ctx, frame, b.len);
	return 0;
}

START_TEST(a_compacted_journal_tells_the_same)
{
	struct story real, again;
	struct bytes short_one;
	bytes_init(&short_one, 1 << 24);
	live();
	story_of_core(&real, w.core);
	ck_assert_int_eq(core_snapshot(w.core, w.now_ms, WORLD_WALL_MS + w.now_ms, emit_record, &short_one), 0);
	story_of_replay(&again, plan_text, short_one.data, short_one.len);
	ck_assert_str_eq(again.text, real.text);
	bytes_deinit(&short_one);
	world_end(&w);
}
END_TEST

START_TEST(a_restart_keeps_what_was_recorded)
{
	struct story before, after;
	live();
	story_of_replay(&before, plan_text, w.journal.data, w.journal.len);
	world_restart(&w, SIZE_MAX);
	struct bytes short_one;
	bytes_init(&short_one, 1 << 24);
	ck_assert_int_eq(core_snapshot(w.core, w.now_ms, WORLD_WALL_MS + w.now_ms, emit_record, &short_one), 0);
	story_of_replay(&after, plan_text, short_one.data, short_one.len);
	ck_assert_str_eq(after.text, before.text);
	/* A time in which we were not there is not filled: the next start's first results are a stretch of their own. */
	w.now_ms += 3600000;
	world_restart(&w, SIZE_MAX);
	world_trace(&w, NULL);
	world_run(&w, 3000);
	ck_assert_uint_ge(lines(world_trace(&w, "record 6")), 3);
	bytes_deinit(&short_one);
	world_end(&w);
}
END_TEST

START_TEST(a_target_that_goes_with_a_reload_leaves_its_record)
{
	struct plan *p = plan_make(plan_text, 0);
	int e;
	world_begin(&w, plan_text);
	world_run(&w, 20000);
	world_plan(&w, "check web\nservice www.example.test web 127.0.0.11\n");
	world_run(&w, 5000);
	world_plan(&w, plan_text); /* the same targets go on */
	world_run(&w, 20000);
	struct replay *r = replay_of(p, w.journal.data, w.journal.len, &e);
	ck_assert_int_eq(e, 0);
	for (uint32_t i = 0; i < p->stream_count; i++)
		ck_assert(replay_knows(r, i));
	ck_assert_uint_eq(replay_strangers(r), 0);
	replay_free(r);
	plan_free(p);
	world_end(&w);
}
END_TEST

/* Far more stretches than are kept. */
START_TEST(the_ring_keeps_the_newest)
{
	struct bytes out;
	world_begin(&w, "check web interval=100 timeout=50 retry=100 fall=3 rise=3\nservice www.example.test web 127.0.0.11 127.0.0.12\n");
	for (int i = 0; i < 12000; i++) {
		world_backend(&w, A, i % 2 ? HEALTH_OK : HEALTH_CONNECT_REFUSED);
		world_backend(&w, B, i % 2 ? HEALTH_CONNECT_RESET : HEALTH_OK);
		world_run(&w, 120);
		w.trace.len = 0;
	}
	bytes_init(&out, 1 << 24);
	ck_assert_int_eq(core_snapshot(w.core, w.now_ms, WORLD_WALL_MS + w.now_ms, emit_record, &out), 0);
	ck_assert_uint_gt(out.len, 20000u * (STRETCH_RECORD_LEN + JOURNAL_FRAME_HEAD_LEN));
	ck_assert_uint_lt(out.len, 21000u * (STRETCH_RECORD_LEN + JOURNAL_FRAME_HEAD_LEN) + 2000000);
	bytes_deinit(&out);
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_record_comes_back, what_cannot_have_been_is_refused, steady_targets_write_a_record_a_minute, a_flood_is_bounded,
		the_same_plan_tells_the_same_story, changes_come_at_the_times_at_which_they_came, another_fall_tells_another_story,
		targets_that_the_record_does_not_know_are_told, a_journal_that_is_cut_anywhere_tells_a_part, ages_without_end_are_refused, time_does_not_go_back,
		a_compacted_journal_tells_the_same, a_restart_keeps_what_was_recorded, a_target_that_goes_with_a_reload_leaves_its_record,
		the_ring_keeps_the_newest,
	};
	TCase *all = tcase_create("all");
	tcase_set_timeout(all, 60);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tcase_add_test(all, tests[i]);
	tcase_add_loop_test(all, any_story_is_told_again, 0, 40);
	return unit_run_case("replay", all);
}
