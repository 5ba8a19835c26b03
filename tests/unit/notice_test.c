/* Notices: their forms, the ring, the journal, and what a hostile journal may do. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/journal.h"
#include "core/notice.h"
#include "lib/core_world.h"

static struct world w;
static const char plan[] = "check web\nservice www.example.test web 127.0.0.11 127.0.0.12\n";

static struct core_notice sample(void)
{
	struct core_notice n = { .number = 7, .wall_ms = 1795228260123, .kind = CORE_NOTICE_VERDICT, .subject = "192.0.2.1:80", .old = "up",
				 .new = "down", .cause = "check", .reason = "HTTP status: got \"503\"", .observer = "ns1" };
	notice_detail_add(&n, "check", "%s", "web");
	notice_detail_add(&n, "took_us", "%u", 350u);
	return n;
}

static void json_of(const struct core_notice *n, char *out, size_t cap)
{
	struct bytes b;
	struct json j;
	bytes_init(&b, 1 << 20);
	json_init(&j, &b, false);
	notice_json(&j, n);
	ck_assert(!b.failed);
	snprintf(out, cap, "%.*s", (int)b.len, (const char *)b.data);
	bytes_deinit(&b);
}

START_TEST(a_line_and_json_are_two_forms_of_one)
{
	struct core_notice n = sample();
	char line[NOTICE_LINE_MAX], json[4096];
	ck_assert_str_eq(notice_line(&n, line), "event=verdict address=192.0.2.1:80 check=web took_us=350 state=down was=up cause=check "
						"reason=\"HTTP status: got '503'\" observer=ns1");
	json_of(&n, json, sizeof json);
	ck_assert_str_eq(json, "{\"number\":7,\"time\":\"2026-11-21T02:31:00.123Z\",\"kind\":\"verdict\",\"subject\":\"192.0.2.1:80\","
			       "\"old\":\"up\",\"new\":\"down\",\"cause\":\"check\",\"reason\":\"HTTP status: got \\\"503\\\"\","
			       "\"observer\":\"ns1\",\"detail\":{\"check\":\"web\",\"took_us\":350}}");
}
END_TEST

START_TEST(what_is_empty_is_null_or_left_out)
{
	struct core_notice n = { .kind = CORE_NOTICE_ALARM, .subject = "ns2", .reason = "twin lost" };
	char line[NOTICE_LINE_MAX], json[4096];
	ck_assert_str_eq(notice_line(&n, line), "event=alarm about=ns2 what=\"twin lost\"");
	json_of(&n, json, sizeof json);
	ck_assert_ptr_nonnull(strstr(json, "\"old\":null,\"new\":null,\"cause\":null,"));
	ck_assert_ptr_nonnull(strstr(json, "\"detail\":{}}"));
}
END_TEST

START_TEST(a_detail_that_does_not_fit_is_left_out_whole)
{
	struct core_notice n = { 0 };
	char before[NOTICE_DETAIL_MAX];
	notice_detail_add(&n, "a", "%0100d", 1);
	snprintf(before, sizeof before, "%s", n.detail);
	notice_detail_add(&n, "b", "%0100d", 1);
	ck_assert_str_eq(n.detail, before);
	notice_detail_add(&n, "c", "x\ny=z"); /* a line end would be a pair of its own */
	ck_assert_ptr_nonnull(strstr(n.detail, "\nc=x?y=z"));
}
END_TEST

static size_t encode(const struct core_notice *n, uint8_t out[NOTICE_RECORD_MAX])
{
	struct wbuf b;
	wbuf_init(&b, out, NOTICE_RECORD_MAX);
	notice_encode(&b, n);
	ck_assert(!b.failed);
	return b.len;
}

static int decode(struct core_notice *n, const uint8_t *data, size_t len)
{
	struct rbuf r;
	rbuf_init(&r, data, len);
	get_u8(&r);
	return notice_decode(n, &r);
}

START_TEST(a_record_comes_back_as_it_was)
{
	struct core_notice n = sample(), back;
	uint8_t record[NOTICE_RECORD_MAX];
	ck_assert_int_eq(decode(&back, record, encode(&n, record)), 0);
	ck_assert_int_eq(memcmp(&n, &back, sizeof n), 0);
	memset(n.subject, 's', sizeof n.subject - 1);
	memset(n.old, 'o', sizeof n.old - 1);
	memset(n.new, 'n', sizeof n.new - 1);
	memset(n.cause, 'c', sizeof n.cause - 1);
	memset(n.reason, 'r', sizeof n.reason - 1);
	memset(n.observer, 'b', sizeof n.observer - 1);
	memset(n.detail, 'd', sizeof n.detail - 1);
	ck_assert_int_eq(decode(&back, record, encode(&n, record)), 0);
	ck_assert_int_eq(memcmp(&n, &back, sizeof n), 0);
}
END_TEST

/* Cut anywhere, any octet another: refused, or something clean. */
START_TEST(a_hostile_record_is_refused_or_clean)
{
	struct core_notice n = sample(), back;
	uint8_t record[NOTICE_RECORD_MAX], bad[NOTICE_RECORD_MAX];
	char line[NOTICE_LINE_MAX], json[8192];
	size_t len = encode(&n, record);
	for (size_t cut = 1; cut < len; cut++)
		ck_assert_int_lt(decode(&back, record, cut), 0);
	for (size_t at = 1; at < len; at++)
		for (unsigned v = 0; v < 256; v += 5) {
			memcpy(bad, record, len);
			bad[at] = (uint8_t)v;
			if (decode(&back, bad, len))
				continue;
			ck_assert_uint_lt(strlen(notice_line(&back, line)), NOTICE_LINE_MAX);
			ck_assert_uint_eq(strcspn(line, "\n\x1b"), strlen(line));
			json_of(&back, json, sizeof json);
		}
}
END_TEST

/* ---- the history ---- */

static struct core_notice nth(size_t i)
{
	struct core_notice n;
	core_notice_get(w.core, i, &n);
	return n;
}

static struct core_notice newest(enum core_notice_kind k)
{
	for (size_t i = core_notices(w.core); i-- > 0;)
		if (nth(i).kind == k)
			return nth(i);
	ck_abort_msg("no such notice");
	return (struct core_notice){ 0 };
}

static void flip(enum health_reason r)
{
	world_backend(&w, "127.0.0.11", r);
	world_run(&w, 20000);
}

START_TEST(a_flip_tells_old_new_cause_and_reason)
{
	world_begin(&w, plan);
	world_run(&w, 5000);
	flip(HEALTH_CONNECT_REFUSED);
	struct core_notice v = newest(CORE_NOTICE_VERDICT), a = newest(CORE_NOTICE_ANSWER);
	ck_assert_str_eq(v.subject, "127.0.0.11");
	ck_assert_str_eq(v.old, "up");
	ck_assert_str_eq(v.new, "down");
	ck_assert_str_eq(v.cause, "check");
	ck_assert_str_eq(v.reason, "connect refused");
	ck_assert_str_ne(v.observer, "");
	ck_assert_uint_gt(v.wall_ms, WORLD_WALL_MS);
	ck_assert_str_eq(a.subject, "www.example.test");
	ck_assert_str_eq(a.old, "127.0.0.11 127.0.0.12");
	ck_assert_str_eq(a.new, "127.0.0.12");
	ck_assert_str_eq(a.reason, "127.0.0.11 down: connect refused");
	ck_assert_uint_gt(a.number, v.number);
	world_end(&w);
}
END_TEST

START_TEST(an_override_tells_who_and_why_and_its_end)
{
	world_begin(&w, plan);
	world_run(&w, 5000);
	world_command(&w, "down 127.0.0.11");
	struct core_notice o = newest(CORE_NOTICE_OVERRIDE);
	ck_assert_str_eq(o.old, "auto");
	ck_assert_str_eq(o.new, "down");
	ck_assert_str_eq(o.cause, "operator");
	ck_assert_str_eq(o.reason, "because");
	ck_assert_str_eq(newest(CORE_NOTICE_ANSWER).cause, "override");
	ck_assert_str_eq(newest(CORE_NOTICE_ANSWER).reason, "127.0.0.11 down by alice: because");
	size_t before = core_notices(w.core);
	world_restart(&w, SIZE_MAX); /* it is found again, which is no news */
	ck_assert_uint_eq(core_notices(w.core), before + 1);
	ck_assert_int_eq(nth(before).kind, CORE_NOTICE_NODE);
	ck_assert_str_eq(nth(before).new, "started");
	world_command(&w, "auto 127.0.0.11");
	ck_assert_str_eq(newest(CORE_NOTICE_OVERRIDE).old, "down");
	ck_assert_str_eq(newest(CORE_NOTICE_OVERRIDE).new, "auto");
	world_end(&w);
}
END_TEST

START_TEST(a_reload_tells_of_answers_that_it_changed)
{
	world_begin(&w, plan);
	world_run(&w, 5000);
	world_plan(&w, "check web\nservice www.example.test web 127.0.0.12\n");
	struct core_notice a = newest(CORE_NOTICE_ANSWER);
	ck_assert_str_eq(a.cause, "reload");
	ck_assert_str_eq(a.old, "127.0.0.11 127.0.0.12");
	ck_assert_str_eq(a.new, "127.0.0.12");
	uint64_t number = a.number;
	world_plan(&w, "check web\nservice www.example.test web 127.0.0.12\n");
	ck_assert_uint_eq(newest(CORE_NOTICE_ANSWER).number, number);
	world_end(&w);
}
END_TEST

static int to_journal(void *ctx, const uint8_t *data, size_t len)
{
	return core_recover(ctx, data, len, w.now_ms, WORLD_WALL_MS + w.now_ms);
}

START_TEST(the_newest_are_kept_and_come_back)
{
	world_begin(&w, plan);
	for (int i = 0; i < 400; i++)
		flip(i % 2 ? HEALTH_OK : HEALTH_CONNECT_REFUSED); /* two notices each, and one at least more from answers */
	size_t count = core_notices(w.core);
	ck_assert_uint_gt(count, 700);
	for (int i = 0; i < 200; i++)
		flip(i % 2 ? HEALTH_OK : HEALTH_CONNECT_REFUSED);
	ck_assert_uint_eq(core_notices(w.core), 1000);
	for (size_t i = 1; i < 1000; i++)
		ck_assert_uint_eq(nth(i).number, nth(i - 1).number + 1);
	struct core_notice last = nth(999), first = nth(0);
	world_restart(&w, SIZE_MAX);
	ck_assert_uint_eq(core_notices(w.core), 1000);
	ck_assert_uint_eq(nth(0).number, first.number + 1); /* the start is told too */
	ck_assert_uint_eq(nth(998).number, last.number);
	ck_assert_str_eq(nth(999).new, "started");
	/* a snapshot holds them all, and what stands twice is taken once */
	ck_assert_int_eq(core_snapshot(w.core, w.now_ms, WORLD_WALL_MS + w.now_ms, to_journal, w.core), 0);
	ck_assert_uint_eq(core_notices(w.core), 1000);
	ck_assert_uint_eq(nth(998).number, last.number);
	world_end(&w);
}
END_TEST

START_TEST(a_flood_does_not_fill_the_disk)
{
	world_begin(&w, plan);
	world_run(&w, 5000);
	size_t before = w.journal.len;
	for (int i = 0; i < 3000; i++)
		world_command(&w, i % 2 ? "down 127.0.0.11" : "auto 127.0.0.11"); /* no time passes */
	ck_assert_uint_eq(core_notices(w.core), 1000);
	/* an override's record, sync, each; of notices only as many as the bucket holds */
	ck_assert_uint_lt(w.journal.len - before, 3000 * 120 + 1000 * 400);
	world_end(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notice");
	TCase *t = tcase_create("notice");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_line_and_json_are_two_forms_of_one);
	tcase_add_test(t, what_is_empty_is_null_or_left_out);
	tcase_add_test(t, a_detail_that_does_not_fit_is_left_out_whole);
	tcase_add_test(t, a_record_comes_back_as_it_was);
	tcase_add_test(t, a_hostile_record_is_refused_or_clean);
	tcase_add_test(t, a_flip_tells_old_new_cause_and_reason);
	tcase_add_test(t, an_override_tells_who_and_why_and_its_end);
	tcase_add_test(t, a_reload_tells_of_answers_that_it_changed);
	tcase_add_test(t, the_newest_are_kept_and_come_back);
	tcase_add_test(t, a_flood_does_not_fill_the_disk);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
